/* Tickets over a network that loses and reorders. */
#include <gtest/gtest.h>

#include "ticket_lab.h"

using namespace sl_test;

namespace
{

bool begins_with(const Bytes &datagram, uint8_t handshake_type)
{
    return datagram.size() > 13 && datagram[0] == SL_CONTENT_HANDSHAKE && datagram[4] == 0 &&
           datagram[13] == handshake_type;
}

/** Behind a ChangeCipherSpec, or alone: libssl repeats each in a datagram of its own. */
bool is_client_finished(bool to_server, const Bytes &datagram)
{
    size_t at = datagram.at(0) == SL_CONTENT_CHANGE_CIPHER_SPEC ? 14 : 0;
    return to_server && datagram.size() > at + 4 && datagram[at + 4] == 1;
}

bool has_ticket(const std::vector<Part> &datagram)
{
    for (const Part &part : datagram)
        if (part.epoch == 0 && part.type == SL_CONTENT_HANDSHAKE &&
            part.bytes.at(0) == SL_HANDSHAKE_NEW_SESSION_TICKET)
            return true;
    return false;
}

} // namespace

class TicketNetwork : public ::testing::TestWithParam<bool>
{
  protected:
    ClientOptions options() const
    {
        ClientOptions out;
        if (GetParam())
            out.cid = Bytes{4, 5, 6};
        return out;
    }
};

TEST_P(TicketNetwork, LosesOurFlightAndTheTimerSendsItAgain)
{
    LabOptions lab_options = with_tickets();
    lab_options.first_timeout_ms = 100;
    HandshakeLab lab(lab_options);
    ASSERT_TRUE(lab.connect(1, options()));
    unsigned lost = 0;
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        return !to_server && begins_with(datagram, SL_HANDSHAKE_SERVER_HELLO) && lost++ < 2
                   ? Fate::Lose
                   : Fate::Deliver;
    };
    uint64_t begin = now_ns();
    ASSERT_TRUE(lab.connect(2, resuming(lab.client(1)))) << lab.client(2).error();
    EXPECT_TRUE(lab.peer(2).is_resumed);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_RETRANSMITTED), 2u);
    EXPECT_LT(now_ns() - begin, 500 * ns_per_ms) << "the client's timer takes a second";
    EXPECT_TRUE(echoes(lab, 2));
}

TEST_P(TicketNetwork, LosesOurFlightAndTheClientGetsItOnRequest)
{
    HandshakeLab lab(with_tickets());
    ClientOptions hasty = options();
    hasty.timeout_ms = 600;
    ASSERT_TRUE(lab.connect(1, hasty));
    unsigned lost = 0;
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        return !to_server && begins_with(datagram, SL_HANDSHAKE_SERVER_HELLO) && lost++ < 1
                   ? Fate::Lose
                   : Fate::Deliver;
    };
    uint64_t begin = now_ns();
    ASSERT_TRUE(lab.connect(2, resuming(lab.client(1)))) << lab.client(2).error();
    EXPECT_TRUE(lab.peer(2).is_resumed);
    EXPECT_EQ(lost, 2u);
    EXPECT_LT(now_ns() - begin, 900 * ns_per_ms) << "our timer takes a second";
    EXPECT_TRUE(echoes(lab, 2));
}

TEST_P(TicketNetwork, LosesTheClientsFinishedAndOurTimerAsksForIt)
{
    HandshakeLab lab(with_tickets());
    ASSERT_TRUE(lab.connect(1, options()));
    unsigned lost = 0;
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        return is_client_finished(to_server, datagram) && lost++ < 2 ? Fate::Lose : Fate::Deliver;
    };
    ASSERT_TRUE(lab.connect(2, resuming(lab.client(1)))) << lab.client(2).error();
    EXPECT_TRUE(lab.peer(2).is_resumed);
    EXPECT_EQ(lost, 3u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_RETRANSMITTED), 2u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_LAST_FLIGHT_REPEATED), 0u);
    /* Sealed under a fresh number each time: the test's worker throws otherwise. */
    EXPECT_EQ(lab.peer(2).epoch->write_next, 3u);
    EXPECT_TRUE(echoes(lab, 2));
}

