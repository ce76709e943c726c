#include <gtest/gtest.h>

#include "worker_bench.h"

using namespace sluice;

TEST(WorkerConsumer, TellsOpenWithIdentityBeforeData)
{
    WorkerBench bench;
    Consumer consumer(3, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    bench.Receive({WorkerBench::UdpFrame(peer.path, bench.Seal(peer, 23, {1}))});
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[0].kind, SL_RING_OPEN);
    ASSERT_EQ(events[0].payload.size(), sizeof(sl_opened));
    EXPECT_STREQ(reinterpret_cast<const sl_opened *>(events[0].payload.data())->connection, "");
    EXPECT_EQ(reinterpret_cast<const sl_identity *>(events[0].payload.data())->cid_len, 8);
    EXPECT_EQ(events[1].kind, SL_RING_DATA);
}

namespace
{

struct Chain {
    explicit Chain(uint32_t len) : memory(sizeof(sl_peer_chain) + len, 0xc5)
    {
        get()->len = len;
    }
    sl_peer_chain *get()
    {
        return reinterpret_cast<sl_peer_chain *>(memory.data());
    }
    std::vector<uint8_t> memory;
};

Bytes behind_identity(const Event &event)
{
    return Bytes(event.payload.begin() + sizeof(sl_opened), event.payload.end());
}

} // namespace

TEST(WorkerConsumer, GetsThePeersChainWithTheOpenEventAndSoDoesItsSuccessor)
{
    WorkerBench bench;
    Consumer a(0, 0, 0), b(1, 0, 0);
    bench.Attach(a);
    Chain chain(3000);
    bench.chain = chain.get();
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    auto events = a.Receive();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].kind, SL_RING_OPEN);
    EXPECT_EQ(events[0].session, peer.handle);
    EXPECT_EQ(behind_identity(events[0]), Bytes(3000, 0xc5));
    bench.Detach(a);
    bench.Attach(b);
    bench.Receive({WorkerBench::UdpFrame(peer.path, bench.Seal(peer, 23, {1}))});
    events = b.Receive();
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(behind_identity(events[0]), Bytes(3000, 0xc5));
}

TEST(WorkerConsumer, GetsNoChainThatItsRingCouldNeverHold)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0, 1 << 16);
    bench.Attach(consumer);
    const uint32_t room = (1 << 14) - sizeof(sl_ring_entry) - sizeof(sl_opened);
    for (uint32_t len : {room, room + 1}) {
        Chain chain(len);
        bench.chain = chain.get();
        (void)bench.Connect(WorkerBench::ClientPath(len), true);
        auto events = consumer.Receive();
        ASSERT_EQ(events.size(), 1u);
        EXPECT_EQ(behind_identity(events[0]).size(), len == room ? len : 0);
    }
}

TEST(WorkerConsumer, LooksAtNoChainAfterTheHandshakerHasHeardOfTheEnd)
{
    WorkerBench bench;
    Consumer a(0, 0, 0);
    auto chain = std::make_unique<Chain>(500);
    bench.chain = chain->get();
    /* Nobody is there to be told of it: it would be told when somebody comes. */
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    bench.Receive({WorkerBench::UdpFrame(peer.path, bench.Seal(peer, 21, {1, 0}))});
    bench.Turn(5);
    memset(chain->memory.data(), 0xff, chain->memory.size()); /* freed, and somebody else's */
    bench.chain = nullptr;
    bench.Attach(a);
    bench.Turn(5);
    for (const Event &event : a.Receive())
        EXPECT_NE(event.kind, SL_RING_OPEN);
    (void)bench.Connect(WorkerBench::ClientPath(2), true);
    auto events = a.Receive();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].payload.size(), sizeof(sl_opened)) << "a slot that had one before";
}

TEST(WorkerConsumer, LeavesChecksumsToAPortThatComputesThem)
{
    for (uint16_t tx_flags : {0, SL_FRAME_TX_IP_CHECKSUM | SL_FRAME_TX_UDP_CHECKSUM}) {
        WorkerBench::Options options;
        options.tx_flags = tx_flags;
        WorkerBench bench(options);
        Consumer consumer(0, 0, 0);
        bench.Attach(consumer);
        for (bool v6 : {false, true}) {
            Peer peer = bench.Connect(WorkerBench::ClientPath(1 + v6, 40000, v6), true);
            bench.sums_left_to_port = 0;
            for (uint8_t i = 0; i < 40; i++)
                ASSERT_TRUE(consumer.Send(SL_RING_SEND, peer.handle, Bytes(1 + 30 * i, i)));
            bench.Turn(5);
            EXPECT_EQ(bench.SentPayloads().size(), 40u) << "and each parses, checksums included";
            EXPECT_EQ(bench.sums_left_to_port, tx_flags != 0 ? 40u : 0u);
        }
    }
}

