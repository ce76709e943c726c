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
#include "gcm_reduce.h"

#define VEC_LEN (LANES * GCM_BLOCK_LEN)
#define CHUNK_VECS 4 /* enough to hide the latency of AES, few enough to stay in registers */
#define CHUNK_BLOCKS (CHUNK_VECS * LANES)
#define CHUNK_LEN (CHUNK_VECS * VEC_LEN)
static_assert(CHUNK_BLOCKS + 4 + 1 <= GCM_POWERS, "additional data goes before a whole chunk");

/* What remains of a long record has at least LANES - 1 blocks. */
#define LAST_LEN_MAX (2 * CHUNK_LEN + (LANES - 2) * GCM_BLOCK_LEN)
#define LAST_VECS (2 * CHUNK_VECS + (LANES > 2))

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

/** Each lane of the sum modulo the polynomial: gcm_reduce, LANES times. */
GCM_INLINE vec sum_reduce(struct sum sum)
{
    const vec polynomial = vec_broadcast(gcm_polynomial());
    vec middle = vec_xor3(sum.both, sum.low, sum.high);
    vec folded = vec_clmul(polynomial, sum.low, 0x01);
    middle = vec_xor3(middle, vec_swap_halves(sum.low), folded);
    folded = vec_clmul(polynomial, middle, 0x01);
    return vec_xor3(sum.high, vec_swap_halves(middle), folded);
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

/* Nothing at run time: the compiler leaves what makes x before what comes behind. */
#define vec_in_order(x) __asm__ volatile("" : "+" VEC_REGISTER(x))

GCM_INLINE void sum_in_order(struct sum *sum)
{
    vec_in_order(sum->low);
    vec_in_order(sum->both);
    vec_in_order(sum->high);
}

/** One round of AES, or the last one. */
GCM_INLINE vec encrypt_round(vec state, vec round, const bool is_last)
{
    return is_last ? vec_aesenclast(state, round) : vec_aesenc(state, round);
}

/** H^(CHUNK_VECS * LANES), H^((CHUNK_VECS - 1) * LANES)..H^LANES, each in all lanes. */
struct chunk_powers {
    vec power[CHUNK_VECS], added[CHUNK_VECS];
};

GCM_INLINE struct chunk_powers chunk_powers_of(const struct gcm_key *key)
{
    struct chunk_powers powers;
#pragma GCC unroll 4
    for (unsigned v = 0; v < CHUNK_VECS; v++) {
        powers.power[v] = vec_broadcast(power_of(key, (CHUNK_VECS - v) * LANES));
        powers.added[v] = halves_added(powers.power[v]);
    }
    return powers;
}

/** The hash of two chunks while it is made, vector by vector in the order 1, 2, 3, 0. */
struct chunk_hash {
    const struct chunk_powers *powers;
    const uint8_t *text;
    struct sum sum;
    vec hash; /* each lane's, of all up to the last whole chunk */
};

/** step 1..2 * CHUNK_VECS. Vector 0 waits for the hash of what is before it: it is the last. */
GCM_INLINE void hash_step(struct chunk_hash *h, const unsigned step)
{
    const unsigned v = step % CHUNK_VECS;
    vec text = vec_reverse(vec_load(h->text + (step > CHUNK_VECS ? CHUNK_LEN : 0) + v * VEC_LEN));
    if (v == 0)
        text = vec_xor(text, h->hash);
    const struct sum product = product_with(text, h->powers->power[v], h->powers->added[v]);
    h->sum = v == 1 ? product : sum_of(h->sum, product);
    sum_in_order(&h->sum);
    if (v == 0)
        h->hash = sum_reduce(h->sum);
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
        for (unsigned v = 0; v < 2 * CHUNK_VECS; v++) {
            state[v] = encrypt_round(state[v], round, i == rounds);
            vec_in_order(state[v]);
        }
        if (h != NULL && i <= 2 * CHUNK_VECS)
            hash_step(h, i);
    }
#pragma GCC unroll 8
    for (unsigned v = 0; v < 2 * CHUNK_VECS; v++)
        vec_store(out + v * VEC_LEN, vec_xor(vec_load(in + v * VEC_LEN), state[v]));
}

