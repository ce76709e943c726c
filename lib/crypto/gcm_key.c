/**
 * Key expansion of our own AES-GCM: FIPS 197 5.2, and the powers of the hash key. No look-up in a
 * table: nothing here depends on the key but the values.
 *
 * GHASH is defined over bits in the opposite order of the processor's. With every block's bytes
 * reversed, a carry-less product comes out right but for a shift by one bit; each power is kept
 * shifted to the left by that bit, modulo the polynomial. (Gueron, Kounavis: "bit reflection
 * peculiarity".)
 */
#include <immintrin.h>
#include <openssl/crypto.h>

#include "gcm.h"
#include "gcm_reduce.h"

static_assert(sizeof(struct gcm_key) == 576, "whole cache lines");

/** w[i] xor w[i-1] xor ... xor w[0] for each of the four words. */
static __m128i prefix_xor(__m128i words)
{
    words = _mm_xor_si128(words, _mm_slli_si128(words, 4));
    return _mm_xor_si128(words, _mm_slli_si128(words, 8));
}

/* The instruction takes its round constant as a part of itself. */
#define ASSIST_WORD(key, constant, word)                                                           \
    _mm_shuffle_epi32(_mm_aeskeygenassist_si128(key, constant), (word)*0x55)
#define EXPAND_128(i, constant)                                                                    \
    round[i] = _mm_xor_si128(prefix_xor(round[(i)-1]), ASSIST_WORD(round[(i)-1], constant, 3))
#define EXPAND_256_EVEN(i, constant)                                                               \
    round[i] = _mm_xor_si128(prefix_xor(round[(i)-2]), ASSIST_WORD(round[(i)-1], constant, 3))
#define EXPAND_256_ODD(i)                                                                          \
    round[i] = _mm_xor_si128(prefix_xor(round[(i)-2]), ASSIST_WORD(round[(i)-1], 0, 2))

static void expand_128(__m128i *round, const uint8_t *secret)
{
    round[0] = _mm_loadu_si128((const __m128i *)(const void *)secret);
    EXPAND_128(1, 0x01);
    EXPAND_128(2, 0x02);
    EXPAND_128(3, 0x04);
    EXPAND_128(4, 0x08);
    EXPAND_128(5, 0x10);
    EXPAND_128(6, 0x20);
    EXPAND_128(7, 0x40);
    EXPAND_128(8, 0x80);
    EXPAND_128(9, 0x1b);
    EXPAND_128(10, 0x36);
}

static void expand_256(__m128i *round, const uint8_t *secret)
{
    round[0] = _mm_loadu_si128((const __m128i *)(const void *)secret);
    round[1] = _mm_loadu_si128((const __m128i *)(const void *)(secret + GCM_BLOCK_LEN));
    EXPAND_256_EVEN(2, 0x01);
    EXPAND_256_ODD(3);
    EXPAND_256_EVEN(4, 0x02);
    EXPAND_256_ODD(5);
    EXPAND_256_EVEN(6, 0x04);
    EXPAND_256_ODD(7);
    EXPAND_256_EVEN(8, 0x08);
    EXPAND_256_ODD(9);
    EXPAND_256_EVEN(10, 0x10);
    EXPAND_256_ODD(11);
    EXPAND_256_EVEN(12, 0x20);
    EXPAND_256_ODD(13);
    EXPAND_256_EVEN(14, 0x40);
}

/** The hash key, AES(0), its bytes reversed and shifted by a bit, modulo the polynomial. */
static __m128i hash_key(const __m128i *round, unsigned rounds)
{
    __m128i h = round[0];
    for (unsigned i = 1; i < rounds; i++)
        h = _mm_aesenc_si128(h, round[i]);
    h = gcm_reverse(_mm_aesenclast_si128(h, round[rounds]));
    __m128i carries = _mm_srli_epi64(h, 63);
    __m128i shifted = _mm_or_si128(_mm_slli_epi64(h, 1), _mm_slli_si128(carries, 8));
    __m128i top = _mm_shuffle_epi32(_mm_sub_epi64(_mm_setzero_si128(), carries), 0xee); /* 0, -1 */
    const __m128i polynomial = _mm_set_epi64x((long long)0xc200000000000000ULL, 1);
    return _mm_xor_si128(shifted, _mm_and_si128(top, polynomial));
}

void gcm_key_init(struct gcm_key *key, const uint8_t *secret, unsigned key_len)
{
    const unsigned rounds = key_len == 16 ? GCM_ROUNDS_128 : GCM_ROUNDS_256;
    __m128i round[GCM_ROUNDS_256 + 1];
    if (key_len == 16)
        expand_128(round, secret);
    else
        expand_256(round, secret);
    memcpy(key->round, round, sizeof round[0] * (rounds + 1));

    const __m128i h = hash_key(round, rounds);
    __m128i power = h;
    for (unsigned e = 1; e <= GCM_POWERS; e++) {
        memcpy(key->power[GCM_POWERS - e], &power, sizeof power);
        power = gcm_reduce(gcm_multiply(power, h));
    }
    OPENSSL_cleanse(round, sizeof round);
}
