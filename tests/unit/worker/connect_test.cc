// Sessions that the gateway begins: the next hop, the attempt, what strangers may do there. The
// test plays control, the handshaker, the network and the server.
#include <gtest/gtest.h>

#include <algorithm>

#include "worker_bench.h"

extern "C" {
#include "sl_session.h"
}

using namespace sluice;

namespace
{

const uint8_t kServerMac[6] = {0x02, 0, 0, 0, 0, 0x05};

WorkerBench::Options Begins(unsigned index = 0, unsigned worker_count = 1)
{
    WorkerBench::Options options;
    options.begins_sessions = true;
    options.index = index;
    options.worker_count = worker_count;
    return options;
}

struct ConnectBench : WorkerBench {
    Consumer consumer{0, 0, 0};
    explicit ConnectBench(const Options &options = Begins()) : WorkerBench(options)
    {
        Attach(consumer);
    }
    ~ConnectBench()
    {
        EXPECT_EQ("", CheckEquation());
    }

    void FindHop(uint32_t attempt, uint32_t next_hop)
    {
        const sl_message_find_hop body = {attempt, next_hop};
        FromControl(SL_MESSAGE_FIND_HOP, &body, sizeof body);
    }
    /** The messages of this kind that control has got since the last call; others are lost. */
    template <typename Body> std::vector<Body> Told(sl_message_kind kind)
    {
        std::vector<Body> told;
        for (const Message &message : ToControl())
            if (message.kind == kind) {
                EXPECT_EQ(sizeof(Body), message.body.size());
                told.push_back(*(const Body *)message.body.data());
            }
        return told;
    }
    static sl_message_begin Beginning(uint32_t attempt, uint16_t local_port = kConnectPort)
    {
        sl_message_begin begin{};
        begin.attempt = attempt;
        begin.connection = 5;
        begin.handshake_timeout_ms = 9000;
        begin.offers_cid = true;
        strcpy(begin.name, "upstream");
        begin.path = ClientPath(0);
        begin.path.tuple.remote_ip = Servers()[0];
        begin.path.tuple.remote_port = 4433;
        begin.path.tuple.local_port = local_port;
        memcpy(begin.path.hop.mac, kServerMac, 6);
        return begin;
    }
    /** The session of an attempt that the worker has begun. */
    Peer Begin(uint32_t attempt, uint16_t local_port = kConnectPort)
    {
        const sl_message_begin begin = Beginning(attempt, local_port);
        FromControl(SL_MESSAGE_BEGIN, &begin, sizeof begin);
        Peer peer;
        peer.path = begin.path;
        for (const Message &message : ToHandshaker())
            if (message.kind == SL_MESSAGE_CONNECT)
                peer.handle = message.session;
        return peer;
    }
    Peer Open(uint32_t attempt, bool with_cid, uint16_t local_port = kConnectPort,
              uint64_t replaces = 0)
    {
        sl_message_begin begin = Beginning(attempt, local_port);
        begin.replaces = replaces;
        FromControl(SL_MESSAGE_BEGIN, &begin, sizeof begin);
        Peer peer;
        peer.path = begin.path;
        for (const Message &message : ToHandshaker()) {
            if (message.kind != SL_MESSAGE_CONNECT)
                continue;
            const auto *connect = (const sl_message_connect *)message.body.data();
            peer.handle = message.session;
            if (with_cid)
                peer.own_cid.assign(connect->own_cid, connect->own_cid + connect->own_cid_len);
        }
        GiveKeys(peer, with_cid);
        Establish(peer);
        return peer;
    }
    void HangUp(uint32_t attempt, uint8_t reason = SL_CLOSE_REPLACED)
    {
        const sl_message_hang_up body = {attempt, reason};
        FromControl(SL_MESSAGE_HANG_UP, &body, sizeof body);
    }
};

/** What the server at the target of a request answers. */
Bytes AnswerTo(const Bytes &request)
{
    Bytes room(2048);
    sl_frame frame{};
    frame.data = room.data();
    frame.len = (uint16_t)request.size();
    frame.tailroom = (uint16_t)(room.size() - request.size());
    frame.segs = 1;
    std::copy(request.begin(), request.end(), room.begin());
    EXPECT_EQ(SL_DROP_NONE, sl_wire_parse_frame(&frame, SL_RX_CHECKSUM_REQUIRE));
    EXPECT_EQ(SL_DROP_NONE, sl_wire_answer_frame(&frame, kServerMac));
    room.resize(frame.len);
    return room;
}

Bytes Plaintext(uint8_t type, const Bytes &body, uint64_t seq = 0)
{
    Bytes record(SL_RECORD_HEADER_LEN);
    sl_wire_write_record_header(record.data(), type, 0, seq, (uint16_t)body.size());
    record.insert(record.end(), body.begin(), body.end());
    return record;
}

Bytes HandshakeMessage(uint8_t type)
{
    return {type, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 3, 0xfe, 0xff, 0};
}

} // namespace

