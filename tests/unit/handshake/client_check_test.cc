/* How a client makes sure whom it speaks to, and what it says when it is not sure. */
#include <gtest/gtest.h>

#include "handshake_client_lab.h"

using namespace sl_test;

namespace
{

void expect_refusal(ClientLab &lab, const std::string &reason, const std::string &alert = "")
{
    EXPECT_FALSE(lab.connect(1));
    EXPECT_TRUE(lab.client(1).is_aborted);
    EXPECT_EQ(lab.client(1).abort.cause, SL_ABORT_REFUSED_PEER);
    EXPECT_EQ(lab.reason(1), reason);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_REFUSED_PEER), 1u);
    EXPECT_TRUE(lab.counters_add_up());
    EXPECT_TRUE(lab.server(1).has_failed()); /* it was sent an alert */
    EXPECT_FALSE(lab.server(1).is_connected());
    EXPECT_NE(lab.server(1).error().find(alert), std::string::npos) << lab.server(1).error();
}

void expect_refusal(const ClientLabOptions &options, const std::string &reason,
                    const std::string &alert = "")
{
    ClientLab lab(options);
    expect_refusal(lab, reason, alert);
}

const char kAnotherName[] = "the server's certificate is not trusted: hostname mismatch: the name "
                            "that was asked for is not in its subjectAltName";

} // namespace

TEST(ClientCheck, AcceptsANameOrAnAddressThatTheAuthorityHasCertified)
{
    for (const char *name : {"server.test", "SERVER.test", "198.18.0.2"}) {
        ClientLabOptions options;
        options.server_name = name;
        ClientLab lab(options);
        EXPECT_TRUE(lab.connect(1)) << name << ": " << lab.reason(1);
        EXPECT_EQ(lab.client(1).identity.method, SL_IDENTITY_CERTIFICATE);
    }
}

TEST(ClientCheck, TellsTheServerItsNameButNotItsAddress)
{
    for (const char *name : {"server.test", "198.18.0.2"}) {
        ClientLabOptions options;
        options.server_name = name;
        ClientLab lab(options);
        ASSERT_TRUE(lab.connect(1));
        const char *told = SSL_get_servername(lab.server(1).ssl(), TLSEXT_NAMETYPE_host_name);
        if (std::string(name) == "server.test")
            EXPECT_STREQ(told, name);
        else
            EXPECT_EQ(told, nullptr);
    }
}

TEST(ClientCheck, RefusesAnotherName)
{
    ClientLabOptions options;
    options.server_name = "other.test";
    expect_refusal(options, kAnotherName);
    options.server_name = "198.18.0.3";
    expect_refusal(options, "the server's certificate is not trusted: IP address mismatch: the "
                            "address that was asked for is not in its subjectAltName");
    options.server_name = "server EC"; /* the subject's common name proves nothing */
    expect_refusal(options, kAnotherName);
    options.server_names = "DNS:se*.test"; /* a star stands for a whole label */
    options.server_name = "server.test";
    expect_refusal(options, kAnotherName);
    options.server_name = "server EC";
    options.server_names = ""; /* even where there is no subjectAltName, RFC 9525 2 */
    expect_refusal(options, kAnotherName);
}

TEST(ClientCheck, RefusesAnotherAuthority)
{
    ClientLabOptions options;
    options.has_wrong_ca = true;
    expect_refusal(options, "the server's certificate is not trusted: unable to get local issuer "
                            "certificate");
}

TEST(ClientCheck, RefusesASelfSignedCertificate)
{
    ClientLabOptions options;
    options.has_self_signed = true;
    expect_refusal(options, "the server's certificate is not trusted: self-signed certificate");
}

TEST(ClientCheck, AcceptsAFingerprintOfAnyHashAndNoAuthority)
{
    for (const char *digest : {"SHA256", "SHA384", "SHA512"}) {
        ClientLabOptions options;
        options.check = Check::Fingerprint;
        options.digest = digest;
        options.has_self_signed = true;
        options.server_name = "";
        ClientLab lab(options);
        EXPECT_TRUE(lab.connect(1)) << lab.reason(1);
        EXPECT_EQ(lab.client(1).identity.method, SL_IDENTITY_FINGERPRINT);
        EXPECT_GT(lab.client(1).expires_ns, now_ns()) << "its times count all the same";
        EXPECT_STREQ(lab.client(1).identity.subject, "CN=server EC");
    }
}

TEST(ClientCheck, RefusesAnotherFingerprint)
{
    Identity other = make_identity("EC", "other");
    ClientLabOptions options;
    options.check = Check::Fingerprint;
    options.fingerprints = {fingerprint_of(other.certificate),
                            fingerprint_of(other.certificate, "SHA512")};
    expect_refusal(options, "the server's certificate is not trusted: neither its "
                            "fingerprint nor its node id is one that is trusted");
}

TEST(ClientCheck, AcceptsANodeIdAndNoAuthority)
{
    for (const char *kind : {"EC", "RSA"}) {
        ClientLabOptions options;
        options.check = Check::Node_id;
        options.server_kinds = {kind};
        options.has_self_signed = true;
        options.server_name = "";
        ClientLab lab(options);
        EXPECT_TRUE(lab.connect(1)) << lab.reason(1);
        EXPECT_EQ(lab.client(1).identity.method, SL_IDENTITY_NODE_ID);
        EXPECT_EQ(lab.client(1).identity.node_id, node_id_of(lab.server_identities[0].key));
    }
}

TEST(ClientCheck, RefusesAnotherNodeId)
{
    ClientLabOptions options;
    options.check = Check::Rules;
    options.trust.node_ids = {node_id_of(make_key("EC")), compatible_node_id_of(make_key("EC"))};
    expect_refusal(options,
                   "the server's certificate is not trusted: neither its fingerprint nor its node "
                   "id is one that is trusted",
                   "alert bad certificate");
}

TEST(ClientCheck, RefusesAServerThatIsTrustedButNotTheOneExpected)
{
    ClientLabOptions options;
    options.trust.expected_node_ids = {node_id_of(make_key("EC"))};
    expect_refusal(options, "the server's certificate is not the one that is expected",
                   "alert access denied");
}

TEST(ClientCheck, ChecksNothingWhenToldSo)
{
    ClientLabOptions options;
    options.check = Check::Nothing;
    options.has_self_signed = true;
    ClientLab lab(options);
    EXPECT_TRUE(lab.connect(1)) << lab.reason(1);
    EXPECT_EQ(lab.client(1).identity.method, SL_IDENTITY_NONE);
    EXPECT_STREQ(lab.client(1).identity.subject, "CN=server EC");
    EXPECT_TRUE(lab.echoes(1));
}

TEST(ClientCheck, DoesNotSendItsFinishedToAServerThatItRefuses)
{
    ClientLabOptions options;
    options.has_wrong_ca = true;
    ClientLab lab(options);
    EXPECT_FALSE(lab.connect(1));
    for (const auto &datagram : lab.client(1).sends)
        for (const Part &part : datagram)
            EXPECT_EQ(part.epoch, 0);
    EXPECT_EQ(lab.client(1).epoch, nullptr);
}

TEST(ClientCheck, EachClientOfAHandshakerHasItsOwn)
{
    ClientLabOptions options;
    options.has_wary_client = true;
    ClientLab lab(options);
    ConnectOptions wary;
    wary.client = 1;
    EXPECT_FALSE(lab.connect(1, wary));
    EXPECT_EQ(lab.client(1).abort.cause, SL_ABORT_REFUSED_PEER);
    EXPECT_TRUE(lab.connect(2)) << lab.reason(2);
    EXPECT_TRUE(lab.echoes(2));
}
