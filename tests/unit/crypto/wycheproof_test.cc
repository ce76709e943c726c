/* Every case of tests/vectors/wycheproof with each back-end: weak nonces, edge cases of the field
 * arithmetic, every way of getting a tag wrong. */
extern "C" {
#include "sl_crypto.h"
}

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "backends.h"
#include "hex.h"

namespace
{

struct Case {
    std::string algorithm, id, result;
    Bytes key, nonce, aad, plain, cipher, tag;
};

Bytes field(std::istream &line)
{
    std::string text;
    line >> text;
    return text == "-" ? Bytes() : hex(text);
}

std::vector<Case> load_cases()
{
    std::ifstream file(SL_TEST_VECTORS "/wycheproof/aead.txt");
    std::vector<Case> cases;
    for (std::string text; std::getline(file, text);) {
        std::istringstream line(text);
        Case c;
        line >> c.algorithm >> c.id >> c.result;
        for (Bytes *bytes : {&c.key, &c.nonce, &c.aad, &c.plain, &c.cipher, &c.tag})
            *bytes = field(line);
        cases.push_back(c);
    }
    return cases;
}

const std::map<std::string, sl_aead_alg> algorithms = {
    {"AES-128-GCM", SL_AEAD_AES_128_GCM},
    {"AES-256-GCM", SL_AEAD_AES_256_GCM},
    {"CHACHA20-POLY1305", SL_AEAD_CHACHA20_POLY1305},
    {"AES-128-CCM", SL_AEAD_AES_128_CCM},
    {"AES-256-CCM", SL_AEAD_AES_256_CCM},
    {"AES-128-CCM-8", SL_AEAD_AES_128_CCM_8},
    {"AES-256-CCM-8", SL_AEAD_AES_256_CCM_8},
};

struct Wycheproof : testing::TestWithParam<sl_crypto_backend> {
    const std::vector<Case> cases = load_cases();
    Aead aead{sl_aead_create(GetParam())};
    sl_aead_key key;

    /** The job of a case over in and out of the same length. */
    sl_aead_job job_of(const Case &c, const Bytes &in, Bytes &out, Bytes &tag)
    {
        sl_aead_job job = {};
        job.alg = algorithms.at(c.algorithm);
        EXPECT_EQ(tag.size(), sl_aead_tag_len(job.alg));
        sl_aead_key_init(aead.get(), &key, job.alg, c.key.data());
        job.key = &key;
        out.assign(in.size(), 0xcc);
        job.len = static_cast<uint32_t>(in.size());
        job.in = in.data();
        job.out = out.data();
        job.tag = tag.data();
        job.aad_len = static_cast<uint16_t>(c.aad.size());
        std::copy(c.nonce.begin(), c.nonce.end(), job.nonce);
        std::copy(c.aad.begin(), c.aad.end(), job.aad);
        return job;
    }
};

INSTANTIATE_TEST_SUITE_P(, Wycheproof, testing::ValuesIn(backends_here()), backend_name);

} // namespace

TEST_P(Wycheproof, OpensWhatIsValidAndRefusesTheRest)
{
    ASSERT_GT(cases.size(), 560u);
    for (const Case &c : cases) {
        SCOPED_TRACE(c.algorithm + " " + c.id);
        Bytes out, tag = c.tag;
        sl_aead_job job = job_of(c, c.cipher, out, tag);
        sl_aead_open_burst(aead.get(), &job, 1);
        EXPECT_EQ(job.ok, c.result == "valid");
        EXPECT_EQ(out, job.ok ? c.plain : Bytes(c.plain.size(), 0));
    }
}

TEST_P(Wycheproof, SealsToTheBytesOfTheValidCases)
{
    for (const Case &c : cases) {
        if (c.result != "valid")
            continue;
        SCOPED_TRACE(c.algorithm + " " + c.id);
        Bytes out, tag(c.tag.size());
        sl_aead_job job = job_of(c, c.plain, out, tag);
        sl_aead_seal_burst(aead.get(), &job, 1);
        EXPECT_EQ(out, c.cipher);
        EXPECT_EQ(tag, c.tag);
    }
}
