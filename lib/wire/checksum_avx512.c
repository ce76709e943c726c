/* The checksum's loop for processors with AVX-512: as checksum_avx2.c has it, with the rest behind
 * the last whole vector read under a mask. */
#include <immintrin.h>

#include "wire_priv.h"

#define TARGET __attribute__((target("avx512f,avx512bw")))

TARGET static inline void add(__m512i in, __m512i *words, __m512i *upper)
{
    *words = _mm512_add_epi64(*words, in);
    *upper = _mm512_add_epi64(*upper, _mm512_srli_epi64(in, 32));
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
        add(_mm512_maskz_loadu_epi8((1ULL << len) - 1, bytes), &words[1], &upper[1]);
    __m512i word = _mm512_add_epi64(words[0], words[1]);
    __m512i high = _mm512_add_epi64(upper[0], upper[1]);
    __m512i low = _mm512_sub_epi64(word, _mm512_slli_epi64(high, 32));
    __m512i both = _mm512_add_epi64(low, high); /* 2^32 is 1 in this arithmetic */
    return (uint64_t)_mm512_reduce_add_epi64(both);
}

TARGET void wire_checksum_avx512(struct wire_piece *pieces, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        pieces[i].sum += sum_of(pieces[i].bytes, pieces[i].len);
}
