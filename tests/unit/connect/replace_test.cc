// Entries that come, go and change while the gateway runs.
#include "connector_lab.h"

#include <set>

using namespace sluice;

namespace
{

/** As many entries, each of them up. return their attempts' messages. */
std::vector<Sent> all_up(Lab &lab)
{
    lab.start();
    for (const Sent &sent : lab.take())
        lab.found(sent.attempt);
    std::vector<Sent> begun = lab.take();
    for (const Sent &sent : begun)
        lab.up(sent.attempt, 0x100 + sent.attempt);
    return begun;
}

} // namespace

TEST(ConnectorReplace, SessionsOfEntriesThatStayGoOnThoseOfOthersAreClosed)
{
    Lab lab(2);
    const std::vector<Sent> begun = all_up(lab);
    const auto places = lab.replace({lab.entry("new", 7), lab.entry("peer1", 1)});
    const std::vector<Sent> told = lab.take();
    ASSERT_EQ(2U, told.size());
    EXPECT_EQ(SL_MESSAGE_HANG_UP, told[0].kind);
    EXPECT_EQ(begun[0].attempt, told[0].attempt);
    EXPECT_EQ(SL_CLOSE_REMOVED, told[0].hang_up.reason);
    EXPECT_EQ(SL_MESSAGE_FIND_HOP, told[1].kind);
    EXPECT_STREQ("new", lab.info(0).name);
    EXPECT_EQ(SL_CONNECTION_RESOLVING, lab.info(0).state);
    EXPECT_STREQ("peer1", lab.info(1).name);
    EXPECT_EQ(0x100U + begun[1].attempt, lab.info(1).session);
    EXPECT_EQ(1, places[1]);
    EXPECT_LT(1, places[0]) << "the other one's session has not ended";
    lab.found(told[1].attempt);
    const Sent next = lab.take().at(0);
    EXPECT_STREQ("new", next.begin.name);
    EXPECT_EQ(places[0], next.begin.connection);
    EXPECT_EQ(8, next.begin.path.tuple.remote_ip.bytes[15]);
    lab.down(begun[0].attempt, SL_DOWN_CLOSED, SL_CLOSE_REMOVED);
    lab.poll(3600 * s);
    EXPECT_TRUE(lab.sent.empty()) << "nobody wants it any more";
    sl_connection_info out[SL_CONNECTIONS_MAX];
    EXPECT_EQ(2U, sl_connector_list(lab.connector, out));
}

TEST(ConnectorReplace, AnEntryThatLeadsElsewhereIsBegunAnew)
{
    void (*const changes[])(sl_connection_config &) = {
        [](sl_connection_config &c) { c.tuple.remote_ip.bytes[15]++; },
        [](sl_connection_config &c) { c.tuple.remote_port++; },
        [](sl_connection_config &c) { c.tuple.local_ip.bytes[15]++; },
        [](sl_connection_config &c) { c.next_hop.bytes[15]++; },
        [](sl_connection_config &c) { c.group++; },
        [](sl_connection_config &c) { c.vlan_id++; },
        [](sl_connection_config &c) { c.service++; },
        [](sl_connection_config &c) { c.offers_cid = true; },
    };
    for (const auto change : changes) {
        Lab lab;
        const Sent first = all_up(lab).at(0);
        sl_connection_config changed = lab.entry("peer0", 0);
        change(changed);
        EXPECT_EQ(0, lab.replace({changed}).at(0)) << "its place";
        std::vector<Sent> told = lab.take();
        ASSERT_EQ(2U, told.size());
        EXPECT_EQ(SL_MESSAGE_HANG_UP, told[0].kind);
        EXPECT_EQ(SL_MESSAGE_FIND_HOP, told[1].kind);
        lab.found(told[1].attempt);
        const sl_message_begin begin = lab.take().at(0).begin;
        EXPECT_EQ(changed.service, begin.service);
        EXPECT_EQ(changed.offers_cid, begin.offers_cid);
        EXPECT_EQ(changed.tuple.remote_port, begin.path.tuple.remote_port);
        EXPECT_EQ(0U, begin.replaces);
        lab.up(told[1].attempt, 0x22);
        lab.down(first.attempt, SL_DOWN_CLOSED, SL_CLOSE_REMOVED);
        EXPECT_EQ(0x22U, lab.info().session);
        EXPECT_STREQ("", lab.info().reason);
    }
}