TEST(WorkerConsumer, SealsWhatItSendsUnderFreshNumbers)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    for (bool with_cid : {true, false}) {
        Peer peer = bench.Connect(WorkerBench::ClientPath(with_cid), with_cid);
        for (uint8_t i = 0; i < 100; i++)
            ASSERT_TRUE(consumer.Send(SL_RING_SEND, peer.handle, Bytes(i, i)));
        bench.Turn(5);
        std::vector<Bytes> sent = bench.SentPayloads();
        ASSERT_EQ(sent.size(), 100u);
        for (uint8_t i = 0; i < 100; i++) {
            auto opened = bench.Open(peer, sent[i]);
            ASSERT_TRUE(opened.ok) << "record " << (int)i;
            EXPECT_EQ(opened.plain, Bytes(i, i));
        }
        consumer.Receive();
    }
}

TEST(WorkerConsumer, WithoutOneDataIsDroppedAndTheSessionLivesOn)
{
    WorkerBench bench;
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    bench.Receive({WorkerBench::UdpFrame(peer.path, bench.Seal(peer, 23, {1}))});
    EXPECT_EQ(bench.drops(SL_DROP_NO_CONSUMER), 1u);
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    bench.Turn(100);
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 1u) << "the sweep found it a consumer";
    EXPECT_EQ(events[0].kind, SL_RING_OPEN);
}

TEST(WorkerConsumer, HearsSoonOfSessionsThatHaveNoneAndHasThoseOfOneThatGoesAsSoon)
{
    WorkerBench::Options options;
    options.sessions_max = 4096;
    WorkerBench bench(options);
    bench.Connect(WorkerBench::ClientPath(1), true);
    Consumer a(0, 0, 0), b(1, 0, 0);
    auto run_for = [&](uint64_t us) {
        for (uint64_t i = 0; i < us / 10; i++) {
            bench.now_ns += 10000;
            sl_worker_turn(bench.worker(), bench.now_ns);
        }
    };
    bench.Attach(a);
    run_for(5000);
    EXPECT_EQ(a.Receive().size(), 1u);
    bench.Attach(b);
    run_for(5000);
    EXPECT_TRUE(b.Receive().empty());
    bench.Detach(a);
    run_for(5000);
    EXPECT_EQ(b.Receive().size(), 1u);
}

TEST(WorkerConsumer, SessionsOfAServiceAreSpreadAndStay)
{
    WorkerBench bench;
    Consumer a(0, 0, 0), b(1, 0, 0), other(2, 1, 0);
    bench.Attach(a);
    bench.Attach(b);
    bench.Attach(other);
    std::vector<Peer> peers;
    for (uint32_t i = 0; i < 10; i++)
        peers.push_back(bench.Connect(WorkerBench::ClientPath(i), true));
    EXPECT_EQ(a.Receive().size(), 5u);
    EXPECT_EQ(b.Receive().size(), 5u);
    for (int round = 0; round < 3; round++)
        for (Peer &peer : peers)
            bench.Receive({WorkerBench::UdpFrame(peer.path, bench.Seal(peer, 23, {1}))});
    EXPECT_EQ(a.Receive().size(), 15u);
    EXPECT_EQ(b.Receive().size(), 15u);
    EXPECT_TRUE(other.Receive().empty());
}

TEST(WorkerConsumer, ItsSessionsMoveToAnotherWhenItGoes)
{
    WorkerBench bench;
    Consumer a(0, 0, 0), b(1, 0, 0);
    bench.Attach(a);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    bench.Attach(b);
    bench.Detach(a);
    auto messages = bench.ToControl();
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_EQ(messages[0].kind, SL_MESSAGE_DETACHED);
    bench.Receive({WorkerBench::UdpFrame(peer.path, bench.Seal(peer, 23, {1}))});
    auto events = b.Receive();
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[0].kind, SL_RING_OPEN);
    EXPECT_EQ(events[1].kind, SL_RING_DATA);
}

