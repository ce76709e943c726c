// Several ports: by which one a message leaves, and who else waits when one of them is blocked.
#include "connect_bench.h"
#include "stranger.h"
#include "two_ports.h"

using namespace sluice;

TEST(WorkerPorts, MessagesOfOneBurstLeaveByThePortsOfTheirPaths)
{
    TwoPorts ports;
    WorkerBench &bench = ports.bench;
    Peer &near = ports.near, &far = ports.far;
    for (uint8_t i = 0; i < 10; i++)
        ports.consumer.Send(SL_RING_SEND, i % 2 ? far.handle : near.handle, {i});
    bench.Turn();
    std::vector<Bytes> frames = bench.Sent();
    ASSERT_EQ(frames.size(), 10u);
    for (unsigned i = 0; i < 10; i++) { /* the first port's all at once */
        Peer &peer = i < 5 ? near : far;
        const size_t headers_len = i < 5 ? 42 : 46;
        const auto opened =
            bench.Open(peer, Bytes(frames[i].begin() + (long)headers_len, frames[i].end()));
        EXPECT_TRUE(opened.ok);
        EXPECT_EQ(opened.plain, Bytes{(uint8_t)(i < 5 ? 2 * i : 2 * (i - 5) + 1)});
        EXPECT_EQ(frames[i][12], i < 5 ? 0x08 : 0x81);
    }
}

// What goes to others than consumers: answers in the frames that ask for them, and handshakes.
struct WorkerBlockedPort : testing::Test {
    ConnectBench bench{Options()};

    static WorkerBench::Options Options()
    {
        WorkerBench::Options options = TwoPorts::Options();
        options.begins_sessions = true;
        return options;
    }
    // The second port has an answer to a stranger, and does not take it.
    void SetUp() override
    {
        bench.blocked.insert(1);
        HelloToIt();
        EXPECT_EQ(bench.drops(SL_DROP_ANSWER_NO_BUFFER), 0u);
    }
    void HelloToIt()
    {
        sl_path path = WorkerBench::ClientPath(2);
        path.hop.vlan_id = WorkerBench::kVlan;
        bench.ReceiveMixed({WorkerBench::UdpFrame(path, WorkerBench::ClientHello({}))}, {1});
    }
};

TEST_F(WorkerBlockedPort, StrangersElsewhereAreAnswered)
{
    const sl_path path = WorkerBench::ClientPath(1);
    bench.Receive({WorkerBench::UdpFrame(path, WorkerBench::ClientHello({})), Arp(path)});
    EXPECT_EQ(bench.Sent().size(), 2u);
    HelloToIt();
    EXPECT_EQ(bench.drops(SL_DROP_ANSWER_NO_BUFFER), 1u);
}

TEST_F(WorkerBlockedPort, NextHopsElsewhereAreAskedFor)
{
    bench.FindHop(7, 0U);
    EXPECT_EQ(bench.Sent().size(), 1u);
}

TEST_F(WorkerBlockedPort, HandshakesElsewhereGoOnWhenItIsGivenUp)
{
    const uint64_t handle = bench.BeginHandshake(WorkerBench::ClientPath(1));
    bench.Sent();
    const Bytes parts = {SL_CONTENT_HANDSHAKE, 0, 0, 2, 2, 0};
    struct sl_message_send send = {};
    send.count = 1;
    send.bytes_len = (uint16_t)parts.size();
    bench.FromHandshaker(SL_MESSAGE_SEND, handle, &send, offsetof(struct sl_message_send, bytes),
                         parts);
    bench.now_ns += 90 * kMillisecond;
    bench.Turn();
    EXPECT_TRUE(bench.Sent().empty()) << "for a moment all flights wait";
    bench.now_ns += 10 * kMillisecond;
    bench.Turn();
    EXPECT_EQ(bench.Sent().size(), 1u);
}

TEST_F(WorkerBlockedPort, ANextHopBehindItIsGivenUpAndThoseElsewhereAreNot)
{
    const sl_message_find_hop behind = {7, 1, bench.Servers().at(0),
                                        WorkerBench::ClientPath(0, 1, false).tuple.local_ip};
    bench.FromControl(SL_MESSAGE_FIND_HOP, &behind, sizeof behind);
    bench.FindHop(8, 0U);
    bench.Receive({AnswerTo(bench.Sent().at(0))});
    bench.Turn(2020); // a millisecond each
    const auto told = bench.Told<sl_message_hop>(SL_MESSAGE_HOP);
    ASSERT_EQ(told.size(), 2u);
    EXPECT_EQ(told[0].attempt, 8u);
    EXPECT_TRUE(told[0].is_known);
    EXPECT_EQ(told[1].attempt, 7u);
    EXPECT_FALSE(told[1].is_known);
}

