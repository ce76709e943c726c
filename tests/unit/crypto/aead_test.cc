extern "C" {
#include "sl_crypto.h"
}

#include <errno.h>
#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "backends.h"
#include "hex.h"

namespace
{

/* Every allocation of libcrypto in this program is counted: the hot path must make none. */
unsigned long allocations;

void *counting_malloc(size_t len, const char *, int)
{
    allocations++;
    return malloc(len);
}

void *counting_realloc(void *old, size_t len, const char *, int)
{
    allocations++;
    return realloc(old, len);
}

void counting_free(void *old, const char *, int)
{
    free(old);
}

const int counting = CRYPTO_set_mem_functions(counting_malloc, counting_realloc, counting_free);

/** One AEAD operation with memory of its own: in, out and tag. */
struct Operation {
    sl_aead_key key;
    Bytes in, out, tag;
    sl_aead_job job = {};

    Operation(const Aead &aead, sl_aead_alg alg, const Bytes &secret, const Bytes &nonce,
              const Bytes &aad, const Bytes &text, const Bytes &tag_in = Bytes(16))
        : in(text), out(text.size(), 0xcc), tag(tag_in)
    {
        sl_aead_key_init(aead.get(), &key, alg, secret.data());
        job.key = &key;
        job.alg = alg;
        job.len = static_cast<uint32_t>(text.size());
        job.in = in.data();
        job.out = out.data();
        job.tag = tag.data();
        job.aad_len = static_cast<uint16_t>(aad.size());
        std::copy(nonce.begin(), nonce.end(), job.nonce);
        std::copy(aad.begin(), aad.end(), job.aad);
    }
    Operation(const Operation &) = delete;

