// ChaCha20-Poly1305 by the fastest way this machine has, against libcrypto. RFC 8439.
extern "C" {
#include "sl_crypto.h"
}

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "hex.h"

namespace
{

constexpr size_t kLenMax = 16384;

struct ChaCha : testing::Test {
    using Aead = std::unique_ptr<sl_aead, void (*)(sl_aead *)>;
    Aead aead{sl_aead_create(SL_CRYPTO_AUTO), sl_aead_destroy};
    Aead oracle{sl_aead_create(SL_CRYPTO_OPENSSL), sl_aead_destroy};
    Bytes secret = noise(32, 1), text = noise(kLenMax, 2), aad = noise(64, 3);
    Bytes sealed = Bytes(kLenMax), expected = Bytes(kLenMax), opened = Bytes(kLenMax);
    uint8_t tag[SL_AEAD_TAG_LEN], expected_tag[SL_AEAD_TAG_LEN];
    sl_aead_key key, oracle_key;

    void SetUp() override
    {
        sl_aead_key_init(aead.get(), &key, SL_AEAD_CHACHA20_POLY1305, secret.data());
        sl_aead_key_init(oracle.get(), &oracle_key, SL_AEAD_CHACHA20_POLY1305, secret.data());
    }

    sl_aead_job JobOf(const Bytes &in, Bytes &out, uint8_t *tag_at, size_t len, size_t aad_len)
    {
        sl_aead_job job = {};
        job.key = &key;
        job.alg = SL_AEAD_CHACHA20_POLY1305;
        job.len = (uint32_t)len;
        job.in = in.data();
        job.out = out.data();
        job.tag = tag_at;
        job.aad_len = (uint16_t)aad_len;
        std::copy(aad.begin(), aad.begin() + (long)aad_len, job.aad);
        job.nonce[0] = (uint8_t)len;
        job.nonce[11] = (uint8_t)aad_len;
        return job;
    }

    // Seals and opens once with each, and compares; returns whether all is equal.
    bool Agrees(size_t len, size_t aad_len)
    {
        sl_aead_job theirs = JobOf(text, expected, expected_tag, len, aad_len);
        theirs.key = &oracle_key;
        sl_aead_seal_burst(oracle.get(), &theirs, 1);
        sl_aead_job mine = JobOf(text, sealed, tag, len, aad_len);
        sl_aead_seal_burst(aead.get(), &mine, 1);
        if (memcmp(sealed.data(), expected.data(), len) != 0 || memcmp(tag, expected_tag, 16) != 0)
            return false;
        sl_aead_job back = JobOf(sealed, opened, tag, len, aad_len);
        if (aad_len % 2 == 0) // in place
            back.out = sealed.data();
        sl_aead_open_burst(aead.get(), &back, 1);
        return back.ok && memcmp(back.out, text.data(), len) == 0;
    }
};

} // namespace

TEST_F(ChaCha, AgreesWithLibcryptoOnEveryLengthUpTo2000WithEveryAadUpTo64)
{
    for (size_t len = 0; len <= 2000; len++)
        for (size_t aad_len = 0; aad_len <= 64; aad_len++)
            ASSERT_TRUE(Agrees(len, aad_len)) << "len " << len << " aad " << aad_len;
}

TEST_F(ChaCha, AgreesWithLibcryptoOnLongRecords)
{
    for (size_t len = 2001; len <= kLenMax; len += 1 + len % 61)
        ASSERT_TRUE(Agrees(len, len % 65)) << "len " << len;
    EXPECT_TRUE(Agrees(2048, 13));
    EXPECT_TRUE(Agrees(2049, 13));
    EXPECT_TRUE(Agrees(kLenMax, 13));
}

TEST_F(ChaCha, RefusesAFlippedByteAnywhereAndLeavesZeros)
{
    for (size_t len : {0, 1, 63, 64, 200, 1400, 3000}) {
        Bytes out(len, 0xcc);
        sl_aead_job seal = JobOf(text, sealed, tag, len, 13);
        sl_aead_seal_burst(aead.get(), &seal, 1);
        for (size_t at = 0; at < len + SL_AEAD_TAG_LEN; at++) {
            uint8_t &byte = at < len ? sealed[at] : tag[at - len];
            byte ^= 0x10;
            std::fill(out.begin(), out.end(), (uint8_t)0xcc);
            sl_aead_job open = JobOf(sealed, out, tag, len, 13);
            sl_aead_open_burst(aead.get(), &open, 1);
            byte ^= 0x10;
            ASSERT_FALSE(open.ok) << "len " << len << " byte " << at;
            ASSERT_EQ(out, Bytes(len, 0)) << "len " << len << " byte " << at;
        }
    }
}
