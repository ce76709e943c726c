#include <gtest/gtest.h>

#include "worker_bench.h"

using namespace sluice;

namespace
{

// Of clients from this one on.
std::vector<Bytes> Hellos(uint32_t first, unsigned count, const Bytes &cookie = {})
{
    std::vector<Bytes> frames;
    for (uint32_t client = first; client < first + count; client++)
        frames.push_back(WorkerBench::UdpFrame(WorkerBench::ClientPath(client),
                                               WorkerBench::ClientHello(cookie)));
    return frames;
}

// Bursts as long as can be, one a poll, until all the time is spent that a poll does not give.
void SpendAll(WorkerBench &bench, const Bytes &cookie = {})
{
    for (unsigned poll = 0; poll < 16; poll++)
        bench.Receive(Hellos(1000 + 32 * poll, 32, cookie));
    bench.Sent();
    ASSERT_GT(bench.drops(SL_DROP_HELLO_BUDGET), 0u);
}

} // namespace

TEST(WorkerSift, AnswersClientHellosThatComeAtOnceAndThenOneAPollWhileMoreWait)
{
    WorkerBench bench;
    for (unsigned poll = 0; poll < 8; poll++) {
        bench.Receive(Hellos(32 * poll, 32));
        EXPECT_EQ(bench.Sent().size(), 32u) << poll;
    }
    bench.Receive(Hellos(256, 32));
    EXPECT_EQ(bench.Sent().size(), 8u) << "one for each poll that was crowded";
    for (unsigned poll = 9; poll < 12; poll++) {
        bench.Receive(Hellos(32 * poll, 32));
        EXPECT_EQ(bench.Sent().size(), 1u) << poll;
    }
    EXPECT_EQ(bench.drops(SL_DROP_HELLO_BUDGET), 24u + 3 * 31);
    EXPECT_EQ(bench.CheckEquation(), "");
}

TEST(WorkerSift, AnswersAllAgainOnceItKeepsUp)
{
    WorkerBench bench;
    SpendAll(bench);
    bench.Receive(Hellos(0, 31));
    EXPECT_EQ(bench.Sent().size(), 1u) << "nothing more waits, but no time has gone by";
    bench.Receive(Hellos(0, 31));
    EXPECT_EQ(bench.Sent().size(), 31u);
}

TEST(WorkerSift, LetsClientsWithACookieInHoweverManyComeWithoutOne)
{
    WorkerBench bench;
    bench.Receive(Hellos(7, 1));
    Bytes cookie = WorkerBench::CookieOf(bench.SentPayloads().at(0));
    SpendAll(bench);
    std::vector<Bytes> crowd = Hellos(0, 31);
    crowd.push_back(Hellos(7, 1, cookie).at(0));
    bench.Receive(crowd);
    EXPECT_EQ(bench.half_open(), 1u);
}

TEST(WorkerSift, InventedCookiesAreCheckedOneAPollWhileMoreWait)
{
    WorkerBench bench;
    SpendAll(bench, Bytes(SL_COOKIE_LEN, 7));
    const uint64_t dropped = bench.drops(SL_DROP_HELLO_BUDGET);
    bench.Receive(Hellos(0, 32, Bytes(SL_COOKIE_LEN, 7)));
    EXPECT_EQ(bench.Sent().size(), 1u);
    EXPECT_EQ(bench.drops(SL_DROP_HELLO_BUDGET), dropped + 31);
}

TEST(WorkerSift, AnInventedCookieIsNoWayAroundTheTimeForAnswers)
{
    WorkerBench bench;
    SpendAll(bench);
    std::vector<Bytes> crowd = Hellos(0, 16), invented = Hellos(16, 16, Bytes(SL_COOKIE_LEN, 7));
    crowd.insert(crowd.end(), invented.begin(), invented.end());
    bench.Receive(crowd);
    EXPECT_EQ(bench.Sent().size(), 1u);
}

TEST(WorkerSift, DeliversTheRecordsBetweenClientHellosThatAreTooMany)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer with_cid = bench.Connect(WorkerBench::ClientPath(1), true);
    Peer without = bench.Connect(WorkerBench::ClientPath(2), false);
    SpendAll(bench);
    std::vector<Bytes> crowd = Hellos(100, 30);
    for (Peer *peer : {&with_cid, &without})
        crowd.insert(crowd.begin() + 20,
                     WorkerBench::UdpFrame(peer->path,
                                           bench.Seal(*peer, SL_CONTENT_APPLICATION_DATA, {'x'})));
    bench.Receive(crowd);
    EXPECT_EQ(bench.events(SL_COUNTER_DELIVERED), 2u);
    EXPECT_EQ(bench.CheckEquation(), "");
}