TEST(WorkerConnect, TheMacOfANextHopIsAskedForAndControlHearsIt)
{
    for (uint32_t next_hop : {0U, 1U}) {
        ConnectBench bench;
        bench.FindHop(7, next_hop);
        EXPECT_TRUE(bench.Told<sl_message_hop>(SL_MESSAGE_HOP).empty());
        const std::vector<Bytes> sent = bench.Sent();
        ASSERT_EQ(1u, sent.size());
        bench.Receive({AnswerTo(sent[0])});
        const auto told = bench.Told<sl_message_hop>(SL_MESSAGE_HOP);
        ASSERT_EQ(1u, told.size());
        EXPECT_EQ(7u, told[0].attempt);
        EXPECT_TRUE(told[0].is_known);
        EXPECT_EQ(0, memcmp(kServerMac, told[0].mac, 6));
        EXPECT_EQ(1u, bench.events(SL_COUNTER_CONSUMED));
        bench.FindHop(8, next_hop);
        EXPECT_EQ(1u, bench.Told<sl_message_hop>(SL_MESSAGE_HOP).size()) << "it is known";
        EXPECT_TRUE(bench.Sent().empty());
        bench.now_ns += 31 * kSecond;
        bench.FindHop(9, next_hop);
        EXPECT_EQ(1u, bench.Sent().size()) << "and asked for anew after a while";
    }
}

TEST(WorkerConnect, AllWhoWaitForANextHopHearOfItAndNobodyElse)
{
    ConnectBench bench;
    bench.FindHop(7, 0);
    bench.FindHop(8, 2);
    bench.FindHop(9, 0);
    const std::vector<Bytes> sent = bench.Sent();
    ASSERT_EQ(2u, sent.size());
    bench.Receive({AnswerTo(sent[0])});
    auto told = bench.Told<sl_message_hop>(SL_MESSAGE_HOP);
    ASSERT_EQ(2u, told.size());
    EXPECT_EQ(7u, told[0].attempt);
    EXPECT_EQ(9u, told[1].attempt);
    bench.Receive({AnswerTo(sent[1])});
    told = bench.Told<sl_message_hop>(SL_MESSAGE_HOP);
    ASSERT_EQ(1u, told.size());
    EXPECT_EQ(8u, told[0].attempt);
}

TEST(WorkerConnect, ANextHopThatDoesNotAnswerIsGivenUpAfterTwoSeconds)
{
    ConnectBench bench;
    bench.FindHop(7, 0);
    unsigned requests = (unsigned)bench.Sent().size();
    for (unsigned i = 0; i < 1990; i++) {
        bench.Turn(); // a millisecond
        requests += (unsigned)bench.Sent().size();
    }
    EXPECT_EQ(10u, requests);
    EXPECT_TRUE(bench.Told<sl_message_hop>(SL_MESSAGE_HOP).empty());
    bench.Turn(20);
    const auto told = bench.Told<sl_message_hop>(SL_MESSAGE_HOP);
    ASSERT_EQ(1u, told.size());
    EXPECT_FALSE(told[0].is_known);
    bench.Turn();
    EXPECT_TRUE(bench.Sent().empty());
}

TEST(WorkerConnect, AnAnswerThatNobodyAskedForIsDropped)
{
    ConnectBench asking, bench;
    asking.FindHop(7, 0);
    const Bytes answer = AnswerTo(asking.Sent().at(0));
    bench.Receive({answer});
    EXPECT_EQ(1u, bench.drops(SL_DROP_IP_PROTOCOL));
    bench.FindHop(7, 2); // another one
    bench.Sent();
    bench.Receive({answer});
    EXPECT_EQ(2u, bench.drops(SL_DROP_IP_PROTOCOL));
    EXPECT_TRUE(bench.Told<sl_message_hop>(SL_MESSAGE_HOP).empty());
    WorkerBench other; // begins no sessions
    other.Receive({answer});
    EXPECT_EQ(1u, other.drops(SL_DROP_IP_PROTOCOL));
}

