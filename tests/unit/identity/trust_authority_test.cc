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

TEST(Trust, WantsAListOfEachAuthoritysOwn)
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
}

/** Asks with the trusts that are in force. */
bool is_current(const Trust &trust, const std::vector<const sl_trust *> &known, std::string *reason,
                sl_trust_rule *rule, int64_t now_s = time(nullptr))
{
    char text[SL_CREDENTIALS_REASON_LEN] = "";
    sl_trust_fault fault = {};
    bool is_current =
        sl_trust_is_current(trust.get(), known.data(), (unsigned)known.size(), now_s, &fault, text);
    *reason = text;
    *rule = fault.rule;
    return is_current;
}

TEST(Trust, SaysWhichListOfAnAuthoritysHasEndedUnlessItIsInForce)
{
    Identity root = make_identity("EC", "root", nullptr, true);
    Identity middle = make_identity("EC", "middle", &root, true);
    const std::string ended = make_crl_pem(root, nullptr, -60);
    std::string reason;
    sl_trust_rule rule;
    TrustRules rules;
    rules.authorities = to_pem(root.certificate);
    rules.lists = ended;
    Trust trust = must_load(rules);
    EXPECT_FALSE(is_current(trust, {}, &reason, &rule));
    EXPECT_EQ(rule, SL_TRUST_CRL_FILE);
    EXPECT_NE(reason.find("the revocation list of authority CN=root in file "), std::string::npos);
    EXPECT_NE(reason.find("has expired: get a new one from the authority"), std::string::npos);
    Trust again = must_load(rules);
    EXPECT_TRUE(is_current(again, {nullptr, trust.get()}, &reason, &rule)) << "in force already";
    rules.lists = make_crl_pem(root, nullptr, -30);
    EXPECT_FALSE(is_current(must_load(rules), {trust.get()}, &reason, &rule)) << "another one";
    rules.lists = ended + make_crl_pem(root, nullptr) + make_crl_pem(middle, nullptr, -60);
    trust = must_load(rules);
    EXPECT_TRUE(is_current(trust, {}, &reason, &rule)) << "the middle's may be of nobody's";
    EXPECT_FALSE(is_current(trust, {}, &reason, &rule, time(nullptr) + 86500)) << "a day later";
    rules.lists = make_crl_pem(root, nullptr, kNever);
    EXPECT_TRUE(is_current(must_load(rules), {}, &reason, &rule, INT64_MAX));
    rules.lists = "";
    rules.authorities += ended;
    EXPECT_FALSE(is_current(must_load(rules), {}, &reason, &rule));
    EXPECT_EQ(rule, SL_TRUST_CA_FILE);
    EXPECT_TRUE(is_current(nullptr, {}, &reason, &rule)) << "no certificate is taken";
}

