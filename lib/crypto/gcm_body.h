/**
 * The kernel, over vectors of LANES blocks. The file that includes it defines, before, `vec` and
 * the operations vec_*; see gcm_vaes512.c.
 *
 * A record is hashed in chunks of CHUNK_BLOCKS blocks, which meet the powers H^CHUNK_BLOCKS..H^1;
 * what comes out joins the first block of the next chunk. The last piece has 1..CHUNK_BLOCKS blocks
 * of text and the block of the lengths, so its n blocks of text meet H^(n+1)..H^2. Long records are
 * encrypted two chunks at a time; what is left, up to two chunks, at once. Of a record that is but
 * one piece the additional data joins the same sum.
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

/**
 * A sum of products, each lane apart, by Karatsuba's rule: with x = a + bX, h = c + dX, low is ac,
 * high is bd, both is (a + b)(c + d), from which the middle follows. Three multiplications for
 * four: of all that the kernel does the multiplier is what it waits for (Zen 5: one in two cycles).
 */
struct sum {
    vec low, both, high;
};

/** Low and high half of each lane added. */
GCM_INLINE vec halves_added(vec x)
{
    return vec_xor(x, vec_swap_halves(x));
}

/** added: halves_added(powers). */
GCM_INLINE struct sum product_with(vec x, vec powers, vec added)
{
    return (struct sum){
        .low = vec_clmul(x, powers, 0x00),
        .both = vec_clmul(halves_added(x), added, 0x00),
        .high = vec_clmul(x, powers, 0x11),
    };
}

GCM_INLINE struct sum product_of(vec x, vec powers)
{
    return product_with(x, powers, halves_added(powers));
}

GCM_INLINE struct sum no_sum(void)
{
    return (struct sum){vec_widen(_mm_setzero_si128()), vec_widen(_mm_setzero_si128()),
                        vec_widen(_mm_setzero_si128())};
}

GCM_INLINE struct sum sum_of(struct sum a, struct sum b)
{
    return (struct sum){vec_xor(a.low, b.low), vec_xor(a.both, b.both), vec_xor(a.high, b.high)};
}

