/* Whom a server takes, service by service, and what those hear whom it does not take. */
#include <gtest/gtest.h>

#include "handshake_lab.h"

using namespace sl_test;

namespace
{

LabOptions with(const TrustRules &rules)
{
    LabOptions options;
    options.services = {rules};
    return options;
}

ClientOptions as(const Identity &identity)
{
    ClientOptions options;
    options.identity = identity;
    return options;
}

/** The client is refused before a byte of application data, and hears this alert. */
void expect_refused(HandshakeLab &lab, unsigned id, const ClientOptions &options,
                    const std::string &alert)
{
    uint64_t before = lab.counter(SL_HANDSHAKE_REFUSED_PEER);
    EXPECT_FALSE(lab.connect(id, options));
    EXPECT_FALSE(lab.peer(id).is_established);
    EXPECT_TRUE(lab.peer(id).is_aborted);
    EXPECT_EQ(lab.peer(id).abort.cause, SL_ABORT_REFUSED_PEER);
    EXPECT_NE(lab.client(id).error().find(alert), std::string::npos) << lab.client(id).error();
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_REFUSED_PEER), before + 1);
    EXPECT_TRUE(lab.counters_add_up());
}

} // namespace

TEST(ServerTrust, TakesASelfSignedCertificateByItsFingerprintOrNodeId)
{
    unsigned id = 1;
    for (const char *kind : {"EC", "RSA", "ED25519"}) {
        Identity peer = make_identity(kind, "peer");
        TrustRules by_print, by_key, by_compatible;
        by_print.fingerprints = {"sha-256 " + fingerprint_of(peer.certificate)};
        by_key.node_ids = {node_id_of(peer.key)};
        by_compatible.node_ids = {compatible_node_id_of(peer.key)};
        const struct {
            TrustRules rules;
            sl_identity_method method;
            std::string node_id;
        } cases[] = {
            {by_print, SL_IDENTITY_FINGERPRINT, node_id_of(peer.key)},
            {by_key, SL_IDENTITY_NODE_ID, node_id_of(peer.key)},
            {by_compatible, SL_IDENTITY_NODE_ID, compatible_node_id_of(peer.key)},
        };
        for (const auto &one : cases) {
            HandshakeLab lab(with(one.rules));
            ASSERT_TRUE(lab.connect(id, as(peer))) << lab.client(id).error();
            EXPECT_EQ(lab.peer(id).identity.method, one.method);
            EXPECT_EQ(lab.peer(id).identity.node_id, one.node_id);
            EXPECT_STREQ(lab.peer(id).identity.subject, "CN=peer");
            EXPECT_GT(lab.peer(id).expires_ns, now_ns()) << "the session ends with the certificate";
            id++;
        }
    }
}

TEST(ServerTrust, SaysByItsAlertWhyItTakesSomebodyNot)
{
    Identity root = make_identity("EC", "root", nullptr, true);
    Identity other_root = make_identity("EC", "other root", nullptr, true);
    Identity revoked = make_identity("EC", "revoked", &root);
    Identity expired = make_identity("EC", "expired", &root, false, -60);
    Identity bare_expired = make_identity("EC", "bare", nullptr, false, -60);
    Identity stranger = make_identity("EC", "stranger");
    TrustRules authority, bare;
    authority.authorities = to_pem(root.certificate);
    authority.lists = make_crl_pem(root, revoked.certificate);
    bare.node_ids = {node_id_of(bare_expired.key)};
    bare.fingerprints = {fingerprint_of(make_identity("EC", "x").certificate)};
    {
        HandshakeLab lab(with(authority));
        expect_refused(lab, 1, as(make_identity("EC", "x", &other_root)), "alert unknown ca");
        expect_refused(lab, 2, as(stranger), "alert unknown ca");
        expect_refused(lab, 3, as(revoked), "alert certificate revoked");
        expect_refused(lab, 4, as(expired), "alert certificate expired");
        expect_refused(lab, 5, {}, "alert handshake failure");
        EXPECT_TRUE(lab.connect(6, as(make_identity("EC", "welcome", &root))));
    }
    HandshakeLab lab(with(bare));
    expect_refused(lab, 1, as(stranger), "alert bad certificate");
    expect_refused(lab, 2, as(bare_expired), "alert certificate expired");
    expect_refused(lab, 3, {}, "alert handshake failure");
}

TEST(ServerTrust, EndsTheHandshakeOfATrustedPeerThatIsNotTheOneExpected)
{
    Identity root = make_identity("EC", "root", nullptr, true);
    Identity wanted = make_identity("EC", "wanted", &root), other = make_identity("EC", "o", &root);
    TrustRules by_key, by_print;
    by_key.authorities = by_print.authorities = to_pem(root.certificate);
    by_key.expected_node_ids = {node_id_of(wanted.key)};
    by_print.expected_fingerprints = {fingerprint_of(wanted.certificate, "SHA384")};
    for (const TrustRules &rules : {by_key, by_print}) {
        HandshakeLab lab(with(rules));
        expect_refused(lab, 1, as(other), "alert access denied");
        EXPECT_TRUE(lab.connect(2, as(wanted))) << lab.client(2).error();
        EXPECT_EQ(lab.peer(2).identity.method, SL_IDENTITY_CERTIFICATE);
        expect_refused(lab, 3, {}, "alert handshake failure");
    }
}