TEST(WorkerBlockedPorts, AreGivenUpAlsoWhenNoneIsLeft)
{
    TwoPorts ports;
    WorkerBench &bench = ports.bench;
    bench.blocked = {0, 1};
    for (const Peer *peer : {&ports.near, &ports.far})
        ASSERT_TRUE(ports.consumer.Send(SL_RING_SEND, peer->handle, {1}));
    bench.Turn(); // each port has a frame
    for (const Peer *peer : {&ports.near, &ports.far})
        ASSERT_TRUE(ports.consumer.Send(SL_RING_SEND, peer->handle, {2}));
    bench.now_ns += 90 * kMillisecond;
    bench.Turn();
    EXPECT_EQ(bench.events(SL_COUNTER_COLLECTED), 2u);
    EXPECT_TRUE(ports.consumer.Receive().empty());
    bench.now_ns += 10 * kMillisecond;
    bench.Turn();
    EXPECT_EQ(bench.drops(SL_DROP_SEND_PORT), 2u);
    EXPECT_EQ(ports.consumer.Receive().size(), 2u);
}

TEST(WorkerSlowPort, HoldsUpHandshakesElsewhereForAMomentAtMost)
{
    TwoPorts ports;
    WorkerBench &bench = ports.bench;
    const uint64_t handle = bench.BeginHandshake(WorkerBench::ClientPath(9), 9);
    bench.Sent();
    bench.room_of[1] = 0;
    for (int i = 0; i < 64; i++)
        ASSERT_TRUE(ports.consumer.Send(SL_RING_SEND, ports.far.handle, {1}));
    bench.Turn(4);
    const Bytes parts = {SL_CONTENT_HANDSHAKE, 0, 0, 2, 2, 0};
    struct sl_message_send send = {};
    send.count = 1;
    send.bytes_len = (uint16_t)parts.size();
    bench.FromHandshaker(SL_MESSAGE_SEND, handle, &send, offsetof(struct sl_message_send, bytes),
                         parts);
    bench.Turn();
    EXPECT_TRUE(bench.Sent().empty()) << "for a moment all flights wait";
    bool has_left = false;
    for (unsigned frame = 0; frame < 4; frame++) {
        bench.room_of[1] = 1;
        bench.now_ns += 30 * kMillisecond;
        bench.Turn();
        for (const Bytes &sent : bench.Sent())
            has_left |= sent[12] == 0x08; // not the other port's VLAN
    }
    EXPECT_TRUE(has_left);
    EXPECT_EQ(bench.drops(SL_DROP_SEND_PORT), 0u);
}

TEST(WorkerSlowPort, HoldsUpHandshakesElsewhereAnewOnlyWhenItWasEmpty)
{
    TwoPorts ports;
    WorkerBench &bench = ports.bench;
    const uint64_t handle = bench.BeginHandshake(WorkerBench::ClientPath(9), 9);
    for (bool was_empty : {false, true}) {
        bench.room_of[1] = 0;
        for (int i = 0; i < 3; i++)
            ASSERT_TRUE(ports.consumer.Send(SL_RING_SEND, ports.far.handle, {1}));
        bench.Turn(2);
        bench.room_of[1] = was_empty ? UINT32_MAX : 1;
        bench.now_ns += 100 * kMillisecond;
        bench.Turn();
        bench.room_of[1] = 0;
        ASSERT_TRUE(ports.consumer.Send(SL_RING_SEND, ports.far.handle, {1}));
        bench.Turn(2);
        bench.Sent();
        const Bytes parts = {SL_CONTENT_HANDSHAKE, 0, 0, 2, 2, 0};
        struct sl_message_send send = {};
        send.count = 1;
        send.bytes_len = (uint16_t)parts.size();
        bench.FromHandshaker(SL_MESSAGE_SEND, handle, &send,
                             offsetof(struct sl_message_send, bytes), parts);
        bench.Turn();
        EXPECT_EQ(bench.Sent().size(), was_empty ? 0u : 1u);
    }
}

TEST(WorkerSlowPort, IsWaitedForAtTheEndWhileItTakesAFrameNowAndThen)
{
    TwoPorts ports;
    WorkerBench &bench = ports.bench;
    bench.room_of[1] = 0;
    for (int i = 0; i < 9; i++)
        ASSERT_TRUE(ports.consumer.Send(SL_RING_SEND, ports.far.handle, {1}));
    bench.Turn(2);
    bench.Stop();
    size_t sent = 0;
    for (int time = 0; time < 60 && !sl_worker_is_stopped(bench.worker()); time++) {
        bench.room_of[1] = 1;
        bench.now_ns += 50 * kMillisecond;
        bench.Turn();
        sent += bench.Sent().size();
    }
    EXPECT_TRUE(sl_worker_is_stopped(bench.worker()));
    EXPECT_EQ(sent, 11u) << "and both sessions' alerts";
}

