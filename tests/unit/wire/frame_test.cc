#include "packets.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

namespace
{

sl_drop Parse(const Bytes &bytes, sl_rx_checksum policy = SL_RX_CHECKSUM_REQUIRE,
              uint16_t flags = 0)
{
    Frame frame(bytes);
    frame.flags = flags;
    return sl_wire_parse_frame(&frame, policy);
}

Bytes With(Bytes bytes, const std::function<void(Bytes &)> &change)
{
    change(bytes);
    return bytes;
}

} // namespace

TEST(WireFrame, ParsesUdpOverBothFamiliesWithAndWithoutVlan)
{
    for (bool v6 : {false, true}) {
        for (uint16_t vlan : {(uint16_t)SL_VLAN_NONE, (uint16_t)42}) {
            Bytes bytes = UdpFrame(v6, {'a', 'b', 'c'}, vlan);
            bytes.resize(bytes.size() + 7); // trailing padding
            Frame frame(bytes);
            ASSERT_EQ(sl_wire_parse_frame(&frame, SL_RX_CHECKSUM_REQUIRE), SL_DROP_NONE);
            EXPECT_EQ(frame.kind, SL_PACKET_UDP);
            EXPECT_EQ(frame.payload_len, 3);
            EXPECT_EQ(memcmp(frame.data + frame.payload_off, "abc", 3), 0);
            EXPECT_EQ(frame.path.hop.vlan_id, vlan);
            EXPECT_EQ(memcmp(frame.path.hop.mac, kPeerMac, 6), 0);
            EXPECT_EQ(frame.path.tuple.remote_port, 40000);
            EXPECT_EQ(frame.path.tuple.local_port, 4433);
            sl_ip client = v6 ? V6(7) : V4(198, 19, 0, 7);
            EXPECT_EQ(memcmp(&frame.path.tuple.remote_ip, &client, 16), 0);
        }
    }
}

TEST(WireFrame, TakesTheTagThatThePortHasStripped)
{
    Frame frame(UdpFrame(false, {1}));
    frame.flags = SL_FRAME_RX_VLAN_STRIPPED;
    frame.vlan_tci = 0x6000 | 99;
    ASSERT_EQ(sl_wire_parse_frame(&frame, SL_RX_CHECKSUM_REQUIRE), SL_DROP_NONE);
    EXPECT_EQ(frame.path.hop.vlan_id, 99);
}

TEST(WireFrame, APriorityTagIsNoVlan)
{
    Frame frame(UdpFrame(false, {1}, 0));
    ASSERT_EQ(sl_wire_parse_frame(&frame, SL_RX_CHECKSUM_REQUIRE), SL_DROP_NONE);
    EXPECT_EQ(frame.path.hop.vlan_id, SL_VLAN_NONE);
}

