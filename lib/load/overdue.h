/**
 * How many messages are overdue: not echoed within the time after which they are late, counted when
 * that time has passed. The books know that a message is lost only when its place is wanted; this
 * knows in time, for all clients together, how many there are, and not which.
 *
 * Messages are counted by the span of time in which they were meant to be sent; a span is closed
 * when all of it is late. One thread. No clock, no allocation.
 */
#ifndef LOAD_OVERDUE_H
#define LOAD_OVERDUE_H

#include <stdint.h>

/** Of the time within which an echo is in time there are so many spans at least, and fewer than
 * twice as many, as they are powers of two. */
#define LOAD_SPANS_IN_TIME 32
#define LOAD_SPANS (4 * LOAD_SPANS_IN_TIME)

struct load_overdue {
    uint64_t late_after_ns;
    unsigned span_bits;           /* a span is so many bits of nanoseconds */
    uint64_t oldest;              /* the first span that is open */
    uint64_t waiting[LOAD_SPANS]; /* of each, by its number: messages sent and not echoed in time */
};

/** late_after_ns: at least LOAD_SPANS_IN_TIME. */
void load_overdue_init(struct load_overdue *overdue, uint64_t late_after_ns);
/** return how many have become overdue since it was called last. Before what follows, each time. */
uint64_t load_overdue_advance(struct load_overdue *overdue, uint64_t now_ns);
/** return how many are overdue, as no echo is waited for any more. */
uint64_t load_overdue_close(struct load_overdue *overdue);

static inline uint64_t *load_overdue_span(struct load_overdue *overdue, uint64_t intended_ns)
{
    const uint64_t span = intended_ns >> overdue->span_bits;
    return &overdue->waiting[(span > overdue->oldest ? span : overdue->oldest) % LOAD_SPANS];
}
/** A message is sent, which was meant to be then: now or before. One that is so old that its echo
 * can't be in time is overdue with the oldest that are not. */
static inline void load_overdue_send(struct load_overdue *overdue, uint64_t intended_ns)
{
    ++*load_overdue_span(overdue, intended_ns);
}
/** One was echoed in time. */
static inline void load_overdue_echo(struct load_overdue *overdue, uint64_t intended_ns)
{
    --*load_overdue_span(overdue, intended_ns);
}

#endif
