// Sending: order, runs that the kernel cuts, sources mixed in a burst, full queues and errors.
#include "sockets_fixture.h"

#include <map>
#include <memory>

#include "own_network.h"

using test::Peer;
using test::Sockets;
using test::text;

namespace
{

/** Runs that can be cut, shorter lasts, longer ones, empty ones, and single ones. */
std::vector<size_t> lengths()
{
    std::vector<size_t> out;
    for (size_t len : {100, 100, 100, 40, 100, 0, 0, 100, 100, 200, 200, 200, 1, 1, 1, 1400})
        out.push_back(len);
    for (unsigned i = 0; i < 100; i++) // longer than any run
        out.push_back(1400);
    out.push_back(1399);
    return out;
}

} // namespace

TEST(SocketsTransmit, CutOrNotTheDatagramsAreTheSame)
{
    for (bool v6 : {false, true})
        for (bool is_unsegmented : {false, true}) {
            Sockets s;
            Peer peer(v6);
            s.config.is_unsegmented = is_unsegmented;
            s.create();
            s.open(0, peer.tuple());
            std::vector<Sockets::Datagram> sent;
            for (size_t len : lengths())
                sent.push_back({text(len, (unsigned)sent.size()), 0});
            ASSERT_EQ(sent.size(), s.send(sent));
            auto got = peer.receive(sent.size());
            ASSERT_EQ(sent.size(), got.size());
            for (size_t i = 0; i < sent.size(); i++)
                ASSERT_EQ(sent[i].bytes, got[i].bytes) << i;
            EXPECT_TRUE(peer.is_quiet());
            EXPECT_EQ(sent.size(), s.count(SL_SOCKET_SENT));
            if (is_unsegmented)
                EXPECT_EQ(0U, s.count(SL_SOCKET_CUT));
            else
                EXPECT_LT(100U, s.count(SL_SOCKET_CUT));
            EXPECT_EQ(0U, s.count(SL_SOCKET_UNCUT));
            EXPECT_TRUE(s.is_pool_whole());
        }
}

TEST(SocketsTransmit, EverySizeWithinTheRoom)
{
    for (bool v6 : {false, true}) {
        Sockets s(1, 64, SL_SOCKETS_ROOM_MAX);
        Peer peer(v6);
        s.create();
        s.open(0, peer.tuple());
        for (size_t len : {1, 2, 63, 64, 65, 1200, 1500, 9000, 32753, 32754, 65506, 65507}) {
            // Three of 32,754 are more than one message.
            ASSERT_EQ(3U, s.send({{text(len, 1), 0}, {text(len, 2), 0}, {text(len, 3), 0}}));
            auto got = peer.receive(3);
            ASSERT_EQ(3U, got.size()) << len;
            for (unsigned i = 0; i < 3; i++)
                EXPECT_EQ(text(len, i + 1), got[i].bytes);
        }
        EXPECT_EQ(0U, s.count(SL_SOCKET_UNCUT));
    }
}

TEST(SocketsTransmit, MixedSourcesKeepEachOnesOrder)
{
    Sockets s(5);
    Peer peer;
    s.create();
    std::map<uint16_t, unsigned> source_of;
    for (unsigned i = 0; i < 5; i++) {
        s.open(i, peer.tuple());
        source_of[s.port(i)] = i;
    }
    std::vector<Sockets::Datagram> sent;
    for (unsigned i = 0; i < 150; i++)
        sent.push_back({text(200, i), i * i % 5});
    ASSERT_EQ(sent.size(), s.send(sent));
    auto got = peer.receive(sent.size());
    ASSERT_EQ(sent.size(), got.size());
    std::vector<std::string> expected[5], came[5];
    for (const auto &datagram : sent)
        expected[datagram.source].push_back(datagram.bytes);
    for (const auto &datagram : got)
        came[source_of.at(datagram.port)].push_back(datagram.bytes);
    for (unsigned i = 0; i < 5; i++)
        EXPECT_EQ(expected[i], came[i]);
}

TEST(SocketsTransmit, OurOwnReceiverGetsThemAll)
{
    Sockets a(1), b(1);
    Peer peer;
    a.create();
    b.create();
    a.open(0, peer.tuple());
    sl_tuple back = peer.tuple();
    back.remote_port = a.port(0);
    b.open(0, back);
    sl_tuple forth = peer.tuple();
    forth.local_port = a.port(0);
    forth.remote_port = b.port(0);
    sl_sockets_close(a.sockets, 0);
    a.open(0, forth);
    std::vector<Sockets::Datagram> sent;
    for (size_t len : lengths())
        sent.push_back({text(len, (unsigned)sent.size()), 0});
    ASSERT_EQ(sent.size(), a.send(sent));
    EXPECT_EQ(sent, b.receive(sent.size()));
    EXPECT_LT(100U, b.count(SL_SOCKET_JOINED));
}

TEST(SocketsTransmit, ToAClosedPortIsCountedAndNothingIsLost)
{
    test::in_own_network([] {
        test::set_loopback(65535);
        Sockets s;
        auto peer = std::make_unique<Peer>();
        s.create();
        s.open(0, peer->tuple());
        peer->hang_up();
        for (unsigned i = 0; i < 5; i++)
            EXPECT_EQ(1U, s.send({{"alone", 0}}));
        EXPECT_EQ(4U, s.count(SL_SOCKET_REFUSED)) << "the last one's is not told yet";
        std::vector<Sockets::Datagram> sent;
        for (unsigned i = 0; i < 10; i++)
            sent.push_back({text(10 + i, i), 0});
        EXPECT_EQ(10U, s.send(sent));
        EXPECT_EQ(15U, s.count(SL_SOCKET_SENT));
        EXPECT_EQ(14U, s.count(SL_SOCKET_REFUSED) + s.count(SL_SOCKET_SEND_ERROR));
        EXPECT_EQ(0U, s.count(SL_SOCKET_SEND_LOST));
        EXPECT_TRUE(s.is_pool_whole());
    });
}

