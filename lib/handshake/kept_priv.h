/**
 * What is kept of handshakes that are over, each a file of its own that knows nothing of libssl.
 */
#ifndef SL_HANDSHAKE_KEPT_PRIV_H
#define SL_HANDSHAKE_KEPT_PRIV_H

#include "parts_priv.h"
#include "sl_identity.h"

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
