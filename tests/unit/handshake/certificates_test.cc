#include <gtest/gtest.h>
#include <openssl/ocsp.h>

#include "handshake_lab.h"
#include "hello_editor.h"

using namespace sl_test;

namespace
{

LabOptions mutual()
{
    LabOptions options;
    options.asks_clients = true;
    return options;
}

} // namespace

TEST(ServerCertificate, IsChosenByWhatTheClientCanVerify)
{
    LabOptions options;
    options.server_kinds = {"RSA", "EC", "ED25519"};
    HandshakeLab lab(options);
    const struct {
        const char *suites, *sigalgs;
        int expected;
    } cases[] = {
        {"ECDHE-RSA-AES128-GCM-SHA256", "RSA-PSS+SHA256", EVP_PKEY_RSA},
        {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDSA+SHA256", EVP_PKEY_EC},
        {"ECDHE-ECDSA-AES128-GCM-SHA256", "ed25519", EVP_PKEY_ED25519},
    };
    unsigned id = 1;
    for (const auto &one : cases) {
        ClientOptions client;
        client.suites = one.suites;
        client.sigalgs = one.sigalgs;
        ASSERT_TRUE(lab.connect(id, client)) << lab.client(id).error();
        X509 *certificate = SSL_get0_peer_certificate(lab.client(id).ssl());
        EXPECT_EQ(EVP_PKEY_get_base_id(X509_get0_pubkey(certificate)), one.expected);
        id++;
    }
}

TEST(ServerCertificate, OfAnEcKeyIsOneWhoseCurveTheClientKnows)
{
    LabOptions options;
    options.server_kinds = {"EC", "P-384", "P-521"};
    HandshakeLab lab(options);
    unsigned id = 1;
    for (const auto &[groups, bits] : std::initializer_list<std::pair<const char *, int>>{
             {"X25519:P-256:P-384:P-521", 256}, {"X25519:P-384", 384}, {"P-521", 521}}) {
        ClientOptions client;
        client.groups = groups;
        ASSERT_TRUE(lab.connect(id, client)) << groups << lab.client(id).error();
        X509 *certificate = SSL_get0_peer_certificate(lab.client(id).ssl());
        EXPECT_EQ(EVP_PKEY_get_bits(X509_get0_pubkey(certificate)), bits);
        id++;
    }
}

TEST(ServerCertificate, IsChosenByTheNameThatTheClientAsksFor)
{
    LabOptions options;
    options.server_certificates = {{"EC", "first", "DNS:a.test"},
                                   {"RSA", "second", "DNS:b.test,DNS:a.test"},
                                   {"EC", "third", "DNS:b.test"},
                                   {"P-384", "fourth", "DNS:a.test,DNS:*.c.test"}};
    HandshakeLab lab(options);
    const std::string ecdsa = "ECDHE-ECDSA-AES128-GCM-SHA256", rsa = "ECDHE-RSA-AES128-GCM-SHA256";
    const struct {
        std::string name, suites, shown; /* shown: by its common name; "": none fits */
    } cases[] = {
        {"", ecdsa, "first"},          {"", rsa, "second"},        {"a.test", ecdsa, "first"},
        {"a.test", rsa, "second"},     {"b.test", ecdsa, "third"}, {"b.test", rsa, "second"},
        {"x.c.test", ecdsa, "fourth"}, {"x.c.test", rsa, ""},      {"other.test", ecdsa, "first"},
        {"other.test", rsa, "second"},
    };
    unsigned id = 1;
    for (const auto &one : cases) {
        ClientOptions client;
        client.server_name = one.name;
        client.suites = one.suites;
        ASSERT_EQ(lab.connect(id, client), !one.shown.empty()) << one.name << " " << one.suites;
        if (!one.shown.empty()) {
            char shown[64] = "";
            X509 *certificate = SSL_get0_peer_certificate(lab.client(id).ssl());
            X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, shown,
                                      sizeof shown);
            EXPECT_EQ(shown, one.shown) << one.name << " " << one.suites;
        }
        id++;
    }
    EXPECT_TRUE(lab.counters_add_up());
}

TEST(ServerCertificate, ComesWithoutAWordAboutTheNameWhichSomeClientsCannotRead)
{
    HandshakeLab lab;
    unsigned hellos = 0;
    lab.alter = [&](bool to_server, unsigned, Bytes &datagram) {
        auto hello = Hello::read(datagram);
        if (to_server || !hello)
            return;
        hellos++;
        EXPECT_EQ(hello->extension(TLSEXT_TYPE_server_name), nullptr);
    };
    ClientOptions client;
    client.server_name = "server.test";
    ASSERT_TRUE(lab.connect(1, client));
    EXPECT_EQ(hellos, 1u);
}

