extern "C" {
#include "sl_identity.h"
}

#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "test_certificates.h"

using namespace sl_test;

namespace
{

class Credentials : public ::testing::Test
{
  protected:
    TemporaryDirectory directory;
    sl_credentials *loaded = nullptr;
    sl_certificate_fault fault = {};
    char reason[SL_CREDENTIALS_REASON_LEN] = "";

    ~Credentials() override
    {
        sl_credentials_destroy(loaded);
    }

    struct Pair {
        std::string certificate, key, ocsp = "";
    };

    Pair write(const std::string &name, const Identity &identity)
    {
        return {directory.write(name + ".crt", to_pem(identity.certificate)),
                directory.write(name + ".key", to_pem(identity.key))};
    }

    bool load(const std::vector<Pair> &pairs)
    {
        std::vector<sl_certificate_files> files;
        for (const Pair &pair : pairs)
            files.push_back({pair.certificate.c_str(), pair.key.c_str(),
                             pair.ocsp.empty() ? nullptr : pair.ocsp.c_str()});
        sl_credentials_destroy(loaded);
        loaded = sl_credentials_load(files.data(), (unsigned)files.size(), &fault, reason);
        return loaded != nullptr;
    }

    void expect_refused(unsigned at, bool is_key, const std::string &sentence)
    {
        EXPECT_EQ(fault.index, at);
        EXPECT_EQ(fault.part, is_key ? SL_CERTIFICATE_KEY : SL_CERTIFICATE_LEAF);
        EXPECT_EQ(std::string(reason), sentence);
    }
};

} // namespace

TEST_F(Credentials, LoadsRsaEcdsaAndEd25519SideBySide)
{
    ASSERT_TRUE(
        load({write("rsa", make_identity("RSA", "r")), write("ec", make_identity("EC", "e")),
              write("ed", make_identity("ED25519", "d"))}))
        << reason;
    ASSERT_EQ(sl_credentials_count(loaded), 3u);
    for (unsigned i = 0; i < 3; i++)
        EXPECT_EQ(X509_check_private_key((X509 *)sl_credentials_certificate(loaded, i),
                                         (EVP_PKEY *)sl_credentials_key(loaded, i)),
                  1);
}

TEST_F(Credentials, KeepsTheChainBehindTheLeaf)
{
    Identity ca = make_identity("EC", "ca", nullptr, true);
    Identity middle = make_identity("EC", "middle", &ca, true);
    Identity leaf = make_identity("EC", "leaf", &middle);
    Pair pair{directory.write("c", to_pem(leaf.certificate) + to_pem(middle.certificate) +
                                       to_pem(ca.certificate)),
              directory.write("k", to_pem(leaf.key))};
    ASSERT_TRUE(load({pair})) << reason;
    EXPECT_EQ(X509_cmp((X509 *)sl_credentials_certificate(loaded, 0), leaf.certificate.get()), 0);
    STACK_OF(X509) *chain = (STACK_OF(X509) *)sl_credentials_chain(loaded, 0);
    ASSERT_EQ(sk_X509_num(chain), 2);
    EXPECT_EQ(X509_cmp(sk_X509_value(chain, 0), middle.certificate.get()), 0);
}

TEST_F(Credentials, RefuseAChainThatIsNotTheLeafs)
{
    Identity ca = make_identity("EC", "ca", nullptr, true);
    Identity middle = make_identity("EC", "middle", &ca, true);
    Identity leaf = make_identity("EC", "leaf", &middle);
    Pair pair{directory.path("c"), directory.write("k", to_pem(leaf.key))};
    for (const Identity *first : {&ca, &middle}) {
        const Identity *second = first == &ca ? &middle : &leaf;
        (void)directory.write("c", to_pem(leaf.certificate) + to_pem(first->certificate) +
                                       to_pem(second->certificate));
        ASSERT_FALSE(load({pair}));
        const char *which =
            first == &ca ? "2 has not signed certificate 1" : "3 has not signed certificate 2";
        expect_refused(0, false,
                       "certificate file " + pair.certificate + ": its certificate " + which +
                           "; the leaf is first, then whoever has signed it");
    }
}

