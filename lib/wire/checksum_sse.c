/* The checksum's loop for any x86-64 processor: as checksum_avx2.c has it, over half the width. */
#include <emmintrin.h>

#include "wire_priv.h"

static inline void add(const uint8_t *bytes, __m128i *words, __m128i *upper)
{
    __m128i in = _mm_loadu_si128((const __m128i *)bytes);
    *words = _mm_add_epi64(*words, in);
    *upper = _mm_add_epi64(*upper, _mm_srli_epi64(in, 32));
}

static inline uint64_t sum_of(const uint8_t *bytes, size_t len)
{
    __m128i words[2] = {_mm_setzero_si128(), _mm_setzero_si128()};
    __m128i upper[2] = {_mm_setzero_si128(), _mm_setzero_si128()};
    for (; len >= 32; bytes += 32, len -= 32) {
        add(bytes, &words[0], &upper[0]);
        add(bytes + 16, &words[1], &upper[1]);
    }
    __m128i word = _mm_add_epi64(words[0], words[1]);
    __m128i high = _mm_add_epi64(upper[0], upper[1]);
    __m128i low = _mm_sub_epi64(word, _mm_slli_epi64(high, 32));
    __m128i both = _mm_add_epi64(low, high); /* 2^32 is 1 in this arithmetic */
    return (uint64_t)_mm_cvtsi128_si64(both) +
           (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(both, both)) + wire_sum_words(bytes, len);
}

static uint64_t sum(const uint8_t *bytes, size_t len)
{
    return sum_of(bytes, len);
}

static void sum_udp_burst(const struct sl_wire_unsummed *unsummed, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        wire_put_udp_sum(&unsummed[i], sum_of(unsummed[i].udp, unsummed[i].udp_len));
}

const struct wire_loop wire_loop_sse = {sum, sum_udp_burst};
