#include "packets.h"

#include <gtest/gtest.h>

namespace
{

// Parses and answers; the answer's bytes, or none.
Bytes Answer(const Bytes &request, uint16_t flags = 0, uint16_t tci = 0)
{
    Frame frame(request);
    frame.flags = flags;
    frame.vlan_tci = tci;
    EXPECT_EQ(sl_wire_parse_frame(&frame, SL_RX_CHECKSUM_REQUIRE), SL_DROP_NONE);
    EXPECT_EQ(sl_wire_answer_frame(&frame, kOwnMac), SL_DROP_NONE);
    EXPECT_EQ(memcmp(frame.data + 6, kOwnMac, 6), 0);
    EXPECT_EQ(frame.headroom + frame.len + frame.tailroom, (int)frame.room.size());
    return frame.bytes();
}

} // namespace

TEST(WireAnswer, ArpTellsOurMacToTheAsker)
{
    Bytes answer = Answer(ArpRequest());
    ASSERT_EQ(answer.size(), 42u);
    EXPECT_EQ(memcmp(answer.data(), kPeerMac, 6), 0);
    EXPECT_EQ(answer[21], 2);
    EXPECT_EQ(memcmp(&answer[22], kOwnMac, 6), 0);
    EXPECT_EQ(Bytes(answer.begin() + 28, answer.begin() + 32), (Bytes{198, 18, 0, 1}));
    EXPECT_EQ(memcmp(&answer[32], kPeerMac, 6), 0);
    EXPECT_EQ(Bytes(answer.begin() + 38, answer.begin() + 42), (Bytes{198, 19, 0, 7}));
}

TEST(WireAnswer, AStrippedTagIsPutBack)
{
    Bytes answer = Answer(ArpRequest(), SL_FRAME_RX_VLAN_STRIPPED, 42);
    ASSERT_EQ(answer.size(), 46u);
    EXPECT_EQ(Bytes(answer.begin() + 12, answer.begin() + 18), (Bytes{0x81, 0, 0, 42, 8, 6}));
}

TEST(WireAnswer, EchoKeepsItsPayloadAndHasTheRightSums)
{
    Bytes answer = Answer(EchoFrame4({'p', 'i', 'n', 'g', '!'}));
    ASSERT_EQ(answer.size(), 47u);
    EXPECT_EQ(answer[34], 0);
    EXPECT_EQ(Bytes(answer.begin() + 26, answer.begin() + 30), (Bytes{198, 18, 0, 1}));
    EXPECT_EQ(sl_wire_checksum_fold(sl_wire_checksum_add(0, &answer[14], 20)), 0);
    EXPECT_EQ(sl_wire_checksum_fold(sl_wire_checksum_add(0, &answer[34], answer.size() - 34)), 0);
    EXPECT_EQ(memcmp(&answer[42], "ping!", 5), 0);
}

TEST(WireAnswer, NoOptionsAreSentBack)
{
    Bytes plain = EchoFrame4({'p', 'i', 'n', 'g', '!'}), routed = plain;
    routed.insert(routed.begin() + 34, {0x83, 7, 4, 198, 19, 0, 9, 0}); // a loose source route
    routed[14] = 0x47;
    routed[17] = (uint8_t)(routed[17] + 8);
    PutSum(routed, 14, 42, 24);
    EXPECT_EQ(Answer(routed), Answer(plain));

    Bytes plain6 = Icmp6Frame({128, 0, 0, 0, 1, 2, 0, 3, 'x'}, 64, V6(7), V6(1)), more = plain6;
    more.insert(more.begin() + 54, {58, 0, 1, 4, 0, 0, 0, 0});
    more[20] = 60;
    more[19] = (uint8_t)(more[19] + 8);
    EXPECT_EQ(Answer(more), Answer(plain6));
}

TEST(WireAnswer, Echo6HasTheRightSum)
{
    Bytes answer = Answer(Icmp6Frame({128, 0, 0, 0, 1, 2, 0, 3, 'x'}, 64, V6(7), V6(1)));
    EXPECT_EQ(answer[54], 129);
    EXPECT_EQ(answer[37], 1) << "from our address";
    EXPECT_EQ(sl_wire_checksum_fold(sl_wire_checksum_add(Icmp6Start(answer, 9), &answer[54], 9)),
              0);
}

TEST(WireAnswer, ASolicitationGetsAnAdvertisementWithTheLinkAddress)
{
    for (bool with_option : {true, false}) {
        Bytes answer =
            Answer(Icmp6Frame(Solicitation(V6(1), with_option), 255, V6(7),
                              sl_ip{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 1}}));
        ASSERT_EQ(answer.size(), 14u + 40 + 32);
        EXPECT_EQ(answer[54], 136);
        EXPECT_EQ(answer[58], 0x60) << "solicited, override";
        EXPECT_EQ(answer[21], 255) << "hop limit";
        EXPECT_EQ(memcmp(&answer[80], kOwnMac, 6), 0);
        EXPECT_EQ(
            sl_wire_checksum_fold(sl_wire_checksum_add(Icmp6Start(answer, 32), &answer[54], 32)),
            0);
    }
}

TEST(WireAnswer, AProbeIsAnsweredToAllNodes)
{
    Bytes answer = Answer(Icmp6Frame(Solicitation(V6(1), false), 255, sl_ip{}, V6(1)));
    EXPECT_EQ(Bytes(answer.begin(), answer.begin() + 6), (Bytes{0x33, 0x33, 0, 0, 0, 1}));
    EXPECT_EQ(answer[38], 0xff);
    EXPECT_EQ(answer[58], 0x20);
}