TEST_F(Credentials, SayWhenOneIsNotValidToday)
{
    unsigned index = 0;
    Identity ca = make_identity("EC", "ca", nullptr, true, -3600);
    Identity leaf = make_identity("EC", "leaf", &ca);
    Pair chained{directory.write("c", to_pem(leaf.certificate) + to_pem(ca.certificate)),
                 directory.write("k", to_pem(leaf.key))};
    Pair good = write("good", make_identity("EC", "good"));
    ASSERT_TRUE(load({good})) << reason;
    EXPECT_TRUE(sl_credentials_are_current(loaded, nullptr, &index, reason)) << reason;
    ASSERT_TRUE(load({good, chained})) << reason;
    EXPECT_FALSE(sl_credentials_are_current(loaded, nullptr, &index, reason));
    EXPECT_EQ(index, 1u);
    EXPECT_EQ(reason, "certificate 2 of file " + chained.certificate + " has expired");
    EXPECT_TRUE(sl_credentials_are_current(loaded, loaded, &index, reason)) << "known";
    EXPECT_TRUE(sl_credentials_are_current(nullptr, loaded, &index, reason)) << "none";
    Identity early = make_identity("EC", "early");
    X509_gmtime_adj(X509_getm_notBefore(early.certificate.get()), 3600);
    Pair future = write("early", early);
    ASSERT_TRUE(load({future})) << reason;
    EXPECT_FALSE(sl_credentials_are_current(loaded, nullptr, &index, reason));
    EXPECT_EQ(reason, "certificate 1 of file " + future.certificate + " is not valid yet");
}

TEST_F(Credentials, ReadsCertificateAndKeyFromOneFile)
{
    Identity identity = make_identity("EC", "both");
    std::string both = directory.write("both", to_pem(identity.key) + to_pem(identity.certificate));
    EXPECT_TRUE(load({{both, both}})) << reason;
}

TEST_F(Credentials, SayThatOneIsNeeded)
{
    EXPECT_FALSE(load({}));
    expect_refused(0, false, "no certificate is configured: a DTLS server needs one");
}

TEST_F(Credentials, SayThatTheCertificateFileIsMissing)
{
    Pair good = write("good", make_identity("EC", "x"));
    EXPECT_FALSE(load({good, {directory.path("none.crt"), good.key}}));
    expect_refused(1, false,
                   "certificate file " + directory.path("none.crt") +
                       " cannot be opened: No such file or directory");
}

TEST_F(Credentials, SayThatTheKeyFileIsMissing)
{
    Pair pair = write("good", make_identity("EC", "x"));
    EXPECT_FALSE(load({{pair.certificate, directory.path("none.key")}}));
    expect_refused(0, true,
                   "key file " + directory.path("none.key") +
                       " cannot be opened: No such file or directory");
}

TEST_F(Credentials, SayThatAFileCannotBeRead)
{
    Pair pair = write("good", make_identity("EC", "x"));
    EXPECT_FALSE(load({{"/", pair.key}}));
    expect_refused(0, false, "certificate file / cannot be read: Is a directory");
}

TEST_F(Credentials, SayThatAFileIsTooLarge)
{
    Pair pair = write("good", make_identity("EC", "x"));
    std::string large = directory.write("large", std::string((4 << 20) + 1, '\n'));
    EXPECT_FALSE(load({{large, pair.key}}));
    expect_refused(0, false, "certificate file " + large + " is larger than 4 MiB");
}

TEST_F(Credentials, SayThatAFileHoldsNoCertificate)
{
    Pair pair = write("good", make_identity("EC", "x"));
    for (const char *content : {"", "nothing\n"}) {
        std::string empty = directory.write("empty", content);
        EXPECT_FALSE(load({{empty, pair.key}}));
        expect_refused(0, false, "certificate file " + empty + " holds no certificate in PEM form");
    }
    EXPECT_FALSE(load({{pair.key, pair.key}}));
    expect_refused(0, false, "certificate file " + pair.key + " holds no certificate in PEM form");
}

