/** What the measuring programs share: options, time, a core of their own, memory, results. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_options {
    unsigned rounds; /* --rounds N: values for each key; an odd number by default */
    bool is_quick;   /* --quick: fewer cases and, here, rounds */
};

/** Reads the options (exits with a usage text) and pins the calling thread to the last core, with
 * the highest priority of an ordinary thread where that is allowed. */
struct bench_options bench_begin(int argc, char **argv);
/** Pins the calling thread to the core-th core that this process may use, counted from the end. */
void bench_pin(unsigned core);
/** How many cores this process may use. */
unsigned bench_core_count(void);

/** Monotonic time. */
uint64_t bench_now_ns(void);

/* What one span measures: so few items that it is short against a scheduler's slice. */
#define BENCH_SPAN_ITEMS 512
/** Where a span that begins with item `from` of a pass is to end. */
static inline unsigned bench_span_goal(unsigned from)
{
    return (from / BENCH_SPAN_ITEMS + 1) * BENCH_SPAN_ITEMS;
}

/** A stretch of time that is measured; whether the thread kept its core is watched. */
struct bench_span {
    uint64_t begin_ns;
    uint64_t stop_ns; /* 0: runs until its end */
    long switches;
    bool is_disturbed; /* set by who measures: a second thread that took part lost its core */
};
/** The spans of a pass that count. */
struct bench_sum {
    uint64_t ns;
    uint64_t items;
};
struct bench_span bench_span_begin(void);
/** Stops its clock before its end, so that what a second thread says of its part is waited for
 * untimed. */
void bench_span_stop(struct bench_span *span);
/** How often the scheduler has taken the core away from the calling thread: for a second thread to
 * compare, from before a span begins until its part is done. */
long bench_involuntary_switches(void);
/**
 * return nanoseconds since it began; 0 when the span is to be left out, as what others did says
 * nothing of the code measured: the first of a pass, for which the caches are not yet warm, one in
 * which the scheduler took the core away, and the one after it. The program's results say how many
 * were left out for others' sake.
 */
uint64_t bench_span_end(const struct bench_span *span);
/** Ends a span that measured so many items, and adds it unless it is left out. */
void bench_span_add(const struct bench_span *span, uint64_t items, struct bench_sum *sum);
/** Nanoseconds for an item. */
double bench_sum_ns(const struct bench_sum *sum);

/**
 * Runs a pass of spans, and again while all of them had to be left out. A few times at most: then
 * one counts as it is, by the thread's own processor time, and the round is counted as disturbed.
 *
 * pass  begins from nothing each time. return whether any of its spans counts.
 */
void bench_measure(bool (*pass)(void *arg), void *arg);

/** The next of a sequence that is the same in each run. */
uint32_t bench_random(void);

/** Zeroed memory on huge pages where the kernel gives them; exits when there is none. */
void *bench_alloc(size_t len);

/** Pushes what is in the caches out of them, so that the next pass finds its sessions cold. */
void bench_evict_caches(void);

/** One round's value for a key; the key is a printf format. */
void bench_result(double value, const char *key, ...) __attribute__((format(printf, 2, 3)));

#endif