TEST(ConnectorReplace, AnEntryThatIsForWhoAsksFromNowOnIsNotKeptUp)
{
    Lab lab;
    const Sent first = all_up(lab).at(0);
    sl_connection_config changed = lab.entry("peer0", 0);
    changed.on_demand = true;
    lab.replace({changed});
    const std::vector<Sent> told = lab.take();
    ASSERT_EQ(1U, told.size());
    EXPECT_EQ(SL_MESSAGE_HANG_UP, told[0].kind);
    EXPECT_EQ(first.attempt, told[0].attempt);
    lab.down(first.attempt, SL_DOWN_CLOSED, SL_CLOSE_REMOVED);
    lab.poll(3600 * s);
    EXPECT_TRUE(lab.sent.empty());
}

TEST(ConnectorReplace, AnEntryThatIsKeptUpFromNowOnHasOneSessionAndNoneOfThoseAskedFor)
{
    Demand lab;
    ASSERT_EQ(0, lab.ask(5, 77));
    const Sent asked = lab.begun();
    lab.up(asked.attempt, 0x11);
    lab.connections[1].on_demand = false;
    lab.replace(lab.connections);
    const std::vector<Sent> told = lab.take();
    ASSERT_EQ(2U, told.size());
    EXPECT_EQ(SL_MESSAGE_HANG_UP, told[0].kind);
    EXPECT_EQ(asked.attempt, told[0].attempt);
    EXPECT_EQ(SL_MESSAGE_FIND_HOP, told[1].kind);
}

TEST(ConnectorReplace, AnEntryThatStaysAsItIsNoticesNothing)
{
    Lab lab;
    all_up(lab);
    lab.replace({lab.entry("peer0", 0)});
    lab.poll(3600 * s);
    EXPECT_TRUE(lab.sent.empty());
    EXPECT_EQ(1U, lab.info().opened);
}

TEST(ConnectorReplace, OtherTimesAreThoseOfTheNextAttempt)
{
    Lab lab;
    const Sent first = all_up(lab).at(0);
    sl_connection_config changed = lab.entry("peer0", 0);
    changed.handshake_timeout_ms = 3000;
    changed.backoff_min_ns = changed.backoff_max_ns = 3600 * s;
    lab.replace({changed});
    EXPECT_TRUE(lab.sent.empty());
    lab.down(first.attempt);
    EXPECT_LT(lab.now + 1 * s, lab.info().next_ns) << "more than a first failure costs otherwise";
    lab.found(lab.next_attempt());
    EXPECT_EQ(3000U, lab.take().at(0).begin.handshake_timeout_ms);
}

TEST(ConnectorReplace, AnAttemptUnderWayIsGivenUpAndFollowedByNone)
{
    for (bool is_resolved : {false, true}) {
        Lab lab;
        lab.start();
        const uint32_t attempt = lab.take().at(0).attempt;
        if (is_resolved)
            lab.found(attempt);
        lab.take();
        lab.replace({});
        EXPECT_EQ(is_resolved ? 1U : 0U, lab.take().size()) << "to hang up, where it is begun";
        if (!is_resolved)
            lab.found(attempt);
        lab.down(attempt, SL_DOWN_ABORTED);
        lab.poll(3600 * s);
        EXPECT_TRUE(lab.sent.empty());
        EXPECT_TRUE(lab.lines.empty()) << lab.lines[0];
    }
}

TEST(ConnectorReplace, AReplacementUnderWayIsGivenUpWithItsSession)
{
    Lab lab;
    const Sent first = all_up(lab).at(0);
    lab.usage(0x100 + first.attempt);
    const Sent second = lab.replacement();
    lab.replace({});
    std::set<uint32_t> hung_up;
    for (const Sent &sent : lab.take())
        hung_up.insert(sent.attempt);
    EXPECT_EQ((std::set<uint32_t>{first.attempt, second.attempt}), hung_up);
    lab.down(second.attempt, SL_DOWN_ABORTED);
    lab.down(first.attempt, SL_DOWN_CLOSED, SL_CLOSE_REMOVED);
    lab.poll(3600 * s);
    EXPECT_TRUE(lab.sent.empty());
}

