/**
 * Records one by one, and bursts of them: what gcm_vaes512.c and gcm_vaes256.c make of gcm_body.h.
 */
#ifndef GCM_BURST_H
#define GCM_BURST_H

#include "gcm_body.h"

/*
 * Records: far enough to hide a miss behind the work on the records between, near enough for the
 * misses that the processor can wait for at once. Long records take longer, and have more lines.
 */
#define AHEAD 18
#define AHEAD_LONG 6
#define CACHE_LINE 64

/*
 * Two algorithms, two directions, short and long: a function each, so that the one for short
 * records needs no frame for what long ones keep.
 */
#define NOT_INLINED static __attribute__((noinline))
#define DEFINE_CRYPT(name, crypt, is_seal, rounds)                                                 \
    NOT_INLINED __m128i name(const struct sl_aead_job *job, struct wide_key *wide)                 \
    {                                                                                              \
        return crypt(is_seal, rounds, job, wide);                                                  \
    }
DEFINE_CRYPT(open_short_128, crypt_short, false, GCM_ROUNDS_128)
DEFINE_CRYPT(open_short_256, crypt_short, false, GCM_ROUNDS_256)
DEFINE_CRYPT(open_long_128, crypt_long, false, GCM_ROUNDS_128)
DEFINE_CRYPT(open_long_256, crypt_long, false, GCM_ROUNDS_256)
DEFINE_CRYPT(seal_short_128, crypt_short, true, GCM_ROUNDS_128)
DEFINE_CRYPT(seal_short_256, crypt_short, true, GCM_ROUNDS_256)
DEFINE_CRYPT(seal_long_128, crypt_long, true, GCM_ROUNDS_128)
DEFINE_CRYPT(seal_long_256, crypt_long, true, GCM_ROUNDS_256)

static bool open_record(const struct sl_aead_job *job, struct wide_key *wide)
{
    const bool is_128 = job->alg == SL_AEAD_AES_128_GCM;
    __m128i tag;
    if (job->len <= CHUNK_LEN)
        tag = is_128 ? open_short_128(job, wide) : open_short_256(job, wide);
    else
        tag = is_128 ? open_long_128(job, wide) : open_long_256(job, wide);
    const __m128i sent = _mm_loadu_si128((const __m128i *)(const void *)job->tag);
    const __m128i difference = _mm_xor_si128(tag, sent);
    if (__builtin_expect(_mm_testz_si128(difference, difference), true))
        return true;
    if (job->len > 0)
        memset(job->out, 0, job->len);
    return false;
}

static bool seal_record(const struct sl_aead_job *job, struct wide_key *wide)
{
    const bool is_128 = job->alg == SL_AEAD_AES_128_GCM;
    __m128i tag;
    if (job->len <= CHUNK_LEN)
        tag = is_128 ? seal_short_128(job, wide) : seal_short_256(job, wide);
    else
        tag = is_128 ? seal_long_128(job, wide) : seal_long_256(job, wide);
    _mm_storeu_si128((__m128i *)(void *)job->tag, tag);
    return true;
}

/** Asks for the lines of its key that any record reads. */
GCM_INLINE void prefetch_key(const struct sl_aead_job *job)
{
    const uint8_t *key = (const uint8_t *)job->key;
    const size_t len = job->alg == SL_AEAD_AES_128_GCM ? GCM_KEY_LEN_128 : sizeof(struct gcm_key);
    for (size_t at = GCM_KEY_SHORT_OFF; at < len; at += CACHE_LINE)
        __builtin_prefetch(key + at);
}

/** And for those of the high powers, which longer ones read too. */
GCM_INLINE void prefetch_high_powers(const struct sl_aead_job *job)
{
    const uint8_t *key = (const uint8_t *)job->key;
    const unsigned blocks = blocks_of(job->len) + blocks_of(job->aad_len) + 1;
    if (blocks > 9)
        for (size_t at = 0; at < GCM_KEY_SHORT_OFF; at += CACHE_LINE)
            __builtin_prefetch(key + at);
}

/* A record's text comes in order, which the processor notices by itself, but late. */
#define AHEAD_TEXT 2
#define PREFETCHED_TEXT_LEN 1536

GCM_INLINE void prefetch_text(const struct sl_aead_job *job)
{
    const size_t len = job->len < PREFETCHED_TEXT_LEN ? job->len : PREFETCHED_TEXT_LEN;
    for (size_t at = 2 * CACHE_LINE; at < len; at += CACHE_LINE)
        __builtin_prefetch(job->in + at);
}

GCM_INLINE unsigned run_burst(bool (*run)(const struct sl_aead_job *job, struct wide_key *wide),
                              struct sl_aead_job *jobs, unsigned n)
{
    struct wide_key wide;
    bool is_wide = false;
    unsigned others = 0;
    for (unsigned i = 0; i < n && i < AHEAD; i++)
        prefetch_key(&jobs[i]);
    for (unsigned i = 0; i < n && i < AHEAD_LONG; i++)
        prefetch_high_powers(&jobs[i]);
    for (unsigned i = 0; i < n; i++) {
        if (i + AHEAD < n)
            prefetch_key(&jobs[i + AHEAD]);
        if (i + AHEAD_LONG < n)
            prefetch_high_powers(&jobs[i + AHEAD_LONG]);
        if (i + AHEAD_TEXT < n)
            prefetch_text(&jobs[i + AHEAD_TEXT]);
        if (__builtin_expect(jobs[i].alg <= SL_AEAD_AES_256_GCM, true))
            jobs[i].ok = run(&jobs[i], &wide);
        else
            others++;
        is_wide |= jobs[i].len > LAST_LEN_MAX;
    }
    if (is_wide)
        wide_key_wipe(&wide);
    return others;
}

static unsigned open_burst(struct sl_aead_job *jobs, unsigned n)
{
    return run_burst(open_record, jobs, n);
}

static unsigned seal_burst(struct sl_aead_job *jobs, unsigned n)
{
    return run_burst(seal_record, jobs, n);
}

#endif
