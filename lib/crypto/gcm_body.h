/**
 * The kernel, over vectors of LANES blocks. The file that includes it defines, before, `vec` and
 * the operations vec_*; see gcm_vaes512.c.
 *
 * A record is hashed in chunks of CHUNK_VECS vectors. Each lane has a hash of its own, carried from
 * vector to vector by H^LANES: it takes a quarter (or half) of the blocks, and need not be brought
 * together with the others before the end. Lane l then lacks a factor H^-l; it gets it when its
 * hash joins lane l of the last piece, where each block meets the power of its own place: n blocks
 * of text and the block of the lengths meet H^(n+1)..H^1. For that n has to be at least LANES - 1.
 * Long records are encrypted two chunks at a time; what is left at once. Of a record of one piece
 * the additional data joins the same sum.
 *
 * Branches and addresses depend on lengths alone.
 */
#ifndef GCM_BODY_H
#define GCM_BODY_H

#include <assert.h>

#include "gcm.h"
#include "gcm_sum.h"

#define VEC_LEN (LANES * GCM_BLOCK_LEN)
#define CHUNK_VECS 4 /* enough to hide the latency of AES, few enough to stay in registers */
#define CHUNK_BLOCKS (CHUNK_VECS * LANES)
#define CHUNK_LEN (CHUNK_VECS * VEC_LEN)

/* What remains of a long record has at least LANES - 1 blocks. */
#define LAST_LEN_MAX (2 * CHUNK_LEN + (LANES - 2) * GCM_BLOCK_LEN)
#define LAST_VECS (2 * CHUNK_VECS + (LANES > 2))
static_assert(CHUNK_BLOCKS + LANES <= GCM_POWERS, "what follows its first chunk, and the lengths");

/** The block of both lengths in bits, its bytes reversed, which meets H. SP 800-38D 7.1, step 5. */
GCM_INLINE __m128i lengths_of(const struct sl_aead_job *job)
{
    return _mm_set_epi64x(job->aad_len * 8LL, job->len * 8LL);
}

/** nonce | 0^32, to which counters are added; SP 800-38D 7.1, step 2. */
GCM_INLINE __m128i nonce_block(const struct sl_aead_job *job)
{
    static_assert(offsetof(struct sl_aead_job, aad) >=
                      offsetof(struct sl_aead_job, nonce) + SL_AEAD_NONCE_LEN,
                  "16 bytes can be loaded where the nonce stands");
    const __m128i mask = _mm_set_epi32(0, -1, -1, -1);
    return _mm_and_si128(_mm_loadu_si128((const __m128i *)(const void *)job->nonce), mask);
}

GCM_INLINE __m128i first_round_key(const struct gcm_key *key)
{
    return _mm_load_si128((const __m128i *)(const void *)key->round[0]);
}

/** One round of AES, or the last one. */
GCM_INLINE vec encrypt_round(vec state, vec round, const bool is_last)
{
    return is_last ? vec_aesenclast(state, round) : vec_aesenc(state, round);
}

/**
 * What a long record needs in all lanes, made once: the processor loads it from memory for nothing,
 * while to load and repeat a block costs as much as a round of AES.
 */
struct wide_key {
    vec round[GCM_ROUNDS_256 + 1];
    /* H^(CHUNK_VECS * LANES), H^((CHUNK_VECS - 1) * LANES)..H^LANES, and their halves added */
    vec power[CHUNK_VECS], added[CHUNK_VECS];
};

GCM_INLINE void widen_powers(struct wide_key *wide, const struct gcm_key *key)
{
#pragma GCC unroll 4
    for (unsigned v = 0; v < CHUNK_VECS; v++) {
        wide->power[v] = vec_broadcast(power_of(key, (CHUNK_VECS - v) * LANES));
        wide->added[v] = halves_added(wide->power[v]);
    }
}

GCM_INLINE void widen_key(struct wide_key *wide, const struct gcm_key *key, const unsigned rounds)
{
#pragma GCC unroll 16
    for (unsigned i = 1; i <= rounds; i++)
        wide->round[i] = vec_broadcast_at(key->round[i]);
    widen_powers(wide, key);
    __asm__("" : "+m"(*wide)); /* or the compiler would repeat the blocks where they are used */
}

GCM_INLINE void wide_key_wipe(struct wide_key *wide)
{
    memset(wide, 0, sizeof *wide);
    __asm__ volatile("" : : "m"(*wide)); /* the compiler must believe that somebody reads it */
}

/*
 * The counter of lane l of vector v is 2 + l + v * LANES, and PAIR_BLOCKS more for each two chunks
 * before. Below PAIR_BLOCKS nothing is carried, so that counters are put together by exclusive or:
 * what stands here, the number of chunks before, and the nonce.
 */
