/**
 * The ABI between gateway and consumers: all that both see in shared memory and say to each other
 * when a consumer registers. docs/ring-protocol.md. Host byte order: it never leaves the machine.
 */
#ifndef SL_RING_ABI_H
#define SL_RING_ABI_H

#include "sl_base.h"

#define SL_RING_ABI_VERSION 5
#define SL_RING_MAGIC 0x31474e4952434c53ULL /* "SLCRING1" */
#define SL_RING_ALIGN 64                    /* of entries */
#define SL_RING_INDEX_ALIGN 128             /* each shared word on its own */
#define SL_RING_SIZE_MIN 4096
#define SL_RING_SIZE_MAX (1ULL << 30)

/** What an entry is. Receive rings carry the first six, send rings SL_RING_SEND and on. */
enum sl_ring_kind {
    SL_RING_PAD = 0, /* its len is the rest of the data area, to be skipped; zeros of a punched hole
                        read as a pad of length 0, which nobody writes */
    SL_RING_DATA = 1,
    SL_RING_OPEN = 2,    /* payload: struct sl_opened */
    SL_RING_MOVED = 3,   /* payload: struct sl_ring_moved */
    SL_RING_CLOSE = 4,   /* detail: enum sl_close_reason */
    SL_RING_REFUSED = 5, /* a send was refused; detail: enum sl_refuse_reason */
    SL_RING_FAILED = 6,  /* no session came of a request; payload: struct sl_ring_failed */
    SL_RING_SEND = 16,
    SL_RING_CONFIRM_MOVE = 17, /* payload: struct sl_ring_moved, ip and port of the candidate */
    SL_RING_CLOSE_SESSION = 18,
};

/** Why a session ended, as the close event tells it. */
enum sl_close_reason {
    SL_CLOSE_PEER = 1, /* close_notify or a fatal alert from the peer */
    SL_CLOSE_IDLE = 2,
    SL_CLOSE_CONSUMER = 3, /* asked for by the consumer */
    SL_CLOSE_REPLACED =
        4,                 /* the client restarted on the same 5-tuple; or, of a session that the
                              gateway began: another one has its place, as that one's open event said */
    SL_CLOSE_LIMIT = 5,    /* usage limit of the keys */
    SL_CLOSE_SHUTDOWN = 6, /* the gateway is stopping */
    SL_CLOSE_EXPIRED = 7,  /* the peer's certificate has ended */
    SL_CLOSE_DENIED = 8,   /* the peer's address may not come in any more */
    SL_CLOSE_REMOVED = 9,  /* of a session that the gateway began: no such is configured any more */
};

/** Why a send was refused. Numbers of the ABI, unlike those of the drop reasons behind them. */
enum sl_refuse_reason {
    SL_REFUSE_HANDLE = 1,      /* no session of this consumer's, or not any more */
    SL_REFUSE_CLOSING = 2,     /* its session is closing */
    SL_REFUSE_TOO_LARGE = 3,   /* longer than the path to this peer takes */
    SL_REFUSE_UNCONFIRMED = 4, /* a new address has had its share until it is confirmed */
    SL_REFUSE_NO_BUFFER = 5,   /* the gateway has no buffer left */
};

/** Header of each entry, in host byte order; the payload follows. */
struct sl_ring_entry {
    uint32_t len;      /* of header and payload; entries are padded to SL_RING_ALIGN */
    uint8_t kind;      /* enum sl_ring_kind */
    uint8_t worker;    /* whose session it is */
    uint16_t detail;   /* by kind, else 0 */
    uint64_t session;  /* handle */
    uint64_t time_ns;  /* CLOCK_MONOTONIC: when the worker received the frame */
    uint64_t reserved; /* 0 */
};

/** Payload of SL_RING_MOVED: the new address. ports in host order; IPv4 mapped. */
struct sl_ring_moved {
    struct sl_ip ip;
    uint16_t port;
    uint8_t
        confirmed; /* 1: it is the session's address now; 0: a candidate that may be confirmed */
    uint8_t reserved[5];
};

/** Payload of SL_RING_FAILED. */
#define SL_RING_REASON_LEN 320
struct sl_ring_failed {
    uint32_t request;
    uint32_t reserved;               /* 0 */
    char reason[SL_RING_REASON_LEN]; /* a sentence, NUL-terminated */
};

static_assert(sizeof(struct sl_ring_failed) == 328, "ring ABI");
static_assert(sizeof(struct sl_ring_entry) == 32, "ring ABI");
static_assert(sizeof(struct sl_ring_moved) == 24, "ring ABI");

/**
 * The worker that has a session, from its handle: bits 20..27. Part of the ABI, so that a consumer
 * can pick the send ring; the other bits are the gateway's business.
 */
#define SL_RING_HANDLE_WORKER_SHIFT 20
#define SL_RING_HANDLE_WORKER_MASK 0xff
static inline uint8_t sl_ring_session_worker(uint64_t handle)
{
    return (uint8_t)(handle >> SL_RING_HANDLE_WORKER_SHIFT & SL_RING_HANDLE_WORKER_MASK);
}

