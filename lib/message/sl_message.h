/**
 * What the threads say to each other: fixed structs, some followed by bytes, over in-process rings
 * of lib/ring, one ring for each pair and direction.
 *
 * worker -> handshake: connect, record, plaintext, repeat, write, closed.
 * handshake -> worker: keys, send, established, deliver, forged, abort.
 * control -> worker:   attach, detach, admission, list forged, stop; find hop, begin, hang up,
 * fail. worker -> control:   detached, evict, usage, admission taken, listed, stopped; hop, up,
 * down.
 *
 * Every message about a session names it by its handle. A handle ends with `closed`, which is never
 * lost: the worker does not use the slot again before it has been accepted by the ring.
 */
#ifndef SL_MESSAGE_H
#define SL_MESSAGE_H

#include "sl_base.h"
#include "sl_identity.h"
#include "sl_record.h"
#include "sl_ring.h"

enum sl_message_kind {
    SL_MESSAGE_CONNECT = 64,
    SL_MESSAGE_RECORD,
    SL_MESSAGE_PLAINTEXT,
    SL_MESSAGE_REPEAT,
    SL_MESSAGE_WRITE,
    SL_MESSAGE_CLOSED,
    SL_MESSAGE_KEYS,
    SL_MESSAGE_SEND,
    SL_MESSAGE_ESTABLISHED,
    SL_MESSAGE_DELIVER,
    SL_MESSAGE_ABORT,
    SL_MESSAGE_ATTACH,
    SL_MESSAGE_DETACH,
    SL_MESSAGE_STOP,
    SL_MESSAGE_FIND_HOP,
    SL_MESSAGE_BEGIN,
    SL_MESSAGE_HANG_UP,
    SL_MESSAGE_FAIL,
    SL_MESSAGE_DETACHED,
    SL_MESSAGE_EVICT,
    SL_MESSAGE_USAGE,
    SL_MESSAGE_STOPPED,
    SL_MESSAGE_ADMISSION,
    SL_MESSAGE_ADMISSION_TAKEN,
    SL_MESSAGE_HOP,
    SL_MESSAGE_UP,
    SL_MESSAGE_DOWN,
    SL_MESSAGE_LIST_FORGED,
    SL_MESSAGE_LISTED,
    SL_MESSAGE_FORGED,
};

/** Bytes of a record, or of a flight's datagram, that a message carries at most. */
#define SL_MESSAGE_BYTES_MAX 9216

/**
 * Begins a handshake as a client under a handle that is new. The first `send` answers it. From then
 * on records, plaintexts and repeats go as in the server's role: whatever comes in epoch 0 is
 * forwarded until the session is established, alerts too.
 */
struct sl_message_connect {
    struct sl_path path;       /* remote is the server */
    uint16_t path_payload_max; /* UDP payload bytes that a datagram on this path may have */
    bool offers_cid;           /* RFC 9146 */
    uint8_t own_cid_len;       /* 0, when it is offered: the server is to send us none */
    uint8_t own_cid[20];
    uint16_t client;     /* which of the handshaker's clients */
    uint32_t timeout_ms; /* 0: the handshaker's own; no more than that */
    uint32_t credential; /* which pre-shared key, which certificate: modulo how many there are */
    uint64_t resume;     /* 0: none; else under which number this client's session is kept, and an
                            earlier one is resumed if it can be; no two clients share numbers */
};

/**
 * One raw record from the wire, header included, for a handshake: plaintext, or protected when it
 * came before the worker had keys. For a server the first one of a handle is a ClientHello whose
 * cookie was valid, first fragment first; it begins the handshake.
 */
struct sl_message_record {
    struct sl_path path;
    uint16_t service;
    uint8_t own_cid_len;
    uint8_t own_cid[20];
    uint16_t path_payload_max; /* UDP payload bytes that a datagram on this path may have */
    uint16_t bytes_len;
    uint8_t bytes[];
};

