/**
 * A log-linear histogram of durations: each octave has 64 cells of equal width, so a value that is
 * reported from a cell's middle is off by at most 1/128 (0.8 %), from 128 ns to 137 s; what is
 * shorter stands in cells of one nanosecond, what is longer in the last one. After Tene's
 * HdrHistogram.
 *
 * A zeroed histogram is an empty one. One thread records; any other may take a snapshot at any
 * time. All else is for histograms that nobody writes meanwhile. No allocation.
 */
#ifndef SL_HISTOGRAM_H
#define SL_HISTOGRAM_H

#include "sl_telemetry.h"

#define SL_HISTOGRAM_OCTAVE_BITS 6 /* 64 cells an octave */
/** The last cell counts all that is not below this. */
#define SL_HISTOGRAM_TOP_NS (1ULL << 37)
#define SL_HISTOGRAM_CELLS 2049

struct sl_histogram {
    uint64_t sum_ns;     /* stays at UINT64_MAX, 584 years, if it gets there */
    uint64_t max_ns;     /* exact; 0: nothing recorded */
    uint64_t min_inv_ns; /* the exact minimum, inverted: so it only ever grows, from 0 */
    uint64_t cells[SL_HISTOGRAM_CELLS];
};
static_assert(sizeof(struct sl_histogram) <= 32 * 1024, "one for each interval is cheap to keep");

/** The cell that counts a value. */
static inline unsigned sl_histogram_cell_of(uint64_t ns)
{
    const unsigned shift = 63 - SL_HISTOGRAM_OCTAVE_BITS -
                           (unsigned)__builtin_clzll(ns | 1ULL << SL_HISTOGRAM_OCTAVE_BITS);
    const uint64_t cell = ((uint64_t)shift << SL_HISTOGRAM_OCTAVE_BITS) + (ns >> shift);
    return cell < SL_HISTOGRAM_CELLS - 1 ? (unsigned)cell : SL_HISTOGRAM_CELLS - 1;
}

/** Counts one value. */
static inline void sl_histogram_record(struct sl_histogram *h, uint64_t ns)
{
    const uint64_t sum_ns = h->sum_ns + ns;
    __atomic_store_n(&h->sum_ns, sum_ns >= ns ? sum_ns : UINT64_MAX, __ATOMIC_RELAXED);
    if (ns > h->max_ns)
        __atomic_store_n(&h->max_ns, ns, __ATOMIC_RELAXED);
    if (~ns > h->min_inv_ns)
        __atomic_store_n(&h->min_inv_ns, ~ns, __ATOMIC_RELAXED);
    /* Pairs with the acquire in sl_histogram_snapshot: what a cell counts lies within min and max.
     */
    uint64_t *cell = &h->cells[sl_histogram_cell_of(ns)];
    __atomic_store_n(cell, *cell + 1, __ATOMIC_RELEASE);
}

/**
 * A copy of `from`, which may be written meanwhile: each cell read once, min and max around all of
 * them. What is recorded in this moment may be in the sum and not yet in its cell, or not in the
 * sum.
 */
void sl_histogram_snapshot(struct sl_histogram *out, const struct sl_histogram *from);

/** Adds what the other has counted; min, max and sum stay exact. */
void sl_histogram_merge(struct sl_histogram *into, const struct sl_histogram *add);

/**
 * Takes off what an earlier snapshot of the same histogram had counted: what is left is the
 * interval's. Its cells and sum are exact. So is a min or max that the interval brought; any other
 * is known as its cell is, to 1/128, one in the last cell as the maximum.
 */
void sl_histogram_subtract(struct sl_histogram *from, const struct sl_histogram *earlier);

/** How many values; their exact mean; the exact extremes. All 0 when there are none. */
uint64_t sl_histogram_count(const struct sl_histogram *h);
double sl_histogram_mean_ns(const struct sl_histogram *h);
uint64_t sl_histogram_min_ns(const struct sl_histogram *h);
static inline uint64_t sl_histogram_max_ns(const struct sl_histogram *h)
{
    return h->max_ns;
}

/**
 * The smallest value that at least the share q of all values does not exceed (nearest rank), to
 * 1/128, where it is in the last cell the maximum; 0 when there are none.
 * q      0..1: 0 is the minimum, 1 the maximum, both exact.
 */
uint64_t sl_histogram_quantile_ns(const struct sl_histogram *h, double q);

/** One cell: `count` values v of lower_ns <= v < upper_ns. */
struct sl_histogram_cell {
    uint64_t lower_ns;
    uint64_t upper_ns; /* of the last cell UINT64_MAX, itself included */
    uint64_t count;
};

/**
 * The cells that have counted something, upwards, for plots.
 * at     in and out: 0 before the first call.
 * return false when there is none left; then cell is untouched.
 */
bool sl_histogram_next_cell(const struct sl_histogram *h, unsigned *at,
                            struct sl_histogram_cell *cell);

#endif
