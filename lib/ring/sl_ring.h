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

#include <assert.h>
#include <stddef.h>

#include "sl_base.h"
#include "sl_ring_abi.h"

struct sl_ring_producer {
    struct sl_ring_producer_words *own;
    const struct sl_ring_consumer_words *peer;
    uint8_t *data;
    uint64_t size;      /* of data: a power of two, >= 4096 */
    uint64_t head;      /* private: what was reserved and committed */
    uint64_t limit;     /* private, >= head: so far entries may reach that need no second look */
    uint64_t published; /* private: the last value stored to own->head */
    uint64_t tail;      /* cached */
    bool corrupt;       /* the consumer's index was out of range: never used again */
};

struct sl_ring_consumer {
    struct sl_ring_consumer_words *own;
    const struct sl_ring_producer_words *peer;
    const uint8_t *data;
    uint64_t size;
    uint64_t tail;        /* private */
    uint64_t released;    /* private: the last value stored to own->tail */
    uint64_t head;        /* cached */
    uint64_t limit;       /* up to here entries were shown that stand in one piece; tail: none */
    uint32_t payload_max; /* of the longest entry */
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
static inline struct sl_ring_entry *sl_ring_reserve(struct sl_ring_producer *p,
                                                    uint32_t payload_len);
/** Copies a payload to where it stands in an entry that was reserved for as much; 0 bytes of NULL
 * are none. */
static inline void sl_ring_fill(struct sl_ring_entry *entry, const void *payload,
                                uint32_t payload_len);
/** Makes the entry reserved last part of what the next publish shows; may shorten its payload. */
static inline void sl_ring_commit(struct sl_ring_producer *p, struct sl_ring_entry *entry,
                                  uint32_t payload_len);
/** What the header of many entries says alike: to be made once for all of them. */
struct sl_ring_label {
    uint64_t word;
};
static inline struct sl_ring_label sl_ring_label(uint8_t kind, uint8_t worker, uint16_t detail);
/** The four at once: reserve, header, fill, commit. false where reserve gives NULL. */
static inline bool SL_MUST_USE sl_ring_write(struct sl_ring_producer *p, struct sl_ring_label label,
                                             uint64_t session, uint64_t time_ns,
                                             const void *payload, uint32_t payload_len);
/** Shows all committed entries: one release-store. False when there was nothing new. */
static inline bool sl_ring_publish(struct sl_ring_producer *p);
/** Whether so many bytes of the data are free. */
bool sl_ring_has_room(struct sl_ring_producer *p, uint64_t bytes);
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
static inline const struct sl_ring_entry *sl_ring_next(struct sl_ring_consumer *c);
/**
 * An entry of a ring whose producer is not trusted. What is checked is copied first; the payload
 * stays where the producer may write on: it is to be read once, to copy it. Bytes behind it, up to
 * a multiple of SL_RING_ALIGN from the entry's start, may be read with it.
 */
struct sl_ring_taken {
    uint64_t session;
    const uint8_t *payload; /* [payload_len], borrowed until sl_ring_release */
    uint32_t payload_len;
    uint8_t kind;
};
/**
 * The next entry, for rings whose producer is not trusted. It is consumed.
 * return 1: an entry. 0: empty. -EBADMSG: the entry can't be what a producer writes; the ring is
 *        corrupt from then on.
 */
static inline int SL_MUST_USE sl_ring_take(struct sl_ring_consumer *c, struct sl_ring_taken *taken);
/** The entry taken last is the next one again, and is read anew; nothing was released since. */
static inline void sl_ring_put_back(struct sl_ring_consumer *c, const struct sl_ring_taken *taken);
/** Gives the room of all consumed entries back: one release-store. */
void sl_ring_release(struct sl_ring_consumer *c);
/** Entries wait that were not consumed yet. */
static inline bool sl_ring_is_ready(struct sl_ring_consumer *c);
/**
 * Announces sleep. true: asleep: wait to be woken, then sl_ring_wake_up. false (and not asleep):
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

#include "ring_inline.h"

#endif
