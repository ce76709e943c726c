// The side that asks: requests byte by byte, and answers, those of our own gateway among them.
#include "packets.h"

#include <gtest/gtest.h>

#include <memory>

namespace
{

sl_neighbour Asker(bool v6, uint16_t vlan = SL_VLAN_NONE)
{
    sl_neighbour asker{};
    asker.ip = v6 ? V6(7) : V4(198, 19, 0, 7);
    memcpy(asker.mac, kPeerMac, 6);
    asker.vlan_id = vlan;
    return asker;
}

Bytes Request(const sl_neighbour &asker, const sl_ip &target)
{
    Frame frame{Bytes()};
    EXPECT_TRUE(sl_wire_write_neighbour_request(&frame, &asker, &target));
    EXPECT_EQ(frame.headroom + frame.len + frame.tailroom, (int)frame.room.size());
    EXPECT_EQ(frame.payload_off + frame.payload_len, frame.len);
    EXPECT_GE(SL_WIRE_NEIGHBOUR_REQUEST_MAX, frame.len);
    return frame.bytes();
}

// Parsed in memory that ends where the frame does.
bool Parse(const Bytes &bytes, sl_neighbour *out, uint16_t flags = 0, uint16_t tci = 0)
{
    std::unique_ptr<uint8_t[]> exact(new uint8_t[bytes.size()]);
    std::copy(bytes.begin(), bytes.end(), exact.get());
    sl_frame frame{};
    frame.data = exact.get();
    frame.len = (uint16_t)bytes.size();
    frame.segs = 1;
    frame.flags = flags;
    frame.vlan_tci = tci;
    return sl_wire_parse_neighbour_answer(&frame, out);
}

bool IsAnswer(const Bytes &bytes)
{
    sl_neighbour out{};
    return Parse(bytes, &out);
}

Bytes ArpReply()
{
    Bytes f(kPeerMac, kPeerMac + 6);
    f.insert(f.end(), kOwnMac, kOwnMac + 6);
    f.insert(f.end(), {8, 6, 0, 1, 8, 0, 6, 4, 0, 2});
    f.insert(f.end(), kOwnMac, kOwnMac + 6);
    f.insert(f.end(), {198, 18, 0, 1});
    f.insert(f.end(), kPeerMac, kPeerMac + 6);
    f.insert(f.end(), {198, 19, 0, 7});
    return f;
}

struct Advertisement {
    uint8_t type = 136, code = 0, flags = 0x60, hop_limit = 255;
    sl_ip target = V6(1), from = V6(1), to = V6(7);
    Bytes options = {2, 1, 2, 0, 0, 0, 0, 0xfe};

    Bytes frame() const
    {
        Bytes icmp = {type, code, 0, 0, flags, 0, 0, 0};
        icmp.insert(icmp.end(), target.bytes, target.bytes + 16);
        icmp.insert(icmp.end(), options.begin(), options.end());
        return Icmp6Frame(icmp, hop_limit, from, to);
    }
};

} // namespace

TEST(WireNeighbour, AnArpRequestByteByByte)
{
    const Bytes expected = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,   0,  0, 0, 0,
                            7,    8,    6,    0,    1,    8,    0,   6,  4, 0, 1, // request
                            2,    0,    0,    0,    0,    7,    198, 19, 0, 7, 0,
                            0,    0,    0,    0,    0,    198,  18,  0,  1};
    EXPECT_EQ(expected, Request(Asker(false), V4(198, 18, 0, 1)));
}

TEST(WireNeighbour, ASolicitationByteByByte)
{
    sl_ip target = V6(1);
    target.bytes[13] = 0xaa;
    Bytes expected = {0x33, 0x33, 0xff, 0xaa, 0, 1,  2,  0,   0, 0, 0, 7, 0x86, 0xdd, // RFC 2464 7
                      0x60, 0,    0,    0,    0, 32, 58, 255,                         //
                      0x20, 1,    0x0d, 0xb8, 0, 0,  0,  0,   0, 0, 0, 0, 0,    0,    0,
                      7,    0xff, 2,    0,    0, 0,  0,  0,   0, 0, 0, 0, 1,    0xff, 0xaa,
                      0,    1,    135,  0,    0, 0,  0,  0,   0, 0, //
                      0x20, 1,    0x0d, 0xb8, 0, 0,  0,  0,   0, 0, 0, 0, 0,    0xaa, 0,
                      1,    1,    1,    2,    0, 0,  0,  0,   7};
    PutSum(expected, 54, expected.size(), 56, Icmp6Start(expected, 32));
    EXPECT_NE(0, expected[56] | expected[57]);
    EXPECT_EQ(expected, Request(Asker(true), target));
}

