/**
 * libsluice: local programs at the other end of a Sluice gateway. libsluice(3).
 *
 * A consumer registers for a service by name and then exchanges plaintext messages with the
 * service's DTLS sessions over shared memory. One `struct sluice` belongs to one thread at a time;
 * a program may have several. After fork one of the two processes goes on with it; the other may
 * call sluice_disconnect, which then only frees. Calls fail with a negative errno.
 */
#ifndef SLUICE_H
#define SLUICE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLUICE_DEFAULT_SOCKET "/run/sluice/consumers.sock"

struct sluice;

/** A session's handle: unique for the life of the gateway process; old ones are refused by the
 * next. */
typedef uint64_t sluice_session;

enum sluice_event_kind {
    SLUICE_DATA = 1,    /* data, data_len: one DTLS record's plaintext */
    SLUICE_OPEN = 2,    /* a session is established and is this consumer's: peer */
    SLUICE_MOVED = 3,   /* the peer has a new address: address, port, confirmed */
    SLUICE_CLOSE = 4,   /* the session is gone: reason; its handle is dead */
    SLUICE_REFUSED = 5, /* a message sent on the session was refused: reason */
    SLUICE_FAILED = 6,  /* no session came of sluice_request: request, text */
};

enum sluice_close_reason {
    SLUICE_CLOSE_PEER = 1,     /* the peer closed it */
    SLUICE_CLOSE_IDLE = 2,     /* nothing came or went for too long */
    SLUICE_CLOSE_CONSUMER = 3, /* sluice_close_session */
    SLUICE_CLOSE_REPLACED =
        4,                  /* the peer began a new session from the same address; or a session of
                               the same connection has its place: replaces, in its SLUICE_OPEN */
    SLUICE_CLOSE_LIMIT = 5, /* its keys have reached their usage limit */
    SLUICE_CLOSE_SHUTDOWN = 6, /* the gateway is stopping */
    SLUICE_CLOSE_EXPIRED = 7,  /* the peer's certificate is not valid any more */
    SLUICE_CLOSE_DENIED = 8,   /* the gateway's operator has denied the peer's address */
    SLUICE_CLOSE_REMOVED = 9,  /* its connection is not configured any more, or another one */
};

enum sluice_refuse_reason {
    SLUICE_REFUSE_HANDLE = 1,      /* no session of this consumer's, or not any more */
    SLUICE_REFUSE_CLOSING = 2,     /* its session is closing */
    SLUICE_REFUSE_TOO_LARGE = 3,   /* longer than the path to this peer takes */
    SLUICE_REFUSE_UNCONFIRMED = 4, /* the peer's new address has had its share until confirmed */
    SLUICE_REFUSE_NO_BUFFER = 5,   /* the gateway has no buffer left */
};

/** By what the peer was taken. */
enum sluice_peer_method {
    SLUICE_PEER_ANONYMOUS = 0,   /* anybody is */
    SLUICE_PEER_CERTIFICATE = 1, /* a certificate that a trusted authority vouches for */
    SLUICE_PEER_FINGERPRINT = 2, /* a certificate with a trusted fingerprint */
    SLUICE_PEER_PSK = 3,         /* a pre-shared key */
    SLUICE_PEER_NODE_ID = 4,     /* a certificate for a key with a trusted node id */
};
/** One word: "anonymous", "certificate", "fingerprint", "psk", "node_id"; "unknown". */
const char *sluice_peer_method_name(uint8_t method);

/** Who the peer is, as the handshake verified it. Addresses are IPv4-mapped where IPv4. */
struct sluice_peer {
    uint8_t method;  /* enum sluice_peer_method */
    uint8_t cid_len; /* of the connection ID in use; 0: none */
    uint16_t suite;  /* TLS cipher suite, IANA number */
    uint16_t remote_port;
    uint16_t local_port;
    uint8_t remote_ip[16];
    uint8_t local_ip[16];
    uint8_t certificate_sha256[32];
    uint8_t public_key_sha256[32];
    char node_id[80];    /* of its key; "" without a certificate */
    char subject[144];   /* SLUICE_PEER_PSK: the identity of its key. Else what the certificate
                            calls it: proves nothing, but from an authority */
    char connection[32]; /* which `connect` entry of the gateway's this session comes of; "": the
                            peer began it */
    uint64_t replaces;   /* a session of this connection, which this one takes the place of and
                            which will be closed: send here from now on; 0: none */
    uint32_t
        request; /* of sluice_request, which asked for it; 0: nobody did, or another consumer */
    uint32_t reserved;
};