/** The end of a record: a first chunk of `first` vectors, and the last piece. */
struct last_hash {
    const struct gcm_key *key;
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
        h->chunk = sum_of(h->chunk,
                          product_of(text, vec_broadcast(power_of(h->key, (first - v) * LANES))));
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
 * The last len bytes, which lie in vec_count vectors. counter: the first block's.
 * hash: each lane's, of what the record has before them. sum: what else there is; with_lengths: the
 * lengths too. behind: two chunks to be hashed before, or NULL. return the tag.
 */
GCM_INLINE __m128i crypt_last(const bool is_seal, const struct gcm_key *key, const unsigned rounds,
                              const unsigned vec_count, __m128i nonce, vec counter,
                              const uint8_t *in, uint8_t *out, size_t len, vec hash,
                              __m128i lengths, const bool with_lengths, struct sum sum,
                              struct chunk_hash *behind)
{
    const unsigned first = vec_count > CHUNK_VECS ? vec_count / 2 : 0;
    const unsigned exponent = blocks_of(len - first * VEC_LEN) + 1;
    const bool has_lane =
        with_lengths && exponent % LANES != 1; /* behind the text, where H^1 stands */
    struct last_hash h = {.key = key,
                          .powers = powers_from(key, exponent),
                          .hash = hash,
                          .chunk = no_sum(),
                          .sum = sum};
    const __m128i base = _mm_xor_si128(nonce, first_round_key(key));
    __m128i mask = _mm_xor_si128(base, _mm_set_epi32(1 << 24, 0, 0, 0));
    const size_t part_at = (vec_count - 1) * VEC_LEN;
    vec state[LAST_VECS];
#pragma GCC unroll 9
    for (unsigned v = 0; v < vec_count; v++)
        state[v] =
            vec_xor(vec_broadcast(base), vec_counter_blocks(vec_add32(counter, (int)(v * LANES))));
#pragma GCC unroll 16
    for (unsigned i = 1; i <= rounds; i++) {
        const vec round = vec_broadcast_at(key->round[i]);
#pragma GCC unroll 9
        for (unsigned v = 0; v < vec_count; v++) {
            state[v] = encrypt_round(state[v], round, i == rounds);
            vec_in_order(state[v]);
        }
        mask = i == rounds ? _mm_aesenclast_si128(mask, vec_lane0(round))
                           : _mm_aesenc_si128(mask, vec_lane0(round));
        if (behind != NULL && i <= 2 * CHUNK_VECS)
            hash_step(behind, i);
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
    if (with_lengths && !has_lane)
        h.sum = sum_of(h.sum, product_of(vec_widen(lengths), vec_widen(power_of(key, 1))));
    return _mm_xor_si128(gcm_reverse(gcm_reduce(sum_fold(h.sum))), mask);
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

/** The tag of a record of up to CHUNK_LEN bytes, its text turned from in to out. */
GCM_INLINE __m128i crypt_short(const bool is_seal, const unsigned rounds,
                               const struct sl_aead_job *job)
{
    const struct gcm_key *key = (const struct gcm_key *)(const void *)job->key;
    const struct sum sum = sum_of_aad(key, job, blocks_of(job->len) + 1, true);
    const vec hash = vec_widen(_mm_setzero_si128());
    const __m128i nonce = nonce_block(job);
    switch ((job->len + VEC_LEN - 1) / VEC_LEN) {
#define CASE(vec_count)                                                                            \
    case vec_count:                                                                                \
        return crypt_last(is_seal, key, rounds, vec_count, nonce, vec_counters_from_2(), job->in,  \
                          job->out, job->len, hash, lengths_of(job), false, sum, NULL)
        CASE(0);
        CASE(1);
        CASE(2);
        CASE(3);
#undef CASE
    default:
        return crypt_last(is_seal, key, rounds, 4, nonce, vec_counters_from_2(), job->in, job->out,
                          job->len, hash, lengths_of(job), false, sum, NULL);
    }
}

/** The rest of a long record; see crypt_last. */
GCM_INLINE __m128i crypt_rest(const bool is_seal, const struct sl_aead_job *job,
                              const unsigned rounds, vec counter, size_t at, vec hash,
                              struct chunk_hash *behind)
{
    const struct gcm_key *key = (const struct gcm_key *)(const void *)job->key;
    const __m128i nonce = nonce_block(job), lengths = lengths_of(job);
    const size_t left = job->len - at;
    switch ((left + VEC_LEN - 1) / VEC_LEN) {
#define CASE(vec_count)                                                                            \
    case vec_count:                                                                                \
        return crypt_last(is_seal, key, rounds, vec_count, nonce, counter, job->in + at,           \
                          job->out + at, left, hash, lengths, true, no_sum(), behind)
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
        return crypt_last(is_seal, key, rounds, LAST_VECS, nonce, counter, job->in + at,
                          job->out + at, left, hash, lengths, true, no_sum(), behind);
    }
}

/**
 * The tag of a record of more than CHUNK_LEN bytes. What is opened is hashed while it is decrypted,
 * what is sealed two chunks later.
 */
GCM_INLINE __m128i crypt_long(const bool is_seal, const unsigned rounds,
                              const struct sl_aead_job *job)
{
    const struct gcm_key *key = (const struct gcm_key *)(const void *)job->key;
    const vec base = vec_broadcast(_mm_xor_si128(nonce_block(job), first_round_key(key)));
    const uint8_t *in = job->in;
    uint8_t *out = job->out;
    vec counter = vec_counters_from_2();
    size_t at = 0;
    const vec hash = hash_of_aad(key, job);
    if (job->len <= LAST_LEN_MAX)
        return crypt_rest(is_seal, job, rounds, counter, at, hash, NULL);

    const struct chunk_powers powers = chunk_powers_of(key);
    struct chunk_hash h = {.powers = &powers, .hash = hash};
    const size_t loop_end = job->len - LAST_LEN_MAX; /* from there on the rest is short enough */
    if (is_seal) {
        crypt_chunks(key, rounds, base, counter, in, out, NULL);
        counter = vec_add32(counter, 2 * CHUNK_BLOCKS);
        at += 2 * CHUNK_LEN;
    }
    for (; at < loop_end; at += 2 * CHUNK_LEN) {
        h.text = is_seal ? out + at - 2 * CHUNK_LEN : in + at;
        crypt_chunks(key, rounds, base, counter, in + at, out + at, &h);
        counter = vec_add32(counter, 2 * CHUNK_BLOCKS);
    }
    h.text = out + at - 2 * CHUNK_LEN;
    return crypt_rest(is_seal, job, rounds, counter, at, h.hash, is_seal ? &h : NULL);
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
        for (size_t at = 0; at < GCM_KEY_SHORT_OFF; at += CACHE_LINE)
            __builtin_prefetch(key + at);
    for (size_t at = GCM_KEY_SHORT_OFF; at < len; at += CACHE_LINE)
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
