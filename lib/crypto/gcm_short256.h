/**
 * Records of up to CHUNK_LEN bytes, text and additional data apart: without masks there is no cheap
 * way to bring both into one vector (see gcm_short512.h).
 */
#ifndef GCM_SHORT256_H
#define GCM_SHORT256_H

#include "gcm_body.h"

GCM_INLINE bool is_short(const struct sl_aead_job *job)
{
    return job->len <= CHUNK_LEN;
}

/** The additional data's part of the hash; the text behind it begins at H^exponent. */
GCM_INLINE struct sum sum_of_aad(const struct gcm_key *key, const struct sl_aead_job *job,
                                 unsigned exponent)
{
    const uint8_t *powers = powers_from(key, exponent + blocks_of(job->aad_len));
    vec aad = aad_vec(job, 0), power = vec_load(powers);
    struct sum sum = product_of(aad, power);
    for (size_t at = VEC_LEN; at < sizeof job->aad && at < job->aad_len; at += VEC_LEN)
        sum = sum_of(sum, product_of(aad_vec(job, at), vec_load(powers + at)));
    return sum;
}

GCM_INLINE __m128i crypt_short(const bool is_seal, const unsigned rounds,
                               const struct sl_aead_job *job, struct sum *total)
{
    const struct gcm_key *key = (const struct gcm_key *)(const void *)job->key;
    const struct sum sum = sum_of_aad(key, job, blocks_of(job->len) + 1);
    const vec hash = vec_widen(_mm_setzero_si128());
    const struct counters counters = counters_of(key, job);
    const __m128i lengths = lengths_of(job);
    switch ((job->len + VEC_LEN - 1) / VEC_LEN) {
#define CASE(vec_count)                                                                            \
    case vec_count:                                                                                \
        return crypt_last(is_seal, key, NULL, false, rounds, vec_count, &counters, job->in,        \
                          job->out, job->len, hash, lengths, sum, NULL, total)
        CASE(0);
        CASE(1);
        CASE(2);
        CASE(3);
#undef CASE
    default:
        return crypt_last(is_seal, key, NULL, false, rounds, 4, &counters, job->in, job->out,
                          job->len, hash, lengths, sum, NULL, total);
    }
}

#endif
