/**
 * The session table of one worker: slots, connection IDs, the 5-tuple index, the clock hand that
 * finds idle sessions. docs/architecture.md; RFC 9146.
 *
 * One thread, the worker's. All memory comes from an arena at creation.
 */
#ifndef SL_SESSION_H
#define SL_SESSION_H

#include "sl_base.h"
#include "sl_record.h"

/** A handle names a session for as long as the process lives: slot, worker, generation. 0: none. */
#define SL_HANDLE_SLOT_BITS 20
#define SL_HANDLE_WORKER_BITS 8
#define SL_SESSIONS_MAX (1U << SL_HANDLE_SLOT_BITS)

static inline uint32_t sl_handle_slot(uint64_t handle)
{
    return (uint32_t)handle & (SL_SESSIONS_MAX - 1);
}
static inline unsigned sl_handle_worker(uint64_t handle)
{
    return (unsigned)(handle >> SL_HANDLE_SLOT_BITS) & ((1U << SL_HANDLE_WORKER_BITS) - 1);
}

enum sl_session_state {
    SL_SESSION_FREE,
    SL_SESSION_HANDSHAKE,   /* records go to a handshaker; no keys yet */
    SL_SESSION_KEYED,       /* keys; only handshake records and alerts pass */
    SL_SESSION_ESTABLISHED, /* the peer's Finished has verified */
    SL_SESSION_LEGACY,      /* the same, and libssl keeps it: it has no epoch here */
    SL_SESSION_CLOSING,     /* over; somebody has still to be told */
};

#define SL_SLOT_NONE UINT32_MAX

/**
 * One session; the worker alone reads and writes. What a packet's path reads comes first: of a
 * session that was not looked at for a while, each line costs a wait for memory.
 */
struct sl_session {
    uint64_t handle; /* 0 when free */
    uint8_t own_cid[SL_OWN_CID_LEN];
    struct sl_epoch *epoch;  /* epoch 1; NULL before there are keys */
    uint64_t last_active_ns; /* last authentic record or message sent; in a handshake, its start */
    uint8_t state;           /* enum sl_session_state */
    uint8_t flags;           /* the worker's */
    uint16_t service;
    uint32_t consumer;   /* the worker's: who serves it */
    uint32_t successor;  /* slot of the handshake that is to replace it, or SL_SLOT_NONE */
    struct sl_path path; /* where it sends: the address confirmed last */
    uint16_t send_limit; /* the worker's, once established: messages to `path` are shorter */
    uint8_t usage;       /* enum sl_usage that has been told */
    bool has_cid;        /* the peer sends our connection ID */
    bool is_indexed;     /* in the 5-tuple index under path.tuple, which then must not change */

    uint8_t close_reason;        /* enum sl_close_reason, once closing */
    bool is_preloaded;           /* the worker's: no handshaker has ever heard of it */
    bool is_ending;              /* libssl's: the handshaker is to say that close_notify is out */
    uint32_t forged;             /* libssl's: records that did not verify, as the handshaker says */
    uint64_t epoch0_next;        /* next record number of epoch 0 */
    uint64_t candidate_received; /* bytes from the candidate address, and sent to it */
    uint64_t candidate_sent;
    struct sl_path candidate; /* an address that is not confirmed yet; valid by a flag */
    uint32_t predecessor;     /* the other end of the link to a successor */
    uint32_t next_free, previous_free;
    uint32_t attempt; /* the worker's: of a session that the gateway began; 0: its peer did */
    uint64_t closing_since_ns;
    uint64_t last_repeat_ns; /* last flight asked for */
    uint64_t expires_ns;     /* when its peer's certificate ends; 0: never */
    uint8_t client_random[SL_RANDOM_LEN];
    uint64_t forwarded_full_ns; /* the worker's bucket of records for the handshaker */
} __attribute__((aligned(SL_CACHE_LINE)));