TEST(ServerTrust, ThatTakesAnybodyTooLetsThoseInWhoHaveNothing)
{
    Identity root = make_identity("EC", "root", nullptr, true);
    TrustRules rules;
    rules.anonymous = true;
    rules.authorities = to_pem(root.certificate);
    HandshakeLab lab(with(rules));
    for (unsigned id : {1u, 2u}) {
        ClientOptions nobody;
        if (id == 2)
            nobody.cid = Bytes{1, 2};
        ASSERT_TRUE(lab.connect(id, nobody)) << lab.client(id).error();
        EXPECT_EQ(lab.peer(id).identity.method, SL_IDENTITY_NONE);
        EXPECT_STREQ(lab.peer(id).identity.node_id, "");
        EXPECT_EQ(lab.peer(id).expires_ns, 0u);
        lab.client(id).send({'h', 'i'});
        lab.run_for(50);
        ASSERT_EQ(lab.peer(id).data.size(), 1u);
    }
    ASSERT_TRUE(lab.connect(3, as(make_identity("EC", "known", &root))));
    EXPECT_EQ(lab.peer(3).identity.method, SL_IDENTITY_CERTIFICATE);
    expect_refused(lab, 4, as(make_identity("EC", "stranger")), "alert unknown ca");
}

TEST(ServerTrust, OfAnybodyComesToItsEndOnABadNetwork)
{
    Identity peer = make_identity("EC", "peer");
    for (uint64_t seed = 1; seed <= 20; seed++) {
        LabOptions options;
        TrustRules rules;
        rules.anonymous = true;
        rules.fingerprints = {fingerprint_of(peer.certificate)};
        options.services = {rules};
        options.loss = 0.2;
        options.duplication = options.reordering = 0.3;
        options.seed = seed;
        HandshakeLab lab(options);
        EXPECT_TRUE(lab.connect(1)) << "seed " << seed << ": " << lab.client(1).error();
        EXPECT_TRUE(lab.connect(2, as(peer))) << "seed " << seed << ": " << lab.client(2).error();
    }
}

TEST(ServerTrust, DoesNotLetAClientWithACertificateLeaveItsProofOut)
{
    /* An empty list ends the need for a CertificateVerify; a list with something in it does not. */
    Identity peer = make_identity("EC", "peer");
    TrustRules rules;
    rules.anonymous = true;
    rules.fingerprints = {fingerprint_of(peer.certificate)};
    HandshakeLab lab(with(rules));
    unsigned lost = 0;
    lab.judge = [&](bool to_server, unsigned id, const Bytes &datagram) {
        /* All but the CertificateVerify arrives, record by record. */
        for (size_t at = 0; to_server && at + 13 < datagram.size();) {
            size_t len = 13 + ((size_t)datagram[at + 11] << 8 | datagram[at + 12]);
            bool is_verify = datagram[at] == SL_CONTENT_HANDSHAKE && datagram[at + 4] == 0 &&
                             datagram[at + 13] == SL_HANDSHAKE_CERTIFICATE_VERIFY;
            lost += is_verify;
            if (!is_verify)
                lab.worker_of(id).receive(id, Bytes(&datagram[at], &datagram[at] + len));
            at += len;
        }
        return to_server ? Fate::Lose : Fate::Deliver;
    };
    lab.add_client(1, as(peer));
    lab.start(1);
    (void)lab.run_until([&] { return lab.peer(1).is_established || lab.peer(1).is_aborted; });
    EXPECT_NE(lab.peer(1).epoch, nullptr) << "the keys are there";
    EXPECT_FALSE(lab.peer(1).is_established);
    EXPECT_GT(lost, 0u);
}

TEST(ServerTrust, IsEachServicesOwn)
{
    Identity root = make_identity("EC", "root", nullptr, true);
    Identity vouched = make_identity("EC", "vouched", &root);
    Identity listed = make_identity("EC", "listed");
    LabOptions options;
    options.services.resize(3);
    options.services[0].anonymous = true;
    options.services[1].authorities = to_pem(root.certificate);
    options.services[2].node_ids = {node_id_of(listed.key)};
    HandshakeLab lab(options);
    unsigned id = 1;
    const struct {
        uint16_t service;
        ClientOptions client;
        int method; /* -1: refused */
    } cases[] = {
        {0, {}, SL_IDENTITY_NONE},
        {0, as(listed), SL_IDENTITY_NONE},
        {1, as(vouched), SL_IDENTITY_CERTIFICATE},
        {1, as(listed), -1},
        {1, {}, -1},
        {2, as(listed), SL_IDENTITY_NODE_ID},
        {2, as(vouched), -1},
        {2, {}, -1},
    };
    for (const auto &one : cases) {
        lab.worker_of(id).service = one.service;
        EXPECT_EQ(lab.connect(id, one.client), one.method >= 0) << id;
        if (one.method >= 0) {
            EXPECT_EQ(lab.peer(id).identity.method, one.method) << id;
        }
        id++;
    }
    EXPECT_TRUE(lab.counters_add_up());
}

