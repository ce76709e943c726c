// Entries over days of virtual time: the workers are played by the test.
extern "C" {
#include "sl_connect.h"
#include "sl_wire.h"
}

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <vector>

namespace
{

constexpr uint64_t ms = 1000000, s = 1000 * ms;
constexpr uint8_t router[SL_ETHER_ADDR_LEN] = {2, 0, 0, 0, 0, 9};

sl_ip V4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    const uint8_t bytes[4] = {a, b, c, d};
    return sl_ip_from_v4(bytes);
}

/** What a worker was told. */
struct Sent {
    unsigned worker;
    sl_message_kind kind;
    uint32_t attempt;
    sl_message_begin begin;
    uint32_t next_hop;
    sl_message_hang_up hang_up;
    sl_message_fail fail;
};

/** Connections on their way to servers 198.18.5.1, .2, ... port 4433. */
struct Lab {
    sl_connector_config config{};
    std::vector<sl_connection_config> connections;
    std::vector<std::string> names;
    uint8_t owners[256];
    sl_connector *connector = nullptr;
    std::vector<Sent> sent;
    std::vector<std::string> lines;
    uint64_t now = 1000 * s;
    bool rings_are_full = false;

    explicit Lab(unsigned count = 1, unsigned workers = 1, uint64_t seed = 1)
    {
        for (unsigned i = 0; i < count; i++)
            names.push_back("peer" + std::to_string(i));
        for (unsigned i = 0; i < count; i++) {
            sl_connection_config c{};
            c.name = names[i].c_str();
            c.tuple.remote_ip = V4(198, 18, 5, (uint8_t)(1 + i));
            c.tuple.local_ip = V4(198, 18, 0, 1);
            c.tuple.remote_port = 4433;
            c.group = 2;
            c.vlan_id = 7;
            c.service = 3;
            c.next_hop = (uint16_t)i;
            c.next_hop_ip = c.tuple.remote_ip;
            c.backoff_min_ns = 1 * s;
            c.backoff_max_ns = 30 * s;
            c.handshake_timeout_ms = 9000;
            connections.push_back(c);
        }
        for (unsigned i = 0; i < 256; i++)
            owners[i] = (uint8_t)(i % workers);
        config.connection_count = count;
        config.connections = connections.data();
        config.first_port = 49152;
        config.last_port = 65535;
        config.worker_count = workers;
        config.shard_owner = owners;
        config.seed = seed;
        config.send = [](void *arg, unsigned worker, sl_message_kind kind, const void *body,
                         uint32_t len) {
            Lab *lab = (Lab *)arg;
            if (lab->rings_are_full)
                return false;
            Sent one{worker, kind, *(const uint32_t *)body, {}, 0, {}, {}};
            if (kind == SL_MESSAGE_BEGIN && len == sizeof one.begin)
                memcpy(&one.begin, body, len);
            if (kind == SL_MESSAGE_FIND_HOP)
                one.next_hop = ((const sl_message_find_hop *)body)->next_hop;
            if (kind == SL_MESSAGE_FAIL)
                one.fail = *(const sl_message_fail *)body;
            if (kind == SL_MESSAGE_HANG_UP)
                one.hang_up = *(const sl_message_hang_up *)body;
            lab->sent.push_back(one);
            return true;
        };
        config.log = [](void *arg, const char *line) { ((Lab *)arg)->lines.push_back(line); };
        config.arg = this;
    }
    ~Lab()
    {
        sl_connector_destroy(connector);
    }
    void start()
    {
        connector = sl_connector_create(&config);
        poll();
    }
    void poll(uint64_t later_ns = 0)
    {
        now += later_ns;
        sl_connector_poll(connector, now);
    }
    std::vector<Sent> take()
    {
        return std::exchange(sent, {});
    }
    template <typename Body> void say(sl_message_kind kind, const Body &body, uint64_t session = 0)
    {
        const sl_message message{kind, session, &body, sizeof body};
        sl_connector_receive(connector, &message, now);
    }
    void found(uint32_t attempt, bool is_known = true)
    {
        sl_message_hop hop{attempt, is_known, {}};
        memcpy(hop.mac, router, sizeof router);
        say(SL_MESSAGE_HOP, hop);
    }
    void up(uint32_t attempt, uint64_t session = 0x77)
    {
        say(SL_MESSAGE_UP, sl_message_up{attempt}, session);
    }
    void down(uint32_t attempt, sl_down_cause cause = SL_DOWN_CLOSED,
              uint8_t reason = SL_CLOSE_PEER, sl_message_abort abort = {})
    {
        say(SL_MESSAGE_DOWN, sl_message_down{attempt, (uint8_t)cause, reason, abort});
    }
    sl_connection_info info(unsigned i = 0)
    {
        sl_connection_info out[SL_CONNECTIONS_MAX];
        EXPECT_EQ(config.connection_count, sl_connector_list(connector, out));
        return out[i];
    }
    /** Up to the next attempt of the only entry, which is now to be found. */
    uint32_t next_attempt()
    {
        now = std::max(now, info().next_ns);
        poll();
        const std::vector<Sent> told = take();
        EXPECT_EQ(1U, told.size());
        EXPECT_EQ(SL_MESSAGE_FIND_HOP, told.at(0).kind);
        return told.at(0).attempt;
    }
    void usage(uint64_t session, sl_usage what = SL_USAGE_THREE_QUARTERS)
    {
        say(SL_MESSAGE_USAGE, sl_message_usage{(uint8_t)what, 0}, session);
    }
    /** Up to the attempt that is to replace a session, which is begun. */
    Sent replacement()
    {
        poll();
        std::vector<Sent> told = take();
        EXPECT_EQ(1U, told.size());
        EXPECT_EQ(SL_MESSAGE_FIND_HOP, told.at(0).kind);
        found(told.at(0).attempt);
        told = take();
        EXPECT_EQ(SL_MESSAGE_BEGIN, told.at(0).kind);
        return told.at(0);
    }
    /** A whole attempt. */
    uint32_t connect()
    {
        const uint32_t attempt = next_attempt();
        found(attempt);
        EXPECT_EQ(SL_MESSAGE_BEGIN, take().at(0).kind);
        return attempt;
    }
};

} // namespace

