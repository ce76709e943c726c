/** What the files of lib/runtime share: the threads, and what each of them owns. */
#ifndef RUNTIME_PRIV_H
#define RUNTIME_PRIV_H

#include <pthread.h>

#include <rte_ring.h>

#include "sl_runtime.h"

#define RUNTIME_REASON_LEN 256
/** A flood of handshakes waits here for its thread. */
#define HANDSHAKE_RING_SIZE (4ULL << 20)
/** At most one attach and one detach of each consumer are on the way, one set of rules, and of each
 * attempt to reach a server one message of a kind. */
#define CONTROL_RING_SIZE (256ULL << 10)
/** Frames on the way to another worker. */
#define HANDOFF_LEN 2048

/** Monotonic nanoseconds from the time stamp counter, kept beside CLOCK_MONOTONIC. One thread. */
struct clock {
    uint64_t tsc, ns;             /* of the last look at the kernel's clock */
    uint64_t first_tsc, first_ns; /* of the first one: the rate is measured since then */
    uint64_t interval;            /* ticks between looks */
    double ns_per_tick;
    uint64_t last; /* what was said last: time does not run backwards */
};
void clock_start(struct clock *clock);
uint64_t clock_now(struct clock *clock);
/** What the kernel says now. */
uint64_t clock_kernel_ns(void);

/* nap.c: a thread that polls sleeps for 50 to 100 us when it has nothing to do. */
/** Once in each such thread. */
void runtime_nap_prepare(void);
void runtime_nap(void);

/** A region for one worker. */
enum memory_kind { MEMORY_HUGE, MEMORY_TRANSPARENT, MEMORY_ORDINARY, MEMORY_KINDS };
struct memory {
    void *at;
    size_t len; /* of the mapping */
    enum memory_kind kind;
};
/** Zeroed and present; on the NUMA node of the calling thread. return 0 or -errno. */
int memory_map(struct memory *memory, size_t len) SL_MUST_USE;
void memory_unmap(struct memory *memory);
/** "huge pages", "transparent huge pages", "ordinary pages" */
const char *memory_kind_name(enum memory_kind kind);

/** How it went when a thread gave up what it is to: ENTERED_NOT_YET, ENTERED, or a negative errno.
 * Atomic: written once, by the thread. */
enum { ENTERED_NOT_YET = 0, ENTERED = 1 };

/** One worker's thread, and the rings that end there. */
struct runtime_worker {
    struct sl_runtime *runtime;
    unsigned index;
    unsigned lcore;
    bool is_launched;
    int entered;
    bool is_stopped;                            /* it said so; the control thread's */
    const struct sl_admission_rules *admission; /* that it reads; the control thread's */
    struct sl_worker *worker;
    struct clock clock; /* its thread's */
    struct memory memory;
    struct rte_ring *handoff; /* frames that other workers hand over */
    struct sl_ring *to_handshaker[SL_HANDSHAKERS_MAX];
    struct sl_ring *from_handshaker[SL_HANDSHAKERS_MAX];
    struct sl_ring *to_control, *from_control;
    struct sl_attachment *attachments[SL_CONSUMERS_MAX]; /* what the worker has; control thread */
};

struct runtime_handshaker {
    struct sl_runtime *runtime;
    unsigned index;
    pthread_t thread;
    bool is_launched;
    int entered;
    struct sl_handshaker *handshaker;
    struct sl_lookup *lookup; /* NULL: no program is asked */
    struct sl_handshake_lookup ask;
    struct sl_ring_consumer *from_worker[SL_WORKERS_MAX];
    struct sl_ring_producer *to_worker[SL_WORKERS_MAX];
};

/** What an operator waits for: listing.c. */
struct listing {
    uint32_t number;               /* of the last question */
    unsigned waits_for;            /* so many workers */
    sl_runtime_take_session *take; /* NULL: nobody waits */
    void *arg;
};

#define STATS_MAX (SL_HANDSHAKE_COUNTER_COUNT + 7 + SL_GROUPS_MAX * 16)

struct sl_runtime {
    struct sl_runtime_config config;
    char *reason; /* [RUNTIME_REASON_LEN], while a call that fails may write it */
    uint8_t shard_owner[SL_SHARDS];
    struct sl_port *ports[SL_GROUPS_MAX];
    char port_names[SL_GROUPS_MAX][8];
    struct sl_registry *registry;
    struct sl_connector *connector;
    const struct sl_admission_rules *admission; /* given to the workers last */
    unsigned worker_count, handshaker_count;    /* that were made */
    struct runtime_worker workers[SL_WORKERS_MAX];
    struct runtime_handshaker handshakers[SL_HANDSHAKERS_MAX];
    int events_entered; /* DPDK's interrupt thread */
    bool quit;          /* atomic: written by the control thread, read by all */
    uint64_t started_ns;
    uint64_t notices_since_ns; /* consumers.c: lines said since then */
    unsigned notices;
    struct sl_counters counters[SL_WORKERS_MAX];
    struct sl_stat others[STATS_MAX];
    struct sl_stats stats;
    struct listing listing;
};

/** Writes the sentence to runtime->reason; returns error. */
int runtime_fail(struct sl_runtime *runtime, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void runtime_log(const struct sl_runtime *runtime, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline bool runtime_must_quit(const struct sl_runtime *runtime)
{
    /* pairs with the release-store in sl_runtime_destroy */
    return __atomic_load_n(&runtime->quit, __ATOMIC_ACQUIRE);
}

/* workers.c, handshake_thread.c: made before any thread runs, freed after all have ended. */
int runtime_workers_create(struct sl_runtime *runtime);
void runtime_workers_destroy(struct sl_runtime *runtime);
int runtime_handshakers_create(struct sl_runtime *runtime);
void runtime_handshakers_destroy(struct sl_runtime *runtime);

/* worker_thread.c, handshake_thread.c: the loops. */
int runtime_worker_main(void *runtime_worker);
/** One turn of a worker's loop. return whether there was anything to do. */
bool runtime_worker_poll(struct runtime_worker *self);
void *runtime_handshaker_main(void *runtime_handshaker);

/* connections.c: between the connector and the workers. */
int runtime_connector_create(struct sl_runtime *runtime);
/** For the registry: a consumer asks for a session. */
enum sl_ring_status runtime_request(void *runtime, const struct sl_consumer_info *consumer,
                                    const char *connection, uint32_t request);

/* threads.c */
/** Once in each thread, at its begin. return whether it may go on. */
bool runtime_thread_enter(struct sl_runtime *runtime, enum sl_thread_kind kind,
                          int *entered) SL_MUST_USE;
int runtime_threads_launch(struct sl_runtime *runtime);
void runtime_threads_join(struct sl_runtime *runtime);

/* listing.c */
void runtime_take_listed(struct sl_runtime *runtime, const struct runtime_worker *from,
                         const struct sl_message_listed *listed);

/* consumers.c: between the registry and the workers. */
int runtime_registry_create(struct sl_runtime *runtime);
void runtime_messages_receive(struct sl_runtime *runtime);
void runtime_workers_tell_stop(struct sl_runtime *runtime);

#endif