GCM_INLINE struct gcm_sum128 sum_fold(struct sum sum)
{
    const __m128i low = vec_fold(sum.low), both = vec_fold(sum.both), high = vec_fold(sum.high);
    return (struct gcm_sum128){low, _mm_xor_si128(_mm_xor_si128(low, high), both), high};
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

/** The powers H^CHUNK_BLOCKS..H^1 with halves added, made once a record. */
struct chunk_powers {
    vec added[CHUNK_VECS];
};

GCM_INLINE struct chunk_powers chunk_powers_of(const struct gcm_key *key)
{
    struct chunk_powers powers;
#pragma GCC unroll 4
    for (unsigned v = 0; v < CHUNK_VECS; v++)
        powers.added[v] = halves_added(vec_load(powers_from(key, CHUNK_BLOCKS) + v * VEC_LEN));
    return powers;
}

/** The hash of two chunks while it is made, vector by vector in the order 1, 2, 3, 0. */
struct chunk_hash {
    const struct gcm_key *key;
    const struct chunk_powers *added;
    const uint8_t *text;
    struct gcm_sum128 carry; /* what else meets the powers of the first chunk's blocks */
    struct sum sum;
    __m128i hash; /* of all up to the last whole chunk */
};

/** step 1..2 * CHUNK_VECS. Vector 0 of the second chunk waits for the hash: it is the last. */
GCM_INLINE void hash_step(struct chunk_hash *h, const unsigned step)
{
    const unsigned v = step % CHUNK_VECS;
    const bool is_second = step > CHUNK_VECS;
    vec text = vec_reverse(vec_load(h->text + (is_second ? CHUNK_LEN : 0) + v * VEC_LEN));
    if (is_second && v == 0)
        text = vec_xor(text, vec_widen(h->hash));
    const struct sum product = product_with(
        text, vec_load(powers_from(h->key, CHUNK_BLOCKS) + v * VEC_LEN), h->added->added[v]);
    h->sum = v == 1 ? product : sum_of(h->sum, product);
    if (step == CHUNK_VECS)
        h->hash = gcm_reduce(gcm_add(sum_fold(h->sum), h->carry));
    else if (step == 2 * CHUNK_VECS)
        h->hash = gcm_reduce(sum_fold(h->sum));
}

GCM_INLINE void hash_chunks(struct chunk_hash *h)
{
#pragma GCC unroll 8
    for (unsigned step = 1; step <= 2 * CHUNK_VECS; step++)
        hash_step(h, step);
}

/**
 * Encrypts or decrypts two whole chunks, counters from `counter` on, and hashes two meanwhile: the
 * processor does both at once if their instructions come mixed. h: NULL: none.
 */
GCM_INLINE void crypt_chunks(const struct gcm_key *key, const unsigned rounds, vec base,
                             vec counter, const uint8_t *in, uint8_t *out, struct chunk_hash *h)
{
    vec state[2 * CHUNK_VECS];
#pragma GCC unroll 8
    for (unsigned v = 0; v < 2 * CHUNK_VECS; v++) {
        state[v] = vec_xor(base, vec_counter_blocks(counter));
        counter = vec_add32(counter, LANES);
    }
#pragma GCC unroll 16
    for (unsigned i = 1; i <= rounds; i++) {
        const vec round = vec_broadcast_at(key->round[i]);
#pragma GCC unroll 8
        for (unsigned v = 0; v < 2 * CHUNK_VECS; v++)
            state[v] = encrypt_round(state[v], round, i == rounds);
        if (h != NULL && i <= 2 * CHUNK_VECS)
            hash_step(h, i);
    }
#pragma GCC unroll 8
    for (unsigned v = 0; v < 2 * CHUNK_VECS; v++)
        vec_store(out + v * VEC_LEN, vec_xor(vec_load(in + v * VEC_LEN), state[v]));
}

/**
 * The last len bytes, which lie in vec_count vectors: a whole chunk if there are more than a chunk
 * has, and then the last piece. counters [vec_count * LANES] blocks.
 * hash: what the record hashes to before them. sum: what else there is; with_lengths: the lengths
 * too. return the tag.
 */
GCM_INLINE __m128i crypt_last(const bool is_seal, const struct gcm_key *key, const unsigned rounds,
                              const unsigned vec_count, __m128i nonce, const uint8_t *counters,
                              const uint8_t *in, uint8_t *out, size_t len, __m128i hash,
                              __m128i lengths, const bool with_lengths, struct sum sum)
{
    const unsigned first = vec_count > CHUNK_VECS ? CHUNK_VECS : 0; /* vector of the last piece */
    const __m128i base = _mm_xor_si128(nonce, first_round_key(key));
    const unsigned exponent = blocks_of(len - first * VEC_LEN) + 1;
    const uint8_t *powers = powers_from(key, exponent);
    __m128i mask = _mm_xor_si128(base, _mm_set_epi32(1 << 24, 0, 0, 0));
    const bool has_lane = exponent % LANES != 1; /* behind the text, where H^1 stands */
    struct sum chunk = no_sum();
    vec state[2 * CHUNK_VECS];
#pragma GCC unroll 8
    for (unsigned v = 0; v < vec_count; v++)
        state[v] = vec_xor(vec_broadcast(base), vec_load(counters + v * VEC_LEN));
#pragma GCC unroll 16
    for (unsigned i = 1; i <= rounds; i++) {
        const vec round = vec_broadcast_at(key->round[i]);
#pragma GCC unroll 8
        for (unsigned v = 0; v < vec_count; v++)
            state[v] = encrypt_round(state[v], round, i == rounds);
        mask = i == rounds ? _mm_aesenclast_si128(mask, vec_lane0(round))
                           : _mm_aesenc_si128(mask, vec_lane0(round));
    }
#pragma GCC unroll 8
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
        text = vec_reverse(text);
        if (is_part && with_lengths && has_lane)
            text = vec_with_lane(text, (exponent - 1) % LANES, lengths);
        if (v == 0)
            text = vec_xor(text, vec_widen(hash));
        if (v == first && first > 0)
            text = vec_xor(text, vec_widen(gcm_reduce(sum_fold(chunk))));
        if (v < first)
            chunk = sum_of(chunk, product_of(text, vec_load(powers_from(key, CHUNK_BLOCKS) + at)));
        else /* what stands behind H^2 in memory meets the zeros behind the text */
            sum = sum_of(sum, product_of(text, vec_load(powers + at - first * VEC_LEN)));
    }
    if (with_lengths && !has_lane)
        sum = sum_of(sum, product_of(vec_widen(lengths), vec_widen(power_of(key, 1))));
    return _mm_xor_si128(gcm_reverse(gcm_reduce(sum_fold(sum))), mask);
}

/** A vector's worth of the additional data, from byte `at` on. */
GCM_INLINE vec aad_vec(const struct sl_aead_job *job, size_t at)
{
    static_assert(sizeof job->aad == 64, "vectors of it can be loaded whole");
    const size_t left = job->aad_len - at;
    return vec_reverse(vec_keep(vec_load(job->aad + at), left < VEC_LEN ? left : VEC_LEN));
}

