// Sessions that the gateway begins: the attempt, and what strangers may do there.
#include "connect_bench.h"

using namespace sluice;

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

TEST(WorkerConnect, ItsOwnHandshakesTakeNoRoomFromThoseOfStrangers)
{
    WorkerBench::Options options = Begins();
    options.half_open_max = 3;
    options.sessions_max = 2 * SL_ATTEMPTS_MAX;
    ConnectBench bench(options);
    for (uint32_t i = 0; i < SL_ATTEMPTS_MAX; i++) {
        sl_message_begin begin{};
        begin.attempt = SL_ATTEMPTS_MAX + i;
        begin.path = WorkerBench::ClientPath(100 + i);
        begin.path.tuple.local_port = WorkerBench::kConnectPort;
        bench.FromControl(SL_MESSAGE_BEGIN, &begin, sizeof begin);
    }
    EXPECT_EQ(SL_ATTEMPTS_MAX, bench.half_open());
    for (uint32_t client = 0; client < 5; client++)
        bench.BeginHandshake(WorkerBench::ClientPath(client));
    EXPECT_EQ(SL_ATTEMPTS_MAX + 3, bench.half_open());
    EXPECT_EQ(2u, bench.drops(SL_DROP_HALF_OPEN_LIMIT));
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

TEST(WorkerConnect, NothingIsBegunWithAServerThatIsDenied)
{
    ConnectBench bench;
    sl_access_rule rule{};
    rule.prefix = {WorkerBench::Servers()[0], 128, true};
    unsigned conflict;
    sl_admission_rules rules{};
    ASSERT_EQ(0, sl_access_create(&rule, 1, &rules.access, &conflict));
    const sl_message_admission body = {&rules};
    bench.FromControl(SL_MESSAGE_ADMISSION, &body, sizeof body);
    bench.Begin(7);
    const auto told = bench.Told<sl_message_down>(SL_MESSAGE_DOWN);
    ASSERT_EQ(1u, told.size());
    EXPECT_EQ(SL_DOWN_DENIED, told[0].cause);
    EXPECT_TRUE(bench.ToHandshaker().empty());
    EXPECT_EQ(0u, bench.half_open());
    const sl_message_admission none = {nullptr};
    bench.FromControl(SL_MESSAGE_ADMISSION, &none, sizeof none);
    sl_access_destroy(rules.access);
}

// RFC 5246 7.2.2
TEST(WorkerConnect, AServerThatAsksForRenegotiationIsRefusedThat)
{
    ConnectBench bench;
    Peer peer = bench.Open(7, true);
    bench.Sent();
    for (uint8_t type : {SL_HANDSHAKE_CLIENT_HELLO, SL_HANDSHAKE_HELLO_REQUEST}) {
        Bytes message(SL_HANDSHAKE_HEADER_LEN);
        message[0] = type;
        bench.Receive(
            {WorkerBench::UdpFrame(peer.path, bench.Seal(peer, SL_CONTENT_HANDSHAKE, message))});
    }
    auto sent = bench.SentPayloads();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(static_cast<WorkerBench &>(bench).Open(peer, sent[0]).plain,
              (Bytes{SL_ALERT_WARNING, SL_ALERT_NO_RENEGOTIATION}));
    EXPECT_EQ(bench.drops(SL_DROP_RENEGOTIATION), 2u);
}

// Two bursts have room before a port; here two thirds of that are taken when a burst comes.
TEST(WorkerConnect, ABurstOfMessagesLeavesBehindRequestsForMoreNextHopsThanItHasRoomBeside)
{
    ConnectBench bench;
    constexpr unsigned asked = 40;
    const Peer peer = bench.Open(1, true);
    for (uint8_t i = 0; i < asked; i++) {
        const uint8_t neighbour[] = {198, 18, 7, i};
        bench.FindHop(2U + i, sl_ip_from_v4(neighbour));
    }
    bench.now_ns += kSecond / 5; /* all of them are due again */
    bench.Sent();
    for (unsigned i = 0; i < SL_BURST; i++)
        ASSERT_TRUE(bench.consumer.Send(SL_RING_SEND, peer.handle, {(uint8_t)i}));
    bench.Turn();
    const std::vector<Bytes> sent = bench.Sent();
    ASSERT_EQ((size_t)asked + SL_BURST, sent.size());
    for (unsigned i = 0; i < sent.size(); i++)
        EXPECT_EQ(i < asked ? 0x06 : 0x00, sent[i].at(13)) << "ARP, or else IPv4";
    EXPECT_EQ(0u, bench.drops(SL_DROP_SEND_PORT));
}
