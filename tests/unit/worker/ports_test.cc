// Several ports: by which one a message leaves, and who waits when one of them is short.
#include <gtest/gtest.h>

#include "connect_bench.h"
#include "stranger.h"

using namespace sluice;

namespace
{

constexpr uint64_t kMillisecond = 1000000;

/** A consumer's two sessions, each over a port of its own. */
struct TwoPorts {
    WorkerBench bench;
    Consumer consumer{0, 0, 0};
    Peer near, far;

    TwoPorts() : bench(Options())
    {
        bench.Attach(consumer);
        near = bench.Connect(WorkerBench::ClientPath(1), true);
        far = bench.Connect(WorkerBench::ClientPath(2), true);
        far.path = WorkerBench::ClientPath(3); /* it moves to where the other port leads */
        far.path.hop.vlan_id = WorkerBench::kVlan;
        const Bytes record = bench.Seal(far, SL_CONTENT_APPLICATION_DATA, {1});
        bench.ReceiveMixed({WorkerBench::UdpFrame(far.path, record)}, {1});
        bench.Sent();
        consumer.Receive();
    }
    static WorkerBench::Options Options()
    {
        WorkerBench::Options options;
        options.group_count = 2;
        options.peer_moves = SL_PEER_MOVES_ACCEPT;
        return options;
    }
};

enum class Why { Dry, Blocked };

// One of the two ports has no empty frames, or takes none, and a message waits for it in its ring.
struct WorkerShortPort : testing::TestWithParam<std::tuple<Why, unsigned>> {
    TwoPorts ports;
    WorkerBench &bench = ports.bench;
    const bool is_dry = std::get<0>(GetParam()) == Why::Dry;
    const unsigned group = std::get<1>(GetParam());
    Peer &held = group == 0 ? ports.near : ports.far;
    Peer &other = group == 0 ? ports.far : ports.near;
    const sl_drop drop = is_dry ? SL_DROP_SEND_NO_BUFFER : SL_DROP_SEND_PORT;
    unsigned owed = 0;        // to the peer that the port leads to
    Consumer second{1, 0, 0}; // without sessions

    void SetUp() override
    {
        bench.Attach(second);
        Shorten();
    }
    void Shorten()
    {
        is_dry ? (void)(bench.frames_of[group] = 0) : (void)bench.blocked.insert(group);
        uint64_t collected;
        do { // what the worker has already, or what the port gets that takes nothing
            collected = bench.events(SL_COUNTER_COLLECTED);
            ASSERT_TRUE(ports.consumer.Send(SL_RING_SEND, held.handle, {0xff}));
            bench.Turn();
        } while (bench.events(SL_COUNTER_COLLECTED) > collected);
        owed = is_dry ? 1 : 2;
        bench.Sent();
    }
    void Recover()
    {
        bench.frames_of.clear();
        bench.blocked.clear();
    }
    void Wait(uint64_t ns)
    {
        bench.now_ns += ns;
        bench.Turn(2);
    }
    // What the peer got since the last call, however it got there.
    std::vector<Bytes> Got(Peer &peer)
    {
        for (const Bytes &frame : bench.Sent()) {
            const long headers_len = frame[12] == 0x81 ? 46 : 42; // a VLAN's tag
            const Bytes payload(frame.begin() + headers_len, frame.end());
            for (Peer *to : {&ports.near, &ports.far}) {
                auto opened = bench.Open(*to, payload);
                if (opened.ok)
                    got_[to].push_back(opened.plain);
            }
        }
        return std::exchange(got_[&peer], {});
    }

  private:
    std::map<Peer *, std::vector<Bytes>> got_;
};

} // namespace

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

