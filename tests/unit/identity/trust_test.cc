/* Whom a trust takes: certificates put before it. */
#include <algorithm>
#include <functional>
#include <set>

#include <openssl/core_names.h>
#include <openssl/ec.h>

#include "trust_lab.h"

using namespace sl_test;

namespace
{

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
