/**
 * Small things that a handshaker is made of, each a file of its own that knows nothing of libssl.
 */
#ifndef SL_HANDSHAKE_PARTS_PRIV_H
#define SL_HANDSHAKE_PARTS_PRIV_H

#include "sl_admission.h"
#include "sl_base.h"
#include "sl_message.h"

struct handshake;
struct sl_handshaker_config;

/* cpu.c: processor time, charged after the work to all and to the prefix it was done for. */

struct cpu_share {
    uint64_t (*clock_ns)(void);     /* NULL: no limits */
    struct sl_rate all, per_prefix; /* an event is a microsecond */
    uint64_t all_full_ns;
    struct sl_buckets *buckets; /* by prefix */
    void *memory;
    struct sl_prefix_hasher prefixes;
};

/** false: no memory. */
bool sl_handshake_init_cpu(struct cpu_share *cpu, const struct sl_handshaker_config *config);
void sl_handshake_wipe_cpu(struct cpu_share *cpu);
/** Whether another handshake may begin for this address. */
bool sl_handshake_has_cpu(struct cpu_share *cpu, const struct sl_ip *remote, uint64_t now_ns);
/** For sl_handshake_charge_cpu, after the work. */
static inline uint64_t sl_handshake_cpu_ns(const struct cpu_share *cpu)
{
    return cpu->clock_ns != NULL ? cpu->clock_ns() : 0;
}
/** The time since `begun_ns` was spent on this address's behalf; it may leave a debt. */
void sl_handshake_charge_cpu(struct cpu_share *cpu, const struct sl_ip *remote, uint64_t begun_ns,
                             uint64_t now_ns);

/* table.c: handle -> object. */

struct table {
    struct table_slot {
        uint64_t handle;
        void *object; /* NULL: free */
    } * slots;
    size_t mask;
};

bool sl_handshake_init_table(struct table *table, size_t objects_max);
void sl_handshake_wipe_table(struct table *table);
void *sl_handshake_find(const struct table *table, uint64_t handle);
/** The handle is not in the table, and the table holds fewer than objects_max. */
void sl_handshake_insert(struct table *table, uint64_t handle, void *object);
void sl_handshake_remove(struct table *table, uint64_t handle);

/* timers.c: handshakes by the time at which something is due; a binary heap. */

struct timers {
    struct handshake **heap;
    size_t count;
};

bool sl_handshake_init_timers(struct timers *timers, size_t handshakes_max);
void sl_handshake_wipe_timers(struct timers *timers);
/** Sets handshake->due_ns, and puts it in when it was not. */
void sl_handshake_set_timer(struct timers *timers, struct handshake *handshake, uint64_t due_ns);
void sl_handshake_clear_timer(struct timers *timers, struct handshake *handshake);

/*
 * outbox.c: messages to one worker; none is lost. While one waits, nothing is taken from that
 * worker and no timer of its handshakes runs, so what waits is at most what one message has caused.
 */

struct outbox {
    struct sl_ring_producer *ring; /* borrowed */
    struct pending *first, **last; /* what the ring had no room for, in order */
};

void sl_handshake_init_outbox(struct outbox *outbox, struct sl_ring_producer *ring);
void sl_handshake_wipe_outbox(struct outbox *outbox);
/** false: no memory. */
bool sl_handshake_post(struct outbox *outbox, enum sl_message_kind kind, uint64_t handle,
                       const void *fixed, uint32_t fixed_len, const void *bytes,
                       uint32_t bytes_len);
/** Moves what waits into the ring, as far as it goes. return whether anything moved. */
bool sl_handshake_drain_outbox(struct outbox *outbox);
static inline bool sl_handshake_is_outbox_empty(const struct outbox *outbox)
{
    return outbox->first == NULL;
}

#endif
