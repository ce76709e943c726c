/**
 * When messages are meant to be sent: at a constant rate, or as a Poisson process (RFC 2330
 * 11.1.1). Open loop: what is not taken in time stays due, with the time that it was meant for;
 * nothing is skipped. Times do not drift: at a constant rate the k-th arrival is at
 * start + floor(k * 10^9 / rate) however large k is, and a change of the rate keeps the fraction.
 *
 * One thread. No clock, no allocation.
 */
#ifndef LOAD_ARRIVALS_H
#define LOAD_ARRIVALS_H

#include <assert.h>

#include "random.h"

/** Rates are in thousandths of an arrival a second: this is one a nanosecond. */
#define LOAD_RATE_MAX_MILLI 1000000000000ULL

enum load_arrivals_kind { LOAD_ARRIVALS_CONSTANT, LOAD_ARRIVALS_POISSON };

/**
 * A gap is so many parts (10^-12) of an arrival, 10^12 or a draw around that: one part of it
 * passes in a nanosecond for each thousandth of the rate. So all is whole numbers.
 */
struct load_arrivals {
    uint64_t next_ns;            /* the next arrival; UINT64_MAX: none while the rate is 0 */
    uint64_t rest;               /* its parts beyond next_ns, < rate_milli */
    uint64_t rate_milli;         /* now */
    uint64_t step_ns, step_rest; /* a gap of 10^12 parts at this rate */
    uint64_t paused_parts;       /* left of the gap, while the rate is 0 */
    uint64_t change_ns;          /* from when on the rate is another; UINT64_MAX: not known to be */
    uint64_t change_milli;
    enum load_arrivals_kind kind;
    struct load_random random;
};

/** At rest: the rate is 0. Arrivals of one seed are the same in every run. */
void load_arrivals_init(struct load_arrivals *arrivals, enum load_arrivals_kind kind,
                        uint64_t seed);

/**
 * The rate from at_ns on, 0..LOAD_RATE_MAX_MILLI. What was to come before at_ns is not touched,
 * also if it is not taken yet; the gap that at_ns falls in is stretched or shrunk from there on. At
 * a constant rate the first arrival of all is at at_ns itself.
 *
 * at_ns  not before an arrival that was taken, or an earlier change. While such a change still has
 *        arrivals before it to be taken, this one takes its place: then the rate holds from there.
 */
void load_set_rate(struct load_arrivals *arrivals, uint64_t at_ns, uint64_t rate_milli);

/** Moves on by one gap, and over a change of the rate within it. */
void load_advance_arrivals(struct load_arrivals *arrivals);

/** When the next arrival is meant to be, UINT64_MAX when none is. */
static inline uint64_t load_next_arrival_ns(const struct load_arrivals *arrivals)
{
    return arrivals->next_ns;
}

/** How many are due and not taken: at a constant rate exactly, else what is to be expected. */
uint64_t load_count_due(const struct load_arrivals *arrivals, uint64_t now_ns);

/** Takes the oldest arrival that is due: false when there is none. */
static inline bool SL_MUST_USE load_take_arrival(struct load_arrivals *arrivals, uint64_t now_ns,
                                                 uint64_t *intended_ns)
{
    if (arrivals->next_ns > now_ns)
        return false;
    *intended_ns = arrivals->next_ns;
    load_advance_arrivals(arrivals);
    return true;
}

#endif