TEST(WireNeighbour, ARequestOnAVlanIsTagged)
{
    Bytes arp = Request(Asker(false, 42), V4(198, 18, 0, 1));
    EXPECT_EQ(Bytes(arp.begin() + 12, arp.begin() + 18), (Bytes{0x81, 0, 0, 42, 8, 6}));
    arp.erase(arp.begin() + 12, arp.begin() + 16);
    EXPECT_EQ(Request(Asker(false), V4(198, 18, 0, 1)), arp);
    Bytes nd = Request(Asker(true, 4094), V6(1));
    ASSERT_EQ((size_t)SL_WIRE_NEIGHBOUR_REQUEST_MAX, nd.size());
    EXPECT_EQ(Bytes(nd.begin() + 12, nd.begin() + 18), (Bytes{0x81, 0, 0x0f, 0xfe, 0x86, 0xdd}));
    nd.erase(nd.begin() + 12, nd.begin() + 16);
    EXPECT_EQ(Request(Asker(true), V6(1)), nd);
}

TEST(WireNeighbour, ARequestWithoutRoomOrOfTwoFamiliesIsNotWritten)
{
    const sl_ip v4 = V4(198, 18, 0, 1), v6 = V6(1);
    sl_neighbour asker4 = Asker(false), asker6 = Asker(true);
    Frame frame(Bytes(10, 0x5a));
    EXPECT_FALSE(sl_wire_write_neighbour_request(&frame, &asker4, &v6));
    EXPECT_FALSE(sl_wire_write_neighbour_request(&frame, &asker6, &v4));
    frame.tailroom = SL_WIRE_NEIGHBOUR_REQUEST_MAX - 11;
    EXPECT_FALSE(sl_wire_write_neighbour_request(&frame, &asker6, &v6));
    EXPECT_EQ(Bytes(10, 0x5a), frame.bytes());
    frame.tailroom++; // what it holds is written over
    EXPECT_TRUE(sl_wire_write_neighbour_request(&frame, &asker6, &v6));
    EXPECT_EQ(86, frame.len);
    EXPECT_EQ(4, frame.tailroom);
}

TEST(WireNeighbour, OurOwnAnswersAreUnderstoodWithAndWithoutVlan)
{
    for (bool v6 : {false, true})
        for (uint16_t vlan : {(uint16_t)SL_VLAN_NONE, (uint16_t)42})
            for (bool is_stripped : {false, true}) {
                if (is_stripped && vlan == SL_VLAN_NONE)
                    continue;
                const sl_ip target = v6 ? V6(1) : V4(198, 18, 0, 1);
                const sl_neighbour asker = Asker(v6, vlan);
                Frame frame{Request(asker, target)};
                ASSERT_EQ(SL_DROP_NONE, sl_wire_parse_frame(&frame, SL_RX_CHECKSUM_REQUIRE));
                EXPECT_EQ(v6 ? SL_PACKET_ND_SOLICIT : SL_PACKET_ARP_REQUEST, frame.kind);
                EXPECT_EQ(0, memcmp(&frame.path.tuple.local_ip, &target, 16));
                EXPECT_EQ(0, memcmp(&frame.path.tuple.remote_ip, &asker.ip, 16));
                EXPECT_EQ(vlan, frame.path.hop.vlan_id);
                ASSERT_EQ(SL_DROP_NONE, sl_wire_answer_frame(&frame, kOwnMac));
                Bytes answer = frame.bytes();
                if (is_stripped) // as the asker's port may do
                    answer.erase(answer.begin() + 12, answer.begin() + 16);
                sl_neighbour out{};
                ASSERT_TRUE(is_stripped
                                ? Parse(answer, &out, SL_FRAME_RX_VLAN_STRIPPED, 0x2000 | vlan)
                                : Parse(answer, &out));
                EXPECT_EQ(0, memcmp(&out.ip, &target, 16));
                EXPECT_EQ(0, memcmp(out.mac, kOwnMac, 6));
                EXPECT_EQ(vlan, out.vlan_id);
            }
}

TEST(WireNeighbour, APriorityTagIsNoVlan)
{
    Bytes reply = ArpReply();
    reply.insert(reply.begin() + 12, {0x81, 0, 0xe0, 0});
    sl_neighbour out{};
    ASSERT_TRUE(Parse(reply, &out));
    EXPECT_EQ(SL_VLAN_NONE, out.vlan_id);
    reply.insert(reply.begin() + 12, {0x81, 0, 0, 7});
    EXPECT_FALSE(IsAnswer(reply)) << "two tags";
    EXPECT_FALSE(Parse(reply, &out, SL_FRAME_RX_VLAN_STRIPPED, 7));
}

