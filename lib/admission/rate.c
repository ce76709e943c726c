#include <assert.h>

#include "sl_crypto.h"
#include "sl_rate.h"

#define NS_PER_SECOND 1000000000ULL

struct sl_rate sl_rate_of(uint64_t per_second, uint64_t burst)
{
    if (per_second == 0)
        return (struct sl_rate){.event_ns = 0};
    uint64_t event_ns = per_second < NS_PER_SECOND ? NS_PER_SECOND / per_second : 1;
    return (struct sl_rate){event_ns, event_ns * (burst > 0 ? burst : 1)};
}

uint64_t sl_prefix_hash(const struct sl_prefix_hasher *hash, const struct sl_ip *ip)
{
    const struct sl_prefix prefix = sl_prefix_of(ip, hash->v4_len, hash->v6_len);
    const uint64_t value = sl_siphash(hash->key, &prefix.ip, sizeof prefix.ip);
    return value != 0 ? value : 1;
}

/** A line of the cache. A free place is an empty prefix's, whose bucket is full for ever. */
struct set {
    struct {
        uint64_t hash, full_ns;
    } way[SL_BUCKET_WAYS];
} __attribute__((aligned(SL_CACHE_LINE)));
static_assert(sizeof(struct set) == SL_CACHE_LINE, "one look at the memory");

struct sl_buckets {
    struct set *sets;
    uint64_t mask;
};

size_t sl_buckets_memory_len(unsigned sets)
{
    return sl_arena_cost(sizeof(struct sl_buckets)) + sl_arena_cost(sizeof(struct set) * sets);
}

struct sl_buckets *sl_buckets_create(struct sl_arena *arena, unsigned sets)
{
    assert((sets & (sets - 1)) == 0);
    struct sl_buckets *buckets = sl_arena_take(arena, sizeof *buckets);
    if (buckets == NULL)
        return NULL;
    buckets->sets = sl_arena_take(arena, sizeof(struct set) * sets);
    buckets->mask = sets - 1;
    return buckets->sets != NULL ? buckets : NULL;
}

uint64_t *sl_buckets_find(struct sl_buckets *buckets, uint64_t hash, uint64_t now_ns)
{
    struct set *set = &buckets->sets[hash & buckets->mask];
    unsigned fullest = 0;
    for (unsigned i = 0; i < SL_BUCKET_WAYS; i++) {
        if (set->way[i].hash == hash)
            return &set->way[i].full_ns;
        if (set->way[i].full_ns < set->way[fullest].full_ns)
            fullest = i;
    }
    set->way[fullest].hash = hash;
    set->way[fullest].full_ns = now_ns;
    return &set->way[fullest].full_ns;
}
