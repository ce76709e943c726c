/**
 * Protects and opens DTLS 1.2 records, with and without connection IDs. RFC 6347 4.1, RFC 9146,
 * RFC 5288, RFC 6655, RFC 7905. An epoch is an object of its own: keys, replay window, record
 * numbers, limits.
 */
#ifndef SL_RECORD_H
#define SL_RECORD_H

#include "sl_base.h"
#include "sl_crypto.h"
#include "sl_wire.h"

/**
 * Replay window of 1,024 records as a ring of words that is never shifted, RFC 6479; the word of
 * the newest record stands apart, so that what comes in order touches nothing else. Moved only by
 * records that are authentic.
 */
#define SL_REPLAY_WINDOW 1024
#define SL_REPLAY_WORDS (SL_REPLAY_WINDOW / 64)
struct sl_replay {
    uint64_t newest;                       /* highest number admitted + 1; 0: none yet */
    uint64_t seen;                         /* of the 64 numbers that the newest is among */
    uint64_t seen_before[SL_REPLAY_WORDS]; /* of as many before those as the window reaches */
};

void sl_replay_init(struct sl_replay *replay);
/** seq is among the 64 numbers of the newest. */
static inline bool sl_replay_is_near(const struct sl_replay *replay, uint64_t seq)
{
    return (seq ^ (replay->newest - 1)) < 64;
}
/** SL_DROP_NONE when seq may still be new; SL_DROP_REPLAY or SL_DROP_REPLAY_OLD. Changes nothing.
 */
static inline enum sl_drop SL_MUST_USE sl_replay_check(const struct sl_replay *replay, uint64_t seq)
{
    if (seq >= replay->newest)
        return SL_DROP_NONE;
    if (replay->newest - seq > SL_REPLAY_WINDOW)
        return SL_DROP_REPLAY_OLD;
    uint64_t word = sl_replay_is_near(replay, seq)
                        ? replay->seen
                        : replay->seen_before[seq / 64 % SL_REPLAY_WORDS];
    return word >> seq % 64 & 1 ? SL_DROP_REPLAY : SL_DROP_NONE;
}
/** sl_replay_admit of a number that is not among the 64 of the newest, or not above it. */
enum sl_drop sl_replay_admit_any(struct sl_replay *replay, uint64_t seq, bool *newer) SL_MUST_USE;
/**
 * Checks, and marks seq as seen. Only for an authentic record.
 * newer: out, seq is greater than every number admitted before (RFC 9146 6 asks for it).
 */
static inline enum sl_drop SL_MUST_USE sl_replay_admit(struct sl_replay *replay, uint64_t seq,
                                                       bool *newer)
{
    if (seq < replay->newest || !sl_replay_is_near(replay, seq))
        return sl_replay_admit_any(replay, seq, newer);
    replay->newest = seq + 1;
    replay->seen |= 1ULL << seq % 64;
    *newer = true;
    return SL_DROP_NONE;
}

enum sl_usage { SL_USAGE_FINE, SL_USAGE_THREE_QUARTERS, SL_USAGE_LIMIT };

/**
 * One epoch of one session, both directions. Lives in a pool of its owner's; one thread.
 * Whoever keeps many needs no more than sl_epoch_len() bytes for each: of the keys, which are last,
 * that is what the engine uses.
 */
struct sl_epoch {
    /* For records that come, in the first line. */
    uint16_t number;     /* the epoch's number, >= 1 */
    uint8_t alg;         /* enum sl_aead_alg */
    uint8_t own_cid_len; /* the CID in records we receive; 0: none, type 25 is not valid then */
    uint8_t nonce_len;   /* explicit bytes of the nonce in each record */
    uint8_t tag_len;     /* bytes of the tag in each record */
    bool has_keys;
    bool is_usual; /* opens records like AES-GCM's under a CID of SL_OWN_CID_LEN */
    uint8_t open_iv[12];
    uint8_t own_cid[20];
    uint64_t forged;         /* records that did not verify under this key */
    struct sl_replay replay; /* its first two words end the first line */
    /* For records that go, in a line of their own. */
    uint64_t write_next;  /* next record number: so many are sealed under this key; never goes back,
                             never passes SL_SEQ_MAX */
    uint16_t seal_number; /* as number and alg */
    uint8_t seal_alg;
    uint8_t peer_cid_len;                 /* the CID in records we send; 0: plain epoch-n records */
    uint8_t body_off;                     /* of the ciphertext in them */
    bool seals_usual;                     /* like AES-GCM, under a CID of 1 to 8 bytes */
    uint16_t plain_max;                   /* bytes of plaintext that a record we send may have */
    uint16_t key_len;                     /* bytes of one key, as the engine keeps it */
    uint8_t seal_nonce_len, seal_tag_len; /* as nonce_len and tag_len */
    uint8_t seal_iv[12];
    uint8_t peer_cid[SL_PEER_CID_MAX];
    uint8_t keys[2 * SL_AEAD_KEY_BLOCK_LEN] __attribute__((aligned(64))); /* to open, to seal */
};
static_assert(offsetof(struct sl_epoch, replay.seen_before) == SL_CACHE_LINE,
              "opening what comes in order reads the first line");
