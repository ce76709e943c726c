/** What the measuring programs share: options, time, a core of their own, memory, results. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_options {
    unsigned rounds; /* --rounds N: values for each key; an odd number by default */
    bool is_quick;   /* --quick: fewer cases and rounds */
};

/** Reads the options (exits with a usage text) and pins the calling thread to the last core. */
struct bench_options bench_begin(int argc, char **argv);
/** Pins the calling thread to the core-th core that this process may use, counted from the end. */
void bench_pin(unsigned core);
/** How many cores this process may use. */
unsigned bench_core_count(void);

/** Monotonic time. */
uint64_t bench_now_ns(void);

/** A stretch of time that is measured; whether the thread kept its core is watched. */
struct bench_span {
    uint64_t begin_ns;
    long switches;
};
struct bench_span bench_span_begin(void);
/** return nanoseconds since it began. */
uint64_t bench_span_end(const struct bench_span *span);

/**
 * Runs a measurement again, a few times at most, while the scheduler took the core away within one
 * of its spans: what others did meanwhile says nothing of the code measured.
 */
void bench_measure(void (*measure)(void *arg), void *arg);

/** Zeroed memory on huge pages where the kernel gives them; exits when there is none. */
void *bench_alloc(size_t len);

/** Pushes what is in the caches out of them, so that the next pass finds its sessions cold. */
void bench_evict_caches(void);

/** One round's value for a key; the key is a printf format. */
void bench_result(double value, const char *key, ...) __attribute__((format(printf, 2, 3)));

#endif
