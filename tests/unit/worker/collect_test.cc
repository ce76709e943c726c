// A burst of a consumer's entries, taken at once: order, refusals, and writers that do not stop.
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "worker_bench.h"

using namespace sluice;

namespace
{

struct WorkerCollect : testing::Test {
    WorkerBench bench;
    Consumer consumer{0, 0, 0};
    Peer peer;

    void SetUp() override
    {
        bench.Attach(consumer);
        peer = bench.Connect(WorkerBench::ClientPath(1), true);
        consumer.Receive();
    }

    void Send(uint8_t number)
    {
        ASSERT_TRUE(consumer.Send(SL_RING_SEND, peer.handle, Bytes(number, number)));
    }

    // The numbers of the messages that the peer got.
    std::vector<unsigned> Got()
    {
        std::vector<unsigned> got;
        for (const Bytes &payload : bench.SentPayloads()) {
            auto opened = bench.Open(peer, payload);
            EXPECT_TRUE(opened.ok);
            if (opened.type == SL_CONTENT_APPLICATION_DATA) {
                EXPECT_EQ(opened.plain, Bytes(opened.plain.size(), (uint8_t)opened.plain.size()));
                got.push_back((unsigned)opened.plain.size());
            } else {
                EXPECT_EQ(opened.type, SL_CONTENT_ALERT);
                got.push_back(0);
            }
        }
        return got;
    }
};

} // namespace

TEST_F(WorkerCollect, AsksForFramesByTheBurstWhenMessagesComeOneByOne)
{
    const unsigned before = bench.frame_requests;
    for (unsigned turn = 0; turn < 2 * SL_BURST; turn++) {
        Send(1);
        bench.Turn();
    }
    EXPECT_EQ(Got().size(), 2U * SL_BURST);
    EXPECT_LE(bench.frame_requests - before, 3U);
}

TEST_F(WorkerCollect, CopiesAMessageOfEveryLength)
{
    std::mt19937 random(1);
    for (size_t len = 0; len <= 1400; len += len < 320 ? 1 : 27) {
        Bytes plain(len);
        for (uint8_t &byte : plain)
            byte = (uint8_t)random();
        ASSERT_TRUE(consumer.Send(SL_RING_SEND, peer.handle, plain));
        bench.Turn();
        std::vector<Bytes> sent = bench.SentPayloads();
        ASSERT_EQ(sent.size(), 1u);
        ASSERT_EQ(bench.Open(peer, sent[0]).plain, plain);
    }
}

TEST(WorkerCollectLengths, AShortMessageThatAShortFrameDoesNotHoldIsRefused)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    bench.pool.set_tailroom(128 + 100 + 17); /* shorter than the pieces of the longest short one */
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    consumer.Receive();
    bench.SentPayloads();
    consumer.Send(SL_RING_SEND, peer.handle, Bytes(100, 1));
    consumer.Send(SL_RING_SEND, peer.handle, Bytes(101, 2));
    bench.Turn();
    const std::vector<Bytes> sent = bench.SentPayloads();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(bench.Open(peer, sent[0]).plain, Bytes(100, 1));
    EXPECT_EQ(bench.drops(SL_DROP_SEND_TOO_LARGE), 1u);
}

TEST(WorkerCollectLengths, AMessageThatNoFrameHoldsIsRefusedWhateverThePathTakes)
{
    WorkerBench::Options options;
    options.mtu = 15000;
    WorkerBench bench(options);
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    consumer.Receive();
    const size_t most = FramePool::kRoom - 128 - 17; /* headers before it, type and tag behind */
    consumer.Send(SL_RING_SEND, peer.handle, Bytes(most, 1));
    bench.Turn();
    consumer.Send(SL_RING_SEND, peer.handle, Bytes(most + 1, 2));
    bench.Turn();
    std::vector<Bytes> sent = bench.SentPayloads();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(bench.Open(peer, sent[0]).plain, Bytes(most, 1));
    EXPECT_EQ(bench.drops(SL_DROP_SEND_TOO_LARGE), 1u);
}

TEST(WorkerCollectLengths, AMoveToAPathWithLongerHeadersLeavesLessForAMessage)
{
    WorkerBench::Options options;
    options.peer_moves = SL_PEER_MOVES_ACCEPT;
    WorkerBench bench(options);
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    consumer.Receive();
    size_t most = 0;
    for (size_t len = 1380; len < 1472; len++) {
        consumer.Send(SL_RING_SEND, peer.handle, Bytes(len));
        bench.Turn();
        if (!bench.Sent().empty())
            most = len;
    }
    ASSERT_GT(most, 1400u);
    peer.path = WorkerBench::ClientPath(1, 40000, true);
    bench.Receive(
        {WorkerBench::UdpFrame(peer.path, bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, {1}))});
    for (size_t len : {most - 20, most - 19, most}) {
        consumer.Send(SL_RING_SEND, peer.handle, Bytes(len));
        bench.Turn();
        EXPECT_EQ(bench.Sent().size(), len == most - 20 ? 1u : 0u) << len;
    }
}

TEST_F(WorkerCollect, RefusedMessagesInABurstCostTheOthersNothing)
{
    Send(1);
    consumer.Send(SL_RING_SEND, peer.handle + 1, {1}); // of the next slot, which is free
    Send(2);
    consumer.Send(SL_RING_SEND, peer.handle, Bytes(1600));  // fits the frame, not the path
    consumer.Send(SL_RING_SEND, peer.handle, Bytes(13000)); // fits no frame
    consumer.Send(SL_RING_SEND, UINT64_MAX, {1});
    Send(3);
    bench.Turn();
    EXPECT_EQ(Got(), (std::vector<unsigned>{1, 2, 3}));
    std::vector<uint16_t> reasons;
    for (const Event &event : consumer.Receive())
        reasons.push_back(event.kind == SL_RING_REFUSED ? event.detail : 0);
    EXPECT_EQ(reasons, (std::vector<uint16_t>{SL_REFUSE_HANDLE, SL_REFUSE_TOO_LARGE,
                                              SL_REFUSE_TOO_LARGE, SL_REFUSE_HANDLE}));
    EXPECT_EQ(bench.events(SL_COUNTER_COLLECTED), 7u);
}