TEST_F(Credentials, SayThatACertificateIsMalformed)
{
    Pair pair = write("good", make_identity("EC", "x"));
    std::string pem = to_pem(make_identity("EC", "y").certificate);
    for (const std::string &content :
         {pem.substr(0, pem.size() / 2), std::string(pem).replace(40, 8, "AAAAAAAA"),
          pem + pem.substr(0, 100)}) {
        std::string broken = directory.write("broken", content);
        EXPECT_FALSE(load({{broken, pair.key}})) << content;
        expect_refused(0, false, "certificate file " + broken + " holds a malformed certificate");
    }
}

TEST_F(Credentials, SayThatAFileHoldsNoKey)
{
    Pair pair = write("good", make_identity("EC", "x"));
    EXPECT_FALSE(load({{pair.certificate, pair.certificate}}));
    expect_refused(0, true, "key file " + pair.certificate + " holds no private key in PEM form");
}

TEST_F(Credentials, SayThatAKeyIsMalformed)
{
    Identity identity = make_identity("EC", "x");
    Pair pair = write("good", identity);
    std::string broken = directory.write("broken", to_pem(identity.key).replace(40, 8, "AAAAAAAA"));
    EXPECT_FALSE(load({{pair.certificate, broken}}));
    expect_refused(0, true, "key file " + broken + " holds a malformed private key");
}

TEST_F(Credentials, SayThatAKeyIsEncrypted)
{
    Identity identity = make_identity("EC", "x");
    Pair pair = write("good", identity);
    std::string locked = directory.write("locked", to_pem(identity.key, "passphrase"));
    EXPECT_FALSE(load({{pair.certificate, locked}}));
    expect_refused(0, true, "key file " + locked + " is encrypted: give one without a passphrase");
}

TEST_F(Credentials, SayThatAKeyBelongsToAnotherCertificate)
{
    Pair one = write("one", make_identity("EC", "x"));
    Pair other = write("other", make_identity("EC", "y"));
    Pair rsa = write("rsa", make_identity("RSA", "z"));
    for (const Pair &wrong : {other, rsa}) {
        EXPECT_FALSE(load({{one.certificate, wrong.key}}));
        expect_refused(0, true,
                       "key file " + wrong.key + " does not belong to certificate " +
                           one.certificate);
    }
}

TEST_F(Credentials, RefuseKeysThatNoPeerWouldTrust)
{
    Pair small = write("small", make_identity("RSA-1024", "x"));
    EXPECT_FALSE(load({small}));
    expect_refused(0, false,
                   "certificate file " + small.certificate +
                       " has an RSA key of 1024 bits: at least 2048 are needed");
    Pair strange = write("strange", make_identity("ED448", "x"));
    EXPECT_FALSE(load({strange}));
    expect_refused(0, false,
                   "certificate file " + strange.certificate +
                       " has a key of an unsupported type: RSA, ECDSA or Ed25519 is needed");
    Pair curve = write("curve", make_identity("secp256k1", "x"));
    EXPECT_FALSE(load({curve}));
    expect_refused(0, false,
                   "certificate file " + curve.certificate +
                       " has an EC key that is not on a named curve P-256, P-384 or P-521");
}

TEST_F(Credentials, AreSixteenAtMost)
{
    std::vector<Pair> pairs(17, write("one", make_identity("EC", "x")));
    EXPECT_FALSE(load(pairs));
    EXPECT_STREQ(reason, "17 certificates are configured: at most 16 are possible");
    pairs.pop_back();
    EXPECT_TRUE(load(pairs)) << reason;
    sl_credentials *share = sl_credentials_share(loaded);
    sl_credentials_destroy(loaded);
    loaded = nullptr;
    EXPECT_EQ(sl_credentials_count(share), 16u);
    sl_credentials_destroy(share);
}

