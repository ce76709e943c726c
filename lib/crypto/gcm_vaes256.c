/** The kernel over vectors of 32 bytes: AVX2, VAES, VPCLMULQDQ. */
#include <immintrin.h>

#include "gcm.h"
#include "gcm_cpu.h"
#include "gcm_reduce.h"

#define LANES 2
#define VEC_REGISTER "x" /* the constraint of inline assembly */
typedef __m256i vec;

GCM_INLINE vec vec_load(const void *at)
{
    return _mm256_loadu_si256(at);
}

GCM_INLINE void vec_store(void *at, vec x)
{
    _mm256_storeu_si256(at, x);
}

/** 0..16 bytes in two overlapping pieces; zeros behind them. */
GCM_INLINE __m128i load_up_to_16(const uint8_t *at, size_t len)
{
    uint64_t low = 0, high = 0;
    if (len == 16)
        return _mm_loadu_si128((const __m128i *)(const void *)at);
    if (len > 8) {
        memcpy(&low, at, 8);
        memcpy(&high, at + len - 8, 8);
        high >>= 8 * (16 - len);
    } else if (len >= 4) {
        uint32_t first, last;
        memcpy(&first, at, 4);
        memcpy(&last, at + len - 4, 4);
        low = first | (uint64_t)last << 8 * (len - 4);
    } else if (len > 0) {
        low =
            at[0] | (uint64_t)at[len / 2] << 8 * (len / 2) | (uint64_t)at[len - 1] << 8 * (len - 1);
    }
    return _mm_set_epi64x((long long)high, (long long)low);
}

GCM_INLINE void store_up_to_16(uint8_t *at, __m128i x, size_t len)
{
    const uint64_t low = (uint64_t)_mm_cvtsi128_si64(x), high = (uint64_t)_mm_extract_epi64(x, 1);
    if (len == 16) {
        _mm_storeu_si128((__m128i *)(void *)at, x);
    } else if (len > 8) {
        const uint64_t last = low >> 8 * (len - 8) | high << 8 * (16 - len);
        memcpy(at, &low, 8);
        memcpy(at + len - 8, &last, 8);
    } else if (len >= 4) {
        const uint32_t first = (uint32_t)low, last = (uint32_t)(low >> 8 * (len - 4));
        memcpy(at, &first, 4);
        memcpy(at + len - 4, &last, 4);
    } else if (len > 0) {
        at[0] = (uint8_t)low;
        at[len / 2] = (uint8_t)(low >> 8 * (len / 2));
        at[len - 1] = (uint8_t)(low >> 8 * (len - 1));
    }
}

/** len 1..32 bytes, zeros behind them; not a byte more is touched. */
GCM_INLINE vec vec_load_part(const uint8_t *at, size_t len)
{
    if (len == 32)
        return vec_load(at);
    if (len <= 16)
        return _mm256_zextsi128_si256(load_up_to_16(at, len));
    return _mm256_set_m128i(load_up_to_16(at + 16, len - 16), load_up_to_16(at, 16));
}

GCM_INLINE void vec_store_part(uint8_t *at, vec x, size_t len)
{
    const size_t low_len = len < 16 ? len : 16;
    store_up_to_16(at, _mm256_castsi256_si128(x), low_len);
    store_up_to_16(at + low_len, _mm256_extracti128_si256(x, 1), len - low_len);
}

/** The first len 0..32 bytes of x, zeros behind them. */
GCM_INLINE vec vec_keep(vec x, size_t len)
{
    const vec places = _mm256_set_epi8(31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17,
                                       16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    return _mm256_and_si256(x, _mm256_cmpgt_epi8(_mm256_set1_epi8((char)len), places));
}

GCM_INLINE vec vec_broadcast(__m128i block)
{
    return _mm256_broadcastsi128_si256(block);
}

GCM_INLINE vec vec_broadcast_at(const void *block)
{
    return vec_broadcast(_mm_load_si128(block));
}

/** The block, and zeros in the other lanes. */
GCM_INLINE vec vec_widen(__m128i block)
{
    return _mm256_zextsi128_si256(block);
}

GCM_INLINE __m128i vec_lane0(vec x)
{
    return _mm256_castsi256_si128(x);
}

GCM_INLINE vec vec_xor(vec a, vec b)
{
    return _mm256_xor_si256(a, b);
}

GCM_INLINE vec vec_xor3(vec a, vec b, vec c)
{
    return vec_xor(vec_xor(a, b), c);
}

/** The halves of each lane exchanged. */
GCM_INLINE vec vec_swap_halves(vec x)
{
    return _mm256_shuffle_epi32(x, _MM_SHUFFLE(1, 0, 3, 2));
}

#define vec_clmul(a, b, halves) _mm256_clmulepi64_epi128(a, b, halves)

GCM_INLINE vec vec_aesenc(vec state, vec round)
{
    return _mm256_aesenc_epi128(state, round);
}

GCM_INLINE vec vec_aesenclast(vec state, vec round)
{
    return _mm256_aesenclast_epi128(state, round);
}

/** The bytes of each lane in the opposite order. */
GCM_INLINE vec vec_reverse(vec x)
{
    return _mm256_shuffle_epi8(
        x, vec_broadcast(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)));
}

/** x with the block in one of its lanes. */
GCM_INLINE vec vec_with_lane(vec x, unsigned lane, __m128i block)
{
    return lane == 1 ? _mm256_inserti128_si256(x, block, 1) : _mm256_inserti128_si256(x, block, 0);
}

/** Blocks from LANES places. */
GCM_INLINE vec vec_gather(const __m128i *const at[LANES])
{
    return _mm256_set_m128i(_mm_loadu_si128(at[1]), _mm_loadu_si128(at[0]));
}

/** The exclusive or of all lanes. */
GCM_INLINE __m128i vec_fold(vec x)
{
    return _mm_xor_si128(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
}

/** In lane l the exclusive or of all lanes of x[l]. */
GCM_INLINE vec vec_fold_lanes(const vec x[LANES])
{
    return vec_xor(_mm256_permute2x128_si256(x[0], x[1], 0x20),  /* the first of both */
                   _mm256_permute2x128_si256(x[0], x[1], 0x31)); /* the second */
}

/** Two bits for each lane, the first lane's lowest: set where its halves are not the same. */
GCM_INLINE unsigned vec_differ(vec a, vec b)
{
    const vec same = _mm256_cmpeq_epi64(a, b);
    return ~(unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(same)) & 0xf;
}

/** The first word of each lane, or of the last two, plus n. */
GCM_INLINE vec vec_add32(vec x, int n)
{
    return _mm256_add_epi32(x, _mm256_set1_epi32(n));
}

GCM_INLINE vec vec_add32_to_last_two(vec x, int n)
{
    return vec_add32(x, n);
}

/** From the first word of each lane to the last, with the most significant byte first. */
GCM_INLINE vec vec_counter_blocks(vec counters)
{
    return _mm256_shuffle_epi8(counters, vec_broadcast(_mm_set_epi8(0, 1, 2, 3, -1, -1, -1, -1, -1,
                                                                    -1, -1, -1, -1, -1, -1, -1)));
}

#include "gcm_short256.h"

/* after it */
#include "gcm_burst.h"

const struct gcm_kernel *gcm_kernel_vaes256(void)
{
    static const struct gcm_kernel kernel = {"vaes256", open_burst, seal_burst};
    return gcm_cpu_has_vaes256() ? &kernel : NULL;
}