TEST(WorkerSlowPort, IsWaitedForWhileItTakesAFrameNowAndThen)
{
    TwoPorts ports;
    WorkerBench &bench = ports.bench;
    bench.transmit_limit = 0;
    for (uint8_t i = 0; i < 10; i++)
        ASSERT_TRUE(ports.consumer.Send(SL_RING_SEND, ports.far.handle, {i}));
    bench.Turn(); // they are in its outbox
    ASSERT_TRUE(ports.consumer.Send(SL_RING_SEND, ports.far.handle, {10}));
    for (int time = 0; time < 9; time++) {
        bench.now_ns += 50 * kMillisecond;
        bench.transmit_limit = 1;
        bench.Turn();
        EXPECT_EQ(bench.Sent().size(), 1u);
    }
    EXPECT_EQ(bench.events(SL_COUNTER_COLLECTED), 10u);
    EXPECT_EQ(bench.drops(SL_DROP_SEND_PORT), 0u);
}

TEST(WorkerSlowPort, ThatWasDryOnceIsWaitedForWhenItTakesNothing)
{
    TwoPorts ports;
    WorkerBench &bench = ports.bench;
    bench.frames_of[1] = 0;
    for (unsigned i = 0; i <= SL_BURST; i++) {
        ASSERT_TRUE(ports.consumer.Send(SL_RING_SEND, ports.far.handle, {1}));
        bench.Turn();
    }
    ASSERT_LE(bench.Sent().size(), (size_t)SL_BURST);
    bench.blocked.insert(1); // in the moment when it has frames again
    bench.frames_of.clear();
    bench.now_ns += 50 * kMillisecond;
    bench.Turn();
    ASSERT_TRUE(ports.consumer.Send(SL_RING_SEND, ports.far.handle, {2}));
    bench.now_ns += 60 * kMillisecond;
    bench.Turn(3);
    EXPECT_EQ(bench.drops(SL_DROP_SEND_PORT), 0u);
}

/** A session by the first port whose peer was heard last at an address that the second leads to. */
struct MovedToTheOtherPort {
    static WorkerBench::Options Options()
    {
        WorkerBench::Options options = TwoPorts::Options();
        options.peer_moves = SL_PEER_MOVES_HOLD;
        return options;
    }
    MovedToTheOtherPort()
    {
        bench.Attach(consumer);
        peer = bench.Connect(WorkerBench::ClientPath(1), true);
        peer.path = WorkerBench::ClientPath(2);
        peer.path.hop.vlan_id = WorkerBench::kVlan;
        const Bytes record = bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, Bytes(100));
        bench.ReceiveMixed({WorkerBench::UdpFrame(peer.path, record)}, {1});
        bench.Sent();
    }

    WorkerBench bench{Options()};
    Consumer consumer{0, 0, 0};
    Peer peer;
};

TEST(WorkerPorts, AMessageToACandidateWaitsForThePortThatLeadsThere)
{
    MovedToTheOtherPort moved;
    moved.bench.frames_of[1] = 0;
    ASSERT_TRUE(moved.consumer.Send(SL_RING_SEND, moved.peer.handle, {1}));
    moved.bench.Turn(5);
    EXPECT_TRUE(moved.bench.Sent().empty());
    moved.bench.frames_of.clear();
    moved.bench.Turn();
    EXPECT_EQ(moved.bench.Sent().size(), 1u);
}

TEST(WorkerPorts, AnAlertToACandidateLeavesByThePortThatLeadsThere)
{
    MovedToTheOtherPort moved;
    moved.bench.room_of[0] = 0;
    ASSERT_TRUE(moved.consumer.Send(SL_RING_CLOSE_SESSION, moved.peer.handle));
    moved.bench.Turn();
    const std::vector<Bytes> sent = moved.bench.Sent();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0][12], 0x81) << "tagged as that port's frames are";
}

TEST(WorkerOnlyPort, ASessionEndsWhenThereIsAFrameForItsAlert)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    bench.frames_of[0] = 0;
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    ASSERT_TRUE(consumer.Send(SL_RING_CLOSE_SESSION, peer.handle));
    bench.Turn(5);
    EXPECT_EQ(bench.sessions(), 1u);
    bench.frames_of.clear();
    bench.Turn();
    EXPECT_EQ(bench.sessions(), 0u);
    EXPECT_EQ(bench.Sent().size(), 1u);
}

TEST(WorkerOnlyPort, IsWaitedForAsLongAsItTakes)
{
    for (bool is_dry : {true, false}) {
        WorkerBench bench;
        Consumer consumer(0, 0, 0);
        bench.Attach(consumer);
        Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
        consumer.Receive();
        is_dry ? (void)(bench.frames_of[0] = 0) : (void)bench.blocked.insert(0);
        for (uint8_t i = 0; i < 100; i++)
            ASSERT_TRUE(consumer.Send(SL_RING_SEND, peer.handle, {i}));
        for (int second = 0; second < 10; second++) {
            bench.now_ns += kSecond;
            bench.Turn(5);
        }
        EXPECT_TRUE(consumer.Receive().empty());
        bench.frames_of.clear();
        bench.blocked.clear();
        bench.Sent();
        bench.Turn(10);
        EXPECT_EQ(bench.drops(SL_DROP_SEND_NO_BUFFER) + bench.drops(SL_DROP_SEND_PORT), 0u);
        EXPECT_FALSE(bench.Sent().empty());
        EXPECT_EQ(bench.events(SL_COUNTER_COLLECTED), 100u);
    }
}
