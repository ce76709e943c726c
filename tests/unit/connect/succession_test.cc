// Sessions that are replaced before their keys are used up.
#include "connector_lab.h"

using namespace sluice;

TEST(ConnectorSuccession, ASessionWhoseKeyWillNotDoForLongIsReplacedAndThenLeaves)
{
    Lab lab;
    lab.start();
    lab.found(lab.sent[0].attempt);
    const Sent first = lab.take().at(1);
    lab.up(first.attempt, 0x11);
    lab.usage(0x99); // another's
    lab.poll();
    EXPECT_TRUE(lab.sent.empty());
    lab.usage(0x11);
    lab.usage(0x11, SL_USAGE_LIMIT);
    const Sent second = lab.replacement();
    EXPECT_EQ(0x11U, second.begin.replaces);
    EXPECT_EQ(0U, first.begin.replaces);
    EXPECT_NE(first.begin.path.tuple.local_port, second.begin.path.tuple.local_port);
    EXPECT_EQ(0x11U, lab.info().session) << "until the other one is up";
    EXPECT_EQ(SL_CONNECTION_UP, lab.info().state);
    lab.usage(0x11, SL_USAGE_LIMIT);
    lab.poll(1 * s);
    EXPECT_TRUE(lab.sent.empty()) << "one is enough";
    lab.up(second.attempt, 0x22);
    EXPECT_EQ(0x22U, lab.info().session);
    EXPECT_EQ("connection peer0: up: session 0000000000000022, instead of 0000000000000011",
              lab.lines.back());
    lab.poll(5 * s - 1);
    EXPECT_TRUE(lab.sent.empty()) << "what is under way may still come";
    lab.poll(1);
    const std::vector<Sent> told = lab.take();
    ASSERT_EQ(1U, told.size());
    EXPECT_EQ(SL_MESSAGE_HANG_UP, told[0].kind);
    EXPECT_EQ(first.attempt, told[0].attempt);
    EXPECT_EQ(SL_CLOSE_REPLACED, told[0].hang_up.reason);
    lab.down(first.attempt, SL_DOWN_CLOSED, SL_CLOSE_REPLACED);
    EXPECT_EQ(SL_CONNECTION_UP, lab.info().state);
    EXPECT_STREQ("", lab.info().reason) << "nothing has failed";
    lab.usage(0x22);
    EXPECT_EQ(0x22U, lab.replacement().begin.replaces) << "and so on";
}

TEST(ConnectorSuccession, AReplacementGoesToTheWorkerThatHasTheSession)
{
    Lab lab(3, 3);
    lab.start();
    for (const Sent &sent : lab.take())
        lab.found(sent.attempt);
    const Sent third = lab.take().at(2);
    EXPECT_EQ(2U, third.worker);
    lab.up(third.attempt, 0x11);
    lab.usage(0x11);
    EXPECT_EQ(third.worker, lab.replacement().worker);
}

TEST(ConnectorSuccession, OneThatFailsIsTriedAgainWithBackoffBesideTheSession)
{
    Lab lab;
    lab.start();
    lab.found(lab.sent[0].attempt);
    lab.up(lab.take().at(1).attempt, 0x11);
    lab.usage(0x11);
    const uint64_t began = lab.now;
    unsigned failures = 0;
    for (; lab.now < began + 3600 * s; lab.poll(100 * ms))
        for (const Sent &sent : lab.take()) {
            ASSERT_EQ(SL_MESSAGE_FIND_HOP, sent.kind);
            lab.found(sent.attempt, false);
            failures++;
        }
    EXPECT_LE(120U, failures);
    EXPECT_GE(600U, failures) << "every 15 s in the mean";
    EXPECT_EQ(SL_CONNECTION_UP, lab.info().state);
    EXPECT_EQ(0x11U, lab.info().session);
}

TEST(ConnectorSuccession, ASessionThatEndsBeforeItIsReplacedIsFollowedByTheOneUnderWay)
{
    Lab lab;
    lab.start();
    lab.found(lab.sent[0].attempt);
    const Sent first = lab.take().at(1);
    lab.up(first.attempt, 0x11);
    lab.usage(0x11);
    const Sent second = lab.replacement();
    lab.down(first.attempt, SL_DOWN_CLOSED, SL_CLOSE_LIMIT);
    EXPECT_STREQ("its keys have reached their usage limit", lab.info().reason);
    EXPECT_EQ(SL_CONNECTION_CONNECTING, lab.info().state);
    lab.poll(60 * s);
    EXPECT_TRUE(lab.sent.empty()) << "no third one";
    lab.up(second.attempt, 0x22);
    EXPECT_EQ(0x22U, lab.info().session);
    lab.poll(60 * s);
    EXPECT_TRUE(lab.sent.empty()) << "nobody is there to leave";
    lab.down(second.attempt);
    EXPECT_EQ(SL_CONNECTION_WAITING, lab.info().state);
}

