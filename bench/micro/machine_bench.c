/**
 * What this machine does to a measurement: how long a word takes from one core to another and back,
 * and how often the scheduler or the hypervisor takes a busy core away for more than 10 us.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "bench.h"

#define BOUNCES 20000
/* Bounces of one value: few enough that most values see no core taken away in between. */
#define BOUNCES_A_VALUE 200
#define GAP_NS 10000
#define GAP_WATCH_NS 200000000ULL

static _Atomic uint64_t ball __attribute__((aligned(128)));

/** Answers every odd value with the next even one. */
static void *answer(void *arg)
{
    (void)arg;
    bench_pin(1);
    for (uint64_t expected = 1; expected < 2 * BOUNCES; expected += 2) {
        while (atomic_load_explicit(&ball, memory_order_acquire) != expected)
            __builtin_ia32_pause();
        atomic_store_explicit(&ball, expected + 1, memory_order_release);
    }
    return NULL;
}

static void measure_core_to_core(void)
{
    pthread_t other;
    atomic_store(&ball, 0);
    if (pthread_create(&other, NULL, answer, NULL) != 0)
        return;
    uint64_t begin = bench_now_ns();
    for (uint64_t value = 1; value < 2 * BOUNCES; value += 2) {
        atomic_store_explicit(&ball, value, memory_order_release);
        while (atomic_load_explicit(&ball, memory_order_acquire) != value + 1)
            __builtin_ia32_pause();
        if ((value + 1) % (2 * BOUNCES_A_VALUE) == 0) {
            uint64_t end = bench_now_ns();
            bench_result((double)(end - begin) / (2.0 * BOUNCES_A_VALUE),
                         "machine.core_to_core.ns");
            begin = bench_now_ns();
        }
    }
    pthread_join(other, NULL);
}

static void measure_gaps(void)
{
    uint64_t gaps = 0, longest = 0, begin = bench_now_ns(), last = begin;
    while (last - begin < GAP_WATCH_NS) {
        uint64_t now = bench_now_ns(), gap = now - last;
        gaps += gap > GAP_NS;
        longest = gap > longest ? gap : longest;
        last = now;
    }
    double seconds = (double)(last - begin) / 1e9;
    bench_result((double)gaps / seconds, "machine.gaps_over_10us.per_s");
    bench_result((double)longest / 1000.0, "machine.longest_gap.us");
}

int main(int argc, char **argv)
{
    struct bench_options options = bench_begin(argc, argv);
    unsigned rounds = options.rounds < 5 ? options.rounds : 5;
    for (unsigned round = 0; round < rounds; round++) {
        if (bench_core_count() > 1)
            measure_core_to_core();
        measure_gaps();
    }
    return 0;
}
