/* Pre-shared keys instead of certificates, RFC 4279, RFC 5487, RFC 7905. */
#include <gtest/gtest.h>

#include "handshake_client_lab.h"

using namespace sl_test;

namespace
{

const Bytes key_of_anna = {0x00, 0x11, 0x22, 0x33}, key_of_bert(32, 0xab);

ClientLabOptions with_keys()
{
    ClientLabOptions options;
    options.check = Check::Psk;
    options.psk_lines = "# two of them\nanna:00112233\n\nbert:b:" + std::string(64, 'x') + "\n";
    for (size_t at; (at = options.psk_lines.find("xx")) != std::string::npos;)
        options.psk_lines.replace(at, 2, "Ab");
    options.server.psks = {{"anna", key_of_anna}, {"bert:b", key_of_bert}};
    return options;
}

struct Suite {
    const char *name;
    uint16_t number;
};

} // namespace

class ClientPskSuite : public ::testing::TestWithParam<Suite>
{
};

TEST_P(ClientPskSuite, CarriesDataBothWaysWithAndWithoutAHint)
{
    for (const char *hint : {"", "whoever you are"}) {
        ClientLabOptions options = with_keys();
        options.suites = GetParam().name;
        options.server.psk_hint = hint;
        ClientLab lab(options);
        ASSERT_TRUE(lab.connect(1)) << lab.reason(1);
        EXPECT_EQ(lab.client(1).identity.suite, GetParam().number);
        EXPECT_EQ(lab.client(1).identity.method, SL_IDENTITY_PSK);
        EXPECT_TRUE(lab.echoes(1));
    }
}

INSTANTIATE_TEST_SUITE_P(Suites, ClientPskSuite,
                         ::testing::Values(Suite{"PSK-AES128-GCM-SHA256", 0x00a8},
                                           Suite{"PSK-AES256-GCM-SHA384", 0x00a9},
                                           Suite{"PSK-CHACHA20-POLY1305", 0xccab},
                                           Suite{"PSK-AES128-CCM", 0xc0a4},
                                           Suite{"PSK-AES256-CCM", 0xc0a5},
                                           Suite{"PSK-AES128-CCM8", 0xc0a8},
                                           Suite{"PSK-AES256-CCM8", 0xc0a9},
                                           Suite{"ECDHE-PSK-CHACHA20-POLY1305", 0xccac}),
                         [](const auto &info) {
                             std::string name = info.param.name;
                             name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
                             return name;
                         });

TEST(ClientPsk, IsTheOneThatItsWorkerChooses)
{
    ClientLab lab(with_keys());
    for (unsigned id = 0; id < 4; id++) {
        ConnectOptions connect;
        connect.credential = id;
        ASSERT_TRUE(lab.connect(id, connect)) << lab.reason(id);
        EXPECT_STREQ(SSL_get_psk_identity(lab.server(id).ssl()), id % 2 ? "bert:b" : "anna");
    }
}

TEST(ClientPsk, WithoutForwardSecrecyIsOfferedOnlyWhereItWasAskedFor)
{
    for (const char *suite : {"PSK-AES128-GCM-SHA256", "PSK-AES128-CCM8"})
        for (bool plain : {false, true}) {
            ClientLabOptions options = with_keys();
            options.plain_psk = plain;
            options.server.suites = suite;
            ClientLab lab(options);
            EXPECT_EQ(lab.connect(1), plain) << suite;
        }
}

TEST(ClientPsk, PrefersForwardSecrecy)
{
    ClientLab lab(with_keys());
    ASSERT_TRUE(lab.connect(1));
    EXPECT_EQ(lab.client(1).identity.suite, 0xccac);
}

// RFC 6347 4.1.2.7: the server drops in silence what does not verify.
TEST(ClientPsk, ThatIsWrongEndsInATimeOut)
{
    ClientLabOptions options = with_keys();
    options.server.psks = {{"anna", key_of_bert}};
    options.believes_alerts = true;
    ClientLab lab(options);
    EXPECT_FALSE(lab.connect(1));
    EXPECT_EQ(lab.reason(1),
              "the server began to answer, and did not finish the handshake in 30 s");
}

TEST(ClientPsk, NeverTakesACertificateThatItCannotCheck)
{
    ClientLabOptions options = with_keys();
    options.server.psks = {};
    options.believes_alerts = true;
    ClientLab lab(options);
    EXPECT_FALSE(lab.connect(1));
    EXPECT_EQ(lab.reason(1), "the server answered alert 40 (handshake failure)");
    options.suites = "ECDHE-ECDSA-AES128-GCM-SHA256";
    EXPECT_THROW(ClientLab wrong(options), std::runtime_error);
}

TEST(ClientPsk, StandsBesideCertificates)
{
    ClientLabOptions options = with_keys();
    options.check = Check::Ca;
    options.server.psks = {};
    ClientLab lab(options);
    ASSERT_TRUE(lab.connect(1)) << lab.reason(1);
    EXPECT_EQ(lab.client(1).identity.method, SL_IDENTITY_CERTIFICATE);
}
