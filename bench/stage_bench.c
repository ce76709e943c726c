/**
 * Nanoseconds per packet of each stage of the worker. The real loop runs; the linker puts a stop
 * watch around every stage (--wrap), and what one stage spends inside another counts for the other.
 */
#include <stdio.h>
#include <x86intrin.h>

#include "bench.h"
#include "rig.h"
#include "worker_priv.h"

enum stage {
    STAGE_TURN, /* whatever is none of the others */
    STAGE_PARSE,
    STAGE_FIND,
    STAGE_OPEN,
    STAGE_ADMIT,
    STAGE_DELIVER,
    STAGE_COLLECT,
    STAGE_SEAL,
    STAGE_SEND,
    STAGE_COUNT,
};

static const char *const names[STAGE_COUNT] = {"turn",    "parse",   "find", "open", "admit",
                                               "deliver", "collect", "seal", "send"};
static uint64_t spent[STAGE_COUNT], since;
static enum stage current;

/** The watch runs for another stage from now on. return the one it ran for. */
static inline enum stage switch_to(enum stage next)
{
    uint64_t now = __rdtsc();
    enum stage previous = current;
    spent[previous] += now - since;
    since = now;
    current = next;
    return previous;
}

/* Each wrapped function, with the name that the linker gives to the real one. */
#define WRAP(which, type, name, parameters, ...)                                                   \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        enum stage previous = switch_to(which);                                                    \
        type result = __real_##name(__VA_ARGS__);                                                  \
        switch_to(previous);                                                                       \
        return result;                                                                             \
    }
#define WRAP_VOID(which, name, parameters, ...)                                                    \
    void __real_##name parameters;                                                                 \
    void __wrap_##name parameters;                                                                 \
    void __wrap_##name parameters                                                                  \
    {                                                                                              \
        enum stage previous = switch_to(which);                                                    \
        __real_##name(__VA_ARGS__);                                                                \
        switch_to(previous);                                                                       \
    }

WRAP(STAGE_PARSE, unsigned, worker_parse_burst,
     (struct sl_worker * w, struct sl_frame **frames, unsigned n), w, frames, n)
WRAP_VOID(STAGE_FIND, worker_find_burst,
          (struct sl_worker * w, struct sl_frame **frames, unsigned n, uint64_t now_ns), w, frames,
          n, now_ns)
WRAP_VOID(STAGE_OPEN, worker_open_burst, (struct sl_worker * w), w)
WRAP_VOID(STAGE_ADMIT, worker_admit_burst, (struct sl_worker * w, uint64_t now_ns), w, now_ns)
WRAP_VOID(STAGE_DELIVER, worker_deliver_burst, (struct sl_worker * w, uint64_t now_ns), w, now_ns)
WRAP_VOID(STAGE_DELIVER, worker_publish, (struct sl_worker * w, uint64_t now_ns), w, now_ns)
WRAP(STAGE_COLLECT, bool, worker_collect, (struct sl_worker * w, uint64_t now_ns), w, now_ns)
WRAP_VOID(STAGE_SEAL, worker_seal_burst, (struct sl_worker * w), w)
WRAP_VOID(STAGE_SEND, worker_send_burst, (struct sl_worker * w, uint64_t now_ns), w, now_ns)
WRAP(STAGE_SEND, bool, worker_flush_outboxes, (struct sl_worker * w), w)

/** Runs a loop with the watch at zero. return nanoseconds for each of its ticks. */
static double run(struct rig *rig, void (*loop)(struct rig *rig))
{
    memset(spent, 0, sizeof spent);
    uint64_t begin_ns = bench_now_ns(), begin = __rdtsc();
    since = begin;
    loop(rig);
    switch_to(STAGE_TURN);
    return (double)(bench_now_ns() - begin_ns) / (double)(__rdtsc() - begin);
}

static void report(enum stage first, enum stage last, uint32_t len, double tick_ns)
{
    for (enum stage stage = first; stage <= last; stage++)
        bench_result((double)spent[stage] * tick_ns / RIG_FEED_MAX, "stage.%s.%u.ns", names[stage],
                     len);
}

static void run_round(struct rig *rig, uint32_t len, bool is_warm)
{
    rig_feed(rig, len);
    double tick_ns = run(rig, rig_run_in);
    if (is_warm)
        report(STAGE_PARSE, STAGE_DELIVER, len, tick_ns);
    rig_send(rig, len);
    tick_ns = run(rig, rig_run_out);
    if (is_warm)
        report(STAGE_COLLECT, STAGE_SEND, len, tick_ns);
}

int main(int argc, char **argv)
{
    struct bench_options options = bench_begin(argc, argv);
    struct rig *rig = rig_create(64);
    for (unsigned round = 0; round < options.rounds + 1; round++) {
        run_round(rig, 64, round > 0);
        run_round(rig, 1400, round > 0);
    }
    rig_destroy(rig);
    return 0;
}
