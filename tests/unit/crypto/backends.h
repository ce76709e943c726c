/* The AEAD back-ends that this processor can run: tests name each of them. */
#ifndef TEST_BACKENDS_H
#define TEST_BACKENDS_H

extern "C" {
#include "sl_crypto.h"
}

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

struct AeadDeleter {
    void operator()(sl_aead *aead) const
    {
        sl_aead_destroy(aead);
    }
};
using Aead = std::unique_ptr<sl_aead, AeadDeleter>;

const sl_crypto_backend all_backends[] = {SL_CRYPTO_VAES512, SL_CRYPTO_VAES256, SL_CRYPTO_IPSECMB,
                                          SL_CRYPTO_OPENSSL};

const sl_aead_alg all_algorithms[] = {
    SL_AEAD_AES_128_GCM, SL_AEAD_AES_256_GCM,   SL_AEAD_CHACHA20_POLY1305, SL_AEAD_AES_128_CCM,
    SL_AEAD_AES_256_CCM, SL_AEAD_AES_128_CCM_8, SL_AEAD_AES_256_CCM_8};
static_assert(sizeof all_algorithms / sizeof all_algorithms[0] == SL_AEAD_ALG_COUNT, "all of them");

/** In the order in which SL_CRYPTO_AUTO tries them. */
inline std::vector<sl_crypto_backend> backends_here()
{
    std::vector<sl_crypto_backend> here;
    for (sl_crypto_backend backend : all_backends)
        if (Aead(sl_aead_create(backend)) != nullptr)
            here.push_back(backend);
    return here;
}

inline std::string backend_name(const testing::TestParamInfo<sl_crypto_backend> &info)
{
    switch (info.param) {
    case SL_CRYPTO_VAES512:
        return "Vaes512";
    case SL_CRYPTO_VAES256:
        return "Vaes256";
    case SL_CRYPTO_IPSECMB:
        return "Ipsecmb";
    default:
        return "Openssl";
    }
}

#endif