TEST(WorkerConnect, AnAnswerThatAnotherWorkerWaitsForIsHandedOver)
{
    ConnectBench asking(Begins(1, 2)), bench(Begins(0, 2));
    asking.FindHop(7, 1); // the second is the second worker's
    const Bytes answer = AnswerTo(asking.Sent().at(0));
    bench.Receive({answer});
    ASSERT_EQ(1u, bench.handed_over.size());
    EXPECT_EQ(1u, bench.handed_over[0].first);
    EXPECT_EQ(0u, bench.events(SL_COUNTER_RX_RECORDS)) << "it is counted where it ends";
    asking.TakeOver({bench.handed_over[0].second});
    EXPECT_EQ(1u, asking.Told<sl_message_hop>(SL_MESSAGE_HOP).size());
}

TEST(WorkerConnect, ASessionIsBegunWithTheHandshaker)
{
    ConnectBench bench;
    const sl_message_begin begin = ConnectBench::Beginning(7);
    bench.FromControl(SL_MESSAGE_BEGIN, &begin, sizeof begin);
    const auto messages = bench.ToHandshaker();
    ASSERT_EQ(1u, messages.size());
    ASSERT_EQ(SL_MESSAGE_CONNECT, messages[0].kind);
    const auto *connect = (const sl_message_connect *)messages[0].body.data();
    EXPECT_EQ(5, connect->client);
    EXPECT_EQ(9000u, connect->timeout_ms);
    EXPECT_TRUE(connect->offers_cid);
    EXPECT_EQ(SL_OWN_CID_LEN, connect->own_cid_len);
    EXPECT_EQ(1500 - 28, connect->path_payload_max);
    EXPECT_EQ(0u, connect->resume);
    EXPECT_EQ(0, memcmp(&begin.path, &connect->path, sizeof begin.path));
    EXPECT_EQ((uint8_t)sl_wire_rss_hash(&begin.path.tuple), sl_cid_parse(connect->own_cid).shard)
        << "its records come here with a connection ID as they do without";
    EXPECT_EQ(1u, bench.half_open());
}

TEST(WorkerConnect, RecordsAreNumberedFromNoughtAndTheServersOnesGoToTheHandshaker)
{
    ConnectBench bench;
    Peer peer = bench.Begin(7);
    const Bytes hello = {SL_CONTENT_HANDSHAKE, 0, 0, 2, SL_HANDSHAKE_CLIENT_HELLO, 0};
    struct sl_message_send send = {};
    send.count = 1;
    send.bytes_len = (uint16_t)hello.size();
    for (unsigned i = 0; i < 2; i++)
        bench.FromHandshaker(SL_MESSAGE_SEND, peer.handle, &send,
                             offsetof(struct sl_message_send, bytes), hello);
    bench.Turn();
    const std::vector<Bytes> sent = bench.Sent();
    ASSERT_EQ(2u, sent.size());
    EXPECT_EQ(0, memcmp(kServerMac, sent[0].data(), 6));
    EXPECT_EQ(0, sent[0][42 + 10]);
    EXPECT_EQ(1, sent[1][42 + 10]);
    bench.Receive(
        {WorkerBench::UdpFrame(peer.path, Plaintext(SL_CONTENT_HANDSHAKE, HandshakeMessage(3))),
         WorkerBench::UdpFrame(peer.path, Plaintext(SL_CONTENT_HANDSHAKE, HandshakeMessage(2))),
         WorkerBench::UdpFrame(peer.path, Plaintext(SL_CONTENT_ALERT, {2, 40}))});
    const auto messages = bench.ToHandshaker();
    ASSERT_EQ(3u, messages.size());
    for (const auto &message : messages) {
        EXPECT_EQ(SL_MESSAGE_RECORD, message.kind);
        EXPECT_EQ(peer.handle, message.session);
    }
}

