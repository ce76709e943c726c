/**
 * Rates and what is counted against them: token buckets, one or one for each source prefix, and
 * counts for each prefix. The time is an argument. One thread each; memory comes from an arena.
 *
 * A bucket is one number, the time at which it will be full again (the "theoretical arrival time"
 * of ITU-T I.371's GCRA): 0, and any time gone by, is a full one.
 */
#ifndef SL_RATE_H
#define SL_RATE_H

#include "sl_access.h"
#include "sl_arena.h"
#include "sl_base.h"

/** How fast a bucket fills, and how much it holds. */
struct sl_rate {
    uint64_t event_ns; /* that one event takes; 0: no limit */
    uint64_t burst_ns; /* that the events of a full bucket take */
};

/** burst events at once, at least one, and from then on so many a second; per_second 0: no limit.
 */
struct sl_rate sl_rate_of(uint64_t per_second, uint64_t burst);

static inline bool sl_bucket_allows(uint64_t full_ns, const struct sl_rate *rate, uint64_t now_ns)
{
    uint64_t missing_ns = full_ns > now_ns ? full_ns - now_ns : 0;
    return rate->event_ns == 0 || missing_ns + rate->event_ns <= rate->burst_ns;
}
/** Takes `events`, whether they are there or not. */
static inline void sl_bucket_charge(uint64_t *full_ns, const struct sl_rate *rate, uint64_t events,
                                    uint64_t now_ns)
{
    *full_ns = (*full_ns > now_ns ? *full_ns : now_ns) + events * rate->event_ns;
}
/** One event, if the bucket allows it; what is refused costs nothing. */
static inline bool sl_bucket_take(uint64_t *full_ns, const struct sl_rate *rate, uint64_t now_ns)
{
    if (!sl_bucket_allows(*full_ns, rate, now_ns))
        return false;
    if (rate->event_ns != 0)
        sl_bucket_charge(full_ns, rate, 1, now_ns);
    return true;
}

/**
 * What stands for a prefix in the tables below: a hash under a secret key, so that nobody can look
 * for prefixes that share a place. Never 0.
 */
struct sl_prefix_hasher {
    uint8_t key[16];        /* secret and random */
    uint8_t v4_len, v6_len; /* bits of an address that count: 0..32, 0..128 */
};
uint64_t sl_prefix_hash(const struct sl_prefix_hasher *hash, const struct sl_ip *ip);

/**
 * A bucket for each prefix, as far as there is room: SL_BUCKET_WAYS beside each other in a cache
 * line, and the fullest of them makes room for another prefix: it says least.
 */
struct sl_buckets;
#define SL_BUCKET_WAYS 4
/** sets: a power of two. */
size_t sl_buckets_memory_len(unsigned sets);
/** NULL: the arena has not that much left. */
struct sl_buckets *sl_buckets_create(struct sl_arena *arena, unsigned sets);
/** The bucket of the prefix with this hash, full when it is new here; until the next call. */
uint64_t *sl_buckets_find(struct sl_buckets *buckets, uint64_t hash, uint64_t now_ns);

/** How many of something each prefix has: exact, of at most `max` altogether. */
struct sl_prefix_counts;
size_t sl_prefix_counts_memory_len(unsigned max);
struct sl_prefix_counts *sl_prefix_counts_create(struct sl_arena *arena, unsigned max);
unsigned sl_prefix_count(const struct sl_prefix_counts *counts, uint64_t hash);
/** One more: there are fewer than max. */
void sl_prefix_count_add(struct sl_prefix_counts *counts, uint64_t hash);
/** One less: the prefix has one. */
void sl_prefix_count_remove(struct sl_prefix_counts *counts, uint64_t hash);

#endif
