/**
 * What the files of lib/handshake share. Everything here belongs to the handshaker's one thread,
 * but for the counters, which others read.
 */
#ifndef SL_HANDSHAKE_PRIV_H
#define SL_HANDSHAKE_PRIV_H

#include <stdatomic.h>

#include <openssl/ssl.h>

#include "sl_handshake.h"
#include "sl_record.h"
#include "sl_wire.h"

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

/* last_flight.c: what a client may want again, RFC 6347 4.2.4. */

/** ChangeCipherSpec and Finished with room to spare: no tickets are sent. */
#define LAST_FLIGHT_MAX 96
/** Twice the maximum segment lifetime. */
#define LAST_FLIGHT_KEPT_NS (240ULL * 1000000000ULL)
#define LAST_FLIGHT_APART_NS (100ULL * 1000000ULL)

struct last_flight {
    uint64_t handle;
    uint64_t made_ns;
    uint64_t sent_ns;
    bool is_kept;
    uint8_t worker;
    uint16_t count; /* of parts; as in struct sl_message_send */
    uint16_t len;
    uint8_t bytes[LAST_FLIGHT_MAX];
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
/** Keeps a copy; the oldest makes room. */
void sl_handshake_keep_last_flight(struct last_flights *flights, const struct last_flight *flight);
struct last_flight *sl_handshake_find_last_flight(struct last_flights *flights, uint64_t handle,
                                                  uint64_t now_ns);
void sl_handshake_forget_last_flight(struct last_flights *flights, uint64_t handle);
void sl_handshake_expire_last_flights(struct last_flights *flights, uint64_t now_ns);

/* output.c: a flight as it was sent, to be sent again. */

struct flight {
    uint8_t *bytes; /* each datagram: struct sl_message_send and its bytes */
    size_t len;
};

/* One handshake. */

/** The messages of a client's in the order in which a full handshake has them, RFC 5246 7.3. */
enum step_kind {
    STEP_HELLO,
    STEP_CERTIFICATE,
    STEP_KEY_EXCHANGE,
    STEP_CERTIFICATE_VERIFY,
    STEP_FINISHED,
};
#define STEPS_MAX 5

enum handshake_state {
    HANDSHAKE_HELLO,   /* the ClientHello is not whole yet; there is no SSL */
    HANDSHAKE_RUNNING, /* libssl has it */
    HANDSHAKE_ENDED,   /* failed, and the worker knows; its handle has not been closed yet */
};

/** Two views of epoch 1, because libssl knows no connection IDs: docs/decisions/. */
struct keys {
    struct sl_epoch wire;           /* opens what the client sealed */
    struct sl_epoch inner;          /* seals it again for libssl, and opens what libssl sealed */
    struct sl_message_keys message; /* for the worker; wiped once it was sent */
};

/** Records that came before the keys and are worth waiting for. */
#define HELD_MAX 2

struct handshake {
    struct sl_handshaker *owner;
    uint64_t handle;
    unsigned worker;
    enum handshake_state state;
    uint64_t due_ns; /* timers.c */
    size_t heap_at;  /* timers.c; index + 1, 0: not in the heap */
    uint64_t give_up_ns;

    struct sl_path path;
    uint16_t path_payload_max;
    uint8_t own_cid_len;
    uint8_t own_cid[20];

    const enum step_kind *steps; /* what this client has to send, in order */
    unsigned step_count;
    unsigned step;      /* the next to be fed */
    uint16_t hello_seq; /* message sequence of the ClientHello; the steps count on from it */
    uint16_t key_exchange_len;
    struct assembly messages[STEPS_MAX];

