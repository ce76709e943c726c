/**
 * Nanoseconds per packet of the gateway's own loop over a DPDK port of rings: frames in, messages
 * out to a consumer, and the other way. Each round seals its records anew, untimed, and then runs
 * the loop until all are through, in spans of BENCH_SPAN_ITEMS. pipeline.port is the same loop
 * without a worker: the port's share of pipeline.in, to be subtracted in comparisons.
 */
#include <stdio.h>

#include "bench.h"
#include "rig.h"

#define SESSIONS_FEW 64
#define SESSIONS_MANY 65536

struct round {
    struct rig *rig;
    uint32_t len;
    struct bench_sum in, out, port;
};

/** A pass in spans; sum begins from nothing. return whether any span counts. */
static bool run(struct rig *rig, unsigned (*loop)(struct rig *rig, unsigned until),
                struct bench_sum *sum)
{
    *sum = (struct bench_sum){0};
    for (unsigned done = 0, next; done < RIG_FEED_MAX; done = next) {
        struct bench_span span = bench_span_begin();
        next = loop(rig, bench_span_goal(done));
        bench_span_add(&span, next - done, sum);
    }
    return sum->items > 0;
}

static bool measure_in(void *arg)
{
    struct round *round = arg;
    rig_feed(round->rig, round->len);
    return run(round->rig, rig_run_in, &round->in);
}

static bool measure_port(void *arg)
{
    struct round *round = arg;
    rig_feed(round->rig, round->len);
    return run(round->rig, rig_run_port, &round->port);
}

static bool measure_out(void *arg)
{
    struct round *round = arg;
    rig_send(round->rig, round->len);
    return run(round->rig, rig_run_out, &round->out);
}

static void run_round(struct rig *rig, uint32_t len, const char *sessions, bool is_warm)
{
    struct round round = {.rig = rig, .len = len};
    bench_measure(measure_in, &round);
    bench_measure(measure_port, &round);
    bench_measure(measure_out, &round);
    if (!is_warm)
        return;
    bench_result(bench_sum_ns(&round.in), "pipeline.in.%u%s.ns", len, sessions);
    bench_result(bench_sum_ns(&round.out), "pipeline.out.%u%s.ns", len, sessions);
    bench_result(bench_sum_ns(&round.port), "pipeline.port.%u%s.ns", len, sessions);
}

static void run_sessions(struct rig *rig, uint32_t session_count, const char *sessions,
                         bool is_warm)
{
    rig_use(rig, session_count);
    run_round(rig, 64, sessions, is_warm);
    run_round(rig, 1400, sessions, is_warm);
}

/* The keys take turns: what neighbours do to the caches for a second or two falls on a few rounds
 * of each key, and not on all of one. */
int main(int argc, char **argv)
{
    struct bench_options options = bench_begin(argc, argv);
    struct rig *rig = rig_create(SESSIONS_MANY);
    for (unsigned round = 0; round < options.rounds + 1; round++) { /* the first warms up */
        run_sessions(rig, SESSIONS_FEW, "", round > 0);
        run_sessions(rig, SESSIONS_MANY, ".s65536", round > 0);
    }
    rig_destroy(rig);
    return 0;
}
