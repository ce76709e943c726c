/* Sessions that are resumed, RFC 5246 7.3, RFC 5077. */
#include <gtest/gtest.h>

#include "handshake_client_lab.h"

using namespace sl_test;
using Fate = Fate;

namespace
{

ConnectOptions resuming(uint64_t number)
{
    ConnectOptions options;
    options.resume = number;
    return options;
}

ClientLabOptions with(bool tickets)
{
    ClientLabOptions options;
    options.tickets = options.server.tickets = tickets;
    options.sessions_max = 4;
    return options;
}

} // namespace

class ClientResume : public ::testing::TestWithParam<bool>
{
};

TEST_P(ClientResume, TakesFewerRoundsAndCarriesData)
{
    ClientLab lab(with(GetParam()));
    ASSERT_TRUE(lab.connect(1, resuming(7))) << lab.reason(1);
    EXPECT_FALSE(lab.client(1).is_resumed);
    for (unsigned id = 2; id < 5; id++) {
        ASSERT_TRUE(lab.connect(id, resuming(7))) << lab.reason(id);
        EXPECT_TRUE(lab.client(id).is_resumed);
        EXPECT_TRUE(SSL_session_reused(lab.server(id).ssl()));
        EXPECT_EQ(lab.client(id).identity.method, SL_IDENTITY_CERTIFICATE);
        EXPECT_TRUE(lab.echoes(id));
        EXPECT_EQ(lab.client(id).messages,
                  (std::vector<sl_message_kind>{SL_MESSAGE_SEND, SL_MESSAGE_SEND, SL_MESSAGE_KEYS,
                                                SL_MESSAGE_SEND, SL_MESSAGE_ESTABLISHED}));
    }
    ASSERT_TRUE(lab.connect(9, resuming(8))); /* another number */
    EXPECT_FALSE(lab.client(9).is_resumed);
    ASSERT_TRUE(lab.connect(10, resuming(0))); /* none */
    EXPECT_FALSE(lab.client(10).is_resumed);
}

TEST_P(ClientResume, FallsBackToAFullHandshakeWhenTheServerHasForgotten)
{
    ClientLab lab(with(GetParam()));
    ASSERT_TRUE(lab.connect(1, resuming(7)));
    lab.restart_servers();
    ASSERT_TRUE(lab.connect(2, resuming(7))) << lab.reason(2);
    EXPECT_FALSE(lab.client(2).is_resumed);
    EXPECT_TRUE(lab.echoes(2));
    EXPECT_STREQ(lab.client(2).identity.subject, "CN=server EC");
    ASSERT_TRUE(lab.connect(3, resuming(7))) << lab.reason(3);
    EXPECT_TRUE(lab.client(3).is_resumed);
}

TEST_P(ClientResume, RepeatsItsLastFlightWhenTheServerHasNotGotIt)
{
    ClientLab lab(with(GetParam()));
    ASSERT_TRUE(lab.connect(1, resuming(7)));
    unsigned lost = 0;
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        bool is_last = to_server && datagram.at(0) == SL_CONTENT_CHANGE_CIPHER_SPEC;
        return is_last && lost++ < 2 ? Fate::Lose : Fate::Deliver;
    };
    ASSERT_TRUE(lab.connect(2, resuming(7)));
    EXPECT_TRUE(lab.client(2).is_resumed);
    EXPECT_EQ(lost, 3u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_LAST_FLIGHT_REPEATED), 2u);
    EXPECT_TRUE(lab.echoes(2));
}

TEST_P(ClientResume, RepeatsItsLastFlightAtMostOnceIn100Milliseconds)
{
    ClientLab lab(with(GetParam()));
    ASSERT_TRUE(lab.connect(1, resuming(7)));
    ASSERT_TRUE(lab.connect(2, resuming(7)));
    lab.run_for(1000);
    for (int i = 0; i < 50; i++) {
        ASSERT_TRUE(lab.worker.post(SL_MESSAGE_REPEAT, lab.client(2).handle, {}));
        lab.run_for(10);
    }
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_LAST_FLIGHT_REPEATED), 5u);
}

TEST_P(ClientResume, TakesTheServersFlightInAnyOrder)
{
    for (unsigned seed = 0; seed < 12; seed++) {
        ClientLabOptions options = with(GetParam());
        options.server.mtu = 256;
        ClientLab lab(options);
        ASSERT_TRUE(lab.connect(1, resuming(7)));
        lab.set_network({0, 0, 1, seed});
        ASSERT_TRUE(lab.connect(2, resuming(7))) << lab.reason(2);
        EXPECT_TRUE(lab.client(2).is_resumed);
        lab.set_network({0.2, 0.2, 0.5, seed});
        lab.start(3, resuming(7));
        ASSERT_TRUE(lab.run_until([&] { return lab.client(3).is_established; })) << lab.reason(3);
        lab.set_network({0, 0, 0, seed});
        lab.run_for(5000);
        EXPECT_TRUE(lab.echoes(3));
    }
}