#define PAIR_BLOCKS (2 * CHUNK_BLOCKS)
static const uint32_t first_counters[PAIR_BLOCKS][4] __attribute__((aligned(VEC_LEN))) = {
#define COUNTER_BLOCK(n)                                                                           \
    {                                                                                              \
        0, 0, 0, (uint32_t)(((n) + 2) % PAIR_BLOCKS) << 24                                         \
    }
#define COUNTER_BLOCKS(n)                                                                          \
    COUNTER_BLOCK(n), COUNTER_BLOCK((n) + 1), COUNTER_BLOCK((n) + 2), COUNTER_BLOCK((n) + 3),      \
        COUNTER_BLOCK((n) + 4), COUNTER_BLOCK((n) + 5), COUNTER_BLOCK((n) + 6),                    \
        COUNTER_BLOCK((n) + 7)
    COUNTER_BLOCKS(0),
    COUNTER_BLOCKS(8),
#if LANES == 4
    COUNTER_BLOCKS(16),
    COUNTER_BLOCKS(24),
#endif
};

/** nonce and first round key; how many blocks are before, in each lane's first word. */
struct counters {
    vec base, blocks;
};

/** Counter block v of the vectors behind `blocks`, the first round key added. */
GCM_INLINE vec first_state(const struct counters *counters, const unsigned v)
{
    const unsigned pair = v / (2 * CHUNK_VECS), rest = v % (2 * CHUNK_VECS);
    vec blocks = counters->blocks;
    if (rest == 2 * CHUNK_VECS - 1) /* where the counter of the last two lanes is carried */
        blocks = vec_add32_to_last_two(blocks, PAIR_BLOCKS);
    if (pair > 0)
        blocks = vec_add32(blocks, PAIR_BLOCKS);
    return vec_xor3(vec_load(first_counters[rest * LANES]), vec_counter_blocks(blocks),
                    counters->base);
}

/** The hash of two chunks while it is made. */
struct chunk_hash {
    const struct wide_key *wide;
    const uint8_t *text;
    struct sum sum, held;
    vec hash; /* each lane's, of all up to the last whole chunk */
};

/** slot 1..2 * (CHUNK_VECS + 1). Of each chunk vectors 1, 2, 3; 0, which waits for the hash of what
 * is before it; reduction. */
#define HASH_SLOTS (2 * (CHUNK_VECS + 1))
GCM_INLINE void hash_slot(struct chunk_hash *h, const unsigned slot)
{
    const unsigned in_chunk = slot % (CHUNK_VECS + 1), v = in_chunk % CHUNK_VECS;
    if (in_chunk == 0) {
        h->hash = sum_reduce(h->sum);
        vec_in_order(h->hash);
        return;
    }
    vec text = vec_reverse(vec_load(h->text + slot / (CHUNK_VECS + 1) * CHUNK_LEN + v * VEC_LEN));
    if (v == 0)
        text = vec_xor(text, h->hash);
    struct sum product = product_with(text, h->wide->power[v], h->wide->added[v]);
    sum_in_order(&product);
    if (v == 1)
        h->sum = product;
    else if (v == 2)
        h->held = product;
    else if (v == 3)
        h->sum = sum_of3(h->sum, h->held, product);
    else
        h->sum = sum_of(h->sum, product);
}

/**
 * Encrypts or decrypts two whole chunks, and hashes two meanwhile: the processor does both at once
 * if their instructions come mixed. h: NULL: none.
 */
GCM_INLINE void crypt_chunks(const struct wide_key *wide, const unsigned rounds,
                             struct counters *counters, const uint8_t *in, uint8_t *out,
                             struct chunk_hash *h)
{
    vec state[2 * CHUNK_VECS];
#pragma GCC unroll 8
    for (unsigned v = 0; v < 2 * CHUNK_VECS; v++)
        state[v] = first_state(counters, v);
    counters->blocks = vec_add32(counters->blocks, PAIR_BLOCKS);
#pragma GCC unroll 16
    for (unsigned i = 1; i <= rounds; i++) {
        const vec round = wide->round[i];
#pragma GCC unroll 8
        for (unsigned v = 0; v < 2 * CHUNK_VECS; v++) {
            state[v] = encrypt_round(state[v], round, i == rounds);
            vec_in_order(state[v]);
        }
        if (h != NULL && i <= HASH_SLOTS)
            hash_slot(h, i);
    }
#pragma GCC unroll 8
    for (unsigned v = 0; v < 2 * CHUNK_VECS; v++)
        vec_store(out + v * VEC_LEN, vec_xor(vec_load(in + v * VEC_LEN), state[v]));
}

