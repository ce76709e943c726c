/* Whom a trust takes: rules that make no sense, files, and certificates put before it. */
#include <algorithm>
#include <functional>
#include <set>

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/x509_vfy.h>

#include "test_trust.h"

using namespace sl_test;

namespace
{

struct Verdict {
    bool is_trusted, is_unexpected;
    int method, error;
    int chain_len;
};

/** Puts a certificate, and those that its holder sends with it, before the trust. */
Verdict ask(const Trust &trust, const Certificate &certificate,
            const std::vector<Certificate> &chain = {})
{
    STACK_OF(X509) *sent = sk_X509_new_null();
    for (const Certificate &one : chain)
        sk_X509_push(sent, one.get());
    X509_STORE *nothing = X509_STORE_new();
    X509_STORE *store = (X509_STORE *)sl_trust_store(trust.get());
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    EXPECT_EQ(
        X509_STORE_CTX_init(context, store != nullptr ? store : nothing, certificate.get(), sent),
        1);
    X509_STORE_CTX_set_default(context, "ssl_client"); /* as libssl does */
    sl_trust_verdict given = sl_trust_check(trust.get(), context);
    Verdict verdict = {given.is_trusted, given.is_unexpected, given.method,
                       X509_STORE_CTX_get_error(context),
                       sk_X509_num(X509_STORE_CTX_get0_chain(context))};
    X509_STORE_CTX_free(context);
    X509_STORE_free(nothing);
    sk_X509_free(sent);
    return verdict;
}

Trust must_load(const TrustRules &rules)
{
    std::string reason;
    Trust trust = rules.load(&reason);
    EXPECT_NE(trust, nullptr) << reason;
    return trust;
}

void expect_refused(const TrustRules &rules, sl_trust_rule rule, unsigned index,
                    const std::string &text)
{
    std::string reason;
    sl_trust_fault fault;
    EXPECT_EQ(rules.load(&reason, &fault), nullptr);
    EXPECT_EQ(fault.rule, rule) << reason;
    EXPECT_EQ(fault.index, index) << reason;
    EXPECT_NE(reason.find(text), std::string::npos) << reason;
}

Certificate resign(const Identity &identity, const std::function<void(X509 *)> &change)
{
    Certificate changed(X509_dup(identity.certificate.get()), X509_free);
    change(changed.get());
    EXPECT_GT(X509_sign(changed.get(), identity.key.get(), EVP_sha256()), 0);
    return changed;
}

Certificate reparse(const Certificate &certificate)
{
    unsigned char *der = nullptr;
    int len = i2d_X509(certificate.get(), &der);
    const unsigned char *at = der;
    Certificate parsed(d2i_X509(nullptr, &at, len), X509_free);
    OPENSSL_free(der);
    return parsed;
}

std::string without_colons(std::string text)
{
    text.erase(std::remove(text.begin(), text.end(), ':'), text.end());
    std::transform(text.begin(), text.end(), text.begin(), ::tolower);
    return text;
}

} // namespace

TEST(TrustRules, HaveToNameSomebody)
{
    expect_refused({}, SL_TRUST_RULES, 0, "nobody is trusted");
    TrustRules rules;
    rules.lists = "x";
    expect_refused(rules, SL_TRUST_CRL_FILE, 0, "without the CA file");
}

TEST(TrustRules, SayWhichOfThemIsWrong)
{
    const std::string print = fingerprint_of(make_identity("EC", "x").certificate);
    const std::string id = "node-" + std::string(64, 'a');
    TrustRules rules;
    rules.fingerprints = {print, print + "00"};
    expect_refused(rules, SL_TRUST_FINGERPRINT, 1, "is no fingerprint");
    rules.fingerprints = {print};
    rules.node_ids = {id, id, "a" + id};
    expect_refused(rules, SL_TRUST_NODE_ID, 2, "is no node id: 'node-' and 64 hex digits");
    rules.node_ids = {id};
    rules.expected_fingerprints = {""};
    expect_refused(rules, SL_TRUST_EXPECTED_FINGERPRINT, 0, "is no fingerprint");
    rules.expected_fingerprints = {};
    rules.expected_node_ids = {"node-"};
    expect_refused(rules, SL_TRUST_EXPECTED_NODE_ID, 0, "is no node id");
    rules.expected_node_ids = {};
    for (const char *prefix : {"0123456789abcdef", "a b", "a\n", "a/"}) {
        rules.prefix = prefix;
        expect_refused(rules, SL_TRUST_NODE_ID_PREFIX, 0, "is no prefix of node ids");
    }
}

