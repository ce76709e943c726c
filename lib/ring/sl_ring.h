/**
 * The shared-memory ring: single producer, single consumer, entries of varying length. One code for
 * the rings between gateway and consumers (docs/ring-protocol.md) and for messages between threads.
 *
 * Indices count bytes and run freely in 64 bits; an entry starts on a multiple of 64 and does not
 * wrap: where it would, a pad entry fills the rest of the data area. Each side trusts its private
 * copy of its own index, and checks the other's each time it is loaded.
 */
#ifndef SL_RING_H
#define SL_RING_H

#include "sl_base.h"

#define SL_RING_ABI_VERSION 1
#define SL_RING_MAGIC 0x31474e4952434c53ULL /* "SLCRING1" */
#define SL_RING_ALIGN 64                    /* of entries */
#define SL_RING_INDEX_ALIGN 128             /* each shared word on its own */
#define SL_RING_SIZE_MIN 4096

/** What an entry is. Receive rings carry the first five, send rings SL_RING_SEND and on. */
enum sl_ring_kind {
    SL_RING_PAD = 0, /* its len is the rest of the data area, to be skipped; zeros of a punched hole
                        read as a pad of length 0, which nobody writes */
    SL_RING_DATA = 1,
    SL_RING_OPEN = 2,    /* payload: struct sl_identity */
    SL_RING_MOVED = 3,   /* payload: struct sl_ring_moved */
    SL_RING_CLOSE = 4,   /* detail: enum sl_close_reason */
    SL_RING_REFUSED = 5, /* a send was refused; detail: enum sl_drop */
    SL_RING_SEND = 16,
    SL_RING_CONFIRM_MOVE = 17,
    SL_RING_CLOSE_SESSION = 18,
};

/** Why a session ended, as the close event tells it. */
enum sl_close_reason {
    SL_CLOSE_PEER = 1, /* close_notify or a fatal alert from the peer */
    SL_CLOSE_IDLE = 2,
    SL_CLOSE_CONSUMER = 3,  /* asked for by the consumer */
    SL_CLOSE_REPLACED = 4,  /* the client restarted on the same 5-tuple */
    SL_CLOSE_LIMIT = 5,     /* usage limit of the keys */
    SL_CLOSE_SHUTDOWN = 6,  /* the gateway is stopping */
    SL_CLOSE_REASSIGNED = 7 /* the session moved to another consumer of the service */
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

struct sl_ring_producer {
    struct sl_ring_producer_words *own;
    const struct sl_ring_consumer_words *peer;
    uint8_t *data;
    uint64_t size;      /* of data: a power of two, >= 4096 */
    uint64_t head;      /* private: what was reserved and committed */
    uint64_t published; /* private: the last value stored to own->head */
    uint64_t tail;      /* cached */
    bool corrupt;       /* the consumer's index was out of range: never used again */
};

struct sl_ring_consumer {
    struct sl_ring_consumer_words *own;
    const struct sl_ring_producer_words *peer;
    const uint8_t *data;
    uint64_t size;
    uint64_t tail;     /* private */
    uint64_t released; /* private: the last value stored to own->tail */
    uint64_t head;     /* cached */
    bool corrupt;
};

void sl_ring_producer_init(struct sl_ring_producer *p, struct sl_ring_producer_words *own,
                           const struct sl_ring_consumer_words *peer, void *data, uint64_t size);
void sl_ring_consumer_init(struct sl_ring_consumer *c, struct sl_ring_consumer_words *own,
                           const struct sl_ring_producer_words *peer, const void *data,
                           uint64_t size);

/** The longest entry (header and payload) that a ring of this size takes: a quarter of it. */
static inline uint32_t sl_ring_entry_max(uint64_t size)
{
    return size / 4 < (1U << 30) ? (uint32_t)(size / 4) : (1U << 30);
}

/**
 * Room for an entry of header and payload_len bytes, its len already written, the rest of the
 * header zeroed. NULL when the ring is full (or corrupt: see p->corrupt; or the entry longer than
 * sl_ring_entry_max). Not visible to the consumer before commit and publish.
 */
struct sl_ring_entry *sl_ring_reserve(struct sl_ring_producer *p, uint32_t payload_len);
/** Makes the entry reserved last part of what the next publish shows; may shorten its payload. */
void sl_ring_commit(struct sl_ring_producer *p, struct sl_ring_entry *entry, uint32_t payload_len);
/** Shows all committed entries: one release-store. False when there was nothing new. */
bool sl_ring_publish(struct sl_ring_producer *p);
/**
 * After a publish and a seq_cst fence: has the consumer said that it sleeps? (The other half is in
 * sl_ring_sleep.)
 */
bool sl_ring_is_sleeping(const struct sl_ring_producer *p);

/**
 * The next entry, whole and within bounds, borrowed until sl_ring_release; NULL when empty or
 * corrupt: see c->corrupt. For rings whose producer is trusted (the gateway's, read by a consumer;
 * messages between threads). The entry is consumed.
 */
const struct sl_ring_entry *sl_ring_next(struct sl_ring_consumer *c);
/**
 * For rings whose producer is not trusted: copies the next entry first, then checks the copy.
 *
 * header out: as copied. payload [payload_max]: filled with payload bytes.
 * return 1: an entry, *payload_len its length. 0: empty. -EBADMSG: the entry can't be what a
 * producer writes; the ring is corrupt from then on. -EMSGSIZE: sound, but its payload exceeds
 *        payload_max; header and payload_len are valid, the payload is skipped.
 */
int sl_ring_copy_next(struct sl_ring_consumer *c, struct sl_ring_entry *header, uint8_t *payload,
                      uint32_t payload_max, uint32_t *payload_len) SL_MUST_USE;
/** Gives the room of all consumed entries back: one release-store. */
void sl_ring_release(struct sl_ring_consumer *c);
/** Entries wait that were not consumed yet. */
bool sl_ring_is_ready(struct sl_ring_consumer *c);
/**
 * Announces sleep. true: asleep, wait on the pipe, then sl_ring_wake_up. false (and not asleep):
 * something arrived meanwhile, or the ring is corrupt.
 */
bool sl_ring_sleep(struct sl_ring_consumer *c) SL_MUST_USE;
void sl_ring_wake_up(struct sl_ring_consumer *c);

/**
 * An in-process ring, for messages between two threads. Allocates; plain memory.
 * size  of the data, a power of two >= SL_RING_SIZE_MIN. NULL and errno.
 */
struct sl_ring;
struct sl_ring *sl_ring_create(uint64_t size);
void sl_ring_destroy(struct sl_ring *ring);
struct sl_ring_producer *sl_ring_producer_of(struct sl_ring *ring);
struct sl_ring_consumer *sl_ring_consumer_of(struct sl_ring *ring);

#endif
