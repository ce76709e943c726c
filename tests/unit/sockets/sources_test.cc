// Sources: their addresses, errors of opening, rebinding, and very many of them.
#include "sockets_fixture.h"

#include <sys/resource.h>

#include <set>

using test::loopback;
using test::Peer;
using test::Sockets;
using test::text;

TEST(SocketsOpen, SaysWhichAddressItGot)
{
    for (bool v6 : {false, true}) {
        Sockets s;
        Peer peer(v6);
        s.create();
        EXPECT_EQ(nullptr, sl_sockets_tuple(s.sockets, 0));
        EXPECT_EQ(nullptr, sl_sockets_tuple(s.sockets, 4));
        s.open(0, peer.tuple());
        sl_tuple any = peer.tuple();
        any.local_ip = sl_ip{}; // the kernel's choice
        s.open(1, any);
        for (unsigned source : {0U, 1U}) {
            const sl_tuple *tuple = sl_sockets_tuple(s.sockets, source);
            ASSERT_NE(nullptr, tuple);
            EXPECT_EQ(0, memcmp(loopback(v6).bytes, tuple->local_ip.bytes, 16));
            EXPECT_NE(0, tuple->local_port);
            EXPECT_EQ(peer.tuple().remote_port, tuple->remote_port);
        }
        EXPECT_NE(s.port(0), s.port(1));
    }
}

TEST(SocketsOpen, BindsToTheAddressAndPortAskedFor)
{
    Sockets s;
    Peer peer;
    s.create();
    s.open(0, peer.tuple());
    sl_tuple tuple = *sl_sockets_tuple(s.sockets, 0);
    sl_sockets_close(s.sockets, 0);
    s.open(1, tuple);
    EXPECT_EQ(tuple.local_port, s.port(1));
    tuple.local_ip.bytes[15] = 77; // 127.0.0.77, with the same port
    s.open(2, tuple);
    EXPECT_EQ(1U, s.send({{"from 77", 2}}));
    auto got = peer.receive(1);
    ASSERT_EQ(1U, got.size());
    EXPECT_EQ("from 77", got[0].bytes);
    EXPECT_EQ(tuple.local_port, got[0].port);
}

TEST(SocketsOpen, FailsWithTheKernelsReason)
{
    Sockets s;
    Peer peer;
    s.create();
    sl_tuple tuple = peer.tuple();
    s.open(0, tuple);
    EXPECT_EQ(-EBUSY, sl_sockets_open(s.sockets, 0, &tuple));
    EXPECT_EQ(-EINVAL, sl_sockets_open(s.sockets, 4, &tuple));
    tuple.local_port = s.port(0);
    EXPECT_EQ(-EADDRINUSE, sl_sockets_open(s.sockets, 1, &tuple));
    const uint8_t benchmark[4] = {198, 18, 0, 99};
    tuple.local_ip = sl_ip_from_v4(benchmark);
    EXPECT_EQ(-EADDRNOTAVAIL, sl_sockets_open(s.sockets, 1, &tuple));
    tuple.local_ip = loopback(true);
    EXPECT_EQ(-EINVAL, sl_sockets_open(s.sockets, 1, &tuple)) << "two families";
    EXPECT_EQ(nullptr, sl_sockets_tuple(s.sockets, 1));
}

TEST(SocketsOpen, BeyondTheLimitOfDescriptorsFailsAndLeaksNone)
{
    Sockets s(16);
    Peer peer;
    s.create();
    rlimit before, limit;
    ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &before));
    int next = dup(0); // the lowest that is free
    close(next);
    limit = {(rlim_t)next + 2, before.rlim_max};
    ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
    sl_tuple tuple = peer.tuple();
    EXPECT_EQ(0, sl_sockets_open(s.sockets, 0, &tuple));
    EXPECT_EQ(0, sl_sockets_open(s.sockets, 1, &tuple));
    EXPECT_EQ(-EMFILE, sl_sockets_open(s.sockets, 2, &tuple));
    sl_sockets_close(s.sockets, 0);
    EXPECT_EQ(0, sl_sockets_open(s.sockets, 2, &tuple));
    sl_sockets_close(s.sockets, 2);
    tuple.local_port = s.port(1);
    for (unsigned i = 0; i < 4; i++)
        EXPECT_EQ(-EADDRINUSE, sl_sockets_open(s.sockets, 3, &tuple));
    EXPECT_EQ(0, setrlimit(RLIMIT_NOFILE, &before));
}