/** The producer's shared words, and the consumer's: two places of memory with different rights. */
struct sl_ring_producer_words {
    uint64_t head __attribute__((aligned(SL_RING_INDEX_ALIGN)));
};
struct sl_ring_consumer_words {
    uint64_t tail __attribute__((aligned(SL_RING_INDEX_ALIGN)));
    uint32_t sleeping __attribute__((aligned(SL_RING_INDEX_ALIGN)));
};
static_assert(sizeof(struct sl_ring_producer_words) == 128, "ring ABI");
static_assert(sizeof(struct sl_ring_consumer_words) == 256, "ring ABI");

/** Where things stand in shared memory: docs/ring-protocol.md. The data area follows at
 * SL_RING_DATA_OFF, so that words and data never share a page. */
#define SL_RING_DATA_OFF 4096

/** Start of a receive memfd: written by the gateway, mapped read-only by the consumer. */
struct sl_ring_gateway_words {
    struct sl_ring_producer_words receive;
    struct sl_ring_consumer_words send;
};
/** Start of a send memfd: written by the consumer. */
struct sl_ring_client_words {
    struct sl_ring_consumer_words receive;
    struct sl_ring_producer_words send;
};

/** The info page: written by the gateway, read by every consumer. */
struct sl_ring_info {
    uint64_t magic; /* SL_RING_MAGIC */
    uint32_t abi_version;
    uint32_t worker_count;
    uint64_t ring_size;    /* bytes of data in each ring */
    uint32_t payload_max;  /* of a send: longer ones fit no datagram of the gateway's */
    uint32_t reserved;     /* 0 */
    uint64_t generation;   /* of the gateway process; 0 once it has ended in good order */
    uint64_t heartbeat_ns; /* CLOCK_MONOTONIC: the control thread was alive then */
};

/** A gateway whose heartbeat is older than this is taken for dead. */
#define SL_RING_HEARTBEAT_STALE_NS 10000000000ULL

/**
 * Registration, over a Unix SOCK_SEQPACKET socket: one hello, one reply, and then the open socket
 * stands for the registration. magic, version and status keep their places in all versions.
 */
#define SL_RING_SERVICE_LEN 32 /* of the name with its NUL; the rest is zeros */
#define SL_RING_WORKERS_MAX 32

struct sl_ring_hello {
    uint64_t magic;
    uint32_t abi_version;
    uint32_t reserved; /* 0 */
    char service[SL_RING_SERVICE_LEN];
};

enum sl_ring_status {
    SL_RING_STATUS_OK = 0,
    SL_RING_STATUS_ABI = 1,     /* abi_version is the gateway's */
    SL_RING_STATUS_SERVICE = 2, /* no such service */
    SL_RING_STATUS_FULL = 3,    /* too many consumers, of all or of this user */
    SL_RING_STATUS_MEMORY = 4,  /* no memory or no descriptors for the rings */
};

/**
 * With SL_RING_STATUS_OK descriptors come along (SCM_RIGHTS): info page, the consumer's end of the
 * wake-up socket, then for each worker in order its receive memfd and its send memfd.
 */
struct sl_ring_reply {
    uint64_t magic;
    uint32_t abi_version;
    uint32_t status; /* enum sl_ring_status */
    uint32_t consumer;
    uint32_t worker_count;
    uint64_t ring_size;
    uint64_t generation;
};
/**
 * Over the open socket a consumer may ask for a session of its own with a server that the gateway
 * knows by a name: one request, one answer. With SL_RING_STATUS_OK an open event that carries the
 * number follows, or SL_RING_FAILED.
 */
#define SL_RING_REQUEST_MAGIC 0x315f514552434c53ULL /* "SLCREQ_1": a hello is none */
struct sl_ring_request {
    uint64_t magic;                       /* SL_RING_REQUEST_MAGIC */
    uint32_t request;                     /* a number of the consumer's, not 0 */
    uint32_t reserved;                    /* 0 */
    char connection[SL_RING_SERVICE_LEN]; /* NUL-terminated, the rest zeros */
};
struct sl_ring_answer {
    uint64_t magic; /* SL_RING_REQUEST_MAGIC */
    uint32_t request;
    uint32_t status; /* SL_RING_STATUS_OK, SERVICE (no such connection of its service), FULL */
};
static_assert(sizeof(struct sl_ring_request) == 48, "ring ABI");
static_assert(sizeof(struct sl_ring_answer) == 16, "ring ABI");

#define SL_RING_REPLY_FDS_MAX                                                                      \
    (2 + 2 * SL_RING_WORKERS_MAX) /* below the kernel's SCM_MAX_FD, 253                            \
                                   */

static_assert(sizeof(struct sl_ring_gateway_words) == 384, "ring ABI");
static_assert(sizeof(struct sl_ring_client_words) == 384, "ring ABI");
static_assert(sizeof(struct sl_ring_info) == 48, "ring ABI");
static_assert(sizeof(struct sl_ring_hello) == 48, "ring ABI");
static_assert(sizeof(struct sl_ring_reply) == 40, "ring ABI");

#endif