TEST(WorkerConnect, ControlAndTheConsumerHearOfASessionThatIsUp)
{
    for (bool with_cid : {true, false}) {
        ConnectBench bench;
        Peer peer = bench.Open(7, with_cid);
        const auto told = bench.ToControl();
        ASSERT_EQ(1u, told.size());
        EXPECT_EQ(SL_MESSAGE_UP, told[0].kind);
        EXPECT_EQ(peer.handle, told[0].session);
        const auto events = bench.consumer.Receive();
        ASSERT_EQ(1u, events.size());
        EXPECT_EQ(SL_RING_OPEN, events[0].kind);
        ASSERT_EQ(sizeof(sl_opened), events[0].payload.size());
        EXPECT_STREQ("upstream", ((const sl_opened *)events[0].payload.data())->connection);
        bench.Receive({WorkerBench::UdpFrame(
            peer.path, bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, {'h', 'i'}))});
        EXPECT_EQ(1u, bench.consumer.Receive().size());
        ASSERT_TRUE(bench.consumer.Send(SL_RING_SEND, peer.handle, {'y', 'o'}));
        bench.Turn();
        const auto opened =
            static_cast<WorkerBench &>(bench).Open(peer, bench.SentPayloads().at(0));
        EXPECT_EQ(Bytes({'y', 'o'}), opened.plain);
    }
}

TEST(WorkerConnect, AnAlertOfEpochNoughtIsForTheHandshakerAloneAndNothingOnceItIsUp)
{
    ConnectBench bench;
    Peer peer = bench.Begin(7);
    bench.GiveKeys(peer, false);
    bench.Receive({WorkerBench::UdpFrame(peer.path, Plaintext(SL_CONTENT_ALERT, {2, 40}))});
    EXPECT_EQ(SL_MESSAGE_RECORD, bench.ToHandshaker().at(0).kind);
    bench.Establish(peer);
    bench.Receive({WorkerBench::UdpFrame(peer.path, Plaintext(SL_CONTENT_ALERT, {2, 40}))});
    EXPECT_EQ(1u, bench.drops(SL_DROP_PLAINTEXT_ALERT));
    EXPECT_TRUE(bench.ToHandshaker().empty());
    EXPECT_EQ(1u, bench.sessions());
}

TEST(WorkerConnect, StrangersGetNoAnswerAndNoSlotOnThePortsOfItsOwnSessions)
{
    ConnectBench bench;
    Peer peer = bench.Begin(7, WorkerBench::kConnectPort + 1);
    for (uint16_t port : {WorkerBench::kConnectPort, (uint16_t)(WorkerBench::kConnectPort + 1),
                          (uint16_t)(WorkerBench::kConnectPort + 99)}) {
        sl_path path = WorkerBench::ClientPath(9);
        path.tuple.local_port = port;
        bench.Receive(
            {WorkerBench::UdpFrame(path, WorkerBench::ClientHello({})),
             WorkerBench::UdpFrame(path, Plaintext(SL_CONTENT_HANDSHAKE, HandshakeMessage(2)))});
    }
    EXPECT_EQ(3u, bench.drops(SL_DROP_NO_LISTENER)) << "also from the server's own address:";
    bench.Receive({WorkerBench::UdpFrame(peer.path, WorkerBench::ClientHello({}))});
    EXPECT_EQ(4u, bench.drops(SL_DROP_NO_LISTENER));
    EXPECT_EQ(3u, bench.drops(SL_DROP_UNKNOWN_PEER));
    for (uint16_t port : {WorkerBench::kConnectPort - 1, WorkerBench::kConnectPort + 100}) {
        sl_path path = WorkerBench::ClientPath(9);
        path.tuple.local_port = port;
        bench.Receive(
            {WorkerBench::UdpFrame(path, Plaintext(SL_CONTENT_HANDSHAKE, HandshakeMessage(2)))});
    }
    EXPECT_EQ(6u, bench.drops(SL_DROP_NO_LISTENER));
    EXPECT_TRUE(bench.Sent().empty());
    EXPECT_EQ(1u, bench.half_open());
    EXPECT_TRUE(bench.ToHandshaker().empty());
}

TEST(WorkerConnect, AHandshakeThatFailsIsToldWithItsReason)
{
    ConnectBench bench;
    Peer peer = bench.Begin(7);
    const sl_message_abort abort = {SL_ABORT_ALERT, true, 42, 0, 0, 100};
    bench.FromHandshaker(SL_MESSAGE_ABORT, peer.handle, &abort, sizeof abort);
    bench.Turn();
    const auto told = bench.Told<sl_message_down>(SL_MESSAGE_DOWN);
    ASSERT_EQ(1u, told.size());
    EXPECT_EQ(7u, told[0].attempt);
    EXPECT_EQ(SL_DOWN_ABORTED, told[0].cause);
    EXPECT_EQ(0, memcmp(&abort, &told[0].abort, sizeof abort));
    EXPECT_EQ(0u, bench.half_open());
    EXPECT_TRUE(bench.consumer.Receive().empty());
    ASSERT_EQ(1u, bench.ToHandshaker().size()) << "closed";
}

