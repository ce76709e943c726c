/**
 * Nanoseconds per packet of the gateway's own loop over a DPDK port of rings: frames in, messages
 * out to a consumer, and the other way. Each round seals its records anew, untimed, and then runs
 * the loop until all are through. pipeline.port is the same loop without a worker: the port's share
 * of pipeline.in, to be subtracted in comparisons.
 */
#include <stdio.h>

#include "bench.h"
#include "rig.h"

struct round {
    struct rig *rig;
    uint32_t len;
    double in, out, port;
};

static double run(struct rig *rig, void (*loop)(struct rig *rig))
{
    struct bench_span span = bench_span_begin();
    loop(rig);
    return (double)bench_span_end(&span) / RIG_FEED_MAX;
}

static void measure_in(void *arg)
{
    struct round *round = arg;
    rig_feed(round->rig, round->len);
    round->in = run(round->rig, rig_run_in);
}

static void measure_port(void *arg)
{
    struct round *round = arg;
    rig_feed(round->rig, round->len);
    round->port = run(round->rig, rig_run_port);
}

static void measure_out(void *arg)
{
    struct round *round = arg;
    rig_send(round->rig, round->len);
    round->out = run(round->rig, rig_run_out);
}

static void run_size(struct rig *rig, uint32_t len, const char *sessions, unsigned rounds)
{
    for (unsigned i = 0; i < rounds + 1; i++) { /* the first warms up */
        struct round round = {.rig = rig, .len = len};
        bench_measure(measure_in, &round);
        bench_measure(measure_port, &round);
        bench_measure(measure_out, &round);
        if (i == 0)
            continue;
        bench_result(round.in, "pipeline.in.%u%s.ns", len, sessions);
        bench_result(round.out, "pipeline.out.%u%s.ns", len, sessions);
        bench_result(round.port, "pipeline.port.%u%s.ns", len, sessions);
    }
}

static void run_sessions(uint32_t session_count, const char *sessions, unsigned rounds)
{
    struct rig *rig = rig_create(session_count);
    run_size(rig, 64, sessions, rounds);
    run_size(rig, 1400, sessions, rounds);
    rig_destroy(rig);
}

int main(int argc, char **argv)
{
    struct bench_options options = bench_begin(argc, argv);
    run_sessions(64, "", options.rounds);
    run_sessions(65536, ".s65536", options.rounds);
    return 0;
}