TEST(WorkerConsumer, MayNotSendOnAHandleOfAnother)
{
    WorkerBench bench;
    Consumer a(0, 0, 0), b(1, 0, 0);
    bench.Attach(a);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    bench.Attach(b);
    for (uint64_t handle : {peer.handle, (uint64_t)0, UINT64_MAX, peer.handle + 1}) {
        b.Send(SL_RING_SEND, handle, {1});
        b.Send(SL_RING_CLOSE_SESSION, handle);
        b.Confirm(handle, WorkerBench::ClientPath(1));
    }
    bench.Turn(2);
    EXPECT_EQ(bench.drops(SL_DROP_SEND_HANDLE), 12u);
    auto events = b.Receive();
    ASSERT_EQ(events.size(), 12u);
    EXPECT_EQ(events[0].kind, SL_RING_REFUSED);
    EXPECT_EQ(events[0].detail, SL_REFUSE_HANDLE);
    EXPECT_EQ(bench.sessions(), 1u);
    EXPECT_TRUE(bench.Sent().empty());
}

TEST(WorkerConsumer, AMessageLargerThanThePathIsRefused)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    consumer.Receive();
    uint32_t overhead = sl_record_sealed_len(peer.epoch.get(), 0); // as long as ours: CIDs differ
    overhead = overhead - 8 + 5;
    consumer.Send(SL_RING_SEND, peer.handle, Bytes(1500 - 28 - overhead));
    consumer.Send(SL_RING_SEND, peer.handle, Bytes(1500 - 28 - overhead + 1));
    bench.Turn();
    EXPECT_EQ(bench.SentPayloads().size(), 1u);
    EXPECT_EQ(bench.drops(SL_DROP_SEND_TOO_LARGE), 1u);
}

TEST(WorkerConsumer, AMessageLargerThanTheClientTakesInARecordIsRefused)
{
    WorkerBench::Options options;
    options.plain_max = 512;
    WorkerBench bench(options);
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    consumer.Receive();
    consumer.Send(SL_RING_SEND, peer.handle, Bytes(512));
    consumer.Send(SL_RING_SEND, peer.handle, Bytes(513));
    bench.Turn();
    EXPECT_EQ(bench.SentPayloads().size(), 1u);
    EXPECT_EQ(bench.drops(SL_DROP_SEND_TOO_LARGE), 1u);
    EXPECT_EQ(consumer.Receive().at(0).detail, SL_REFUSE_TOO_LARGE);
}

TEST(WorkerConsumer, AFullRingDropsAndCountsAndOrderIsKept)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0, 4096);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    for (uint8_t i = 0; i < 200; i++)
        bench.Receive({WorkerBench::UdpFrame(peer.path, bench.Seal(peer, 23, Bytes(64, i)))});
    EXPECT_GT(bench.drops(SL_DROP_RING_FULL), 100u);
    auto events = consumer.Receive();
    EXPECT_EQ(events[0].kind, SL_RING_OPEN);
    for (size_t i = 2; i < events.size(); i++)
        EXPECT_EQ(events[i].payload[0], events[i - 1].payload[0] + 1);
    bench.Receive({WorkerBench::UdpFrame(peer.path, bench.Seal(peer, 23, {9}))});
    EXPECT_EQ(consumer.Receive().size(), 1u);
}

TEST(WorkerConsumer, AnIndexOutOfRangeEvictsThatConsumerAndNobodyElse)
{
    WorkerBench bench;
    Consumer bad(0, 0, 0), good(1, 1, 0);
    bench.Attach(bad);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    bench.Attach(good);
    bad.receive_words()->tail = UINT64_MAX - 4096;
    for (int i = 0; i < 2000; i++)
        bench.Receive({WorkerBench::UdpFrame(peer.path, bench.Seal(peer, 23, Bytes(100)))});
    auto messages = bench.ToControl();
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_EQ(messages[0].kind, SL_MESSAGE_EVICT);
    EXPECT_EQ(bench.events(SL_COUNTER_EVICTIONS), 1u);
    EXPECT_GT(bench.drops(SL_DROP_NO_CONSUMER), 0u);
    EXPECT_EQ(bench.sessions(), 1u);
}