TEST_P(ClientResume, IsNotEstablishedBeforeTheServersFinishedHasVerified)
{
    ClientLab lab(with(GetParam()));
    ASSERT_TRUE(lab.connect(1, resuming(7)));
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        /* the ServerHello alone: it comes in one datagram with the Finished */
        if (to_server || datagram.at(13) != SL_HANDSHAKE_SERVER_HELLO)
            return Fate::Deliver;
        size_t len = SL_RECORD_HEADER_LEN + sl_load_be16(&datagram[11]);
        lab.worker.receive(2, Bytes(datagram.begin(), datagram.begin() + (long)len));
        return Fate::Lose;
    };
    lab.start(2, resuming(7));
    lab.run_for(500);
    EXPECT_NE(lab.client(2).epoch, nullptr);
    EXPECT_FALSE(lab.client(2).is_established);
    for (const auto &datagram : lab.client(2).sends)
        for (const Part &part : datagram)
            EXPECT_EQ(part.epoch, 0);
}

INSTANTIATE_TEST_SUITE_P(Ways, ClientResume, ::testing::Bool(),
                         [](const auto &info) { return info.param ? "ByTicket" : "BySessionId"; });

TEST(ClientResumes, NotWhenNoSessionsAreKept)
{
    ClientLabOptions options = with(true);
    options.sessions_max = 0;
    ClientLab lab(options);
    ASSERT_TRUE(lab.connect(1, resuming(7)));
    ASSERT_TRUE(lab.connect(2, resuming(7)));
    EXPECT_FALSE(lab.client(2).is_resumed);
}

TEST(ClientResumes, NotWhatMadeRoomForOthers)
{
    ClientLab lab(with(true));
    for (unsigned id = 1; id <= 5; id++)
        ASSERT_TRUE(lab.connect(id, resuming(id)));
    for (unsigned id = 2; id <= 5; id++) {
        ASSERT_TRUE(lab.connect(10 + id, resuming(id)));
        EXPECT_TRUE(lab.client(10 + id).is_resumed) << id;
    }
    ASSERT_TRUE(lab.connect(20, resuming(1)));
    EXPECT_FALSE(lab.client(20).is_resumed);
}

TEST(ClientResumes, NotWhatFailed)
{
    ClientLabOptions options = with(true);
    options.believes_alerts = true;
    ClientLab lab(options);
    ASSERT_TRUE(lab.connect(1, resuming(7)));
    lab.start(2, resuming(7));
    lab.worker.receive(2, {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40});
    lab.run_for(100);
    EXPECT_TRUE(lab.client(2).is_aborted);
    ASSERT_TRUE(lab.connect(3, resuming(7)));
    EXPECT_FALSE(lab.client(3).is_resumed);
}

// RFC 9146 3: connection IDs are negotiated anew; two peers may agree to use none.
TEST(ClientResumes, AndNegotiatesConnectionIdsAgain)
{
    ClientLabOptions options = with(true);
    options.server.cid_answer = Bytes{0};
    ClientLab lab(options);
    ConnectOptions connect = resuming(7);
    connect.cid = Bytes{};
    for (unsigned id = 1; id <= 2; id++) {
        ASSERT_TRUE(lab.connect(id, connect)) << lab.reason(id);
        EXPECT_TRUE(lab.server(id).was_offered_cid);
        EXPECT_EQ(lab.client(id).is_resumed, id == 2);
        EXPECT_FALSE(lab.client(id).own_cid_in_use);
        EXPECT_FALSE(lab.client(id).peer_cid_in_use);
        EXPECT_TRUE(lab.echoes(id));
    }
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_CONNECTION_ID), 2u);
}

TEST(ClientResumes, APresharedKeysSessionToo)
{
    ClientLabOptions options = with(true);
    options.check = Check::Psk;
    options.psk_lines = "anna:00112233\n";
    options.server.psks = {{"anna", {0x00, 0x11, 0x22, 0x33}}};
    ClientLab lab(options);
    ASSERT_TRUE(lab.connect(1, resuming(7))) << lab.reason(1);
    ASSERT_TRUE(lab.connect(2, resuming(7))) << lab.reason(2);
    EXPECT_TRUE(lab.client(2).is_resumed);
    EXPECT_EQ(lab.client(2).identity.method, SL_IDENTITY_PSK);
    EXPECT_TRUE(lab.echoes(2));
}