TEST(WorkerConnect, AHandshakeOfWhichNothingIsHeardTimesOut)
{
    ConnectBench bench;
    bench.Begin(7);
    bench.now_ns += 31 * kSecond;
    bench.Turn(10);
    const auto told = bench.Told<sl_message_down>(SL_MESSAGE_DOWN);
    ASSERT_EQ(1u, told.size());
    EXPECT_EQ(SL_DOWN_ABORTED, told[0].cause);
    EXPECT_EQ(SL_ABORT_TIMED_OUT, told[0].abort.cause);
}

TEST(WorkerConnect, ASessionThatIsClosedIsToldWithItsReason)
{
    ConnectBench bench;
    Peer peer = bench.Open(7, true);
    bench.ToControl();
    bench.Receive({WorkerBench::UdpFrame(
        peer.path, bench.Seal(peer, SL_CONTENT_ALERT, {SL_ALERT_WARNING, SL_ALERT_CLOSE_NOTIFY}))});
    auto told = bench.Told<sl_message_down>(SL_MESSAGE_DOWN);
    ASSERT_EQ(1u, told.size());
    EXPECT_EQ(SL_DOWN_CLOSED, told[0].cause);
    EXPECT_EQ(SL_CLOSE_PEER, told[0].close_reason);
    bench.Open(8, true);
    bench.ToControl();
    bench.now_ns += 301 * kSecond;
    bench.Turn(10);
    told = bench.Told<sl_message_down>(SL_MESSAGE_DOWN);
    ASSERT_EQ(1u, told.size());
    EXPECT_EQ(8u, told[0].attempt);
    EXPECT_EQ(SL_CLOSE_IDLE, told[0].close_reason);
}

TEST(WorkerConnect, ControlHangsUpASessionOrAHandshake)
{
    ConnectBench bench;
    Peer peer = bench.Open(7, true);
    bench.Begin(8, WorkerBench::kConnectPort + 1);
    bench.ToControl();
    bench.consumer.Receive();
    bench.Sent();
    bench.HangUp(7, SL_CLOSE_REPLACED);
    bench.HangUp(8);
    bench.HangUp(8);
    bench.HangUp(9);
    const auto told = bench.Told<sl_message_down>(SL_MESSAGE_DOWN);
    ASSERT_EQ(2u, told.size());
    EXPECT_EQ(7u, told[0].attempt);
    EXPECT_EQ(SL_CLOSE_REPLACED, told[0].close_reason);
    EXPECT_EQ(8u, told[1].attempt);
    EXPECT_EQ(SL_DOWN_ABORTED, told[1].cause);
    const auto events = bench.consumer.Receive();
    ASSERT_EQ(1u, events.size());
    EXPECT_EQ(SL_CLOSE_REPLACED, events[0].detail);
    const std::vector<Bytes> sent = bench.SentPayloads();
    ASSERT_EQ(1u, sent.size()) << "to whom there are no keys for, nothing is said";
    EXPECT_EQ(SL_CONTENT_ALERT, static_cast<WorkerBench &>(bench).Open(peer, sent[0]).type);
    EXPECT_EQ(0u, bench.sessions() + bench.half_open());
}

TEST(WorkerConnect, TwoAttemptsNeverHaveOneTuple)
{
    ConnectBench bench;
    Peer peer = bench.Open(7, false);
    bench.ToControl();
    bench.Begin(8);
    const auto told = bench.Told<sl_message_down>(SL_MESSAGE_DOWN);
    ASSERT_EQ(1u, told.size());
    EXPECT_EQ(8u, told[0].attempt);
    EXPECT_EQ(SL_DOWN_TUPLE_TAKEN, told[0].cause);
    bench.Receive(
        {WorkerBench::UdpFrame(peer.path, bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, {1}))});
    EXPECT_EQ(1u, bench.events(SL_COUNTER_DELIVERED)) << "the one there lives on";
}

