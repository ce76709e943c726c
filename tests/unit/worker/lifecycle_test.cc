#include <gtest/gtest.h>

#include "worker_bench.h"

using namespace sluice;

TEST(WorkerLifecycle, AnIdleSessionIsClosedWithCloseNotify)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    consumer.Receive();
    bench.now_ns += 299 * kSecond;
    bench.Turn(10);
    EXPECT_EQ(bench.sessions(), 1u);
    bench.now_ns += 2 * kSecond;
    bench.Turn(10);
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].kind, SL_RING_CLOSE);
    EXPECT_EQ(events[0].detail, SL_CLOSE_IDLE);
    EXPECT_EQ(bench.events(SL_COUNTER_SESSIONS_EXPIRED), 1u);
    std::vector<Bytes> sent = bench.SentPayloads();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(bench.Open(peer, sent[0]).type, SL_CONTENT_ALERT);
}

TEST(WorkerLifecycle, DataThatComesKeepsASessionAlive)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    for (unsigned i = 0; i < 4; i++) {
        bench.Receive(
            {WorkerBench::UdpFrame(peer.path, bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, {1}))});
        bench.now_ns += 200 * kSecond;
        bench.Turn(8);
    }
    EXPECT_EQ(bench.sessions(), 1u);
    bench.now_ns += 200 * kSecond;
    bench.Turn(8);
    EXPECT_EQ(bench.sessions(), 0u);
}

TEST(WorkerLifecycle, ASessionEndsWithTheCertificateOfItsPeer)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    Peer expiring = bench.Connect(WorkerBench::ClientPath(2), true, 2, SL_AEAD_AES_128_GCM,
                                  bench.now_ns + 60 * kSecond);
    consumer.Receive();
    bench.now_ns += 59 * kSecond;
    bench.Turn(10);
    EXPECT_EQ(bench.sessions(), 2u);
    bench.now_ns += kSecond;
    bench.Turn(10);
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].kind, SL_RING_CLOSE);
    EXPECT_EQ(events[0].detail, SL_CLOSE_EXPIRED);
    EXPECT_EQ(events[0].session, expiring.handle);
    std::vector<Bytes> sent = bench.SentPayloads();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(bench.Open(expiring, sent[0]).type, SL_CONTENT_ALERT);
    EXPECT_EQ(bench.sessions(), 1u);
}

TEST(WorkerLifecycle, AHandshakeThatGoesNowhereGivesItsSlotBack)
{
    WorkerBench bench;
    uint64_t handle = bench.BeginHandshake(WorkerBench::ClientPath(1));
    bench.now_ns += 31 * kSecond;
    bench.Turn(10);
    EXPECT_EQ(bench.half_open(), 0u);
    EXPECT_EQ(bench.events(SL_COUNTER_HANDSHAKES_EXPIRED), 1u);
    auto messages = bench.ToHandshaker();
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_EQ(messages[0].kind, SL_MESSAGE_CLOSED);
    EXPECT_EQ(messages[0].session, handle);
}

TEST(WorkerLifecycle, AnAbortedHandshakeIsGone)
{
    WorkerBench bench;
    uint64_t handle = bench.BeginHandshake(WorkerBench::ClientPath(1));
    sl_message_abort abort = {};
    bench.FromHandshaker(SL_MESSAGE_ABORT, handle, &abort, sizeof abort);
    bench.Turn();
    EXPECT_EQ(bench.half_open(), 0u);
    auto messages = bench.ToHandshaker();
    ASSERT_EQ(messages.size(), 1u) << "the handshaker remembers the handle until it is closed";
    EXPECT_EQ(messages[0].kind, SL_MESSAGE_CLOSED);
    EXPECT_EQ(messages[0].session, handle);
    struct sl_message_send send;
    memset(&send, 0, sizeof send);
    bench.FromHandshaker(SL_MESSAGE_SEND, handle, &send, sizeof send);
    bench.Turn();
    EXPECT_EQ(bench.drops(SL_DROP_SEND_STALE), 1u);
}

