#include <gtest/gtest.h>

#include "handshake_lab.h"

using namespace sl_test;

namespace
{

/** The records of a datagram, as offsets of their first bytes; 8-byte connection IDs. */
std::vector<size_t> records_of(const Bytes &datagram)
{
    std::vector<size_t> out;
    for (size_t at = 0; at + 13 <= datagram.size();) {
        out.push_back(at);
        size_t cid = datagram[at] == SL_CONTENT_TLS12_CID ? SL_OWN_CID_LEN : 0;
        at += 13 + cid + (size_t)(datagram[at + 11 + cid] << 8 | datagram[at + 12 + cid]);
    }
    return out;
}

bool is_protected(const Bytes &datagram)
{
    for (size_t at : records_of(datagram))
        if (datagram[at + 4] == 1)
            return true;
    return false;
}

unsigned repeats(HandshakeLab &lab)
{
    return (unsigned)lab.counter(SL_HANDSHAKE_LAST_FLIGHT_REPEATED);
}

} // namespace

TEST(Network, LosesAFifthDoublesAndReordersAndAllHandshakesComplete)
{
    LabOptions options;
    options.loss = 0.2;
    options.duplication = 0.05;
    options.reordering = 0.05;
    options.handshake_timeout_ms = 120000;
    options.asks_clients = true;
    options.workers = 2;
    for (uint64_t seed : {1u, 2u}) {
        options.seed = seed;
        HandshakeLab lab(options);
        const unsigned clients = 100;
        for (unsigned id = 0; id < clients; id++) {
            ClientOptions client;
            client.identity = make_identity("EC", "client", &lab.authority);
            client.mtu = id % 3 == 0 ? 300 : 1400;
            if (id % 2 == 0)
                client.cid = Bytes(id % 9, 5);
            lab.add_client(id, client);
            lab.start(id);
        }
        EXPECT_TRUE(lab.run_until(
            [&] {
                for (unsigned id = 0; id < clients; id++)
                    if (!lab.is_connected(id))
                        return false;
                return true;
            },
            300000));
        for (unsigned id = 0; id < clients; id++)
            EXPECT_TRUE(lab.is_connected(id)) << id << lab.client(id).error();
        EXPECT_EQ(lab.counter(SL_HANDSHAKE_COMPLETED), clients);
        EXPECT_GT(lab.counter(SL_HANDSHAKE_RETRANSMITTED), 0u);
        EXPECT_EQ(sl_handshaker_in_progress(lab.handshaker), 0u);
        EXPECT_TRUE(lab.counters_add_up());
    }
}

TEST(Network, LosesOurFirstFlightAndTheTimerSendsItAgain)
{
    LabOptions options;
    options.first_timeout_ms = 100;
    HandshakeLab lab(options);
    bool lost = false;
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        bool is_hello_verify = datagram.at(13) == SL_HANDSHAKE_HELLO_VERIFY_REQUEST;
        if (to_server || is_hello_verify || lost)
            return Fate::Deliver;
        lost = true;
        return Fate::Lose;
    };
    uint64_t begin = now_ns();
    ASSERT_TRUE(lab.connect(1));
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_RETRANSMITTED), 1u);
    EXPECT_LT(now_ns() - begin, 300 * ns_per_ms) << "the client's timer takes a second";
}

TEST(Network, DeliversAClientHelloInPiecesInAnyOrder)
{
    for (unsigned rotation = 0; rotation < 4; rotation++) {
        HandshakeLab lab;
        ClientOptions client;
        client.mtu = 256;
        client.hello_padding = 600;
        client.cid = Bytes{1, 2, 3};
        std::vector<Bytes> pieces;
        lab.add_client(1, client);
        lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
            if (!to_server || datagram.at(13) != SL_HANDSHAKE_CLIENT_HELLO || datagram.at(18) != 1)
                return Fate::Deliver;
            pieces.push_back(datagram);
            return Fate::Lose;
        };
        lab.start(1);
        lab.run_for(200);
        ASSERT_GE(pieces.size(), 4u);
        /* The first one has the cookie and takes the slot; the others follow in some order, and
         * each of them twice. */
        lab.judge = nullptr;
        lab.worker_of(1).receive(1, pieces[0]);
        for (unsigned i = 0; i < 2 * (pieces.size() - 1); i++)
            lab.worker_of(1).receive(1, pieces[1 + (i + rotation) % (pieces.size() - 1)]);
        ASSERT_TRUE(lab.run_until([&] { return lab.is_connected(1); }, 3000)) << rotation;
        EXPECT_TRUE(lab.client(1).uses_cid());
        EXPECT_EQ(lab.counter(SL_HANDSHAKE_BAD_RECORD), 0u);
    }
}

