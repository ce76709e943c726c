/**
 * Sums of products in the field of GHASH over vectors of LANES blocks, each lane apart; and the
 * powers of the hash key that they meet. As gcm_body.h it wants `vec` and vec_* defined before.
 */
#ifndef GCM_SUM_H
#define GCM_SUM_H

#include "gcm.h"
#include "gcm_reduce.h"

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

GCM_INLINE struct sum sum_of3(struct sum a, struct sum b, struct sum c)
{
    return (struct sum){vec_xor3(a.low, b.low, c.low), vec_xor3(a.both, b.both, c.both),
                        vec_xor3(a.high, b.high, c.high)};
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

/* Nothing at run time: the compiler leaves what makes x before what comes behind. */
#define vec_in_order(x) __asm__ volatile("" : "+" VEC_REGISTER(x))

GCM_INLINE void sum_in_order(struct sum *sum)
{
    vec_in_order(sum->low);
    vec_in_order(sum->both);
    vec_in_order(sum->high);
}

#endif