TEST_F(Credentials, AreChosenByNameOneForEachKindOfKey)
{
    auto named = [&](const char *file, const char *kind, const std::string &names) {
        return write(file, make_identity(kind, "a.test", nullptr, false, 86400, names));
    };
    ASSERT_TRUE(
        load({named("0", "EC", "DNS:a.test"), named("1", "RSA", "DNS:a.test,DNS:b.test"),
              named("2", "P-384", "DNS:b.test,DNS:*.c.test"), named("3", "EC", "DNS:b.test"),
              named("4", "ED25519", ""), named("5", "RSA", "DNS:x*.d.test")}))
        << reason;
    const struct {
        const char *name;
        uint32_t chosen;
    } cases[] = {
        {nullptr, 1 << 0 | 1 << 1 | 1 << 4},
        {"a.test", 1 << 0 | 1 << 1},
        {"B.test", 1 << 1 | 1 << 2},
        {"www.c.test", 1 << 2},
        {"c.test", 1 << 0 | 1 << 1 | 1 << 4},
        {"xy.d.test", 1 << 0 | 1 << 1 | 1 << 4}, /* no wildcard within a label */
        {"", 1 << 0 | 1 << 1 | 1 << 4},
        {"other.test", 1 << 0 | 1 << 1 | 1 << 4},
    };
    for (const auto &one : cases)
        EXPECT_EQ(sl_credentials_choose(loaded, one.name, UINT32_MAX), one.chosen) << one.name;
    const uint32_t without_first = UINT32_MAX << 1;
    EXPECT_EQ(sl_credentials_choose(loaded, nullptr, without_first), 1U << 1 | 1 << 2 | 1 << 4);
    EXPECT_EQ(sl_credentials_choose(loaded, "b.test", ~(1U << 2)), 1U << 1 | 1 << 3);
    EXPECT_EQ(sl_credentials_choose(loaded, "www.c.test", ~(1U << 2)), 1U << 0 | 1 << 1 | 1 << 4);
    EXPECT_EQ(sl_credentials_curve(loaded, 0), NID_X9_62_prime256v1);
    EXPECT_EQ(sl_credentials_curve(loaded, 1), 0);
    EXPECT_EQ(sl_credentials_curve(loaded, 2), NID_secp384r1);
}

TEST_F(Credentials, HaveAnOcspResponseUntilItExpires)
{
    Identity ca = make_identity("EC", "ca", nullptr, true);
    Identity one = make_identity("EC", "one", &ca), other = make_identity("RSA", "other", &ca);
    Pair with = write("one", one), without = write("other", other);
    std::string response = make_ocsp_response(ca, one.certificate, Ocsp::Good);
    with.ocsp = directory.write("one.ocsp", response);
    ASSERT_TRUE(load({without, with})) << reason;
    size_t len = 0;
    const void *certificate = sl_credentials_certificate(loaded, 1);
    const uint8_t *found = sl_credentials_ocsp(loaded, certificate, time(nullptr), &len);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(std::string((const char *)found, len), response);
    EXPECT_EQ(sl_credentials_ocsp(loaded, certificate, time(nullptr) + 86401, &len), nullptr);
    EXPECT_EQ(
        sl_credentials_ocsp(loaded, sl_credentials_certificate(loaded, 0), time(nullptr), &len),
        nullptr);
}

// Else a responder that is down would keep the gateway down.
TEST_F(Credentials, TakeAnOcspResponseThatHasExpiredAndShowItToNobody)
{
    Identity ca = make_identity("EC", "ca", nullptr, true);
    Identity one = make_identity("EC", "one", &ca), other = make_identity("EC", "other", &ca);
    Pair pair = write("one", one), without = write("other", other);
    pair.ocsp = directory.write("one.ocsp", make_ocsp_response(ca, one.certificate, Ocsp::Expired));
    ASSERT_TRUE(load({pair, without})) << reason;
    size_t len = 0;
    EXPECT_EQ(
        sl_credentials_ocsp(loaded, sl_credentials_certificate(loaded, 0), time(nullptr), &len),
        nullptr);
    sl_certificate_info info;
    sl_credentials_describe(loaded, 0, &info);
    EXPECT_STREQ(info.ocsp_file, pair.ocsp.c_str());
    EXPECT_NEAR((double)(info.ocsp_begins_s - time(nullptr)), -86400, 5);
    EXPECT_NEAR((double)(info.ocsp_ends_s - time(nullptr)), -3600, 5);
    sl_credentials_describe(loaded, 1, &info);
    EXPECT_EQ(info.ocsp_file, nullptr);
}

