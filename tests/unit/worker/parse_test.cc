#include <gtest/gtest.h>

#include "worker_bench.h"

using namespace sluice;

TEST(WorkerParse, DropsAFrameForAnotherMacOrAddressOrPort)
{
    WorkerBench bench;
    sl_path path = WorkerBench::ClientPath(1);
    Bytes frame = WorkerBench::UdpFrame(path, WorkerBench::ClientHello({}));
    Bytes other_mac = frame;
    other_mac[5] ^= 1;
    sl_path other_ip = path;
    other_ip.tuple.local_ip.bytes[15] ^= 7;
    sl_path other_port = path;
    other_port.tuple.local_port++;
    bench.Receive({other_mac, WorkerBench::UdpFrame(other_ip, WorkerBench::ClientHello({})),
                   WorkerBench::UdpFrame(other_port, WorkerBench::ClientHello({}))});
    EXPECT_EQ(bench.drops(SL_DROP_NOT_OURS), 2u);
    EXPECT_EQ(bench.drops(SL_DROP_NO_LISTENER), 1u);
    EXPECT_TRUE(bench.Sent().empty());
}

TEST(WorkerParse, DropsAForeignVlan)
{
    WorkerBench bench;
    sl_path path = WorkerBench::ClientPath(1);
    path.hop.vlan_id = 7;
    bench.Receive({WorkerBench::UdpFrame(path, WorkerBench::ClientHello({}))});
    EXPECT_EQ(bench.drops(SL_DROP_NOT_OURS), 1u);
}

TEST(WorkerParse, DropsWhatIsNotDtlsByItsFirstByte)
{
    WorkerBench bench;
    sl_path path = WorkerBench::ClientPath(1);
    bench.Receive({WorkerBench::UdpFrame(path, {0x00, 0x01, 0, 0}), // STUN
                   WorkerBench::UdpFrame(path, {0x80, 0x60, 0, 0}), // RTP
                   WorkerBench::UdpFrame(path, {})});
    EXPECT_EQ(bench.drops(SL_DROP_NOT_DTLS), 3u);
}

TEST(WorkerParse, AnswersAnEchoRequestToItsOwnAddressOnly)
{
    WorkerBench bench;
    Bytes echo = {0x02, 0,   0,  0,  0, 0xfe, 0x02, 0, 0,  0,    0,    0x01, 0x08, 0x00, //
                  0x45, 0,   0,  30, 0, 0,    0x40, 0, 64, 1,    0,    0,    198,  19,   0,
                  1,    198, 18, 0,  1, 8,    0,    0, 0,  0x12, 0x34, 0,    1,    'h',  'i'};
    auto fix = [](Bytes &frame, size_t from, size_t to, size_t at) {
        frame[at] = frame[at + 1] = 0;
        uint16_t sum = sl_wire_checksum_fold(sl_wire_checksum_add(0, &frame[from], to - from));
        memcpy(&frame[at], &sum, 2);
    };
    fix(echo, 14, 34, 24);
    fix(echo, 34, 44, 36);
    Bytes other = echo;
    other[33] = 9;
    fix(other, 14, 34, 24);
    bench.Receive({echo, other});
    std::vector<Bytes> sent = bench.Sent();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0][34], 0) << "echo reply";
    EXPECT_EQ(bench.events(SL_COUNTER_ANSWERED), 1u);
    EXPECT_EQ(bench.drops(SL_DROP_NOT_OURS), 1u);
}

TEST(WorkerParse, CountsAMalformedFrameOnceAndGivesItBack)
{
    WorkerBench bench;
    bench.Receive({Bytes(10, 0), Bytes(60, 0xff)});
    EXPECT_EQ(bench.events(SL_COUNTER_RX_FRAMES), 2u);
    EXPECT_EQ(bench.events(SL_COUNTER_RX_RECORDS), 2u);
}
