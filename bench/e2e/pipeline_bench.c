/**
 * Nanoseconds per packet of the gateway's own loop over a DPDK port of rings: frames in, messages
 * out to a consumer, and the other way. Each round seals its records anew, untimed, and then runs
 * the loop until all are through, in spans of BENCH_SPAN_ITEMS; after each, untimed again, what the
 * consumer got is compared with what was sealed. pipeline.port.{in,out} is the same loop without a
 * worker: the port's share, to be subtracted in comparisons.
 *
 * The port copies each burst into the buffers freed last, as net_pcap does for DPDK's examples;
 * pipeline.*.rotating is over buffers that come round once a pass, as with a card.
 */
#include <stdio.h>

#include "bench.h"
#include "rig.h"

#define SESSIONS_MANY 65536

struct round {
    struct rig *rig;
    uint32_t len;
    struct bench_sum in, out, port_in, port_out;
};

/** A pass in spans; sum begins from nothing. check  (or NULL) after each of them. return whether
 * any span counts. */
static bool run(struct rig *rig, unsigned (*loop)(struct rig *rig, unsigned until),
                void (*check)(struct rig *rig), struct bench_sum *sum)
{
    *sum = (struct bench_sum){0};
    for (unsigned done = 0, next; done < RIG_FEED_MAX; done = next) {
        struct bench_span span = bench_span_begin();
        next = loop(rig, bench_span_goal(done));
        bench_span_add(&span, next - done, sum);
        if (check != NULL)
            check(rig);
    }
    return sum->items > 0;
}

static bool measure_in(void *arg)
{
    struct round *round = arg;
    rig_feed(round->rig, round->len);
    return run(round->rig, rig_run_in, rig_drain, &round->in);
}

static bool measure_port_in(void *arg)
{
    struct round *round = arg;
    rig_feed(round->rig, round->len);
    return run(round->rig, rig_run_port_in, NULL, &round->port_in);
}

static bool measure_out(void *arg)
{
    struct round *round = arg;
    rig_send(round->rig, round->len);
    return run(round->rig, rig_run_out, NULL, &round->out);
}

static bool measure_port_out(void *arg)
{
    struct round *round = arg;
    rig_begin(round->rig);
    return run(round->rig, rig_run_port_out, NULL, &round->port_out);
}

/** What is transmitted is gone when a span ends, so it is looked at in a pass of its own. */
static void check_out(struct rig *rig, uint32_t len)
{
    rig_send(rig, len);
    rig_check_out(rig);
}

static void run_round(struct rig *rig, uint32_t len, const char *kind, bool is_warm)
{
    struct round round = {.rig = rig, .len = len};
    bench_measure(measure_in, &round);
    bench_measure(measure_port_in, &round);
    bench_measure(measure_out, &round);
    bench_measure(measure_port_out, &round);
    check_out(rig, len);
    if (!is_warm)
        return;
    bench_result(bench_sum_ns(&round.in), "pipeline.in.%u%s.ns", len, kind);
    bench_result(bench_sum_ns(&round.out), "pipeline.out.%u%s.ns", len, kind);
    bench_result(bench_sum_ns(&round.port_in), "pipeline.port.in.%u%s.ns", len, kind);
    bench_result(bench_sum_ns(&round.port_out), "pipeline.port.out.%u%s.ns", len, kind);
}

static void run_rotating_round(struct rig *rig, uint32_t len, bool is_warm)
{
    struct round round = {.rig = rig, .len = len};
    rig_receive_into(rig, RIG_BUFFERS_ROTATING);
    bench_measure(measure_in, &round);
    bench_measure(measure_port_in, &round);
    rig_receive_into(rig, RIG_BUFFERS_REUSED);
    if (!is_warm)
        return;
    bench_result(bench_sum_ns(&round.in), "pipeline.in.%u.rotating.ns", len);
    bench_result(bench_sum_ns(&round.port_in), "pipeline.port.in.%u.rotating.ns", len);
}

static void run_sizes(struct rig *rig, uint32_t session_count, const char *kind, bool is_warm)
{
    rig_use(rig, session_count);
    run_round(rig, 64, kind, is_warm);
    run_round(rig, 1400, kind, is_warm);
}

/* The keys take turns: what neighbours do to the caches for a second or two falls on a few rounds
 * of each key, and not on all of one. */
int main(int argc, char **argv)
{
    struct bench_options options = bench_begin(argc, argv);
    struct rig *rig = rig_create(SESSIONS_MANY);
    for (unsigned round = 0; round < options.rounds + 1; round++) { /* the first warms up */
        run_sizes(rig, 1, "", round > 0);
        run_rotating_round(rig, 64, round > 0);
        run_rotating_round(rig, 1400, round > 0);
        run_sizes(rig, SESSIONS_MANY, ".s65536", round > 0);
    }
    rig_destroy(rig);
    return 0;
}
