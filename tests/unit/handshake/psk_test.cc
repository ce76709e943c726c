/* Clients with pre-shared keys, RFC 4279, RFC 5489, RFC 6655. */
#include "psk_lab.h"

using namespace sl_test;

namespace
{

struct Suite {
    const char *name;
    uint16_t number;
};
const Suite suites[] = {
    {"ECDHE-PSK-CHACHA20-POLY1305", 0xccac},
    {"PSK-AES128-GCM-SHA256", 0x00a8},
    {"PSK-AES256-GCM-SHA384", 0x00a9},
    {"PSK-CHACHA20-POLY1305", 0xccab},
    {"PSK-AES128-CCM", 0xc0a4},
    {"PSK-AES256-CCM", 0xc0a5},
    {"PSK-AES128-CCM8", 0xc0a8},
    {"PSK-AES256-CCM8", 0xc0a9},
};

std::string name_of(const Suite &suite)
{
    std::string name = suite.name;
    name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
    return name;
}

class EveryPskSuite : public ::testing::TestWithParam<Suite>
{
};

INSTANTIATE_TEST_SUITE_P(, EveryPskSuite, ::testing::ValuesIn(suites),
                         [](const auto &info) { return name_of(info.param); });

} // namespace

TEST_P(EveryPskSuite, CarriesDataBothWaysWithAndWithoutAConnectionId)
{
    HandshakeLab lab(with_file());
    for (unsigned id = 1; id <= 2; id++) {
        ClientOptions client = client_of("anna", key_of_anna, GetParam().name);
        if (id == 2)
            client.cid = Bytes{1, 2, 3, 4};
        ASSERT_TRUE(lab.connect(id, client)) << lab.client(id).error();
        EXPECT_EQ(lab.peer(id).identity.suite, GetParam().number);
        EXPECT_EQ(lab.peer(id).identity.method, SL_IDENTITY_PSK);
        EXPECT_STREQ(lab.peer(id).identity.subject, "anna");
        EXPECT_EQ(lab.client(id).uses_cid(), id == 2);
        EXPECT_EQ(lab.peer(id).expires_ns, 0u);
        expect_echo(lab, id);
    }
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_COMPLETED), 2u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_PSK_UNKNOWN), 0u);
    EXPECT_TRUE(lab.counters_add_up());
}

// RFC 4279 2: a stranger must not learn from the answer whether an identity exists.
TEST_P(EveryPskSuite, TellsAStrangerWhatItTellsSomebodyWithAWrongKey)
{
    HandshakeLab lab(with_file());
    uint64_t took_ns[2];
    for (unsigned id : {0, 1}) {
        const uint64_t begin_ns = now_ns();
        EXPECT_FALSE(
            lab.connect(id, client_of(id == 0 ? "anna" : "otto", wrong_key, GetParam().name)));
        took_ns[id] = now_ns() - begin_ns;
        ASSERT_TRUE(lab.peer(id).is_aborted);
        EXPECT_EQ(lab.peer(id).messages.back(), SL_MESSAGE_ABORT);
        EXPECT_EQ(lab.peer(id).sends.back().at(0).bytes, Bytes(decrypt_error, decrypt_error + 2));
        EXPECT_TRUE(lab.client(id).has_failed());
    }
    EXPECT_EQ(told(lab, 0), told(lab, 1));
    EXPECT_EQ(lab.peer(0).messages, lab.peer(1).messages);
    EXPECT_EQ(took_ns[0], took_ns[1]);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_REFUSED_PSK), 2u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_PSK_UNKNOWN), 1u);
    EXPECT_TRUE(lab.counters_add_up());
}

TEST(Psk, WithoutForwardSecrecyIsTakenOnlyWhereItWasAskedFor)
{
    LabOptions options = with_file();
    options.plain_psk = false;
    HandshakeLab lab(options);
    unsigned id = 1;
    for (const Suite &suite : suites) {
        bool is_ecdhe = suite.number == 0xccac;
        EXPECT_EQ(lab.connect(++id, client_of("anna", key_of_anna, suite.name)), is_ecdhe)
            << suite.name;
    }
    ClientOptions ccm;
    ccm.suites = "ECDHE-ECDSA-AES128-CCM8";
    EXPECT_FALSE(lab.connect(1, ccm));
}

TEST(Psk, BringsCcmForCertificatesWithTheSameSwitch)
{
    HandshakeLab lab(with_file());
    unsigned id = 0;
    for (const char *suite : {"ECDHE-ECDSA-AES128-CCM", "ECDHE-ECDSA-AES256-CCM",
                              "ECDHE-ECDSA-AES128-CCM8", "ECDHE-ECDSA-AES256-CCM8"}) {
        ClientOptions client;
        client.suites = suite;
        ASSERT_TRUE(lab.connect(++id, client)) << suite;
        EXPECT_EQ(lab.peer(id).identity.method, SL_IDENTITY_NONE);
        expect_echo(lab, id);
    }
}

