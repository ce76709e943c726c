/**
 * DTLS 1.2 handshakes on stock libssl, as server and as client: messages from workers in, messages
 * to workers out, the time an argument. The only place that knows <openssl/ssl.h>. RFC 6347 4.2,
 * RFC 9146; docs/decisions/.
 *
 * One handshaker belongs to one thread (or to a simulation). It has no thread, clock or socket.
 */
#ifndef SL_HANDSHAKE_H
#define SL_HANDSHAKE_H

#include "sl_admission.h"
#include "sl_base.h"
#include "sl_identity.h"
#include "sl_message.h"

struct sl_handshaker;

/** What begins with SL_MESSAGE_CONNECT: one of the clients that a handshaker can be. */
struct sl_client_config {
    struct sl_client_credentials *credentials; /* the handshaker takes a share of its own; NULL:
                                                  there is no client of this index */
    const char *suites; /* OpenSSL's names, colons between them; NULL: what the credentials allow */
    bool plain_psk;     /* then: without forward secrecy, too, and AES-CCM in general */
    bool tickets;       /* RFC 5077; without them a server may keep sessions itself */
    unsigned sessions_max; /* kept to be resumed, of some 300 bytes each; the oldest make room */
    bool believes_alerts;  /* an alert that anybody could have written ends a handshake at once, and
                              not only when nothing better has come in time */
};

/** Asks whoever has the pre-shared keys, and takes the answers, in any order; neither waits. */
#define SL_HANDSHAKE_QUESTIONS_MAX 256 /* that wait for their answers at once */
struct sl_handshake_question {
    uint64_t number; /* never 0, and no other's */
    const char *service;
    const uint8_t *identity; /* [identity_len], borrowed for the call */
    size_t identity_len;     /* at most SL_PSK_IDENTITY_MAX */
};
struct sl_handshake_answer {
    uint64_t number;
    uint8_t key_len; /* 0: nobody has that identity */
    uint8_t key[SL_PSK_KEY_MAX];
};
struct sl_handshake_lookup {
    /* false: it can't be asked now */
    bool (*ask)(void *arg, const struct sl_handshake_question *question);
    /* false: there is none */
    bool (*next_answer)(void *arg, struct sl_handshake_answer *out);
    void *arg;
};

/** A service that clients come for: sl_message_record.service is its index. */
struct sl_handshake_service {
    const char *name;       /* borrowed for the call */
    struct sl_trust *trust; /* the handshaker takes a share of its own; NULL: anybody */
    /* Pre-shared keys, RFC 4279: from at most one of a file and the lookup program. */
    struct sl_psks *psks; /* NULL: none; else the handshaker takes a share of its own */
    bool looks_up;        /* the lookup program is asked */
    bool plain_psk;       /* without forward secrecy, too, and AES-CCM in general */
    bool takes_only_psk;  /* no certificate is shown or taken */
};

/** What handshakes begin with, in either role. */
struct sl_handshake_roles_config {
    struct sl_credentials *credentials; /* a server's; a share is taken; NULL: none, where services
                                           take only pre-shared keys */
    const struct sl_handshake_service *services; /* [service_count], borrowed for the call */
    unsigned service_count;                      /* 0: it is no server */
    const struct sl_client_config *clients;      /* [client_count], borrowed for the call */
    unsigned client_count;                       /* 0: it is no client */
};

struct sl_handshaker_config {
    struct sl_handshake_roles_config roles;
    const struct sl_handshake_lookup *lookup; /* NULL: no service looks up */
    unsigned lookup_timeout_ms;               /* an answer that takes longer is none */
    unsigned worker_count;
    struct sl_ring_consumer **from_worker; /* [worker_count], borrowed */
    struct sl_ring_producer **to_worker;   /* [worker_count], borrowed */
    /* At once; beyond: aborted and counted. Where there are services, those of their clients: the
     * workers' attempts have room of their own beside them. */
    unsigned handshakes_max;
    unsigned last_flights_max; /* finished handshakes whose last flight is kept */
    unsigned chains_max;    /* sessions whose peers' certificates are kept for consumers; 0: none */
    unsigned chain_len_max; /* a longer chain is not kept */
    /* Bytes of a peer's certificates, each with 3 for its length; 0: as a message has room for. */
    uint32_t certificate_chain_max;
    unsigned first_timeout_ms;     /* 100..60000; RFC 6347 4.2.4.1 says 1000 */
    unsigned handshake_timeout_ms; /* a handshake older than this is aborted */
    bool connection_ids;           /* negotiate RFC 9146 when a client offers it */
    unsigned legacy_sessions_max;  /* 0: none; else how many sessions with AES-CBC, encrypt-then-MAC
                                      and HMAC-SHA1 libssl may keep for clients that know no AEAD */
    uint64_t legacy_forged_max;    /* forged records that end such a session; 0: as under AES-GCM */
    unsigned ticket_lifetime_s; /* of session tickets for clients, RFC 5077: for how long a session
                                   can be resumed; 0: none */
    uint8_t ticket_root[32];    /* secret, random; whoever shares it takes each other's tickets */
    uint64_t ticket_root_ns;    /* when the root was made, by the clock of sl_handshaker_poll */
    /* Of the thread's processor time, what servers' handshakes may take, of all and of one source
     * prefix: beyond it none begins. 0, or without a clock: all of it. */
    uint64_t (*cpu_ns)(void); /* of the calling thread */
    unsigned cpu_percent, cpu_percent_per_prefix;
    uint8_t prefix_len_v4, prefix_len_v6; /* bits of a source prefix */
    uint8_t prefix_key[16];               /* secret and random */
    const char *keylog_file;              /* NULL, or where secrets go in NSS key log format */
};

