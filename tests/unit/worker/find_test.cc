#include <gtest/gtest.h>

#include "worker_bench.h"

using namespace sluice;

namespace
{

Bytes Concat(const Bytes &a, const Bytes &b)
{
    Bytes both = a;
    both.insert(both.end(), b.begin(), b.end());
    return both;
}

} // namespace

TEST(WorkerFind, DropsAStaleOrGuessedConnectionId)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    Bytes record = bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, {1});
    Bytes guessed = record;
    guessed[11 + 7] ^= 1; // a bit of the tag in the CID
    bench.Receive({WorkerBench::UdpFrame(peer.path, guessed)});
    EXPECT_EQ(bench.drops(SL_DROP_UNKNOWN_CID), 1u);
    bench.Receive({WorkerBench::UdpFrame(peer.path, record)});
    EXPECT_EQ(bench.events(SL_COUNTER_DELIVERED), 1u);
}

TEST(WorkerFind, DropsRecordsOfAnAddressThatHasNoSession)
{
    WorkerBench bench;
    Bytes record = {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 24};
    record.resize(13 + 24);
    bench.Receive({WorkerBench::UdpFrame(WorkerBench::ClientPath(1), record)});
    EXPECT_EQ(bench.drops(SL_DROP_UNKNOWN_PEER), 1u);
}

TEST(WorkerFind, SplitsADatagramIntoItsRecords)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    Bytes datagram;
    for (uint8_t i = 0; i < 3; i++)
        datagram = Concat(datagram, bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, {i}));
    bench.Receive({WorkerBench::UdpFrame(peer.path, Concat(datagram, {25, 0xfe}))});
    EXPECT_EQ(bench.events(SL_COUNTER_DELIVERED), 3u);
    EXPECT_EQ(bench.drops(SL_DROP_RECORD_HEADER), 1u);
}

TEST(WorkerFind, ARecordAloneInItsDatagramIsSplitOffLikeOthers)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    consumer.Receive();
    Bytes version = bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, {1}), epoch = version;
    version[2] ^= 1;
    epoch[4] = 0;
    bench.Receive(
        {WorkerBench::UdpFrame(peer.path, version), WorkerBench::UdpFrame(peer.path, epoch)});
    EXPECT_EQ(bench.drops(SL_DROP_RECORD_VERSION), 1u) << "which no tag protects";
    EXPECT_EQ(bench.drops(SL_DROP_RECORD_HEADER), 1u);
    EXPECT_TRUE(consumer.Receive().empty());
}

TEST(WorkerFind, ASlotThatIsFreeHasNoConnectionId)
{
    WorkerBench bench;
    Bytes record = {SL_CONTENT_TLS12_CID, 0xfe, 0xfd, 0, 1};
    record.resize(SL_RECORD_HEADER_LEN + SL_OWN_CID_LEN + 40); // of zeros, as free slots are
    record[SL_RECORD_HEADER_LEN + SL_OWN_CID_LEN - 1] = 40;
    bench.Receive({WorkerBench::UdpFrame(WorkerBench::ClientPath(1), record)});
    EXPECT_EQ(bench.drops(SL_DROP_UNKNOWN_CID), 1u);
}

TEST(WorkerFind, DatagramsOfOneRecordFollowAsManyRecordsAsABurstHolds)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    consumer.Receive();
    std::vector<Bytes> frames;
    uint8_t count = 0;
    while (count < SL_BURST) {
        Bytes payload;
        for (unsigned i = 0; i < SL_RECORDS_PER_DATAGRAM_MAX; i++) {
            Bytes record = bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, {count++});
            payload.insert(payload.end(), record.begin(), record.end());
        }
        frames.push_back(WorkerBench::UdpFrame(peer.path, payload));
    }
    while (count < SL_BURST + 4)
        frames.push_back(WorkerBench::UdpFrame(
            peer.path, bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, {count++})));
    bench.Receive(frames);
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), SL_BURST + 4u);
    for (uint8_t i = 0; i < count; i++)
        EXPECT_EQ(events[i].payload, Bytes{i});
}

TEST(WorkerFind, LooksAtALimitedNumberOfRecordsInADatagram)
{
    WorkerBench bench;
    Bytes datagram;
    const Bytes record = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    for (int i = 0; i < SL_RECORDS_PER_DATAGRAM_MAX + 5; i++)
        datagram = Concat(datagram, record);
    bench.Receive({WorkerBench::UdpFrame(WorkerBench::ClientPath(1), datagram)});
    EXPECT_EQ(bench.drops(SL_DROP_RECORDS_TOO_MANY), 1u);
    EXPECT_EQ(bench.events(SL_COUNTER_RX_RECORDS), SL_RECORDS_PER_DATAGRAM_MAX + 1u);
}

