/**
 * What of our code runs on secrets takes no branch and no address from them, as ctgrind finds out
 * (Langley 2010): valgrind is told that the secret bytes are undefined, and counts what depends on
 * them. Only the verdict itself, which everybody may know, may be branched upon.
 */
#include <cstring>
#include <memory>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <valgrind/memcheck.h>

extern "C" {
#include "sl_admission.h"
#include "sl_crypto.h"
}

namespace
{

using Bytes = std::vector<uint8_t>;

void hide(void *secret, size_t len)
{
    (void)VALGRIND_MAKE_MEM_UNDEFINED(secret, len);
}
void reveal(void *bytes, size_t len)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(bytes, len);
}

/** How many branches and addresses depended on what was hidden while it ran. */
template <typename Run> unsigned secret_branches(Run &&run)
{
    const unsigned before = VALGRIND_COUNT_ERRORS;
    run();
    return VALGRIND_COUNT_ERRORS - before;
}

class ConstantTime : public testing::Test
{
  protected:
    void SetUp() override
    {
        if (!RUNNING_ON_VALGRIND)
            GTEST_SKIP() << "it tells nothing without valgrind";
    }
};

/** What the method finds in a comparison that stops where two strings differ. */
__attribute__((noinline)) bool is_equal_so_far(const volatile uint8_t *a, const volatile uint8_t *b,
                                               size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

TEST_F(ConstantTime, IsNotWhatAComparisonThatStopsEarlyHas)
{
    uint8_t secret[32] = {}, guess[32] = {};
    guess[7] = 1;
    hide(secret, sizeof secret);
    EXPECT_EQ(secret_branches([&] { (void)is_equal_so_far(secret, guess, 32); }), 8U);
    EXPECT_GT(secret_branches([&] {
                  volatile int order = memcmp(secret, guess, sizeof secret);
                  (void)order;
              }),
              0U);
}

TEST_F(ConstantTime, IsWhatLibcryptosComparisonHas)
{
    uint8_t secret[32] = {}, guess[32] = {};
    for (unsigned at = 0; at < sizeof guess; at++) {
        memset(guess, 0, sizeof guess);
        guess[at] = 1;
        hide(secret, sizeof secret);
        EXPECT_EQ(secret_branches([&] {
                      volatile int order = CRYPTO_memcmp(secret, guess, sizeof secret);
                      (void)order;
                  }),
                  0U);
        reveal(secret, sizeof secret);
    }
}

struct Visitor {
    Bytes random = Bytes(SL_RANDOM_LEN, 0x55), session_id = {1, 2, 3}, suites = {0xc0, 0x2b};
    uint8_t cookie[SL_COOKIE_LEN] = {};
    sl_tuple tuple{};

    sl_client_hello hello() const
    {
        sl_client_hello hello{};
        hello.client_version = SL_DTLS_VERSION_1_2;
        hello.whole = true;
        hello.random = random.data();
        hello.session_id = session_id.data();
        hello.session_id_len = (uint8_t)session_id.size();
        hello.suites = suites.data();
        hello.suites_len = (uint16_t)suites.size();
        hello.cookie = cookie;
        hello.cookie_len = SL_COOKIE_LEN;
        return hello;
    }
};

using Jar = std::unique_ptr<sl_cookie_jar, void (*)(sl_cookie_jar *)>;

Jar secret_jar()
{
    uint8_t root[32];
    memset(root, 0x5a, sizeof root);
    hide(root, sizeof root);
    return Jar(sl_cookie_jar_create(root), sl_cookie_jar_destroy);
}

TEST_F(ConstantTime, HasTheCheckOfACookieWhereverItIsWrong)
{
    constexpr uint64_t now = 1000000000000ULL;
    Visitor visitor;
    const Jar jar = secret_jar();
    sl_client_hello hello = visitor.hello();
    uint8_t right[SL_COOKIE_LEN];
    EXPECT_EQ(
        secret_branches([&] { sl_cookie_make(jar.get(), &visitor.tuple, &hello, now, right); }),
        0U);
    reveal(right, sizeof right); /* it is sent to whoever asks */
    for (unsigned at = 1; at <= SL_COOKIE_LEN; at++) {
        memcpy(visitor.cookie, right, sizeof right);
        if (at < SL_COOKIE_LEN)
            visitor.cookie[at] ^= 1;
        volatile bool is_good = false;
        /* The one is whether the first MAC is right in whole, which its answer tells, too. */
        EXPECT_EQ(secret_branches(
                      [&] { is_good = sl_cookie_check(jar.get(), &visitor.tuple, &hello, now); }),
                  1U)
            << "the first wrong byte is " << at;
        bool verdict = is_good;
        reveal(&verdict, sizeof verdict);
        EXPECT_EQ(verdict, at == SL_COOKIE_LEN);
    }
}

struct Engine {
    sl_aead *aead;
    explicit Engine(sl_crypto_backend backend) : aead(sl_aead_create(backend)) {}
    ~Engine()
    {
        sl_aead_destroy(aead);
    }
};

/** A record under a key, sealed; then opened under the same key hidden. */
class Record
{
  public:
    Record(sl_aead *engine, sl_aead_alg algorithm) : aead(engine), alg(algorithm)
    {
        memset(secret, 0x17, sizeof secret);
        sl_aead_key_init(aead, &key, alg, secret);
        sl_aead_job job = make_job();
        sl_aead_seal_burst(aead, &job, 1);
        sealed_tag.assign(tag, tag + sizeof tag);
        sealed.assign(bytes, bytes + sizeof bytes);
        hide(secret, sizeof secret);
        sl_aead_key_init(aead, &key, alg, secret);
    }
    ~Record()
    {
        reveal(secret, sizeof secret);
        reveal(&key, sizeof key);
    }
    /** With the byte of the tag at this place wrong; with none behind the last. */
    unsigned open(unsigned wrong_at, bool &ok)
    {
        memcpy(bytes, sealed.data(), sealed.size());
        memcpy(tag, sealed_tag.data(), sealed_tag.size());
        if (wrong_at < sizeof tag)
            tag[wrong_at] ^= 0x80;
        sl_aead_job job = make_job();
        const unsigned count = secret_branches([&] { sl_aead_open_burst(aead, &job, 1); });
        reveal(&job.ok, sizeof job.ok);
        reveal(bytes, sizeof bytes);
        ok = job.ok;
        return count;
    }

  private:
    sl_aead_job make_job()
    {
        sl_aead_job job{};
        job.key = &key;
        job.alg = alg;
        job.aad_len = 13;
        job.len = sizeof bytes;
        job.in = job.out = bytes;
        job.tag = tag;
        return job;
    }

    sl_aead *aead;
    sl_aead_alg alg;
    sl_aead_key key{};
    uint8_t secret[32], bytes[100] = {}, tag[SL_AEAD_TAG_LEN] = {};
    Bytes sealed, sealed_tag;
};

struct Case {
    sl_crypto_backend backend;
    sl_aead_alg alg;
};

class ConstantTimeTag : public ConstantTime, public testing::WithParamInterface<Case>
{
};

TEST_P(ConstantTimeTag, IsComparedInWholeWhereverItIsWrong)
{
    const Engine engine(GetParam().backend);
    if (engine.aead == nullptr)
        GTEST_SKIP() << "this processor, as valgrind has it, can't run it";
    Record record(engine.aead, GetParam().alg);
    bool ok = true;
    const unsigned verdicts = record.open(0, ok);
    EXPECT_FALSE(ok);
    /* libcrypto looks at the verdict, and we at what it returns. */
    EXPECT_LE(verdicts, 2U);
    for (unsigned at = 1; at < SL_AEAD_TAG_LEN; at++) {
        EXPECT_EQ(record.open(at, ok), verdicts) << "the wrong byte is " << at;
        EXPECT_FALSE(ok);
    }
    EXPECT_LE(record.open(SL_AEAD_TAG_LEN, ok), verdicts);
    EXPECT_TRUE(ok);
}

std::string name_of(const testing::TestParamInfo<Case> &info)
{
    static const char *const algs[] = {"Aes128Gcm", "Aes256Gcm", "ChaCha20Poly1305"};
    return std::string(info.param.backend == SL_CRYPTO_OPENSSL ? "Openssl" : "Ipsecmb") +
           algs[info.param.alg];
}

INSTANTIATE_TEST_SUITE_P(Engines, ConstantTimeTag,
                         testing::Values(Case{SL_CRYPTO_OPENSSL, SL_AEAD_AES_128_GCM},
                                         Case{SL_CRYPTO_OPENSSL, SL_AEAD_AES_256_GCM},
                                         Case{SL_CRYPTO_OPENSSL, SL_AEAD_CHACHA20_POLY1305},
                                         Case{SL_CRYPTO_IPSECMB, SL_AEAD_AES_128_GCM},
                                         Case{SL_CRYPTO_IPSECMB, SL_AEAD_AES_256_GCM},
                                         Case{SL_CRYPTO_IPSECMB, SL_AEAD_CHACHA20_POLY1305}),
                         name_of);

} // namespace