TEST(TrustRules, RefuseWhatIsNoFingerprint)
{
    std::string right = fingerprint_of(make_identity("EC", "server").certificate);
    const std::string wrong[] = {"",
                                 "0",
                                 right + ":",
                                 right + "0",
                                 "x" + right,
                                 right + ":00",
                                 right.substr(3),
                                 std::string(130, 'a'),
                                 "::",
                                 "sha-256 ",
                                 "sha-384 " + right,
                                 "sha-1 " + right,
                                 "sha-256" + right,
                                 right + right + right};
    for (const std::string &text : wrong) {
        TrustRules rules;
        rules.fingerprints = {text};
        expect_refused(rules, SL_TRUST_FINGERPRINT, 0, "is no fingerprint");
    }
}

TEST(TrustRules, RefuseWhatIsNoNodeId)
{
    const std::string half(32, '7'), whole(64, '7');
    for (const std::string &text :
         {std::string(), whole, "node-" + whole + "7", "node-" + half, "dpc-node-" + whole,
          "dpc-node-" + half.substr(1), "NODE-" + whole, "node-" + whole.substr(1) + "g"}) {
        TrustRules rules;
        rules.node_ids = {text};
        expect_refused(rules, SL_TRUST_NODE_ID, 0, "is no node id");
    }
}

TEST(Trust, TakesFingerprintsOfAnyHashInAnyUsualForm)
{
    Identity server = make_identity("EC", "server"), other = make_identity("EC", "other");
    const struct {
        const char *digest, *name;
    } hashes[] = {{"SHA256", "sha-256 "}, {"SHA384", "SHA-384 "}, {"SHA512", "sha-512 "}};
    for (const auto &hash : hashes) {
        std::string colons = fingerprint_of(server.certificate, hash.digest);
        for (const std::string &text : {colons, without_colons(colons), hash.name + colons}) {
            TrustRules rules;
            rules.fingerprints = {text};
            Trust trust = must_load(rules);
            Verdict verdict = ask(trust, server.certificate);
            EXPECT_TRUE(verdict.is_trusted) << text;
            EXPECT_EQ(verdict.method, SL_IDENTITY_FINGERPRINT);
            EXPECT_EQ(verdict.chain_len, 1);
            EXPECT_EQ(ask(trust, other.certificate).error, X509_V_ERR_CERT_REJECTED);
        }
    }
}

TEST(Trust, TakesNodeIdsInBothForms)
{
    for (const char *kind : {"EC", "P-384", "RSA", "ED25519"}) {
        Identity peer = make_identity(kind, "peer"),
                 other = make_identity(kind == std::string("RSA") ? "EC" : kind, "other");
        for (bool is_compatible : {false, true}) {
            TrustRules rules;
            rules.prefix = "n.";
            rules.node_ids = {is_compatible ? compatible_node_id_of(peer.key)
                                            : node_id_of(peer.key, "n.")};
            Trust trust = must_load(rules);
            Verdict verdict = ask(trust, peer.certificate);
            EXPECT_TRUE(verdict.is_trusted) << kind;
            EXPECT_EQ(verdict.method, SL_IDENTITY_NODE_ID);
            EXPECT_EQ(ask(trust, other.certificate).error, X509_V_ERR_CERT_REJECTED);
            sl_identity identity = {};
            ASSERT_EQ(sl_identity_from_certificate(&identity, peer.certificate.get(), trust.get()),
                      0);
            EXPECT_EQ(identity.node_id, rules.node_ids[0]) << "in the form that the rules have";
            ASSERT_EQ(sl_identity_from_certificate(&identity, other.certificate.get(), trust.get()),
                      0);
            EXPECT_EQ(identity.node_id, node_id_of(other.key, "n."));
        }
    }
}

TEST(Trust, KnowsAKeyHoweverItIsEncodedAndWhateverItsCertificateSays)
{
    Identity peer = make_identity("EC", "peer");
    TrustRules rules;
    rules.node_ids = {node_id_of(peer.key), compatible_node_id_of(peer.key)};
    for (const std::string &id : rules.node_ids) {
        TrustRules one;
        one.node_ids = {id};
        Trust trust = must_load(one);
        Key compressed(EVP_PKEY_dup(peer.key.get()), EVP_PKEY_free);
        ASSERT_EQ(EVP_PKEY_set_utf8_string_param(compressed.get(),
                                                 OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                                 OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_COMPRESSED),
                  1);
        Certificate other = reparse(resign(
            peer, [&](X509 *certificate) { X509_set_pubkey(certificate, compressed.get()); }));
        ASSERT_LT(i2d_X509_PUBKEY(X509_get_X509_PUBKEY(other.get()), nullptr), 91);
        EXPECT_TRUE(ask(trust, other).is_trusted);
    }
}

