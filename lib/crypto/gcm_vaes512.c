/** The kernel over vectors of 64 bytes: AVX-512 (F, BW, VL), VAES, VPCLMULQDQ, BMI2. */
#include <immintrin.h>

#include "gcm.h"
#include "gcm_cpu.h"
#include "gcm_reduce.h"

#define LANES 4
#define VEC_REGISTER "v" /* the constraint of inline assembly */
typedef __m512i vec;

GCM_INLINE vec vec_load(const void *at)
{
    return _mm512_loadu_si512(at);
}

GCM_INLINE void vec_store(void *at, vec x)
{
    _mm512_storeu_si512(at, x);
}

GCM_INLINE __mmask64 first_bytes(size_t len) /* 0..64 */
{
    return _bzhi_u64(~0ULL, (uint32_t)len);
}

/** len 1..64 bytes, zeros behind them; not a byte more is touched. */
GCM_INLINE vec vec_load_part(const uint8_t *at, size_t len)
{
    return _mm512_maskz_loadu_epi8(first_bytes(len), at);
}

GCM_INLINE void vec_store_part(uint8_t *at, vec x, size_t len)
{
    _mm512_mask_storeu_epi8(at, first_bytes(len), x);
}

/** The first len 0..64 bytes of x, zeros behind them. */
GCM_INLINE vec vec_keep(vec x, size_t len)
{
    return _mm512_maskz_mov_epi8(first_bytes(len), x);
}

GCM_INLINE vec vec_broadcast(__m128i block)
{
    return _mm512_broadcast_i32x4(block);
}

GCM_INLINE vec vec_broadcast_at(const void *block)
{
    return vec_broadcast(_mm_load_si128(block));
}

/** The block, and zeros in the other lanes. */
GCM_INLINE vec vec_widen(__m128i block)
{
    return _mm512_zextsi128_si512(block);
}

GCM_INLINE __m128i vec_lane0(vec x)
{
    return _mm512_castsi512_si128(x);
}

GCM_INLINE vec vec_xor(vec a, vec b)
{
    return _mm512_xor_si512(a, b);
}

GCM_INLINE vec vec_xor3(vec a, vec b, vec c)
{
    return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

/** The halves of each lane exchanged. */
GCM_INLINE vec vec_swap_halves(vec x)
{
    return _mm512_shuffle_epi32(x, _MM_PERM_BADC);
}

#define vec_clmul(a, b, halves) _mm512_clmulepi64_epi128(a, b, halves)

GCM_INLINE vec vec_aesenc(vec state, vec round)
{
    return _mm512_aesenc_epi128(state, round);
}

GCM_INLINE vec vec_aesenclast(vec state, vec round)
{
    return _mm512_aesenclast_epi128(state, round);
}

/** The bytes of each lane in the opposite order. */
GCM_INLINE vec vec_reverse(vec x)
{
    return _mm512_shuffle_epi8(
        x, vec_broadcast(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)));
}

/** x with the block in one of its lanes. */
GCM_INLINE vec vec_with_lane(vec x, unsigned lane, __m128i block)
{
    return _mm512_mask_broadcast_i32x4(x, (__mmask16)(0xf << 4 * lane), block);
}

/** The exclusive or of all lanes. */
GCM_INLINE __m128i vec_fold(vec x)
{
    const __m256i half =
        _mm256_xor_si256(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
    return _mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

/** The first word of each lane, or of the last two, plus n. */
GCM_INLINE vec vec_add32(vec x, int n)
{
    return _mm512_add_epi32(x, _mm512_set1_epi32(n));
}

GCM_INLINE vec vec_add32_to_last_two(vec x, int n)
{
    return _mm512_add_epi32(x, _mm512_set_epi32(0, 0, 0, n, 0, 0, 0, n, 0, 0, 0, 0, 0, 0, 0, 0));
}

/** From the first word of each lane to the last, with the most significant byte first. */
GCM_INLINE vec vec_counter_blocks(vec counters)
{
    return _mm512_shuffle_epi8(counters, vec_broadcast(_mm_set_epi8(0, 1, 2, 3, -1, -1, -1, -1, -1,
                                                                    -1, -1, -1, -1, -1, -1, -1)));
}

#include "gcm_burst.h"

const struct gcm_kernel *gcm_kernel_vaes512(void)
{
    static const struct gcm_kernel kernel = {"vaes512", open_burst, seal_burst};
    return gcm_cpu_has_vaes512() ? &kernel : NULL;
}