TEST_F(Credentials, RefuseAnOcspResponseThatDoesNotHelp)
{
    Identity ca = make_identity("EC", "ca", nullptr, true);
    Identity one = make_identity("EC", "one", &ca), other = make_identity("EC", "other", &ca);
    Identity namesake_ca = make_identity("EC", "another ca", nullptr, true);
    const struct {
        std::string content, text;
    } cases[] = {
        {"nothing", "holds no OCSP response in DER form"},
        {make_ocsp_response(ca, one.certificate, Ocsp::Good) + "x",
         "holds no OCSP response in DER form"},
        {make_ocsp_response(ca, other.certificate, Ocsp::Good), "is not about the certificate"},
        {make_ocsp_response(namesake_ca, one.certificate, Ocsp::Good),
         "is not about the certificate"},
        {make_ocsp_response(ca, one.certificate, Ocsp::Revoked),
         "says that the certificate is revoked"},
        {make_ocsp_response(ca, one.certificate, Ocsp::Unknown),
         "says that the certificate is unknown"},
        {make_ocsp_response(ca, one.certificate, Ocsp::NotYet), "is not valid yet"},
        {make_ocsp_response(ca, one.certificate, Ocsp::Failed), "that the responder failed"},
    };
    Pair pair{directory.write("one.crt", to_pem(one.certificate) + to_pem(ca.certificate)),
              directory.write("one.key", to_pem(one.key))};
    for (const auto &wrong : cases) {
        pair.ocsp = directory.write("wrong.ocsp", wrong.content);
        EXPECT_FALSE(load({pair}));
        EXPECT_EQ(fault.part, SL_CERTIFICATE_OCSP);
        EXPECT_NE(std::string(reason).find(wrong.text), std::string::npos) << reason;
    }
    pair.ocsp = directory.path("missing");
    EXPECT_FALSE(load({pair}));
    EXPECT_NE(std::string(reason).find("cannot be opened"), std::string::npos) << reason;
}

TEST_F(Credentials, AreDescribedForPeople)
{
    Identity ca = make_identity("EC", "ca", nullptr, true);
    Identity middle = make_identity("EC", "middle", &ca, true, 3600);
    Identity leaf =
        make_identity("P-384", "leaf", &middle, false, 86400,
                      "DNS:a.test,IP:198.18.0.1,email:x@y.test,DNS:*.b.test,IP:2001:db8::1");
    Pair chained{directory.write("c", to_pem(leaf.certificate) + to_pem(middle.certificate)),
                 directory.write("k", to_pem(leaf.key))};
    ASSERT_TRUE(load({chained, write("rsa", make_identity("RSA", "a\x1b[31m")),
                      write("ed", make_identity("ED25519", "e"))}))
        << reason;
    sl_certificate_info info;
    sl_credentials_describe(loaded, 0, &info);
    EXPECT_EQ(info.file, chained.certificate);
    EXPECT_STREQ(info.subject, "CN=leaf");
    EXPECT_STREQ(info.names, "a.test,198.18.0.1,*.b.test,2001:db8::1");
    EXPECT_STREQ(info.key, "ECDSA P-384");
    EXPECT_NEAR((double)(info.ends_s - time(nullptr)), 3600, 60) << "the chain's first end";
    sl_credentials_describe(loaded, 1, &info);
    EXPECT_STREQ(info.subject, "CN=a\\1B[31m");
    EXPECT_STREQ(info.names, "");
    EXPECT_STREQ(info.key, "RSA 2048");
    EXPECT_NEAR((double)(info.ends_s - time(nullptr)), 86400.0 * 365, 60);
    sl_credentials_describe(loaded, 2, &info);
    EXPECT_STREQ(info.key, "Ed25519");
}
