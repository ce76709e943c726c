/* Certificates and trust that are replaced while the handshaker runs. */
#include <gtest/gtest.h>

#include "handshake_lab.h"

using namespace sl_test;

namespace
{

const std::vector<ServerCertificate> first_certificate = {{"EC", "first", ""}};
const std::vector<ServerCertificate> second_certificate = {{"EC", "second", ""}};

LabOptions taking(const TrustRules &rules)
{
    LabOptions options;
    options.services = {rules};
    options.server_certificates = first_certificate;
    return options;
}

TrustRules only(const Identity &peer)
{
    TrustRules rules;
    rules.fingerprints = {fingerprint_of(peer.certificate)};
    return rules;
}

ClientOptions as(const Identity &identity)
{
    ClientOptions options;
    options.identity = identity;
    return options;
}

/** Of a client with a pre-shared key. */
ClientOptions with_key(const std::string &identity, const Bytes &key)
{
    ClientOptions options;
    options.suites = "ECDHE-PSK-CHACHA20-POLY1305";
    options.psk_identity = identity;
    options.psk = key;
    return options;
}

LabOptions taking_keys(const std::string &lines)
{
    LabOptions options;
    options.psk_lines = lines;
    options.takes_only_psk = true;
    return options;
}

std::string shown_to(DtlsClient &client)
{
    char name[64] = "";
    X509 *certificate = SSL_get0_peer_certificate(client.ssl());
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                              sizeof name);
    return name;
}

} // namespace

TEST(Services, AreReplacedForHandshakesThatBeginThen)
{
    Identity anna = make_identity("EC", "anna"), bert = make_identity("EC", "bert");
    HandshakeLab lab(taking(only(anna)));
    ASSERT_TRUE(lab.connect(1, as(anna)));
    EXPECT_EQ(shown_to(lab.client(1)), "first");
    ASSERT_TRUE(lab.replace_services({only(bert)}, second_certificate));
    EXPECT_FALSE(sl_handshaker_has_replaced_roles(lab.handshaker));
    ASSERT_TRUE(lab.connect(2, as(bert))) << lab.client(2).error();
    EXPECT_TRUE(sl_handshaker_has_replaced_roles(lab.handshaker));
    EXPECT_EQ(shown_to(lab.client(2)), "second");
    EXPECT_FALSE(lab.connect(3, as(anna)));
    lab.client(1).send({'h', 'i'});
    lab.run_for(50);
    EXPECT_EQ(lab.peer(1).data.size(), 1u) << "who is in stays in";
}

TEST(Services, StayAsTheyWereForAHandshakeThatHasBegun)
{
    Identity anna = make_identity("EC", "anna"), bert = make_identity("EC", "bert");
    HandshakeLab lab(taking(only(anna)));
    unsigned to_client = 0;
    lab.judge = [&](bool to_server, unsigned, const Bytes &) {
        to_client += !to_server;
        return Fate::Deliver;
    };
    lab.add_client(1, as(anna));
    lab.start(1);
    ASSERT_TRUE(lab.run_until([&] { return to_client >= 2; })) << "the server's flight is out";
    for (unsigned i = 0; i < 3; i++) { /* also when its services have been replaced twice */
        ASSERT_TRUE(lab.replace_services({only(bert)}, second_certificate));
        lab.run_for(1);
    }
    EXPECT_TRUE(lab.run_until([&] { return lab.is_connected(1); })) << lab.client(1).error();
    EXPECT_EQ(shown_to(lab.client(1)), "first");
    EXPECT_EQ(lab.peer(1).identity.method, SL_IDENTITY_FINGERPRINT);
    ASSERT_TRUE(lab.connect(2, as(bert)));
    EXPECT_EQ(shown_to(lab.client(2)), "second");
}

TEST(Services, ArePutOffWhileTheLastOnesAreNotTaken)
{
    Identity anna = make_identity("EC", "anna"), bert = make_identity("EC", "bert");
    HandshakeLab lab(taking(only(anna)));
    ASSERT_TRUE(lab.replace_services({only(bert)}, second_certificate));
    EXPECT_FALSE(lab.replace_services({only(anna)}, first_certificate));
    ASSERT_TRUE(lab.connect(1, as(bert)));
    EXPECT_TRUE(lab.replace_services({only(anna)}, first_certificate));
    ASSERT_TRUE(lab.connect(2, as(anna)));
}

TEST(Services, ThatWereGivenAndNeverTakenAreFreed)
{
    Identity anna = make_identity("EC", "anna");
    HandshakeLab lab(taking(only(anna)));
    lab.add_client(1, as(anna));
    lab.start(1); /* a handshake is under way, too */
    EXPECT_TRUE(lab.replace_services({only(anna)}, second_certificate));
}

TEST(Services, TakeThePreSharedKeysOfTheNewFileAndNoOthers)
{
    HandshakeLab lab(taking_keys("anna:0011\nbert:2233\n"));
    ASSERT_TRUE(lab.connect(1, with_key("anna", {0x00, 0x11})));
    ASSERT_TRUE(lab.connect(2, with_key("bert", {0x22, 0x33})));
    ASSERT_TRUE(lab.replace_psks("bert:4455\ncarl:6677\n"));
    ASSERT_TRUE(lab.connect(3, with_key("carl", {0x66, 0x77}))) << lab.client(3).error();
    ASSERT_TRUE(lab.connect(4, with_key("bert", {0x44, 0x55}))) << lab.client(4).error();
    EXPECT_FALSE(lab.connect(5, with_key("bert", {0x22, 0x33}))) << "the key before";
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_PSK_UNKNOWN), 0u);
    EXPECT_FALSE(lab.connect(6, with_key("anna", {0x00, 0x11})));
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_PSK_UNKNOWN), 1u);
    EXPECT_FALSE(lab.connect(7)) << "certificates are taken as little as before";
    lab.client(1).send({'h', 'i'});
    lab.run_for(50);
    EXPECT_EQ(lab.peer(1).data.size(), 1u) << "who is in stays in";
}

TEST(Services, KeepThePreSharedKeysOfAHandshakeThatHasBegun)
{
    HandshakeLab lab(taking_keys("anna:0011\n"));
    unsigned to_client = 0;
    lab.judge = [&](bool to_server, unsigned, const Bytes &) {
        to_client += !to_server;
        return Fate::Deliver;
    };
    lab.add_client(1, with_key("anna", {0x00, 0x11}));
    lab.start(1);
    ASSERT_TRUE(lab.run_until([&] { return to_client >= 2; })) << "the server's flight is out";
    ASSERT_TRUE(lab.replace_psks("bert:2233\n"));
    EXPECT_TRUE(lab.run_until([&] { return lab.is_connected(1); })) << lab.client(1).error();
    EXPECT_TRUE(sl_handshaker_has_replaced_roles(lab.handshaker));
    EXPECT_FALSE(lab.connect(2, with_key("anna", {0x00, 0x11})));
}
