// One user's half of the sessions on demand, and what replaces them.
#include "connector_lab.h"

using namespace sluice;

namespace
{

/** What a user may ask for: half, less what may be under way to replace it. */
constexpr unsigned most = (SL_ATTEMPTS_MAX - 2) / 2 - 8;

/** A user who has all that he may, handles 0x1000, 0x1001, .. */
struct Share : Demand {
    std::vector<Sent> sessions;
    Share()
    {
        for (uint32_t i = 0; i < most; i++) {
            EXPECT_EQ(0, ask(5, 1 + i)) << i;
            sessions.push_back(begun());
            up(sessions.back().attempt, 0x1000 + i);
        }
        EXPECT_EQ(-EBUSY, ask(5, 1000));
    }
    /** As many as the next poll begins. */
    std::vector<Sent> replacements()
    {
        poll();
        std::vector<Sent> told = take();
        for (const Sent &sent : told)
            EXPECT_EQ(SL_MESSAGE_FIND_HOP, sent.kind);
        return told;
    }
    void reconnect()
    {
        EXPECT_EQ(SL_RECONNECT_TRYING, sl_connector_reconnect(connector, "peer1", now));
    }
    void another_user_has_his_half()
    {
        for (uint32_t i = 0; i < most; i++) {
            ASSERT_EQ(0, ask(6, 1 + i)) << i;
            up(begun().attempt, 0x2000 + i);
        }
    }
};

} // namespace

TEST(ConnectorShare, WhatReplacesASessionTakesItsPlaceInTheUsersHalf)
{
    Share lab;
    lab.usage(0x1000);
    lab.up(lab.replacement().attempt, 0x2000);
    EXPECT_EQ(-EBUSY, lab.ask(5, 1000)) << "while both are there";
    lab.poll(5 * s);
    lab.take();
    lab.down(lab.sessions[0].attempt, SL_DOWN_CLOSED, SL_CLOSE_REPLACED);
    EXPECT_EQ(-EBUSY, lab.ask(5, 1000)) << "and later";
}

TEST(ConnectorShare, HasTheOneThatIsToReplaceASessionInItBeforeThatIsUp)
{
    Share lab;
    lab.usage(0x1000);
    const Sent next = lab.replacement();
    lab.down(lab.sessions[1].attempt);
    EXPECT_EQ(-EBUSY, lab.ask(5, 1000));
    lab.down(next.attempt, SL_DOWN_ABORTED);
    EXPECT_EQ(0, lab.ask(5, 1001)) << "it has failed: there is a place again";
}

TEST(ConnectorShare, ReplacementsOfOneUsersSessionsLeaveTheOthersTheirHalf)
{
    for (bool is_operator : {false, true}) {
        Share lab;
        if (is_operator)
            lab.reconnect();
        for (uint32_t i = 0; i < most && !is_operator; i++)
            lab.usage(0x1000 + i);
        EXPECT_EQ(is_operator ? 4U : 8U, lab.replacements().size());
        lab.another_user_has_his_half();
    }
}

TEST(ConnectorShare, AFewOfAUsersSessionsAreReplacedAtATimeUntilAllAre)
{
    Share lab;
    lab.reconnect();
    unsigned replaced = 0, rounds = 0;
    for (std::vector<Sent> begun = lab.replacements(); !begun.empty() && rounds < 100;
         begun = lab.replacements(), rounds++) {
        EXPECT_GE(4U, begun.size());
        EXPECT_TRUE(lab.replacements().empty()) << "they are under way";
        for (const Sent &sent : begun) {
            lab.found(sent.attempt);
            lab.take();
            lab.up(sent.attempt, 0x3000 + replaced++);
        }
        EXPECT_TRUE(lab.replacements().empty()) << "the old ones are still there";
        lab.poll(5 * s);
        for (const Sent &sent : lab.take()) {
            EXPECT_EQ(SL_MESSAGE_HANG_UP, sent.kind);
            lab.down(sent.attempt, SL_DOWN_CLOSED, SL_CLOSE_REPLACED);
        }
    }
    EXPECT_EQ(most, replaced);
}

TEST(ConnectorShare, AnOperatorsWishLeavesHalfOfThemToKeysThatWillNotDo)
{
    Demand lab;
    for (uint32_t i = 0; i < 16; i++) {
        if (i == 8) {
            EXPECT_EQ(SL_RECONNECT_TRYING, sl_connector_reconnect(lab.connector, "peer1", lab.now));
        }
        ASSERT_EQ(0, lab.ask(5, 1 + i));
        lab.up(lab.begun().attempt, 0x1000 + i);
    }
    lab.poll();
    EXPECT_EQ(4U, lab.take().size());
    for (uint32_t i = 8; i < 16; i++)
        lab.usage(0x1000 + i);
    lab.poll();
    EXPECT_EQ(4U, lab.take().size());
}

TEST(ConnectorShare, WhatReplacesASessionIsNotWaitedForByAConsumer)
{
    Demand lab;
    for (uint32_t i = 0; i < 8; i++) {
        ASSERT_EQ(0, lab.ask(5, 1 + i));
        lab.up(lab.begun().attempt, 0x1000 + i);
        lab.usage(0x1000 + i);
    }
    lab.poll();
    for (uint32_t i = 0; i < 16; i++)
        EXPECT_EQ(0, lab.ask(5, 100 + i)) << i;
    EXPECT_EQ(-EBUSY, lab.ask(5, 200));
}

TEST(ConnectorShare, IsNothingToEntriesThatAreKeptUp)
{
    Demand lab;
    lab.found(lab.first);
    lab.take();
    lab.up(lab.first, 0x11);
    for (uint32_t i = 0; i < 8; i++) {
        ASSERT_EQ(0, lab.ask(0, 1 + i)) << "the user 0, as nobody is";
        lab.up(lab.begun().attempt, 0x1000 + i);
        lab.usage(0x1000 + i);
    }
    lab.poll();
    EXPECT_EQ(8U, lab.take().size());
    lab.usage(0x11);
    EXPECT_EQ(0x11U, lab.replacement().begin.replaces);
}