/** Counters of a handshaker; written by its thread only, read by telemetry. */
#define SL_HANDSHAKE_COUNTER_LIST(X)                                                               \
    X(STARTED, "handshakes begun")                                                                 \
    X(COMPLETED, "handshakes completed")                                                           \
    X(FAILED, "handshakes that failed")                                                            \
    X(TIMED_OUT, "handshakes given up after their time")                                           \
    X(REFUSED_PEER, "handshakes refused for the peer's certificate")                               \
    X(REFUSED_PSK, "handshakes refused: the peer did not know the pre-shared key")                 \
    X(CHAIN_TOO_LONG, "handshakes refused: the peer's certificate chain was too long")             \
    X(PSK_UNKNOWN, "pre-shared key identities that nobody has")                                    \
    X(PSK_LOOKUP, "pre-shared keys that the lookup program was asked for")                         \
    X(PSK_UNANSWERED, "pre-shared keys that the lookup program did not tell in time")              \
    X(OVERFLOW, "handshakes not begun: too many at once")                                          \
    X(CPU_SPENT, "handshakes not begun: processor time of all or of their prefix is spent")        \
    X(CONNECTION_ID, "handshakes completed with a connection ID")                                  \
    X(LEGACY, "handshakes completed with AES-CBC: libssl keeps the session")                       \
    X(LEGACY_FORGED, "forged records met by sessions that libssl keeps")                           \
    X(LEGACY_REPEATED, "handshake messages to sessions that libssl keeps, not answered: too many") \
    X(LEGACY_CLOSED, "sessions that libssl kept, closed")                                          \
    X(RESUMED, "handshakes completed that resumed a session")                                      \
    X(TICKET_ISSUED, "session tickets given to clients")                                           \
    X(TICKET_DECLINED, "session tickets that did not resume their session")                        \
    X(RETRANSMITTED, "flights sent again, on a timer or on request")                               \
    X(LAST_FLIGHT_REPEATED, "last flights sent again on request")                                  \
    X(EARLY_DATA, "application data records met before the Finished was verified")                 \
    X(BAD_RECORD, "records for a handshake that did not verify or parse")                          \
    X(FRAGMENT_LIMIT, "records cut short: too many fragments or bytes for their handshake")        \
    X(AHEAD_LIMIT, "fragments dropped: too many bytes before their turn for their handshake")      \
    X(CHAIN_LEFT_OUT, "verified chains that consumers do not get: too long, or too many")          \
    X(STALE, "messages for a handshake that is gone")                                              \
    X(WORKER_RING_FULL, "messages lost because a worker's ring was full")

enum sl_handshake_counter {
#define X(name, text) SL_HANDSHAKE_##name,
    SL_HANDSHAKE_COUNTER_LIST(X)
#undef X
        SL_HANDSHAKE_COUNTER_COUNT,
};
const char *sl_handshake_counter_name(enum sl_handshake_counter counter);
const char *sl_handshake_counter_text(enum sl_handshake_counter counter);

/** What a client's failed handshake came to, in one sentence for people: text [SL_REASON_LEN]. */
void sl_handshake_describe_abort(const struct sl_message_abort *abort, char *text);

/** return the handshaker, or NULL and reason [SL_REASON_LEN] filled. Allocates. */
struct sl_handshaker *sl_handshaker_create(const struct sl_handshaker_config *config, char *reason);
void sl_handshaker_destroy(struct sl_handshaker *handshaker);

/**
 * What handshakes begin with, made: certificates, services and whom they take, clients. On any
 * thread, with shares of its own of what is in the configuration; there are as many services as the
 * handshaker has. NULL and reason [SL_REASON_LEN] when there is no certificate and a
 * service needs one, or libssl refuses.
 */
struct sl_handshake_roles;
struct sl_handshake_roles *sl_handshake_roles_create(const struct sl_handshaker *handshaker,
                                                     const struct sl_handshake_roles_config *config,
                                                     char *reason);
void sl_handshake_roles_destroy(struct sl_handshake_roles *roles);
/**
 * Handshakes begin with these from the handshaker's next poll on, and those that a message asks for
 * that is sent after this call; those that have begun end with what they began with. Called by one
 * thread, any. The handshaker owns them then.
 * return false: it has not taken the last ones yet, and these stay the caller's.
 */
bool sl_handshaker_replace_roles(struct sl_handshaker *handshaker,
                                 struct sl_handshake_roles *roles) SL_MUST_USE;
/** It has taken all that it was given. */
bool sl_handshaker_has_replaced_roles(const struct sl_handshaker *handshaker);

/**
 * Handles what waits in the workers' rings (at most `budget` messages a worker) and the timers that
 * are due. return whether there was anything to do. now_ns is monotonic.
 */
bool sl_handshaker_poll(struct sl_handshaker *handshaker, uint64_t now_ns, unsigned budget);
/** When the next timer is due; UINT64_MAX for none. */
uint64_t sl_handshaker_next_timer(const struct sl_handshaker *handshaker);

uint64_t sl_handshaker_counter(const struct sl_handshaker *handshaker,
                               enum sl_handshake_counter counter);
/** Handshakes in progress. Any thread. */
unsigned sl_handshaker_in_progress(const struct sl_handshaker *handshaker);

#endif
