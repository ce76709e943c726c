// Receiving: sizes, order, joined datagrams, turns, errors, and a pool that runs dry.
#include "sockets_fixture.h"

#include <algorithm>
#include <memory>

using test::Peer;
using test::Sockets;
using test::text;

TEST(SocketsReceive, EverySizeInBothFamiliesJoinedOrNot)
{
    for (bool v6 : {false, true})
        for (bool is_unsegmented : {false, true}) {
            Sockets s(1, 64, SL_SOCKETS_ROOM_MAX);
            Peer peer(v6);
            s.config.is_unsegmented = is_unsegmented;
            s.create();
            s.open(0, peer.tuple());
            unsigned number = 0;
            for (size_t len : {0, 1, 2, 63, 64, 65, 1200, 1500, 9000, 32768, 65506, 65507}) {
                peer.send(text(len, number), s.port(0));
                auto got = s.receive(1);
                ASSERT_EQ(1U, got.size()) << len;
                EXPECT_EQ(text(len, number), got[0].bytes);
                number++;
            }
            EXPECT_TRUE(s.is_pool_whole());
        }
}

TEST(SocketsReceive, KeepsTheOrderOfASource)
{
    Sockets s;
    Peer peer;
    s.create();
    s.open(0, peer.tuple());
    for (unsigned i = 0; i < 200; i++)
        peer.send(text(100 + i % 3, i), s.port(0));
    auto got = s.receive(200);
    ASSERT_EQ(200U, got.size());
    for (unsigned i = 0; i < 200; i++)
        ASSERT_EQ(text(100 + i % 3, i), got[i].bytes) << i;
    EXPECT_EQ(200U, s.count(SL_SOCKET_RECEIVED));
}

TEST(SocketsReceive, SplitsJoinedDatagramsWhateverTheBurst)
{
    for (unsigned burst : {1U, 7U, (unsigned)SL_BURST, 200U})
        for (size_t segment_len : {1, 100, 1000}) {
            Sockets s(1, 256, 1000);
            Peer peer;
            s.create();
            s.open(0, peer.tuple());
            const size_t len = 20 * segment_len - (segment_len > 1 ? 3 : 0); // a shorter last
            const std::string whole = text(len, 9);
            peer.send_cut(whole, (uint16_t)segment_len, s.port(0));
            peer.send("behind", s.port(0));
            auto got = s.receive(21, burst);
            ASSERT_EQ(21U, got.size());
            for (size_t i = 0; i < 20; i++)
                ASSERT_EQ(whole.substr(i * segment_len, segment_len), got[i].bytes) << i;
            EXPECT_EQ("behind", got[20].bytes);
            EXPECT_EQ(20U, s.count(SL_SOCKET_JOINED)) << "loopback joins what was sent as one";
            EXPECT_TRUE(s.is_pool_whole());
        }
}

TEST(SocketsReceive, AFrameInUseIsNotReadForTheNext)
{
    Sockets s(1, 256, 1000);
    Peer peer;
    s.create();
    s.open(0, peer.tuple());
    const std::string whole = text(500, 3);
    peer.send_cut(whole, 100, s.port(0));
    ASSERT_TRUE(sl_sockets_wait(s.sockets, 1000000000));
    sl_frame *frames[5];
    for (unsigned i = 0; i < 5; i++) { // the caller writes all over what it got
        ASSERT_EQ(1U, sl_sockets_receive(s.sockets, &frames[i], 1));
        EXPECT_EQ(whole.substr(i * 100, 100), std::string((char *)frames[i]->data, frames[i]->len));
        memset(frames[i]->data - SL_SOCKETS_HEADROOM, 0xee, SL_SOCKETS_HEADROOM + 1000);
    }
    sl_sockets_free(s.sockets, frames, 5);
}

TEST(SocketsReceive, WhatIsTooLargeForAFrameIsCounted)
{
    for (bool is_unsegmented : {false, true}) {
        Sockets s(1, 64, 500);
        Peer peer;
        s.config.is_unsegmented = is_unsegmented;
        s.create();
        s.open(0, peer.tuple());
        peer.send(text(501, 1), s.port(0));
        peer.send(text(500, 2), s.port(0));
        peer.send(text(65507, 3), s.port(0));
        peer.send_cut(text(600 * 3 + 400, 4), 600, s.port(0)); // only the last fits
        peer.send("end", s.port(0));
        auto got = s.receive(3);
        ASSERT_EQ(3U, got.size());
        EXPECT_EQ(text(500, 2), got[0].bytes);
        EXPECT_EQ(text(600 * 3 + 400, 4).substr(1800), got[1].bytes);
        EXPECT_EQ("end", got[2].bytes);
        EXPECT_EQ(5U, s.count(SL_SOCKET_RECEIVE_TOO_LARGE));
        EXPECT_TRUE(s.is_pool_whole());
    }
}

