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

namespace
{

// A datagram with one thing changed about its way.
template <typename Change> Bytes HelloWith(Change change)
{
    sl_path path = WorkerBench::ClientPath(1);
    change(path);
    return WorkerBench::UdpFrame(path, WorkerBench::ClientHello({}));
}

Bytes HelloWithByte(size_t at, uint8_t to)
{
    Bytes frame = HelloWith([](sl_path &) {});
    frame[at] = to;
    return frame;
}

} // namespace

TEST(WorkerParse, DecidesAlikeWhetherFramesMayGoThePlainWayOrNot)
{
    const sl_path path = WorkerBench::ClientPath(1);
    const struct {
        const char *what;
        Bytes frame;
        sl_drop drop;
    } cases[] = {
        {"nothing", HelloWith([](sl_path &) {}), SL_DROP_NONE},
        {"MAC", HelloWithByte(5, 0x77), SL_DROP_NOT_OURS},
        {"MAC of a group", HelloWithByte(0, 0x03), SL_DROP_NOT_OURS},
        {"sender's MAC", HelloWithByte(6, 0x03), SL_DROP_BAD_SOURCE},
        {"address", HelloWith([](sl_path &p) { p.tuple.local_ip.bytes[15] ^= 7; }),
         SL_DROP_NOT_OURS},
        {"port", HelloWith([](sl_path &p) { p.tuple.local_port++; }), SL_DROP_NO_LISTENER},
        {"sender's port", HelloWith([](sl_path &p) { p.tuple.remote_port = 0; }),
         SL_DROP_BAD_SOURCE},
        {"sender's address", HelloWith([](sl_path &p) { p.tuple.remote_ip.bytes[12] = 127; }),
         SL_DROP_BAD_SOURCE},
        {"VLAN", HelloWith([](sl_path &p) { p.hop.vlan_id = 7; }), SL_DROP_NOT_OURS},
        {"version",
         WorkerBench::UdpFrame(WorkerBench::ClientPath(1, 40000, true),
                               WorkerBench::ClientHello({})),
         SL_DROP_NONE},
        {"payload", WorkerBench::UdpFrame(path, {0x80, 0x60, 0, 0}), SL_DROP_NOT_DTLS},
        {"no payload", WorkerBench::UdpFrame(path, {}), SL_DROP_NOT_DTLS},
    };
    for (sl_rx_checksum policy : {SL_RX_CHECKSUM_AUTO, SL_RX_CHECKSUM_REQUIRE}) {
        for (const auto &it : cases) {
            WorkerBench::Options options;
            options.rx_checksum = policy;
            WorkerBench bench(options);
            bench.Receive({it.frame});
            for (unsigned drop = 1; drop < SL_DROP_COUNT; drop++)
                EXPECT_EQ(bench.drops((sl_drop)drop), drop == it.drop ? 1u : 0u)
                    << it.what << ", " << sl_drop_name((sl_drop)drop);
            EXPECT_EQ(bench.Sent().size(), it.drop == SL_DROP_NONE ? 1u : 0u) << it.what;
        }
    }
}

TEST(WorkerParse, LooksWhatEachFramesOwnGroupServes)
{
    WorkerBench::Options options;
    options.group_count = 2;
    WorkerBench bench(options);
    const Bytes untagged = HelloWith([](sl_path &) {});
    const Bytes tagged = HelloWith([](sl_path &p) { p.hop.vlan_id = WorkerBench::kVlan; });
    bench.ReceiveMixed({untagged, untagged, tagged, tagged, tagged}, {0, 1, 1, 1, 0});
    EXPECT_EQ(bench.drops(SL_DROP_NOT_OURS), 2u);
    EXPECT_EQ(bench.Sent().size(), 3u);
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