Bytes operator+(Bytes a, const Bytes &b)
{
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

// A datagram behind extension headers; the first one's type is `first`.
Bytes WithExtensions(uint8_t first, const Bytes &extensions)
{
    Bytes bytes = UdpFrame(true, {1, 2, 3});
    bytes.insert(bytes.begin() + 54, extensions.begin(), extensions.end());
    bytes[20] = first;
    bytes[19] = (uint8_t)(bytes[19] + extensions.size());
    return bytes;
}

struct BadFrame {
    const char *what;
    Bytes bytes;
    sl_drop drop;
};

TEST(WireFrame, EveryMalformedFrameHasItsReason)
{
    const Bytes v4 = UdpFrame(false, {1, 2, 3}), v6 = UdpFrame(true, {1, 2, 3});
    auto set4 = [&](size_t at, uint8_t value) {
        return With(v4, [&](Bytes &b) {
            b[at] = value;
            PutSum(b, 14, 34, 24);
        });
    };
    auto set6 = [&](size_t at, uint8_t value) {
        return With(v6, [&](Bytes &b) { b[at] = value; });
    };
    const BadFrame cases[] = {
        {"no Ethernet header", Bytes(13), SL_DROP_TRUNCATED},
        {"another ethertype", With(v4, [](Bytes &b) { b[12] = 0x88; }), SL_DROP_ETHERTYPE},
        {"two VLAN tags",
         With(UdpFrame(false, {1}, 5),
              [](Bytes &b) {
                  b[16] = 0x81;
                  b[17] = 0;
              }),
         SL_DROP_ETHERTYPE},
        {"VLAN tag cut", With(UdpFrame(false, {1}, 5), [](Bytes &b) { b.resize(15); }),
         SL_DROP_TRUNCATED},
        {"multicast source MAC", With(v4, [](Bytes &b) { b[6] |= 1; }), SL_DROP_BAD_SOURCE},
        {"IPv4 cut", Bytes(v4.begin(), v4.begin() + 30), SL_DROP_TRUNCATED},
        {"IPv4 version", set4(14, 0x55), SL_DROP_IP_HEADER},
        {"IPv4 header length", set4(14, 0x44), SL_DROP_IP_HEADER},
        {"IPv4 total length", set4(17, 200), SL_DROP_TRUNCATED},
        {"IPv4 total length below the header's", set4(17, 19), SL_DROP_IP_HEADER},
        {"IPv4 header checksum", With(v4, [](Bytes &b) { b[24] ^= 1; }), SL_DROP_IP_HEADER},
        {"more fragments", set4(20, 0x20), SL_DROP_IP_FRAGMENT},
        {"fragment offset", set4(21, 1), SL_DROP_IP_FRAGMENT},
        {"TCP", set4(23, 6), SL_DROP_IP_PROTOCOL},
        {"multicast source", set4(26, 224), SL_DROP_BAD_SOURCE},
        {"broadcast source", set4(26, 255), SL_DROP_BAD_SOURCE},
        {"loopback source", set4(26, 127), SL_DROP_BAD_SOURCE},
        {"zero source", set4(26, 0), SL_DROP_BAD_SOURCE},
        {"source port 0", With(v4, [](Bytes &b) { b[34] = b[35] = 0; }), SL_DROP_BAD_SOURCE},
        {"UDP length too large", With(v4, [](Bytes &b) { b[39]++; }), SL_DROP_UDP_LENGTH},
        {"UDP length too small", With(v4, [](Bytes &b) { b[39] = 7; }), SL_DROP_UDP_LENGTH},
        {"UDP checksum", With(v4, [](Bytes &b) { b.back() ^= 1; }), SL_DROP_UDP_CHECKSUM},
        {"IPv6 cut", Bytes(v6.begin(), v6.begin() + 50), SL_DROP_TRUNCATED},
        {"IPv6 version", set6(14, 0x40), SL_DROP_IP_HEADER},
        {"IPv6 payload length", set6(19, 200), SL_DROP_TRUNCATED},
        {"IPv6 fragment", set6(20, 44), SL_DROP_IP_FRAGMENT},
        {"IPv6 routing header", set6(20, 43), SL_DROP_IP_PROTOCOL},
        {"IPv6 option that may not be skipped", WithExtensions(60, {17, 0, 0xc2, 4, 0, 0, 0, 0}),
         SL_DROP_IP_PROTOCOL},
        {"IPv6 option past its header", WithExtensions(60, {17, 0, 1, 5, 0, 0, 0, 0}),
         SL_DROP_IP_PROTOCOL},
        {"hop-by-hop options not in front",
         WithExtensions(60, {0, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0}),
         SL_DROP_IP_PROTOCOL},
        {"a fragment behind options", WithExtensions(60, {44, 0, 1, 4, 0, 0, 0, 0}),
         SL_DROP_IP_FRAGMENT},
        {"IPv6 options past the end", set6(20, 0), SL_DROP_TRUNCATED},
        {"IPv6 multicast source", set6(22, 0xff), SL_DROP_BAD_SOURCE},
        {"IPv6 without UDP checksum", With(v6, [](Bytes &b) { b[60] = b[61] = 0; }),
         SL_DROP_UDP_CHECKSUM},
        {"IPv6 UDP checksum", With(v6, [](Bytes &b) { b.back() ^= 1; }), SL_DROP_UDP_CHECKSUM},
        {"ICMP redirect",
         With(EchoFrame4({}),
              [](Bytes &b) {
                  b[34] = 5;
                  PutSum(b, 34, 42, 36);
              }),
         SL_DROP_IP_PROTOCOL},
        {"ICMP checksum", With(EchoFrame4({1, 2}), [](Bytes &b) { b.back() ^= 1; }),
         SL_DROP_UDP_CHECKSUM},
        {"ARP reply", With(ArpRequest(), [](Bytes &b) { b[21] = 2; }), SL_DROP_IP_PROTOCOL},
        {"ARP for another medium", With(ArpRequest(), [](Bytes &b) { b[15] = 6; }),
         SL_DROP_IP_PROTOCOL},
        {"ARP from the broadcast address", With(ArpRequest(), [](Bytes &b) { b[28] = 255; }),
         SL_DROP_BAD_SOURCE},
        {"ARP cut", With(ArpRequest(), [](Bytes &b) { b.resize(41); }), SL_DROP_TRUNCATED},
        {"ND from afar", Icmp6Frame(Solicitation(V6(1), true), 254, V6(7), V6(1)),
         SL_DROP_IP_PROTOCOL},
        {"ND for a multicast target",
         Icmp6Frame(Solicitation(sl_ip{{0xff, 2}}, true), 255, V6(7), V6(1)), SL_DROP_BAD_SOURCE},
        {"ND for a mapped address",
         Icmp6Frame(Solicitation(V4(198, 18, 0, 1), true), 255, V6(7), V6(1)), SL_DROP_BAD_SOURCE},
        {"ND option of length 0",
         Icmp6Frame(With(Solicitation(V6(1), true), [](Bytes &b) { b[25] = 0; }), 255, V6(7),
                    V6(1)),
         SL_DROP_TRUNCATED},
        {"ND option past the end",
         Icmp6Frame(With(Solicitation(V6(1), true), [](Bytes &b) { b[25] = 2; }), 255, V6(7),
                    V6(1)),
         SL_DROP_TRUNCATED},
        {"ND probe with a source option",
         Icmp6Frame(Solicitation(V6(1), true), 255, sl_ip{}, V6(1)), SL_DROP_BAD_SOURCE},
    };
    for (const BadFrame &c : cases)
        EXPECT_EQ(sl_drop_name(Parse(c.bytes)), sl_drop_name(c.drop)) << c.what;
}

TEST(WireFrame, DropsAFrameInSeveralSegments)
{
    Frame frame(UdpFrame(false, {1}));
    frame.segs = 2;
    EXPECT_EQ(sl_wire_parse_frame(&frame, SL_RX_CHECKSUM_AUTO), SL_DROP_SEGMENTED);
}

TEST(WireFrame, BelievesOnlyWhatThePolicyAllows)
{
    Bytes bad = UdpFrame(false, {1, 2, 3});
    bad.back() ^= 1;
    EXPECT_EQ(Parse(bad, SL_RX_CHECKSUM_AUTO), SL_DROP_NONE) << "veth leaves sums unfinished";
    EXPECT_EQ(Parse(bad, SL_RX_CHECKSUM_IGNORE), SL_DROP_NONE);
    EXPECT_EQ(Parse(bad, SL_RX_CHECKSUM_AUTO, SL_FRAME_RX_L4_CHECKSUM_BAD), SL_DROP_UDP_CHECKSUM);
    EXPECT_EQ(Parse(bad, SL_RX_CHECKSUM_IGNORE, SL_FRAME_RX_L4_CHECKSUM_BAD), SL_DROP_NONE);
    EXPECT_EQ(Parse(bad, SL_RX_CHECKSUM_REQUIRE, SL_FRAME_RX_L4_CHECKSUM_GOOD), SL_DROP_NONE);
    EXPECT_EQ(Parse(UdpFrame(false, {1}), SL_RX_CHECKSUM_AUTO, SL_FRAME_RX_IP_CHECKSUM_BAD),
              SL_DROP_IP_HEADER);
}

TEST(WireFrame, AcceptsUdpWithoutChecksumOverIpv4Only)
{
    Bytes none = UdpFrame(false, {1, 2, 3});
    none[40] = none[41] = 0;
    EXPECT_EQ(Parse(none), SL_DROP_NONE);
}

TEST(WireFrame, StepsOverIpv6Options)
{
    EXPECT_EQ(Parse(WithExtensions(60, {17, 0, 1, 4, 0, 0, 0, 0})), SL_DROP_NONE);
    // PadN, Pad1, and an unknown option that may be skipped.
    EXPECT_EQ(Parse(WithExtensions(0, {17, 0, 1, 0, 0, 0x1e, 1, 0})), SL_DROP_NONE);
}

TEST(WireFrame, RefusesALongChainOfExtensions)
{
    Bytes chain;
    for (int i = 0; i < 3; i++)
        chain.insert(chain.end(), {60, 0, 1, 4, 0, 0, 0, 0});
    EXPECT_EQ(Parse(WithExtensions(60, chain + Bytes{17, 0, 1, 4, 0, 0, 0, 0})),
              SL_DROP_IP_PROTOCOL);
}

TEST(WireFrame, TakesAnArpProbe)
{
    EXPECT_EQ(Parse(With(ArpRequest(), [](Bytes &b) { memset(&b[28], 0, 4); })), SL_DROP_NONE);
}

TEST(WireFrame, StaysWithinRandomBytes)
{
    std::mt19937 random(1);
    const Bytes seeds[] = {UdpFrame(false, {1, 2, 3}), UdpFrame(true, {1, 2, 3}, 9),
                           EchoFrame4({1, 2, 3, 4}), ArpRequest(),
                           Icmp6Frame(Solicitation(V6(1), true), 255, V6(7), V6(1))};
    for (int i = 0; i < 200000; i++) {
        Bytes bytes = seeds[random() % 5];
        for (unsigned n = random() % 4; n > 0; n--)
            bytes[random() % bytes.size()] = (uint8_t)random();
        if (random() % 3 == 0)
            bytes.resize(random() % (bytes.size() + 1));
        Frame frame(bytes);
        if (sl_wire_parse_frame(&frame, SL_RX_CHECKSUM_AUTO) != SL_DROP_NONE)
            continue;
        ASSERT_LE(frame.payload_off + frame.payload_len, frame.len);
        if (frame.kind != SL_PACKET_UDP && sl_wire_answer_frame(&frame, kOwnMac) == SL_DROP_NONE) {
            ASSERT_LE((size_t)(frame.data + frame.len - frame.room.data()), frame.room.size());
        }
    }
}

// Plain frames have a way of their own through the parser. A stripped priority tag means the same
// as none, and takes the other way: both have to come to the same end, whatever is changed.
TEST(WireFrame, ThePlainWayFindsWhatTheOtherOneFinds)
{
    std::mt19937 random(20261127);
    unsigned plain = 0, other = 0, refused = 0;
    for (unsigned round = 0; round < 400000; round++) {
        Bytes bytes = UdpFrame(round % 8 == 0, Bytes(random() % 40, 0x16));
        const uint64_t mac = sl_wire_mac_word(bytes.data());
        sl_ip ips[2] = {};
        memcpy(ips[0].bytes + 12, bytes.data() + 30, 4); /* an IPv6 address that ends so */
        ips[1] = sl_ip_from_v4(bytes.data() + 30);
        for (unsigned changes = random() % 4; changes > 0; changes--)
            bytes[random() % std::min<size_t>(bytes.size(), 46)] =
                static_cast<uint8_t>(random() % 4 == 0 ? random() : 1u << random() % 8);
        if (random() % 8 == 0)
            bytes.resize(random() % (bytes.size() + 8));
        const auto policy = random() % 2 ? SL_RX_CHECKSUM_AUTO : SL_RX_CHECKSUM_IGNORE;
        Frame one(bytes), two(bytes);
        /* Mostly as if the port believed the header's checksum, which refuses nearly all changes.
         */
        one.flags = SL_FRAME_RX_IP_CHECKSUM_GOOD;
        if (random() % 4 == 0)
            one.flags = static_cast<uint16_t>(random() % 32);
        two.flags = one.flags;
        const sl_frame before = one;
        const bool is_plain = sl_wire_parse_plain(&one, mac, ips, 2);
        const sl_drop drop = sl_wire_parse_frame(&two, policy);
        plain += is_plain;
        other += !is_plain && drop == SL_DROP_NONE;
        refused += drop != SL_DROP_NONE;
        if (!is_plain) {
            ASSERT_EQ(memcmp(static_cast<sl_frame *>(&one), &before, sizeof(sl_frame)), 0);
            continue;
        }
        ASSERT_EQ(drop, SL_DROP_NONE) << "round " << round;
        ASSERT_EQ(one.kind, two.kind);
        ASSERT_EQ(one.l3_off, two.l3_off);
        ASSERT_EQ(one.payload_off, two.payload_off);
        ASSERT_EQ(one.payload_len, two.payload_len);
        ASSERT_LE(one.payload_off + one.payload_len, static_cast<int>(bytes.size()));
        ASSERT_EQ(memcmp(&one.path, &two.path, sizeof one.path), 0);
        ASSERT_EQ(memcmp(one.data, &mac, SL_ETHER_ADDR_LEN), 0);
        ASSERT_EQ(memcmp(&one.path.tuple.local_ip, &ips[1], sizeof ips[1]), 0);
    }
    EXPECT_GT(plain, 50000u);
    EXPECT_GT(other, 10000u);
    EXPECT_GT(refused, 50000u);
}
