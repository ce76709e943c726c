/* Every back-end against libcrypto, over lengths. Each buffer ends where no memory follows, or
 * begins where none is before, so that a byte read or written there ends the test. */
extern "C" {
#include "sl_crypto.h"
}

#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>

#include "backends.h"
#include "hex.h"

namespace
{

const size_t aad_max = sizeof(sl_aead_job::aad);

/* Under sanitizers, which take many times as long, each length meets every seventh of the AADs; and
 * so it does where no kernel of ours is tested. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
const size_t aad_step = 7;
#define HAS_AAD_STEP
#endif
#endif
#ifndef HAS_AAD_STEP
const size_t aad_step = 1;
#endif

/** Memory with nothing before and behind it. */
struct Edge {
    static const size_t page = 4096, len = 5 * page;
    uint8_t *memory;

    Edge()
    {
        void *whole = mmap(nullptr, len + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memory = static_cast<uint8_t *>(whole) + page;
        if (whole == MAP_FAILED || mprotect(memory, len, PROT_READ | PROT_WRITE) != 0)
            abort();
    }
    ~Edge()
    {
        munmap(memory - page, len + 2 * page);
    }
    Edge(const Edge &) = delete;

    /** The last n bytes. */
    uint8_t *last(size_t n)
    {
        return memory + len - n;
    }
};

/** One AEAD over the same input with the back-end and with libcrypto. */
struct AeadLengths : testing::TestWithParam<sl_crypto_backend> {
    Aead aead{sl_aead_create(GetParam())}, oracle{sl_aead_create(SL_CRYPTO_OPENSSL)};
    sl_aead_key key, oracle_key;
    const Bytes source = noise(Edge::len, 1);
    Bytes expected = Bytes(Edge::len), tag = Bytes(SL_AEAD_TAG_LEN), mine = tag;
    Edge in, out;
    bool is_first = false; /* where input and output stand in their memory */
    sl_aead_job job = {};

    void use(sl_aead_alg alg, const Bytes &secret)
    {
        sl_aead_key_init(aead.get(), &key, alg, secret.data());
        sl_aead_key_init(oracle.get(), &oracle_key, alg, secret.data());
        job.alg = alg;
        std::fill(tag.begin(), tag.end(), uint8_t{0xee}); /* of a short one, what is behind it */
        mine = tag;
    }

    /** What libcrypto makes of a record: expected, tag. */
    void ask_oracle(size_t len, size_t aad_len)
    {
        job.len = static_cast<uint32_t>(len);
        job.aad_len = static_cast<uint16_t>(aad_len);
        memcpy(job.aad, &source[len % 61], aad_max);
        memcpy(job.nonce, &source[len % 67 + aad_len], SL_AEAD_NONCE_LEN);
        sl_aead_job theirs = job;
        theirs.key = &oracle_key;
        theirs.in = source.data();
        theirs.out = expected.data();
        theirs.tag = tag.data();
        sl_aead_seal_burst(oracle.get(), &theirs, 1);
    }

    /** Where input and output touch the edge, or are the same place. */
    void place(const uint8_t *text, bool in_place)
    {
        Edge &source_edge = in_place ? out : in;
        uint8_t *from = is_first ? source_edge.memory : source_edge.last(job.len);
        memcpy(from, text, job.len);
        job.key = &key;
        job.in = from;
        job.out = is_first ? out.memory : out.last(job.len);
    }

    testing::AssertionResult seals_like_oracle(bool in_place)
    {
        place(source.data(), in_place);
        job.tag = mine.data();
        sl_aead_seal_burst(aead.get(), &job, 1);
        if (memcmp(job.out, expected.data(), job.len) == 0 && mine == tag)
            return testing::AssertionSuccess();
        return testing::AssertionFailure()
               << "seal, alg " << job.alg << " len " << job.len << " aad " << job.aad_len;
    }

    testing::AssertionResult opens_again(bool in_place)
    {
        place(expected.data(), in_place);
        job.tag = tag.data();
        sl_aead_open_burst(aead.get(), &job, 1);
        if (job.ok && memcmp(job.out, source.data(), job.len) == 0)
            return testing::AssertionSuccess();
        return testing::AssertionFailure()
               << "open, alg " << job.alg << " len " << job.len << " aad " << job.aad_len;
    }