TEST(ConnectorSuccession, AFarewellThatARingDidNotTakeIsSaidAgain)
{
    Lab lab;
    lab.start();
    lab.found(lab.sent[0].attempt);
    lab.up(lab.take().at(1).attempt, 0x11);
    lab.usage(0x11);
    lab.up(lab.replacement().attempt, 0x22);
    lab.rings_are_full = true;
    lab.poll(5 * s);
    lab.rings_are_full = false;
    lab.poll();
    EXPECT_EQ(SL_MESSAGE_HANG_UP, lab.take().at(0).kind);
    lab.poll();
    EXPECT_TRUE(lab.sent.empty());
}

TEST(ConnectorSuccession, AnOperatorHasASessionReplacedThatIsUp)
{
    Lab lab(2);
    lab.start();
    const std::vector<Sent> begun = lab.take();
    for (const Sent &sent : begun)
        lab.found(sent.attempt);
    lab.take();
    lab.up(begun[0].attempt, 0x11);
    lab.up(begun[1].attempt, 0x22);
    EXPECT_EQ(SL_RECONNECT_TRYING, sl_connector_reconnect(lab.connector, "peer1", lab.now));
    const Sent second = lab.replacement();
    EXPECT_EQ(0x22U, second.begin.replaces) << "of this entry alone";
    EXPECT_EQ("connection peer1: another session is asked for, and begun beside the one there is",
              lab.lines.back());
    EXPECT_EQ(0x22U, lab.info(1).session) << "until the other one is up";
    EXPECT_EQ(SL_RECONNECT_UNDER_WAY, sl_connector_reconnect(lab.connector, "peer1", lab.now));
    lab.poll(1 * s);
    EXPECT_TRUE(lab.sent.empty()) << "one is enough";
    lab.up(second.attempt, 0x33);
    EXPECT_EQ(0x33U, lab.info(1).session);
    lab.poll(5 * s);
    const std::vector<Sent> told = lab.take();
    ASSERT_EQ(1U, told.size());
    EXPECT_EQ(SL_MESSAGE_HANG_UP, told[0].kind);
    EXPECT_EQ(begun[1].attempt, told[0].attempt);
    EXPECT_EQ(SL_CLOSE_REPLACED, told[0].hang_up.reason);
    EXPECT_EQ(0x11U, lab.info(0).session);
}

TEST(ConnectorSuccession, AnOperatorWhoAsksAgainNeedNotWaitForTheBackoff)
{
    Lab lab;
    lab.start();
    lab.found(lab.sent[0].attempt);
    lab.up(lab.take().at(1).attempt, 0x11);
    EXPECT_EQ(SL_RECONNECT_TRYING, sl_connector_reconnect(lab.connector, "peer0", lab.now));
    lab.poll();
    lab.found(lab.take().at(0).attempt, false);
    lab.poll();
    EXPECT_TRUE(lab.sent.empty()) << "it waits";
    EXPECT_EQ(0x11U, lab.info().session) << "the session lives on";
    EXPECT_EQ(SL_RECONNECT_TRYING, sl_connector_reconnect(lab.connector, "peer0", lab.now));
    EXPECT_EQ(0x11U, lab.replacement().begin.replaces);
}

TEST(ConnectorSuccession, AnOperatorHasAllSessionsReplacedThatConsumersHaveAskedFor)
{
    Demand lab;
    for (uint32_t number : {1, 2}) {
        ASSERT_EQ(0, lab.ask(5, number));
        lab.up(lab.begun().attempt, number);
    }
    EXPECT_EQ(SL_RECONNECT_TRYING, sl_connector_reconnect(lab.connector, "peer1", lab.now));
    lab.poll();
    const std::vector<Sent> begun = lab.take();
    ASSERT_EQ(2U, begun.size());
    for (const Sent &sent : begun)
        lab.found(sent.attempt);
    EXPECT_EQ(1U, lab.sent.at(0).begin.replaces);
    EXPECT_EQ(2U, lab.sent.at(1).begin.replaces);
    for (const Sent &sent : begun)
        lab.up(sent.attempt, sent.attempt + 0x100);
    lab.poll(5 * s);
    lab.take();
    lab.poll(3600 * s);
    EXPECT_TRUE(lab.sent.empty()) << "once";
}