TEST(WorkerLifecycle, TheConsumerMayCloseASession)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), false);
    consumer.Receive();
    consumer.Send(SL_RING_SEND, peer.handle, {1});
    consumer.Send(SL_RING_CLOSE_SESSION, peer.handle);
    consumer.Send(SL_RING_SEND, peer.handle, {2});
    bench.Turn(2);
    std::vector<Bytes> sent = bench.SentPayloads();
    ASSERT_EQ(sent.size(), 2u);
    EXPECT_EQ(bench.Open(peer, sent[0]).plain, Bytes{1});
    EXPECT_EQ(bench.Open(peer, sent[1]).type, SL_CONTENT_ALERT);
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[0].detail, SL_CLOSE_CONSUMER);
    EXPECT_EQ(events[1].kind, SL_RING_REFUSED);
    EXPECT_TRUE(events[1].detail == SL_REFUSE_CLOSING || events[1].detail == SL_REFUSE_HANDLE);
    EXPECT_EQ(bench.sessions(), 0u);
}

TEST(WorkerLifecycle, AClosedSessionWaitsForAFullRingButNotForEver)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0, 4096);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    for (int i = 0; i < 100; i++)
        bench.Receive({WorkerBench::UdpFrame(peer.path, bench.Seal(peer, 23, Bytes(32)))});
    bench.Receive({WorkerBench::UdpFrame(peer.path, bench.Seal(peer, 21, {1, 0}))});
    consumer.Receive();
    bench.Turn(10);
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].kind, SL_RING_CLOSE);

    Peer second = bench.Connect(WorkerBench::ClientPath(2), true);
    for (int i = 0; i < 100; i++)
        bench.Receive({WorkerBench::UdpFrame(second.path, bench.Seal(second, 23, Bytes(32)))});
    bench.Receive({WorkerBench::UdpFrame(second.path, bench.Seal(second, 21, {1, 0}))});
    bench.now_ns += 6 * kSecond;
    bench.Turn(10);
    EXPECT_EQ(bench.events(SL_COUNTER_EVENTS_LOST), 1u);
}

TEST(WorkerLifecycle, StoppingClosesEverySessionWithCloseNotify)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    for (uint32_t i = 0; i < 40; i++)
        bench.Connect(WorkerBench::ClientPath(i), i % 2 == 0);
    bench.BeginHandshake(WorkerBench::ClientPath(99));
    consumer.Receive();
    bench.Sent();
    bench.Stop();
    for (int i = 0; i < 100 && !sl_worker_is_stopped(bench.worker()); i++)
        bench.Turn();
    EXPECT_TRUE(sl_worker_is_stopped(bench.worker()));
    EXPECT_EQ(bench.Sent().size(), 40u);
    auto events = consumer.Receive();
    EXPECT_EQ(events.size(), 40u);
    EXPECT_EQ(events[0].detail, SL_CLOSE_SHUTDOWN);
    EXPECT_EQ(bench.sessions() + bench.half_open(), 0u);
    EXPECT_EQ(bench.ToControl().back().kind, SL_MESSAGE_STOPPED);
    bench.Receive(
        {WorkerBench::UdpFrame(WorkerBench::ClientPath(50), WorkerBench::ClientHello({}))});
    EXPECT_EQ(bench.drops(SL_DROP_SHUTDOWN), 1u);
}

