// One of two ports takes nothing, or has no frames: what waits for it, and for how long.
#include "two_ports.h"

using namespace sluice;

namespace
{

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
