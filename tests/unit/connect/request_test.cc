// Sessions that consumers ask for.
#include "connector_lab.h"

using namespace sluice;

TEST(ConnectorRequest, IsBegunForWhoAsksAndLeftAloneOnceItIsUp)
{
    Demand lab;
    EXPECT_EQ(SL_CONNECTION_ON_DEMAND, lab.info(1).state);
    ASSERT_EQ(0, lab.ask(5, 77));
    const Sent sent = lab.begun();
    EXPECT_EQ(SL_MESSAGE_BEGIN, sent.kind);
    EXPECT_EQ(6U, sent.begin.consumer);
    EXPECT_EQ(77U, sent.begin.request);
    lab.up(sent.attempt, 0x11);
    ASSERT_EQ(0, lab.ask(5, 78)) << "another one of its own";
    lab.up(lab.begun().attempt, 0x22);
    lab.down(sent.attempt);
    lab.poll(3600 * s);
    EXPECT_TRUE(lab.sent.empty()) << "nobody has asked for another one";
    EXPECT_EQ(2U, lab.info(1).attempts);
    EXPECT_EQ(2U, lab.info(1).opened);
}

TEST(ConnectorRequest, IsRefusedForAnotherServiceOrAnEntryThatIsKeptUp)
{
    Demand lab;
    EXPECT_EQ(-ENOENT, lab.ask(5, 77, "peer0"));
    EXPECT_EQ(-ENOENT, lab.ask(5, 77, "peer2"));
    EXPECT_EQ(-ENOENT, lab.ask(5, 77, "peer1", 4));
    sl_connector_stop(lab.connector);
    EXPECT_EQ(-EBUSY, lab.ask(5, 77));
    EXPECT_TRUE(lab.sent.empty());
}

TEST(ConnectorRequest, ThatFailsIsToldOnceAndNotTriedAgain)
{
    for (bool is_known : {false, true}) {
        Demand lab;
        ASSERT_EQ(0, lab.ask(5, 77));
        const uint32_t attempt = lab.take().at(0).attempt;
        lab.found(attempt, is_known);
        if (is_known) {
            lab.take();
            lab.rings_are_full = true;
            lab.down(attempt, SL_DOWN_ABORTED, 0, {SL_ABORT_TIMED_OUT, false, 0, 0, 0, 9000});
            lab.rings_are_full = false;
            lab.poll();
        }
        const std::vector<Sent> told = lab.take();
        ASSERT_EQ(1U, told.size());
        EXPECT_EQ(SL_MESSAGE_FAIL, told[0].kind);
        EXPECT_EQ(5U, told[0].fail.consumer);
        EXPECT_EQ(77U, told[0].fail.failed.request);
        EXPECT_NE(nullptr, strstr(told[0].fail.failed.reason,
                                  is_known ? "no answer from the server in 9 s"
                                           : "198.18.5.2 does not answer ARP requests"))
            << told[0].fail.failed.reason;
        lab.down(attempt, SL_DOWN_CLOSED);
        lab.poll(3600 * s);
        EXPECT_TRUE(lab.sent.empty());
    }
}

TEST(ConnectorRequest, SixteenAreWaitedForByOneConsumerAndNoMore)
{
    Demand lab;
    for (uint32_t i = 0; i < 16; i++)
        EXPECT_EQ(0, lab.ask(5, 1 + i));
    EXPECT_EQ(-EBUSY, lab.ask(5, 17));
    EXPECT_EQ(0, lab.ask(6, 1)) << "another consumer";
    const std::vector<Sent> sent = lab.take();
    lab.found(sent[0].attempt);
    lab.up(sent[0].attempt);
    EXPECT_EQ(0, lab.ask(5, 18)) << "one is up";
}

TEST(ConnectorRequest, HalfOfAllMayBeOneUsersAndEntriesThatAreKeptUpHaveTheirOwn)
{
    Demand lab;
    const uint32_t kept_up = lab.first;
    lab.found(kept_up);
    lab.take();
    lab.up(kept_up);
    const unsigned all = SL_ATTEMPTS_MAX - 2, each = all / 2 - 8;
    for (uint32_t i = 0; i < all; i++) {
        const uint32_t consumer = i < each ? 5 : i < 2 * each ? 6 : 9;
        ASSERT_EQ(0, lab.ask(consumer, 1 + i)) << i;
        lab.up(lab.begun().attempt, 0x1000 + i);
        if (i + 1 == each) {
            EXPECT_EQ(-EBUSY, lab.ask(5, 1000)) << "its own half";
            sl_connector_forget(lab.connector, 5);
            const sl_connection_asker other = {8, 5};
            EXPECT_EQ(-EBUSY, sl_connector_request(lab.connector, "peer1", 3, &other, 1))
                << "another consumer of the same user";
        }
    }
    EXPECT_EQ(-EBUSY, lab.ask(7, 1000)) << "nothing is left for anybody";
    lab.usage(0x77);
    const Sent successor = lab.replacement();
    EXPECT_EQ(0x77U, successor.begin.replaces) << "but for what is kept up";
    lab.down(kept_up);
    lab.down(successor.attempt);
    lab.poll(10 * s);
    EXPECT_EQ(SL_MESSAGE_FIND_HOP, lab.take().at(0).kind);
}

TEST(ConnectorRequest, OfAConsumerThatIsGoneIsGivenUp)
{
    Demand lab;
    ASSERT_EQ(0, lab.ask(5, 1));
    ASSERT_EQ(0, lab.ask(5, 2));
    ASSERT_EQ(0, lab.ask(5, 3));
    ASSERT_EQ(0, lab.ask(6, 4));
    const std::vector<Sent> sent = lab.take();
    for (unsigned i : {1, 2, 3})
        lab.found(sent[i].attempt);
    lab.up(sent[2].attempt, 0x33);
    lab.take();
    sl_connector_forget(lab.connector, 5);
    std::vector<Sent> told = lab.take();
    ASSERT_EQ(1U, told.size()) << "one was resolved only, one is up";
    EXPECT_EQ(SL_MESSAGE_HANG_UP, told[0].kind);
    EXPECT_EQ(sent[1].attempt, told[0].attempt);
    lab.down(sent[1].attempt, SL_DOWN_ABORTED);
    lab.down(sent[3].attempt, SL_DOWN_ABORTED);
    told = lab.take();
    ASSERT_EQ(1U, told.size());
    EXPECT_EQ(SL_MESSAGE_FAIL, told[0].kind);
    EXPECT_EQ(6U, told[0].fail.consumer);
}