/** The end of a record: a first chunk of `first` vectors, and the last piece. */
struct last_hash {
    const struct wide_key *wide;
    const uint8_t *powers; /* of the last piece */
    struct sum chunk, sum;
    vec hash;
};

/** Vector v of the text, its bytes reversed, zeros behind its end. */
GCM_INLINE void last_hash_step(struct last_hash *h, const unsigned first, const unsigned v,
                               vec text)
{
    if (v == 0)
        text = vec_xor(text, h->hash);
    if (v == first && first > 0)
        text = vec_xor(text, sum_reduce(h->chunk));
    if (v < first) {
        const unsigned p = CHUNK_VECS - first + v;
        h->chunk = sum_of(h->chunk, product_with(text, h->wide->power[p], h->wide->added[p]));
        sum_in_order(&h->chunk);
    } else { /* what stands behind H^1 in memory meets the zeros behind the text */
        h->sum = sum_of(h->sum, product_of(text, vec_load(h->powers + (v - first) * VEC_LEN)));
        sum_in_order(&h->sum);
    }
}

/** The v-th vector to be hashed: the first of each part waits for what is before it. */
GCM_INLINE unsigned last_hash_order(const unsigned first, const unsigned vec_count,
                                    const unsigned i)
{
    if (i < first)
        return (i + 1) % first;
    return first + (i - first + 1) % (vec_count - first);
}

/**
 * The last len bytes, which lie in vec_count vectors. wide: the powers and, if is_wide, the round
 * keys too. hash: each lane's, of what the record has before them. sum: what else there is.
 * behind: two chunks to be hashed before, or NULL. return the tag; or, with total not NULL, its
 * mask, and in total what it masks.
 */
GCM_INLINE __m128i crypt_last(const bool is_seal, const struct gcm_key *key,
                              const struct wide_key *wide, const bool is_wide,
                              const unsigned rounds, const unsigned vec_count,
                              const struct counters *counters, const uint8_t *in, uint8_t *out,
                              size_t len, vec hash, __m128i lengths, struct sum sum,
                              struct chunk_hash *behind, struct sum *total)
{
    const unsigned first = vec_count > CHUNK_VECS ? vec_count / 2 : 0;
    const unsigned exponent = blocks_of(len - first * VEC_LEN) + 1;
    const bool has_lane = exponent % LANES != 1; /* behind the text, where H^1 stands */
    struct last_hash h = {.wide = wide,
                          .powers = powers_from(key, exponent),
                          .hash = hash,
                          .chunk = no_sum(),
                          .sum = sum};
    __m128i mask = _mm_xor_si128(vec_lane0(counters->base), _mm_set_epi32(1 << 24, 0, 0, 0));
    const size_t part_at = (vec_count - 1) * VEC_LEN;
    vec state[LAST_VECS];
#pragma GCC unroll 9
    for (unsigned v = 0; v < vec_count; v++)
        state[v] = first_state(counters, v);
#pragma GCC unroll 16
    for (unsigned i = 1; i <= rounds; i++) {
        const vec round = is_wide ? wide->round[i] : vec_broadcast_at(key->round[i]);
#pragma GCC unroll 9
        for (unsigned v = 0; v < vec_count; v++) {
            state[v] = encrypt_round(state[v], round, i == rounds);
            vec_in_order(state[v]);
        }
        mask = i == rounds ? _mm_aesenclast_si128(mask, vec_lane0(round))
                           : _mm_aesenc_si128(mask, vec_lane0(round));
        if (behind != NULL && i <= HASH_SLOTS)
            hash_slot(behind, i);
        if (!is_seal && i <= vec_count) {
            const unsigned v = last_hash_order(first, vec_count, i - 1);
            vec text = vec_reverse(v + 1 == vec_count ? vec_load_part(in + part_at, len - part_at)
                                                      : vec_load(in + v * VEC_LEN));
            if (v + 1 == vec_count && has_lane)
                text = vec_with_lane(text, (exponent - 1) % LANES, lengths);
            last_hash_step(&h, first, v, text);
        }
    }
    if (behind != NULL)
        h.hash = behind->hash;
#pragma GCC unroll 9
    for (unsigned v = 0; v < vec_count; v++) {
        const size_t at = v * VEC_LEN;
        if (v + 1 < vec_count) {
            state[v] = vec_xor(vec_load(in + at), state[v]);
            vec_store(out + at, state[v]);
        } else {
            state[v] = vec_xor(vec_load_part(in + at, len - at), state[v]);
            vec_store_part(out + at, state[v], len - at);
        }
    }
#pragma GCC unroll 9
    for (unsigned i = 0; is_seal && i < vec_count; i++) {
        const unsigned v = last_hash_order(first, vec_count, i);
        vec text = vec_reverse(v + 1 == vec_count ? vec_keep(state[v], len - part_at) : state[v]);
        if (v + 1 == vec_count && has_lane)
            text = vec_with_lane(text, (exponent - 1) % LANES, lengths);
        last_hash_step(&h, first, v, text);
    }
    if (!has_lane)
        h.sum = sum_of(h.sum, product_of(vec_widen(lengths), vec_widen(power_of(key, 1))));
    if (total == NULL)
        return _mm_xor_si128(gcm_reverse(gcm_reduce(sum_fold(h.sum))), mask);
    *total = h.sum;
    return mask;
}