/** A record of epoch >= 1 that the worker opened before the session was established. */
struct sl_message_plaintext {
    uint16_t epoch;
    uint8_t type;
    uint8_t reserved;
    uint16_t bytes_len;
    uint8_t bytes[];
};

/**
 * Keys of an epoch, handshake -> worker, once per handshake, before the first `send` that needs
 * them. Allows the worker to seal and to open handshake records and alerts only. The peer's CID,
 * and whether it sends ours, come with the keys. Secret: the receiver wipes it.
 */
struct sl_message_keys {
    uint16_t epoch;
    uint8_t alg; /* enum sl_aead_alg */
    uint8_t own_cid_negotiated;
    uint8_t peer_cid_len;
    uint8_t peer_cid[SL_PEER_CID_MAX];
    uint8_t open_key[32], seal_key[32];
    uint8_t open_iv[12], seal_iv[12];
    uint16_t plain_max;      /* that the peer takes in a record: RFC 6066 4 */
    uint64_t write_next;     /* 0: the worker alone seals */
    struct sl_replay replay; /* what the handshake thread has opened itself so far */
    uint64_t forged;         /* and what it could not open */
};

/**
 * One datagram to be sent: records as plaintext, to be numbered by the worker, and sealed when
 * their epoch is not 0. bytes: count times {u8 type, u8 epoch, be16 len, len bytes}. Goes to the
 * session's path, never anywhere else. An epoch of SL_PART_SEALED marks a record, header and all,
 * that libssl has numbered and sealed: only a session without keys of the worker's has such.
 */
#define SL_PART_SEALED 0xff
struct sl_message_send {
    uint16_t count;
    uint16_t bytes_len;
    uint8_t bytes[];
};

/**
 * A peer's certificates as they were verified, its own first: for each its length, 3 bytes, and its
 * DER (the form of RFC 5246 7.4.2). Immutable.
 */
struct sl_peer_chain {
    uint32_t len;
    uint8_t bytes[]; /* [len] */
};

/** The peer's Finished has verified. */
struct sl_message_established {
    uint64_t expires_ns; /* when the first certificate of the peer's chain ends; 0: never */
    const struct sl_peer_chain *chain; /* the handshaker's, borrowed until `closed` is sent; NULL:
                                          none, or longer than is kept */
    struct sl_identity identity;
    bool is_resumed;      /* in an abbreviated handshake; then a client is told the method only, as
                             no certificate has come, and a server what the client's ticket says */
    bool is_legacy;       /* libssl keeps it: no keys come; see `write` and `deliver` */
    bool own_cid_in_use;  /* in the records that the peer sends */
    bool peer_cid_in_use; /* in the records that we send */
};

/**
 * Application data of a session that libssl keeps, in the one direction to be sealed and sent, in
 * the other to be given to the consumer. Its records go to the handshaker as during a handshake.
 * `deliver` also brings back what came as a `plaintext` behind a Finished, when that has verified.
 * is_close  no data but a close_notify; a `write` the handshaker answers with `abort`, a `deliver`
 *           comes for such sessions only as are not kept by libssl.
 */
struct sl_message_data {
    bool is_close;
    uint16_t bytes_len;
    uint8_t bytes[];
};

/** A session that libssl keeps has met another record that is not its client's. */
struct sl_message_forged {
    uint32_t forged; /* of all so far */
};

/** Why a handshake was given up. */
enum sl_abort_cause {
    SL_ABORT_FAILED,         /* for what libssl says; nothing more is known when it says nothing */
    SL_ABORT_OVERFLOW,       /* too many at once: it never began */
    SL_ABORT_CPU_SPENT,      /* processor time of all, or of its prefix, is spent: likewise */
    SL_ABORT_TIMED_OUT,      /* the peer has not answered, or not any more */
    SL_ABORT_REFUSED_PEER,   /* the peer's certificate */
    SL_ABORT_ALERT,          /* the peer has said no */
    SL_ABORT_FORGERIES,      /* a session that libssl keeps has met as many as a key may */
    SL_ABORT_CHAIN_TOO_LONG, /* the peer's certificates are too many, or too long */
};