TEST_F(WorkerCollect, AMalformedEntryEndsTheBurstButNotWhatCameBeforeIt)
{
    Send(1);
    Send(2);
    consumer.Send(77, peer.handle, {1});
    Send(3);
    size_t frames = 0;
    for (int turn = 0; turn < 3; turn++) {
        bench.Turn();
        frames = bench.pool.in_use();
    }
    EXPECT_EQ(Got(), (std::vector<unsigned>{1, 2}));
    EXPECT_EQ(bench.drops(SL_DROP_SEND_MALFORMED), 1u);
    EXPECT_EQ(bench.events(SL_COUNTER_EVICTIONS), 1u);
    EXPECT_LE(frames, (size_t)SL_BURST) << "those of the burst are spare ones again";
}

TEST_F(WorkerCollect, ALengthThatCannotBeEndsTheBurstToo)
{
    Send(1);
    Send(2); // at 64
    Send(3); // at 128
    memset(consumer.send_data() + 128, 0xff, 4);
    bench.Turn();
    EXPECT_EQ(Got(), (std::vector<unsigned>{1, 2}));
    EXPECT_EQ(bench.drops(SL_DROP_SEND_MALFORMED), 1u);
    EXPECT_EQ(bench.events(SL_COUNTER_EVICTIONS), 1u);
}

TEST_F(WorkerCollect, ARequestKeepsItsPlaceAmongMessages)
{
    Send(1);
    Send(2);
    consumer.Send(SL_RING_CLOSE_SESSION, peer.handle);
    Send(3);
    bench.Turn();
    EXPECT_EQ(Got(), (std::vector<unsigned>{1, 2, 0})) << "0: the close_notify";
    EXPECT_EQ(bench.drops(SL_DROP_SEND_CLOSING) + bench.drops(SL_DROP_SEND_HANDLE), 1u);
}

TEST_F(WorkerCollect, ServesManyConsumersInOneBurst)
{
    Consumer second(1, 0, 0);
    bench.Attach(second);
    Peer other = bench.Connect(WorkerBench::ClientPath(2), true);
    for (uint8_t i = 0; i < 100; i++) {
        Send(i);
        ASSERT_TRUE(second.Send(SL_RING_SEND, other.handle, Bytes(i, i)));
    }
    bench.Turn(10);
    unsigned of_peer = 0, of_other = 0;
    for (const Bytes &payload : bench.SentPayloads()) {
        auto opened = bench.Open(peer, payload);
        bool is_peers = opened.ok;
        if (!is_peers)
            opened = bench.Open(other, payload);
        ASSERT_TRUE(opened.ok);
        ASSERT_EQ(opened.plain.size(), is_peers ? of_peer : of_other);
        (is_peers ? of_peer : of_other)++;
    }
    EXPECT_EQ(of_peer, 100u);
    EXPECT_EQ(of_other, 100u);
}

// Every 64 bytes of its ring could be an entry, and a thread of its own rewrites them all the time:
// handles that are its own or another consumer's, lengths of one or two units, right and wrong
// kinds.
TEST_F(WorkerCollect, EntriesThatAreRewrittenMeanwhileReachNoSessionOfAnother)
{
    Consumer second(1, 0, 0);
    bench.Attach(second);
    Peer other = bench.Connect(WorkerBench::ClientPath(2), true);
    uint64_t *words = reinterpret_cast<uint64_t *>(second.send_data());
    const uint64_t size = second.ring_size();
    bool stop = false;
    auto scribble = [&](uint64_t seed) {
        std::mt19937_64 random(seed);
        while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
            uint64_t *entry = words + random() % (size / 64) * 8;
            uint64_t len = random() % 2 == 0 ? 60 : 120;
            __atomic_store_n(entry, len | (uint64_t)SL_RING_SEND << 32, __ATOMIC_RELAXED);
            __atomic_store_n(entry + 1, random() % 2 == 0 ? other.handle : peer.handle,
                             __ATOMIC_RELAXED);
        }
    };
    for (uint64_t i = 0; i < size / 64; i++) {
        words[8 * i] = 60 | (uint64_t)SL_RING_SEND << 32;
        words[8 * i + 1] = other.handle;
    }
    std::thread thread(scribble, 1);
    unsigned of_other = 0;
    for (unsigned turn = 0; turn < 3000; turn++) {
        uint64_t published = second.send_words()->head;
        if (second.attachment()->send.tail == published)
            __atomic_store_n(&second.send_words()->head, published + size / 4, __ATOMIC_RELEASE);
        bench.Turn();
        for (const Bytes &payload : bench.SentPayloads()) {
            auto opened = bench.Open(other, payload);
            ASSERT_TRUE(opened.ok) << "sent to the session of the other consumer";
            ASSERT_TRUE(opened.plain.size() == 28 || opened.plain.size() == 88);
            of_other++;
        }
        second.Receive();
        if (bench.events(SL_COUNTER_EVICTIONS) > 0)
            break; // an entry of two units before the end of what was published, or of the ring
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    thread.join();
    EXPECT_GT(of_other, 0u);
    EXPECT_EQ(bench.sessions(), 2u);
}