TEST(WorkerConnect, WithoutASlotOrRoomForTheHandshakerOrAtTheEndNothingIsBegun)
{
    WorkerBench::Options options = Begins();
    options.sessions_max = 1;
    ConnectBench small(options);
    small.Begin(7);
    small.Begin(8, WorkerBench::kConnectPort + 1);
    EXPECT_EQ(SL_DOWN_NO_SLOT, small.Told<sl_message_down>(SL_MESSAGE_DOWN).at(0).cause);

    options = Begins();
    options.sessions_max = 1024;
    options.handshaker_ring = 8192;
    ConnectBench busy(options);
    std::vector<sl_message_down> told;
    for (uint32_t i = 0; i < WorkerBench::kConnectPorts && told.empty(); i++) {
        const sl_message_begin begin =
            ConnectBench::Beginning(7 + i, (uint16_t)(WorkerBench::kConnectPort + i));
        busy.FromControl(SL_MESSAGE_BEGIN, &begin, sizeof begin);
        told = busy.Told<sl_message_down>(SL_MESSAGE_DOWN);
    }
    ASSERT_EQ(1u, told.size());
    EXPECT_EQ(SL_DOWN_HANDSHAKER_BUSY, told[0].cause);
    EXPECT_EQ(busy.ToHandshaker().size(), busy.half_open());

    ConnectBench stopping;
    stopping.Stop();
    stopping.Begin(7);
    EXPECT_EQ(SL_DOWN_STOPPING, stopping.Told<sl_message_down>(SL_MESSAGE_DOWN).at(0).cause);
}

TEST(WorkerConnect, ItsOwnHandshakesDoNotWaitForThoseOfStrangers)
{
    WorkerBench::Options options = Begins();
    options.half_open_max = 3;
    ConnectBench bench(options);
    for (uint32_t client = 0; client < 5; client++)
        bench.BeginHandshake(WorkerBench::ClientPath(client));
    EXPECT_NE(0u, bench.Begin(7).handle);
    EXPECT_EQ(4u, bench.half_open());
}

TEST(WorkerConnect, WhatControlsRingDidNotTakeIsToldAgain)
{
    WorkerBench::Options options = Begins();
    options.control_ring = 4096;
    ConnectBench bench(options);
    bench.Begin(1);
    std::set<uint32_t> told;
    for (uint32_t attempt = 2; attempt < 252; attempt++) { // all of them fail: the tuple is taken
        const sl_message_begin begin = ConnectBench::Beginning(attempt);
        bench.FromControl(SL_MESSAGE_BEGIN, &begin, sizeof begin);
    }
    for (unsigned i = 0; i < 16; i++) {
        const auto downs = bench.Told<sl_message_down>(SL_MESSAGE_DOWN);
        EXPECT_GT(250u, downs.size()) << "the ring is too large for this test";
        for (const auto &down : downs)
            EXPECT_TRUE(told.insert(down.attempt).second) << "once";
        bench.Turn();
    }
    EXPECT_EQ(250u, told.size());
}

TEST(WorkerConnect, ASessionThatReplacesAnotherOneHasItsConsumer)
{
    ConnectBench bench;
    Consumer other(1, 0, 0);
    bench.Attach(other);
    Peer first = bench.Open(7, true);
    Consumer *its = bench.consumer.Receive().size() == 1 ? &bench.consumer : &other;
    Consumer *others = its == &bench.consumer ? &other : &bench.consumer;
    others->Receive();
    for (uint32_t i = 0; i < 4; i++) { // by turns, were it not for the session that they replace
        const uint16_t port = (uint16_t)(WorkerBench::kConnectPort + 1 + i);
        Peer next = bench.Open(8 + i, true, port, first.handle);
        const auto events = its->Receive();
        ASSERT_EQ(1u, events.size());
        EXPECT_EQ(SL_RING_OPEN, events[0].kind);
        EXPECT_EQ(next.handle, events[0].session);
        EXPECT_EQ(first.handle, ((const sl_opened *)events[0].payload.data())->replaces);
        EXPECT_TRUE(others->Receive().empty());
    }
    bench.HangUp(7);
    const auto events = its->Receive();
    ASSERT_EQ(1u, events.size());
    EXPECT_EQ(SL_CLOSE_REPLACED, events[0].detail);
    Peer late = bench.Open(20, true, WorkerBench::kConnectPort + 20, first.handle);
    EXPECT_EQ(1u, its->Receive().size() + others->Receive().size())
        << "who has it is anybody's turn";
}