/**
 * The handshake failed, or a session that libssl keeps is over: drop the session, and answer
 * `closed`. Alerts to send came before, as `send`. All of it is for logs and people:
 * sl_handshake_describe_abort makes a sentence of it.
 */
struct sl_message_abort {
    uint8_t cause;          /* enum sl_abort_cause */
    bool has_heard;         /* the peer has sent something that a handshake may have */
    uint8_t alert;          /* RFC 5246 7.2, with SL_ABORT_ALERT */
    uint32_t error;         /* OpenSSL's error code, or 0 */
    uint32_t verify_result; /* OpenSSL's X509_V_..., with SL_ABORT_REFUSED_PEER */
    uint32_t age_ms;        /* of the handshake */
};

struct sl_attachment; /* lib/registry: one consumer's rings for one worker */

struct sl_message_attach {
    struct sl_attachment *attachment; /* borrowed until `detached` */
};
struct sl_admission_rules; /* lib/admission */

/**
 * Rules in place of those before; `admission taken` names them when the worker reads no others any
 * more. Control frees the old ones when all workers have said so.
 */
struct sl_message_admission {
    const struct sl_admission_rules *rules; /* borrowed until others were taken */
};
struct sl_message_consumer {
    uint32_t consumer;
};

/** How far the key that a session sends with has been used. */
struct sl_message_usage {
    uint8_t usage;     /* enum sl_usage */
    uint8_t is_closed; /* the session has been closed for it */
};

/** Asks for the sessions whose keys have met forged records; instead of what was asked before. */
struct sl_message_list {
    uint32_t number; /* that the answers have */
};
struct sl_listed_session {
    uint64_t handle;
    uint64_t forged; /* records that did not verify under its key */
    struct sl_ip remote_ip;
    uint16_t remote_port;
};
#define SL_LISTED_MAX 16
/** Some of them; there may be several. */
struct sl_message_listed {
    uint32_t number;
    uint32_t count;
    bool is_last;
    struct sl_listed_session each[SL_LISTED_MAX];
};

/**
 * Sessions that the gateway begins. An *attempt* is one of them from when control begins it until
 * it is down; its number is never used again, and its index by no two at once. 0: none.
 */
#define SL_ATTEMPTS_MAX 256
static inline unsigned sl_attempt_index(uint32_t attempt)
{
    return attempt % SL_ATTEMPTS_MAX;
}

/** Seeks the MAC of a next hop; only the worker that asks for it is told. `hop` answers. */
struct sl_message_find_hop {
    uint32_t attempt;
    uint16_t group;
    struct sl_ip ip;
    struct sl_ip asker; /* one of the group's addresses, of the same family */
};
/** A card gives the answer to any worker: all agree on whose it is. FNV-1a. */
static inline unsigned sl_next_hop_worker(const struct sl_ip *ip, unsigned worker_count)
{
    uint32_t hash = 2166136261U;
    for (unsigned i = 0; i < sizeof ip->bytes; i++)
        hash = (hash ^ ip->bytes[i]) * 16777619U;
    return (hash >> 16 ^ hash) % worker_count;
}
struct sl_message_hop {
    uint32_t attempt;
    bool is_known; /* false: nobody has answered */
    uint8_t mac[SL_ETHER_ADDR_LEN];
};

/** Begins a session with a server; its 5-tuple is the worker's, and nobody else's. `up` follows, or
 * `down` does, and then nothing more. */