TEST(SocketsOpen, ADatagramOfAStrangerIsNotReceived)
{
    Sockets s;
    Peer peer, stranger;
    s.create();
    s.open(0, peer.tuple());
    stranger.send("who are you", s.port(0));
    peer.send("it is me", s.port(0));
    auto got = s.receive(1);
    ASSERT_EQ(1U, got.size());
    EXPECT_EQ("it is me", got[0].bytes);
}

TEST(SocketsClose, AndOpenWithAnotherPortIsARebinding)
{
    Sockets s;
    Peer peer;
    s.create();
    s.open(0, peer.tuple());
    const uint16_t old_port = s.port(0);
    peer.send("too late", old_port);
    peer.send("too late too", old_port);
    sl_frame *frame;
    ASSERT_EQ(1U, sl_sockets_receive(s.sockets, &frame, 1)); // the second may be in our hands
    sl_sockets_close(s.sockets, 0);
    EXPECT_EQ(nullptr, sl_sockets_tuple(s.sockets, 0));
    sl_sockets_free(s.sockets, &frame, 1);
    EXPECT_TRUE(s.is_pool_whole());
    Peer other; // takes a port, so that the next is another
    s.open(0, peer.tuple());
    ASSERT_NE(old_port, s.port(0));
    EXPECT_EQ(1U, s.send({{"moved", 0}}));
    auto got = peer.receive(1);
    ASSERT_EQ(1U, got.size());
    EXPECT_EQ(s.port(0), got[0].port);
    peer.send("answer", s.port(0));
    auto answers = s.receive(1);
    ASSERT_EQ(1U, answers.size());
    EXPECT_EQ("answer", answers[0].bytes);
    EXPECT_TRUE(s.is_pool_whole());
}

TEST(SocketsClose, WhileDatagramsWaitGivesAllFramesBack)
{
    Sockets s;
    Peer peer;
    s.create();
    s.open(0, peer.tuple());
    peer.send_cut(text(6400, 1), 100, s.port(0));
    peer.send("more", s.port(0));
    sl_frame *frame;
    ASSERT_TRUE(sl_sockets_wait(s.sockets, 1000000000));
    ASSERT_EQ(1U, sl_sockets_receive(s.sockets, &frame, 1)); // 63 of them wait in our hands
    sl_sockets_close(s.sockets, 0);
    sl_sockets_close(s.sockets, 0); // nothing to do
    sl_sockets_free(s.sockets, &frame, 1);
    EXPECT_TRUE(s.is_pool_whole());
    EXPECT_EQ(0U, sl_sockets_receive(s.sockets, &frame, 1));
}

TEST(SocketsScale, TwoThousandSourcesEachGetTheirOwn)
{
    constexpr unsigned kSources = 2000;
    char reason[256];
    ASSERT_EQ(0, sl_sockets_raise_limit(kSources, reason)) << reason;
    Sockets s(kSources, 512, 256);
    Peer peer;
    s.create();
    for (unsigned i = 0; i < kSources; i++)
        s.open(i, peer.tuple());
    for (unsigned first = 0; first < kSources; first += 100) {
        std::vector<Sockets::Datagram> sent;
        for (unsigned i = first; i < first + 100; i++)
            for (unsigned copy = 0; copy < 2; copy++)
                sent.push_back({"source " + std::to_string(i), i});
        ASSERT_EQ(200U, s.send(sent));
        auto got = peer.receive(200);
        ASSERT_EQ(200U, got.size());
        for (const auto &datagram : got)
            peer.send(datagram.bytes, datagram.port);
    }
    std::multiset<unsigned> sources;
    for (const auto &datagram : s.receive(2 * kSources)) {
        EXPECT_EQ("source " + std::to_string(datagram.source), datagram.bytes);
        sources.insert(datagram.source);
    }
    EXPECT_EQ(2 * kSources, sources.size());
    for (unsigned i = 0; i < kSources; i++)
        EXPECT_EQ(2U, sources.count(i));
    EXPECT_TRUE(s.is_pool_whole());
}
