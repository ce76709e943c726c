/**
 * What the files of lib/handshake share. Everything here belongs to the handshaker's one thread,
 * but for the counters, which others read.
 */
#ifndef SL_HANDSHAKE_PRIV_H
#define SL_HANDSHAKE_PRIV_H

#include <stdatomic.h>

#include <openssl/ssl.h>

#include "assembly_priv.h"
#include "contexts_priv.h"
#include "kept_priv.h"
#include "parts_priv.h"
#include "roles_priv.h"
#include "sl_handshake.h"
#include "sl_record.h"
#include "ticket_priv.h"

/* One handshake. */

/** Messages that are put together at the same time. */
#define MESSAGES_MAX 8

enum handshake_state {
    HANDSHAKE_HELLO,   /* server: the ClientHello is not whole yet; there is no SSL */
    HANDSHAKE_RUNNING, /* libssl has it */
    HANDSHAKE_KEPT,    /* legacy.c: complete, and libssl goes on with its records */
    HANDSHAKE_ENDED,   /* failed, and the worker knows; its handle has not been closed yet */
};

/** Two views of epoch 1, because libssl knows no connection IDs: docs/decisions/. */
struct keys {
    struct sl_epoch wire;           /* opens what the peer sealed */
    struct sl_epoch inner;          /* seals it again for libssl, and opens what libssl sealed */
    struct sl_message_keys message; /* for the worker; wiped once it was sent */
    bool is_sent;
    bool is_proven; /* the peer has them: a record of its has opened */
};

/** Records that came before the keys and are worth waiting for. */
#define HELD_MAX 2

/** What of the output the peer may want again. */
enum keeping {
    KEEPS_NOTHING,
    KEEPS_FLIGHT,      /* all of it */
    KEEPS_LAST_FLIGHT, /* what belongs to the last flight: output.c */
};

struct handshake {
    struct sl_handshaker *owner;
    const struct role *role;
    uint64_t handle;
    unsigned worker;
    enum handshake_state state;
    uint64_t due_ns; /* timers.c */
    size_t heap_at;  /* timers.c; index + 1, 0: not in the heap */
    uint64_t begun_ns, give_up_ns;
    uint64_t refuse_ns; /* 0, or when a client is told that it has no key: server_psk.c */
    bool is_doubted;    /* something that the peer, or anybody, has sent can't be taken: give_up */
    bool has_heard;     /* the peer has sent something that a handshake may have */
    bool was_alerted;   /* it has sent an alert that ends one */
    uint8_t alert;
    bool has_long_chain; /* its certificates are too many */

    struct sl_path path;
    uint16_t datagram_max; /* bytes of each datagram that it sends */
    uint8_t own_cid_len;
    uint8_t own_cid[20];

    struct sl_handshake_roles *roles; /* that it began with; it is one of their users */
    struct server_side server;
    struct client_side client;
    struct assembly messages[MESSAGES_MAX];
    uint64_t fragments_full_ns, bytes_full_ns; /* limits.c: buckets */

    SSL *ssl;
    bool cid_negotiated;
    uint8_t peer_cid_len;
    uint8_t peer_cid[SL_PEER_CID_MAX];
    const uint8_t *input; /* the record that libssl reads next */
    size_t input_len;
    uint64_t input_seq; /* next record number of epoch 0 on libssl's side */
    struct keys *keys;  /* NULL until libssl has the master secret */
    unsigned held_count;
    struct held {
        uint8_t *record;
        uint16_t len;
    } held[HELD_MAX];
    struct sl_trust *trust;      /* the service's or the client's, borrowed; NULL: anybody */
    uint8_t method;              /* enum sl_identity_method: by what the peer has been taken */
    uint8_t refusal;             /* the alert that says why it was not, 0: libssl's */
    struct sl_identity identity; /* the certificate's part, once it has verified */
    uint64_t sent_ns;            /* when something was sent last */
    enum keeping keeps;
    struct flight flight;
};