TEST(Network, LosesAPieceOfTheClientHelloAndItsRetransmissionMendsIt)
{
    HandshakeLab lab;
    ClientOptions client;
    client.mtu = 256;
    client.hello_padding = 600;
    unsigned pieces = 0;
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        bool is_piece =
            to_server && datagram.at(13) == SL_HANDSHAKE_CLIENT_HELLO && datagram.at(18) == 1;
        return is_piece && pieces++ == 1 ? Fate::Lose : Fate::Deliver;
    };
    EXPECT_TRUE(lab.connect(1, client));
}

TEST(Network, LetsTheFinishedOvertakeTheKeyExchange)
{
    HandshakeLab lab;
    for (unsigned id = 1; id <= 2; id++) {
        ClientOptions client;
        if (id == 2)
            client.cid = Bytes{1, 2};
        lab.add_client(id, client);
        Bytes flight;
        lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
            if (!to_server || !is_protected(datagram))
                return Fate::Deliver;
            flight = datagram;
            return Fate::Lose;
        };
        lab.start(id);
        ASSERT_TRUE(lab.run_until([&] { return !flight.empty(); }, 800));
        std::vector<size_t> at = records_of(flight);
        at.push_back(flight.size());
        ASSERT_EQ(at.size(), 4u) << "key exchange, change of cipher spec, Finished";
        for (size_t i = at.size() - 1; i-- > 0;)
            lab.worker_of(id).receive(
                id, Bytes(flight.begin() + (long)at[i], flight.begin() + (long)at[i + 1]));
        EXPECT_TRUE(lab.run_until([&] { return lab.is_connected(id); }, 800))
            << "without a retransmission";
    }
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_BAD_RECORD), 0u);
}

TEST(Network, LosesOurLastFlightAndTheClientGetsItOnRequest)
{
    HandshakeLab lab;
    unsigned lost = 0;
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        return !to_server && is_protected(datagram) && lost++ < 2 ? Fate::Lose : Fate::Deliver;
    };
    ClientOptions client;
    client.cid = Bytes{4, 5, 6};
    ASSERT_TRUE(lab.connect(1, client)) << lab.client(1).error();
    EXPECT_EQ(lost, 3u);
    EXPECT_EQ(repeats(lab), 2u);
    /* Sealed under a fresh number each time: the test's worker throws otherwise. */
    EXPECT_EQ(lab.peer(1).epoch->write_next, 3u);
    lab.client(1).send({1});
    lab.run_for(50);
    EXPECT_EQ(lab.peer(1).data.size(), 1u);
}

TEST(LastFlight, IsKeptAloneWhenTheOneBeforeIsSentAgainWithIt)
{
    HandshakeLab lab;
    ClientOptions client;
    client.timeout_ms = 990; /* its third Finished comes when libssl's timer here is due */
    unsigned second_flights = 0, last_flights = 0;
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        if (!is_protected(datagram))
            return Fate::Deliver;
        bool is_lost = to_server ? second_flights++ < 2 : last_flights++ < 1;
        return is_lost ? Fate::Lose : Fate::Deliver;
    };
    ASSERT_TRUE(lab.connect(1, client));
    EXPECT_EQ(repeats(lab), 1u);
    const std::vector<Part> &repeated = lab.peer(1).sends.back();
    ASSERT_EQ(repeated.size(), 2u);
    EXPECT_EQ(repeated[0].type, SL_CONTENT_CHANGE_CIPHER_SPEC);
    EXPECT_EQ(repeated[1].epoch, 1);
}

