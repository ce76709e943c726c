// The MAC of a next hop: asked for, heard, believed for a while. The network answers as a worker
// does.
extern "C" {
#include "sl_next_hop.h"
}

#include <gtest/gtest.h>

#include "packets.h"

namespace
{

constexpr uint64_t ms = 1000000;
constexpr uint64_t start = 5000 * ms;
constexpr uint64_t believed = 30000 * ms;

/** A next hop that is sought; packets.h is written from the other side. */
struct NextHop : sl_next_hop {
    explicit NextHop(bool v6, uint16_t vlan = SL_VLAN_NONE, uint64_t believed_ns = believed)
    {
        sl_next_hop_config config{};
        config.ip = v6 ? V6(1) : V4(198, 18, 0, 1);
        config.asker = v6 ? V6(7) : V4(198, 19, 0, 7);
        memcpy(config.mac, kPeerMac, 6);
        config.vlan_id = vlan;
        config.attempts = 3;
        config.believed_ns = believed_ns;
        sl_next_hop_init(this, &config);
    }
};

/** The frame that comes of a request. */
Bytes Answer(const Bytes &request)
{
    Frame frame(request);
    EXPECT_EQ(SL_DROP_NONE, sl_wire_parse_frame(&frame, SL_RX_CHECKSUM_REQUIRE));
    EXPECT_EQ(SL_DROP_NONE, sl_wire_answer_frame(&frame, kOwnMac));
    return frame.bytes();
}

/** Empty: nothing was due. */
Bytes Ask(NextHop *hop, uint64_t now_ns)
{
    Frame frame{Bytes()};
    const bool is_due = sl_next_hop_ask(hop, &frame, now_ns);
    EXPECT_EQ(is_due, frame.len > 0);
    return frame.bytes();
}

bool Hear(NextHop *hop, const Bytes &bytes, uint64_t now_ns = start)
{
    Frame frame(bytes);
    return sl_next_hop_hear(hop, &frame, now_ns);
}

} // namespace

TEST(NextHop, IsFoundInBothFamiliesAndOnAVlan)
{
    for (bool v6 : {false, true})
        for (uint16_t vlan : {(uint16_t)SL_VLAN_NONE, (uint16_t)7}) {
            NextHop hop(v6, vlan);
            uint8_t mac[6] = {0};
            sl_next_hop_seek(&hop, start);
            EXPECT_EQ(SL_NEXT_HOP_ASKED_FOR, sl_next_hop_of(&hop, mac));
            const Bytes request = Ask(&hop, start);
            EXPECT_FALSE(Hear(&hop, request)) << "a request is no answer";
            EXPECT_TRUE(Hear(&hop, Answer(request)));
            EXPECT_EQ(SL_NEXT_HOP_KNOWN, sl_next_hop_of(&hop, mac));
            EXPECT_EQ(0, memcmp(kOwnMac, mac, 6));
            EXPECT_EQ(UINT64_MAX, sl_next_hop_due_ns(&hop));
            EXPECT_FALSE(Hear(&hop, Answer(request))) << "the first one counts";
        }
}

TEST(NextHop, NothingIsAskedOrHeardBeforeItIsSought)
{
    NextHop hop(false), other(false);
    EXPECT_EQ(UINT64_MAX, sl_next_hop_due_ns(&hop));
    EXPECT_EQ(Bytes(), Ask(&hop, start));
    sl_next_hop_seek(&other, start);
    EXPECT_FALSE(Hear(&hop, Answer(Ask(&other, start)))) << "gratuitous";
    uint8_t mac[6];
    EXPECT_EQ(SL_NEXT_HOP_IDLE, sl_next_hop_of(&hop, mac));
}

TEST(NextHop, IsAskedForEvery200MsAndThenGivenUp)
{
    NextHop hop(false, 7);
    sl_next_hop_seek(&hop, start);
    Bytes first;
    for (unsigned i = 0; i < 3; i++) {
        const uint64_t due = start + i * 200 * ms;
        if (i > 0) {
            EXPECT_EQ(due, sl_next_hop_due_ns(&hop));
            EXPECT_EQ(Bytes(), Ask(&hop, due - 1));
        }
        const Bytes request = Ask(&hop, due);
        first = i == 0 ? request : first;
        EXPECT_EQ(first, request);
    }
    uint8_t mac[6];
    EXPECT_EQ(Bytes(), Ask(&hop, start + 600 * ms - 1));
    EXPECT_EQ(SL_NEXT_HOP_ASKED_FOR, sl_next_hop_of(&hop, mac));
    EXPECT_EQ(Bytes(), Ask(&hop, start + 600 * ms));
    EXPECT_EQ(SL_NEXT_HOP_GIVEN_UP, sl_next_hop_of(&hop, mac));
    EXPECT_EQ(UINT64_MAX, sl_next_hop_due_ns(&hop));
    char reason[SL_NEXT_HOP_REASON_LEN];
    sl_next_hop_explain(&hop, reason);
    EXPECT_STREQ("198.18.0.1 has not answered 3 ARP requests on VLAN 7", reason);
    EXPECT_FALSE(Hear(&hop, Answer(first))) << "it is not waited for any more";
}

TEST(NextHop, GivenUpItIsAskedForAnewWhenItIsSoughtAgain)
{
    NextHop hop(true);
    sl_next_hop_seek(&hop, start);
    for (unsigned i = 0; i < 4; i++)
        Ask(&hop, start + i * 200 * ms);
    char reason[SL_NEXT_HOP_REASON_LEN];
    sl_next_hop_explain(&hop, reason);
    EXPECT_STREQ("2001:db8::1 has not answered 3 neighbour solicitations", reason);
    sl_next_hop_seek(&hop, start + 900 * ms);
    const Bytes request = Ask(&hop, start + 900 * ms);
    ASSERT_NE(Bytes(), request);
    EXPECT_TRUE(Hear(&hop, Answer(request)));
}

