#include <gtest/gtest.h>

#include "worker_bench.h"

using namespace sluice;

namespace
{

// The list of reasons is also a list of what the tests of the worker have to reach.
class EveryReason : public ::testing::Environment
{
    void TearDown() override
    {
        if (::testing::GTEST_FLAG(filter) != "*")
            return;
        for (unsigned i = 1; i < SL_DROP_COUNT; i++)
            EXPECT_TRUE(WorkerBench::ReachedDrops().count((sl_drop)i))
                << "no test makes a worker drop anything as " << sl_drop_name((sl_drop)i);
    }
};

const auto *const every_reason = ::testing::AddGlobalTestEnvironment(new EveryReason);

constexpr size_t kIp = 14, kUdp = kIp + 20;

Bytes Frame(const Bytes &payload = WorkerBench::ClientHello({}))
{
    return WorkerBench::UdpFrame(WorkerBench::ClientPath(1), payload);
}

// The frame with one byte changed, under a right IPv4 header checksum.
Bytes Changed(size_t at, uint8_t to)
{
    Bytes frame = Frame();
    frame[at] = to;
    frame[kIp + 10] = frame[kIp + 11] = 0;
    uint16_t sum = sl_wire_checksum_fold(sl_wire_checksum_add(0, &frame[kIp], 20));
    memcpy(&frame[kIp + 10], &sum, sizeof sum);
    return frame;
}

} // namespace

TEST(WorkerDrops, AFrameForTheReasonThatIsWrongWithIt)
{
    Bytes bad_ip_sum = Frame(), bad_udp_sum = Frame();
    bad_ip_sum[kIp + 10] ^= 1;
    bad_udp_sum.back() ^= 1;
    const struct {
        Bytes frame;
        sl_drop drop;
    } cases[] = {
        {Changed(13, 0x07), SL_DROP_ETHERTYPE},     {bad_ip_sum, SL_DROP_IP_HEADER},
        {Changed(kIp, 0x44), SL_DROP_IP_HEADER},    {Changed(kIp + 6, 0x20), SL_DROP_IP_FRAGMENT},
        {Changed(kIp + 9, 6), SL_DROP_IP_PROTOCOL}, {Changed(kUdp + 4, 0xff), SL_DROP_UDP_LENGTH},
        {bad_udp_sum, SL_DROP_UDP_CHECKSUM},
    };
    for (const auto &it : cases) {
        WorkerBench::Options options;
        if (it.drop == SL_DROP_UDP_CHECKSUM)
            options.rx_checksum = SL_RX_CHECKSUM_REQUIRE;
        WorkerBench bench(options);
        bench.Receive({it.frame});
        EXPECT_EQ(bench.drops(it.drop), 1u) << sl_drop_name(it.drop);
        EXPECT_TRUE(bench.Sent().empty());
    }
}

TEST(WorkerDrops, AFrameInTwoSegments)
{
    WorkerBench bench;
    sl_frame *frame = bench.pool.TakeFilled(0, Frame());
    frame->segs = 2;
    sl_worker_receive(bench.worker(), &frame, 1, bench.now_ns);
    EXPECT_EQ(bench.drops(SL_DROP_SEGMENTED), 1u);
}

TEST(WorkerDrops, ARecordWhoseHeaderIsWrong)
{
    WorkerBench bench;
    bench.Receive({Frame({22, 0xfe, 0xfc, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1})});
    EXPECT_EQ(bench.drops(SL_DROP_RECORD_VERSION), 1u);
    bench.Receive({Frame({22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 1, 1})});
    EXPECT_EQ(bench.drops(SL_DROP_RECORD_TOO_LARGE), 1u);
}

TEST(WorkerDrops, AProtectedRecordThatHasNoRoomForItsTag)
{
    WorkerBench bench;
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), false);
    bench.Receive({Frame({23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4, 5})});
    EXPECT_EQ(bench.drops(SL_DROP_RECORD_TOO_SHORT), 1u);
}

TEST(WorkerDrops, ARecordFromBehindTheReplayWindow)
{
    WorkerBench bench;
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    Bytes old = bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, {1});
    peer.epoch->write_next += SL_REPLAY_WINDOW;
    bench.Receive({Frame(bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, {2})), Frame(old)});
    EXPECT_EQ(bench.drops(SL_DROP_REPLAY_OLD), 1u);
}

TEST(WorkerDrops, ARecordWithoutAContentTypeInside)
{
    WorkerBench bench;
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    bench.Receive({Frame(bench.Seal(peer, 0, {0, 0, 0}))});
    EXPECT_EQ(bench.drops(SL_DROP_INNER_TYPE), 1u);
}

TEST(WorkerDrops, ARecordThatIsTooLargeForAMessageToTheHandshaker)
{
    WorkerBench bench;
    Peer peer;
    peer.path = WorkerBench::ClientPath(1);
    peer.handle = bench.BeginHandshake(peer.path);
    Bytes record = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 5, 0x27, 0x10, SL_HANDSHAKE_CERTIFICATE};
    record.resize(SL_RECORD_HEADER_LEN + 10000);
    bench.Receive({Frame(record)});
    bench.GiveKeys(peer, false);
    bench.Receive({Frame(bench.Seal(peer, SL_CONTENT_HANDSHAKE, Bytes(10000)))});
    EXPECT_EQ(bench.drops(SL_DROP_HANDSHAKE_TOO_BIG), 2u);
    EXPECT_TRUE(bench.ToHandshaker().empty());
}

TEST(WorkerDrops, AMessageOnASessionThatIsClosing)
{
    WorkerBench::Options options;
    options.handshaker_ring = 4096;
    WorkerBench bench(options);
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    bench.BeginHandshake(WorkerBench::ClientPath(2));
    const Bytes flight = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 16};
    bench.Receive(std::vector<Bytes>(
        64, WorkerBench::UdpFrame(WorkerBench::ClientPath(2), flight))); // the ring is full
    bench.Receive({Frame(bench.Seal(peer, SL_CONTENT_ALERT, {1, 0}))});
    consumer.Send(SL_RING_SEND, peer.handle, {1});
    bench.Turn();
    EXPECT_EQ(bench.drops(SL_DROP_SEND_CLOSING), 1u);
    EXPECT_EQ(consumer.Receive().back().detail, SL_REFUSE_CLOSING);
}
