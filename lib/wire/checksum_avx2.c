/*
 * The checksum's loop for processors with AVX2. Each lane adds its 64-bit words without regard to
 * carries, and their upper halves apart: the sum of the lower halves follows from the two.
 */
#include <immintrin.h>

#include "wire_priv.h"

__attribute__((target("avx2"))) static inline void add(const uint8_t *bytes, __m256i *words,
                                                       __m256i *upper)
{
    __m256i in = _mm256_loadu_si256((const __m256i *)bytes);
    *words = _mm256_add_epi64(*words, in);
    *upper = _mm256_add_epi64(*upper, _mm256_srli_epi64(in, 32));
}

__attribute__((target("avx2"))) static inline uint64_t sum_of(const uint8_t *bytes, size_t len)
{
    __m256i words[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    __m256i upper[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (; len >= 64; bytes += 64, len -= 64) {
        add(bytes, &words[0], &upper[0]);
        add(bytes + 32, &words[1], &upper[1]);
    }
    __m256i word = _mm256_add_epi64(words[0], words[1]);
    __m256i high = _mm256_add_epi64(upper[0], upper[1]);
    __m256i low = _mm256_sub_epi64(word, _mm256_slli_epi64(high, 32));
    __m256i both = _mm256_add_epi64(low, high); /* 2^32 is 1 in this arithmetic */
    __m128i half = _mm_add_epi64(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
    return (uint64_t)_mm_cvtsi128_si64(half) + (uint64_t)_mm_extract_epi64(half, 1) +
           wire_sum_words(bytes, len);
}

__attribute__((target("avx2"))) static uint64_t sum(const uint8_t *bytes, size_t len)
{
    return sum_of(bytes, len);
}

__attribute__((target("avx2"))) static void sum_udp_burst(const struct sl_wire_unsummed *unsummed,
                                                          unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        wire_put_udp_sum(&unsummed[i], sum_of(unsummed[i].udp, unsummed[i].udp_len));
}

const struct wire_loop wire_loop_avx2 = {sum, sum_udp_burst};