struct sluice_event {
    enum sluice_event_kind kind;
    uint16_t reason;   /* CLOSE: enum sluice_close_reason; REFUSED: enum sluice_refuse_reason */
    uint8_t confirmed; /* MOVED: 1 when it is the session's address now */
    sluice_session session;
    uint64_t time_ns; /* CLOCK_MONOTONIC: arrival at the gateway */
    const void *data; /* DATA: in shared memory, read-only, valid until the next receive */
    uint32_t data_len;
    uint16_t port;                  /* MOVED */
    uint8_t address[16];            /* MOVED */
    const struct sluice_peer *peer; /* OPEN: valid until the next receive */
    /* OPEN: the peer's certificates as they were verified, its own first, each with its length in 3
     * bytes before its DER; 0 bytes: it has none, or they are too long. Valid as peer is. */
    const void *peer_chain;
    uint32_t peer_chain_len;
    uint32_t request; /* FAILED */
    const char *text; /* FAILED: why, a sentence; valid until the next receive */
};

/**
 * The next certificate of a peer's chain: *der and its length, or 0 when there is none left. Begin
 * with *offset 0.
 */
size_t sluice_peer_certificate(const struct sluice_event *open, size_t *offset,
                               const uint8_t **der);

/**
 * Registers at the gateway that listens on socket_path (NULL: SLUICE_DEFAULT_SOCKET).
 * return 0 and *out; -ENOENT or -ECONNREFUSED: no gateway there; -EACCES; -ENXIO: it has no such
 * service; -EPROTO: another ABI version; -EUSERS: too many consumers; -ETIMEDOUT: it hangs;
 * -ENOMEM, -EMFILE: here or there; -EINTR.
 */
int sluice_connect(const char *socket_path, const char *service, struct sluice **out);
/** Deregisters, and frees. NULL is allowed. */
void sluice_disconnect(struct sluice *sluice);

/**
 * Up to `max` events, in order within each session. Payloads are borrowed from shared memory until
 * the next call of sluice_receive on this object.
 * return how many (0: nothing waits); -EPIPE: the gateway ended, evicted this consumer, or was
 * restarted: disconnect and connect again.
 */
int sluice_receive(struct sluice *sluice, struct sluice_event *events, unsigned max);

/**
 * Queues a message to a session; visible to the gateway after sluice_flush, or the next
 * sluice_receive or sluice_wait.
 * return 0; -EAGAIN: the ring to the session's worker is full; -EMSGSIZE: longer than
 * sluice_payload_max; -EPIPE. A handle that is not (or no longer) ours comes back as
 * SLUICE_REFUSED.
 */
int sluice_send(struct sluice *sluice, sluice_session session, const void *data, size_t len);
/**
 * Asks for the candidate address of a SLUICE_MOVED, which was found to be the peer's, to become the
 * session's; nothing changes when another one is the candidate by now. As sluice_send.
 */
int sluice_confirm_move(struct sluice *sluice, sluice_session session, const uint8_t address[16],
                        uint16_t port);
/** Closes a session: close_notify to the peer. SLUICE_CLOSE follows. As sluice_send. */
int sluice_close_session(struct sluice *sluice, sluice_session session);
/**
 * Asks for a session of this consumer's own with the server that the gateway knows by this name: a
 * `connect` entry of the service with `on_demand: true`. Waits for the gateway to have heard it,
 * some milliseconds. return 0 and *request, a number above 0: SLUICE_OPEN follows, whose peer has
 * this number, or SLUICE_FAILED with it; -ENOENT: the gateway has no such connection for this
 * service; -EBUSY: too many are waited for, or up; -ETIMEDOUT: it hangs; -EPIPE.
 */
int sluice_request(struct sluice *sluice, const char *connection, uint32_t *request);

/** Shows what was queued to the gateway. */
int sluice_flush(struct sluice *sluice);

/** The longest message. */
size_t sluice_payload_max(const struct sluice *sluice);

/**
 * Waits until events may be there. timeout_ms as poll(2): -1 for ever.
 * return 1: call sluice_receive; 0: timeout; -EINTR; -EPIPE.
 */
int sluice_wait(struct sluice *sluice, int timeout_ms);
/**
 * For a program's own event loop: a descriptor that polls readable. Before polling it call
 * sluice_prepare_wait, and poll only when that returns 0 (1: events are there already; -EPIPE), for
 * a few seconds at most: it also notices a gateway that hangs. The next sluice_receive clears it.
 */
int sluice_fd(const struct sluice *sluice);
int sluice_prepare_wait(struct sluice *sluice);

/** A sentence for a reason of SLUICE_CLOSE or SLUICE_REFUSED. */
const char *sluice_reason_text(enum sluice_event_kind kind, uint16_t reason);

const char *sluice_version(void);

#ifdef __cplusplus
}
#endif
#endif
