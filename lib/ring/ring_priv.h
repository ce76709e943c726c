/** What the two sides of a ring share. */
#ifndef SL_RING_PRIV_H
#define SL_RING_PRIV_H

#include "sl_ring.h"

/** Room that an entry of header and payload takes. 64 bits: payload_len may be anything. */
static inline uint64_t ring_room_of(uint64_t len)
{
    return (len + SL_RING_ALIGN - 1) & ~(uint64_t)(SL_RING_ALIGN - 1);
}

/** From this index to the end of the data area. size is a power of two. */
static inline uint64_t ring_rest(uint64_t index, uint64_t size)
{
    return size - (index & (size - 1));
}

#endif
