// Who may come in: the lists of prefixes, in force at the start and replaced at run time.
#include <gtest/gtest.h>

#include "stranger.h"
#include "worker_bench.h"

using namespace sluice;

namespace
{

// Rules with lists: "+198.18.0.0/15" is allowed, "-203.0.113.0/24" denied.
class Rules
{
  public:
    explicit Rules(const std::vector<std::string> &lines)
    {
        std::vector<sl_access_rule> list;
        for (const std::string &line : lines) {
            sl_access_rule rule{};
            rule.is_allowed = line[0] == '+';
            EXPECT_EQ(sl_prefix_parse(line.c_str() + 1, &rule.prefix), SL_PREFIX_SOUND) << line;
            list.push_back(rule);
        }
        unsigned conflict;
        EXPECT_EQ(sl_access_create(list.data(), (unsigned)list.size(), &access, &conflict), 0);
        rules.access = access;
    }
    ~Rules()
    {
        sl_access_destroy(access);
    }
    sl_access *access = nullptr;
    sl_admission_rules rules{};
};

std::string AddressOf(const sl_path &path)
{
    sl_prefix prefix = sl_prefix_of(&path.tuple.remote_ip, 32, 128);
    char text[SL_PREFIX_TEXT_LEN];
    sl_prefix_print(&prefix, text);
    return text;
}

Bytes Hello(const sl_path &path)
{
    return WorkerBench::UdpFrame(path, WorkerBench::ClientHello({}));
}

Bytes Data(WorkerBench &bench, Peer &peer, const sl_path &path, uint8_t byte = 1)
{
    return WorkerBench::UdpFrame(path, bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, {byte}));
}

const sl_path good = WorkerBench::ClientPath(1), bad = WorkerBench::ClientPath(2);

} // namespace

TEST(WorkerGate, AStrangerWhoIsDeniedGetsNoAnswerAndNoSlot)
{
    Rules deny({"-" + AddressOf(bad)});
    WorkerBench::Options options;
    options.admission = &deny.rules;
    WorkerBench bench(options);
    bench.Receive({Hello(bad), Ping(bad)});
    EXPECT_TRUE(bench.Sent().empty());
    EXPECT_EQ(bench.drops(SL_DROP_DENIED), 2u);
    bench.Receive({Hello(good), Ping(good)});
    EXPECT_EQ(bench.Sent().size(), 2u);
    EXPECT_NE(bench.BeginHandshake(good), 0u);
    EXPECT_EQ(bench.half_open(), 1u);
}

TEST(WorkerGate, AFloodOfTheDeniedTakesNoneOfTheWorkersTimeForOthers)
{
    Rules deny({"-" + AddressOf(bad)});
    WorkerBench::Options options;
    options.admission = &deny.rules;
    WorkerBench bench(options);
    bench.Receive(std::vector<Bytes>(640, Hello(bad)));
    EXPECT_EQ(bench.drops(SL_DROP_DENIED), 640u);
    bench.Receive(std::vector<Bytes>(32, Hello(good)));
    EXPECT_EQ(bench.Sent().size(), 32u);
}

// The first record of a datagram is looked at early; one behind it must not get past.
TEST(WorkerGate, AClientHelloBehindAnotherRecordIsDeniedToo)
{
    Rules deny({"-" + AddressOf(bad)});
    WorkerBench::Options options;
    options.admission = &deny.rules;
    WorkerBench bench(options);
    Bytes datagram = {SL_CONTENT_ALERT, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0};
    const Bytes hello = WorkerBench::ClientHello({});
    datagram.insert(datagram.end(), hello.begin(), hello.end());
    bench.Receive({WorkerBench::UdpFrame(bad, datagram)});
    EXPECT_EQ(bench.drops(SL_DROP_DENIED), 1u);
    EXPECT_TRUE(bench.Sent().empty());
}

TEST(WorkerGate, ACookieFromBeforeADenialIsWorthNothing)
{
    Rules deny({"-" + AddressOf(bad)});
    WorkerBench bench;
    bench.Receive({Hello(bad)});
    Bytes cookie = WorkerBench::CookieOf(bench.SentPayloads().at(0));
    bench.Admit(&deny.rules);
    bench.Receive({WorkerBench::UdpFrame(bad, WorkerBench::ClientHello(cookie, 1, 1, 1))});
    EXPECT_EQ(bench.drops(SL_DROP_DENIED), 1u);
    EXPECT_EQ(bench.half_open(), 0u);
}

// Those who are allowed may come through a router that is not on the list itself.
TEST(WorkerGate, WhoIsDeniedMayStillAskForOurMac)
{
    Rules allow({"+" + AddressOf(good)});
    WorkerBench::Options options;
    options.admission = &allow.rules;
    WorkerBench bench(options);
    bench.Receive({Arp(bad), Ping(bad)});
    EXPECT_EQ(bench.Sent().size(), 1u);
    EXPECT_EQ(bench.drops(SL_DROP_DENIED), 1u);
}