TEST(WorkerLifecycle, ASlotIsNotUsedAgainBeforeTheHandshakerWasTold)
{
    WorkerBench::Options options;
    options.sessions_max = 1;
    options.handshaker_ring = 4096;
    WorkerBench bench(options);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), false);
    // Fill the ring: requests to repeat the last flight.
    Bytes finished(4, 0);
    finished[0] = SL_HANDSHAKE_FINISHED;
    for (int i = 0; i < 100; i++) {
        bench.now_ns += kSecond;
        bench.Receive({WorkerBench::UdpFrame(peer.path, bench.Seal(peer, 22, finished))});
    }
    bench.Receive({WorkerBench::UdpFrame(peer.path, bench.Seal(peer, 21, {1, 0}))});
    EXPECT_EQ(bench.sessions(), 0u);
    EXPECT_EQ(bench.BeginHandshake(WorkerBench::ClientPath(2)), 0u);
    EXPECT_EQ(bench.drops(SL_DROP_TABLE_FULL), 1u);
    bench.ToHandshaker();
    bench.Turn(10);
    EXPECT_NE(bench.BeginHandshake(WorkerBench::ClientPath(2)), 0u);
}

TEST(WorkerLifecycle, ASessionEndsWithItsRecordNumbers)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer;
    peer.path = WorkerBench::ClientPath(1);
    peer.handle = bench.BeginHandshake(peer.path);
    bench.GiveKeys(peer, false, SL_AEAD_AES_128_GCM, SL_SEQ_MAX - 1);
    bench.Establish(peer);
    consumer.Receive();
    for (uint8_t i = 0; i < 4; i++)
        consumer.Send(SL_RING_SEND, peer.handle, {i});
    bench.Turn();
    std::vector<Bytes> sent = bench.SentPayloads();
    ASSERT_EQ(sent.size(), 2u) << "the last two numbers, and no wrap";
    EXPECT_EQ(Bytes(sent[1].begin() + 5, sent[1].begin() + 11), Bytes(6, 0xff));
    EXPECT_EQ(bench.drops(SL_DROP_SEND_SEQ_LIMIT), 2u);
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].detail, SL_CLOSE_LIMIT);
}

TEST(WorkerLifecycle, ASessionEndsWithAMessageThatIsAloneAndHasNoNumber)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer;
    peer.path = WorkerBench::ClientPath(1);
    peer.handle = bench.BeginHandshake(peer.path);
    bench.GiveKeys(peer, false, SL_AEAD_AES_128_GCM, SL_SEQ_MAX);
    bench.Establish(peer);
    consumer.Send(SL_RING_SEND, peer.handle, {1});
    bench.Turn();
    EXPECT_EQ(bench.sessions(), 1u);
    consumer.Send(SL_RING_SEND, peer.handle, {2});
    bench.Turn();
    EXPECT_EQ(bench.drops(SL_DROP_SEND_SEQ_LIMIT), 1u);
    EXPECT_EQ(bench.sessions(), 0u);
}

TEST(WorkerLifecycle, ASessionWithoutNumbersCostsTheOthersOfItsBurstNothing)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer, other = bench.Connect(WorkerBench::ClientPath(2), true);
    peer.path = WorkerBench::ClientPath(1);
    peer.handle = bench.BeginHandshake(peer.path);
    bench.GiveKeys(peer, false, SL_AEAD_AES_128_GCM, SL_SEQ_MAX);
    bench.Establish(peer);
    consumer.Receive();
    for (uint8_t i = 0; i < 4; i++) {
        consumer.Send(SL_RING_SEND, peer.handle, {i});
        consumer.Send(SL_RING_SEND, other.handle, {i});
    }
    bench.Turn();
    std::vector<Bytes> sent = bench.SentPayloads();
    ASSERT_EQ(sent.size(), 5u);
    for (uint8_t i = 0; i < 4; i++)
        EXPECT_EQ(bench.Open(other, sent[i + 1u]).plain, Bytes{i});
    EXPECT_EQ(bench.drops(SL_DROP_SEND_SEQ_LIMIT), 3u);
    EXPECT_EQ(bench.sessions(), 1u);
    EXPECT_EQ(bench.events(SL_COUNTER_SESSIONS_CLOSED), 1u);
}