TEST(WorkerConnect, HowFarTheKeyIsUsedIsToldUntilControlHearsIt)
{
    WorkerBench::Options options = Begins();
    options.control_ring = 4096;
    ConnectBench bench(options);
    const sl_message_begin begin = ConnectBench::Beginning(7);
    bench.FromControl(SL_MESSAGE_BEGIN, &begin, sizeof begin);
    Peer peer;
    peer.path = begin.path;
    peer.handle = bench.ToHandshaker().at(0).session;
    bench.GiveKeys(peer, false, SL_AEAD_AES_128_GCM,
                   sl_aead_seal_limit(SL_AEAD_AES_128_GCM) / 4 * 3 - 1);
    bench.Establish(peer);
    for (uint32_t attempt = 8; attempt < 250; attempt++) // they fill the ring: the tuple is taken
        bench.FromControl(SL_MESSAGE_BEGIN,
                          std::vector<sl_message_begin>{ConnectBench::Beginning(attempt)}.data(),
                          sizeof begin);
    ASSERT_TRUE(bench.consumer.Send(SL_RING_SEND, peer.handle, {1}));
    ASSERT_TRUE(bench.consumer.Send(SL_RING_SEND, peer.handle, {2}));
    bench.Turn();
    EXPECT_EQ(1u, bench.events(SL_COUNTER_USAGE_WARNINGS));
    unsigned told = 0;
    for (unsigned i = 0; i < 20; i++) {
        for (const auto &message : bench.ToControl())
            told += message.kind == SL_MESSAGE_USAGE && message.session == peer.handle;
        bench.Turn();
    }
    EXPECT_EQ(1u, told);
}

TEST(WorkerConnect, ASessionThatAConsumerHasAskedForIsItsOwn)
{
    ConnectBench bench;
    Consumer other(1, 0, 0);
    bench.Attach(other);
    for (uint32_t i = 0; i < 4; i++) {
        sl_message_begin begin =
            ConnectBench::Beginning(7 + i, (uint16_t)(WorkerBench::kConnectPort + i));
        begin.consumer = 1 + 1;
        begin.request = 77 + i;
        bench.FromControl(SL_MESSAGE_BEGIN, &begin, sizeof begin);
        Peer peer;
        peer.path = begin.path;
        peer.handle = bench.ToHandshaker().at(0).session;
        bench.GiveKeys(peer, false);
        bench.Establish(peer);
        EXPECT_TRUE(bench.consumer.Receive().empty());
        const auto events = other.Receive();
        ASSERT_EQ(1u, events.size());
        EXPECT_EQ(77u + i, ((const sl_opened *)events[0].payload.data())->request);
    }
    bench.Detach(other);
    bench.now_ns += kSecond;
    bench.Turn(10);
    const auto events = bench.consumer.Receive();
    ASSERT_EQ(4u, events.size()) << "who takes them over";
    EXPECT_EQ(0u, ((const sl_opened *)events[0].payload.data())->request) << "has not asked";
}

TEST(WorkerConnect, AFailureIsToldToWhoAskedUntilItsRingTakesIt)
{
    ConnectBench bench;
    sl_message_fail fail = {7, 0, {77, 0, "no answer"}};
    Peer peer = bench.Open(3, true);
    unsigned filled = 0;
    while (bench.drops(SL_DROP_RING_FULL) == 0 && filled++ < 5000)
        bench.Receive({WorkerBench::UdpFrame(
            peer.path, bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, Bytes(1)))});
    bench.ToControl();
    bench.FromControl(SL_MESSAGE_FAIL, &fail, sizeof fail);
    bench.Turn(3);
    EXPECT_TRUE(bench.Told<sl_message_down>(SL_MESSAGE_DOWN).empty());
    bench.consumer.Receive();
    bench.Turn(2);
    const auto events = bench.consumer.Receive();
    ASSERT_EQ(1u, events.size());
    EXPECT_EQ(SL_RING_FAILED, events[0].kind);
    EXPECT_STREQ("no answer", ((const sl_ring_failed *)events[0].payload.data())->reason);
    EXPECT_EQ(1u, bench.Told<sl_message_down>(SL_MESSAGE_DOWN).size());
    bench.Turn(3);
    EXPECT_TRUE(bench.consumer.Receive().empty()) << "once";
    fail.consumer = 9; /* nobody */
    bench.FromControl(SL_MESSAGE_FAIL, &fail, sizeof fail);
    EXPECT_EQ(1u, bench.Told<sl_message_down>(SL_MESSAGE_DOWN).size());
}
