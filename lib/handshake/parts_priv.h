/**
 * Small things that handshakes are made of, each a file of its own that knows nothing of libssl.
 */
#ifndef SL_HANDSHAKE_PARTS_PRIV_H
#define SL_HANDSHAKE_PARTS_PRIV_H

#include "sl_admission.h"
#include "sl_base.h"
#include "sl_crypto.h"
#include "sl_identity.h"
#include "sl_message.h"
#include "sl_wire.h"

struct handshake;
struct sl_handshaker_config;

/* assembly.c: messages put together from fragments, RFC 6347 4.2.3. */

/** Longest message of a client, with its header: it is fed to libssl as one record. */
#define MESSAGE_LEN_MAX SL_RECORD_PLAINTEXT_MAX
#define MESSAGE_BODY_MAX (MESSAGE_LEN_MAX - SL_HANDSHAKE_HEADER_LEN)

struct fragment {
    uint8_t type;
    uint16_t msg_seq;
    uint32_t msg_len;
    uint32_t off;
    uint32_t len;
    const uint8_t *bytes; /* [len], borrowed */
};

/** The next fragment of a handshake record; false at its end, or when the rest is malformed. */
bool sl_handshake_read_fragment(struct sl_reader *record, struct fragment *out);

struct assembly {
    uint8_t *message; /* header and body as if it had come in one piece; NULL: nothing yet */
    uint8_t *have;    /* a bit for each byte of the body */
    uint32_t len;     /* of the body */
    uint32_t missing; /* bytes of the body */
};

/**
 * Adds a fragment, unless the message is whole; one that disagrees about the message, or about
 * bytes of it, begins it afresh. false: no memory.
 */
bool sl_handshake_add_fragment(struct assembly *assembly, const struct fragment *fragment);
static inline bool sl_handshake_is_whole(const struct assembly *assembly)
{
    return assembly->message != NULL && assembly->missing == 0;
}
void sl_handshake_wipe_assembly(struct assembly *assembly);

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

/* flight.c: a flight as it was sent, to be sent again. */

struct flight {
    uint8_t *bytes; /* each datagram: struct sl_message_send and its bytes; NULL: none */
    size_t len;
};

/** Adds a datagram: message and its parts [message->bytes_len]. false: no memory, nothing added. */
bool sl_handshake_add_datagram(struct flight *flight, const struct sl_message_send *message,
                               const uint8_t *parts);
/** The datagram that begins at *at, which moves behind it: 0 at first. false: there is none. */
bool sl_handshake_next_datagram(const struct flight *flight, size_t *at,
                                struct sl_message_send *message, const uint8_t **parts);
void sl_handshake_wipe_flight(struct flight *flight);

/* last_flight.c: what a peer may want again when its handshake is over, RFC 6347 4.2.4. */

/** Twice the maximum segment lifetime. */
#define LAST_FLIGHT_KEPT_NS (240ULL * 1000000000ULL)
#define LAST_FLIGHT_APART_NS (100ULL * 1000000ULL)

struct last_flight {
    uint64_t handle;
    uint64_t made_ns;
    uint64_t sent_ns;
    struct flight flight;
    bool is_kept;
    uint8_t worker;
};

struct last_flights {
    struct table by_handle;
    struct last_flight *flights; /* [max], a ring in order of age */
    unsigned max;
    uint64_t made; /* ever kept; the next goes to made % max */
    uint64_t gone; /* older ones are forgotten */
};

bool sl_handshake_init_last_flights(struct last_flights *flights, unsigned max);
void sl_handshake_wipe_last_flights(struct last_flights *flights);
/** Keeps it, and owns its flight from then on; the oldest makes room. */
void sl_handshake_keep_last_flight(struct last_flights *flights, const struct last_flight *flight);
struct last_flight *sl_handshake_find_last_flight(struct last_flights *flights, uint64_t handle,
                                                  uint64_t now_ns);
void sl_handshake_forget_last_flight(struct last_flights *flights, uint64_t handle);
void sl_handshake_expire_last_flights(struct last_flights *flights, uint64_t now_ns);