TEST(Psk, StandsBesideCertificatesAndBeforeThem)
{
    LabOptions options = with_file();
    options.asks_clients = true;
    HandshakeLab lab(options);
    ClientOptions both =
        client_of("anna", key_of_anna, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-PSK-CHACHA20-POLY1305");
    both.identity = make_identity("EC", "client", &lab.authority);
    ASSERT_TRUE(lab.connect(1, both));
    EXPECT_EQ(lab.peer(1).identity.method, SL_IDENTITY_PSK);
    EXPECT_EQ(Bytes(lab.peer(1).identity.certificate_sha256,
                    lab.peer(1).identity.certificate_sha256 + 32),
              Bytes(32));
    both.psk_identity.reset();
    ASSERT_TRUE(lab.connect(2, both));
    EXPECT_EQ(lab.peer(2).identity.method, SL_IDENTITY_CERTIFICATE);
    both.identity.reset();
    EXPECT_FALSE(lab.connect(3, both)) << "neither";
}

TEST(Psk, CanBeAllThatAServiceTakes)
{
    LabOptions options = with_file();
    options.takes_only_psk = true;
    HandshakeLab lab(options);
    ASSERT_TRUE(lab.connect(1, client_of("anna", key_of_anna)));
    EXPECT_FALSE(lab.connect(2));
    EXPECT_EQ(lab.peer(2).sends.back().at(0).bytes, (Bytes{SL_ALERT_FATAL, 40}));
}

TEST(Psk, NeedsNoCertificateWhereNothingElseIsTaken)
{
    LabOptions options = with_file();
    options.has_certificates = false;
    options.takes_only_psk = true;
    options.ticket_lifetime_s = 300;
    HandshakeLab lab(options);
    ASSERT_TRUE(lab.connect(1, client_of("anna", key_of_anna))) << lab.client(1).error();
    expect_echo(lab, 1);
    ASSERT_TRUE(lab.connect(2, client_of("anna", key_of_anna, "PSK-AES128-GCM-SHA256")));
    EXPECT_FALSE(lab.connect(3));
    EXPECT_EQ(lab.peer(3).sends.back().at(0).bytes, (Bytes{SL_ALERT_FATAL, 40}));
}

TEST(Psk, LeavesAServiceThatTakesCertificatesInNeedOfOne)
{
    LabOptions options = with_file();
    options.has_certificates = false;
    try {
        HandshakeLab lab(options);
        FAIL() << "a handshaker without what it has to show";
    } catch (const std::runtime_error &error) {
        EXPECT_STREQ(error.what(),
                     "service 'service 0' has to show a certificate, and there is none");
    }
}

// legacy_cbc widens what a service takes certificates with, and nothing else.
TEST(Psk, StaysWhatItIsBesideLegacySuites)
{
    for (bool takes_only_psk : {true, false}) {
        LabOptions options = with_file();
        options.takes_only_psk = takes_only_psk;
        options.legacy_sessions_max = 4;
        HandshakeLab lab(options);
        ASSERT_TRUE(lab.connect(1, client_of("anna", key_of_anna, "PSK-AES128-CCM8")));
        ClientOptions cbc;
        cbc.suites = "ECDHE-ECDSA-AES128-SHA";
        EXPECT_EQ(lab.connect(2, cbc), !takes_only_psk);
        EXPECT_EQ(lab.connect(3), !takes_only_psk);
    }
}

TEST(Psk, IsProvenEachTimeAndNoTicketStandsForIt)
{
    LabOptions options = with_file();
    options.ticket_lifetime_s = 3600;
    HandshakeLab lab(options);
    ASSERT_TRUE(lab.connect(1, client_of("anna", key_of_anna)));
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_TICKET_ISSUED), 0u);
    ClientOptions again = client_of("anna", key_of_anna);
    again.session = lab.client(1).session();
    ASSERT_TRUE(lab.connect(2, again));
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_RESUMED), 0u);
    EXPECT_EQ(lab.peer(2).identity.method, SL_IDENTITY_PSK);
}

TEST(Psk, LeavesTheirTicketsToClientsWithCertificates)
{
    LabOptions options = with_file();
    options.asks_clients = true;
    options.ticket_lifetime_s = 3600;
    HandshakeLab lab(options);
    ClientOptions mutual;
    mutual.identity = make_identity("EC", "client", &lab.authority);
    ASSERT_TRUE(lab.connect(1, mutual));
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_TICKET_ISSUED), 1u);
    mutual.session = lab.client(1).session();
    ASSERT_TRUE(lab.connect(2, mutual));
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_RESUMED), 1u);
    EXPECT_EQ(lab.peer(2).identity.method, SL_IDENTITY_CERTIFICATE);
    expect_echo(lab, 2);
}