/**
 * The hash's part of what is no text. The text behind the additional data begins at H^exponent.
 * with_lengths: the block of the lengths too, for which most records have a lane free.
 */
GCM_INLINE struct sum sum_of_aad(const struct gcm_key *key, const struct sl_aead_job *job,
                                 unsigned exponent, const bool with_lengths)
{
    const uint8_t *powers = powers_from(key, exponent + blocks_of(job->aad_len));
    vec aad = aad_vec(job, 0), power = vec_load(powers);
    if (with_lengths && __builtin_expect(job->aad_len <= VEC_LEN - GCM_BLOCK_LEN, true))
        return product_of(vec_with_lane(aad, LANES - 1, lengths_of(job)),
                          vec_with_lane(power, LANES - 1, power_of(key, 1)));
    struct sum sum = product_of(aad, power);
    for (size_t at = VEC_LEN; at < sizeof job->aad && at < job->aad_len; at += VEC_LEN)
        sum = sum_of(sum, product_of(aad_vec(job, at), vec_load(powers + at)));
    if (with_lengths)
        sum = sum_of(sum, product_of(vec_widen(lengths_of(job)), vec_widen(power_of(key, 1))));
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

/** The tag of a record of up to CHUNK_LEN bytes, its text turned from in to out. */
GCM_INLINE __m128i crypt_short(const bool is_seal, const unsigned rounds,
                               const struct sl_aead_job *job)
{
    const struct gcm_key *key = (const struct gcm_key *)(const void *)job->key;
    const struct sum sum = sum_of_aad(key, job, blocks_of(job->len) + 1, true);
    const __m128i hash = _mm_setzero_si128();
    const __m128i nonce = nonce_block(job);
    switch ((job->len + VEC_LEN - 1) / VEC_LEN) {
#define CASE(vec_count)                                                                            \
    case vec_count:                                                                                \
        return crypt_last(is_seal, key, rounds, vec_count, nonce, (const uint8_t *)first_counters, \
                          job->in, job->out, job->len, hash, lengths_of(job), false, sum)
        CASE(0);
        CASE(1);
        CASE(2);
        CASE(3);
#undef CASE
    default:
        return crypt_last(is_seal, key, rounds, 4, nonce, (const uint8_t *)first_counters, job->in,
                          job->out, job->len, hash, lengths_of(job), false, sum);
    }
}

/** The tag of a record of more than CHUNK_LEN bytes. */
GCM_INLINE __m128i crypt_long(const bool is_seal, const unsigned rounds,
                              const struct sl_aead_job *job)
{
    const struct gcm_key *key = (const struct gcm_key *)(const void *)job->key;
    const __m128i nonce = nonce_block(job);
    const vec base = vec_broadcast(_mm_xor_si128(nonce, first_round_key(key)));
    const uint8_t *in = job->in;
    uint8_t *out = job->out;
    size_t left = job->len;
    const struct chunk_powers added = chunk_powers_of(key);
    vec counter = vec_counters_from_2(), counters[2 * CHUNK_VECS];
    bool is_behind = false; /* sealing: the two chunks before `out` wait for their hash */
    struct chunk_hash h = {.key = key, .added = &added};
    if (left <= 2 * CHUNK_LEN)
        h.hash = gcm_reduce(sum_fold(sum_of_aad(key, job, 0, false)));
    else
        h.carry = sum_fold(sum_of_aad(key, job, CHUNK_BLOCKS, false));

    while (left > 2 * CHUNK_LEN) {
        h.text = is_seal ? out - 2 * CHUNK_LEN : in;
        if (is_seal && !is_behind) {
            crypt_chunks(key, rounds, base, counter, in, out, NULL);
        } else {
            crypt_chunks(key, rounds, base, counter, in, out, &h);
            h.carry = gcm_multiply(h.hash, power_of(key, CHUNK_BLOCKS));
        }
        is_behind = is_seal;
        counter = vec_add32(counter, 2 * CHUNK_BLOCKS);
        in += 2 * CHUNK_LEN, out += 2 * CHUNK_LEN, left -= 2 * CHUNK_LEN;
    }
    if (is_behind) {
        h.text = out - 2 * CHUNK_LEN;
        hash_chunks(&h);
    }
#pragma GCC unroll 8
    for (unsigned v = 0; v < 2 * CHUNK_VECS; v++) {
        counters[v] = vec_counter_blocks(counter);
        counter = vec_add32(counter, LANES);
    }
    switch ((left + VEC_LEN - 1) / VEC_LEN) {
#define CASE(vec_count)                                                                            \
    case vec_count:                                                                                \
        return crypt_last(is_seal, key, rounds, vec_count, nonce, (const uint8_t *)counters, in,   \
                          out, left, h.hash, lengths_of(job), true, no_sum())
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
        CASE(5);
        CASE(6);
        CASE(7);
#undef CASE
    default:
        return crypt_last(is_seal, key, rounds, 8, nonce, (const uint8_t *)counters, in, out, left,
                          h.hash, lengths_of(job), true, no_sum());
    }
}

/*
 * Two algorithms, two directions, short and long: a function each, so that the one for short
 * records needs no frame for what long ones keep.
 */
#define NOT_INLINED static __attribute__((noinline))
#define DEFINE_CRYPT(name, crypt, is_seal, rounds)                                                 \
    NOT_INLINED __m128i name(const struct sl_aead_job *job)                                        \
    {                                                                                              \
        return crypt(is_seal, rounds, job);                                                        \
    }
DEFINE_CRYPT(open_short_128, crypt_short, false, GCM_ROUNDS_128)
DEFINE_CRYPT(open_short_256, crypt_short, false, GCM_ROUNDS_256)
DEFINE_CRYPT(open_long_128, crypt_long, false, GCM_ROUNDS_128)
DEFINE_CRYPT(open_long_256, crypt_long, false, GCM_ROUNDS_256)
DEFINE_CRYPT(seal_short_128, crypt_short, true, GCM_ROUNDS_128)
DEFINE_CRYPT(seal_short_256, crypt_short, true, GCM_ROUNDS_256)
DEFINE_CRYPT(seal_long_128, crypt_long, true, GCM_ROUNDS_128)
DEFINE_CRYPT(seal_long_256, crypt_long, true, GCM_ROUNDS_256)

static bool open_record(const struct sl_aead_job *job)
{
    const bool is_128 = job->alg == SL_AEAD_AES_128_GCM;
    __m128i tag;
    if (job->len <= CHUNK_LEN)
        tag = is_128 ? open_short_128(job) : open_short_256(job);
    else
        tag = is_128 ? open_long_128(job) : open_long_256(job);
    const __m128i sent = _mm_loadu_si128((const __m128i *)(const void *)job->tag);
    const __m128i difference = _mm_xor_si128(tag, sent);
    if (__builtin_expect(_mm_testz_si128(difference, difference), true))
        return true;
    if (job->len > 0)
        memset(job->out, 0, job->len);
    return false;
}

static bool seal_record(const struct sl_aead_job *job)
{
    const bool is_128 = job->alg == SL_AEAD_AES_128_GCM;
    __m128i tag;
    if (job->len <= CHUNK_LEN)
        tag = is_128 ? seal_short_128(job) : seal_short_256(job);
    else
        tag = is_128 ? seal_long_128(job) : seal_long_256(job);
    _mm_storeu_si128((__m128i *)(void *)job->tag, tag);
    return true;
}

/** Asks for the lines of its key that a record reads: all, or what a short one needs. */
GCM_INLINE void prefetch_key(const struct sl_aead_job *job)
{
    const uint8_t *key = (const uint8_t *)job->key;
    const size_t len = job->alg == SL_AEAD_AES_128_GCM ? GCM_KEY_LEN_128 : sizeof(struct gcm_key);
    const unsigned blocks = blocks_of(job->len) + blocks_of(job->aad_len) + 1;
    if (blocks > 9)
        for (size_t at = 0; at < 3 * CACHE_LINE; at += CACHE_LINE)
            __builtin_prefetch(key + at);
    for (size_t at = 3 * CACHE_LINE; at < len; at += CACHE_LINE)
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

GCM_INLINE unsigned run_burst(bool (*run)(const struct sl_aead_job *job), struct sl_aead_job *jobs,
                              unsigned n)
{
    unsigned others = 0;
    for (unsigned i = 0; i < n && i < AHEAD; i++)
        prefetch_key(&jobs[i]);
    for (unsigned i = 0; i < n; i++) {
        if (i + AHEAD < n)
            prefetch_key(&jobs[i + AHEAD]);
        if (i + AHEAD_TEXT < n)
            prefetch_text(&jobs[i + AHEAD_TEXT]);
        if (__builtin_expect(jobs[i].alg <= SL_AEAD_AES_256_GCM, true))
            jobs[i].ok = run(&jobs[i]);
        else
            others++;
    }
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
