#include "sl_arena.h"

void sl_arena_init(struct sl_arena *arena, void *region, size_t len)
{
    arena->at = region;
    arena->end = (uint8_t *)region + len;
}

void *sl_arena_take(struct sl_arena *arena, size_t len)
{
    size_t cost = sl_arena_cost(len);
    if (cost < len || cost > (size_t)(arena->end - arena->at))
        return NULL;
    void *taken = arena->at;
    arena->at += cost;
    return taken;
}