#define SL_SESSION_HOT_LEN (2 * SL_CACHE_LINE)
static_assert(offsetof(struct sl_session, close_reason) <= SL_SESSION_HOT_LEN,
              "a packet's path needs the first lines only");

struct sl_session_table;

/** Bytes of arena for a table of sessions_max (<= SL_SESSIONS_MAX), an epoch block for each. */
size_t sl_session_table_memory_len(uint32_t sessions_max, size_t epoch_len);
/**
 * epoch_len: sl_epoch_len() of the engine that the epochs' keys are for.
 * worker the number in its handles; seed [32] secret and random: hash key and CID tags.
 * return the table, living in the arena; NULL when that is too small.
 */
struct sl_session_table *sl_session_table_create(struct sl_arena *arena, uint32_t sessions_max,
                                                 size_t epoch_len, unsigned worker,
                                                 const uint8_t seed[32]);
uint32_t sl_session_table_capacity(const struct sl_session_table *table);

/**
 * Takes a free slot: a new handle and connection ID, state HANDSHAKE, everything else zero.
 * shard  goes into the connection ID. return NULL when the table is full.
 */
struct sl_session *sl_session_take(struct sl_session_table *table, uint8_t shard);
/**
 * The same with a connection ID that a table has given out before: takes the slot that it names.
 * The table's own connection IDs do not depend on it.
 *
 * return 0; -EINVAL: its layout is none of ours; -ERANGE: its slot is beyond the table; -EEXIST:
 *        its slot is taken. Then *out stays as it is.
 */
int sl_session_take_cid(struct sl_session_table *table, const uint8_t cid[SL_OWN_CID_LEN],
                        struct sl_session **out) SL_MUST_USE;
/** Ends a session: out of the index, unlinked, its epoch wiped. The handle is dead from now on. */
void sl_session_give_back(struct sl_session_table *table, struct sl_session *session);

/** Slots are 0..capacity-1; the session there may be free. */
struct sl_session *sl_session_at(struct sl_session_table *table, uint32_t slot);
/** The live session of this handle, or NULL. The handle may be anything. */
struct sl_session *sl_session_of_handle(struct sl_session_table *table, uint64_t handle);

/** What a connection ID of ours says about itself; nothing of it is authenticated. Layout 0: layout
 * 4 bits, shard 8, slot 20, random tag 32. */
struct sl_cid_fields {
    uint8_t layout; /* 0 is the only one */
    uint8_t shard;
    uint32_t slot;
};
static inline struct sl_cid_fields sl_cid_parse(const uint8_t cid[SL_OWN_CID_LEN])
{
    uint64_t bits = sl_load_be64(cid);
    return (struct sl_cid_fields){
        .layout = (uint8_t)(bits >> 60),
        .shard = (uint8_t)(bits >> 52),
        .slot = (uint32_t)(bits >> 32) & (SL_SESSIONS_MAX - 1),
    };
}

/** Where the sessions and the epochs of a table lie: what a packet needs to find its own without a
 * call. Does not change; lives in the table. */
struct sl_session_places {
    struct sl_session *sessions; /* [capacity] */
    uint8_t *epochs;             /* [capacity] blocks of epoch_len: each slot has one */
    size_t epoch_len;
    uint32_t capacity;
};
const struct sl_session_places *sl_session_table_places(const struct sl_session_table *table);

static inline struct sl_epoch *sl_session_epoch_at(const struct sl_session_places *places,
                                                   uint32_t slot)
{
    return (struct sl_epoch *)(void *)(places->epochs + places->epoch_len * slot);
}

/** Asks for what a packet reads of the session. */
static inline __attribute__((always_inline)) void
sl_session_prefetch(const struct sl_session *session)
{
    for (size_t at = 0; at < SL_SESSION_HOT_LEN; at += SL_CACHE_LINE)
        __builtin_prefetch((const uint8_t *)session + at, 1);
}

