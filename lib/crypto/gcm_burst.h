/**
 * Bursts of records: what gcm_vaes512.c and gcm_vaes256.c make of the rest. They include one of
 * gcm_short512.h and gcm_short256.h before.
 */
#ifndef GCM_BURST_H
#define GCM_BURST_H

#include "gcm_tags.h"

/*
 * Records: far enough to hide a miss behind the work on the records between, near enough for the
 * misses that the processor can wait for at once. Long records take longer, and have more lines.
 */
#define AHEAD 18
#define AHEAD_LONG 6
#define AHEAD_TEXT 2
#define CACHE_LINE 64

/* Long records: a function each, so that the loop over short ones keeps its registers. */
#define NOT_INLINED static __attribute__((noinline))
#define DEFINE_LONG(name, is_seal, rounds)                                                         \
    NOT_INLINED __m128i name(const struct sl_aead_job *job, struct wide_key *wide)                 \
    {                                                                                              \
        return crypt_long(is_seal, rounds, job, wide);                                             \
    }
DEFINE_LONG(open_long_128, false, GCM_ROUNDS_128)
DEFINE_LONG(open_long_256, false, GCM_ROUNDS_256)
DEFINE_LONG(seal_long_128, true, GCM_ROUNDS_128)
DEFINE_LONG(seal_long_256, true, GCM_ROUNDS_256)

GCM_INLINE void run_long(const bool is_seal, struct sl_aead_job *job, struct wide_key *wide)
{
    const bool is_128 = job->alg == SL_AEAD_AES_128_GCM;
    if (is_seal)
        write_tag(job, (is_128 ? seal_long_128 : seal_long_256)(job, wide));
    else
        compare_tag(job, (is_128 ? open_long_128 : open_long_256)(job, wide));
}

/** All but the tag. */
GCM_INLINE void run_short(const bool is_seal, struct sl_aead_job *job, struct endings *all,
                          unsigned count)
{
    struct sum *sum = &all->sum[count];
    all->job[count] = job;
    all->mask[count] = job->alg == SL_AEAD_AES_128_GCM
                           ? crypt_short(is_seal, GCM_ROUNDS_128, job, sum)
                           : crypt_short(is_seal, GCM_ROUNDS_256, job, sum);
}

/** Asks for the lines of its key that any record reads. */
GCM_INLINE void prefetch_key(const struct sl_aead_job *job)
{
    const uint8_t *key = (const uint8_t *)job->key;
#pragma GCC unroll 5
    for (size_t at = GCM_KEY_SHORT_OFF; at < GCM_KEY_LEN_128; at += CACHE_LINE)
        __builtin_prefetch(key + at);
    if (__builtin_expect(job->alg != SL_AEAD_AES_128_GCM, false))
        __builtin_prefetch(key + GCM_KEY_LEN_128);
}

/** And for those of the high powers, which longer ones read too. */
GCM_INLINE void prefetch_high_powers(const struct sl_aead_job *job)
{
    const uint8_t *key = (const uint8_t *)job->key;
    if (__builtin_expect(job->len > 5 * GCM_BLOCK_LEN, false)) /* 8 with AAD and lengths */
        for (size_t at = 0; at < GCM_KEY_SHORT_OFF; at += CACHE_LINE)
            __builtin_prefetch(key + at);
}

/* A record's text comes in order, which the processor notices by itself, but late. */
#define PREFETCHED_TEXT_LEN 1536

GCM_INLINE void prefetch_text(const struct sl_aead_job *job)
{
    const size_t len = job->len < PREFETCHED_TEXT_LEN ? job->len : PREFETCHED_TEXT_LEN;
    for (size_t at = 2 * CACHE_LINE; at < len; at += CACHE_LINE)
        __builtin_prefetch(job->in + at);
}

GCM_INLINE unsigned crypt_burst(const bool is_seal, struct sl_aead_job *jobs, unsigned n)
{
    const struct sl_aead_job *end = jobs + n;
    struct endings all;
    struct wide_key wide;
    bool is_wide = false;
    unsigned count = 0, others = 0;
    for (unsigned i = 0; i < n && i < AHEAD; i++)
        prefetch_key(&jobs[i]);
    for (unsigned i = 0; i < n && i < AHEAD_LONG; i++)
        prefetch_high_powers(&jobs[i]);
    for (struct sl_aead_job *job = jobs; job < end; job++) {
        if (end - job > AHEAD)
            prefetch_key(job + AHEAD);
        if (end - job > AHEAD_LONG)
            prefetch_high_powers(job + AHEAD_LONG);
        if (end - job > AHEAD_TEXT)
            prefetch_text(job + AHEAD_TEXT);
        if (__builtin_expect(job->alg > SL_AEAD_AES_256_GCM, false)) {
            others++;
        } else if (__builtin_expect(is_short(job), true)) {
            run_short(is_seal, job, &all, count++);
        } else {
            run_long(is_seal, job, &wide);
            is_wide |= job->len > LAST_LEN_MAX;
        }
    }
    all.count = count;
    if (count > 0)
        end_records(is_seal, &all);
    if (is_wide)
        wide_key_wipe(&wide);
    return others;
}

static unsigned open_burst(struct sl_aead_job *jobs, unsigned n)
{
    return crypt_burst(false, jobs, n);
}

static unsigned seal_burst(struct sl_aead_job *jobs, unsigned n)
{
    return crypt_burst(true, jobs, n);
}

#endif
