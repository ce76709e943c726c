/* The checksum's loop for processors with AVX-512: as checksum_avx2.c has it, with the rest behind
 * the last whole vector read under a mask. */
#include <immintrin.h>

#include "wire_priv.h"

#define TARGET __attribute__((target("avx512f,avx512bw,bmi2")))

TARGET static inline void add(__m512i in, __m512i *words, __m512i *upper)
{
    *words = _mm512_add_epi64(*words, in);
    *upper = _mm512_add_epi64(*upper, _mm512_srli_epi64(in, 32));
}

/** From here on it is worth while to read whole cache lines. */
enum { ALIGNED_WORTHWHILE = 256 };

/** The first len < 256 bytes, but no more than 64; and zeros behind them. */
TARGET static inline __m512i load_part(const uint8_t *bytes, size_t len)
{
    return _mm512_maskz_loadu_epi8(_bzhi_u64(~0ULL, (uint32_t)len), bytes);
}

TARGET static inline uint64_t total_of(__m512i words, __m512i upper)
{
    __m512i lower = _mm512_sub_epi64(words, _mm512_slli_epi64(upper, 32));
    /* 2^32 is 1 in this arithmetic */
    return (uint64_t)_mm512_reduce_add_epi64(_mm512_add_epi64(lower, upper));
}

/** len <= 128 */
TARGET static inline uint64_t sum_of_short(const uint8_t *bytes, size_t len)
{
    __m512i words = load_part(bytes, len), upper = _mm512_srli_epi64(words, 32);
    if (len > 64)
        add(load_part(bytes + 64, len - 64), &words, &upper);
    return total_of(words, upper);
}

TARGET static inline uint64_t sum_of(const uint8_t *bytes, size_t len)
{
    __m512i words[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    __m512i upper[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    for (; len >= 128; bytes += 128, len -= 128) {
        add(_mm512_loadu_si512(bytes), &words[0], &upper[0]);
        add(_mm512_loadu_si512(bytes + 64), &words[1], &upper[1]);
    }
    if (len >= 64) {
        add(_mm512_loadu_si512(bytes), &words[0], &upper[0]);
        bytes += 64;
        len -= 64;
    }
    if (len > 0)
        add(load_part(bytes, len), &words[1], &upper[1]);
    return total_of(_mm512_add_epi64(words[0], words[1]), _mm512_add_epi64(upper[0], upper[1]));
}

/**
 * The same, whole cache lines first apart from what stands before them. If that is odd, all behind
 * it is summed with its bytes swapped (RFC 1071 2 (B)), which a factor of 2^8 undoes.
 */
TARGET static inline uint64_t sum_of_long(const uint8_t *bytes, size_t len)
{
    const size_t before = (0 - (uintptr_t)bytes) % 64;
    __m512i words = _mm512_setzero_si512(), upper = _mm512_setzero_si512();
    add(load_part(bytes, before), &words, &upper);
    uint64_t rest = sum_of(bytes + before, len - before);
    if (before % 2 != 0)
        rest = ((rest & 0xffffffff) + (rest >> 32)) << 8;
    return total_of(words, upper) + rest;
}

TARGET static inline uint64_t sum_of_any(const uint8_t *bytes, size_t len)
{
    if (len <= 128)
        return sum_of_short(bytes, len);
    return len < ALIGNED_WORTHWHILE ? sum_of(bytes, len) : sum_of_long(bytes, len);
}

TARGET static uint64_t sum(const uint8_t *bytes, size_t len)
{
    return sum_of_any(bytes, len);
}

TARGET static void sum_udp_burst(const struct sl_wire_unsummed *unsummed, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        wire_put_udp_sum(&unsummed[i], sum_of_any(unsummed[i].udp, unsummed[i].udp_len));
}

const struct wire_loop wire_loop_avx512 = {sum, sum_udp_burst};