TEST(ServerTrust, BeginsNothingForAServiceThatThereIsNot)
{
    HandshakeLab lab;
    lab.worker_of(1).service = 1;
    lab.add_client(1);
    lab.start(1);
    lab.run_for(100);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_STARTED), 0u);
    EXPECT_GT(lab.counter(SL_HANDSHAKE_STALE), 0u);
}

TEST(ServerTrust, NamesItsAuthoritiesWhereOnlyTheyAreAsked)
{
    Identity root = make_identity("EC", "root", nullptr, true);
    TrustRules authority;
    authority.authorities = to_pem(root.certificate);
    TrustRules mixed = authority;
    mixed.fingerprints = {fingerprint_of(root.certificate)};
    for (bool is_mixed : {false, true}) {
        HandshakeLab lab(with(is_mixed ? mixed : authority));
        (void)lab.connect(1, as(make_identity("EC", "client", &root)));
        const STACK_OF(X509_NAME) *names = SSL_get0_peer_CA_list(lab.client(1).ssl());
        EXPECT_EQ(sk_X509_NAME_num(names), is_mixed ? 0 : 1);
    }
}

namespace
{

/** The DER of certificates, as a worker gets them. */
Bytes as_list(const std::vector<Certificate> &certificates)
{
    Bytes out;
    for (const Certificate &certificate : certificates) {
        unsigned char *der = nullptr;
        int len = i2d_X509(certificate.get(), &der);
        out.insert(out.end(), {(uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len});
        out.insert(out.end(), der, der + len);
        OPENSSL_free(der);
    }
    return out;
}

Bytes chain_of(const Peer &peer)
{
    return peer.chain != nullptr ? Bytes(peer.chain->bytes, peer.chain->bytes + peer.chain->len)
                                 : Bytes();
}

} // namespace

TEST(VerifiedChain, GoesToTheWorkerUpToTheAuthority)
{
    Identity root = make_identity("EC", "root", nullptr, true);
    Identity middle = make_identity("EC", "middle", &root, true);
    Identity peer = make_identity("EC", "peer", &middle), bare = make_identity("EC", "bare");
    TrustRules rules;
    rules.authorities = to_pem(root.certificate);
    rules.fingerprints = {fingerprint_of(bare.certificate)};
    rules.anonymous = true;
    HandshakeLab lab(with(rules));
    ClientOptions client = as(peer);
    client.chain = {middle.certificate};
    ASSERT_TRUE(lab.connect(1, client)) << lab.client(1).error();
    EXPECT_EQ(chain_of(lab.peer(1)),
              as_list({peer.certificate, middle.certificate, root.certificate}));
    ASSERT_TRUE(lab.connect(2, as(bare)));
    EXPECT_EQ(chain_of(lab.peer(2)), as_list({bare.certificate}));
    ASSERT_TRUE(lab.connect(3, {}));
    EXPECT_EQ(lab.peer(3).chain, nullptr);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_CHAIN_LEFT_OUT), 0u);
}

TEST(VerifiedChain, IsLeftOutWhenItIsTooLong)
{
    Identity peer = make_identity("EC", "peer");
    TrustRules rules;
    rules.fingerprints = {fingerprint_of(peer.certificate)};
    const unsigned len = (unsigned)as_list({peer.certificate}).size();
    for (unsigned len_max : {len, len - 1}) {
        LabOptions options = with(rules);
        options.chain_len_max = len_max;
        HandshakeLab lab(options);
        ASSERT_TRUE(lab.connect(1, as(peer)));
        EXPECT_EQ(lab.peer(1).chain != nullptr, len_max == len);
        EXPECT_EQ(lab.counter(SL_HANDSHAKE_CHAIN_LEFT_OUT), len_max == len ? 0u : 1u);
    }
}

TEST(VerifiedChain, GivesItsPlaceBackWhenItsHandleIsClosed)
{
    Identity peer = make_identity("EC", "peer");
    TrustRules rules;
    rules.fingerprints = {fingerprint_of(peer.certificate)};
    LabOptions options = with(rules);
    options.chains_max = 2;
    HandshakeLab lab(options);
    for (unsigned id : {1u, 2u, 3u}) {
        ASSERT_TRUE(lab.connect(id, as(peer)));
        EXPECT_EQ(lab.peer(id).chain != nullptr, id < 3) << "two have a place";
    }
    lab.worker_of(1).close(1);
    lab.worker_of(3).close(3);
    ASSERT_TRUE(lab.connect(4, as(peer)));
    EXPECT_NE(lab.peer(4).chain, nullptr);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_CHAIN_LEFT_OUT), 1u);
}
