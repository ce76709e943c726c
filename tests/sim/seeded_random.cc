#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD is the one way in that takes no provider */

#include "seeded_random.h"

#include <random>

#include <openssl/rand.h>

namespace
{

std::mt19937_64 generator;

int draw(unsigned char *out, int len)
{
    for (int i = 0; i < len; i++)
        out[i] = (unsigned char)generator();
    return 1;
}

int always_ready()
{
    return 1;
}

} // namespace

void sl_sim::seed_libcrypto(uint64_t seed)
{
    static const RAND_METHOD method = {nullptr, draw, nullptr, nullptr, draw, always_ready};
    generator.seed(seed);
    RAND_set_rand_method(&method);
}