TEST(ServerCertificate, ComesWithItsStatusForThoseWhoAskForIt)
{
    auto good = [](const Identity &issuer, const Certificate &subject) {
        return make_ocsp_response(issuer, subject, Ocsp::Good);
    };
    LabOptions options;
    options.server_certificates = {{"EC", "with", "DNS:a.test", good},
                                   {"EC", "without", "DNS:b.test"}};
    HandshakeLab lab(options);
    const struct {
        bool asks;
        std::string name;
        bool gets;
    } cases[] = {{true, "a.test", true}, {false, "a.test", false}, {true, "b.test", false}};
    unsigned id = 1;
    for (const auto &one : cases) {
        ClientOptions client;
        client.server_name = one.name;
        client.asks_status = one.asks;
        ASSERT_TRUE(lab.connect(id, client)) << lab.client(id).error();
        const unsigned char *response = nullptr;
        long len = SSL_get_tlsext_status_ocsp_resp(lab.client(id).ssl(), &response);
        EXPECT_EQ(len > 0, one.gets);
        if (one.gets) {
            OCSP_RESPONSE *parsed = d2i_OCSP_RESPONSE(nullptr, &response, len);
            EXPECT_EQ(OCSP_response_status(parsed), OCSP_RESPONSE_STATUS_SUCCESSFUL);
            OCSP_RESPONSE_free(parsed);
        }
        id++;
    }
}

TEST(ClientCertificate, IsNotAskedForWithoutACa)
{
    HandshakeLab lab;
    ClientOptions client;
    client.identity = make_identity("EC", "client", &lab.authority);
    ASSERT_TRUE(lab.connect(1, client));
    EXPECT_EQ(lab.peer(1).identity.method, SL_IDENTITY_NONE);
}

TEST(ClientCertificate, IsVerifiedAndReported)
{
    HandshakeLab lab(mutual());
    unsigned id = 1;
    for (const char *kind : {"EC", "RSA", "ED25519", "P-384", "P-521"}) {
        for (bool with_cid : {false, true}) {
            ClientOptions client;
            client.identity = make_identity(kind, std::string("client ") + kind, &lab.authority);
            if (with_cid)
                client.cid = Bytes{1, 2, 3};
            ASSERT_TRUE(lab.connect(id, client)) << kind << lab.client(id).error();
            sl_identity expected = {};
            ASSERT_EQ(sl_identity_from_certificate(&expected, client.identity->certificate.get(),
                                                   nullptr),
                      0);
            const sl_identity &identity = lab.peer(id).identity;
            EXPECT_EQ(identity.method, SL_IDENTITY_CERTIFICATE);
            EXPECT_STREQ(identity.subject, (std::string("CN=client ") + kind).c_str());
            EXPECT_EQ(memcmp(identity.certificate_sha256, expected.certificate_sha256, 32), 0);
            EXPECT_EQ(memcmp(identity.public_key_sha256, expected.public_key_sha256, 32), 0);
            id++;
        }
    }
    EXPECT_TRUE(lab.counters_add_up());
}

TEST(ClientCertificate, EndsTheSessionWhenTheFirstOfItsChainDoes)
{
    const uint64_t hour_ns = 3600 * 1000 * ns_per_ms;
    HandshakeLab lab(mutual());
    Identity middle = make_identity("EC", "middle", &lab.authority, true, 2 * 3600);
    ClientOptions client;
    client.chain = {middle.certificate};
    client.identity = make_identity("EC", "client", &middle);
    ASSERT_TRUE(lab.connect(1, client)) << lab.client(1).error();
    EXPECT_GT(lab.peer(1).expires_ns, now_ns() + hour_ns);
    EXPECT_LE(lab.peer(1).expires_ns, now_ns() + 2 * hour_ns);
    HandshakeLab open;
    ASSERT_TRUE(open.connect(1));
    EXPECT_EQ(open.peer(1).expires_ns, 0u) << "who has none is not asked for one again";
}

TEST(ClientCertificate, OfAnotherAuthorityIsRefusedWithAnAlert)
{
    HandshakeLab lab(mutual());
    Identity other = make_identity("EC", "somebody else", nullptr, true);
    ClientOptions client;
    client.identity = make_identity("EC", "client", &other);
    EXPECT_FALSE(lab.connect(1, client));
    EXPECT_TRUE(lab.peer(1).is_aborted);
    EXPECT_FALSE(lab.peer(1).is_established);
    EXPECT_NE(lab.client(1).error().find("alert unknown ca"), std::string::npos)
        << lab.client(1).error();
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_REFUSED_PEER), 1u);
    EXPECT_TRUE(lab.counters_add_up());
}

TEST(ClientCertificate, SignedByItselfIsRefusedEvenUnderTheAuthoritysName)
{
    HandshakeLab lab(mutual());
    ClientOptions client;
    client.identity = make_identity("EC", "client authority", nullptr, true);
    EXPECT_FALSE(lab.connect(1, client));
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_REFUSED_PEER), 1u);
}

TEST(ClientCertificate, MustBeThere)
{
    HandshakeLab lab(mutual());
    EXPECT_FALSE(lab.connect(1));
    EXPECT_TRUE(lab.peer(1).is_aborted);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_REFUSED_PEER), 1u);
    EXPECT_FALSE(lab.client(1).error().empty());
}

TEST(ClientCertificate, MayComeWithAChainInManyFragments)
{
    HandshakeLab lab(mutual());
    ClientOptions client;
    Identity issuer = lab.authority;
    for (int i = 0; i < 4; i++) {
        issuer = make_identity("RSA", "middle " + std::to_string(i), &issuer, true);
        client.chain.insert(client.chain.begin(), issuer.certificate);
    }
    client.identity = make_identity("RSA", "client", &issuer);
    client.mtu = 300;
    ASSERT_TRUE(lab.connect(1, client)) << lab.client(1).error();
    EXPECT_STREQ(lab.peer(1).identity.subject, "CN=client");
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_BAD_RECORD), 0u);
}