TEST(WireNeighbour, NothingElseIsAnAnswer)
{
    EXPECT_TRUE(IsAnswer(ArpReply()));
    EXPECT_TRUE(IsAnswer(Advertisement().frame()));
    EXPECT_FALSE(IsAnswer(ArpRequest()));
    EXPECT_FALSE(IsAnswer(UdpFrame(false, {22, 1})));
    EXPECT_FALSE(IsAnswer(UdpFrame(true, {22, 1})));
    EXPECT_FALSE(IsAnswer(EchoFrame4({1, 2})));
    EXPECT_FALSE(IsAnswer(Icmp6Frame(Solicitation(V6(1), true), 255, V6(7), V6(1))));
    Frame frame(ArpReply());
    sl_neighbour out{};
    frame.segs = 2;
    EXPECT_FALSE(sl_wire_parse_neighbour_answer(&frame, &out));
}

TEST(WireNeighbour, AnArpReplyIsOneToTheLastByteOfItsHead)
{
    const Bytes good = ArpReply();
    for (size_t at = 12; at < 22; at++) {
        Bytes bad = good;
        bad[at] ^= 0x10;
        EXPECT_FALSE(IsAnswer(bad)) << at;
    }
    Bytes bad = good;
    bad[6] |= 1; // from a group
    EXPECT_FALSE(IsAnswer(bad));
    bad = good;
    bad[22] |= 1; // of a group
    EXPECT_FALSE(IsAnswer(bad));
    bad = good;
    std::fill(bad.begin() + 22, bad.begin() + 28, 0); // of nobody
    EXPECT_FALSE(IsAnswer(bad));
    for (uint8_t first : {0, 127, 224, 255}) {
        bad = good;
        bad[28] = first;
        EXPECT_FALSE(IsAnswer(bad)) << (int)first;
    }
}

TEST(WireNeighbour, AnAdvertisementMustBeAsTheRfcSays)
{
    struct {
        const char *what;
        Advertisement advertisement;
    } cases[14];
    unsigned n = 0;
    auto next = [&](const char *what) -> Advertisement & {
        cases[n].what = what;
        return cases[n++].advertisement;
    };
    next("hop limit").hop_limit = 254;
    next("type").type = 135;
    next("code").code = 1;
    next("target is a group").target.bytes[0] = 0xff;
    next("target is unspecified").target = sl_ip{};
    next("target is an IPv4 address").target = V4(198, 18, 0, 1);
    next("sender is a group").from.bytes[0] = 0xff;
    next("sender is unspecified").from = sl_ip{};
    next("solicited, to a group").to.bytes[0] = 0xff;
    next("no option").options = {};
    next("the option of a solicitation").options[0] = 1;
    next("option without a length").options = {2, 1, 2, 0, 0, 0, 0, 0xfe, 14, 0, 0, 0, 0, 0, 0, 0};
    next("option past the end").options = {2, 1, 2, 0, 0, 0, 0, 0xfe, 14, 2, 0, 0, 0, 0, 0, 0};
    next("MAC of a group").options[2] |= 1;
    for (unsigned i = 0; i < n; i++)
        EXPECT_FALSE(IsAnswer(cases[i].advertisement.frame())) << cases[i].what;
    Bytes bad = Advertisement().frame();
    bad[57] ^= 1;
    EXPECT_FALSE(IsAnswer(bad)) << "checksum";
    bad = Advertisement().frame();
    bad[14] = 0x40;
    EXPECT_FALSE(IsAnswer(bad)) << "version";
}

TEST(WireNeighbour, AnAdvertisementMayHaveOtherOptionsAndGoToAll)
{
    Advertisement more;
    more.options = {14, 2, 0, 0, 0, 0, 0, 0,   0, 0, 0, 0, 0, 0, 0, 0, // 16 bytes
                    2,  1, 2, 0, 0, 0, 0, 0xfe};
    EXPECT_TRUE(IsAnswer(more.frame()));
    Advertisement all;
    all.flags = 0x20;
    all.to = sl_ip{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
    EXPECT_TRUE(IsAnswer(all.frame()));
}

TEST(WireNeighbour, AnyShorterFrameIsNoAnswerAndPaddingDoesNotMatter)
{
    for (Bytes whole : {ArpReply(), Advertisement().frame()})
        for (bool is_tagged : {false, true}) {
            if (is_tagged)
                whole.insert(whole.begin() + 12, {0x81, 0, 0, 7});
            for (size_t len = 0; len < whole.size(); len++)
                EXPECT_FALSE(IsAnswer(Bytes(whole.begin(), whole.begin() + (long)len))) << len;
            EXPECT_TRUE(IsAnswer(whole));
            Bytes padded = whole;
            padded.resize(whole.size() + 18, 0xee);
            EXPECT_TRUE(IsAnswer(padded));
        }
}

TEST(WireNeighbour, NothingIsWrittenWhenItIsNone)
{
    sl_neighbour out;
    memset(&out, 0x5a, sizeof out);
    const sl_neighbour before = out;
    Advertisement bad;
    bad.options[2] |= 1;
    EXPECT_FALSE(Parse(bad.frame(), &out));
    EXPECT_EQ(0, memcmp(&before, &out, sizeof out));
}
