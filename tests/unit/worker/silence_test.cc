// Nothing is sent to anybody who has not shown a cookie, but the request for one, and answers to
// ARP, neighbour discovery and pings, which have tests of their own.
#include <gtest/gtest.h>

#include <random>

#include "stranger.h"
#include "worker_bench.h"

using namespace sluice;

namespace
{

const sl_path stranger = WorkerBench::ClientPath(9),
              stranger6 = WorkerBench::ClientPath(9, 1, true);

Bytes Record(uint8_t type, uint16_t version, uint16_t epoch, const Bytes &body)
{
    Bytes record = {type,
                    (uint8_t)(version >> 8),
                    (uint8_t)version,
                    (uint8_t)(epoch >> 8),
                    (uint8_t)epoch,
                    0,
                    0,
                    0,
                    0,
                    0,
                    1,
                    (uint8_t)(body.size() >> 8),
                    (uint8_t)body.size()};
    record.insert(record.end(), body.begin(), body.end());
    return record;
}

// The gateway as it is among other sessions; whatever comes, not one byte goes back.
class Silence : public ::testing::Test
{
  protected:
    Silence()
    {
        bench.Attach(consumer);
        known = bench.Connect(WorkerBench::ClientPath(1), true);
        bench.BeginHandshake(WorkerBench::ClientPath(2));
        bench.Sent();
    }
    void Expect(const std::vector<Bytes> &frames)
    {
        const uint64_t before = bench.events(SL_COUNTER_RX_FRAMES);
        bench.Receive(frames);
        bench.Turn(3);
        EXPECT_EQ(bench.events(SL_COUNTER_RX_FRAMES) - before, frames.size());
        EXPECT_TRUE(bench.Sent().empty());
        EXPECT_EQ(bench.CheckEquation(), "");
    }
    void ExpectPayloads(const std::vector<Bytes> &payloads)
    {
        std::vector<Bytes> frames;
        for (const Bytes &payload : payloads)
            for (const sl_path &path : {stranger, stranger6})
                frames.push_back(WorkerBench::UdpFrame(path, payload));
        Expect(frames);
    }
    Consumer consumer{0, 0, 0};
    WorkerBench bench;
    Peer known;
};

} // namespace

TEST_F(Silence, ToRecordsOfEveryTypeVersionAndEpoch)
{
    for (unsigned type = 0; type < 256; type++) {
        std::vector<Bytes> payloads;
        for (uint16_t version : {0xfefd, 0xfeff, 0xfefc, 0x0303, 0x0000})
            for (uint16_t epoch : {0, 1, 2, 0xffff})
                payloads.push_back(Record((uint8_t)type, version, epoch, Bytes(40, 0x5a)));
        ExpectPayloads(payloads);
    }
}

TEST_F(Silence, ToAlertsOfEveryKind)
{
    std::vector<Bytes> payloads;
    for (unsigned description = 0; description < 256; description++)
        for (uint8_t level : {0, 1, 2, 255})
            payloads.push_back(
                Record(SL_CONTENT_ALERT, SL_DTLS_VERSION_1_2, 0, {level, (uint8_t)description}));
    ExpectPayloads(payloads);
}

TEST_F(Silence, ToHandshakeMessagesThatAreNoClientHello)
{
    std::vector<Bytes> payloads;
    for (unsigned type = 0; type < 256; type++) {
        Bytes hello = WorkerBench::ClientHello({});
        hello[SL_RECORD_HEADER_LEN] = (uint8_t)type;
        if (type != SL_HANDSHAKE_CLIENT_HELLO)
            payloads.push_back(hello);
    }
    ExpectPayloads(payloads);
}

TEST_F(Silence, ToClientHellosThatAreMalformedOrLaterFragmentsOrProtected)
{
    const Bytes hello = WorkerBench::ClientHello({});
    std::vector<Bytes> payloads;
    for (size_t len = 1; len < SL_CLIENT_HELLO_START_LEN && len < hello.size(); len++)
        payloads.push_back(Bytes(hello.begin(), hello.begin() + (long)len));
    Bytes session_id = hello, fragment = hello, epoch = hello;
    session_id[SL_RECORD_HEADER_LEN + SL_HANDSHAKE_HEADER_LEN + 2 + SL_RANDOM_LEN] = 33;
    fragment[SL_RECORD_HEADER_LEN + 8] = 1;
    epoch[4] = 1;
    for (const Bytes &bytes : {session_id, fragment, epoch})
        payloads.push_back(bytes);
    ExpectPayloads(payloads);
}

