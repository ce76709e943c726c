// How a worker finds the way to the servers that it begins sessions with.
#include "connect_bench.h"

using namespace sluice;

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

TEST(WorkerConnect, ANextHopThatCanNotBeAskedForIsGivenUpAfterTwoSeconds)
{
    for (bool is_dry : {true, false}) {
        ConnectBench bench;
        const sl_path stranger = ConnectBench::ClientPath(3);
        bench.blocked.insert(0);
        bench.Receive({WorkerBench::UdpFrame(stranger, WorkerBench::ClientHello({}))});
        if (is_dry) {
            bench.blocked.clear();
            bench.frames_of[0] = 0;
        }
        bench.FindHop(7, 0);
        bench.Turn(1990); // a millisecond each
        EXPECT_TRUE(bench.Told<sl_message_hop>(SL_MESSAGE_HOP).empty());
        bench.Turn(20);
        const auto told = bench.Told<sl_message_hop>(SL_MESSAGE_HOP);
        ASSERT_EQ(1u, told.size());
        EXPECT_FALSE(told[0].is_known);
    }
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
    uint32_t server = 0;
    while (sl_next_hop_worker(&WorkerBench::Servers().at(server), 2) != 1)
        server++;
    asking.FindHop(7, server);
    const Bytes answer = AnswerTo(asking.Sent().at(0));
    bench.Receive({answer});
    ASSERT_EQ(1u, bench.handed_over.size());
    EXPECT_EQ(1u, bench.handed_over[0].first);
    EXPECT_EQ(0u, bench.events(SL_COUNTER_RX_RECORDS)) << "it is counted where it ends";
    asking.TakeOver({bench.handed_over[0].second});
    EXPECT_EQ(1u, asking.Told<sl_message_hop>(SL_MESSAGE_HOP).size());
}

TEST(WorkerConnect, NextHopsThatNobodyWaitsForMakeRoomForOthers)
{
    ConnectBench bench;
    const auto neighbour = [](uint8_t i) {
        const uint8_t v4[] = {198, 18, 7, i};
        return sl_ip_from_v4(v4);
    };
    for (uint8_t i = 0; i < SL_NEXT_HOPS_MAX; i++)
        bench.FindHop(1U + i, neighbour(i));
    bench.FindHop(SL_NEXT_HOPS_MAX + 1, neighbour(SL_NEXT_HOPS_MAX));
    auto told = bench.Told<sl_message_hop>(SL_MESSAGE_HOP);
    ASSERT_EQ(1u, told.size()) << "all are asked for";
    EXPECT_EQ(SL_NEXT_HOPS_MAX + 1u, told[0].attempt);
    EXPECT_FALSE(told[0].is_known);
    for (unsigned i = 0; i < 2300; i++) {
        bench.Turn(); // a millisecond
        bench.Sent();
    }
    EXPECT_EQ((size_t)SL_NEXT_HOPS_MAX, bench.Told<sl_message_hop>(SL_MESSAGE_HOP).size());
    bench.FindHop(SL_NEXT_HOPS_MAX + 2, neighbour(SL_NEXT_HOPS_MAX));
    const std::vector<Bytes> sent = bench.Sent();
    ASSERT_EQ(1u, sent.size());
    bench.Receive({AnswerTo(sent[0])});
    told = bench.Told<sl_message_hop>(SL_MESSAGE_HOP);
    ASSERT_EQ(1u, told.size());
    EXPECT_TRUE(told[0].is_known);
}