    void in_place()
    {
        out = in;
        job.in = job.out = out.data();
    }
};

struct Vector {
    sl_aead_alg alg;
    const char *key, *nonce, *aad, *plain, *cipher, *tag;
};

/* McGrew, Viega: "The Galois/Counter Mode of Operation", appendix B, cases 1-4 and 13-16 (the
 * vectors of NIST's submission); RFC 8439 2.8.2. */
const char *const gcm_plain = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                              "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
const char *const gcm_key = "feffe9928665731c6d6a8f9467308308";
const char *const gcm_key_256 = "feffe9928665731c6d6a8f9467308308"
                                "feffe9928665731c6d6a8f9467308308";
const char *const zeros_16 = "00000000000000000000000000000000";
const char *const zeros_32 = "0000000000000000000000000000000000000000000000000000000000000000";
const char *const zeros_12 = "000000000000000000000000";
const Vector vectors[] = {
    {SL_AEAD_AES_128_GCM, zeros_16, zeros_12, "", "", "", "58e2fccefa7e3061367f1d57a4e7455a"},
    {SL_AEAD_AES_128_GCM, zeros_16, zeros_12, "", zeros_16, "0388dace60b6a392f328c2b971b2fe78",
     "ab6e47d42cec13bdf53a67b21257bddf"},
    {SL_AEAD_AES_128_GCM, gcm_key, "cafebabefacedbaddecaf888", "",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
     "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985",
     "4d5c2af327cd64a62cf35abd2ba6fab4"},
    {SL_AEAD_AES_128_GCM, gcm_key, "cafebabefacedbaddecaf888",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2", gcm_plain,
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
     "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
     "5bc94fbc3221a5db94fae95ae7121a47"},
    {SL_AEAD_AES_256_GCM, zeros_32, zeros_12, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {SL_AEAD_AES_256_GCM, zeros_32, zeros_12, "", zeros_16, "cea7403d4d606b6e074ec5d3baf39d18",
     "d0d1c8a799996bf0265b98b5d48ab919"},
    {SL_AEAD_AES_256_GCM, gcm_key_256, "cafebabefacedbaddecaf888",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2", gcm_plain,
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
    {SL_AEAD_CHACHA20_POLY1305, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
     "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
     "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a20496620"
     "4920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f722074686520667574757265"
     "2c2073756e73637265656e20776f756c642062652069742e",
     "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da"
     "92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585"
     "808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116",
     "1ae10b594f09e26a7e902ecbd0600691"},
};

struct AeadTest : testing::TestWithParam<sl_crypto_backend> {
    Aead aead{sl_aead_create(GetParam())};
    Aead oracle{sl_aead_create(SL_CRYPTO_OPENSSL)};

    void SetUp() override
    {
        ASSERT_NE(aead, nullptr);
        ASSERT_NE(oracle, nullptr);
    }
};

INSTANTIATE_TEST_SUITE_P(, AeadTest, testing::ValuesIn(backends_here()), backend_name);

} // namespace

TEST_P(AeadTest, SealsThePublishedVectors)
{
    for (const Vector &v : vectors) {
        Operation op(aead, v.alg, hex(v.key), hex(v.nonce), hex(v.aad), hex(v.plain));
        sl_aead_seal_burst(aead.get(), &op.job, 1);
        EXPECT_TRUE(op.job.ok);
        EXPECT_EQ(op.out, hex(v.cipher));
        EXPECT_EQ(op.tag, hex(v.tag));
    }
}

TEST_P(AeadTest, OpensThePublishedVectors)
{
    for (const Vector &v : vectors) {
        Operation op(aead, v.alg, hex(v.key), hex(v.nonce), hex(v.aad), hex(v.cipher), hex(v.tag));
        sl_aead_open_burst(aead.get(), &op.job, 1);
        EXPECT_TRUE(op.job.ok);
        EXPECT_EQ(op.out, hex(v.plain));
    }
}

TEST_P(AeadTest, MixesAlgorithmsKeysAndForgeriesInOneBurst)
{
    std::vector<std::unique_ptr<Operation>> ops;
    std::vector<sl_aead_job> jobs;
    std::vector<Bytes> texts;
    for (unsigned i = 0; i < SL_BURST; i++) {
        sl_aead_alg alg = static_cast<sl_aead_alg>(i % SL_AEAD_ALG_COUNT);
        texts.push_back(noise(i * 13, i));
        ops.push_back(std::make_unique<Operation>(aead, alg, noise(32, i), noise(12, i),
                                                  noise(13, i), texts.back()));
        jobs.push_back(ops.back()->job);
    }
    sl_aead_seal_burst(aead.get(), jobs.data(), SL_BURST);
    for (unsigned i = 0; i < SL_BURST; i++) {
        EXPECT_TRUE(jobs[i].ok);
        jobs[i].in = jobs[i].out;
        if (i % 5 == 4)
            jobs[i].tag[sl_aead_tag_len(jobs[i].alg) - 1] ^= 1;
    }
    sl_aead_open_burst(aead.get(), jobs.data(), SL_BURST);
    for (unsigned i = 0; i < SL_BURST; i++) {
        EXPECT_EQ(jobs[i].ok, i % 5 != 4) << i;
        EXPECT_EQ(ops[i]->out, i % 5 != 4 ? texts[i] : Bytes(texts[i].size(), 0)) << i;
    }
}

/* Kernels finish the tags of several records at once, and AES-CCM works on several side by side. */
TEST_P(AeadTest, BurstsOfAnySizeFindTheirOneForgery)
{
    for (sl_aead_alg alg : all_algorithms) {
        for (unsigned count = 1; count <= SL_BURST; count++) {
            const unsigned forged = count / 2;
            std::vector<std::unique_ptr<Operation>> ops;
            std::vector<sl_aead_job> jobs;
            std::vector<Bytes> texts;
            for (unsigned i = 0; i < count; i++) {
                texts.push_back(noise(1 + i * 31 % 400, i));
                ops.push_back(std::make_unique<Operation>(aead, alg, noise(32, i), noise(12, i),
                                                          noise(31, i), texts.back()));
                jobs.push_back(ops.back()->job);
            }
            sl_aead_seal_burst(aead.get(), jobs.data(), count);
            for (sl_aead_job &job : jobs)
                job.in = job.out;
            jobs[forged].tag[0] ^= 0x80;
            sl_aead_open_burst(aead.get(), jobs.data(), count);
            for (unsigned i = 0; i < count; i++) {
                EXPECT_EQ(jobs[i].ok, i != forged) << i << " of " << count << ", alg " << alg;
                EXPECT_EQ(ops[i]->out, i != forged ? texts[i] : Bytes(texts[i].size(), 0));
            }
        }
    }
}

TEST_P(AeadTest, AllocatesNothingWhileItOpensSealsAndTakesKeys)
{
    ASSERT_EQ(counting, 1);
    std::unique_ptr<sl_mac, void (*)(sl_mac *)> mac(sl_mac_create(), sl_mac_destroy);
    for (unsigned alg = 0; alg < SL_AEAD_ALG_COUNT; alg++) {
        Operation op(aead, static_cast<sl_aead_alg>(alg), noise(32, 1), noise(12, 2), noise(13, 3),
                     noise(100, 4));
        uint8_t digest[32], secret[32] = {};
        unsigned long before = allocations;
        for (unsigned i = 0; i < 8; i++) {
            sl_aead_key_init(aead.get(), &op.key, op.job.alg, secret);
            sl_aead_seal_burst(aead.get(), &op.job, 1);
            sl_aead_open_burst(aead.get(), &op.job, 1);
            ASSERT_EQ(sl_mac_compute(mac.get(), secret, secret, sizeof secret, digest), 0);
        }
        EXPECT_EQ(allocations, before) << "alg " << alg;
    }
}

TEST_P(AeadTest, TouchesNoMoreOfAKeyThanItSaysAndWipesThat)
{
    const size_t len = sl_aead_key_block_len(aead.get());
    ASSERT_LE(len, sizeof(sl_aead_key));
    EXPECT_EQ(len % 64, 0u);
    for (sl_aead_alg alg : all_algorithms) {
        sl_aead_key key;
        memset(key.block, 0xa5, sizeof key.block);
        sl_aead_key_init(aead.get(), &key, alg, noise(32, 7).data());
        EXPECT_TRUE(std::any_of(key.block, key.block + len, [](uint8_t b) { return b != 0; }));
        sl_aead_key_wipe(aead.get(), &key);
        EXPECT_TRUE(std::all_of(key.block, key.block + len, [](uint8_t b) { return b == 0; }));
        EXPECT_TRUE(
            std::all_of(key.block + len, std::end(key.block), [](uint8_t b) { return b == 0xa5; }));
    }
}

TEST_P(AeadTest, SaysWhichBackendRuns)
{
    const std::map<sl_crypto_backend, std::string> begins = {{SL_CRYPTO_VAES512, "vaes512"},
                                                             {SL_CRYPTO_VAES256, "vaes256"},
                                                             {SL_CRYPTO_IPSECMB, "ipsecmb "},
                                                             {SL_CRYPTO_OPENSSL, "openssl"}};
    std::string name = sl_aead_name(aead.get());
    EXPECT_EQ(name.substr(0, begins.at(GetParam()).size()), begins.at(GetParam()));
}

TEST_P(AeadTest, KeepsAKeyOfOurOwnKernelInNineCacheLines)
{
    if (GetParam() == SL_CRYPTO_VAES512 || GetParam() == SL_CRYPTO_VAES256) {
        EXPECT_EQ(sl_aead_key_block_len(aead.get()), 576u);
    }
}

TEST(Aead, AutoIsTheFirstThatTheProcessorCanRun)
{
    Aead automatic(sl_aead_create(SL_CRYPTO_AUTO));
    ASSERT_NE(automatic, nullptr);
    Aead first(sl_aead_create(backends_here().front()));
    EXPECT_STREQ(sl_aead_name(automatic.get()), sl_aead_name(first.get()));
}

TEST(Aead, SaysThatTheProcessorCannot)
{
    std::vector<sl_crypto_backend> here = backends_here();
    for (sl_crypto_backend backend : all_backends) {
        if (std::count(here.begin(), here.end(), backend) > 0)
            continue;
        errno = 0;
        EXPECT_EQ(sl_aead_create(backend), nullptr);
        EXPECT_EQ(errno, ENOTSUP);
    }
}

TEST(Aead, KnowsTheLengthsAndLimitsOfItsAlgorithms)
{
    struct Facts {
        sl_aead_alg alg;
        unsigned key_len, iv_len, explicit_nonce_len, tag_len;
        uint64_t seal_limit, forgery_limit;
    };
    const uint64_t ccm_forged = 11863283; /* floor(2^23.5) */
    const Facts all[] = {
        {SL_AEAD_AES_128_GCM, 16, 4, 8, 16, 23726566, 1ULL << 28},
        {SL_AEAD_AES_256_GCM, 32, 4, 8, 16, 23726566, 1ULL << 28},
        {SL_AEAD_CHACHA20_POLY1305, 32, 12, 0, 16, (1ULL << 48) - 1, 1ULL << 36},
        {SL_AEAD_AES_128_CCM, 16, 4, 8, 16, 1ULL << 23, ccm_forged},
        {SL_AEAD_AES_256_CCM, 32, 4, 8, 16, 1ULL << 23, ccm_forged},
        {SL_AEAD_AES_128_CCM_8, 16, 4, 8, 8, 1ULL << 23, 1ULL << 16},
        {SL_AEAD_AES_256_CCM_8, 32, 4, 8, 8, 1ULL << 23, 1ULL << 16},
    };
    for (const Facts &facts : all) {
        SCOPED_TRACE(facts.alg);
        EXPECT_EQ(sl_aead_key_len(facts.alg), facts.key_len);
        EXPECT_EQ(sl_aead_iv_len(facts.alg), facts.iv_len);
        EXPECT_EQ(sl_aead_explicit_nonce_len(facts.alg), facts.explicit_nonce_len);
        EXPECT_EQ(sl_aead_tag_len(facts.alg), facts.tag_len);
        EXPECT_EQ(sl_aead_seal_limit(facts.alg), facts.seal_limit);
        EXPECT_GE(sl_aead_seal_limit(facts.alg), SL_AEAD_SEAL_LIMIT_MIN);
        EXPECT_EQ(sl_aead_forgery_limit(facts.alg), facts.forgery_limit);
    }
}
