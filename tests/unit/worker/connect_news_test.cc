// What control and consumers hear of the sessions that the gateway begins.
#include "connect_bench.h"

using namespace sluice;

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
