/**
 * How records end. The hashes of LANES short ones are folded and reduced at once, a lane each, when
 * the burst is through: their long chains of instructions then wait for nobody.
 */
#ifndef GCM_TAGS_H
#define GCM_TAGS_H

#include "gcm_body.h"

static_assert(SL_BURST % LANES == 0, "the last records of a burst may be taken more than once");

/** Records, and what their tags are made of. */
struct endings {
    unsigned count;
    struct sl_aead_job *job[SL_BURST];
    struct sum sum[SL_BURST];
    __m128i mask[SL_BURST] __attribute__((aligned(VEC_LEN)));
};

/** From record i on LANES tags, a lane each. */
GCM_INLINE vec tags_from(const struct endings *all, unsigned i)
{
    vec low[LANES], both[LANES], high[LANES];
#pragma GCC unroll 4
    for (unsigned l = 0; l < LANES; l++) {
        low[l] = all->sum[i + l].low;
        both[l] = all->sum[i + l].both;
        high[l] = all->sum[i + l].high;
    }
    const struct sum sum = {vec_fold_lanes(low), vec_fold_lanes(both), vec_fold_lanes(high)};
    return vec_xor(vec_reverse(sum_reduce(sum)), vec_load(&all->mask[i]));
}

GCM_INLINE void write_tag(struct sl_aead_job *job, __m128i tag)
{
    _mm_storeu_si128((__m128i *)(void *)job->tag, tag);
    job->ok = true;
}

/** Of a record whose tag is another one nothing is left. */
GCM_INLINE void set_ok(struct sl_aead_job *job, bool ok)
{
    job->ok = ok;
    if (__builtin_expect(!ok, false) && job->len > 0)
        memset(job->out, 0, job->len);
}

GCM_INLINE void compare_tag(struct sl_aead_job *job, __m128i tag)
{
    const __m128i sent = _mm_loadu_si128((const __m128i *)(const void *)job->tag);
    const __m128i difference = _mm_xor_si128(tag, sent);
    set_ok(job, _mm_testz_si128(difference, difference));
}

GCM_INLINE void write_tags(const struct endings *all, unsigned i)
{
    __m128i tag[LANES] __attribute__((aligned(VEC_LEN)));
    vec_store(tag, tags_from(all, i));
#pragma GCC unroll 4
    for (unsigned l = 0; l < LANES; l++)
        write_tag(all->job[i + l], tag[l]);
}

GCM_INLINE void compare_tags(const struct endings *all, unsigned i)
{
    struct sl_aead_job *const *jobs = &all->job[i];
    const __m128i *sent[LANES];
#pragma GCC unroll 4
    for (unsigned l = 0; l < LANES; l++)
        sent[l] = (const __m128i *)(const void *)jobs[l]->tag;
    const unsigned differ = vec_differ(tags_from(all, i), vec_gather(sent));
#pragma GCC unroll 4
    for (unsigned l = 0; l < LANES; l++)
        set_ok(jobs[l], (differ >> 2 * l & 3) == 0);
}

/** The tags of all; the last record is repeated until they fill their vectors. */
GCM_INLINE void end_records(const bool is_seal, struct endings *all)
{
    for (; all->count % LANES != 0; all->count++) {
        all->job[all->count] = all->job[all->count - 1];
        all->sum[all->count] = all->sum[all->count - 1];
        all->mask[all->count] = all->mask[all->count - 1];
    }
    for (unsigned i = 0; i < all->count; i += LANES) {
        if (is_seal)
            write_tags(all, i);
        else
            compare_tags(all, i);
    }
}

#endif