TEST(WorkerFind, HandsOverOnceAndNeverTwice)
{
    WorkerBench::Options options;
    options.worker_count = 2;
    WorkerBench bench(options);
    unsigned mine = 0;
    for (uint32_t client = 0; client < 64; client++) {
        Bytes frame =
            WorkerBench::UdpFrame(WorkerBench::ClientPath(client), WorkerBench::ClientHello({}));
        bench.Receive({frame});
        mine += bench.Sent().size();
    }
    EXPECT_EQ(mine + bench.handed_over.size(), 64u);
    EXPECT_GT(mine, 10u);
    ASSERT_GT(bench.handed_over.size(), 10u);
    EXPECT_EQ(bench.events(SL_COUNTER_HANDED_OVER), bench.handed_over.size());
    EXPECT_EQ(bench.events(SL_COUNTER_RX_RECORDS), mine) << "a handoff does not count";
    EXPECT_EQ(bench.handed_over[0].first, 1u);

    bench.TakeOver({bench.handed_over[0].second});
    EXPECT_EQ(bench.drops(SL_DROP_HANDOFF_TWICE), 1u);
    EXPECT_TRUE(bench.Sent().empty());
}

TEST(WorkerFind, CountsWhatTheRingToTheOwnerDidNotTake)
{
    WorkerBench::Options options;
    options.worker_count = 2;
    WorkerBench bench(options);
    bench.hand_over_limit = 0;
    for (uint32_t client = 0; client < 32; client++)
        bench.Receive(
            {WorkerBench::UdpFrame(WorkerBench::ClientPath(client), WorkerBench::ClientHello({}))});
    EXPECT_GT(bench.drops(SL_DROP_HANDOFF_FULL), 5u);
    EXPECT_EQ(bench.drops(SL_DROP_HANDOFF_FULL) + bench.events(SL_COUNTER_ANSWERED), 32u);
}

TEST(WorkerFind, DropsARecordOfAnotherOwnerThanTheFirst)
{
    WorkerBench::Options options;
    options.worker_count = 2;
    WorkerBench bench(options);
    Bytes foreign(21 + 25); // a CID record whose shard is 1: worker 1's
    const uint8_t header[] = {25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 5, 0x00, 0x10};
    memcpy(foreign.data(), header, sizeof header);
    foreign[20] = 25;
    for (uint32_t client = 0; client < 8; client++)
        bench.Receive({WorkerBench::UdpFrame(WorkerBench::ClientPath(client),
                                             Concat(WorkerBench::ClientHello({}), foreign))});
    EXPECT_EQ(bench.drops(SL_DROP_OTHER_OWNER), bench.events(SL_COUNTER_ANSWERED));
    EXPECT_GT(bench.drops(SL_DROP_OTHER_OWNER), 0u);
}

TEST(WorkerFind, ForwardsRecordsOfAHandshakeAndDropsEarlyData)
{
    WorkerBench bench;
    sl_path path = WorkerBench::ClientPath(1);
    uint64_t handle = bench.BeginHandshake(path);
    ASSERT_NE(handle, 0u);
    Bytes finished = {22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 24};
    finished.resize(13 + 24);
    Bytes early = finished;
    early[0] = 23;
    Bytes epoch2 = finished;
    epoch2[4] = 2;
    bench.Receive({WorkerBench::UdpFrame(path, finished), WorkerBench::UdpFrame(path, early),
                   WorkerBench::UdpFrame(path, epoch2)});
    auto messages = bench.ToHandshaker();
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_EQ(messages[0].session, handle);
    EXPECT_EQ(bench.drops(SL_DROP_EARLY_DATA), 1u);
    EXPECT_EQ(bench.drops(SL_DROP_EPOCH), 1u);
}

TEST(WorkerFind, IgnoresAPlaintextAlertOnceThereAreKeys)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), false);
    const Bytes alert = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40};
    bench.Receive({WorkerBench::UdpFrame(peer.path, alert)});
    EXPECT_EQ(bench.drops(SL_DROP_PLAINTEXT_ALERT), 1u);
    EXPECT_EQ(bench.sessions(), 1u);
}

// Flight 5 of a client that has not got our last flight, RFC 6347 4.2.4: of epoch 0 and without
// CID.
TEST(WorkerFind, KnowsARepeatedFlightOfAClientWithAConnectionIdUntilItSpeaks)
{
    WorkerBench bench;
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    bench.ToHandshaker();
    Bytes key_exchange = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 12, 16};
    key_exchange.resize(13 + 12);
    bench.Receive({WorkerBench::UdpFrame(peer.path, key_exchange)});
    auto messages = bench.ToHandshaker();
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_EQ(messages[0].kind, SL_MESSAGE_REPEAT);
    EXPECT_EQ(messages[0].session, peer.handle);

    Bytes without_cid = {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0, 32};
    without_cid.resize(13 + 32);
    bench.Receive({WorkerBench::UdpFrame(peer.path, without_cid)});
    EXPECT_EQ(bench.drops(SL_DROP_CID_EXPECTED), 1u);

    bench.now_ns += kSecond;
    bench.Receive(
        {WorkerBench::UdpFrame(peer.path, bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, {1}))});
    bench.Receive({WorkerBench::UdpFrame(peer.path, key_exchange)});
    EXPECT_TRUE(bench.ToHandshaker().empty());
    EXPECT_EQ(bench.drops(SL_DROP_UNKNOWN_PEER), 1u);
}

