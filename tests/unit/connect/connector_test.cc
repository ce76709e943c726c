// Entries from their first attempt on, and the sentences about what became of it.
#include "connector_lab.h"

#include <set>

using namespace sluice;

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
        {SL_DOWN_ABORTED,
         0,
         {SL_ABORT_CHAIN_TOO_LONG, true, 0, 0, 0, 0},
         "the server's certificate chain is longer than certificate_chain_kib allows"},
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
        EXPECT_EQ(sl_next_hop_worker(&sent.find_hop.ip, 4), sent.worker)
            << "who asks for a next hop is told by its address";
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
