#include "packets.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>

namespace
{

uint16_t NaiveChecksum(const uint8_t *bytes, size_t len)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

sl_tuple Tuple(const sl_ip &source, uint16_t source_port, const sl_ip &destination, uint16_t port)
{
    return sl_tuple{source, destination, source_port, port};
}

sl_ip Parse6(std::initializer_list<uint16_t> words)
{
    sl_ip ip;
    size_t at = 0;
    for (uint16_t word : words) {
        ip.bytes[at++] = (uint8_t)(word >> 8);
        ip.bytes[at++] = (uint8_t)word;
    }
    return ip;
}

// The definition, bit by bit, with the key that ports are programmed with.
uint32_t NaiveHash(const Bytes &input)
{
    uint32_t hash = 0;
    for (size_t bit = 0; bit < 8 * input.size(); bit++) {
        if (!(input[bit / 8] >> (7 - bit % 8) & 1))
            continue;
        for (size_t i = 0; i < 32; i++)
            if (sl_wire_rss_key[(bit + i) / 8] >> (7 - (bit + i) % 8) & 1)
                hash ^= 0x80000000U >> i;
    }
    return hash;
}

} // namespace

// Each loop that this machine can run, forced by name; afterwards the choice is its own again.
class WireChecksumLoop : public testing::TestWithParam<const char *>
{
  protected:
    void SetUp() override
    {
        if (!sl_wire_checksum_use(GetParam()))
            GTEST_SKIP() << "not on this processor";
    }
    void TearDown() override
    {
        EXPECT_TRUE(sl_wire_checksum_use(nullptr));
    }
    static uint16_t Sum(const uint8_t *bytes, size_t len)
    {
        return __builtin_bswap16(sl_wire_checksum_fold(sl_wire_checksum_add(0, bytes, len)));
    }
};

INSTANTIATE_TEST_SUITE_P(, WireChecksumLoop, testing::Values("scalar", "sse", "avx2", "avx512"),
                         [](const auto &info) { return std::string(info.param); });

TEST_P(WireChecksumLoop, AgreesWithTheDefinitionAtEveryLengthUpTo2000AndAlignment)
{
    std::mt19937 random(3);
    for (size_t align = 0; align < 64; align++) {
        alignas(64) static uint8_t bytes[2000 + 64 + 64];
        for (uint8_t &b : bytes)
            b = (uint8_t)(random() | (random() % 4 == 0 ? 0xff : 0));
        for (size_t len = 0; len <= 2000; len++)
            ASSERT_EQ(Sum(bytes + align, len), NaiveChecksum(bytes + align, len))
                << "len " << len << " alignment " << align;
    }
}

TEST_P(WireChecksumLoop, AgreesWithTheDefinitionOnLongOnesAndReadsNothingBehindThem)
{
    std::mt19937 random(4);
    for (unsigned i = 0; i < 300; i++) {
        std::unique_ptr<uint8_t[]> bytes(new uint8_t[65535]);
        const size_t len = i == 0 ? 65535 : random() % 65536;
        for (size_t at = 0; at < 65535; at++)
            bytes[at] = (uint8_t)random();
        const uint8_t *from = bytes.get() + 65535 - len; // up to the end, for the sanitizers
        ASSERT_EQ(Sum(from, len), NaiveChecksum(from, len)) << len;
    }
}

TEST_P(WireChecksumLoop, CarriesThroughLongRunsOfOnes)
{
    for (size_t len : {8u, 63u, 64u, 255u, 256u, 257u, 319u, 320u, 1440u, 9000u, 65535u}) {
        Bytes ones(len, 0xff);
        ASSERT_EQ(Sum(ones.data(), len), NaiveChecksum(ones.data(), len)) << len;
    }
}

TEST(WireChecksum, NoOtherNameIsALoop)
{
    EXPECT_FALSE(sl_wire_checksum_use("mmx"));
    EXPECT_FALSE(sl_wire_checksum_use(""));
}

TEST(WireChecksum, AddsUpOverPiecesOfEvenLength)
{
    std::mt19937 random(9);
    Bytes bytes(1001);
    for (uint8_t &b : bytes)
        b = (uint8_t)random();
    for (size_t cut = 0; cut <= 1000; cut += 2) {
        uint64_t sum = sl_wire_checksum_add(0, bytes.data(), cut);
        sum = sl_wire_checksum_add(sum, bytes.data() + cut, bytes.size() - cut);
        ASSERT_EQ(__builtin_bswap16(sl_wire_checksum_fold(sum)),
                  NaiveChecksum(bytes.data(), bytes.size()))
            << cut;
    }
}

TEST(WireChecksum, AZeroUdpChecksumIsSentAsOnes)
{
    // Over all payloads of two bytes one sums to 0.
    for (unsigned value = 0; value < 0x10000; value++) {
        Bytes frame = UdpFrame(false, {(uint8_t)(value >> 8), (uint8_t)value});
        ASSERT_FALSE(frame[40] == 0 && frame[41] == 0) << value;
    }
}