    /** Opens after one byte somewhere was changed; it is changed back. */
    testing::AssertionResult refuses_changed(uint8_t *byte, const char *what)
    {
        uint8_t flip = static_cast<uint8_t>(1U << (reinterpret_cast<uintptr_t>(byte) % 8));
        *byte ^= flip;
        memset(out.last(job.len), 0xcc, job.len);
        sl_aead_open_burst(aead.get(), &job, 1);
        *byte ^= flip;
        bool is_zero = std::all_of(job.out, job.out + job.len, [](uint8_t b) { return b == 0; });
        if (!job.ok && is_zero)
            return testing::AssertionSuccess();
        return testing::AssertionFailure() << "a changed " << what << ", alg " << job.alg << " len "
                                           << job.len << (is_zero ? "" : ": plaintext is left");
    }
};

INSTANTIATE_TEST_SUITE_P(, AeadLengths, testing::ValuesIn(backends_here()), backend_name);

} // namespace

TEST_P(AeadLengths, EveryLengthTo2000WithEveryAadAgreesWithLibcrypto)
{
    for (sl_aead_alg alg : all_algorithms) {
        use(alg, noise(32, 5 + alg));
        for (size_t len = 0; len <= 2000; len++) {
            const size_t step = alg >= SL_AEAD_AES_128_CCM ? 7 * aad_step : aad_step;
            for (size_t aad_len = len % step; aad_len <= aad_max; aad_len += step) {
                bool in_place = (len + aad_len) % 2;
                ask_oracle(len, aad_len);
                ASSERT_TRUE(seals_like_oracle(in_place));
                ASSERT_TRUE(opens_again(!in_place));
            }
        }
    }
}

TEST_P(AeadLengths, ShortRecordsAreTouchedNowhereBeforeTheirBegin)
{
    is_first = true;
    use(SL_AEAD_AES_128_GCM, noise(16, 6));
    for (size_t len = 1; len <= 600; len++) {
        for (size_t aad_len = len % 5; aad_len <= aad_max; aad_len += 5) {
            ask_oracle(len, aad_len);
            ASSERT_TRUE(seals_like_oracle(len % 2));
            ASSERT_TRUE(opens_again(len % 2));
        }
    }
}

TEST_P(AeadLengths, RandomLengthsTo16KibAgreeWithLibcrypto)
{
    std::minstd_rand random(4);
    for (unsigned i = 0; i < 3000; i++) {
        use(static_cast<sl_aead_alg>(i % SL_AEAD_ALG_COUNT), noise(32, i));
        ask_oracle(i < 3 ? 16384 : random() % 16385, random() % (aad_max + 1));
        for (bool in_place : {false, true}) {
            ASSERT_TRUE(seals_like_oracle(in_place));
            ASSERT_TRUE(opens_again(in_place));
        }
    }
}

TEST_P(AeadLengths, ChangesOfAnyByteAreRefusedAndLeaveZeros)
{
    for (sl_aead_alg alg : all_algorithms) {
        use(alg, noise(32, 3));
        for (size_t len : {0, 1, 15, 16, 17, 64, 65, 127, 128, 129, 255, 256, 257, 700, 1400}) {
            size_t aad_len = len % (aad_max + 1);
            ask_oracle(len, aad_len);
            place(expected.data(), false);
            job.tag = tag.data();
            for (size_t i = 0; i < len; i++)
                ASSERT_TRUE(refuses_changed(in.last(len) + i, "text"));
            for (size_t i = 0; i < sl_aead_tag_len(alg); i++)
                ASSERT_TRUE(refuses_changed(&tag[i], "tag"));
            for (size_t i = 0; i < aad_len; i++)
                ASSERT_TRUE(refuses_changed(&job.aad[i], "additional data"));
            for (size_t i = 0; i < SL_AEAD_NONCE_LEN; i++)
                ASSERT_TRUE(refuses_changed(&job.nonce[i], "nonce"));
            ASSERT_TRUE(opens_again(false));
        }
    }
}
