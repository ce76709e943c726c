/* Frames, all of them allocated at creation: a descriptor, headroom and room for a payload each. */
#include <errno.h>
#include <stdlib.h>

#include "sockets_priv.h"

#define DESCRIPTOR_LEN sl_arena_cost(sizeof(struct sl_frame))

static size_t slot_len(const struct sl_sockets *sockets)
{
    return DESCRIPTOR_LEN + SL_SOCKETS_HEADROOM + sl_arena_cost(sockets->config.frame_room);
}

int sockets_pool_create(struct sl_sockets *sockets)
{
    const unsigned count = sockets->config.frame_count;
    const size_t len = slot_len(sockets);
    sockets->free = calloc(count, sizeof sockets->free[0]);
    sockets->slots = aligned_alloc(SL_CACHE_LINE, count * len);
    if (sockets->free == NULL || sockets->slots == NULL)
        return -ENOMEM;
    memset(sockets->slots, 0, count * len); /* the pages are there before the first packet */
    for (unsigned i = 0; i < count; i++)    /* the first is taken first */
        sockets->free[i] = (struct sl_frame *)(void *)(sockets->slots + (count - 1 - i) * len);
    sockets->free_count = count;
    return 0;
}

void sockets_pool_destroy(struct sl_sockets *sockets)
{
    free(sockets->slots);
    free(sockets->free);
}

struct sl_frame *sockets_take_frame(struct sl_sockets *sockets)
{
    struct sl_frame *frame = sockets->free[--sockets->free_count];
    *frame = (struct sl_frame){
        .data = (uint8_t *)frame + DESCRIPTOR_LEN + SL_SOCKETS_HEADROOM,
        .headroom = SL_SOCKETS_HEADROOM,
        .tailroom = (uint16_t)sockets->config.frame_room,
        .segs = 1,
        .path.hop.vlan_id = SL_VLAN_NONE,
        .handle = sockets,
    };
    return frame;
}

void sockets_free_frame(struct sl_sockets *sockets, struct sl_frame *frame)
{
    assert(frame->handle == sockets && sockets->free_count < sockets->config.frame_count);
    sockets->free[sockets->free_count++] = frame;
}

unsigned sl_sockets_take(struct sl_sockets *sockets, struct sl_frame **frames, unsigned n)
{
    n = n < sockets->free_count ? n : sockets->free_count;
    for (unsigned i = 0; i < n; i++)
        frames[i] = sockets_take_frame(sockets);
    return n;
}

void sl_sockets_free(struct sl_sockets *sockets, struct sl_frame **frames, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        sockets_free_frame(sockets, frames[i]);
}

unsigned sl_sockets_free_count(const struct sl_sockets *sockets)
{
    return sockets->free_count;
}
