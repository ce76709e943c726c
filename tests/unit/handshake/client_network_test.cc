/* A client over networks that lose, double and reorder, and servers that fall silent or say no. */
#include <gtest/gtest.h>

#include "handshake_client_lab.h"

using namespace sl_test;
using Fate = Fate;

class ClientOverLoss : public ::testing::TestWithParam<std::tuple<bool, unsigned>>
{
};

TEST_P(ClientOverLoss, GetsEveryHandshakeDone)
{
    auto [has_gateway, seed] = GetParam();
    ClientLabOptions options;
    options.has_gateway = has_gateway;
    options.asks_clients = seed % 2 == 0;
    options.client_kinds = {"RSA"};
    options.server_kinds = {"RSA"};
    options.server.mtu = 400;
    options.cid_len = has_gateway ? seed % 3 * 4 : 0;
    options.handshake_timeout_ms = 60000;
    options.loss = 0.15;
    options.duplication = 0.1;
    options.reordering = 0.3;
    options.seed = seed;
    ClientLab lab(options);
    for (unsigned id = 0; id < 6; id++)
        lab.start(id);
    EXPECT_TRUE(lab.run_until([&] {
        bool all = true;
        for (unsigned id = 0; id < 6; id++)
            all = all && lab.client(id).is_established;
        return all;
    }));
    lab.judge = [](bool, unsigned, const Bytes &) { return Fate::Deliver; };
    lab.run_for(1000);
    for (unsigned id = 0; id < 6; id++)
        EXPECT_TRUE(lab.echoes(id)) << id << ": " << lab.reason(id);
    EXPECT_TRUE(lab.counters_add_up());
}

INSTANTIATE_TEST_SUITE_P(Seeds, ClientOverLoss,
                         ::testing::Combine(::testing::Bool(), ::testing::Range(1u, 13u)));

namespace
{

bool is_from_server_with(bool to_server, const Bytes &datagram, uint8_t type)
{
    return !to_server && datagram.at(0) == SL_CONTENT_HANDSHAKE && datagram.at(13) == type;
}

} // namespace

TEST(ClientNetwork, SendsItsFlightAgainWhenTheServerDoesSoWithoutWaitingForItsTimer)
{
    ClientLabOptions options;
    options.first_timeout_ms = 20000;
    options.handshake_timeout_ms = 40000;
    ClientLab lab(options);
    unsigned lost = 0;
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        bool is_key_exchange = datagram.at(13) == SL_HANDSHAKE_CLIENT_KEY_EXCHANGE;
        return to_server && is_key_exchange && lost++ == 0 ? Fate::Lose : Fate::Deliver;
    };
    lab.start(1);
    EXPECT_FALSE(lab.run_until([&] { return lab.is_connected(1); }, 5000));
    EXPECT_FALSE(lab.client(1).is_aborted); /* the server sends its flight again after 1 s, but ours
                                               is kept back for half of our timeout */
    EXPECT_TRUE(lab.run_until([&] { return lab.is_connected(1); }, 16000));
    EXPECT_GE(lab.counter(SL_HANDSHAKE_RETRANSMITTED), 1u);
    EXPECT_TRUE(lab.echoes(1));
}

TEST(ClientNetwork, TakesAFlightInAnyOrder)
{
    ClientLabOptions options;
    options.server.mtu = 256; /* many datagrams */
    options.server_kinds = {"RSA"};
    for (unsigned seed = 0; seed < 20; seed++) {
        ClientLab lab(options);
        std::mt19937 random(seed);
        std::vector<Bytes> flight;
        lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
            bool is_flight = !to_server && !is_from_server_with(to_server, datagram,
                                                                SL_HANDSHAKE_HELLO_VERIFY_REQUEST);
            if (is_flight && !lab.client(1).epoch)
                flight.push_back(datagram);
            return is_flight && !lab.client(1).epoch ? Fate::Lose : Fate::Deliver;
        };
        lab.start(1);
        ASSERT_TRUE(lab.run_until([&] { return flight.size() > 4; }, 500));
        std::shuffle(flight.begin(), flight.end(), random);
        for (const Bytes &datagram : flight)
            lab.worker.receive(1, datagram);
        EXPECT_TRUE(lab.run_until([&] { return lab.is_connected(1); }, 200)) << seed;
    }
}