struct sl_handshaker {
    struct sl_handshaker_config config;
    struct sl_handshake_roles *roles;
    _Atomic(struct sl_handshake_roles *) next_roles; /* from another thread; NULL: none */
    BIO_METHOD *bio_method;
    struct sl_aead *aead;
    int keylog_fd; /* -1: none */
    uint64_t now_ns;
    struct table handshakes;
    struct population {
        unsigned max;   /* in progress; twice as many are known */
        unsigned known; /* ended ones included, but not those that libssl keeps */
        unsigned in_progress;
    } strangers, own;      /* that clients have begun, and we: neither takes room from the other */
    unsigned legacy_count; /* sessions that libssl keeps, and handshakes on their way there */
    struct timers timers;
    struct last_flights last_flights;
    struct chains chains;
    struct sessions sessions;
    struct ticket_keys ticket_keys;
    struct outbox *outboxes; /* [worker_count] */
    struct cpu_share cpu;
    struct table questions; /* number -> handshake that waits for the lookup program */
    unsigned question_count;
    uint64_t questions_asked; /* ever */
    atomic_uint in_progress;
    _Atomic uint64_t counters[SL_HANDSHAKE_COUNTER_COUNT];
    uint8_t record[SL_RECORD_PLAINTEXT_MAX + SL_RECORD_OVERHEAD_MAX]; /* for libssl to read */
    uint8_t plain[SL_RECORD_PLAINTEXT_MAX + SL_RECORD_OVERHEAD_MAX];  /* of a peer's record */
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

/* inbox.c */

/** A message of a worker's, borrowed. Whatever is wrong with it is counted. */
void sl_handshake_take_message(struct sl_handshaker *handshaker, unsigned worker,
                               const struct sl_message *message);

/* handshake.c: its life. */

struct handshake_start {
    const struct role *role;
    unsigned worker;
    uint64_t handle;
    const struct sl_path *path;
    uint16_t path_payload_max;
    uint8_t own_cid_len;
    const uint8_t *own_cid; /* [20] */
};
/** Begins one; NULL when there are too many or no memory: counted, and the worker is told. */
struct handshake *sl_handshake_begin(struct sl_handshaker *handshaker,
                                     const struct handshake_start *start);
/** Goes on as far as the messages that are there allow. The handshake may be gone afterwards. */
void sl_handshake_advance(struct handshake *handshake);
/** Something is due: a retransmission, or the end. */
void sl_handshake_expire(struct handshake *handshake);
/** Sets its timer to what is due next: libssl's retransmission, or giving up. */
void sl_handshake_arm(struct handshake *handshake);
/**
 * Ends it and tells the worker. It is remembered until the worker closes the handle, so that what
 * is still on its way here does not begin another one; the caller must not touch it again.
 */
void sl_handshake_fail(struct handshake *handshake, enum sl_handshake_counter outcome);
/** A session that was kept is over: it is now a handshake that has ended. */
void sl_handshake_end_kept(struct handshake *handshake);
/** Gives it no longer than this from its beginning; 0: no less than others have. */
void sl_handshake_hasten(struct handshake *handshake, uint32_t timeout_ms);
/** Ends it, unless it had ended, and frees it: completed, or closed by the worker. */
void sl_handshake_end(struct handshake *handshake, enum sl_handshake_counter outcome);

/* limits.c: what one handshake may cost. */

/** Fragments of one record that are looked at: no flight has more messages, and no datagram is to
 * take the others' share. */
#define FRAGMENTS_PER_RECORD 16
/** Before a fragment with a body of this length is looked at. false: the peer has sent too much. */
bool sl_handshake_pay_for_fragment(struct handshake *handshake, uint32_t len);
/**
 * Puts a fragment to messages[at]; libssl is to get messages[turn] next, for which there is always
 * room. false: no memory.
 */
bool sl_handshake_keep_fragment(struct handshake *handshake, unsigned at, unsigned turn,
                                const struct fragment *fragment);

/* chain_limit.c: how long a chain a peer may show. */

bool sl_handshake_takes_chain_len(const struct handshake *handshake, uint32_t msg_len);
/** A fragment that is not kept while the peer's Certificate is due: is it for its length? */
void sl_handshake_weigh_chain(struct handshake *handshake, const struct fragment *fragment);
/** libssl may see the Certificate: it has not too many. Else the handshake has failed. */
bool sl_handshake_takes_chain(struct handshake *handshake, const struct assembly *message);
void sl_handshake_refuse_chain(struct handshake *handshake);

/* input.c: what comes in. The handshake may be gone afterwards, but for sl_handshake_open_held. */

/** An alert that ends what it comes in. */
bool sl_handshake_is_end(const uint8_t *alert, size_t len);
void sl_handshake_take_record(struct handshake *handshake, const uint8_t *record, size_t len);
/** An authentic record of epoch 1; the handshake has keys. */
void sl_handshake_take_plaintext(struct handshake *handshake, uint8_t type, const uint8_t *bytes,
                                 size_t len);
/** Takes the records that came before the keys. false: the peer has given up. */
bool sl_handshake_open_held(struct handshake *handshake);
void sl_handshake_drop_held(struct handshake *handshake);

/* finish.c: how a handshake comes to its end, in either role. */

/** Whole seconds until the first certificate of the peer's verified chain ends. false: it has shown
 * none. */
bool sl_handshake_time_left(const struct handshake *handshake, int64_t *left_s);
/** Notes whom libssl has just verified. false: a key without a canonical form. */
bool sl_handshake_identify(struct handshake *handshake);
/** Feeds libssl a Finished that has come under the keys. false: it did not verify. */
bool sl_handshake_feed_finished(struct handshake *handshake, const struct assembly *message);
/** Tells the worker that the session is established. false: no memory. */
bool sl_handshake_establish(struct handshake *handshake);
/** Keeps the flight as the last one, for a peer that asks for it again when all is over. */
void sl_handshake_keep_last(struct handshake *handshake);

/* ssl.c */

/** Makes the handshake's SSL. false: no memory. */
bool sl_handshake_make_ssl(struct handshake *handshake, SSL_CTX *ctx);

/* keys.c */

/** The number (IANA) is one of a suite whose records we can protect. */
bool sl_handshake_knows_suite(uint16_t number);
/** Derives the keys from libssl's master secret. false: it has none, or libcrypto failed. */
bool sl_handshake_derive_keys(struct handshake *handshake);
/**
 * Tells the worker, once; but where the peer's knowledge of a pre-shared key is in question, only
 * when it has proven it, so that what does not open is seen here. false: no memory.
 */
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
/** The same for a handshake message that is whole. */
int sl_handshake_feed_message(struct handshake *handshake, uint8_t epoch,
                              const struct assembly *message);

/* session.c: a session of libssl's as compact bytes. */

/** Keeps it for the client's next handshake, if it asked for that. */
void sl_handshake_save_session(struct handshake *handshake);
/** Offers to resume the one that is kept, if any. false: no memory. */
bool sl_handshake_offer_session(struct handshake *handshake);

/* abort.c */

void sl_handshake_post_abort(struct sl_handshaker *handshaker, unsigned worker, uint64_t handle,
                             const struct sl_message_abort *message);
/** Sends a fatal alert in the clear, RFC 5246 7.2.2, and ends the handshake. */
void sl_handshake_fail_with_alert(struct handshake *handshake, uint8_t description,
                                  enum sl_handshake_counter outcome);
/** Its time is over. Who is in doubt hears what of; not before, as anybody can have written what
 * casts the doubt, and then the true message may still come. */
void sl_handshake_give_up(struct handshake *handshake);
/** Why this handshake fails, for its worker. */
struct sl_message_abort sl_handshake_explain(const struct handshake *handshake,
                                             enum sl_handshake_counter outcome);

/* output.c: libssl's datagrams to messages for the worker. */
void sl_handshake_take_output(struct handshake *handshake, const uint8_t *datagram, size_t len);
/** Sends the flight that is kept again, unless that was done a moment ago. */
void sl_handshake_repeat_flight(struct handshake *handshake);

#endif
