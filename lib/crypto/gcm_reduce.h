/** Products in the field of GHASH, one block at a time; over gcm_key.c's form of the powers. */
#ifndef GCM_REDUCE_H
#define GCM_REDUCE_H

#include <immintrin.h>

#define GCM_INLINE static inline __attribute__((always_inline))

/** A sum of products that is not reduced yet: 256 bits, the middle ones apart. */
struct gcm_sum128 {
    __m128i low, middle, high;
};

/** The bytes of a block in the opposite order. */
GCM_INLINE __m128i gcm_reverse(__m128i block)
{
    return _mm_shuffle_epi8(block,
                            _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

/** Karatsuba's rule: three multiplications, of which the processor does few, for four. */
GCM_INLINE struct gcm_sum128 gcm_multiply(__m128i x, __m128i power)
{
    const __m128i x_added = _mm_xor_si128(x, _mm_shuffle_epi32(x, 0x4e));
    const __m128i power_added = _mm_xor_si128(power, _mm_shuffle_epi32(power, 0x4e));
    const __m128i low = _mm_clmulepi64_si128(x, power, 0x00);
    const __m128i high = _mm_clmulepi64_si128(x, power, 0x11);
    const __m128i both = _mm_clmulepi64_si128(x_added, power_added, 0x00);
    return (struct gcm_sum128){low, _mm_xor_si128(_mm_xor_si128(low, high), both), high};
}

GCM_INLINE struct gcm_sum128 gcm_add(struct gcm_sum128 a, struct gcm_sum128 b)
{
    return (struct gcm_sum128){
        .low = _mm_xor_si128(a.low, b.low),
        .middle = _mm_xor_si128(a.middle, b.middle),
        .high = _mm_xor_si128(a.high, b.high),
    };
}

/** What gcm_reduce multiplies with. */
GCM_INLINE __m128i gcm_polynomial(void)
{
    return _mm_set_epi64x((long long)0xc200000000000000ULL, 1);
}

/** Modulo x^128 + x^127 + x^126 + x^121 + 1 (the polynomial reversed), 64 bits at a time. */
GCM_INLINE __m128i gcm_reduce(struct gcm_sum128 sum)
{
    const __m128i polynomial = gcm_polynomial();
    __m128i folded = _mm_clmulepi64_si128(polynomial, sum.low, 0x01);
    __m128i middle =
        _mm_xor_si128(_mm_xor_si128(sum.middle, _mm_shuffle_epi32(sum.low, 0x4e)), folded);
    folded = _mm_clmulepi64_si128(polynomial, middle, 0x01);
    return _mm_xor_si128(_mm_xor_si128(sum.high, _mm_shuffle_epi32(middle, 0x4e)), folded);
}

#endif
