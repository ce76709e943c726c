/** The pattern, made by the compiler: the finaliser of splitmix64 over the word's place. */
#include "payload.h"

#define WEYL(i) ((i + 1ULL) * 0x9e3779b97f4a7c15ULL)
#define WORD(i) ((WEYL(i) ^ WEYL(i) >> 30) * 0xbf58476d1ce4e5b9ULL)
#define WORDS_8(i)                                                                                 \
    WORD(i), WORD(i + 1), WORD(i + 2), WORD(i + 3), WORD(i + 4), WORD(i + 5), WORD(i + 6),         \
        WORD(i + 7)
#define WORDS_64(i)                                                                                \
    WORDS_8(i), WORDS_8(i + 8), WORDS_8(i + 16), WORDS_8(i + 24), WORDS_8(i + 32),                 \
        WORDS_8(i + 40), WORDS_8(i + 48), WORDS_8(i + 56)
#define WORDS_512(i)                                                                               \
    WORDS_64(i), WORDS_64(i + 64), WORDS_64(i + 128), WORDS_64(i + 192), WORDS_64(i + 256),        \
        WORDS_64(i + 320), WORDS_64(i + 384), WORDS_64(i + 448)

const uint64_t load_pattern[] = {WORDS_512(0), WORDS_512(512), WORDS_512(1024), WORDS_512(1536)};
