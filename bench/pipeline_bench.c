/**
 * Nanoseconds per packet of the real worker loop: frames in, messages out to a consumer, and the
 * other way. pipeline.port is the same loop without a worker, to be subtracted in comparisons.
 */
#include <stdio.h>

#include "bench.h"
#include "rig.h"

static double run(struct rig *rig, void (*loop)(struct rig *rig))
{
    uint64_t begin = bench_now_ns();
    loop(rig);
    uint64_t end = bench_now_ns();
    return (double)(end - begin) / RIG_FEED_MAX;
}

static void run_size(struct rig *rig, uint32_t len, const char *sessions, unsigned rounds)
{
    for (unsigned round = 0; round < rounds + 1; round++) { /* the first warms up */
        rig_feed(rig, len);
        double in = run(rig, rig_run_in);
        rig_feed(rig, len);
        double port = run(rig, rig_run_port);
        rig_send(rig, len);
        double out = run(rig, rig_run_out);
        if (round == 0)
            continue;
        bench_result(in, "pipeline.in.%u%s.ns", len, sessions);
        bench_result(out, "pipeline.out.%u%s.ns", len, sessions);
        bench_result(port, "pipeline.port.%u%s.ns", len, sessions);
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