TEST(NextHop, AnAnswerIsBelievedForAWhileAndThenAskedForAnew)
{
    NextHop hop(false);
    sl_next_hop_seek(&hop, start);
    ASSERT_TRUE(Hear(&hop, Answer(Ask(&hop, start)), start));
    uint8_t mac[6];
    sl_next_hop_seek(&hop, start + believed - 1);
    EXPECT_EQ(SL_NEXT_HOP_KNOWN, sl_next_hop_of(&hop, mac));
    sl_next_hop_seek(&hop, start + believed);
    EXPECT_EQ(SL_NEXT_HOP_ASKED_FOR, sl_next_hop_of(&hop, mac));
    Bytes answer = Answer(Ask(&hop, start + believed));
    answer[11] = answer[27] = 0x77; // another machine has the address now
    EXPECT_TRUE(Hear(&hop, answer, start + believed));
    EXPECT_EQ(SL_NEXT_HOP_KNOWN, sl_next_hop_of(&hop, mac));
    EXPECT_EQ(0x77, mac[5]);
}

TEST(NextHop, RequestsKeepTheirDistanceHoweverOftenItIsSought)
{
    NextHop hop(false, SL_VLAN_NONE, 0); // an answer is never believed for long
    unsigned requests = 0;
    for (unsigned i = 0; i < 1000; i++) {
        sl_next_hop_seek(&hop, start + i * ms);
        const Bytes request = Ask(&hop, start + i * ms);
        if (!request.empty()) {
            requests++;
            ASSERT_TRUE(Hear(&hop, Answer(request), start + i * ms));
        }
    }
    EXPECT_EQ(5U, requests);
}

TEST(NextHop, BelievedForGoodItIsNeverAskedForAgain)
{
    NextHop heard(false, SL_VLAN_NONE, UINT64_MAX), set(false);
    sl_next_hop_seek(&heard, start);
    ASSERT_TRUE(Hear(&heard, Answer(Ask(&heard, start))));
    sl_next_hop_set(&set, kOwnMac);
    for (NextHop *hop : {&heard, &set}) {
        uint8_t mac[6];
        sl_next_hop_seek(hop, UINT64_MAX - 1);
        EXPECT_EQ(SL_NEXT_HOP_KNOWN, sl_next_hop_of(hop, mac));
        EXPECT_EQ(0, memcmp(kOwnMac, mac, 6));
        EXPECT_EQ(Bytes(), Ask(hop, UINT64_MAX - 1));
    }
}

TEST(NextHop, AFrameWithoutRoomIsNoAttempt)
{
    NextHop hop(true);
    sl_next_hop_seek(&hop, start);
    Frame small{Bytes()};
    small.tailroom = SL_WIRE_NEIGHBOUR_REQUEST_MAX - 1;
    EXPECT_FALSE(sl_next_hop_ask(&hop, &small, start));
    for (unsigned i = 0; i < 3; i++)
        EXPECT_NE(Bytes(), Ask(&hop, start + i * 200 * ms));
    EXPECT_EQ(Bytes(), Ask(&hop, start + 600 * ms));
}

TEST(NextHop, IsGivenUpAlsoWhenNoRequestCanLeave)
{
    NextHop hop(false);
    uint8_t ignored[6];
    sl_next_hop_seek(&hop, start);
    unsigned after = 0;
    for (; after < 1000 && sl_next_hop_of(&hop, ignored) == SL_NEXT_HOP_ASKED_FOR; after++)
        sl_next_hop_miss(&hop, start + after * ms);
    EXPECT_EQ(602U, after) << "as long as with three requests that nobody answers";
    sl_next_hop_miss(&hop, start + 2000 * ms);
    EXPECT_EQ(SL_NEXT_HOP_GIVEN_UP, sl_next_hop_of(&hop, ignored));
}

TEST(NextHop, ARequestThatCanNotLeaveWaitsUntilTheNextOneWouldBeDue)
{
    NextHop hop(false);
    sl_next_hop_seek(&hop, start);
    for (unsigned after = 0; after < 200; after++)
        sl_next_hop_miss(&hop, start + after * ms);
    for (unsigned i = 0; i < 3; i++)
        EXPECT_NE(Bytes(), Ask(&hop, start + (199 + i * 200) * ms));
    EXPECT_EQ(Bytes(), Ask(&hop, start + 799 * ms));
}

TEST(NextHop, OnlyTheAnswerThatIsMeantCounts)
{
    NextHop hop(false);
    sl_next_hop_seek(&hop, start);
    const Bytes good = Answer(Ask(&hop, start));
    Bytes bad = good;
    bad[31] = 2; // of 198.18.0.2
    EXPECT_FALSE(Hear(&hop, bad));
    bad = good;
    bad[5] = 0x99; // to another station
    EXPECT_FALSE(Hear(&hop, bad));
    bad = good;
    memcpy(&bad[22], kPeerMac, 6); // our own MAC
    EXPECT_FALSE(Hear(&hop, bad));
    bad = good;
    bad.insert(bad.begin() + 12, {0x81, 0, 0, 7});
    EXPECT_FALSE(Hear(&hop, bad));
    EXPECT_TRUE(Hear(&hop, good));
}