TEST(Trust, RefusesExplicitCurveParametersEvenToANodeIdThatIsTrusted)
{
    Identity peer = make_identity("EC", "peer");
    TrustRules rules;
    rules.node_ids = {node_id_of(peer.key)};
    Key spelled(EVP_PKEY_dup(peer.key.get()), EVP_PKEY_free);
    ASSERT_EQ(EVP_PKEY_set_utf8_string_param(spelled.get(), OSSL_PKEY_PARAM_EC_ENCODING,
                                             OSSL_PKEY_EC_ENCODING_EXPLICIT),
              1);
    Certificate other = reparse(
        resign(peer, [&](X509 *certificate) { X509_set_pubkey(certificate, spelled.get()); }));
    rules.fingerprints = {fingerprint_of(other)};
    Verdict verdict = ask(must_load(rules), other);
    EXPECT_FALSE(verdict.is_trusted);
    EXPECT_EQ(verdict.error, X509_V_ERR_EC_KEY_EXPLICIT_PARAMS);
}

TEST(Trust, LooksAtTheTimesOfACertificateThatNobodyHasSigned)
{
    Identity peer = make_identity("EC", "peer");
    Identity expired = make_identity("EC", "expired", nullptr, false, -60);
    Certificate early = resign(
        peer, [](X509 *certificate) { X509_gmtime_adj(X509_getm_notBefore(certificate), 3600); });
    TrustRules by_key, by_print;
    by_key.node_ids = {node_id_of(peer.key), node_id_of(expired.key)};
    by_print.fingerprints = {fingerprint_of(early), fingerprint_of(expired.certificate)};
    for (const TrustRules &rules : {by_key, by_print}) {
        Trust trust = must_load(rules);
        EXPECT_EQ(ask(trust, early).error, X509_V_ERR_CERT_NOT_YET_VALID);
        EXPECT_FALSE(ask(trust, early).is_trusted);
        EXPECT_EQ(ask(trust, expired.certificate).error, X509_V_ERR_CERT_HAS_EXPIRED);
    }
}

TEST(Trust, RefusesAKeyThatCanBeBrokenWhoeverHoldsIt)
{
    Identity weak = make_identity("RSA-1024", "weak");
    TrustRules rules;
    rules.fingerprints = {fingerprint_of(weak.certificate)};
    EXPECT_EQ(ask(must_load(rules), weak.certificate).error, X509_V_ERR_EE_KEY_TOO_SMALL);
}

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

TEST(Trust, TakesWhomAnyOfItsWaysTakes)
{
    Identity root = make_identity("EC", "root", nullptr, true);
    Identity vouched = make_identity("EC", "vouched", &root);
    Identity by_print = make_identity("EC", "by print"), by_key = make_identity("EC", "by key");
    TrustRules rules;
    rules.authorities = to_pem(root.certificate);
    rules.fingerprints = {fingerprint_of(by_print.certificate)};
    rules.node_ids = {node_id_of(by_key.key)};
    rules.anonymous = true;
    Trust trust = must_load(rules);
    EXPECT_EQ(ask(trust, vouched.certificate).method, SL_IDENTITY_CERTIFICATE);
    EXPECT_EQ(ask(trust, by_print.certificate).method, SL_IDENTITY_FINGERPRINT);
    EXPECT_EQ(ask(trust, by_key.certificate).method, SL_IDENTITY_NODE_ID);
    EXPECT_FALSE(ask(trust, make_identity("EC", "stranger").certificate).is_trusted)
        << "what is shown has to be trusted, though nothing need be shown";
    EXPECT_TRUE(sl_trust_asks(trust.get()));
    EXPECT_FALSE(sl_trust_insists(trust.get()));
}

