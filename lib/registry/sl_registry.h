/**
 * The gateway's half of the rings: services, registration of consumers over a Unix socket, sealed
 * memory, and who owns which ring. docs/ring-protocol.md.
 *
 * Runs on the control thread, which polls it. Workers see attachments only, and hear of them by
 * message.
 */
#ifndef SL_REGISTRY_H
#define SL_REGISTRY_H

#include "sl_base.h"
#include "sl_ring.h"

#define SL_SERVICE_NAME_MAX (SL_RING_SERVICE_LEN - 1)
#define SL_SERVICES_MAX 128
#define SL_CONSUMERS_MAX 64
#define SL_WORKERS_MAX SL_RING_WORKERS_MAX
#define SL_WAKE_INTERVAL_NS                                                                        \
    50000ULL /* a consumer is woken at most this often, by all workers together */

/** When a consumer may be woken again: shared by its workers, atomic; in memory of the gateway's.
 */
struct sl_wake_gate {
    uint64_t next_ns;       /* not before */
    uint64_t paid_until_ns; /* wake-ups cost at most a tenth of the time, and are paid by then */
};

/**
 * One consumer's rings with one worker. Written by the control thread before `attach` and after
 * `detached`, by the worker in between.
 */
struct sl_attachment {
    uint32_t consumer; /* index, 0..SL_CONSUMERS_MAX-1; free again after detached */
    uint16_t service;  /* index into the services configured */
    uint16_t worker;
    struct sl_ring_producer receive; /* gateway writes, consumer reads */
    struct sl_ring_consumer send;    /* consumer writes; untrusted: sl_ring_take only */
    int wake_fd;   /* the gateway's end of the wake-up socket; never leaves the gateway */
    bool wake_due; /* a wake-up was put off: call sl_attachment_wake again in the next turn */
    struct sl_wake_gate *wake_gate; /* NULL: never woken */
    void *registry_private;
};

/**
 * Wakes the consumer if it sleeps: call after publishing to all consumers of a poll and one seq_cst
 * fence; and again in each later turn while attachment->wake_due, for a wake-up that came too soon
 * after the last one, or after dear ones, and was put off.
 * return true when a byte was written (EAGAIN means already signalled: false).
 */
bool sl_attachment_wake(struct sl_attachment *attachment, uint64_t now_ns);

struct sl_registry;

struct sl_consumer_info {
    uint32_t consumer;
    uint16_t service;
    int32_t pid;
    uint32_t uid;
};

struct sl_registry_config {
    const char *socket_path;     /* where consumers register; replaced if a stale one is there */
    uint32_t socket_mode;        /* permissions, e.g. 0660 */
    const char *const *services; /* [service_count] names, borrowed */
    unsigned service_count;
    unsigned worker_count;
    unsigned per_user;   /* consumers of one user, root aside; 0: as many as there is room for */
    uint64_t ring_size;  /* bytes of data for each ring, a power of two */
    uint64_t generation; /* of this gateway process: random */
    /* What the registry asks of its owner; called on the polling thread. An attachment is to be
     * given to its worker, or taken back from it; sl_registry_detached follows for each. */
    void (*attach)(void *arg, struct sl_attachment *attachment);
    void (*detach)(void *arg, struct sl_attachment *attachment);
    /* A consumer asks for a session with a server: SL_RING_STATUS_OK, SERVICE or FULL. NULL: there
     * are no such servers. */
    enum sl_ring_status (*request)(void *arg, const struct sl_consumer_info *consumer,
                                   const char *connection, uint32_t request);
    /* Path of sealed plaintext: payload bytes a consumer may send at once (for its -EMSGSIZE). */
    uint32_t payload_max;
    void *arg;
};

/** return 0 and *out (caller owns), or -errno and reason [256]: one sentence that says what to do.
 */
int sl_registry_create(const struct sl_registry_config *config, struct sl_registry **out,
                       char *reason) SL_MUST_USE;
/** Another payload_max than at creation, where it is known only later: before the first poll. */
void sl_registry_set_payload_max(struct sl_registry *registry, uint32_t payload_max);
/** No worker may hold an attachment any more. Removes the socket; consumers see the end. */
void sl_registry_destroy(struct sl_registry *registry);

/** An epoll descriptor that becomes readable when a consumer wants something. Poll at least every
 * 100 ms all the same: the heartbeat, and consumers that connect and say nothing, need the time. */
int sl_registry_fd(const struct sl_registry *registry);
/** Accepts, registers, notices who left; advances the heartbeat. Never blocks. now_ns monotonic. */
void sl_registry_poll(struct sl_registry *registry, uint64_t now_ns);
/** The worker gave the attachment back: its memory may go. */
void sl_registry_detached(struct sl_registry *registry, struct sl_attachment *attachment);
/** A worker found the consumer misbehaving: it loses its rings; detach calls follow. */
void sl_registry_evict(struct sl_registry *registry, uint32_t consumer);

/** Consumers registered now; out [SL_CONSUMERS_MAX]. return how many. */
unsigned sl_registry_list(const struct sl_registry *registry, struct sl_consumer_info *out);

#endif