TEST(Connector, AnEntryIsResolvedBegunAndUp)
{
    Lab lab;
    lab.start();
    ASSERT_EQ(1U, lab.sent.size());
    EXPECT_EQ(SL_MESSAGE_FIND_HOP, lab.sent[0].kind);
    EXPECT_EQ(SL_CONNECTION_RESOLVING, lab.info().state);
    const uint32_t attempt = lab.take()[0].attempt;
    lab.found(attempt);
    ASSERT_EQ(1U, lab.sent.size());
    const sl_message_begin begin = lab.take()[0].begin;
    EXPECT_EQ(attempt, begin.attempt);
    EXPECT_EQ(0, begin.connection);
    EXPECT_EQ(3, begin.service);
    EXPECT_STREQ("peer0", begin.name);
    EXPECT_EQ(9000U, begin.handshake_timeout_ms);
    EXPECT_EQ(0, memcmp(router, begin.path.hop.mac, sizeof router));
    EXPECT_EQ(7, begin.path.hop.vlan_id);
    EXPECT_EQ(2, begin.path.hop.group);
    EXPECT_EQ(4433, begin.path.tuple.remote_port);
    EXPECT_LE(49152, begin.path.tuple.local_port);
    EXPECT_EQ(SL_CONNECTION_CONNECTING, lab.info().state);
    EXPECT_EQ(begin.path.tuple.local_port, lab.info().tuple.local_port);
    lab.now += 40 * ms;
    lab.up(attempt, 0xabc);
    const sl_connection_info info = lab.info();
    EXPECT_EQ(SL_CONNECTION_UP, info.state);
    EXPECT_STREQ("up", sl_connection_state_name(info.state));
    EXPECT_EQ(0xabcU, info.session);
    EXPECT_EQ(lab.now, info.since_ns);
    EXPECT_EQ(1U, info.attempts);
    EXPECT_EQ(1U, info.opened);
    EXPECT_EQ("connection peer0: up: session 0000000000000abc", lab.lines.at(0));
    lab.poll(3600 * s);
    EXPECT_TRUE(lab.sent.empty()) << "it is left alone";
}

TEST(Connector, AfterAFailureItTriesAgainWithinASpanThatDoublesUpToItsLimit)
{
    // Full jitter: any part of the span, so the mean of many is half of it.
    constexpr unsigned runs = 400;
    double sums[9] = {};
    const double spans[9] = {1, 2, 4, 8, 16, 30, 30, 30, 30};
    for (unsigned run = 0; run < runs; run++) {
        Lab lab(1, 1, run);
        lab.start();
        lab.found(lab.take()[0].attempt, false);
        for (unsigned i = 0; i < 9; i++) {
            EXPECT_EQ(SL_CONNECTION_WAITING, lab.info().state);
            const double wait = (double)(lab.info().next_ns - lab.now) / (double)s;
            EXPECT_GE(spans[i], wait);
            sums[i] += wait / spans[i];
            if (lab.info().next_ns > lab.now) {
                const uint64_t rest = lab.info().next_ns - lab.now;
                lab.poll(rest - 1);
                EXPECT_TRUE(lab.sent.empty()) << "not before its time";
            }
            lab.found(lab.next_attempt(), false);
        }
    }
    for (double sum : sums)
        EXPECT_NEAR(0.5, sum / runs, 0.06);
}