TEST_F(Silence, ToWhatWasRecordedOfOthers)
{
    const Bytes record = bench.Seal(known, SL_CONTENT_APPLICATION_DATA, {1, 2, 3});
    bench.Receive({WorkerBench::UdpFrame(known.path, record)});
    bench.Sent();
    Bytes closing = bench.Seal(known, SL_CONTENT_ALERT, {1, 0});
    closing.back() ^= 1;
    ExpectPayloads({record, closing});
    EXPECT_EQ(bench.sessions(), 1u);
}

TEST_F(Silence, ToOtherPortsAndOtherFirstBytes)
{
    std::vector<Bytes> frames;
    sl_path elsewhere = stranger;
    elsewhere.tuple.local_port = 9;
    frames.push_back(WorkerBench::UdpFrame(elsewhere, WorkerBench::ClientHello({})));
    for (unsigned first = 0; first < 256; first++)
        if (first < 20 || first > 63) /* RFC 7983 */
            frames.push_back(WorkerBench::UdpFrame(stranger, Bytes(50, (uint8_t)first)));
    Expect(frames);
}

TEST_F(Silence, ToEveryIcmpMessageButEchoRequests)
{
    std::vector<Bytes> frames;
    for (unsigned type = 0; type < 256; type++)
        for (uint8_t code : {0, 1, 4})
            if (type != 8 || code != 0)
                frames.push_back(Icmp(stranger, (uint8_t)type, code));
    Expect(frames);
}

TEST_F(Silence, ToEveryIcmp6MessageButEchoRequestsAndSolicitations)
{
    constexpr size_t kIp = 14, kIcmp = kIp + 40;
    std::vector<Bytes> frames;
    for (unsigned type = 0; type < 256; type++) {
        if (type == 128)
            continue;
        Bytes frame = WorkerBench::UdpFrame(stranger6, Bytes(24)); /* as long as a solicitation */
        frame[kIp + 6] = 58;
        frame[kIp + 7] = type == 135 ? 64 : 255; /* solicitations come from the same network */
        frame[kIcmp] = (uint8_t)type;
        frame[kIcmp + 1] = frame[kIcmp + 2] = frame[kIcmp + 3] = 0;
        memset(&frame[kIcmp + 4], 0, 4);
        const sl_tuple &tuple = stranger6.tuple;
        uint64_t sum = sl_wire_checksum_add(0, tuple.remote_ip.bytes, 16);
        sum = sl_wire_checksum_add(sum, tuple.local_ip.bytes, 16);
        const uint8_t pseudo[8] = {0, 0, 0, 32, 0, 0, 0, 58};
        sum = sl_wire_checksum_add(sum, pseudo, sizeof pseudo);
        const uint16_t folded = sl_wire_checksum_fold(sl_wire_checksum_add(sum, &frame[kIcmp], 32));
        memcpy(&frame[kIcmp + 2], &folded, sizeof folded);
        frames.push_back(frame);
    }
    Expect(frames);
}

TEST_F(Silence, ToEveryOtherProtocol)
{
    std::vector<Bytes> frames;
    for (unsigned protocol = 0; protocol < 256; protocol++)
        if (protocol != 1 && protocol != 17)
            frames.push_back(
                Ip4(stranger, (uint8_t)protocol, Bytes(40, 2))); /* TCP: a SYN of sorts */
    Bytes ethertype = WorkerBench::UdpFrame(stranger, {1});
    for (uint16_t type : {0x0000, 0x0806, 0x8035, 0x88cc, 0x8847, 0xffff}) {
        ethertype[12] = (uint8_t)(type >> 8);
        ethertype[13] = (uint8_t)type;
        frames.push_back(ethertype);
    }
    Expect(frames);
}

TEST_F(Silence, ToBytesOfNoMeaning)
{
    std::mt19937 random(4);
    for (unsigned round = 0; round < 50; round++) {
        std::vector<Bytes> frames;
        for (unsigned i = 0; i < 30; i++) {
            Bytes payload(1 + random() % 200);
            for (uint8_t &byte : payload)
                byte = (uint8_t)random();
            frames.push_back(WorkerBench::UdpFrame(stranger, payload));
            Bytes frame(1 + random() % 200);
            for (uint8_t &byte : frame)
                byte = (uint8_t)random();
            frames.push_back(frame);
        }
        Expect(frames);
    }
}