static_assert(offsetof(struct sl_epoch, write_next) == 3 * SL_CACHE_LINE &&
                  offsetof(struct sl_epoch, keys) == 4 * SL_CACHE_LINE,
              "sealing reads the line before the keys");

static inline struct sl_aead_key *sl_epoch_open_key(struct sl_epoch *epoch)
{
    return (struct sl_aead_key *)epoch->keys;
}

static inline struct sl_aead_key *sl_epoch_seal_key(struct sl_epoch *epoch)
{
    return (struct sl_aead_key *)(epoch->keys + epoch->key_len);
}

struct sl_epoch_config {
    uint16_t number;
    enum sl_aead_alg alg;
    const uint8_t *open_key, *open_iv; /* what the peer seals with */
    const uint8_t *seal_key, *seal_iv;
    uint64_t write_next;     /* numbers below have been used, and count as sealed */
    uint64_t forged;         /* records that have not verified under this key so far */
    bool own_cid_negotiated; /* the peer sends tls12_cid records to us */
    uint8_t own_cid_len, peer_cid_len;
    const uint8_t *own_cid, *peer_cid;
    uint16_t plain_max; /* 0: SL_RECORD_PLAINTEXT_MAX */
};

/** Bytes of an epoch whose keys are this engine's; a multiple of 64, at most sizeof. */
size_t sl_epoch_len(const struct sl_aead *aead);
/** epoch [sl_epoch_len(aead)] */
void sl_epoch_init(struct sl_epoch *epoch, const struct sl_aead *aead,
                   const struct sl_epoch_config *config);
/** Overwrites all of it: epoch [len]. */
void sl_epoch_wipe(struct sl_epoch *epoch, size_t len);
/** Asks for the memory that opening a record reads, or sealing the next one, the key apart. */
static inline __attribute__((always_inline)) void
sl_epoch_prefetch_open(const struct sl_epoch *epoch)
{
    __builtin_prefetch(epoch, 1);
}
static inline __attribute__((always_inline)) void
sl_epoch_prefetch_seal(const struct sl_epoch *epoch)
{
    __builtin_prefetch(&epoch->write_next, 1);
}
/** Asks for the lines of the key that any record reads: see sl_aead_key_lines. */
static inline __attribute__((always_inline)) void
sl_epoch_prefetch_key(const uint8_t *key, struct sl_aead_key_lines lines)
{
    if (lines.to > 0)
        for (size_t line = 0; line < SL_AEAD_KEY_LINES; line++) /* of a number that is known */
            __builtin_prefetch(key + lines.from + line * SL_CACHE_LINE);
}
static inline __attribute__((always_inline)) void
sl_epoch_prefetch_open_key(const struct sl_epoch *epoch, struct sl_aead_key_lines lines)
{
    sl_epoch_prefetch_key(epoch->keys, lines);
}
static inline __attribute__((always_inline)) void
sl_epoch_prefetch_seal_key(const struct sl_epoch *epoch, struct sl_aead_key_lines lines)
{
    sl_epoch_prefetch_key(epoch->keys + epoch->key_len, lines);
}
/** How far sending under this key has gone; a usage event is due when it changes. RFC 9325 4.4. */
static inline enum sl_usage sl_epoch_seal_usage(const struct sl_epoch *epoch)
{
    const uint64_t limit = sl_aead_seal_limit((enum sl_aead_alg)epoch->seal_alg);
    if (epoch->write_next < limit / 4 * 3)
        return SL_USAGE_FINE;
    return epoch->write_next < limit ? SL_USAGE_THREE_QUARTERS : SL_USAGE_LIMIT;
}
/** Whatever the algorithm: under a key whose last record had this number no event is due. */
static inline bool sl_seal_usage_is_surely_fine(uint64_t seq)
{
    return seq + 1 < SL_AEAD_SEAL_LIMIT_MIN / 4 * 3;
}
/** More forged records than the key may meet: the session is to be closed. */
bool sl_epoch_is_forgery_limit_reached(const struct sl_epoch *epoch);