/** The live session with exactly this connection ID, or NULL. */
static inline struct sl_session *sl_session_find_cid(const struct sl_session_places *places,
                                                     const uint8_t cid[SL_OWN_CID_LEN])
{
    const uint32_t slot = sl_cid_parse(cid).slot;
    if (slot >= places->capacity)
        return NULL;
    struct sl_session *session = &places->sessions[slot];
    bool is_it =
        session->state != SL_SESSION_FREE && memcmp(session->own_cid, cid, SL_OWN_CID_LEN) == 0;
    return is_it ? session : NULL;
}

/**
 * Asks for what opening a record of the session in this slot (< capacity) reads. To be called for a
 * burst in a loop that does nothing else: where a page has to be looked up, the processor waits for
 * it once it has looked so many instructions ahead.
 */
static inline __attribute__((always_inline)) void
sl_session_prefetch_slot(const struct sl_session_places *places, uint32_t slot,
                         struct sl_aead_key_lines lines)
{
    const struct sl_epoch *epoch = sl_session_epoch_at(places, slot);
    sl_session_prefetch(&places->sessions[slot]);
    sl_epoch_prefetch_open(epoch);
    sl_epoch_prefetch_open_key(epoch, lines);
}

/**
 * The live session of a handle in two steps, for bursts: the place where it is, if there is one;
 * then whether it is that session. NULL: there can't be one. The handle may be anything.
 */
static inline struct sl_session *sl_session_place_of_handle(const struct sl_session_places *places,
                                                            uint64_t handle)
{
    const uint32_t slot = sl_handle_slot(handle);
    return slot < places->capacity ? &places->sessions[slot] : NULL;
}
/** Asks for the memory that sealing for the session at this place reads, the key apart. */
static inline __attribute__((always_inline)) void
sl_session_prefetch_send(const struct sl_session_places *places, const struct sl_session *place)
{
    sl_session_prefetch(place);
    sl_epoch_prefetch_seal(sl_session_epoch_at(places, (uint32_t)(place - places->sessions)));
}
static inline bool sl_session_has_handle(const struct sl_session *session, uint64_t handle)
{
    return session->handle == handle && handle != 0;
}

/** The index's hash of a 5-tuple: another one in each table. */
uint32_t sl_session_hash_tuple(const struct sl_session_table *table, const struct sl_tuple *tuple);
/** The session indexed under this 5-tuple, whose hash this is, or NULL. */
struct sl_session *sl_session_find_hashed(struct sl_session_table *table,
                                          const struct sl_tuple *tuple, uint32_t hash);
static inline struct sl_session *sl_session_find_tuple(struct sl_session_table *table,
                                                       const struct sl_tuple *tuple)
{
    return sl_session_find_hashed(table, tuple, sl_session_hash_tuple(table, tuple));
}
/**
 * Asks for what finding these 5-tuples, and opening a record of each, will read: the index, then
 * the sessions it names. hashes [n], n <= SL_BURST.
 */
void sl_session_prefetch_hashed(const struct sl_session_table *table, const uint32_t *hashes,
                                unsigned n, struct sl_aead_key_lines lines);
/** Indexes a session under its path's tuple. false when another one holds it: nothing changed. */
bool sl_session_index(struct sl_session_table *table, struct sl_session *session) SL_MUST_USE;
void sl_session_unindex(struct sl_session_table *table, struct sl_session *session);

/** Gives the session its slot's epoch block. */
struct sl_epoch *sl_session_take_epoch(struct sl_session_table *table, struct sl_session *session);

/** Links a handshake to the established session that it will replace (RFC 6347 4.2.8); unlinks. */
void sl_session_link_successor(struct sl_session_table *table, struct sl_session *session,
                               struct sl_session *successor);
struct sl_session *sl_session_successor(struct sl_session_table *table,
                                        const struct sl_session *session);
struct sl_session *sl_session_predecessor(struct sl_session_table *table,
                                          const struct sl_session *session);
void sl_session_unlink(struct sl_session_table *table, struct sl_session *session);

#endif