TEST_P(WorkerShortPort, HoldsUpNoOtherRing)
{
    Recover();
    bench.Turn(2);
    Peer peer = bench.Connect(WorkerBench::ClientPath(9), true, 9);
    peer.path = WorkerBench::ClientPath(10); // where the other port leads
    peer.path.hop.vlan_id = group == 0 ? WorkerBench::kVlan : SL_VLAN_NONE;
    const Bytes record = bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, {1});
    bench.ReceiveMixed({WorkerBench::UdpFrame(peer.path, record)}, {(uint16_t)(1 - group)});
    bench.Sent();
    Shorten();
    for (uint8_t i = 0; i < 100; i++)
        ASSERT_TRUE(second.Send(SL_RING_SEND, peer.handle, {i}));
    bench.Turn(10);
    EXPECT_EQ(bench.Sent().size(), 100u);
    EXPECT_EQ(bench.drops(drop), 0u);
    Recover();
    bench.Turn(2);
    EXPECT_EQ(Got(held), std::vector<Bytes>(owed, Bytes{0xff}));
}

TEST_P(WorkerShortPort, IsWaitedForByWhatStandsBehindInItsRing)
{
    ASSERT_TRUE(ports.consumer.Send(SL_RING_SEND, other.handle, {1}));
    Wait(90 * kMillisecond);
    EXPECT_TRUE(bench.Sent().empty());
    Recover();
    bench.Turn(2);
    EXPECT_EQ(Got(held).size(), owed);
    EXPECT_EQ(Got(other), std::vector<Bytes>{{1}});
    EXPECT_EQ(bench.drops(drop), 0u);
    EXPECT_TRUE(ports.consumer.Receive().empty()) << "nothing is refused";
}

TEST_P(WorkerShortPort, IsGivenUpAfterAWhileUntilItHasRoomAgain)
{
    ASSERT_TRUE(ports.consumer.Send(SL_RING_SEND, other.handle, {1}));
    ASSERT_TRUE(ports.consumer.Send(SL_RING_SEND, held.handle, {2}));
    ASSERT_TRUE(ports.consumer.Send(SL_RING_SEND, other.handle, {3}));
    Wait(100 * kMillisecond);
    EXPECT_EQ(Got(other), (std::vector<Bytes>{{1}, {3}}));
    EXPECT_EQ(bench.drops(drop), 2u);
    for (const Event &event : ports.consumer.Receive()) {
        EXPECT_EQ(event.kind, SL_RING_REFUSED);
        EXPECT_EQ(event.detail, SL_REFUSE_NO_BUFFER);
        EXPECT_EQ(event.session, held.handle);
    }
    Recover();
    bench.Turn();
    ASSERT_TRUE(ports.consumer.Send(SL_RING_SEND, held.handle, {4}));
    bench.Turn();
    EXPECT_EQ(Got(held).back(), Bytes{4});
    EXPECT_EQ(bench.drops(drop), 2u);
}

TEST_P(WorkerShortPort, IsWaitedForAnewWhenItHadRoomMeanwhile)
{
    Wait(90 * kMillisecond);
    bench.blocked.clear();
    bench.frames_of[group] = bench.transmit_limit = 1;
    bench.Turn();
    EXPECT_EQ(bench.Sent().size(), 1u);
    ASSERT_TRUE(ports.consumer.Send(SL_RING_SEND, held.handle, {1}));
    bench.Turn();
    Wait(90 * kMillisecond);
    EXPECT_EQ(bench.drops(drop), 0u);
    Wait(10 * kMillisecond);
    EXPECT_EQ(bench.drops(drop), 1u);
}

TEST_P(WorkerShortPort, ASessionThatMovesAwayFromItKeepsTheOrderOfItsMessages)
{
    ASSERT_TRUE(ports.consumer.Send(SL_RING_SEND, held.handle, {1}));
    bench.Turn(2);
    held.path = WorkerBench::ClientPath(20);
    held.path.hop.vlan_id = group == 0 ? WorkerBench::kVlan : SL_VLAN_NONE;
    bench.ReceiveMixed(
        {WorkerBench::UdpFrame(held.path, bench.Seal(held, SL_CONTENT_APPLICATION_DATA, {1}))},
        {(uint16_t)(1 - group)});
    ASSERT_TRUE(ports.consumer.Send(SL_RING_SEND, held.handle, {2}));
    bench.Turn(2);
    EXPECT_EQ(Got(held), (std::vector<Bytes>{{0xff}, {1}, {2}}));
}