/** Takes the next number of a counter: false when SL_SEQ_MAX is used up. The only way to a number.
 */
static inline bool SL_MUST_USE sl_record_take_number(uint64_t *write_next, uint64_t *seq)
{
    if (*write_next > SL_SEQ_MAX)
        return false;
    *seq = (*write_next)++;
    return true;
}

struct sl_open_job {
    struct sl_epoch *epoch;         /* borrowed; never NULL */
    struct sl_record_header header; /* as sl_wire_parse_record gave it */
    uint8_t *body;                  /* [header.body_len], writable */
    uint8_t *out;                   /* where the plaintext goes; NULL: in place, behind the nonce */
    /* out */
    uint8_t type; /* the real content type */
    enum sl_drop drop : 8;
    bool newer; /* newest record of its epoch so far */
    uint16_t plain_len;
    uint8_t *plain;
};
static_assert(sizeof(struct sl_open_job) == SL_CACHE_LINE, "a job is a line");

/**
 * Opens a burst of protected records. RFC 6347 4.1.2.6, RFC 9146 5.3.
 *
 * jobs   [n], n <= SL_BURST; may mix sessions; the order within one epoch is kept. `out`, where
 *        given, has room for header.body_len bytes.
 *        out: drop; when SL_DROP_NONE: type, newer, plain[plain_len]. Else plain is NULL, and
 *        nothing of the epoch changed, except that a failed tag counts in epoch->forged; then the
 *        place of the plaintext holds zeros. But a replay was opened like any other: type and
 *        plain are there, and to be wiped where that matters.
 * return how many jobs are left with SL_DROP_NONE. Never blocks, allocates or logs.
 * thread the worker that owns every epoch named in jobs.
 */
unsigned sl_record_open_burst(struct sl_aead *aead, struct sl_open_job *jobs, unsigned n);

struct sl_seal_job {
    struct sl_epoch *epoch; /* borrowed */
    const uint8_t *plain;   /* [plain_len], plain_len <= SL_RECORD_PLAINTEXT_MAX */
    uint32_t plain_len;
    uint8_t type;    /* real content type */
    uint8_t *record; /* room: sl_record_sealed_len(epoch, plain_len); may not overlap plain,
                        except that plain may stand where its ciphertext will stand:
                        record + sl_record_body_off(epoch) */
    /* out */
    enum sl_drop drop; /* SL_DROP_NONE or SL_DROP_SEND_SEQ_LIMIT */
    uint32_t record_len;
    uint64_t seq;
};

/** Offset of the ciphertext in a record that this epoch seals. */
static inline unsigned sl_record_body_off(const struct sl_epoch *epoch)
{
    return epoch->body_off;
}
/** Length of a record that this epoch seals around plain_len bytes: with a connection ID the real
 * type stands behind them. */
static inline uint32_t sl_record_sealed_len(const struct sl_epoch *epoch, uint32_t plain_len)
{
    return sl_record_body_off(epoch) + plain_len + (epoch->peer_cid_len > 0) + epoch->seal_tag_len;
}

/**
 * Numbers and seals a burst of records, in order. The number is taken from the epoch and nowhere
 * else, so no nonce repeats. The explicit nonce of GCM and CCM is epoch and number (RFC 5288 3, RFC
 * 6655 3, RFC 9325 7.2.1).
 *
 * jobs   [n], n <= SL_BURST, sessions mixed.
 * return how many jobs are left with SL_DROP_NONE. Never blocks, allocates or logs.
 */
unsigned sl_record_seal_burst(struct sl_aead *aead, struct sl_seal_job *jobs, unsigned n);

/** Where the numbers of a session's records come from; both are borrowed. */
struct sl_record_source {
    uint64_t *epoch0_next;  /* next record number of epoch 0 */
    struct sl_epoch *epoch; /* NULL before there are keys */
};

/**
 * Appends one record to a datagram under construction: numbered, and sealed when its epoch is not
 * 0, then without regard to epoch->plain_max. plain may not lie in the datagram.
 *
 * return SL_DROP_NONE; SEND_TOO_LARGE where it does not fit; SEND_STALE without the keys of that
 *        epoch; SEND_SEQ_LIMIT. Never blocks, allocates or logs.
 */
enum sl_drop sl_record_append(struct sl_aead *aead, const struct sl_record_source *source,
                              struct sl_writer *to, uint8_t type, uint16_t epoch,
                              const uint8_t *plain, uint16_t len) SL_MUST_USE;

#endif
