/**
 * Counters: one block for each worker, written by that worker alone, read by anybody at any time.
 * Names and texts grow from lists; so does every output format.
 */
#ifndef SL_TELEMETRY_H
#define SL_TELEMETRY_H

#include <stdio.h>

#include "sl_base.h"

/* clang-format off */
#define SL_COUNTER_LIST(X)                                                                         \
    X(RX_FRAMES,        "frames received")                                                         \
    X(RX_BYTES,         "bytes received")                                                          \
    X(RX_RECORDS,       "records received; a frame without records counts as one")                 \
    X(DELIVERED,        "records delivered to consumers")                                          \
    X(ANSWERED,         "answered without state: ARP, neighbour discovery, echo, HelloVerify")     \
    X(TO_HANDSHAKE,     "records handed to a handshake")                                           \
    X(CONSUMED,         "records consumed: alerts, closes, repeats")                               \
    X(HANDED_OVER,      "frames handed over to their owner")                                       \
    X(TAKEN_OVER,       "frames taken over from another worker")                                   \
    X(COLLECTED,        "messages collected from consumers")                                       \
    X(TX_FRAMES,        "frames sent")                                                             \
    X(TX_BYTES,         "bytes sent")                                                              \
    X(TX_RECORDS,       "records sent under a key")                                                \
    X(TX_BUSY,          "polls in which the transmit queue was full")                              \
    X(HELLO_VERIFY,     "HelloVerifyRequests sent")                                                \
    X(SESSIONS_OPENED,  "sessions established")                                                    \
    X(SESSIONS_PRELOADED, "sessions taken from a file, for a benchmark")                           \
    X(SESSIONS_CLOSED,  "sessions closed")                                                         \
    X(SESSIONS_EXPIRED, "sessions closed because they were idle")                                  \
    X(HANDSHAKES_EXPIRED, "half-open sessions given up")                                           \
    X(LEGACY_DELIVERED, "messages of sessions that libssl keeps, delivered to consumers")          \
    X(LEGACY_LOST,      "the same, lost: no consumer, or its ring was full")                       \
    X(EARLY_DELIVERED,  "messages that came right behind a Finished, delivered when it was verified") \
    X(EARLY_LOST,       "the same, lost: no consumer, or its ring was full")                       \
    X(MOVED,            "sessions that took a new address")                                        \
    X(MOVE_CANDIDATES,  "new addresses held until they are confirmed")                             \
    X(EVENTS_LOST,      "events a consumer could not be told: its ring stayed full")               \
    X(EVICTIONS,        "consumers evicted: what they wrote to their rings made no sense")          \
    X(USAGE_WARNINGS,   "keys at three quarters of their limit of records")                        \
    X(USAGE_LIMITS,     "keys at their limit of records")                                          \
    X(WAKEUPS,          "consumers woken")                                                         \
    X(POLLS,            "loops of the worker")                                                     \
    X(IDLE_POLLS,       "loops that found nothing to do")
/* clang-format on */

enum sl_counter {
#define X(name, text) SL_COUNTER_##name,
    SL_COUNTER_LIST(X)
#undef X
        SL_COUNTER_COUNT,
};

/** One writer's counters, and its gauges. */
struct sl_counters {
    uint64_t events[SL_COUNTER_COUNT];
    uint64_t drops[SL_DROP_COUNT];
    uint64_t sessions;    /* gauge: established now */
    uint64_t half_open;   /* gauge: handshakes in progress now */
    uint64_t forged_most; /* the most that one key has met; of several writers, the most of all */
};

/** Adds without a race for readers; not for two writers. */
static inline void sl_counter_add(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}
static inline uint64_t sl_counter_read(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

const char *sl_counter_name(enum sl_counter counter); /* "RX_FRAMES" */
const char *sl_counter_text(enum sl_counter counter);

/** A copy of `from`, each counter read once; and the sum. */
void sl_counters_snapshot(struct sl_counters *out, const struct sl_counters *from);
void sl_counters_sum(struct sl_counters *into, const struct sl_counters *add);

/** A further value to print under a heading ("handshake", "port 0"): name, text, value. */
struct sl_stat {
    const char *group; /* lower case, no spaces */
    const char *name;
    const char *text;
    uint64_t value;
};

struct sl_stats {
    const char *version;
    uint64_t uptime_ns;
    const struct sl_counters *workers; /* [worker_count], snapshots */
    unsigned worker_count;
    const struct sl_stat *others; /* [other_count] */
    unsigned other_count;
};

/**
 * Prints as aligned text (zero counters left out) or as one JSON object:
 * {"version": s, "uptime_s": n, "total": {...}, "workers": [{"events": {NAME: n}, "drops": {NAME:
 * n}, "sessions": n, "half_open": n, "forged_most": n}], GROUP: {NAME: n}}; names in lower case.
 * Not for a worker.
 */
void sl_stats_print_text(FILE *out, const struct sl_stats *stats);
void sl_stats_print_json(FILE *out, const struct sl_stats *stats);

#endif