TEST(ClientNetwork, TellsOfAServerThatNeverAnswers)
{
    ClientLabOptions options;
    options.handshake_timeout_ms = 10000;
    ClientLab lab(options);
    lab.judge = [](bool, unsigned, const Bytes &) { return Fate::Lose; };
    EXPECT_FALSE(lab.connect(1));
    EXPECT_EQ(lab.client(1).abort.cause, SL_ABORT_TIMED_OUT);
    EXPECT_EQ(lab.reason(1), "no answer from the server in 10 s");
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_TIMED_OUT), 1u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_RETRANSMITTED), 3u); /* after 1, 3, 7 s */
}

TEST(ClientNetwork, GivesUpWhenItsWorkerWantsItToAndNoLaterThanItHasTo)
{
    ClientLabOptions options;
    options.handshake_timeout_ms = 10000;
    ClientLab lab(options);
    lab.judge = [](bool, unsigned, const Bytes &) { return Fate::Lose; };
    ConnectOptions soon, late;
    soon.timeout_ms = 2500;
    late.timeout_ms = 20000;
    EXPECT_FALSE(lab.connect(1, soon));
    EXPECT_EQ(lab.reason(1), "no answer from the server in 2.5 s");
    EXPECT_FALSE(lab.connect(2, late));
    EXPECT_EQ(lab.reason(2), "no answer from the server in 10 s");
}

TEST(ClientNetwork, TellsOfAServerThatDiesInTheMiddle)
{
    ClientLabOptions options;
    options.handshake_timeout_ms = 2500;
    ClientLab lab(options);
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        return is_from_server_with(to_server, datagram, SL_HANDSHAKE_HELLO_VERIFY_REQUEST)
                   ? Fate::Deliver
               : to_server ? Fate::Deliver
                           : Fate::Lose;
    };
    EXPECT_FALSE(lab.connect(1));
    EXPECT_EQ(lab.client(1).abort.cause, SL_ABORT_TIMED_OUT);
    EXPECT_EQ(lab.reason(1),
              "the server began to answer, and did not finish the handshake in 2.5 s");
}

TEST(ClientNetwork, BelievesAnAlertInTheClearOnlyWhenItHasGivenUp)
{
    ClientLabOptions options;
    options.server.suites = "DHE-RSA-AES256-SHA@SECLEVEL=0"; /* nothing in common */
    options.handshake_timeout_ms = 3000;
    ClientLab lab(options);
    lab.start(1);
    lab.run_for(2000);
    EXPECT_FALSE(lab.client(1).is_aborted);
    lab.run_for(2000);
    EXPECT_TRUE(lab.client(1).is_aborted);
    EXPECT_EQ(lab.client(1).abort.cause, SL_ABORT_ALERT);
    EXPECT_EQ(lab.reason(1), "the server answered alert 40 (handshake failure)");
}

TEST(ClientNetwork, BelievesAnAlertInTheClearAtOnceWhenToldSo)
{
    ClientLabOptions options;
    options.server.suites = "DHE-RSA-AES256-SHA@SECLEVEL=0";
    options.believes_alerts = true;
    ClientLab lab(options);
    lab.start(1);
    lab.run_for(100);
    EXPECT_TRUE(lab.client(1).is_aborted);
    EXPECT_EQ(lab.reason(1), "the server answered alert 40 (handshake failure)");
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_FAILED), 1u);
}

TEST(ClientNetwork, SurvivesAForgedAlertWhenItDoesNotBelieveThem)
{
    ClientLab lab;
    lab.start(1);
    lab.run_for(5);
    lab.worker.receive(1, {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40});
    EXPECT_TRUE(lab.run_until([&] { return lab.is_connected(1); }, 1000));
}

// The server's alert about our certificate comes in epoch 0, for its own keys are not in use yet.
TEST(ClientNetwork, HearsThatItsCertificateIsRefusedAfterItHasKeys)
{
    for (bool has_gateway : {false, true}) {
        ClientLabOptions options;
        options.has_gateway = has_gateway;
        options.asks_clients = true;
        options.believes_alerts = true;
        ClientLab lab(options);
        EXPECT_FALSE(lab.connect(1));
        EXPECT_TRUE(lab.client(1).is_aborted);
        EXPECT_EQ(lab.client(1).abort.cause, SL_ABORT_ALERT);
        EXPECT_EQ(lab.reason(1), "the server answered alert 40 (handshake failure)");
    }
}