namespace
{

// A session whose key has sealed so many records, and a message sent on it.
void SendAfter(WorkerBench &bench, Consumer &consumer, Peer &peer, uint64_t sealed,
               sl_aead_alg alg = SL_AEAD_AES_128_GCM)
{
    bench.Attach(consumer);
    peer.path = WorkerBench::ClientPath(1);
    peer.handle = bench.BeginHandshake(peer.path);
    bench.GiveKeys(peer, false, alg, sealed);
    bench.Establish(peer);
    consumer.Receive();
    consumer.Send(SL_RING_SEND, peer.handle, {1});
    bench.Turn();
}

} // namespace

// RFC 9325 4.4, RFC 9147 4.5.3: 2^24.5 records under one AES-GCM key, 2^23 under one of AES-CCM.
class WorkerUsage : public testing::TestWithParam<sl_aead_alg>
{
};

INSTANTIATE_TEST_SUITE_P(, WorkerUsage,
                         testing::Values(SL_AEAD_AES_128_GCM, SL_AEAD_AES_128_CCM_8));

TEST_P(WorkerUsage, AKeyIsCountedAndToldOnceAtThreeQuartersAndOnceAtItsLimit)
{
    const uint64_t limit = sl_aead_seal_limit(GetParam());
    for (uint64_t sealed : {limit / 4 * 3 - 2, limit / 4 * 3 - 1, limit - 2, limit - 1}) {
        WorkerBench bench;
        Consumer consumer(0, 0, 0);
        Peer peer;
        SendAfter(bench, consumer, peer, sealed, GetParam());
        for (int i = 0; i < 3; i++) {
            EXPECT_EQ(bench.events(SL_COUNTER_USAGE_WARNINGS),
                      sealed + 1 + (uint64_t)i >= limit / 4 * 3 && sealed < limit - 1);
            EXPECT_EQ(bench.events(SL_COUNTER_USAGE_LIMITS), sealed + 1 + (uint64_t)i >= limit);
            consumer.Send(SL_RING_SEND, peer.handle, {1});
            bench.Turn();
        }
        EXPECT_EQ(bench.sessions(), 1u) << "closing is a switch";
        auto messages = bench.ToControl();
        ASSERT_EQ(messages.size(), sealed == limit - 2 ? 2u : 1u) << "which passes both";
        EXPECT_EQ(messages.back().kind, SL_MESSAGE_USAGE);
        EXPECT_EQ(messages.back().session, peer.handle);
        EXPECT_EQ(messages.back().body.at(0),
                  sealed < limit - 2 ? SL_USAGE_THREE_QUARTERS : SL_USAGE_LIMIT);
        EXPECT_EQ(messages.back().body.at(1), 0) << "not closed";
    }
}

TEST(WorkerLifecycle, ASessionIsClosedAtItsKeysLimitWhereThatIsWanted)
{
    WorkerBench::Options options;
    options.close_at_usage_limit = true;
    WorkerBench bench(options);
    Consumer consumer(0, 0, 0);
    Peer peer;
    SendAfter(bench, consumer, peer, sl_aead_seal_limit(SL_AEAD_AES_128_GCM) - 2);
    EXPECT_EQ(bench.sessions(), 1u);
    consumer.Send(SL_RING_SEND, peer.handle, {1});
    bench.Turn();
    EXPECT_EQ(bench.sessions(), 0u);
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].kind, SL_RING_CLOSE);
    EXPECT_EQ(events[0].detail, SL_CLOSE_LIMIT);
    std::vector<Bytes> sent = bench.SentPayloads();
    ASSERT_EQ(sent.size(), 3u);
    EXPECT_EQ(bench.Open(peer, sent[2]).plain, (Bytes{1, 0}));
    auto messages = bench.ToControl();
    ASSERT_EQ(messages.size(), 2u) << "and three quarters were passed as well";
    EXPECT_EQ(messages[1].body.at(1), 1) << "closed";
}

static Peer EstablishedAfterForgeries(WorkerBench &bench, uint64_t forged)
{
    Peer peer;
    peer.path = WorkerBench::ClientPath(1);
    peer.handle = bench.BeginHandshake(peer.path);
    bench.GiveKeys(peer, false, SL_AEAD_AES_128_GCM, 0, forged);
    bench.Establish(peer);
    return peer;
}