TEST(WorkerFind, ExpectsTheConnectionIdThatWasNegotiated)
{
    WorkerBench bench;
    Peer peer;
    peer.path = WorkerBench::ClientPath(1);
    peer.handle = bench.BeginHandshake(peer.path);
    peer.own_cid = {}; // a peer that leaves the CID out although it was negotiated
    bench.GiveKeys(peer, true);
    Bytes record = bench.Seal(peer, SL_CONTENT_HANDSHAKE, {20, 0, 0, 0});
    bench.Receive({WorkerBench::UdpFrame(peer.path, record)});
    EXPECT_EQ(bench.drops(SL_DROP_CID_EXPECTED), 1u);
}

// A record that waits in the burst may end the session that a later one was found for.
TEST(WorkerFind, ARecordBehindAFullBurstThatEndsItsSessionIsDropped)
{
    WorkerBench bench;
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), false);
    std::vector<Bytes> frames;
    for (int i = 0; i < 2; i++) {
        Bytes datagram;
        for (int k = 0; k < SL_RECORDS_PER_DATAGRAM_MAX - i; k++)
            datagram = Concat(datagram, bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, {1}));
        if (i == 1)
            datagram = Concat(datagram, bench.Seal(peer, SL_CONTENT_ALERT, {1, 0}));
        frames.push_back(WorkerBench::UdpFrame(peer.path, datagram));
    }
    frames.push_back(
        WorkerBench::UdpFrame(peer.path, bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, {2})));
    bench.Receive(frames);
    EXPECT_EQ(bench.sessions(), 0u);
    EXPECT_EQ(bench.drops(SL_DROP_NO_CONSUMER), SL_BURST - 1u);
    EXPECT_EQ(bench.drops(SL_DROP_UNKNOWN_PEER), 1u);
}

TEST(WorkerFind, ASessionThatEndsInTheBurstIsNotTriedForItsSuccessorsRecords)
{
    WorkerBench bench;
    Peer old_peer = bench.Connect(WorkerBench::ClientPath(1), false, 1);
    bench.Receive({WorkerBench::UdpFrame(old_peer.path, WorkerBench::ClientHello({}, 2))});
    Bytes cookie = WorkerBench::CookieOf(bench.SentPayloads().at(0));
    Bytes protected_handshake = {22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 40};
    protected_handshake.resize(13 + 40);
    bench.ToHandshaker();
    bench.Receive(
        {WorkerBench::UdpFrame(old_peer.path, bench.Seal(old_peer, SL_CONTENT_ALERT, {1, 0})),
         WorkerBench::UdpFrame(old_peer.path, WorkerBench::ClientHello(cookie, 2, 1, 1)),
         WorkerBench::UdpFrame(old_peer.path, protected_handshake)});
    EXPECT_EQ(bench.sessions(), 0u);
    EXPECT_EQ(bench.half_open(), 1u);
    auto messages = bench.ToHandshaker();
    ASSERT_EQ(messages.size(), 3u);
    EXPECT_EQ(messages[1].kind, SL_MESSAGE_CLOSED);
    EXPECT_EQ(messages[2].kind, SL_MESSAGE_RECORD);
    EXPECT_EQ(messages[2].session, messages[0].session);
}

// Frames stay as they came until the last of their records is delivered, whatever cannot be sent.
TEST(WorkerFind, KeepsTheFramesOfABurstWhoseClosesFindTheTransmitQueueFull)
{
    WorkerBench::Options options;
    options.sessions_max = 128;
    WorkerBench bench(options);
    Consumer consumer(0, 0, 0, 1 << 20);
    bench.Attach(consumer);
    std::vector<Peer> closing;
    for (uint32_t i = 0; i < 95; i++)
        closing.push_back(bench.Connect(WorkerBench::ClientPath(i), true));
    Peer peer = bench.Connect(WorkerBench::ClientPath(200), true);
    bench.transmit_limit = 0;
    for (int i = 0; i < SL_BURST; i++)
        consumer.Send(SL_RING_SEND, peer.handle, {1});
    bench.Turn(2);
    consumer.Receive();

    std::vector<Bytes> frames;
    Bytes datagram;
    for (size_t i = 0; i < closing.size(); i++) {
        datagram = Concat(datagram, bench.Seal(closing[i], SL_CONTENT_ALERT, {1, 0}));
        if (i + 1 == closing.size())
            datagram =
                Concat(datagram, bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, Bytes(64, 'd')));
        if ((i + 1) % SL_RECORDS_PER_DATAGRAM_MAX == 0 || i + 1 == closing.size())
            frames.push_back(WorkerBench::UdpFrame(peer.path, std::exchange(datagram, {})));
    }
    bench.Receive(frames);
    EXPECT_EQ(bench.sessions(), 1u);
    EXPECT_EQ(bench.drops(SL_DROP_SEND_PORT), 95u - SL_BURST);
    auto events = consumer.Receive();
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events.back().kind, SL_RING_DATA);
    EXPECT_EQ(events.back().payload, Bytes(64, 'd'));
}