TEST(ConnectorReplace, WhoWaitsForASessionOfAnEntryThatIsGoneHearsIt)
{
    Demand lab;
    ASSERT_EQ(0, lab.ask(5, 77));
    ASSERT_EQ(0, lab.ask(5, 78));
    const std::vector<Sent> asked = lab.take();
    lab.found(asked[1].attempt);
    lab.take();
    lab.replace({lab.entry("peer0", 0)});
    std::vector<Sent> told = lab.take();
    ASSERT_EQ(2U, told.size());
    EXPECT_EQ(SL_MESSAGE_FAIL, told[0].kind);
    EXPECT_EQ(77U, told[0].fail.failed.request);
    EXPECT_STREQ("its connection has been taken out of the configuration",
                 told[0].fail.failed.reason);
    EXPECT_EQ(SL_MESSAGE_HANG_UP, told[1].kind);
    lab.down(asked[1].attempt, SL_DOWN_ABORTED);
    told = lab.take();
    ASSERT_EQ(1U, told.size());
    EXPECT_EQ(SL_MESSAGE_FAIL, told[0].kind);
    EXPECT_EQ(78U, told[0].fail.failed.request);
    EXPECT_EQ(-ENOENT, lab.ask(5, 79));
}

TEST(ConnectorReplace, WhoHasHeardThatThereIsNoSessionHearsItOnce)
{
    for (bool is_told : {true, false}) {
        Demand lab;
        lab.denied = {2};
        lab.rings_are_full = !is_told;
        ASSERT_EQ(0, lab.ask(5, 77));
        lab.replace({lab.entry("peer0", 0)});
        lab.rings_are_full = false;
        lab.poll();
        const std::vector<Sent> told = lab.take();
        ASSERT_EQ(1U, told.size());
        EXPECT_EQ(SL_MESSAGE_FAIL, told[0].kind);
        EXPECT_STREQ("the server's address is denied by the lists of admission",
                     told[0].fail.failed.reason)
            << "what was so when it was asked for";
    }
}

TEST(ConnectorReplace, APlaceIsGivenAwayOnceItsSessionsHaveEnded)
{
    std::vector<std::string> names;
    for (unsigned i = 0; i < 3 * SL_CONNECTIONS_MAX; i++)
        names.push_back("other" + std::to_string(i));
    const auto entries = [&](unsigned first) {
        std::vector<sl_connection_config> all;
        for (unsigned i = 0; i < SL_CONNECTIONS_MAX; i++)
            all.push_back(Lab::entry(names[first + i].c_str(), i));
        return all;
    };
    Lab lab(SL_CONNECTIONS_MAX);
    const std::vector<Sent> begun = all_up(lab);
    lab.replace(entries(0));
    lab.take();
    uint16_t places[SL_CONNECTIONS_MAX];
    EXPECT_EQ(-EBUSY, lab.replace(entries(SL_CONNECTIONS_MAX), places));
    EXPECT_STREQ("other0", lab.info().name) << "nothing has changed";
    for (const Sent &sent : begun)
        lab.down(sent.attempt, SL_DOWN_CLOSED, SL_CLOSE_REMOVED);
    EXPECT_EQ(0, lab.replace(entries(SL_CONNECTIONS_MAX), places));
    std::set<uint16_t> all(places, places + SL_CONNECTIONS_MAX);
    EXPECT_EQ((size_t)SL_CONNECTIONS_MAX, all.size());
    EXPECT_EQ(SL_CONNECTIONS_MAX - 1, *all.rbegin()) << "those of the first ones";
}

TEST(ConnectorReplace, EntriesThatFindNoAttemptSaySoOnce)
{
    Demand lab;
    for (uint32_t i = 0; i < SL_ATTEMPTS_MAX - 2; i++) {
        ASSERT_EQ(0, lab.ask(5 + i % 3, 1 + i));
        lab.up(lab.begun().attempt, 0x1000 + i);
    }
    std::vector<sl_connection_config> next = lab.connections;
    next.insert(next.end(), 2, lab.connections[0]);
    next[2].name = "peer2";
    next[3].name = "peer3";
    lab.lines.clear();
    (void)lab.replace(next);
    for (int i = 0; i < 3; i++)
        lab.poll(1 * s);
    EXPECT_EQ(1U, lab.take().size()) << "there was room for one";
    ASSERT_EQ(1U, lab.lines.size());
    EXPECT_NE(std::string::npos, lab.lines[0].find("connection peer3 waits until"));
}
