/**
 * The kernel, over vectors of LANES blocks. The file that includes it defines, before, `vec` and
 * the operations vec_*; see gcm_vaes512.c.
 *
 * A record is a sequence of chunks of CHUNK_LEN bytes and a last piece of 1..CHUNK_LEN bytes (or of
 * none). The hash is a sum of blocks times powers of H. The blocks of a chunk meet the powers
 * H^CHUNK_BLOCKS..H^1 and are reduced to one block; this one, or the additional data before the
 * first chunk, is the `carry` into the sum of the next. Of the last piece the block of the lengths
 * is a part, so its n blocks meet H^(n+1)..H^2.
 *
 * Branches and addresses depend on lengths alone.
 */
#ifndef GCM_BODY_H
#define GCM_BODY_H

#include <assert.h>

#include "gcm.h"
#include "gcm_reduce.h"

#define VEC_LEN (LANES * GCM_BLOCK_LEN)
#define CHUNK_VECS 4 /* enough to hide the latency of AES, few enough to stay in registers */
#define CHUNK_BLOCKS (CHUNK_VECS * LANES)
#define CHUNK_LEN (CHUNK_VECS * VEC_LEN)
static_assert(CHUNK_BLOCKS + 4 + 1 <= GCM_POWERS, "additional data goes before a whole chunk");

#define AHEAD 6 /* records: far enough to hide a miss behind the work on the records between */
#define CACHE_LINE 64

/** A sum of products as gcm_sum128, each lane apart. */
struct sum {
    vec low, middle, high;
};

GCM_INLINE struct sum sum_of(vec x, vec powers)
{
    return (struct sum){
        .low = vec_clmul(x, powers, 0x00),
        .middle = vec_xor(vec_clmul(x, powers, 0x01), vec_clmul(x, powers, 0x10)),
        .high = vec_clmul(x, powers, 0x11),
    };
}

GCM_INLINE void sum_add(struct sum *sum, vec x, vec powers)
{
    sum->low = vec_xor(sum->low, vec_clmul(x, powers, 0x00));
    sum->high = vec_xor(sum->high, vec_clmul(x, powers, 0x11));
    sum->middle = vec_xor3(sum->middle, vec_clmul(x, powers, 0x01), vec_clmul(x, powers, 0x10));
}

GCM_INLINE struct gcm_sum128 sum_fold(struct sum sum)
{
    return (struct gcm_sum128){vec_fold(sum.low), vec_fold(sum.middle), vec_fold(sum.high)};
}

GCM_INLINE unsigned blocks_of(size_t len)
{
    return (unsigned)((len + GCM_BLOCK_LEN - 1) / GCM_BLOCK_LEN);
}

/** H^exponent and the powers below it. */
GCM_INLINE const uint8_t *powers_from(const struct gcm_key *key, unsigned exponent)
{
    return key->power[GCM_POWERS - exponent];
}

GCM_INLINE __m128i power_of(const struct gcm_key *key, unsigned exponent)
{
    return _mm_load_si128((const __m128i *)(const void *)powers_from(key, exponent));
}

