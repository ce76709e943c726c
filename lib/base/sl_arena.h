/**
 * An arena: memory handed out once, front to back, at start-up, and never returned piecewise.
 * The region is the caller's (huge pages, a mapping, the heap) and must outlive all that was taken.
 */
#ifndef SL_ARENA_H
#define SL_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define SL_CACHE_LINE 64

struct sl_arena {
    uint8_t *at;
    uint8_t *end;
};

/** region [len] becomes the arena; it must be zeroed, and aligned to a cache line. */
void sl_arena_init(struct sl_arena *arena, void *region, size_t len);

/** len bytes, zeroed, aligned to a cache line; NULL when the arena has not that much left. */
void *sl_arena_take(struct sl_arena *arena, size_t len);

/** What sl_arena_take(len) uses up: len rounded up to cache lines. */
static inline size_t sl_arena_cost(size_t len)
{
    return (len + SL_CACHE_LINE - 1) & ~(size_t)(SL_CACHE_LINE - 1);
}

#endif
