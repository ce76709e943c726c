extern "C" {
#include "sl_crypto.h"
}

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <memory>

#include "hex.h"

namespace
{

Bytes hmac(const EVP_MD *md, const Bytes &key, const Bytes &bytes)
{
    Bytes out(EVP_MAX_MD_SIZE);
    unsigned len = 0;
    HMAC(md, key.data(), static_cast<int>(key.size()), bytes.data(), bytes.size(), out.data(),
         &len);
    out.resize(len);
    return out;
}

Bytes operator+(Bytes a, const Bytes &b)
{
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

/** P_hash of RFC 5246 5, written out. */
Bytes p_hash(const EVP_MD *md, const Bytes &secret, const Bytes &seed, size_t len)
{
    Bytes out, a = seed;
    while (out.size() < len) {
        a = hmac(md, secret, a);
        out = out + hmac(md, secret, a + seed);
    }
    out.resize(len);
    return out;
}

Bytes text(const std::string &s)
{
    return Bytes(s.begin(), s.end());
}

/** The parts of a key block in the order of RFC 5246 6.3. */
Bytes joined(const sl_key_material &m)
{
    unsigned key_len = sl_aead_key_len(m.alg), iv_len = sl_aead_iv_len(m.alg);
    return Bytes(m.client_key, m.client_key + key_len) +
           Bytes(m.server_key, m.server_key + key_len) + Bytes(m.client_iv, m.client_iv + iv_len) +
           Bytes(m.server_iv, m.server_iv + iv_len);
}

struct MacDeleter {
    void operator()(sl_mac *mac) const
    {
        sl_mac_destroy(mac);
    }
};

} // namespace

/* NIST CAVP, Application-Specific KDF (SP 800-135), TLS 1.2 with SHA-256, COUNT = 0. */
TEST(DeriveKeys, GivesTheKeyBlockOfTheNistVector)
{
    Bytes master = hex("202c88c00f84a17a20027079604787461176455539e705be"
                       "730890602c289a5001e34eeb3a043e5d52a65e66125188bf");
    Bytes server_random = hex("ae6c806f8ad4d80784549dff28a4b58fd837681a51d928c3e30ee5ff14f39868");
    Bytes client_random = hex("62e1fd91f23f558a605f28478c58cf72637b89784d959df7e946d3f07bd1b616");
    Bytes block = hex("d06139889fffac1e3a71865f504aa5d0d2a2e89506c6f2279b670c3e1b74f531"
                      "016a2530c51a3a0f7e1d6590d0f0566b2f387f8d11fd4f731cdd572d2eae927f"
                      "6f2f81410b25e6960be68985add6c38445ad9f8c64bf8068bf9a6679485d966f"
                      "1ad6f68b43495b10a683755ea2b858d70ccac7ec8b053c6bd41ca299d4e51928");
    for (unsigned alg = 0; alg < SL_AEAD_ALG_COUNT; alg++) {
        sl_key_material material;
        ASSERT_EQ(sl_crypto_derive_keys(static_cast<sl_aead_alg>(alg), SL_PRF_SHA256, master.data(),
                                        client_random.data(), server_random.data(), &material),
                  0);
        Bytes derived = joined(material);
        EXPECT_EQ(derived, Bytes(block.begin(), block.begin() + static_cast<long>(derived.size())))
            << "algorithm " << alg;
    }
}

TEST(DeriveKeys, FollowsPHashWithBothHashes)
{
    Bytes master = noise(48, 1), client_random = noise(32, 2), server_random = noise(32, 3);
    Bytes seed = text("key expansion") + server_random + client_random;
    for (sl_prf_hash hash : {SL_PRF_SHA256, SL_PRF_SHA384}) {
        const EVP_MD *md = hash == SL_PRF_SHA256 ? EVP_sha256() : EVP_sha384();
        for (unsigned alg = 0; alg < SL_AEAD_ALG_COUNT; alg++) {
            sl_key_material material;
            ASSERT_EQ(sl_crypto_derive_keys(static_cast<sl_aead_alg>(alg), hash, master.data(),
                                            client_random.data(), server_random.data(), &material),
                      0);
            EXPECT_EQ(material.alg, alg);
            Bytes derived = joined(material);
            EXPECT_EQ(derived, p_hash(md, master, seed, derived.size()));
        }
    }
}

/* No vector of RFC 4231 has a key of 32 bytes, so the oracle is libcrypto. */
TEST(Mac, IsHmacSha256)
{
    std::unique_ptr<sl_mac, MacDeleter> mac(sl_mac_create());
    ASSERT_NE(mac, nullptr);
    for (size_t len = 0; len < 200; len++) {
        Bytes secret = noise(32, 100 + len), bytes = noise(len, 500 + len), out(32);
        ASSERT_EQ(sl_mac_compute(mac.get(), secret.data(), bytes.data(), len, out.data()), 0);
        EXPECT_EQ(out, hmac(EVP_sha256(), secret, bytes)) << len;
    }
}

TEST(Mac, IsTheSameWithASecretThatWasMadeReady)
{
    Bytes secret = noise(32, 7);
    sl_mac_key key;
    sl_mac_key_init(&key, secret.data());
    for (size_t len = 0; len < 200; len++) {
        Bytes bytes = noise(len, 900 + len), out(32);
        sl_mac_key_compute(&key, bytes.data(), len, out.data());
        EXPECT_EQ(out, hmac(EVP_sha256(), secret, bytes)) << len;
    }
}
