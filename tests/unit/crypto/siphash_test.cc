extern "C" {
#include "sl_crypto.h"
}

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "hex.h"

namespace
{

const Bytes paper_key = hex("000102030405060708090a0b0c0d0e0f");

/** libcrypto's SipHash-2-4 with an output of 8 bytes, little-endian. */
uint64_t reference(const Bytes &key, const Bytes &bytes)
{
    EVP_PKEY *pkey =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_SIPHASH, nullptr, key.data(), key.size());
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pkey_ctx = nullptr;
    uint64_t value = 0;
    size_t len = sizeof value;
    EXPECT_EQ(EVP_DigestSignInit(ctx, &pkey_ctx, nullptr, nullptr, pkey), 1);
    EXPECT_EQ(EVP_PKEY_CTX_ctrl(pkey_ctx, -1, EVP_PKEY_OP_SIGNCTX, EVP_PKEY_CTRL_SET_DIGEST_SIZE, 8,
                                nullptr),
              1);
    EXPECT_EQ(EVP_DigestSignUpdate(ctx, bytes.data(), bytes.size()), 1);
    EXPECT_EQ(EVP_DigestSignFinal(ctx, reinterpret_cast<uint8_t *>(&value), &len), 1);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return value;
}

} // namespace

TEST(SipHash, GivesTheExampleOfThePaper)
{
    Bytes bytes = hex("000102030405060708090a0b0c0d0e");
    EXPECT_EQ(sl_siphash(paper_key.data(), bytes.data(), bytes.size()), 0xa129ca6149be45e5ULL);
}

TEST(SipHash, HashesNothingAsTheReferenceCodeDoes)
{
    EXPECT_EQ(sl_siphash(paper_key.data(), nullptr, 0), 0x726fdb47dd0e0e31ULL);
}

TEST(SipHash, AgreesWithLibcryptoOnEveryShortLength)
{
    for (size_t len = 0; len < 80; len++) {
        Bytes bytes = noise(len, len), key = noise(16, 1000 + len);
        EXPECT_EQ(sl_siphash(key.data(), bytes.data(), len), reference(key, bytes)) << len;
    }
}