TEST(WorkerConsumer, ScribblesInItsSendRingCostItOnlyItsRings)
{
    for (unsigned seed = 0; seed < 200; seed++) {
        WorkerBench bench;
        Consumer bad(0, 0, 0, 4096);
        bench.Attach(bad);
        Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
        srand(seed);
        for (int i = 0; i < 20; i++) {
            bad.Send(SL_RING_SEND, peer.handle, Bytes((size_t)(rand() % 200)));
            if (rand() % 3 == 0)
                bad.send_data()[rand() % 4096] = (uint8_t)rand();
            if (rand() % 20 == 0)
                bad.send_words()->head = (uint64_t)rand() << (rand() % 40);
            bench.Turn();
        }
        EXPECT_EQ(bench.sessions() + bench.events(SL_COUNTER_SESSIONS_CLOSED), 1u);
    }
}

TEST(WorkerConsumer, AMalformedEntryIsCountedAndEvicts)
{
    WorkerBench bench;
    Consumer bad(0, 0, 0);
    bench.Attach(bad);
    bad.Send(77, 1, {1});
    bench.Turn();
    EXPECT_EQ(bench.drops(SL_DROP_SEND_MALFORMED), 1u);
    EXPECT_EQ(bench.ToControl().at(0).kind, SL_MESSAGE_EVICT);
}

TEST(WorkerConsumer, WhileTheTransmitQueueIsFullNothingIsCollected)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    bench.transmit_limit = 3;
    for (int i = 0; i < 100; i++)
        consumer.Send(SL_RING_SEND, peer.handle, {(uint8_t)i});
    bench.Turn(10);
    EXPECT_EQ(bench.events(SL_COUNTER_COLLECTED), (uint64_t)SL_BURST);
    EXPECT_GT(bench.events(SL_COUNTER_TX_BUSY), 0u);
    bench.transmit_limit = UINT32_MAX;
    bench.Turn(10);
    std::vector<Bytes> sent = bench.SentPayloads();
    ASSERT_EQ(sent.size(), 100u);
    for (size_t i = 0; i < 100; i++)
        EXPECT_EQ(bench.Open(peer, sent[i]).plain, Bytes{(uint8_t)i}) << "in order";
}

TEST(WorkerConsumer, WithoutBuffersMessagesWaitInTheirRing)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    bench.pool.set_capacity(0);
    for (int i = 0; i < 70; i++)
        consumer.Send(SL_RING_SEND, peer.handle, {(uint8_t)i});
    bench.Turn(10);
    bench.pool.set_capacity(1000);
    bench.Turn(10);
    EXPECT_EQ(bench.SentPayloads().size(), 70u);
}

TEST(WorkerConsumer, OneThatSleepsIsWokenOnceForATurnAndAgainLater)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    uint64_t before = bench.events(SL_COUNTER_WAKEUPS);
    consumer.receive_words()->sleeping = 1;
    for (uint64_t i = 1; i <= 3; i++) {
        bench.Receive({WorkerBench::UdpFrame(peer.path, bench.Seal(peer, 23, {1})),
                       WorkerBench::UdpFrame(peer.path, bench.Seal(peer, 23, {2}))});
        EXPECT_EQ(bench.events(SL_COUNTER_WAKEUPS), before + i);
    }
    bench.Turn(10);
    EXPECT_EQ(bench.events(SL_COUNTER_WAKEUPS), before + 3) << "nothing new, nobody to wake";
}

TEST(WorkerConsumer, OneThatNeverReadsItsWakeUpsIsNotTriedAgainWithoutNews)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true);
    consumer.receive_words()->sleeping = 1;
    for (uint64_t woken = ~0ULL; woken != bench.events(SL_COUNTER_WAKEUPS);) {
        woken = bench.events(SL_COUNTER_WAKEUPS);
        consumer.Receive();
        bench.Receive({WorkerBench::UdpFrame(peer.path, bench.Seal(peer, 23, {1}))});
    }
    uint64_t last_try = consumer.wake_gate().next_ns;
    bench.Turn(100);
    EXPECT_EQ(consumer.wake_gate().next_ns, last_try) << "a system call for nothing";
    bench.Receive({WorkerBench::UdpFrame(peer.path, bench.Seal(peer, 23, {1}))});
    EXPECT_GT(consumer.wake_gate().next_ns, last_try);
}