TEST_P(TicketNetwork, LosesAndReordersAndAllComeBack)
{
    for (uint64_t seed : {1u, 2u, 3u}) {
        LabOptions lab_options = with_tickets();
        lab_options.loss = 0.2;
        lab_options.duplication = 0.1;
        lab_options.reordering = 0.2;
        lab_options.seed = seed;
        lab_options.handshake_timeout_ms = 120000;
        lab_options.asks_clients = true;
        HandshakeLab lab(lab_options);
        const unsigned clients = 40;
        auto all = [&](unsigned first) {
            for (unsigned id = first; id < first + clients; id++)
                if (!lab.is_connected(id))
                    return false;
            return true;
        };
        for (unsigned id = 0; id < clients; id++) {
            ClientOptions client = options();
            client.mtu = id % 3 == 0 ? 300 : 1400;
            client.identity = make_identity("EC", "client", &lab.authority);
            lab.add_client(id, client);
            lab.start(id);
        }
        ASSERT_TRUE(lab.run_until([&] { return all(0); }, 300000));
        lab.run_for(5000);
        for (unsigned id = 0; id < clients; id++) {
            lab.add_client(100 + id, resuming(lab.client(id)));
            lab.start(100 + id);
        }
        ASSERT_TRUE(lab.run_until([&] { return all(100); }, 300000));
        for (unsigned id = 100; id < 100 + clients; id++)
            EXPECT_TRUE(lab.peer(id).is_resumed) << id;
        EXPECT_EQ(lab.counter(SL_HANDSHAKE_RESUMED), clients);
        EXPECT_EQ(sl_handshaker_in_progress(lab.handshaker), 0u);
        EXPECT_TRUE(lab.counters_add_up());
    }
}

INSTANTIATE_TEST_SUITE_P(Ways, TicketNetwork, ::testing::Bool(),
                         [](const auto &info) { return info.param ? "WithCid" : "WithoutCid"; });

/* The worker takes a copy for a handshake's until it has heard that the session is established. */
TEST(TicketNetwork, ALateCopyOfTheClientHelloBeginsNothing)
{
    HandshakeLab lab(with_tickets());
    ASSERT_TRUE(lab.connect(1));
    Bytes hello;
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        if (to_server && begins_with(datagram, SL_HANDSHAKE_CLIENT_HELLO))
            hello = datagram;
        return Fate::Deliver;
    };
    ASSERT_TRUE(lab.connect(2, resuming(lab.client(1))));
    uint64_t begun = lab.counter(SL_HANDSHAKE_STARTED);
    size_t messages = lab.peer(2).messages.size();
    lab.run_for(200); /* for so long nothing would be repeated anyway */
    ASSERT_TRUE(lab.worker_of(2).post_record(2, hello));
    lab.run_for(1000);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_STARTED), begun);
    EXPECT_EQ(lab.peer(2).messages.size(), messages) << "nothing is left to be repeated";
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_LAST_FLIGHT_REPEATED), 0u);
    EXPECT_TRUE(echoes(lab, 2));
}

TEST(LastFlight, HasTheTicketInAsManyDatagramsAsThePathWants)
{
    LabOptions options = with_tickets();
    options.asks_clients = true;
    HandshakeLab lab(options);
    lab.worker_of(1).path_payload_max = 400;
    unsigned lost = 0;
    bool is_last = false;
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        EXPECT_TRUE(to_server || datagram.size() <= 400) << datagram.size();
        is_last |= !to_server && begins_with(datagram, SL_HANDSHAKE_NEW_SESSION_TICKET);
        return !to_server && is_last && lost++ < 3 ? Fate::Lose : Fate::Deliver;
    };
    ClientOptions client;
    client.identity = make_identity("RSA", "client", &lab.authority);
    client.cid = Bytes(32, 9);
    ASSERT_TRUE(lab.connect(1, client)) << lab.client(1).error();
    EXPECT_GE(lab.counter(SL_HANDSHAKE_LAST_FLIGHT_REPEATED), 1u);
    EXPECT_GT(lab.client(1).ticket().size(), 800u);
    const auto &sends = lab.peer(1).sends;
    ASSERT_GE(sends.size(), 6u);
    EXPECT_TRUE(has_ticket(sends[sends.size() - 2]));
    EXPECT_EQ(sends.back().back().epoch, 1);
    lab.worker_of(2).path_payload_max = 1400;
    ASSERT_TRUE(lab.connect(2, resuming(lab.client(1))));
    EXPECT_TRUE(lab.peer(2).is_resumed);
}
