/* Trust in authorities: their files, and whom they vouch for or have revoked. */
#include "trust_lab.h"

using namespace sl_test;

TEST(Trust, TakesWhomAnAuthorityVouchesFor)
{
    Identity root = make_identity("EC", "root", nullptr, true);
    Identity middle = make_identity("RSA", "middle", &root, true);
    Identity peer = make_identity("EC", "peer", &middle);
    TrustRules rules;
    rules.authorities = to_pem(root.certificate);
    Trust trust = must_load(rules);
    Verdict verdict = ask(trust, peer.certificate, {middle.certificate});
    EXPECT_TRUE(verdict.is_trusted);
    EXPECT_EQ(verdict.method, SL_IDENTITY_CERTIFICATE);
    EXPECT_EQ(verdict.chain_len, 3);
    EXPECT_FALSE(ask(trust, peer.certificate).is_trusted) << "a link is missing";
    EXPECT_EQ(ask(trust, make_identity("EC", "peer").certificate).error,
              X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
    Identity impostor = make_identity("EC", "root", nullptr, true); /* a name proves nothing */
    EXPECT_FALSE(ask(trust, make_identity("EC", "peer", &impostor).certificate).is_trusted);
    Identity leaf_as_authority = make_identity("EC", "leaf", &root);
    EXPECT_FALSE(ask(trust, make_identity("EC", "peer", &leaf_as_authority).certificate,
                     {leaf_as_authority.certificate})
                     .is_trusted);
}

TEST(Trust, WantsTheRootOfItsAuthorities)
{
    Identity root = make_identity("EC", "root", nullptr, true);
    Identity middle = make_identity("EC", "middle", &root, true);
    TrustRules rules;
    rules.authorities = to_pem(middle.certificate);
    expect_refused(rules, SL_TRUST_CA_FILE, 0, "no authority that has signed itself");
}

TEST(Trust, SaysWhatIsWrongWithItsFiles)
{
    Identity root = make_identity("EC", "root", nullptr, true);
    TrustRules rules;
    rules.authorities = "nothing";
    expect_refused(rules, SL_TRUST_CA_FILE, 0, "holds no certificate in PEM form");
    rules.authorities = to_pem(make_key("EC"));
    expect_refused(rules, SL_TRUST_CA_FILE, 0, "holds no certificate in PEM form");
    rules.authorities = to_pem(root.certificate).replace(40, 8, "AAAAAAAA");
    expect_refused(rules, SL_TRUST_CA_FILE, 0, "holds a malformed certificate");
    rules.authorities = to_pem(root.certificate);
    rules.lists = "nothing";
    expect_refused(rules, SL_TRUST_CRL_FILE, 0, "holds no revocation list in PEM form");
    rules.lists = to_pem(root.certificate);
    expect_refused(rules, SL_TRUST_CRL_FILE, 0, "holds no revocation list in PEM form");
    rules.lists = make_crl_pem(root, nullptr).replace(40, 8, "AAAAAAAA");
    expect_refused(rules, SL_TRUST_CRL_FILE, 0, "malformed certificate or revocation list");
    sl_trust_rules missing = {};
    missing.ca_file = "/missing";
    sl_trust_fault fault;
    char reason[SL_CREDENTIALS_REASON_LEN];
    EXPECT_EQ(sl_trust_load(&missing, &fault, reason), nullptr);
    EXPECT_STREQ(reason, "CA file /missing cannot be opened: No such file or directory");
}

TEST(Trust, ObeysRevocationListsOfEitherFileAlongTheWholeChain)
{
    Identity root = make_identity("EC", "root", nullptr, true);
    Identity middle = make_identity("EC", "middle", &root, true);
    Identity welcome = make_identity("EC", "welcome", &middle);
    Identity revoked = make_identity("EC", "revoked", &middle);
    Identity direct = make_identity("EC", "direct", &root);
    const std::string both =
        make_crl_pem(root, nullptr) + make_crl_pem(middle, revoked.certificate);
    for (bool in_one_file : {false, true}) {
        TrustRules rules;
        rules.authorities = to_pem(root.certificate) + (in_one_file ? both : "");
        rules.lists = in_one_file ? "" : both;
        Trust trust = must_load(rules);
        EXPECT_TRUE(ask(trust, welcome.certificate, {middle.certificate}).is_trusted);
        EXPECT_EQ(ask(trust, revoked.certificate, {middle.certificate}).error,
                  X509_V_ERR_CERT_REVOKED);
        EXPECT_TRUE(ask(trust, direct.certificate).is_trusted);
    }
    TrustRules rules;
    rules.authorities = to_pem(root.certificate);
    rules.lists = make_crl_pem(root, middle.certificate) + make_crl_pem(middle, nullptr);
    EXPECT_EQ(ask(must_load(rules), welcome.certificate, {middle.certificate}).error,
              X509_V_ERR_CERT_REVOKED)
        << "what lies between counts, too";
    rules.lists = make_crl_pem(root, nullptr);
    EXPECT_EQ(ask(must_load(rules), welcome.certificate, {middle.certificate}).error,
              X509_V_ERR_UNABLE_TO_GET_CRL)
        << "an authority without a list";
}

TEST(Trust, WantsAListOfEachAuthoritysOwnThatHasNotEnded)
{
    Identity root = make_identity("EC", "root", nullptr, true);
    Identity other = make_identity("RSA", "other", nullptr, true);
    Identity impostor = make_identity("EC", "root", nullptr, true);
    TrustRules rules;
    rules.authorities = to_pem(root.certificate) + to_pem(other.certificate);
    rules.lists = make_crl_pem(root, nullptr);
    expect_refused(rules, SL_TRUST_CRL_FILE, 0, "authority /CN=other");
    expect_refused(rules, SL_TRUST_CRL_FILE, 0, "has no revocation list");
    rules.authorities = to_pem(root.certificate);
    rules.lists = make_crl_pem(impostor, nullptr);
    expect_refused(rules, SL_TRUST_CRL_FILE, 0, "is not signed by it");
    rules.lists = make_crl_pem(root, nullptr, -60);
    expect_refused(rules, SL_TRUST_CRL_FILE, 0, "has expired");
    rules.lists = make_crl_pem(root, nullptr, -60) + make_crl_pem(root, nullptr);
    EXPECT_NE(rules.load(), nullptr);
    rules.lists = "";
    rules.authorities += make_crl_pem(root, nullptr, -60);
    expect_refused(rules, SL_TRUST_CA_FILE, 0, "has expired");
}

// libcrypto would refuse every peer of that authority, and only then.
TEST(Trust, WantsNoListOfTheFuture)
{
    Identity root = make_identity("EC", "root", nullptr, true);
    Identity middle = make_identity("EC", "middle", &root, true);
    const std::string early = make_crl_pem(root, nullptr, 7200, 3600);
    TrustRules rules;
    rules.authorities = to_pem(root.certificate);
    rules.lists = early;
    expect_refused(rules, SL_TRUST_CRL_FILE, 0,
                   "the revocation list of authority /CN=root is not valid yet: is this machine's "
                   "clock right?");
    rules.lists = early + make_crl_pem(root, nullptr);
    EXPECT_NE(rules.load(), nullptr) << "another one is good";
    rules.lists += make_crl_pem(middle, nullptr, 7200, 3600);
    expect_refused(rules, SL_TRUST_CRL_FILE, 0, "of authority /CN=middle is not valid yet");
    rules.lists = "";
    rules.authorities += early;
    expect_refused(rules, SL_TRUST_CA_FILE, 0, "is not valid yet");
}

TEST(Trust, TellsUntilWhenItsListsAreGood)
{
    Identity root = make_identity("EC", "root", nullptr, true);
    Identity middle = make_identity("EC", "middle", &root, true);
    Identity impostor = make_identity("EC", "root", nullptr, true);
    const int64_t now_s = time(nullptr);
    TrustRules rules;
    EXPECT_EQ(sl_trust_crl_count(nullptr), 0u);
    rules.authorities = to_pem(root.certificate);
    EXPECT_EQ(sl_trust_crl_count(must_load(rules).get()), 0u);
    rules.authorities += make_crl_pem(root, nullptr, 1000, -500);
    rules.lists = make_crl_pem(root, nullptr, 500, -100) + make_crl_pem(impostor, nullptr, 9000) +
                  make_crl_pem(middle, nullptr, 100) + make_crl_pem(middle, nullptr, 3000, -300);
    Trust trust = must_load(rules);
    ASSERT_EQ(sl_trust_crl_count(trust.get()), 2u);
    sl_crl_info info;
    sl_trust_describe_crl(trust.get(), 0, &info);
    EXPECT_STREQ(info.issuer, "CN=root");
    EXPECT_EQ(std::string(info.file).substr(std::string(info.file).rfind('/')), "/ca");
    EXPECT_NEAR((double)(info.begins_s - now_s), -500, 5);
    EXPECT_NEAR((double)(info.ends_s - now_s), 1000, 5);
    sl_trust_describe_crl(trust.get(), 1, &info);
    EXPECT_STREQ(info.issuer, "CN=middle");
    EXPECT_EQ(std::string(info.file).substr(std::string(info.file).rfind('/')), "/crl");
    EXPECT_NEAR((double)(info.begins_s - now_s), -300, 5);
    EXPECT_NEAR((double)(info.ends_s - now_s), 3000, 5);
    rules.lists += make_crl_pem(root, nullptr, kNever);
    sl_trust_describe_crl((trust = must_load(rules)).get(), 0, &info);
    EXPECT_EQ(info.ends_s, 0) << "never";
}
