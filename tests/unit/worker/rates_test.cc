// How much may come in: rates and shares, before the cookie and after it.
#include <gtest/gtest.h>

#include "stranger.h"
#include "worker_bench.h"

using namespace sluice;

namespace
{

std::vector<Bytes> Hellos(const sl_path &path, unsigned count)
{
    return std::vector<Bytes>(count, WorkerBench::UdpFrame(path, WorkerBench::ClientHello({})));
}

// From so many hosts of one network, or of as many networks.
std::vector<Bytes> HellosOf(uint32_t first, unsigned count)
{
    std::vector<Bytes> frames;
    for (uint32_t client = first; client < first + count; client++)
        frames.push_back(
            WorkerBench::UdpFrame(WorkerBench::ClientPath(client), WorkerBench::ClientHello({})));
    return frames;
}

WorkerBench::Options With(const sl_admission_rules &rules)
{
    WorkerBench::Options options;
    options.admission = &rules;
    return options;
}

// Handshakes that are begun by clients of one address, each from a port of its own.
unsigned Begin(WorkerBench &bench, uint32_t client, unsigned count, uint16_t first_port = 1000)
{
    unsigned begun = 0;
    for (unsigned i = 0; i < count; i++)
        begun +=
            bench.BeginHandshake(WorkerBench::ClientPath(client, (uint16_t)(first_port + i))) != 0;
    return begun;
}

} // namespace

TEST(WorkerRates, APrefixHasItsShareOfCookiesAndOthersHaveTheirs)
{
    sl_admission_rules rules{};
    rules.hellos_per_prefix = sl_rate_of(1, 5);
    WorkerBench bench(With(rules));
    bench.Receive(Hellos(WorkerBench::ClientPath(1), 20));
    EXPECT_EQ(bench.Sent().size(), 5u);
    EXPECT_EQ(bench.drops(SL_DROP_HELLO_RATE), 15u);
    bench.Receive(Hellos(WorkerBench::ClientPath(2), 3));
    EXPECT_EQ(bench.Sent().size(), 3u);
    bench.now_ns += 2 * kSecond;
    bench.Receive(Hellos(WorkerBench::ClientPath(1), 20));
    EXPECT_EQ(bench.Sent().size(), 2u) << "a flood under its name is over when it is over";
}

TEST(WorkerRates, ANetworkOfIPv6IsOnePrefix)
{
    sl_admission_rules rules{};
    rules.hellos_per_prefix = sl_rate_of(1, 5);
    WorkerBench bench(With(rules));
    std::vector<Bytes> hellos;
    for (uint8_t host = 1; host <= 20; host++) {
        sl_path path = WorkerBench::ClientPath(1, 40000, true);
        path.tuple.remote_ip.bytes[15] = host;
        hellos.push_back(WorkerBench::UdpFrame(path, WorkerBench::ClientHello({})));
    }
    bench.Receive(hellos);
    EXPECT_EQ(bench.Sent().size(), 5u);
}

TEST(WorkerRates, AllTogetherHaveARateToo)
{
    sl_admission_rules rules{};
    rules.hellos = sl_rate_of(1, 7);
    WorkerBench bench(With(rules));
    bench.Receive(HellosOf(1, 20));
    EXPECT_EQ(bench.Sent().size(), 7u);
    EXPECT_EQ(bench.drops(SL_DROP_HELLO_RATE), 13u);
}

// Whoever floods from one prefix does not use up what all have.
TEST(WorkerRates, WhatOnePrefixIsRefusedCostsTheOthersNothing)
{
    sl_admission_rules rules{};
    rules.hellos_per_prefix = sl_rate_of(1, 5);
    rules.hellos = sl_rate_of(1, 10);
    WorkerBench bench(With(rules));
    bench.Receive(Hellos(WorkerBench::ClientPath(1), 100));
    EXPECT_EQ(bench.Sent().size(), 5u);
    bench.Receive(HellosOf(2, 20));
    EXPECT_EQ(bench.Sent().size(), 5u);
}

// ClientHellos have a credit of the worker's time, too, and 640 are more than it is for.
TEST(WorkerRates, WhatAPrefixMayNotHaveTakesNoneOfTheWorkersTimeForOthers)
{
    sl_admission_rules rules{};
    rules.hellos_per_prefix = sl_rate_of(1, 5);
    WorkerBench bench(With(rules));
    bench.Receive(Hellos(WorkerBench::ClientPath(1), 640));
    EXPECT_EQ(bench.Sent().size(), 5u);
    EXPECT_EQ(bench.drops(SL_DROP_HELLO_BUDGET), 0u);
    bench.Receive(HellosOf(2, 32));
    EXPECT_EQ(bench.Sent().size(), 32u);
}

