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