/** The block of both lengths in bits meets H. SP 800-38D 7.1, step 5. */
GCM_INLINE void add_lengths(struct sum *sum, const struct gcm_key *key,
                            const struct sl_aead_job *job)
{
    const __m128i lengths = _mm_set_epi64x(job->aad_len * 8LL, job->len * 8LL);
    sum_add(sum, vec_widen(lengths), vec_widen(power_of(key, 1)));
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

/** Counter blocks become key stream; the tag's mask, whose counter is 1, goes along if not NULL. */
GCM_INLINE void encrypt_counters(const struct gcm_key *key, const unsigned rounds, vec *state,
                                 const unsigned vec_count, __m128i *mask)
{
#pragma GCC unroll 16
    for (unsigned i = 1; i <= rounds; i++) {
        const vec round = vec_broadcast_at(key->round[i]);
#pragma GCC unroll 4
        for (unsigned v = 0; v < vec_count; v++)
            state[v] = i < rounds ? vec_aesenc(state[v], round) : vec_aesenclast(state[v], round);
        if (mask != NULL)
            *mask = i < rounds ? _mm_aesenc_si128(*mask, vec_lane0(round))
                               : _mm_aesenclast_si128(*mask, vec_lane0(round));
    }
}

/** One whole chunk. counter: of its blocks, as vec_counter_blocks. return its part of the hash. */
GCM_INLINE struct gcm_sum128 crypt_chunk(const bool is_seal, const struct gcm_key *key,
                                         const unsigned rounds, __m128i nonce, vec counter,
                                         const uint8_t *in, uint8_t *out)
{
    const vec base = vec_broadcast(_mm_xor_si128(nonce, first_round_key(key)));
    const uint8_t *powers = powers_from(key, CHUNK_BLOCKS);
    vec state[CHUNK_VECS];
    struct sum sum;
#pragma GCC unroll 4
    for (unsigned v = 0; v < CHUNK_VECS; v++) {
        state[v] = vec_xor(base, vec_counter_blocks(counter));
        counter = vec_add32(counter, LANES);
    }
    encrypt_counters(key, rounds, state, CHUNK_VECS, NULL);
#pragma GCC unroll 4
    for (unsigned v = 0; v < CHUNK_VECS; v++) {
        const size_t at = v * VEC_LEN;
        const vec text = vec_load(in + at), result = vec_xor(text, state[v]);
        const vec hashed = vec_reverse(is_seal ? result : text), power = vec_load(powers + at);
        vec_store(out + at, result);
        if (v == 0)
            sum = sum_of(hashed, power);
        else
            sum_add(&sum, hashed, power);
    }
    return sum_fold(sum);
}

/**
 * The last len bytes, which lie in vec_count vectors. counters [vec_count * LANES] blocks.
 * sum: what else the hash holds. return the tag.
 */
GCM_INLINE __m128i crypt_last(const bool is_seal, const struct gcm_key *key, const unsigned rounds,
                              const unsigned vec_count, __m128i nonce, const uint8_t *counters,
                              const uint8_t *in, uint8_t *out, size_t len, struct sum sum)
{
    const __m128i base = _mm_xor_si128(nonce, first_round_key(key));
    const uint8_t *powers = powers_from(key, blocks_of(len) + 1);
    __m128i mask = _mm_xor_si128(base, _mm_set_epi32(1 << 24, 0, 0, 0));
    vec state[CHUNK_VECS];
#pragma GCC unroll 4
    for (unsigned v = 0; v < vec_count; v++)
        state[v] = vec_xor(vec_broadcast(base), vec_load(counters + v * VEC_LEN));
    encrypt_counters(key, rounds, state, vec_count, &mask);
#pragma GCC unroll 4
    for (unsigned v = 0; v < vec_count; v++) {
        const size_t at = v * VEC_LEN;
        const bool is_part = v + 1 == vec_count;
        vec text = is_part ? vec_load_part(in + at, len - at) : vec_load(in + at);
        const vec result = vec_xor(text, state[v]);
        if (is_part)
            vec_store_part(out + at, result, len - at);
        else
            vec_store(out + at, result);
        if (is_seal)
            text = is_part ? vec_keep(result, len - at) : result;
        /* What stands behind H^2 in memory meets the zeros behind the text. */
        sum_add(&sum, vec_reverse(text), vec_load(powers + at));
    }
    const __m128i hash = gcm_reduce(sum_fold(sum));
    return _mm_xor_si128(gcm_reverse(hash), mask);
}

/** The additional data, the text behind it beginning at H^exponent. */
GCM_INLINE struct sum sum_of_aad(const struct gcm_key *key, const struct sl_aead_job *job,
                                 unsigned exponent)
{
    static_assert(sizeof job->aad == 64, "vectors of it can be loaded whole");
    const size_t len = job->aad_len;
    const uint8_t *powers = powers_from(key, exponent + blocks_of(len));
    struct sum sum = sum_of(
        vec_reverse(vec_keep(vec_load(job->aad), len < VEC_LEN ? len : VEC_LEN)), vec_load(powers));
    for (size_t at = VEC_LEN; at < len; at += VEC_LEN)
        sum_add(&sum, vec_reverse(vec_keep(vec_load(job->aad + at), len - at)),
                vec_load(powers + at));
    return sum;
}

static const uint32_t first_counters[CHUNK_BLOCKS][4] __attribute__((aligned(VEC_LEN))) = {
#define COUNTER_BLOCK(n)                                                                           \
    {                                                                                              \
        0, 0, 0, (uint32_t)(n) << 24                                                               \
    }
    COUNTER_BLOCK(2),  COUNTER_BLOCK(3),  COUNTER_BLOCK(4),  COUNTER_BLOCK(5),
    COUNTER_BLOCK(6),  COUNTER_BLOCK(7),  COUNTER_BLOCK(8),  COUNTER_BLOCK(9),
#if LANES == 4
    COUNTER_BLOCK(10), COUNTER_BLOCK(11), COUNTER_BLOCK(12), COUNTER_BLOCK(13),
    COUNTER_BLOCK(14), COUNTER_BLOCK(15), COUNTER_BLOCK(16), COUNTER_BLOCK(17),
#endif
};

/** The tag of a record, its text turned from in to out. */
GCM_INLINE __m128i crypt_record(const bool is_seal, const unsigned rounds,
                                const struct sl_aead_job *job)
{
    const struct gcm_key *key = (const struct gcm_key *)(const void *)job->key;
    const __m128i nonce = nonce_block(job);
    const uint8_t *in = job->in, *counters = (const uint8_t *)first_counters;
    uint8_t *out = job->out;
    size_t left = job->len;
    vec last_counters[CHUNK_VECS];
    struct sum sum;

    if (left <= CHUNK_LEN) {
        sum = sum_of_aad(key, job, blocks_of(left) + 1);
    } else {
        vec counter = vec_counters_from_2();
        struct gcm_sum128 carry = sum_fold(sum_of_aad(key, job, CHUNK_BLOCKS));
        for (;;) {
            struct gcm_sum128 chunk = crypt_chunk(is_seal, key, rounds, nonce, counter, in, out);
            const __m128i hash = gcm_reduce(gcm_add(chunk, carry));
            in += CHUNK_LEN, out += CHUNK_LEN, left -= CHUNK_LEN;
            counter = vec_add32(counter, CHUNK_BLOCKS);
            const bool is_last = left <= CHUNK_LEN;
            carry = gcm_multiply(hash, power_of(key, is_last ? blocks_of(left) + 1 : CHUNK_BLOCKS));
            if (is_last)
                break;
        }
        for (unsigned v = 0; v < CHUNK_VECS; v++) {
            last_counters[v] = vec_counter_blocks(counter);
            counter = vec_add32(counter, LANES);
        }
        counters = (const uint8_t *)last_counters;
        sum = (struct sum){vec_widen(carry.low), vec_widen(carry.middle), vec_widen(carry.high)};
    }
    add_lengths(&sum, key, job);
    switch ((left + VEC_LEN - 1) / VEC_LEN) {
    case 0:
        return crypt_last(is_seal, key, rounds, 0, nonce, counters, in, out, left, sum);
    case 1:
        return crypt_last(is_seal, key, rounds, 1, nonce, counters, in, out, left, sum);
    case 2:
        return crypt_last(is_seal, key, rounds, 2, nonce, counters, in, out, left, sum);
    case 3:
        return crypt_last(is_seal, key, rounds, 3, nonce, counters, in, out, left, sum);
    default:
        return crypt_last(is_seal, key, rounds, 4, nonce, counters, in, out, left, sum);
    }
}

/* Two algorithms, two directions; not inlined into the burst's loop, which would hold them all. */
#define NOT_INLINED static __attribute__((noinline))

GCM_INLINE bool open_record(const unsigned rounds, const struct sl_aead_job *job)
{
    const __m128i tag = crypt_record(false, rounds, job);
    const __m128i sent = _mm_loadu_si128((const __m128i *)(const void *)job->tag);
    const __m128i difference = _mm_xor_si128(tag, sent);
    if (__builtin_expect(_mm_testz_si128(difference, difference), true))
        return true;
    if (job->len > 0)
        memset(job->out, 0, job->len);
    return false;
}

GCM_INLINE bool seal_record(const unsigned rounds, const struct sl_aead_job *job)
{
    _mm_storeu_si128((__m128i *)(void *)job->tag, crypt_record(true, rounds, job));
    return true;
}

NOT_INLINED bool open_128(const struct sl_aead_job *job)
{
    return open_record(GCM_ROUNDS_128, job);
}

NOT_INLINED bool open_256(const struct sl_aead_job *job)
{
    return open_record(GCM_ROUNDS_256, job);
}

NOT_INLINED bool seal_128(const struct sl_aead_job *job)
{
    return seal_record(GCM_ROUNDS_128, job);
}

NOT_INLINED bool seal_256(const struct sl_aead_job *job)
{
    return seal_record(GCM_ROUNDS_256, job);
}

/** Asks for the lines of its key that a record reads, from its highest power on. */
GCM_INLINE void prefetch_key(const struct sl_aead_job *job)
{
    const uint8_t *key = (const uint8_t *)job->key;
    unsigned blocks =
        blocks_of(job->len < CHUNK_LEN ? job->len : CHUNK_LEN) + blocks_of(job->aad_len) + 1;
    size_t from = (GCM_POWERS - blocks) * GCM_BLOCK_LEN & ~(size_t)(CACHE_LINE - 1);
    size_t to = job->alg == SL_AEAD_AES_128_GCM ? GCM_KEY_LEN_128 : sizeof(struct gcm_key);
    for (; from < to; from += CACHE_LINE)
        __builtin_prefetch(key + from);
}

GCM_INLINE unsigned run_burst(bool (*run_128)(const struct sl_aead_job *job),
                              bool (*run_256)(const struct sl_aead_job *job),
                              struct sl_aead_job *jobs, unsigned n)
{
    unsigned others = 0;
    for (unsigned i = 0; i < n && i < AHEAD; i++)
        prefetch_key(&jobs[i]);
    for (unsigned i = 0; i < n; i++) {
        if (i + AHEAD < n)
            prefetch_key(&jobs[i + AHEAD]);
        if (jobs[i].alg == SL_AEAD_AES_128_GCM)
            jobs[i].ok = run_128(&jobs[i]);
        else if (jobs[i].alg == SL_AEAD_AES_256_GCM)
            jobs[i].ok = run_256(&jobs[i]);
        else
            others++;
    }
    return others;
}

static unsigned open_burst(struct sl_aead_job *jobs, unsigned n)
{
    return run_burst(open_128, open_256, jobs, n);
}

static unsigned seal_burst(struct sl_aead_job *jobs, unsigned n)
{
    return run_burst(seal_128, seal_256, jobs, n);
}

#endif