/** A vector's worth of the additional data, from byte `at` on. */
GCM_INLINE vec aad_vec(const struct sl_aead_job *job, size_t at)
{
    static_assert(sizeof job->aad == 64, "vectors of it can be loaded whole");
    const size_t left = job->aad_len - at;
    return vec_reverse(vec_keep(vec_load(job->aad + at), left < VEC_LEN ? left : VEC_LEN));
}

/** Each lane's hash of the additional data of a longer record. */
GCM_INLINE vec hash_of_aad(const struct gcm_key *key, const struct sl_aead_job *job)
{
    const unsigned blocks = blocks_of(job->aad_len);
    struct sum sum = product_of(aad_vec(job, 0), vec_broadcast(power_of(key, blocks)));
    for (unsigned at = VEC_LEN; at < sizeof job->aad && at < job->aad_len; at += VEC_LEN)
        sum = sum_of(sum, product_of(aad_vec(job, at),
                                     vec_broadcast(power_of(key, blocks - at / GCM_BLOCK_LEN))));
    return sum_reduce(sum);
}

GCM_INLINE struct counters counters_of(const struct gcm_key *key, const struct sl_aead_job *job)
{
    return (struct counters){
        .base = vec_broadcast(_mm_xor_si128(nonce_block(job), first_round_key(key))),
        .blocks = vec_widen(_mm_setzero_si128()),
    };
}

/** The rest of a long record; see crypt_last. */
GCM_INLINE __m128i crypt_rest(const bool is_seal, const struct sl_aead_job *job,
                              const struct wide_key *wide, const bool is_wide,
                              const unsigned rounds, const struct counters *counters, size_t at,
                              vec hash, struct chunk_hash *behind)
{
    const struct gcm_key *key = (const struct gcm_key *)(const void *)job->key;
    const __m128i lengths = lengths_of(job);
    const uint8_t *in = job->in + at;
    uint8_t *out = job->out + at;
    const size_t left = job->len - at;
    switch ((left + VEC_LEN - 1) / VEC_LEN) {
#define CASE(vec_count)                                                                            \
    case vec_count:                                                                                \
        return crypt_last(is_seal, key, wide, is_wide, rounds, vec_count, counters, in, out, left, \
                          hash, lengths, no_sum(), behind, NULL)
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
        CASE(5);
        CASE(6);
        CASE(7);
#if LAST_VECS == 9
        CASE(8);
#endif
#undef CASE
    default:
        return crypt_last(is_seal, key, wide, is_wide, rounds, LAST_VECS, counters, in, out, left,
                          hash, lengths, no_sum(), behind, NULL);
    }
}

/**
 * The tag of a record that is not short. What is opened is hashed while it is decrypted, what is
 * sealed two chunks later.
 */
GCM_INLINE __m128i crypt_long(const bool is_seal, const unsigned rounds,
                              const struct sl_aead_job *job, struct wide_key *wide)
{
    const struct gcm_key *key = (const struct gcm_key *)(const void *)job->key;
    const uint8_t *in = job->in;
    uint8_t *out = job->out;
    struct counters counters = counters_of(key, job);
    const vec hash = hash_of_aad(key, job);
    if (job->len <= LAST_LEN_MAX) {
        struct wide_key powers_only; /* in registers */
        widen_powers(&powers_only, key);
        return crypt_rest(is_seal, job, &powers_only, false, rounds, &counters, 0, hash, NULL);
    }

    widen_key(wide, key, rounds);
    struct chunk_hash h = {.wide = wide, .hash = hash};
    const size_t loop_end = job->len - LAST_LEN_MAX; /* from there on the rest is short enough */
    size_t at = 0;
    if (is_seal) {
        crypt_chunks(wide, rounds, &counters, in, out, NULL);
        at = 2 * CHUNK_LEN;
    }
    for (; at < loop_end; at += 2 * CHUNK_LEN) {
        h.text = is_seal ? out + at - 2 * CHUNK_LEN : in + at;
        crypt_chunks(wide, rounds, &counters, in + at, out + at, &h);
    }
    h.text = out + at - 2 * CHUNK_LEN;
    return crypt_rest(is_seal, job, wide, true, rounds, &counters, at, h.hash, is_seal ? &h : NULL);
}

#endif
