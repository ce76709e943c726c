// What an operator hears who wants a session anew.
#include "connector_lab.h"

using namespace sluice;

namespace
{

const char *reconnect(Lab &lab, const char *name)
{
    return sl_reconnect_text(sl_connector_reconnect(lab.connector, name, lab.now));
}

} // namespace

TEST(ConnectorReconnect, SaysWhatIsBegun)
{
    Lab lab;
    lab.start();
    EXPECT_STREQ(
        "error: there is no connection of this name; `sluice-ctl connections` has them all",
        reconnect(lab, "nobody"));
    lab.found(lab.take()[0].attempt, false);
    EXPECT_STREQ("trying now", reconnect(lab, "peer0")) << "it waits";
    lab.poll();
    const uint32_t attempt = lab.take().at(0).attempt;
    EXPECT_STREQ("nothing to do: it is being connected already", reconnect(lab, "peer0"));
    lab.found(attempt);
    EXPECT_STREQ("nothing to do: it is being connected already", reconnect(lab, "peer0"));
    lab.take();
    lab.up(attempt, 0x11);
    EXPECT_STREQ("trying now", reconnect(lab, "peer0")) << "it is up";
    EXPECT_STREQ("trying now", reconnect(lab, "peer0")) << "and has not been looked at yet";
    const Sent second = lab.replacement();
    EXPECT_STREQ("nothing to do: it is being connected already", reconnect(lab, "peer0"));
    lab.up(second.attempt, 0x22);
    EXPECT_STREQ("trying now", reconnect(lab, "peer0")) << "the first one is to leave";
}

TEST(ConnectorReconnect, OnDemandIsAboutSessionsThatThereAre)
{
    Demand lab;
    EXPECT_STREQ("nothing to do: no consumer has asked for a session", reconnect(lab, "peer1"));
    ASSERT_EQ(0, lab.ask(5, 77));
    const Sent sent = lab.begun();
    EXPECT_STREQ("nothing to do: it is being connected already", reconnect(lab, "peer1"));
    lab.up(sent.attempt, 0x11);
    EXPECT_STREQ("trying now", reconnect(lab, "peer1"));
    lab.down(sent.attempt);
    lab.poll();
    EXPECT_STREQ("nothing to do: no consumer has asked for a session", reconnect(lab, "peer1"));
    EXPECT_TRUE(lab.sent.empty());
}

TEST(ConnectorReconnect, NothingIsBegunWithAServerThatIsDenied)
{
    Demand lab;
    lab.found(lab.first);
    lab.take();
    lab.up(lab.first, 0x11);
    lab.denied = {1, 2};
    for (const char *name : {"peer0", "peer1"})
        EXPECT_STREQ("error: the server's address is denied by the lists of admission",
                     reconnect(lab, name));
    lab.poll();
    EXPECT_TRUE(lab.sent.empty());
}

TEST(ConnectorReconnect, NothingIsBegunByAGatewayThatStops)
{
    Lab lab;
    lab.start();
    sl_connector_stop(lab.connector);
    EXPECT_STREQ("error: the gateway is stopping", reconnect(lab, "peer0"));
}