/* ticket_keys.c: keys of session tickets, RFC 5077 4: a new one each period, the last still good.
 */

#define TICKET_KEY_NAME_LEN 16

struct ticket_key {
    bool is_valid;
    uint8_t name[TICKET_KEY_NAME_LEN]; /* public; the rest is secret */
    uint8_t cipher[32];
    uint8_t mac[32];
};

struct ticket_keys {
    struct sl_mac *mac; /* NULL: no tickets */
    uint8_t secret[32]; /* of the next period */
    uint64_t next_ns;   /* when that begins */
    uint64_t period_ns;
    uint64_t period_count;     /* that have begun */
    struct ticket_key kept[2]; /* of the last two periods, by parity */
};

/** All who begin with the same root and time have the same keys. false: no memory. */
bool sl_handshake_init_ticket_keys(struct ticket_keys *keys, const uint8_t root[32],
                                   uint64_t begin_ns, uint64_t period_ns);
void sl_handshake_wipe_ticket_keys(struct ticket_keys *keys);
/** Makes the keys of the periods that have begun until now, and forgets older ones. */
void sl_handshake_turn_ticket_keys(struct ticket_keys *keys, uint64_t now_ns);
/** What tickets are sealed with now; NULL: there is none. */
const struct ticket_key *sl_handshake_newest_ticket_key(const struct ticket_keys *keys);
/** What a ticket was sealed with, if it is still good; else NULL. */
const struct ticket_key *sl_handshake_find_ticket_key(const struct ticket_keys *keys,
                                                      const uint8_t name[TICKET_KEY_NAME_LEN]);

/* ticket_data.c: what a ticket says of its owner, beside what libssl needs. */

struct ticket_data {
    struct sl_identity identity; /* what the certificate says, and how it was checked */
    uint64_t expires_s;          /* when its chain ends, in seconds since 1970; 0: never */
    struct sl_chain chain;       /* empty without a certificate */
};
/** Longest: a subject that was cut, and as long a chain as can be noted. */
#define TICKET_DATA_MAX 1024

/** return the length, or 0: no room. */
size_t sl_handshake_write_ticket_data(const struct ticket_data *data, uint8_t *out, size_t out_len);
/** false: nothing that the above has written. */
bool sl_handshake_read_ticket_data(struct ticket_data *data, const uint8_t *bytes, size_t len);

/* chains.c: the peers' certificates, for as long as their sessions live. */

struct chains {
    struct table by_handle;
    unsigned count, max; /* max 0: none are kept */
};

bool sl_handshake_init_chains(struct chains *chains, unsigned max);
void sl_handshake_wipe_chains(struct chains *chains);
/** Takes the chain (from malloc), which is the first of its handle. false: there are too many, and
 * it stays the caller's. */
bool sl_handshake_keep_chain(struct chains *chains, uint64_t handle, struct sl_peer_chain *chain);
void sl_handshake_forget_chain(struct chains *chains, uint64_t handle);

/* sessions.c: what clients resume from, by the number their worker gave; RFC 5246 F.1.4. */

struct kept_session {
    uint64_t number;
    uint8_t *bytes; /* [len], secret; NULL: forgotten */
    size_t len;
    uint8_t method; /* enum sl_identity_method: how the server was checked when it began */
};

struct sessions {
    struct table by_number;
    struct kept_session *kept; /* [max], a ring in order of age */
    unsigned max;              /* 0: none are kept */
    uint64_t made;             /* ever kept; the next goes to made % max */
};

bool sl_handshake_init_sessions(struct sessions *sessions, unsigned max);
void sl_handshake_wipe_sessions(struct sessions *sessions);
/** Keeps a copy instead of what the number had before; the oldest makes room. Without memory for it
 * nothing is kept. */
void sl_handshake_keep_session(struct sessions *sessions, const struct kept_session *session);
const struct kept_session *sl_handshake_find_session(const struct sessions *sessions,
                                                     uint64_t number);
void sl_handshake_forget_session(struct sessions *sessions, uint64_t number);

#endif
