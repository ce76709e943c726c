/**
 * Records so short that additional data, text and lengths, SHORT_VECS vectors at most, stay in
 * registers. They lie as they are hashed, moved to the end of the last vector:
 *
 *     | zeros  AAD  AAD  text | text  text  text  lengths |
 *
 * so that every lane always meets the same power. The text is encrypted where it lies; the lane of
 * the lengths, which needs no key stream, makes the tag's mask. Masks load and store parts of
 * vectors: bytes outside of a record are not touched.
 */
#ifndef GCM_SHORT512_H
#define GCM_SHORT512_H

#include "gcm_body.h"

static_assert(LANES == 4, "written for vectors of 64 bytes");
#define SHORT_VECS 5
static_assert(SHORT_VECS * LANES <= GCM_POWERS, "every lane meets a power");

/** Bytes of the blocks that hold len bytes. */
GCM_INLINE size_t padded(size_t len)
{
    return (len + GCM_BLOCK_LEN - 1) & ~(size_t)(GCM_BLOCK_LEN - 1);
}

/** How many vectors the record fills. */
GCM_INLINE size_t short_vecs(const struct sl_aead_job *job)
{
    return (padded(job->len) + padded(job->aad_len)) / VEC_LEN + 1;
}

GCM_INLINE bool is_short(const struct sl_aead_job *job)
{
    return short_vecs(job) <= SHORT_VECS;
}

/* Counters in a row; what stands before 2 meets lanes without text. */
#define COUNTERS_BEFORE 8
static const uint32_t short_counters[COUNTERS_BEFORE + SHORT_VECS * LANES + 4][4] = {
#define LAST_WORD(n) [COUNTERS_BEFORE + (n)][3] = (uint32_t)(n) << 24
#define LAST_WORDS(n) LAST_WORD(n), LAST_WORD((n) + 1), LAST_WORD((n) + 2), LAST_WORD((n) + 3)
    LAST_WORDS(0), LAST_WORDS(4), LAST_WORDS(8), LAST_WORDS(12), LAST_WORDS(16), LAST_WORDS(20),
};

/** A record as it lies in its vectors, and which bytes of them are text. */
struct short_record {
    const struct gcm_key *key;
    const struct sl_aead_job *job;
    size_t text_at; /* bytes before the text: 0..127, as the additional data has 4 blocks at most */
    __mmask64 part[SHORT_VECS];
    vec text[SHORT_VECS];
};

/** Only the first two vectors and the last can hold something else than text. */
GCM_INLINE bool is_all_text(const unsigned vecs, const unsigned v)
{
    return v >= 2 && v + 1 < vecs;
}

/* Where the first vector begins, of which only parts may be touched: perhaps in no object at all.
 */
#define BEFORE(place, bytes) ((uintptr_t)(place) - (bytes))

/** Brings additional data and text together. */
GCM_INLINE void short_load(struct short_record *r, const struct sl_aead_job *job,
                           const unsigned vecs)
{
    const size_t text_len = padded(job->len);
    const size_t text_at = vecs * VEC_LEN - GCM_BLOCK_LEN - text_len;
    const size_t aad_at = text_at - padded(job->aad_len);
    const uint8_t *in = (const uint8_t *)BEFORE(job->in, text_at);
    const uint8_t *aad = (const uint8_t *)BEFORE(job->aad, aad_at);
    const __mmask64 aad_bytes = first_bytes(job->aad_len);
    const __mmask64 until_end = first_bytes(VEC_LEN - GCM_BLOCK_LEN) >> (text_len - job->len);
    r->job = job;
    r->key = (const struct gcm_key *)(const void *)job->key;
    r->text_at = text_at;
    r->text[0] = _mm512_maskz_loadu_epi8(aad_bytes << aad_at, aad);
    r->text[1] = vec_widen(_mm_setzero_si128());
    r->part[1] = ~0ULL;
    if (vecs == 1 || __builtin_expect(text_at < VEC_LEN, true)) {
        r->part[0] = ~0ULL << text_at;
    } else {
        r->part[0] = 0;
        r->part[1] = ~0ULL << (text_at - VEC_LEN);
        r->text[1] =
            _mm512_maskz_loadu_epi8(aad_bytes >> 1 >> (VEC_LEN - 1 - aad_at), aad + VEC_LEN);
    }
    r->part[vecs - 1] = vecs > 2 ? until_end : r->part[vecs - 1] & until_end;
#pragma GCC unroll 5
    for (unsigned v = 0; v < vecs; v++) {
        const uint8_t *at = in + v * VEC_LEN;
        if (is_all_text(vecs, v))
            r->text[v] = vec_load(at);
        else if (v < 2)
            r->text[v] = _mm512_mask_loadu_epi8(r->text[v], r->part[v], at);
        else
            r->text[v] = _mm512_maskz_loadu_epi8(r->part[v], at);
    }
}