TEST(Trust, WantsWhomItExpectsAmongThoseThatItTakes)
{
    Identity root = make_identity("EC", "root", nullptr, true);
    Identity wanted = make_identity("EC", "wanted", &root), other = make_identity("EC", "o", &root);
    Identity stranger = make_identity("EC", "stranger");
    TrustRules by_print, by_key;
    by_print.authorities = by_key.authorities = to_pem(root.certificate);
    by_print.expected_fingerprints = {fingerprint_of(stranger.certificate),
                                      fingerprint_of(wanted.certificate, "SHA512")};
    by_key.expected_node_ids = {compatible_node_id_of(wanted.key), node_id_of(stranger.key)};
    for (const TrustRules &rules : {by_print, by_key}) {
        Trust trust = must_load(rules);
        Verdict verdict = ask(trust, wanted.certificate);
        EXPECT_TRUE(verdict.is_trusted);
        EXPECT_EQ(verdict.method, SL_IDENTITY_CERTIFICATE);
        verdict = ask(trust, other.certificate);
        EXPECT_FALSE(verdict.is_trusted);
        EXPECT_TRUE(verdict.is_unexpected);
        verdict = ask(trust, stranger.certificate);
        EXPECT_FALSE(verdict.is_trusted) << "to be expected is not to be trusted";
        EXPECT_FALSE(verdict.is_unexpected);
    }
}

TEST(Trust, ThatOnlyExpectsTakesNobodyElse)
{
    Identity wanted = make_identity("EC", "wanted");
    Identity expired = make_identity("EC", "expired", nullptr, false, -60);
    for (bool is_anonymous : {false, true}) {
        TrustRules rules;
        rules.anonymous = is_anonymous;
        rules.expected_node_ids = {node_id_of(wanted.key), node_id_of(expired.key)};
        Trust trust = must_load(rules);
        EXPECT_TRUE(sl_trust_asks(trust.get()));
        EXPECT_TRUE(sl_trust_insists(trust.get()));
        EXPECT_EQ(ask(trust, wanted.certificate).method, SL_IDENTITY_NODE_ID);
        EXPECT_TRUE(ask(trust, wanted.certificate).is_trusted);
        EXPECT_EQ(ask(trust, expired.certificate).error, X509_V_ERR_CERT_HAS_EXPIRED);
        Verdict verdict = ask(trust, make_identity("EC", "wanted").certificate);
        EXPECT_FALSE(verdict.is_trusted);
        EXPECT_TRUE(verdict.is_unexpected);
    }
}

TEST(Trust, OfAnybodyAsksForNothing)
{
    TrustRules rules;
    rules.anonymous = true;
    Trust trust = must_load(rules);
    EXPECT_FALSE(sl_trust_asks(trust.get()));
    EXPECT_FALSE(sl_trust_insists(trust.get()));
    Verdict verdict = ask(trust, make_identity("EC", "anybody").certificate);
    EXPECT_TRUE(verdict.is_trusted);
    EXPECT_EQ(verdict.method, SL_IDENTITY_NONE);
}

TEST(Trust, HasADomainThatChangesWithWhomItTakesButNotWithItsLists)
{
    Identity root = make_identity("EC", "root", nullptr, true), peer = make_identity("EC", "peer");
    std::vector<TrustRules> different(8);
    different[0].anonymous = true;
    different[1].authorities = to_pem(root.certificate);
    different[2].authorities = to_pem(root.certificate);
    different[2].anonymous = true;
    different[3].fingerprints = {fingerprint_of(peer.certificate)};
    different[4].expected_fingerprints = different[3].fingerprints;
    different[5].node_ids = {node_id_of(peer.key)};
    different[6].node_ids = {compatible_node_id_of(peer.key)};
    different[7].anonymous = true;
    different[7].prefix = "other-"; /* consumers were told ids that begin with the last */
    std::set<std::string> domains;
    auto domain_of = [](const TrustRules &rules) {
        Trust trust = must_load(rules);
        return std::string((const char *)sl_trust_domain(trust.get()), 32);
    };
    for (const TrustRules &rules : different) {
        EXPECT_EQ(domain_of(rules), domain_of(rules));
        domains.insert(domain_of(rules));
    }
    EXPECT_EQ(domains.size(), different.size());
    TrustRules with_list = different[1];
    with_list.lists = make_crl_pem(root, nullptr);
    EXPECT_EQ(domain_of(with_list), domain_of(different[1]));
}

TEST(Trust, LivesAsLongAsSomebodyHasAShare)
{
    TrustRules rules;
    rules.anonymous = true;
    Trust trust = must_load(rules);
    sl_trust *share = sl_trust_share(trust.get());
    trust.reset();
    EXPECT_FALSE(sl_trust_asks(share));
    sl_trust_destroy(share);
    sl_trust_destroy(nullptr);
}
