/**
 * What floods do to good traffic, and what an answer to a stranger costs. One worker with 1,000
 * sessions, the gateway's own loop, a DPDK port of rings in memory, and a receive queue of as many
 * packets as a card's (flood.h). Good messages, of 64 bytes and to the consumer only, come at a
 * constant rate that takes 8 % of what the worker can do; bad packets come between them, 1, 5 and
 * 10 times as many.
 *
 *   flood.KIND.good_ratio      good messages delivered, of those delivered in the same time without
 *                              the flood; the least of the three
 *   flood.KIND.busy_percent    of the worker's time at 10 times, in turns that received anything.
 *                              Bursts grow as packets wait, and are cheaper then: only 100 is
 *                              overload. Of ClientHellos as many are answered as there is time for
 *   flood.KIND.ns              what a bad packet costs when nothing else comes, in full bursts
 *   flood.KIND.sessions_lost   of those established before, all rounds together: a message each
 *                              way has to arrive
 *   flood.KIND.bytes_per_byte  sent to strangers for each that came from them, frames with headers;
 *                              the most of the three
 *   flood.memory_growth_kib    of the process, in all floods but the first round's
 *   flood.gaps                 turns of a round in which the machine did something else; charged as
 *                              the others
 *   flood.good.ns              what a good message costs when nothing else comes, in full bursts
 *   cookie.per_second          ClientHellos answered when nothing else comes, one in four of them
 *                              with an invented cookie; from the port to the port
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <x86intrin.h>

#include "bench.h"
#include "flood.h"

#define SESSIONS 1000
#define GOOD_SHARE 0.08
/** A queue that is no longer: bursts are full, and their buffers stay in the near caches. */
#define SHORT_QUEUE (2 * SL_BURST)
/** One that is never full enough for the worker to see that more waits. */
#define QUEUE_WITHOUT_CROWD (SL_BURST - 1)
/** Ticks between packets that are more than any worker can do. */
#define OVERLOAD_GAP 20

static const double bad_per_good[] = {1, 5, 10};
#define RATES (sizeof bad_per_good / sizeof bad_per_good[0])

struct bench {
    struct flood *flood;
    double ns_per_tick;
    uint64_t ticks; /* that a figure is measured for */
    struct flood_traffic good;
    uint64_t delivered; /* without a flood */
    uint32_t lost[FLOOD_KINDS];
    uint64_t gaps; /* of the round */
    bool is_warm;
};

static void result(const struct bench *bench, enum flood_kind kind, const char *what, double value)
{
    if (bench->is_warm)
        bench_result(value, "flood.%s.%s", flood_name(kind), what);
}

/** A tenth of the time first, in which the queue comes to be as it stays. */
static struct flood_outcome run(struct bench *bench, const struct flood_traffic *traffic)
{
    flood_run(bench->flood, traffic, bench->ticks / 10);
    const struct flood_outcome outcome = flood_run(bench->flood, traffic, bench->ticks);
    bench->gaps += outcome.gaps;
    return outcome;
}

static double measure_tick_ns(void)
{
    const uint64_t begin_ns = bench_now_ns(), begin = __rdtsc();
    while (bench_now_ns() - begin_ns < 20000000)
        continue;
    return (double)(bench_now_ns() - begin_ns) / (double)(__rdtsc() - begin);
}

static double resident_kib(void)
{
    unsigned long all, resident;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL || fscanf(file, "%lu %lu", &all, &resident) != 2) {
        perror("/proc/self/statm");
        exit(1);
    }
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1024;
}

/** Good messages alone, as many as the worker can do; then as many as take a part of that. */
static void calibrate(struct bench *bench)
{
    const struct flood_traffic full = {
        .good_gap = OVERLOAD_GAP, .bad_gap = INFINITY, .queue_len = SHORT_QUEUE};
    const struct flood_outcome most = run(bench, &full);
    const double ticks = (double)most.ticks / (double)most.delivered;
    flood_settle(bench->flood);
    bench->good = (struct flood_traffic){
        .good_gap = ticks / GOOD_SHARE, .bad_gap = INFINITY, .queue_len = FLOOD_QUEUE_LEN};
    bench->delivered = run(bench, &bench->good).delivered;
    if (bench->is_warm)
        bench_result(ticks * bench->ns_per_tick, "flood.good.ns");
}

static void run_kind(struct bench *bench, enum flood_kind kind)
{
    double worst = 1, busy = 0, answered = 0;
    struct flood_traffic traffic = bench->good;
    traffic.kind = kind;
    for (unsigned i = 0; i < RATES; i++) {
        traffic.bad_gap = traffic.good_gap / bad_per_good[i];
        const struct flood_outcome outcome = run(bench, &traffic);
        worst = fmin(worst, (double)outcome.delivered / (double)bench->delivered);
        answered = fmax(answered, (double)outcome.answer_bytes / (double)outcome.bad_bytes);
        busy = 100 * (double)outcome.busy_ticks / (double)outcome.ticks;
    }
    flood_settle(bench->flood);
    bench->lost[kind] += flood_count_lost_sessions(bench->flood);
    result(bench, kind, "good_ratio", worst);
    result(bench, kind, "busy_percent", busy);
    result(bench, kind, "sessions_lost", bench->lost[kind]);
    result(bench, kind, "bytes_per_byte", answered);
}

/** Bad packets alone, more than the worker can do. */
static struct flood_outcome run_alone(struct bench *bench, enum flood_kind kind, unsigned queue_len)
{
    const struct flood_traffic full = {
        .good_gap = INFINITY, .bad_gap = OVERLOAD_GAP, .kind = kind, .queue_len = queue_len};
    const struct flood_outcome outcome = run(bench, &full);
    flood_settle(bench->flood);
    return outcome;
}

static void measure_price(struct bench *bench, enum flood_kind kind)
{
    const struct flood_outcome outcome = run_alone(bench, kind, SHORT_QUEUE);
    const double handled = (double)(outcome.bad - outcome.bad_lost);
    result(bench, kind, "ns", (double)outcome.ticks * bench->ns_per_tick / handled);
}

static void measure_cookies(struct bench *bench)
{
    const struct flood_outcome outcome = run_alone(bench, FLOOD_CLIENT_HELLO, QUEUE_WITHOUT_CROWD);
    const double seconds = (double)outcome.ticks * bench->ns_per_tick / 1e9;
    if (bench->is_warm)
        bench_result((double)outcome.answers / seconds, "cookie.per_second");
}

static void run_round(struct bench *bench)
{
    bench->gaps = 0;
    calibrate(bench);
    for (enum flood_kind kind = 0; kind < FLOOD_KINDS; kind++) {
        run_kind(bench, kind);
        measure_price(bench, kind);
    }
    measure_cookies(bench);
    if (bench->is_warm)
        bench_result((double)bench->gaps, "flood.gaps");
}

int main(int argc, char **argv)
{
    struct bench_options options = bench_begin(argc, argv);
    struct bench bench = {.flood = flood_create(SESSIONS), .ns_per_tick = measure_tick_ns()};
    bench.ticks = (uint64_t)((options.is_quick ? 1e6 : 8e6) / bench.ns_per_tick);
    run_round(&bench);
    bench.is_warm = true;
    const double resident = resident_kib();
    for (unsigned round = 0; round < options.rounds; round++)
        run_round(&bench);
    bench_result(resident_kib() - resident, "flood.memory_growth_kib");
    flood_destroy(bench.flood);
    for (enum flood_kind kind = 0; kind < FLOOD_KINDS; kind++)
        if (bench.lost[kind] > 0)
            return 1;
    return 0;
}