TEST(Connector, TwoGatewaysDoNotWaitAlike)
{
    std::set<uint64_t> waits;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        Lab lab(1, 1, seed);
        lab.start();
        lab.found(lab.take()[0].attempt, false);
        waits.insert(lab.info().next_ns);
    }
    EXPECT_EQ(20U, waits.size());
}

TEST(Connector, ASessionThatStayedUpForAMinuteWasNoFailure)
{
    Lab lab;
    lab.start();
    lab.take();
    lab.found(1, false);
    for (unsigned i = 0; i < 6; i++)
        lab.found(lab.next_attempt(), false);
    const uint32_t attempt = lab.connect();
    lab.up(attempt);
    lab.now += 60 * s;
    lab.down(attempt);
    EXPECT_GE(lab.now + 1 * s, lab.info().next_ns);
    EXPECT_STREQ("the server closed the session", lab.info().reason);
}

TEST(Connector, AServerThatClosesEachSessionAtOnceIsAFailureEachTime)
{
    Lab lab;
    lab.start();
    const uint64_t began = lab.now;
    lab.found(lab.take()[0].attempt, false);
    unsigned sessions = 0;
    while (lab.now < began + 3600 * s) {
        const uint32_t attempt = lab.connect();
        lab.up(attempt);
        lab.down(attempt);
        sessions++;
    }
    EXPECT_GT(350U, sessions) << "a session every 15 s in the mean";
    EXPECT_EQ(sessions, lab.info().opened);
}

TEST(Connector, TheReasonOfTheLastFailureIsASentence)
{
    Lab lab;
    lab.start();
    lab.found(lab.take()[0].attempt, false);
    EXPECT_STREQ(
        "198.18.5.1 does not answer ARP requests; where it is in another network, next_hop "
        "has to name the router on the way",
        lab.info().reason);
    struct {
        sl_down_cause cause;
        uint8_t close_reason;
        sl_message_abort abort;
        const char *text;
    } cases[] = {
        {SL_DOWN_ABORTED, 0, {SL_ABORT_ALERT, true, 42, 0, 0, 0}, "the server answered alert 42"},
        {SL_DOWN_ABORTED, 0, {SL_ABORT_TIMED_OUT, false, 0, 0, 0, 9000}, "no answer from the"},
        {SL_DOWN_NO_SLOT, 0, {}, "the worker's session table is full; raise sessions"},
        {SL_DOWN_TUPLE_TAKEN, 0, {}, "another session has the same addresses"},
        {SL_DOWN_HANDSHAKER_BUSY, 0, {}, "the handshake threads have too much to do"},
        {SL_DOWN_STOPPING, 0, {}, "the gateway is stopping"},
        {SL_DOWN_CLOSED, SL_CLOSE_IDLE, {}, "the session was idle too long"},
        {SL_DOWN_CLOSED, SL_CLOSE_LIMIT, {}, "its keys have reached their usage limit"},
        {SL_DOWN_CLOSED, 99, {}, "the session has ended"},
    };
    for (const auto &c : cases) {
        lab.down(lab.connect(), c.cause, c.close_reason, c.abort);
        EXPECT_EQ(0U, std::string(lab.info().reason).find(c.text)) << lab.info().reason;
        EXPECT_NE(std::string::npos, lab.lines.back().find("; again in ")) << lab.lines.back();
    }
}

TEST(Connector, EachAttemptHasALocalPortThatNoOtherHas)
{
    Lab lab(8);
    lab.config.first_port = 50000;
    lab.config.last_port = 50009;
    lab.start();
    for (const Sent &sent : lab.take())
        lab.found(sent.attempt);
    std::set<uint16_t> ports;
    for (const Sent &sent : lab.take())
        ports.insert(sent.begin.path.tuple.local_port);
    EXPECT_EQ(8U, ports.size());
    EXPECT_LE(50000, *ports.begin());
    EXPECT_GE(50009, *ports.rbegin());
}

TEST(Connector, WithoutALocalPortLeftItSaysSo)
{
    Lab lab(3);
    lab.config.first_port = lab.config.last_port = 50000;
    lab.start();
    const std::vector<Sent> sent = lab.take();
    lab.found(sent[0].attempt);
    lab.found(sent[1].attempt);
    EXPECT_EQ(1U, lab.take().size());
    EXPECT_STREQ("all local ports are taken; widen connect_ports", lab.info(1).reason);
    EXPECT_EQ(SL_CONNECTION_WAITING, lab.info(1).state);
    lab.down(sent[0].attempt);
    lab.found(sent[2].attempt);
    EXPECT_EQ(50000, lab.take().at(0).begin.path.tuple.local_port) << "it is free again";
}