TEST(WorkerGate, RulesAreReplacedWholeAndControlHearsWhichOnesAreReadNow)
{
    Rules first({"-" + AddressOf(bad)}), second({"-" + AddressOf(good)});
    WorkerBench bench;
    for (const Rules *rules : {&first, &second}) {
        bench.Admit(&rules->rules);
        auto messages = bench.ToControl();
        ASSERT_EQ(messages.size(), 1u);
        EXPECT_EQ(messages[0].kind, SL_MESSAGE_ADMISSION_TAKEN);
        sl_message_admission body;
        memcpy(&body, messages[0].body.data(), sizeof body);
        EXPECT_EQ(body.rules, &rules->rules);
    }
    bench.Receive({Hello(bad), Hello(good)});
    EXPECT_EQ(bench.drops(SL_DROP_DENIED), 1u);
    EXPECT_EQ(bench.SentPayloads().size(), 1u);
}

TEST(WorkerGate, ADenialEndsSessionsAndHandshakesOfThePrefixAndNoOthers)
{
    Rules deny({"-" + AddressOf(bad)});
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer denied = bench.Connect(bad, true), other = bench.Connect(good, true);
    sl_path same_host = bad;
    same_host.tuple.remote_port++;
    bench.BeginHandshake(same_host, 7);
    consumer.Receive();
    bench.ToHandshaker();
    bench.Admit(&deny.rules);
    bench.Turn(4);
    EXPECT_EQ(bench.sessions(), 1u);
    EXPECT_EQ(bench.half_open(), 0u);
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].kind, SL_RING_CLOSE);
    EXPECT_EQ(events[0].detail, SL_CLOSE_DENIED);
    EXPECT_EQ(events[0].session, denied.handle);
    std::vector<Bytes> sent = bench.SentPayloads();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(bench.Open(denied, sent[0]).type, SL_CONTENT_ALERT) << "it hears a close_notify";
    EXPECT_EQ(bench.ToHandshaker().size(), 2u) << "both have been closed there";
    bench.Receive({Data(bench, other, good)});
    EXPECT_EQ(consumer.Receive().size(), 1u);
}

TEST(WorkerGate, ASessionNeverMovesToADeniedAddress)
{
    Rules deny({"-" + AddressOf(bad)});
    for (sl_peer_moves moves : {SL_PEER_MOVES_HOLD, SL_PEER_MOVES_ACCEPT}) {
        WorkerBench::Options options;
        options.peer_moves = moves;
        options.admission = &deny.rules;
        WorkerBench bench(options);
        Consumer consumer(0, 0, 0);
        bench.Attach(consumer);
        Peer peer = bench.Connect(good, true);
        consumer.Receive();
        bench.Receive({Data(bench, peer, bad)});
        EXPECT_EQ(bench.drops(SL_DROP_DENIED), 1u);
        EXPECT_EQ(bench.events(SL_COUNTER_MOVED) + bench.events(SL_COUNTER_MOVE_CANDIDATES), 0u);
        EXPECT_TRUE(consumer.Receive().empty());
        bench.Receive({Data(bench, peer, good)});
        EXPECT_EQ(consumer.Receive().size(), 1u) << "where it was it goes on";
    }
}

TEST(WorkerGate, ADenialDoesNotWaitForAPortThatIsSlow)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(good, true);
    for (uint16_t i = 0; i < 3; i++)
        bench.Connect(WorkerBench::ClientPath(2, (uint16_t)(41000 + i)), true, (uint8_t)(3 + i));
    consumer.Receive();
    bench.Sent();
    bench.transmit_limit = 0;
    for (unsigned i = 0; i < 100; i++)
        ASSERT_TRUE(consumer.Send(SL_RING_SEND, peer.handle, {1}));
    bench.Turn(3);
    Rules deny({"-" + AddressOf(bad)});
    bench.Admit(&deny.rules);
    bench.Turn(2);
    EXPECT_EQ(bench.sessions(), 1u);
    EXPECT_EQ(bench.drops(SL_DROP_SEND_PORT), 0u) << "there is room for their alerts";
    bench.transmit_limit = UINT32_MAX;
    bench.Turn();
    EXPECT_EQ(bench.Sent().size(), 32u + 3u + 32u);
}

TEST(WorkerGate, ADenialDoesNotWaitForAFrame)
{
    WorkerBench bench;
    bench.Connect(bad, true);
    bench.frames_of[0] = 0;
    Rules deny({"-" + AddressOf(bad)});
    bench.Admit(&deny.rules);
    bench.Turn(2);
    EXPECT_EQ(bench.sessions(), 0u);
}

TEST(WorkerGate, AnAddressThatIsDeniedBeforeItIsConfirmedIsForgotten)
{
    Rules deny({"-" + AddressOf(bad)});
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(good, true);
    bench.Receive({Data(bench, peer, bad)});
    EXPECT_EQ(bench.events(SL_COUNTER_MOVE_CANDIDATES), 1u);
    bench.Admit(&deny.rules);
    bench.Turn(4);
    consumer.Confirm(peer.handle, bad);
    bench.Turn();
    EXPECT_EQ(bench.events(SL_COUNTER_MOVED), 0u);
    EXPECT_EQ(bench.sessions(), 1u);
}
