#include <stdlib.h>

#include "handshake_priv.h"

/** Prefixes whose share is known at once, times SL_BUCKET_WAYS. */
#define PREFIX_SETS 1024
#define US_PER_SECOND 1000000U
/** What may be spent at once: half a second's share. */
#define BURST_PER_SECOND 2
/** Nobody is in debt for longer, whatever a handshake has cost. */
#define DEBT_MAX_NS (10ULL * 1000000000ULL)

static struct sl_rate rate_of(unsigned percent)
{
    const uint64_t us_per_second = US_PER_SECOND / 100UL * percent;
    return sl_rate_of(us_per_second, us_per_second / BURST_PER_SECOND);
}

bool sl_handshake_init_cpu(struct cpu_share *cpu, const struct sl_handshaker_config *config)
{
    *cpu = (struct cpu_share){
        .all = rate_of(config->cpu_percent),
        .per_prefix = rate_of(config->cpu_percent_per_prefix),
        .prefixes = {.v4_len = config->prefix_len_v4, .v6_len = config->prefix_len_v6}};
    memcpy(cpu->prefixes.key, config->prefix_key, sizeof cpu->prefixes.key);
    if (config->cpu_ns == NULL || (cpu->all.event_ns == 0 && cpu->per_prefix.event_ns == 0))
        return true;
    cpu->clock_ns = config->cpu_ns;
    const size_t len = sl_buckets_memory_len(PREFIX_SETS);
    cpu->memory = aligned_alloc(SL_CACHE_LINE, len);
    if (cpu->memory == NULL)
        return false;
    memset(cpu->memory, 0, len);
    struct sl_arena arena;
    sl_arena_init(&arena, cpu->memory, len);
    cpu->buckets = sl_buckets_create(&arena, PREFIX_SETS);
    return cpu->buckets != NULL;
}

void sl_handshake_wipe_cpu(struct cpu_share *cpu)
{
    free(cpu->memory);
    explicit_bzero(cpu, sizeof *cpu);
}

static uint64_t *bucket_of(struct cpu_share *cpu, const struct sl_ip *remote, uint64_t now_ns)
{
    return sl_buckets_find(cpu->buckets, sl_prefix_hash(&cpu->prefixes, remote), now_ns);
}

bool sl_handshake_has_cpu(struct cpu_share *cpu, const struct sl_ip *remote, uint64_t now_ns)
{
    return cpu->clock_ns == NULL ||
           (sl_bucket_allows(cpu->all_full_ns, &cpu->all, now_ns) &&
            sl_bucket_allows(*bucket_of(cpu, remote, now_ns), &cpu->per_prefix, now_ns));
}

static void charge(uint64_t *full_ns, const struct sl_rate *rate, uint64_t us, uint64_t now_ns)
{
    sl_bucket_charge(full_ns, rate, us, now_ns);
    if (*full_ns > now_ns + DEBT_MAX_NS)
        *full_ns = now_ns + DEBT_MAX_NS;
}

void sl_handshake_charge_cpu(struct cpu_share *cpu, const struct sl_ip *remote, uint64_t begun_ns,
                             uint64_t now_ns)
{
    if (cpu->clock_ns == NULL)
        return;
    const uint64_t us = (cpu->clock_ns() - begun_ns) / 1000 + 1; /* no work is for nothing */
    charge(&cpu->all_full_ns, &cpu->all, us, now_ns);
    charge(bucket_of(cpu, remote, now_ns), &cpu->per_prefix, us, now_ns);
}