// Who has been revoked since, nobody knows: the door stays shut for all of its authority's.
TEST(Trust, TakesNobodyUnderAListThatHasEndedButWhoIsTakenForHisKey)
{
    Identity root = make_identity("EC", "root", nullptr, true);
    Identity other = make_identity("EC", "other", nullptr, true);
    Identity peer = make_identity("EC", "peer", &root), pinned = make_identity("EC", "p", &root);
    TrustRules rules;
    rules.authorities = to_pem(root.certificate) + to_pem(other.certificate);
    rules.lists = make_crl_pem(root, nullptr, -60) + make_crl_pem(other, nullptr);
    rules.fingerprints = {fingerprint_of(pinned.certificate)};
    Trust trust = must_load(rules);
    EXPECT_EQ(ask(trust, peer.certificate).error, X509_V_ERR_CRL_HAS_EXPIRED);
    EXPECT_TRUE(ask(trust, make_identity("EC", "peer", &other).certificate).is_trusted);
    EXPECT_EQ(ask(trust, pinned.certificate).method, SL_IDENTITY_FINGERPRINT);
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

// libcrypto refuses all peers then, and whether such a list has ended nobody could say.
TEST(Trust, WantsNoListWithAMalformedTime)
{
    Identity root = make_identity("EC", "root", nullptr, true);
    Identity middle = make_identity("EC", "middle", &root, true);
    const std::string malformed = make_crl_pem(root, nullptr, 60, -60, "whenever");
    TrustRules rules;
    rules.authorities = to_pem(root.certificate);
    rules.lists = malformed;
    expect_refused(rules, SL_TRUST_CRL_FILE, 0,
                   "the revocation list of authority /CN=root has a malformed time: get another "
                   "one from the authority");
    rules.lists = malformed + make_crl_pem(root, nullptr);
    EXPECT_NE(rules.load(), nullptr) << "another one is good";
    rules.lists += make_crl_pem(middle, nullptr, 60, -60, "20");
    expect_refused(rules, SL_TRUST_CRL_FILE, 0, "of authority /CN=middle has a malformed time");
}

/** Of this kind, the i-th. */
sl_trust_part part_of(const Trust &trust, sl_trust_part_kind kind, unsigned i)
{
    sl_trust_part part = {};
    for (unsigned k = 0; k < sl_trust_part_count(trust.get()); k++) {
        sl_trust_describe_part(trust.get(), k, &part);
        if (part.kind == kind && i-- == 0)
            return part;
    }
    ADD_FAILURE() << "there are fewer";
    return {};
}

std::string name_of(const std::string &path)
{
    return path.substr(path.rfind('/'));
}

TEST(Trust, TellsUntilWhenItsListsAreGood)
{
    Identity root = make_identity("EC", "root", nullptr, true);
    Identity middle = make_identity("EC", "middle", &root, true);
    Identity impostor = make_identity("EC", "root", nullptr, true);
    const int64_t now_s = time(nullptr);
    TrustRules rules;
    rules.authorities = to_pem(root.certificate) + make_crl_pem(root, nullptr, 1000, -500);
    rules.lists = make_crl_pem(root, nullptr, 500, -100) + make_crl_pem(impostor, nullptr, 9000) +
                  make_crl_pem(middle, nullptr, 100) + make_crl_pem(middle, nullptr, 3000, -300);
    Trust trust = must_load(rules);
    ASSERT_EQ(sl_trust_part_count(trust.get()), 3u);
    sl_trust_part list = part_of(trust, SL_TRUST_LIST, 0);
    EXPECT_STREQ(list.name, "CN=root");
    EXPECT_EQ(name_of(list.file), "/ca");
    EXPECT_NEAR((double)(list.begins_s - now_s), -500, 5);
    EXPECT_NEAR((double)(list.ends_s - now_s), 1000, 5);
    list = part_of(trust, SL_TRUST_LIST, 1);
    EXPECT_STREQ(list.name, "CN=middle");
    EXPECT_EQ(name_of(list.file), "/crl");
    EXPECT_NEAR((double)(list.begins_s - now_s), -300, 5);
    EXPECT_NEAR((double)(list.ends_s - now_s), 3000, 5);
    rules.lists += make_crl_pem(root, nullptr, kNever);
    EXPECT_EQ(part_of(trust = must_load(rules), SL_TRUST_LIST, 0).ends_s, 0) << "never";
}

TEST(Trust, TellsUntilWhenItsAuthoritiesAreGood)
{
    Identity root = make_identity("EC", "root", nullptr, true, 1000);
    Identity old = make_identity("RSA", "old", nullptr, true, -100);
    const int64_t now_s = time(nullptr);
    TrustRules rules;
    EXPECT_EQ(sl_trust_part_count(nullptr), 0u);
    rules.anonymous = true;
    EXPECT_EQ(sl_trust_part_count(must_load(rules).get()), 0u);
    rules.authorities =
        to_pem(root.certificate) + to_pem(old.certificate) + to_pem(root.certificate);
    Trust trust = must_load(rules);
    ASSERT_EQ(sl_trust_part_count(trust.get()), 2u) << "one is there twice";
    sl_trust_part authority = part_of(trust, SL_TRUST_AUTHORITY, 0);
    EXPECT_STREQ(authority.name, "CN=root");
    EXPECT_EQ(name_of(authority.file), "/ca");
    EXPECT_NEAR((double)(authority.ends_s - now_s), 1000, 5);
    EXPECT_LT(authority.begins_s, now_s);
    authority = part_of(trust, SL_TRUST_AUTHORITY, 1);
    EXPECT_STREQ(authority.name, "CN=old");
    EXPECT_NEAR((double)(authority.ends_s - now_s), -100, 5);
}