TEST(LastFlight, IsRepeatedAtMostOnceIn100Milliseconds)
{
    HandshakeLab lab;
    ASSERT_TRUE(lab.connect(1));
    uint64_t handle = lab.peer(1).handle;
    lab.run_for(1000);
    for (int i = 0; i < 50; i++) {
        ASSERT_TRUE(lab.worker_of(1).post(SL_MESSAGE_REPEAT, handle, {}));
        lab.run_for(10);
    }
    EXPECT_EQ(repeats(lab), 5u);
    EXPECT_EQ(lab.peer(1).sends.back().size(), 2u);
}

TEST(LastFlight, IsNotRepeatedRightAfterItWasSent)
{
    HandshakeLab lab;
    lab.add_client(1);
    lab.start(1);
    ASSERT_TRUE(lab.run_until([&] { return lab.peer(1).is_established; }));
    ASSERT_TRUE(lab.worker_of(1).post(SL_MESSAGE_REPEAT, lab.peer(1).handle, {}));
    lab.run_for(50);
    EXPECT_EQ(repeats(lab), 0u);
}

TEST(LastFlight, IsKeptFor240Seconds)
{
    HandshakeLab lab;
    ASSERT_TRUE(lab.connect(1));
    uint64_t handle = lab.peer(1).handle;
    lab.run_for(239000);
    ASSERT_TRUE(lab.worker_of(1).post(SL_MESSAGE_REPEAT, handle, {}));
    lab.run_for(0);
    EXPECT_EQ(repeats(lab), 1u);
    lab.run_for(1000);
    ASSERT_TRUE(lab.worker_of(1).post(SL_MESSAGE_REPEAT, handle, {}));
    lab.run_for(0);
    EXPECT_EQ(repeats(lab), 1u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_STALE), 1u);
}

TEST(LastFlight, OfTheOldestMakesRoom)
{
    LabOptions options;
    options.last_flights_max = 3;
    HandshakeLab lab(options);
    for (unsigned id = 1; id <= 5; id++)
        ASSERT_TRUE(lab.connect(id));
    lab.worker_of(4).close(4);
    lab.run_for(200);
    for (unsigned id : {1u, 2u, 3u, 5u})
        ASSERT_TRUE(lab.worker_of(id).post(SL_MESSAGE_REPEAT, lab.peer(id).handle, {}));
    lab.run_for(0);
    EXPECT_EQ(repeats(lab), 2u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_STALE), 2u);
    for (unsigned id = 6; id <= 12; id++)
        ASSERT_TRUE(lab.connect(id));
}

TEST(LastFlight, IsForgottenWhenTheSessionIsClosed)
{
    HandshakeLab lab;
    ASSERT_TRUE(lab.connect(1));
    uint64_t handle = lab.peer(1).handle;
    lab.worker_of(1).close(1);
    lab.run_for(200);
    ASSERT_TRUE(lab.worker_of(1).post(SL_MESSAGE_REPEAT, handle, {}));
    lab.run_for(0);
    EXPECT_EQ(repeats(lab), 0u);
    EXPECT_EQ(lab.counter(SL_HANDSHAKE_STALE), 1u);
}

TEST(LastFlight, IsAlsoAskedForByRecordsThatWereOnTheirWay)
{
    HandshakeLab lab;
    Bytes second_flight;
    lab.judge = [&](bool to_server, unsigned, const Bytes &datagram) {
        if (to_server && is_protected(datagram))
            second_flight = datagram;
        return Fate::Deliver;
    };
    ASSERT_TRUE(lab.connect(1));
    lab.run_for(200);
    ASSERT_TRUE(lab.worker_of(1).post_record(
        1, Bytes(second_flight.begin(),
                 second_flight.begin() + (long)records_of(second_flight).at(1))));
    lab.run_for(0);
    EXPECT_EQ(repeats(lab), 1u);
}