TEST(Connector, EntriesAreSpreadOverTheWorkersAndTheirFramesComeThere)
{
    Lab lab(16, 4);
    lab.start();
    for (const Sent &sent : lab.take()) {
        EXPECT_EQ(sent.next_hop % 4, sent.worker) << "who asks for a next hop is told by its index";
        lab.found(sent.attempt);
    }
    unsigned counts[4] = {};
    for (const Sent &sent : lab.take()) {
        counts[sent.worker]++;
        const uint8_t shard = (uint8_t)sl_wire_rss_hash(&sent.begin.path.tuple);
        EXPECT_EQ(sent.worker, lab.owners[shard]);
    }
    for (unsigned count : counts)
        EXPECT_EQ(4U, count);
}

TEST(Connector, APortThatLeadsToAnotherWorkerIsTakenWhereNoneLeadsToTheOneWanted)
{
    Lab lab(1, 2);
    memset(lab.owners, 1, sizeof lab.owners); // entry 0 would be worker 0's
    lab.start();
    lab.found(lab.take()[0].attempt);
    const Sent sent = lab.take().at(0);
    EXPECT_EQ(1U, sent.worker);
    EXPECT_NE(0, sent.begin.path.tuple.local_port);
}

TEST(Connector, WhatARingDidNotTakeIsToldAgain)
{
    Lab lab;
    lab.rings_are_full = true;
    lab.start();
    EXPECT_TRUE(lab.sent.empty());
    lab.rings_are_full = false;
    lab.poll();
    ASSERT_EQ(1U, lab.sent.size());
    const uint32_t attempt = lab.take()[0].attempt;
    lab.poll();
    EXPECT_TRUE(lab.sent.empty()) << "once";
    lab.rings_are_full = true;
    lab.found(attempt);
    lab.rings_are_full = false;
    lab.poll();
    EXPECT_EQ(SL_MESSAGE_BEGIN, lab.take().at(0).kind);
    lab.poll();
    EXPECT_TRUE(lab.sent.empty());
}

TEST(Connector, MessagesOfAttemptsThatAreGoneOrNotSoFarChangeNothing)
{
    Lab lab;
    lab.start();
    const uint32_t attempt = lab.take()[0].attempt;
    lab.up(attempt); // not begun yet
    lab.down(attempt);
    EXPECT_EQ(SL_CONNECTION_RESOLVING, lab.info().state);
    lab.found(attempt + SL_ATTEMPTS_MAX); // has its index
    lab.found(0);
    EXPECT_TRUE(lab.sent.empty());
    lab.found(attempt);
    lab.take();
    lab.found(attempt); // again
    EXPECT_TRUE(lab.sent.empty());
    lab.down(attempt);
    const uint64_t next = lab.info().next_ns;
    lab.up(attempt);
    lab.down(attempt);
    EXPECT_EQ(SL_CONNECTION_WAITING, lab.info().state);
    EXPECT_EQ(next, lab.info().next_ns);
    EXPECT_EQ(0U, lab.info().opened);
}

TEST(Connector, WhoWaitsIsHurriedByNameOrAllAtOnce)
{
    Lab lab(2);
    lab.start();
    for (const Sent &sent : lab.take())
        lab.found(sent.attempt, false);
    EXPECT_EQ(-ENOENT, sl_connector_hurry(lab.connector, "nobody", lab.now));
    EXPECT_EQ(0, sl_connector_hurry(lab.connector, "peer1", lab.now));
    lab.poll();
    EXPECT_EQ(SL_CONNECTION_WAITING, lab.info(0).state);
    EXPECT_EQ(SL_CONNECTION_RESOLVING, lab.info(1).state);
    EXPECT_EQ(0, sl_connector_hurry(lab.connector, nullptr, lab.now));
    lab.poll();
    EXPECT_EQ(SL_CONNECTION_RESOLVING, lab.info(0).state);
}

TEST(Connector, OnceItIsStoppedNothingIsBegun)
{
    Lab lab;
    lab.start();
    const uint32_t attempt = lab.take()[0].attempt;
    sl_connector_stop(lab.connector);
    lab.found(attempt, false);
    lab.poll(3600 * s);
    EXPECT_TRUE(lab.sent.empty());
}

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

namespace
{

/** Two entries; the second is begun for who asks. */
struct Demand : Lab {
    Demand() : Lab(2)
    {
        connections[1].on_demand = true;
        start();
        EXPECT_EQ(1U, take().size()) << "for the first one alone";
    }
    int ask(uint32_t consumer, uint32_t number, const char *name = "peer1", uint16_t service = 3)
    {
        return sl_connector_request(connector, name, service, consumer, number);
    }
    Sent begun()
    {
        found(take().at(0).attempt);
        return take().at(0);
    }
};

} // namespace

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