TEST(SocketsReceive, ABusySourceKeepsNobodyOut)
{
    Sockets s(3, 4096, 100);
    Peer busy, quiet;
    s.create();
    s.open(0, busy.tuple());
    s.open(1, busy.tuple());
    s.open(2, quiet.tuple());
    for (unsigned i = 0; i < 500; i++)
        for (unsigned source : {0U, 1U})
            busy.send(text(64, i), s.port(source));
    sl_frame *frames[SL_BURST];
    unsigned n = sl_sockets_receive(s.sockets, frames, SL_BURST);
    EXPECT_EQ((unsigned)SL_BURST, n);
    EXPECT_EQ(n / 2,
              (unsigned)std::count_if(frames, frames + n,
                                      [](const sl_frame *frame) { return frame->tuple_hash == 0; }))
        << "they take turns";
    sl_sockets_free(s.sockets, frames, n);
    quiet.send("me too", s.port(2));
    auto got = s.receive(3 * SL_BURST);
    EXPECT_EQ(1, std::count(got.begin(), got.end(), Sockets::Datagram{"me too", 2}));
}

TEST(SocketsReceive, AnEmptyPoolLosesNothing)
{
    Sockets s(1, 10, 100);
    Peer peer;
    s.create();
    s.open(0, peer.tuple());
    peer.send_cut(text(3200, 1), 100, s.port(0)); // 32
    for (unsigned i = 0; i < 8; i++)
        peer.send(text(50, i), s.port(0));
    ASSERT_TRUE(sl_sockets_wait(s.sockets, 1000000000));
    sl_frame *frames[SL_BURST];
    unsigned got = 0;
    for (unsigned turn = 0; turn < 100 && got < 40; turn++) {
        unsigned n = sl_sockets_receive(s.sockets, frames, SL_BURST);
        EXPECT_LE(n, 10U);
        for (unsigned i = 0; i < n; i++, got++)
            EXPECT_EQ(got < 32 ? text(3200, 1).substr(got * 100, 100) : text(50, got - 32),
                      std::string((char *)frames[i]->data, frames[i]->len));
        sl_sockets_free(s.sockets, frames, n);
    }
    EXPECT_EQ(40U, got);
    EXPECT_LT(0U, s.count(SL_SOCKET_POOL_EMPTY));
    EXPECT_EQ(10U, sl_sockets_take(s.sockets, frames, 10));
    peer.send("later", s.port(0));
    sl_frame *none;
    EXPECT_EQ(0U, sl_sockets_receive(s.sockets, &none, 1));
    sl_sockets_free(s.sockets, frames, 10);
    EXPECT_EQ(1U, s.receive(1).size());
}

TEST(SocketsReceive, ARefusalIsCountedAndDatagramsBehindItCome)
{
    Sockets s;
    auto peer = std::make_unique<Peer>();
    s.create();
    s.open(0, peer->tuple());
    for (unsigned i = 0; i < 20; i++) // more than a turn takes
        peer->send(text(10, i), s.port(0));
    peer->hang_up();
    EXPECT_EQ(1U, s.send({{"anybody there?", 0}})); // comes back as ECONNREFUSED
    EXPECT_EQ(20U, s.receive(20).size());
    sl_frame *frame;
    EXPECT_EQ(0U, sl_sockets_receive(s.sockets, &frame, 1));
    EXPECT_EQ(1U, s.count(SL_SOCKET_REFUSED));
    EXPECT_FALSE(sl_sockets_wait(s.sockets, 0)) << "the error has been taken";
    EXPECT_TRUE(s.is_pool_whole());
}

TEST(SocketsReceive, WhatAFullBufferLostIsCounted)
{
    for (bool by_closing : {false, true}) {
        Sockets s;
        Peer peer;
        s.config.receive_buffer_len = 4096;
        s.create();
        s.open(0, peer.tuple());
        for (unsigned i = 0; i < 100; i++)
            peer.send(text(1000, i), s.port(0));
        const size_t got = s.receive(100).size();
        EXPECT_GT(100U, got);
        EXPECT_EQ(0U, s.count(SL_SOCKET_OVERRUN));
        if (by_closing)
            sl_sockets_close(s.sockets, 0);
        for (unsigned again = 0; again < 2; again++)
            sl_sockets_count_overruns(s.sockets);
        EXPECT_EQ(100U, got + s.count(SL_SOCKET_OVERRUN));
    }
}