TEST(WorkerRates, WhoHandsOverAsksAndWhoTakesOverDoesNotAskAgain)
{
    sl_admission_rules rules{};
    rules.hellos_per_prefix = sl_rate_of(1, 5);
    WorkerBench::Options options = With(rules);
    options.worker_count = 2;
    WorkerBench bench(options);
    std::vector<Bytes> hellos, owned;
    for (uint16_t port = 1000; port < 1040; port++)
        hellos.push_back(
            WorkerBench::UdpFrame(WorkerBench::ClientPath(1, port), WorkerBench::ClientHello({})));
    bench.Receive(hellos);
    EXPECT_EQ(bench.Sent().size() + bench.handed_over.size(), 5u);
    EXPECT_GT(bench.handed_over.size(), 0u);

    WorkerBench owner(With(rules));
    owner.TakeOver(std::vector<Bytes>(hellos.begin(), hellos.begin() + 20));
    EXPECT_EQ(owner.Sent().size(), 20u);
}

TEST(WorkerRates, WhoHasACookieNeedsNoShareOfThem)
{
    sl_admission_rules rules{};
    rules.hellos = sl_rate_of(1, 1);
    rules.hellos_per_prefix = sl_rate_of(1, 1);
    WorkerBench bench(With(rules));
    sl_path path = WorkerBench::ClientPath(1);
    bench.Receive(Hellos(path, 1));
    Bytes cookie = WorkerBench::CookieOf(bench.SentPayloads().at(0));
    bench.Receive(Hellos(path, 100)); // under his name
    bench.Receive({WorkerBench::UdpFrame(path, WorkerBench::ClientHello(cookie, 1, 1, 1))});
    EXPECT_EQ(bench.half_open(), 1u);
}

TEST(WorkerRates, APrefixBeginsItsShareOfHandshakes)
{
    sl_admission_rules rules{};
    rules.handshakes_per_prefix = sl_rate_of(1, 5);
    WorkerBench bench(With(rules));
    EXPECT_EQ(Begin(bench, 1, 8), 5u);
    EXPECT_EQ(bench.drops(SL_DROP_HANDSHAKE_RATE), 3u);
    EXPECT_EQ(Begin(bench, 2, 3), 3u);
    bench.now_ns += 2 * kSecond;
    EXPECT_EQ(Begin(bench, 1, 8, 2000), 2u);
}

TEST(WorkerRates, APrefixHasSoManyHandshakesInFlightAndThoseThatEndMakeRoom)
{
    sl_admission_rules rules{};
    rules.handshakes_in_flight_per_prefix = 3;
    WorkerBench bench(With(rules));
    Peer peer;
    peer.path = WorkerBench::ClientPath(1, 999);
    peer.handle = bench.BeginHandshake(peer.path);
    uint64_t aborted = bench.BeginHandshake(WorkerBench::ClientPath(1, 998));
    EXPECT_EQ(Begin(bench, 1, 4), 1u);
    EXPECT_EQ(bench.drops(SL_DROP_HANDSHAKES_PER_PREFIX), 3u);
    EXPECT_EQ(Begin(bench, 2, 3), 3u);

    bench.GiveKeys(peer, true);
    bench.Establish(peer); // it is in flight no longer
    struct sl_message_abort abort = {};
    bench.FromHandshaker(SL_MESSAGE_ABORT, aborted, &abort, sizeof abort);
    bench.Turn();
    EXPECT_EQ(Begin(bench, 1, 4, 2000), 2u);
    bench.now_ns += 31 * kSecond; // all that are left time out
    bench.Turn(8);
    EXPECT_EQ(bench.half_open(), 0u);
    EXPECT_EQ(Begin(bench, 1, 4, 3000), 3u);
    EXPECT_EQ(bench.sessions(), 1u);
}