    SSL *ssl;
    uint8_t cookie[255];
    uint8_t cookie_len;
    bool cid_wanted; /* the client offered a length that we take */
    bool cid_negotiated;
    uint8_t peer_cid_len;
    uint8_t peer_cid[SL_PEER_CID_MAX];
    const uint8_t *input; /* the record that libssl reads next */
    size_t input_len;
    uint64_t input_seq; /* next record number of epoch 0 on libssl's side */
    bool drops_hello_verify;
    struct keys *keys; /* NULL until the ClientKeyExchange was fed */
    unsigned held_count;
    struct held {
        uint8_t *record;
        uint16_t len;
    } held[HELD_MAX];
    struct sl_identity identity; /* the certificate's part, once it has verified */
    uint64_t sent_ns;            /* when something was sent last */
    bool keeps_first_flight;     /* what is sent now is the first flight */
    struct flight first_flight;
    bool keeps_output; /* what is sent now is the last flight */
    struct last_flight last_flight;
};

struct sl_handshaker {
    struct sl_handshaker_config config;
    SSL_CTX *ctx;
    BIO_METHOD *bio_method;
    struct sl_aead *aead;
    int keylog_fd; /* -1: none */
    uint64_t now_ns;
    struct table handshakes;
    unsigned handshake_count; /* ended ones included */
    struct timers timers;
    struct last_flights last_flights;
    struct outbox *outboxes; /* [worker_count] */
    atomic_uint in_progress;
    _Atomic uint64_t counters[SL_HANDSHAKE_COUNTER_COUNT];
    uint8_t record[SL_RECORD_PLAINTEXT_MAX + SL_RECORD_OVERHEAD_MAX]; /* for libssl to read */
    uint8_t plain[SL_RECORD_PLAINTEXT_MAX + SL_RECORD_OVERHEAD_MAX];  /* of a client's record */
    uint8_t output[SL_RECORD_PLAINTEXT_MAX + SL_RECORD_OVERHEAD_MAX]; /* of a record of libssl's */
    uint8_t send[SL_MESSAGE_BYTES_MAX];
};

static inline void sl_handshake_count(struct sl_handshaker *handshaker,
                                      enum sl_handshake_counter counter)
{
    uint64_t value = atomic_load_explicit(&handshaker->counters[counter], memory_order_relaxed);
    atomic_store_explicit(&handshaker->counters[counter], value + 1, memory_order_relaxed);
}

static inline struct outbox *sl_handshake_outbox(const struct handshake *handshake)
{
    return &handshake->owner->outboxes[handshake->worker];
}

/* handshake.c: its life. */

/** Begins one; NULL when there are too many or no memory: counted, and the worker is told. */
struct handshake *sl_handshake_begin(struct sl_handshaker *handshaker, unsigned worker,
                                     uint64_t handle, const struct sl_message_record *first);
/** Something is due: a retransmission, or the end. */
void sl_handshake_expire(struct handshake *handshake);
/** Sets its timer to what is due next: libssl's retransmission, or giving up. */
void sl_handshake_arm(struct handshake *handshake);
/**
 * Ends it and tells the worker. It is remembered until the worker closes the handle, so that what
 * is still on its way here does not begin another one; the caller must not touch it again.
 */
void sl_handshake_fail(struct handshake *handshake, enum sl_handshake_counter outcome);
/** Ends it, unless it had ended, and frees it: completed, or closed by the worker. */
void sl_handshake_end(struct handshake *handshake, enum sl_handshake_counter outcome);

/* input.c: what comes in. The handshake may be gone afterwards, but for sl_handshake_open_held. */

void sl_handshake_take_record(struct handshake *handshake, const uint8_t *record, size_t len);
/** An authentic record of epoch 1; the handshake has keys. */
void sl_handshake_take_plaintext(struct handshake *handshake, uint8_t type, const uint8_t *bytes,
                                 size_t len);
/** Takes the records that came before the keys. false: the client has given up. */
bool sl_handshake_open_held(struct handshake *handshake);

/* steps.c: what a client has to send, and what is done about it. */

void sl_handshake_choose_steps(struct handshake *handshake, bool is_mutual);
/**
 * The step a fragment belongs to, or step_count. A forged fragment that no client could send now
 * must not come near libssl, which would end the handshake over it.
 */
unsigned sl_handshake_step_of(const struct handshake *handshake, const struct fragment *fragment,
                              bool is_protected);
/** Goes on as far as the messages that are there allow. The handshake may be gone afterwards. */
void sl_handshake_advance(struct handshake *handshake);

/* hello.c: from the ClientHello to libssl's first flight. */

/** Makes the SSL and leads it past the cookie. false: the handshake has failed. */
bool sl_handshake_enter(struct handshake *handshake);

/* keys.c */

/** Derives the keys from libssl's master secret. false: it has none, or libcrypto failed. */
bool sl_handshake_derive_keys(struct handshake *handshake);
/** Tells the worker, once. false: no memory. */
bool sl_handshake_send_keys(struct handshake *handshake);
/** Opens a record of epoch 1; plain is handshaker->plain. false: it is dropped. */
bool sl_handshake_open(struct handshake *handshake, const uint8_t *record, size_t len,
                       uint8_t *type, size_t *plain_len);
void sl_handshake_free_keys(struct keys *keys);

/* bio.c: what libssl reads from and writes to. */

BIO_METHOD *sl_handshake_make_bio_method(void);
/**
 * Feeds libssl one record, plaintext here, under a number of our own. return SSL_ERROR_NONE when
 * the handshake is done, SSL_ERROR_WANT_READ when it goes on, else it has failed.
 */
int sl_handshake_feed(struct handshake *handshake, uint8_t type, uint8_t epoch,
                      const uint8_t *plain, size_t len);

/* output.c: libssl's datagrams to messages for the worker. */
void sl_handshake_take_output(struct handshake *handshake, const uint8_t *datagram, size_t len);
/** Sends ServerHello to ServerHelloDone again, unless that was done a moment ago. */
void sl_handshake_repeat_first_flight(struct handshake *handshake);
void sl_handshake_forget_first_flight(struct handshake *handshake);

/* context.c, connection_id.c: what all SSL objects have in common. */
bool sl_handshake_make_context(struct sl_handshaker *handshaker, char *reason);
bool sl_handshake_negotiate_connection_ids(SSL_CTX *ctx);

#endif