TEST_P(WorkerShortPort, IsNotWaitedForByWhatIsRefusedAnyway)
{
    const uint64_t older = 1ULL << 40; // another generation
    for (uint64_t handle : {held.handle, held.handle ^ older, UINT64_MAX})
        ASSERT_TRUE(second.Send(SL_RING_SEND, handle, {1}));
    ASSERT_TRUE(second.Confirm(held.handle, held.path));
    bench.Turn();
    EXPECT_EQ(bench.drops(SL_DROP_SEND_HANDLE), 4u);
}

TEST_P(WorkerShortPort, ASessionEndsAfterItsMessagesAndItsAlertIsSent)
{
    ASSERT_TRUE(ports.consumer.Send(SL_RING_CLOSE_SESSION, held.handle));
    bench.Turn(5);
    EXPECT_EQ(bench.sessions(), 2u);
    Recover();
    bench.Turn(5);
    std::vector<Bytes> got(owed, Bytes{0xff});
    got.push_back({SL_ALERT_WARNING, SL_ALERT_CLOSE_NOTIFY});
    EXPECT_EQ(Got(held), got);
}

TEST_P(WorkerShortPort, ASessionEndsWithoutAnAlertWhereItIsGivenUp)
{
    ASSERT_TRUE(ports.consumer.Send(SL_RING_CLOSE_SESSION, held.handle));
    Wait(100 * kMillisecond);
    EXPECT_EQ(bench.sessions(), 1u);
    EXPECT_EQ(bench.drops(SL_DROP_SEND_CLOSING), 0u);
}

TEST_P(WorkerShortPort, ItsRingsMayStillBeMalformed)
{
    Wait(100 * kMillisecond);
    ASSERT_TRUE(ports.consumer.Send(77, held.handle, {1}));
    bench.Turn();
    EXPECT_EQ(bench.drops(SL_DROP_SEND_MALFORMED), 1u);
    EXPECT_EQ(bench.events(SL_COUNTER_EVICTIONS), 1u);
}

TEST_P(WorkerShortPort, DoesNotKeepTheWorkerFromStopping)
{
    bench.Stop();
    bench.Turn(20);
    EXPECT_EQ(sl_worker_is_stopped(bench.worker()), is_dry) << "without a frame an alert is lost";
    bench.Turn(100); // a millisecond each
    EXPECT_TRUE(sl_worker_is_stopped(bench.worker()));
}

INSTANTIATE_TEST_SUITE_P(Ports, WorkerShortPort,
                         testing::Combine(testing::Values(Why::Dry, Why::Blocked),
                                          testing::Values(0U, 1U)),
                         [](const auto &info) {
                             return std::string(std::get<0>(info.param) == Why::Dry ? "Dry"
                                                                                    : "Blocked") +
                                    std::to_string(std::get<1>(info.param));
                         });

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

TEST(WorkerPorts, AMessageToACandidateWaitsForThePortThatLeadsThere)
{
    WorkerBench::Options options = TwoPorts::Options();
    options.peer_moves = SL_PEER_MOVES_HOLD;
    WorkerBench bench(options);
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    peer.path = WorkerBench::ClientPath(2);
    peer.path.hop.vlan_id = WorkerBench::kVlan;
    const Bytes record = bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, Bytes(100));
    bench.frames_of[1] = 0;
    bench.ReceiveMixed({WorkerBench::UdpFrame(peer.path, record)}, {1});
    bench.Sent();
    ASSERT_TRUE(consumer.Send(SL_RING_SEND, peer.handle, {1}));
    bench.Turn(5);
    EXPECT_TRUE(bench.Sent().empty());
    bench.frames_of.clear();
    bench.Turn();
    EXPECT_EQ(bench.Sent().size(), 1u);
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