TEST(SocketsTransmit, WithoutASocketIsLostAndCounted)
{
    Sockets s;
    Peer peer;
    s.create();
    s.open(1, peer.tuple());
    EXPECT_EQ(5U, s.send({{"a", 0}, {"b", 1}, {"c", 4}, {"d", UINT32_MAX}, {"e", 0}}));
    EXPECT_EQ(4U, s.count(SL_SOCKET_SEND_NO_SOURCE));
    auto got = peer.receive(1);
    ASSERT_EQ(1U, got.size());
    EXPECT_EQ("b", got[0].bytes);
    EXPECT_TRUE(s.is_pool_whole());
}

TEST(SocketsTransmit, TooLargeForUdpIsLostAndCounted)
{
    Sockets s(1, 8, SL_SOCKETS_ROOM_MAX);
    Peer peer;
    s.create();
    s.open(0, peer.tuple());
    sl_frame *frames[2] = {s.frame(text(SL_SOCKETS_ROOM_MAX, 1), 0), s.frame("small", 0)};
    frames[0]->data -= 20; // into the headroom
    frames[0]->len = SL_SOCKETS_ROOM_MAX + 20;
    EXPECT_EQ(2U, sl_sockets_transmit(s.sockets, frames, 2));
    EXPECT_EQ(1U, s.count(SL_SOCKET_SEND_TOO_LARGE));
    EXPECT_EQ(1U, s.count(SL_SOCKET_SENT));
    EXPECT_EQ(1U, peer.receive(1).size());
    EXPECT_TRUE(s.is_pool_whole());
}

TEST(SocketsTransmit, WhatThePathCannotCarryCutGoesOneByOne)
{
    test::in_own_network([] {
        test::set_loopback(1500);
        for (bool v6 : {false, true}) {
            Sockets s;
            Peer peer(v6);
            s.create();
            s.open(0, peer.tuple());
            std::vector<Sockets::Datagram> sent;
            for (size_t len : {1600, 1600, 1600, 100, 100, 1600, 1600, 900, 900})
                sent.push_back({text(len, (unsigned)sent.size()), 0});
            ASSERT_EQ(sent.size(), s.send(sent));
            auto got = peer.receive(sent.size());
            ASSERT_EQ(sent.size(), got.size());
            for (size_t i = 0; i < sent.size(); i++)
                EXPECT_EQ(sent[i].bytes, got[i].bytes) << i;
            EXPECT_EQ(1U, s.count(SL_SOCKET_UNCUT)) << "asked once, then known";
            EXPECT_EQ(4U, s.count(SL_SOCKET_CUT)) << "shorter ones still go as one";
        }
    });
}

TEST(SocketsTransmit, AFullSendBufferKeepsTheRestAndHoldsNoOtherUp)
{
    test::in_own_network([] {
        test::set_loopback(65535);
        test::Tap tap; // nobody answers there for a while, so that datagrams wait for a MAC
        Sockets s(2);
        Peer peer;
        s.config.send_buffer_len = 4096;
        s.create();
        s.open(0, tap.tuple());
        s.open(1, peer.tuple());
        std::vector<sl_frame *> frames;
        for (unsigned i = 0; i < 60; i++)
            frames.push_back(s.frame(text(1000 + i, i), i % 3 == 2));
        const unsigned taken = sl_sockets_transmit(s.sockets, frames.data(), 60);
        EXPECT_LE(21U, taken);
        EXPECT_GT(60U, taken);
        EXPECT_LT(0U, s.count(SL_SOCKET_SEND_FULL));
        EXPECT_EQ(20U, peer.receive(20).size());
        unsigned next = 0; // the first of source 0 that was not taken; those behind it follow
        for (unsigned i = taken; i < 60; i++) {
            EXPECT_EQ(0U, frames[i]->tuple_hash);
            EXPECT_LT(next, frames[i]->len);
            next = frames[i]->len;
        }
        EXPECT_EQ(60 - taken, s.config.frame_count - sl_sockets_free_count(s.sockets));
        EXPECT_EQ(0U, sl_sockets_transmit(s.sockets, frames.data() + taken, 60 - taken));
        sl_sockets_free(s.sockets, frames.data() + taken, 60 - taken);
        EXPECT_TRUE(s.is_pool_whole());
    });
}

TEST(SocketsTransmit, WithoutARouteIsLostAndCounted)
{
    test::in_own_network([] {
        Sockets s(1);
        {
            test::Tap tap;
            s.create();
            s.open(0, tap.tuple());
        } // the device is gone
        EXPECT_EQ(2U, s.send({{"one", 0}, {"other", 0}}));
        EXPECT_EQ(2U, s.count(SL_SOCKET_SEND_LOST));
        EXPECT_EQ(4U, s.count(SL_SOCKET_UNREACHABLE)) << "each was tried twice";
        EXPECT_TRUE(s.is_pool_whole());
        sl_sockets_close(s.sockets, 0);
        sl_tuple tuple = test::Tap::tuple();
        EXPECT_EQ(-ENETUNREACH, sl_sockets_open(s.sockets, 0, &tuple));
    });
}
