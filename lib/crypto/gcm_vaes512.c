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

/* A lane's bytes in the opposite order, written out: gcc repeats a block each time it is used. */
#define REVERSED_LANE 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15

/** The bytes of each lane in the opposite order. */
GCM_INLINE vec vec_reverse(vec x)
{
    return _mm512_shuffle_epi8(
        x, _mm512_set_epi8(REVERSED_LANE, REVERSED_LANE, REVERSED_LANE, REVERSED_LANE));
}

/** x with the block in one of its lanes. */
GCM_INLINE vec vec_with_lane(vec x, unsigned lane, __m128i block)
{
    return _mm512_mask_broadcast_i32x4(x, (__mmask16)(0xf << 4 * lane), block);
}

GCM_INLINE vec vec_with_last_lane(vec x, __m128i block)
{
    return _mm512_inserti32x4(x, block, 3);
}

/** Blocks from LANES places. */
GCM_INLINE vec vec_gather(const __m128i *const at[LANES])
{
    const __m256i low = _mm256_set_m128i(_mm_loadu_si128(at[1]), _mm_loadu_si128(at[0]));
    const __m256i high = _mm256_set_m128i(_mm_loadu_si128(at[3]), _mm_loadu_si128(at[2]));
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/** The exclusive or of all lanes. */
GCM_INLINE __m128i vec_fold(vec x)
{
    const __m256i half =
        _mm256_xor_si256(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
    return _mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

/** In lane l the exclusive or of all lanes of x[l]. */
GCM_INLINE vec vec_fold_lanes(const vec x[LANES])
{
    const vec a = vec_xor(_mm512_shuffle_i64x2(x[0], x[1], 0x44),  /* the first two of both */
                          _mm512_shuffle_i64x2(x[0], x[1], 0xee)); /* the last two */
    const vec b =
        vec_xor(_mm512_shuffle_i64x2(x[2], x[3], 0x44), _mm512_shuffle_i64x2(x[2], x[3], 0xee));
    return vec_xor(_mm512_shuffle_i64x2(a, b, 0x88), _mm512_shuffle_i64x2(a, b, 0xdd));
}

/** Two bits for each lane, the first lane's lowest: set where its halves are not the same. */
GCM_INLINE unsigned vec_differ(vec a, vec b)
{
    return _mm512_cmpneq_epi64_mask(a, b);
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

#include "gcm_short512.h"

/* after it */
#include "gcm_burst.h"

const struct gcm_kernel *gcm_kernel_vaes512(void)
{
    static const struct gcm_kernel kernel = {"vaes512", open_burst, seal_burst};
    return gcm_cpu_has_vaes512() ? &kernel : NULL;
}