TEST(WorkerSift, AClientHelloBehindAnotherRecordPaysToo)
{
    WorkerBench bench;
    SpendAll(bench);
    const uint64_t dropped = bench.drops(SL_DROP_HELLO_BUDGET);
    std::vector<Bytes> crowd;
    for (uint32_t client = 0; client < 32; client++) {
        Bytes datagram = {SL_CONTENT_ALERT, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0};
        Bytes hello = WorkerBench::ClientHello({});
        datagram.insert(datagram.end(), hello.begin(), hello.end());
        crowd.push_back(WorkerBench::UdpFrame(WorkerBench::ClientPath(client), datagram));
    }
    bench.Receive(crowd);
    EXPECT_EQ(bench.Sent().size(), 1u);
    EXPECT_EQ(bench.drops(SL_DROP_HELLO_BUDGET), dropped + 31);
    EXPECT_EQ(bench.drops(SL_DROP_UNKNOWN_PEER), 32u);
}

TEST(WorkerSift, ALaterFragmentOfAHandshakeThatHasItsSlotPaysNothing)
{
    WorkerBench bench;
    sl_path path = WorkerBench::ClientPath(1);
    bench.BeginHandshake(path);
    Bytes hello = WorkerBench::ClientHello({});
    Bytes fragment(hello.begin(), hello.begin() + 25);
    fragment.insert(fragment.end(), 100, SL_COOKIE_LEN); // read as a first one: with a cookie
    fragment[12] = 112;                                  // record length
    fragment[16] = 250;                                  // message length
    fragment[21] = 140;                                  // fragment offset
    fragment[24] = 100;                                  // fragment length
    SpendAll(bench);
    SpendAll(bench, Bytes(SL_COOKIE_LEN, 7));
    bench.ToHandshaker();
    bench.Receive(std::vector<Bytes>(32, WorkerBench::UdpFrame(path, fragment)));
    EXPECT_EQ(bench.ToHandshaker().size(), 32u);
}

TEST(WorkerSift, HandsOverNoMoreClientHellosThanItWouldAnswer)
{
    WorkerBench::Options options;
    options.worker_count = 2;
    WorkerBench bench(options);
    SpendAll(bench);
    bench.handed_over.clear();
    for (unsigned poll = 0; poll < 8; poll++)
        bench.Receive(Hellos(32 * poll, 32));
    EXPECT_LE(bench.handed_over.size(), 8u);
}

TEST(WorkerSift, ClientHellosThatAreHandedOverPayHere)
{
    WorkerBench bench;
    SpendAll(bench);
    bench.TakeOver(Hellos(0, 32));
    EXPECT_EQ(bench.Sent().size(), 1u);
}

TEST(WorkerSift, AsksTheListForEightAPollWhileMoreWait)
{
    sl_access_rule everybody{};
    everybody.prefix.is_v4 = true;
    everybody.prefix.ip = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}};
    everybody.prefix.len = 96;
    sl_access *access;
    unsigned conflict;
    ASSERT_EQ(sl_access_create(&everybody, 1, &access, &conflict), 0);
    sl_admission_rules rules{};
    rules.access = access;
    WorkerBench::Options options;
    options.admission = &rules;
    {
        WorkerBench bench(options);
        for (unsigned poll = 0; poll < 100; poll++)
            bench.Receive(Hellos(32 * poll, 32));
        EXPECT_EQ(bench.Sent().size(), 0u);
        const uint64_t denied = bench.drops(SL_DROP_DENIED);
        const uint64_t dropped = bench.drops(SL_DROP_HELLO_BUDGET);
        bench.Receive(Hellos(0, 32));
        EXPECT_EQ(bench.drops(SL_DROP_DENIED), denied + 8);
        EXPECT_EQ(bench.drops(SL_DROP_HELLO_BUDGET), dropped + 24);
        bench.Turn();
        bench.Receive(Hellos(0, 31));
        EXPECT_EQ(bench.drops(SL_DROP_DENIED), denied + 8 + 31) << "it keeps up";
    }
    sl_access_destroy(access);
}