TEST(WorkerRates, ALimitThatIsLoweredHoldsFromThenOn)
{
    sl_admission_rules wide{}, narrow{};
    narrow.handshakes_in_flight_per_prefix = 2;
    WorkerBench bench(With(wide));
    EXPECT_EQ(Begin(bench, 1, 5), 5u);
    bench.Admit(&narrow);
    EXPECT_EQ(Begin(bench, 1, 1, 2000), 0u);
    EXPECT_EQ(bench.half_open(), 5u) << "those that are under way go on";
    EXPECT_EQ(Begin(bench, 2, 3), 2u);
}

TEST(WorkerRates, AnswersToPingsAndToWhoAsksForOurMacAreCountedApart)
{
    sl_admission_rules rules{};
    rules.echoes = sl_rate_of(1, 4);
    rules.neighbours = sl_rate_of(1, 6);
    WorkerBench bench(With(rules));
    const sl_path path = WorkerBench::ClientPath(1);
    bench.Receive(std::vector<Bytes>(10, Ping(path)));
    EXPECT_EQ(bench.Sent().size(), 4u);
    bench.Receive(std::vector<Bytes>(10, Arp(path)));
    EXPECT_EQ(bench.Sent().size(), 6u);
    EXPECT_EQ(bench.drops(SL_DROP_ANSWER_RATE), 10u);
    bench.now_ns += kSecond;
    bench.Receive({Ping(path), Arp(path)});
    EXPECT_EQ(bench.Sent().size(), 2u);
}

// It repeats its ClientHello, or anything that looks like a handshake's.
TEST(WorkerRates, OneHandshakeCannotFillTheRingToItsThread)
{
    WorkerBench bench;
    sl_path path = WorkerBench::ClientPath(1);
    bench.BeginHandshake(path);
    bench.ToHandshaker();
    Bytes record = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 5, 0, 10, SL_HANDSHAKE_CERTIFICATE};
    record.resize(SL_RECORD_HEADER_LEN + 10);
    const std::vector<Bytes> flood(300, WorkerBench::UdpFrame(path, record));
    bench.Receive(flood);
    const size_t first = bench.ToHandshaker().size();
    EXPECT_LE(first, 128u) << "more than a client with a long chain of certificates sends twice";
    EXPECT_GE(first, 100u);
    EXPECT_EQ(bench.drops(SL_DROP_HANDSHAKE_RECORDS), 300 - first);
    EXPECT_NE(bench.BeginHandshake(WorkerBench::ClientPath(2)), 0u);
    bench.now_ns += kSecond;
    bench.Receive(flood);
    EXPECT_NEAR((double)bench.ToHandshaker().size(), 64, 2) << "and so many a second";
}

TEST(WorkerRates, ProtectedHandshakeMessagesAreCountedWithTheOthers)
{
    WorkerBench bench;
    Peer peer;
    peer.path = WorkerBench::ClientPath(1);
    peer.handle = bench.BeginHandshake(peer.path);
    bench.GiveKeys(peer, false);
    std::vector<Bytes> flood;
    for (unsigned i = 0; i < 200; i++)
        flood.push_back(WorkerBench::UdpFrame(
            peer.path, bench.Seal(peer, SL_CONTENT_HANDSHAKE, {SL_HANDSHAKE_FINISHED})));
    bench.Receive(flood);
    EXPECT_GT(bench.drops(SL_DROP_HANDSHAKE_RECORDS), 50u);
}

TEST(WorkerRates, APrefixWithManyHandshakesLeavesHalfOfTheRingToOthers)
{
    WorkerBench::Options options;
    options.handshaker_ring = 1 << 14;
    WorkerBench bench(options);
    std::vector<Bytes> flood;
    Bytes record = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 5, 0, 10, SL_HANDSHAKE_CERTIFICATE};
    record.resize(SL_RECORD_HEADER_LEN + 10);
    for (uint16_t port = 1000; port < 1020; port++) {
        sl_path path = WorkerBench::ClientPath(1, port);
        EXPECT_NE(bench.BeginHandshake(path), 0u);
        for (unsigned i = 0; i < 20; i++)
            flood.push_back(WorkerBench::UdpFrame(path, record));
    }
    bench.ToHandshaker();
    bench.Receive(flood);
    EXPECT_GT(bench.drops(SL_DROP_HANDSHAKE_SHARE), 200u);
    EXPECT_EQ(bench.drops(SL_DROP_HANDSHAKE_FULL), 0u);
    EXPECT_NE(bench.BeginHandshake(WorkerBench::ClientPath(2)), 0u);
    EXPECT_EQ(bench.drops(SL_DROP_HANDSHAKE_FULL), 0u) << "there was room for it";
}
