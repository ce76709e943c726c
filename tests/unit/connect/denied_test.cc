// Entries whose server the lists of admission deny.
#include "connector_lab.h"

using namespace sluice;

namespace
{

constexpr char why[] = "the server's address is denied by the lists of admission";

} // namespace

TEST(ConnectorDenied, AnEntryIsNotTriedUntilItsServerIsAllowed)
{
    Lab lab(2);
    lab.denied = {1};
    lab.start();
    std::vector<Sent> told = lab.take();
    ASSERT_EQ(1U, told.size()) << "for the other one";
    EXPECT_EQ(2, told[0].find_hop.ip.bytes[15]);
    EXPECT_EQ(SL_CONNECTION_DENIED, lab.info(0).state);
    EXPECT_STREQ("denied", sl_connection_state_name(lab.info(0).state));
    EXPECT_STREQ(why, lab.info(0).reason);
    EXPECT_EQ(0U, lab.info(0).attempts);
    EXPECT_EQ(lab.now, lab.info(0).since_ns);
    lab.poll(3600 * s);
    EXPECT_EQ(SL_RECONNECT_DENIED, sl_connector_reconnect(lab.connector, "peer0", lab.now));
    lab.poll(1 * s);
    EXPECT_TRUE(lab.sent.empty());
    EXPECT_EQ((std::vector<std::string>{std::string("connection peer0: ") + why}), lab.lines)
        << "once";
    lab.denied = {};
    lab.poll();
    EXPECT_EQ(SL_MESSAGE_FIND_HOP, lab.take().at(0).kind);
    EXPECT_EQ(SL_CONNECTION_RESOLVING, lab.info(0).state);
    lab.denied = {1};
    EXPECT_EQ(SL_CONNECTION_RESOLVING, lab.info(0).state);
}

TEST(ConnectorDenied, ASessionThatADenialHasEndedIsNotBegunAgain)
{
    Lab lab;
    lab.start();
    const uint32_t attempt = lab.take().at(0).attempt;
    lab.found(attempt);
    lab.take();
    lab.up(attempt);
    lab.denied = {1};
    lab.poll();
    EXPECT_EQ(SL_CONNECTION_UP, lab.info().state) << "workers end it";
    lab.down(attempt, SL_DOWN_CLOSED, SL_CLOSE_DENIED);
    EXPECT_STREQ("the server's address has been denied", lab.info().reason);
    lab.poll(60 * s);
    EXPECT_TRUE(lab.sent.empty());
    EXPECT_EQ(SL_CONNECTION_DENIED, lab.info().state);
}

TEST(ConnectorDenied, AWorkerThatRefusesSaysTheSame)
{
    Lab lab;
    lab.start();
    const uint32_t attempt = lab.take().at(0).attempt;
    lab.found(attempt);
    lab.down(attempt, SL_DOWN_DENIED);
    EXPECT_STREQ(why, lab.info().reason);
}

TEST(ConnectorDenied, WhoAsksForASessionHearsWhyThereIsNone)
{
    Demand lab;
    lab.denied = {2};
    ASSERT_EQ(0, lab.ask(5, 77));
    const std::vector<Sent> told = lab.take();
    ASSERT_EQ(1U, told.size());
    EXPECT_EQ(SL_MESSAGE_FAIL, told[0].kind);
    EXPECT_EQ(5U, told[0].fail.consumer);
    EXPECT_EQ(77U, told[0].fail.failed.request);
    EXPECT_STREQ(why, told[0].fail.failed.reason);
    EXPECT_STREQ(why, lab.info(1).reason);
    EXPECT_EQ(SL_CONNECTION_ON_DEMAND, lab.info(1).state);
    lab.down(told[0].attempt, SL_DOWN_CLOSED);
    lab.denied = {};
    ASSERT_EQ(0, lab.ask(5, 78));
    EXPECT_EQ(SL_MESSAGE_FIND_HOP, lab.take().at(0).kind);
}