struct sl_message_begin {
    uint32_t attempt;
    uint16_t connection; /* which `connect` entry: of the handshaker's configuration */
    uint16_t service;
    uint32_t handshake_timeout_ms;
    bool offers_cid;     /* RFC 9146 */
    uint64_t silence_ns; /* after which a server that says nothing is gone; 0: never */
    struct sl_path path;
    char name[SL_CONNECTION_NAME_SIZE]; /* the entry's, for the consumer */
    uint32_t consumer; /* index of the one who has asked for it, and 1; 0: nobody has */
    uint32_t request;  /* under this number */
    /* Handle of the session whose place it is to take, or 0: that one's consumer gets it. */
    uint64_t replaces;
};
/** Ends it, whatever it has come to. `down` follows, unless it is under way. */
struct sl_message_hang_up {
    uint32_t attempt;
    uint8_t reason; /* enum sl_close_reason, for the consumer of one that is established */
};

/** Tells the consumer who has asked for a session why there is none. `down` follows when it has
 * been told, or is gone. */
struct sl_message_fail {
    uint32_t attempt;
    uint32_t consumer; /* its index */
    struct sl_ring_failed failed;
};

/** It is established; the message's session is its handle. */
struct sl_message_up {
    uint32_t attempt;
};

enum sl_down_cause {
    SL_DOWN_NO_SLOT,         /* the session table is full */
    SL_DOWN_TUPLE_TAKEN,     /* another session of the worker's has its addresses */
    SL_DOWN_HANDSHAKER_BUSY, /* its ring is full */
    SL_DOWN_STOPPING,
    SL_DOWN_DENIED,  /* its server's address, by the rules that the worker reads */
    SL_DOWN_ABORTED, /* for what `abort` says */
    SL_DOWN_CLOSED,  /* it was established, and is closed for close_reason */
};
struct sl_message_down {
    uint32_t attempt;
    uint8_t cause;        /* enum sl_down_cause */
    uint8_t close_reason; /* enum sl_close_reason */
    struct sl_message_abort abort;
};

/**
 * Sends a message: fixed [fixed_len] followed by bytes [bytes_len]. false when the ring is full:
 * nothing was sent. Visible to the receiver after sl_message_flush.
 */
bool sl_message_send(struct sl_ring_producer *to, enum sl_message_kind kind, uint64_t session,
                     const void *fixed, uint32_t fixed_len, const void *bytes,
                     uint32_t bytes_len) SL_MUST_USE;
static inline bool sl_message_flush(struct sl_ring_producer *to)
{
    return sl_ring_publish(to);
}

/** The next message, borrowed until sl_ring_release(from); NULL when there is none. */
struct sl_message {
    enum sl_message_kind kind;
    uint64_t session;
    const void *body;  /* 8-byte aligned */
    uint32_t body_len; /* fixed part and bytes */
};
bool sl_message_receive(struct sl_ring_consumer *from, struct sl_message *out) SL_MUST_USE;
/** Wipes a received body that holds keys, in the ring itself. */
void sl_message_wipe(const struct sl_message *message);

/** Walks the records of a `send`: false at the end, or when the rest is malformed. */
struct sl_message_part {
    uint8_t type;
    uint8_t epoch;
    uint16_t len;
    const uint8_t *bytes;
};
bool sl_message_next_part(struct sl_reader *bytes, struct sl_message_part *out) SL_MUST_USE;

/**
 * The epoch that the keys are for. own_cid [own_cid_len]: what the peer puts into its records, if
 * that was negotiated. epoch [sl_epoch_len(aead)]
 */
void sl_message_init_epoch(const struct sl_message_keys *keys, const struct sl_aead *aead,
                           const uint8_t *own_cid, uint8_t own_cid_len, struct sl_epoch *epoch);

/**
 * Writes the datagram that a `send` [body_len] stands for, numbered and sealed.
 * sealed  out: how many of its records are under a key.
 * return  SL_DROP_NONE, or why it is not to be sent.
 */
enum sl_drop sl_message_write_flight(const struct sl_message_send *send, uint32_t body_len,
                                     struct sl_aead *aead, const struct sl_record_source *source,
                                     struct sl_writer *to, unsigned *sealed) SL_MUST_USE;

#endif