// "Verifying the RSS Hash Calculation", Windows driver documentation.
TEST(WireRss, AgreesWithMicrosoftsVectors)
{
    sl_tuple a = Tuple(V4(66, 9, 149, 187), 2794, V4(161, 142, 100, 80), 1766);
    EXPECT_EQ(sl_wire_rss_hash(&a), 0x51ccc178u);
    sl_tuple b = Tuple(V4(199, 92, 111, 2), 14230, V4(65, 69, 140, 83), 4739);
    EXPECT_EQ(sl_wire_rss_hash(&b), 0xc626b0eau);
    sl_tuple c = Tuple(Parse6({0x3ffe, 0x2501, 0x200, 0x1fff, 0, 0, 0, 7}), 2794,
                       Parse6({0x3ffe, 0x2501, 0x200, 3, 0, 0, 0, 1}), 1766);
    EXPECT_EQ(sl_wire_rss_hash(&c), 0x40207d3du);
    sl_tuple d = Tuple(Parse6({0x3ffe, 0x1900, 0x4545, 3, 0x200, 0xf8ff, 0xfe21, 0x67cf}), 44251,
                       Parse6({0xfe80, 0, 0, 0, 0x200, 0xf8ff, 0xfe21, 0x67cf}), 38024);
    EXPECT_EQ(sl_wire_rss_hash(&d), 0x02d1feefu);
}

TEST(WireRss, AgreesWithTheDefinitionOverManyTuples)
{
    std::mt19937 random(1);
    for (int i = 0; i < 2000; i++) {
        sl_tuple tuple = {};
        for (sl_ip *ip : {&tuple.remote_ip, &tuple.local_ip}) {
            for (uint8_t &b : ip->bytes)
                b = (uint8_t)random();
            if (i % 2 == 0)
                *ip = sl_ip_from_v4(ip->bytes);
        }
        tuple.remote_port = (uint16_t)random();
        tuple.local_port = (uint16_t)random();
        size_t skip = i % 2 == 0 ? 12 : 0;
        Bytes input(tuple.remote_ip.bytes + skip, tuple.remote_ip.bytes + 16);
        input.insert(input.end(), tuple.local_ip.bytes + skip, tuple.local_ip.bytes + 16);
        for (unsigned port : {tuple.remote_port, tuple.local_port})
            input.insert(input.end(), {(uint8_t)(port >> 8), (uint8_t)port});
        ASSERT_EQ(sl_wire_rss_hash(&tuple), NaiveHash(input));
    }
}

TEST(WireHeaders, APortThatSumsGetsThePseudoHeadersSum)
{
    Frame frame{Bytes()};
    sl_path path{};
    path.tuple = Tuple(V4(198, 19, 0, 7), 40000, V4(198, 18, 0, 1), 4433);
    path.hop.vlan_id = SL_VLAN_NONE;
    frame.payload_len = 4;
    frame.flags = SL_FRAME_TX_IP_CHECKSUM | SL_FRAME_TX_UDP_CHECKSUM;
    sl_wire_write_headers(&frame, &path, kOwnMac);
    EXPECT_EQ(frame.data[24], 0);
    EXPECT_EQ(frame.data[25], 0);
    // Completing it as a port does gives a valid packet.
    uint16_t sum = sl_wire_checksum_fold(sl_wire_checksum_add(0, frame.data + 34, 12));
    memcpy(frame.data + 40, &sum, 2);
    uint16_t ip_sum = sl_wire_checksum_fold(sl_wire_checksum_add(0, frame.data + 14, 20));
    memcpy(frame.data + 24, &ip_sum, 2);
    EXPECT_EQ(sl_wire_parse_frame(&frame, SL_RX_CHECKSUM_REQUIRE), SL_DROP_NONE);
}

// Frames with a VLAN tag are written field by field, those without, of IPv4, in words.
TEST(WireHeaders, AreTheSameWithAndWithoutAVlanTagButForTheTag)
{
    std::mt19937 random(1);
    for (int i = 0; i < 20000; i++) {
        sl_path path{};
        uint8_t own_mac[SL_ETHER_ADDR_LEN], ips[2][4];
        for (uint8_t *bytes : {own_mac, path.hop.mac})
            for (unsigned at = 0; at < SL_ETHER_ADDR_LEN; at++)
                bytes[at] = i % 5 == 0 ? 0xff : (uint8_t)random();
        for (uint8_t *bytes : {ips[0], ips[1]})
            for (unsigned at = 0; at < 4; at++)
                bytes[at] = i % 7 == 0 ? 0xff : (uint8_t)random();
        path.tuple = Tuple(sl_ip_from_v4(ips[0]), (uint16_t)random(), sl_ip_from_v4(ips[1]),
                           (uint16_t)random());
        Bytes payload(random() % 1473);
        for (uint8_t &byte : payload)
            byte = (uint8_t)random();
        Bytes written[2];
        for (bool is_tagged : {false, true}) {
            path.hop.vlan_id = is_tagged ? 0x123 : SL_VLAN_NONE;
            Frame frame{Bytes()};
            frame.payload_len = (uint16_t)payload.size();
            frame.flags = (uint16_t)((i & 1 ? SL_FRAME_TX_IP_CHECKSUM : 0) |
                                     (i & 2 ? SL_FRAME_TX_UDP_CHECKSUM : 0));
            std::fill(frame.data, frame.data + 64, (uint8_t)0xcc);
            std::copy(payload.begin(), payload.end(), frame.data + sl_wire_headers_len(&path));
            sl_wire_write_headers(&frame, &path, own_mac);
            ASSERT_EQ(frame.l3_off, is_tagged ? 18 : 14);
            ASSERT_EQ(frame.payload_off, is_tagged ? 46 : 42);
            written[is_tagged] = frame.bytes();
        }
        ASSERT_EQ(Bytes(written[1].begin() + 12, written[1].begin() + 16),
                  (Bytes{0x81, 0, 0x01, 0x23}));
        written[1].erase(written[1].begin() + 12, written[1].begin() + 16);
        ASSERT_EQ(written[0], written[1]);
    }
}