TEST(Psk, TakesIdentitiesOfAnyBytes)
{
    HandshakeLab lab(with_file());
    ASSERT_TRUE(lab.connect(1, client_of("b er:t\x01", Bytes(32, 0xaa))));
    EXPECT_STREQ(lab.peer(1).identity.subject, "b er:t\\x01");
    unsigned id = 1;
    for (const std::string &identity : {std::string(), std::string("\xff\xfe\n"),
                                        std::string(128, 'x'), std::string(128, '\x80')})
        EXPECT_FALSE(lab.connect(++id, client_of(identity, key_of_anna)));
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_PSK_UNKNOWN), 4u);
}

// RFC 4279 5.3 lets a server have a limit; what no client of ours sends never comes near libssl.
TEST(Psk, DropsAnIdentityThatIsTooLong)
{
    for (const char *suite : {"PSK-AES128-CCM8", "ECDHE-PSK-CHACHA20-POLY1305"}) {
        HandshakeLab lab(with_file());
        EXPECT_FALSE(lab.connect(1, client_of(std::string(129, 'x'), key_of_anna, suite)));
        EXPECT_EQ(lab.counter(SL_HANDSHAKE_TIMED_OUT), 1u);
        EXPECT_EQ(lab.counter(SL_HANDSHAKE_PSK_UNKNOWN), 0u);
        EXPECT_GT(lab.counter(SL_HANDSHAKE_BAD_RECORD), 0u);
    }
}

namespace
{

/** The body of a ClientKeyExchange in a client's datagram, or the end. */
Bytes::iterator find_key_exchange(Bytes &datagram)
{
    const Bytes begin = {22, 0xfe, 0xfd, 0, 0};
    for (auto at = datagram.begin();
         (at = std::search(at, datagram.end(), begin.begin(), begin.end())) != datagram.end(); at++)
        if (datagram.end() - at > 25 && at[13] == SL_HANDSHAKE_CLIENT_KEY_EXCHANGE)
            return at + 25;
    return datagram.end();
}

} // namespace

TEST(Psk, KnowsAnIdentityBeforeItsNulFromTheWhole)
{
    LabOptions options = with_lookup();
    HandshakeLab lab(options);
    bool is_changed = false;
    lab.judge = [&](bool to_server, unsigned id, const Bytes &datagram) {
        Bytes changed = datagram;
        auto body = find_key_exchange(changed);
        if (!to_server || is_changed || body == changed.end())
            return Fate::By_chance;
        is_changed = true;
        *std::find(body, changed.end(), 'X') = 0;
        lab.worker_of(id).receive(id, changed);
        return Fate::Lose;
    };
    lab.add_client(1, client_of("annaXbert", key_of_anna));
    lab.start(1);
    lab.run_until([&] { return !lab.questions.empty(); });
    ASSERT_EQ(lab.questions.size(), 1u);
    EXPECT_EQ(lab.questions[0].identity, (Bytes{'a', 'n', 'n', 'a', 0, 'b', 'e', 'r', 't'}));
}

TEST(Psk, DropsAKeyExchangeThatIsMalformedAndTakesTheTrueOne)
{
    for (const char *suite : {"PSK-AES128-CCM8", "ECDHE-PSK-CHACHA20-POLY1305"}) {
        /* of the identity's length, high and low byte; of what stands behind the identity */
        const bool has_point = suite[0] == 'E';
        for (unsigned at = 0; at <= (has_point ? 6 : 1); at += at == 1 ? 5 : 1) {
            HandshakeLab lab(with_file());
            bool is_forged = false;
            lab.judge = [&](bool to_server, unsigned id, const Bytes &datagram) {
                Bytes forged = datagram;
                auto body = find_key_exchange(forged);
                if (!to_server || is_forged || body == forged.end())
                    return Fate::By_chance;
                is_forged = true;
                body[at] ^= 1;
                lab.worker_of(id).receive(id, forged);
                return Fate::By_chance;
            };
            EXPECT_TRUE(lab.connect(1, client_of("anna", key_of_anna, suite))) << suite << at;
            EXPECT_TRUE(is_forged);
            EXPECT_GT(lab.counter(SL_HANDSHAKE_BAD_RECORD), 0u);
        }
    }
}

TEST(Psk, GetsThroughANetworkThatLosesDoublesAndReorders)
{
    LabOptions options = with_file();
    options.loss = 0.2;
    options.duplication = 0.2;
    options.reordering = 0.3;
    options.handshake_timeout_ms = 60000;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        options.seed = seed;
        HandshakeLab lab(options);
        EXPECT_TRUE(lab.connect(1, client_of("anna", key_of_anna, suites[seed % 8].name))) << seed;
        EXPECT_TRUE(lab.counters_add_up());
    }
}