// RFC 9325 4.4: 2^28 forged records, those that the handshake thread met included.
TEST(WorkerLifecycle, ASessionWhoseKeyHasMetTooManyForgeriesIsClosed)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = EstablishedAfterForgeries(bench, (1ULL << 28) - 2);
    consumer.Receive();
    Bytes forged = bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, {1});
    forged.back() ^= 1;
    bench.Receive({WorkerBench::UdpFrame(peer.path, forged)});
    EXPECT_EQ(bench.drops(SL_DROP_AUTH), 1u);
    EXPECT_EQ(bench.sessions(), 1u);
    EXPECT_EQ(sl_worker_counters(bench.worker())->forged_most, (1ULL << 28) - 1);
    bench.Receive({WorkerBench::UdpFrame(peer.path, forged)});
    EXPECT_EQ(bench.drops(SL_DROP_FORGERY_LIMIT), 1u);
    EXPECT_EQ(bench.sessions(), 0u);
    EXPECT_EQ(consumer.Receive().at(0).detail, SL_CLOSE_LIMIT);
}

TEST(WorkerLifecycle, DataThatCameBeforeTheLastForgeryIsDeliveredBeforeTheClose)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = EstablishedAfterForgeries(bench, (1ULL << 28) - 1);
    consumer.Receive();
    Bytes data = bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, {1});
    Bytes forged = bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, {2});
    forged.back() ^= 1;
    bench.Receive({WorkerBench::UdpFrame(peer.path, data), WorkerBench::UdpFrame(peer.path, forged),
                   WorkerBench::UdpFrame(peer.path, data)});
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[0].kind, SL_RING_DATA);
    EXPECT_EQ(events[1].kind, SL_RING_CLOSE);
    EXPECT_EQ(bench.drops(SL_DROP_FORGERY_LIMIT), 1u);
    EXPECT_EQ(bench.drops(SL_DROP_CLOSING), 1u) << "what comes behind it";
}

TEST(WorkerLifecycle, AHandshakeWhoseKeyHasMetTooManyForgeriesEndsInSilence)
{
    WorkerBench bench;
    Peer peer;
    peer.path = WorkerBench::ClientPath(1);
    peer.handle = bench.BeginHandshake(peer.path);
    bench.GiveKeys(peer, false, SL_AEAD_AES_128_GCM, 0, (1ULL << 28) - 1);
    bench.Sent();
    bench.ToHandshaker();
    Bytes forged = bench.Seal(peer, SL_CONTENT_HANDSHAKE, {SL_HANDSHAKE_FINISHED});
    forged.back() ^= 1;
    bench.Receive({WorkerBench::UdpFrame(peer.path, forged)});
    EXPECT_EQ(bench.drops(SL_DROP_FORGERY_LIMIT), 1u);
    EXPECT_EQ(bench.half_open(), 0u);
    EXPECT_EQ(bench.events(SL_COUNTER_SESSIONS_CLOSED), 0u) << "it never opened";
    EXPECT_TRUE(bench.Sent().empty());
    auto messages = bench.ToHandshaker();
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_EQ(messages[0].kind, SL_MESSAGE_CLOSED);
}

TEST(WorkerLifecycle, AFlightThatFindsNoBufferIsCounted)
{
    WorkerBench bench;
    uint64_t handle = bench.BeginHandshake(WorkerBench::ClientPath(1));
    bench.pool.set_capacity(0);
    const Bytes parts = {SL_CONTENT_HANDSHAKE, 0, 0, 2, 2, 0};
    struct sl_message_send send;
    send.count = 1;
    send.bytes_len = (uint16_t)parts.size();
    bench.FromHandshaker(SL_MESSAGE_SEND, handle, &send, sizeof send, parts);
    bench.Turn();
    EXPECT_EQ(bench.drops(SL_DROP_SEND_NO_BUFFER), 1u);
}
