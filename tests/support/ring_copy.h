/** Entries of a consumer's send ring, for tests that give the ring's room back at once. */
#ifndef RING_COPY_H
#define RING_COPY_H

extern "C" {
#include "sl_ring.h"
}

#include <vector>

namespace test
{

struct CopiedEntry {
    uint8_t kind = SL_RING_PAD;
    uint64_t session = 0;
    std::vector<uint8_t> payload;
};

/** return as sl_ring_take; entry: filled when that is 1. */
inline int copy_next(sl_ring_consumer *c, CopiedEntry *entry)
{
    sl_ring_taken taken;
    int result = sl_ring_take(c, &taken);
    if (result == 1)
        *entry = {taken.kind, taken.session, {taken.payload, taken.payload + taken.payload_len}};
    sl_ring_release(c);
    return result;
}

} // namespace test

#endif
