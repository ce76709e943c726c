#include "bench.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#define HUGE_PAGE_LEN (2UL << 20)
#define TRIES 5
#define EVICT_LEN (96UL << 20) /* some times a last-level cache slice */

static cpu_set_t allowed;
static bool takes_all; /* the last try: disturbed spans count, by the thread's own time */
static bool is_first, is_cold;
static unsigned long span_count, disturbed_spans, disturbed_rounds;

unsigned bench_core_count(void)
{
    return (unsigned)CPU_COUNT(&allowed);
}

void bench_pin(unsigned core)
{
    unsigned seen = 0;
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--) {
        if (!CPU_ISSET((size_t)cpu, &allowed) || seen++ != core)
            continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET((size_t)cpu, &one);
        sched_setaffinity(0, sizeof one, &one);
        return;
    }
}

static void report_spans(void)
{
    bench_result((double)span_count, "machine.spans");
    bench_result((double)disturbed_spans, "machine.disturbed_spans");
    bench_result((double)disturbed_rounds, "machine.disturbed_rounds");
}

struct bench_options bench_begin(int argc, char **argv)
{
    struct bench_options options = {.rounds = 0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) {
            options.is_quick = true;
        } else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) {
            options.rounds = (unsigned)strtoul(argv[++i], NULL, 10);
        } else {
            fprintf(stderr, "usage: %s [--quick] [--rounds N]\n", argv[0]);
            exit(2);
        }
    }
    if (options.rounds == 0)
        options.rounds = options.is_quick ? 15 : 31;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        perror("sched_getaffinity");
        exit(1);
    }
    bench_pin(0);
    setpriority(PRIO_PROCESS, 0, -20); /* where it may: others then come in between less often */
    atexit(report_spans);
    return options;
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

uint64_t bench_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

/** Reading the thread's own time is a system call, which the short spans should not hold. */
static uint64_t span_clock_ns(void)
{
    return clock_ns(takes_all ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC);
}

long bench_involuntary_switches(void)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nivcsw;
}

struct bench_span bench_span_begin(void)
{
    long switches = bench_involuntary_switches();
    return (struct bench_span){.begin_ns = span_clock_ns(), .switches = switches};
}

void bench_span_stop(struct bench_span *span)
{
    span->stop_ns = span_clock_ns();
}

uint64_t bench_span_end(const struct bench_span *span)
{
    uint64_t ns = (span->stop_ns != 0 ? span->stop_ns : span_clock_ns()) - span->begin_ns;
    bool is_disturbed = span->is_disturbed || bench_involuntary_switches() != span->switches;
    bool counts = takes_all || !(is_disturbed || is_cold || is_first);
    span_count += !is_first;
    disturbed_spans += !is_first && (is_disturbed || is_cold);
    is_cold = is_disturbed;
    is_first = false;
    return counts ? ns : 0;
}

void bench_span_add(const struct bench_span *span, uint64_t items, struct bench_sum *sum)
{
    uint64_t ns = bench_span_end(span);
    sum->ns += ns;
    sum->items += ns != 0 ? items : 0;
}

double bench_sum_ns(const struct bench_sum *sum)
{
    return (double)sum->ns / (double)sum->items;
}

void bench_measure(bool (*pass)(void *arg), void *arg)
{
    bool is_measured = false;
    for (unsigned tries = 0; tries < TRIES && !is_measured; tries++) {
        sched_yield(); /* whoever waits for this core has it now, and not in the middle */
        is_cold = false;
        is_first = true;
        is_measured = pass(arg);
    }
    if (is_measured)
        return;
    disturbed_rounds++;
    takes_all = true;
    pass(arg);
    takes_all = false;
}

uint32_t bench_random(void)
{
    static uint64_t state = 88172645463325252ULL; /* xorshift, Marsaglia 2003 */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 20);
}

void *bench_alloc(size_t len)
{
    len = (len + HUGE_PAGE_LEN - 1) & ~(HUGE_PAGE_LEN - 1);
    void *memory = aligned_alloc(HUGE_PAGE_LEN, len);
    if (memory == NULL) {
        perror("memory");
        exit(1);
    }
    madvise(memory, len, MADV_HUGEPAGE);
    memset(memory, 0, len);
    return memory;
}

void bench_evict_caches(void)
{
    static volatile uint8_t *other;
    if (other == NULL)
        other = bench_alloc(EVICT_LEN);
    for (size_t at = 0; at < EVICT_LEN; at += 64)
        other[at]++;
}

void bench_result(double value, const char *key, ...)
{
    va_list arguments;
    va_start(arguments, key);
    vprintf(key, arguments);
    va_end(arguments);
    printf(" %.3f\n", value);
}
