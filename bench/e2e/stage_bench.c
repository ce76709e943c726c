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
    STAGE_DELIVER, /* admit too */
    STAGE_COLLECT,
    STAGE_SEAL,
    STAGE_CHECKSUM,
    STAGE_SEND,
    STAGE_COUNT,
};

static const char *const names[STAGE_COUNT] = {"turn",    "parse", "find",     "open", "deliver",
                                               "collect", "seal",  "checksum", "send"};
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
     (struct sl_worker * w, struct sl_frame **frames, unsigned n, uint64_t now_ns), w, frames, n,
     now_ns)
WRAP_VOID(STAGE_FIND, worker_find_burst,
          (struct sl_worker * w, struct sl_frame **frames, unsigned n, uint64_t now_ns), w, frames,
          n, now_ns)
WRAP_VOID(STAGE_OPEN, worker_open_burst, (struct sl_worker * w), w)
WRAP_VOID(STAGE_DELIVER, worker_admit_burst, (struct sl_worker * w, uint64_t now_ns), w, now_ns)
WRAP_VOID(STAGE_DELIVER, worker_publish, (struct sl_worker * w, uint64_t now_ns), w, now_ns)
WRAP(STAGE_COLLECT, bool, worker_collect, (struct sl_worker * w, uint64_t now_ns), w, now_ns)
WRAP_VOID(STAGE_SEAL, worker_seal_burst, (struct sl_worker * w), w)
WRAP_VOID(STAGE_SEND, worker_write_headers_burst, (struct sl_worker * w), w)
WRAP_VOID(STAGE_CHECKSUM, worker_checksum_burst, (struct sl_worker * w), w)
WRAP_VOID(STAGE_SEND, worker_send_burst, (struct sl_worker * w, uint64_t now_ns), w, now_ns)
WRAP(STAGE_SEND, bool, worker_flush_outboxes, (struct sl_worker * w, uint64_t now_ns), w, now_ns)

struct round {
    struct rig *rig;
    uint32_t len;
    double ns[STAGE_COUNT]; /* for a packet */
};

/** What spans that count took, stage by stage. */
struct taken {
    double ns[STAGE_COUNT];
    unsigned items;
};

/** One span with the watch at zero, from one packet on. return the packet where it ended. */
static unsigned run_span(struct rig *rig, unsigned (*loop)(struct rig *rig, unsigned until),
                         unsigned from, struct taken *taken)
{
    memset(spent, 0, sizeof spent);
    struct bench_span span = bench_span_begin();
    uint64_t begin = __rdtsc();
    since = begin;
    unsigned done = loop(rig, bench_span_goal(from));
    switch_to(STAGE_TURN);
    uint64_t ticks = __rdtsc() - begin;
    uint64_t span_ns = bench_span_end(&span);
    if (span_ns == 0)
        return done;
    for (enum stage stage = 0; stage < STAGE_COUNT; stage++)
        taken->ns[stage] += (double)spent[stage] * (double)span_ns / (double)ticks;
    taken->items += done - from;
    return done;
}

/** Runs a loop, and notes what the stages first..last took. return whether any span counts. */
static bool run(struct round *round, unsigned (*loop)(struct rig *rig, unsigned until),
                enum stage first, enum stage last)
{
    struct taken taken = {.items = 0};
    for (unsigned done = 0; done < RIG_FEED_MAX;)
        done = run_span(round->rig, loop, done, &taken);
    for (enum stage stage = first; stage <= last; stage++)
        round->ns[stage] = taken.ns[stage] / taken.items;
    return taken.items > 0;
}

static bool measure_in(void *arg)
{
    struct round *round = arg;
    rig_feed(round->rig, round->len);
    return run(round, rig_run_in, STAGE_PARSE, STAGE_DELIVER);
}

static bool measure_out(void *arg)
{
    struct round *round = arg;
    rig_send(round->rig, round->len);
    return run(round, rig_run_out, STAGE_COLLECT, STAGE_SEND);
}

static void run_round(struct rig *rig, uint32_t len, bool is_warm)
{
    struct round round = {.rig = rig, .len = len};
    bench_measure(measure_in, &round);
    bench_measure(measure_out, &round);
    for (enum stage stage = STAGE_PARSE; is_warm && stage < STAGE_COUNT; stage++)
        bench_result(round.ns[stage], "stage.%s.%u.ns", names[stage], len);
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
