/**
 * What several handshake threads hold at once, and none may change: who gives the last share back
 * frees it. The first share is its maker's. Any thread that has one may give and take.
 */
#ifndef SHARES_H
#define SHARES_H

#include <stdatomic.h>
#include <stdbool.h>

struct shares {
    atomic_uint count;
};

static inline void shares_init(struct shares *shares)
{
    atomic_init(&shares->count, 1);
}

static inline void shares_take(struct shares *shares)
{
    atomic_fetch_add_explicit(&shares->count, 1, memory_order_relaxed);
}

/** return whether it was the last. What others have read of it then comes before its end. */
static inline bool shares_give_back(struct shares *shares)
{
    return atomic_fetch_sub_explicit(&shares->count, 1, memory_order_acq_rel) == 1;
}

#endif