/** The key stream; its last lane is the tag's mask. */
GCM_INLINE void short_stream(const struct short_record *r, const unsigned rounds,
                             const unsigned vecs, vec *state)
{
    const vec base = vec_broadcast(_mm_xor_si128(nonce_block(r->job), first_round_key(r->key)));
    /* the text begins with counter 2 */
    const uint8_t *first = (const uint8_t *)short_counters[COUNTERS_BEFORE + 2] - r->text_at;
#pragma GCC unroll 5
    for (unsigned v = 0; v < vecs; v++) {
        vec counters = vec_load(first + v * VEC_LEN);
        if (v + 1 == vecs)
            counters = vec_with_last_lane(counters, _mm_set_epi32(1 << 24, 0, 0, 0));
        state[v] = vec_xor(counters, base);
    }
#pragma GCC unroll 16
    for (unsigned i = 1; i <= rounds; i++) {
        const vec round = vec_broadcast_at(r->key->round[i]);
#pragma GCC unroll 5
        for (unsigned v = 0; v < vecs; v++) {
            state[v] = encrypt_round(state[v], round, i == rounds);
            vec_in_order(state[v]);
        }
    }
}

/** The bytes of each lane reversed; the last holds the lengths, in bits. */
GCM_INLINE vec short_with_lengths(const struct sl_aead_job *job, vec text)
{
    enum { AT = offsetof(struct sl_aead_job, len) - offsetof(struct sl_aead_job, aad_len) };
    static_assert(AT >= 2 && AT <= 12, "both lengths lie in 16 bytes");
    const vec order = _mm512_set_epi8(-1, -1, -1, -1, -1, -1, 1, 0, -1, -1, -1, -1, AT + 3, AT + 2,
                                      AT + 1, AT, REVERSED_LANE, REVERSED_LANE, REVERSED_LANE);
    const __m128i both = _mm_loadu_si128((const __m128i *)(const void *)&job->aad_len);
    text = _mm512_shuffle_epi8(vec_with_last_lane(text, both), order);
    return _mm512_sllv_epi64(text, _mm512_set_epi64(3, 3, 0, 0, 0, 0, 0, 0));
}

/** Adds vector v, encrypted, to the hash. */
GCM_INLINE void short_hash(const struct short_record *r, const unsigned vecs, const unsigned v,
                           vec text, struct sum *sum)
{
    text = v + 1 < vecs ? vec_reverse(text) : short_with_lengths(r->job, text);
    const vec powers = vec_load(powers_from(r->key, (vecs - v) * LANES));
    const struct sum product = product_of(text, powers);
    *sum = v == 0 ? product : sum_of(*sum, product);
    sum_in_order(sum);
}

GCM_INLINE __m128i crypt_short_vecs(const bool is_seal, const unsigned rounds, const unsigned vecs,
                                    const struct sl_aead_job *job, struct sum *sum)
{
    struct short_record r;
    struct sum hash = no_sum();
    vec state[SHORT_VECS];
    short_load(&r, job, vecs);
    if (!is_seal) {
#pragma GCC unroll 5
        for (unsigned v = 0; v < vecs; v++)
            short_hash(&r, vecs, v, r.text[v], &hash);
    }
    short_stream(&r, rounds, vecs, state);
    uint8_t *out = (uint8_t *)BEFORE(job->out, r.text_at);
#pragma GCC unroll 5
    for (unsigned v = 0; v < vecs; v++) {
        const bool is_whole = is_all_text(vecs, v);
        /* of what is sealed the additional data stays beside the text, for the hash */
        const vec stream =
            is_whole || !is_seal ? state[v] : _mm512_maskz_mov_epi8(r.part[v], state[v]);
        const vec text = vec_xor(r.text[v], stream);
        if (is_whole)
            vec_store(out + v * VEC_LEN, text);
        else
            _mm512_mask_storeu_epi8(out + v * VEC_LEN, r.part[v], text);
        if (is_seal)
            short_hash(&r, vecs, v, text, &hash);
    }
    *sum = hash;
    return _mm512_extracti32x4_epi32(state[vecs - 1], LANES - 1);
}

GCM_INLINE __m128i crypt_short(const bool is_seal, const unsigned rounds,
                               const struct sl_aead_job *job, struct sum *sum)
{
    switch (short_vecs(job)) {
#define CASE(vecs)                                                                                 \
    case vecs:                                                                                     \
        return crypt_short_vecs(is_seal, rounds, vecs, job, sum)
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
#undef CASE
    default:
        return crypt_short_vecs(is_seal, rounds, SHORT_VECS, job, sum);
    }
}

#endif
