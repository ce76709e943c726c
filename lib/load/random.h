/** xoshiro256** of Blackman and Vigna, seeded by splitmix64: fast, and the same in every run. */
#ifndef LOAD_RANDOM_H
#define LOAD_RANDOM_H

#include "sl_base.h"

struct load_random {
    uint64_t s[4];
};

static inline void load_random_seed(struct load_random *random, uint64_t seed)
{
    for (unsigned i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        random->s[i] = z ^ (z >> 31);
    }
}

static inline uint64_t load_rotate(uint64_t x, unsigned left)
{
    return x << left | x >> (64 - left);
}

/** 64 random bits. */
static inline uint64_t load_random_next(struct load_random *random)
{
    uint64_t *s = random->s;
    const uint64_t result = load_rotate(s[1] * 5, 7) * 9;
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = load_rotate(s[3], 45);
    return result;
}

#endif
