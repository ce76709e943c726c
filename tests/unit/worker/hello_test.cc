#include <gtest/gtest.h>

#include "stranger.h"
#include "worker_bench.h"

using namespace sluice;

TEST(WorkerHello, AnswersWithACookieNoLongerThanTheRequestAndKeepsNothing)
{
    WorkerBench bench;
    sl_path path = WorkerBench::ClientPath(1);
    Bytes hello = WorkerBench::ClientHello({});
    bench.Receive({WorkerBench::UdpFrame(path, hello)});
    std::vector<Bytes> answers = bench.SentPayloads();
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_LE(answers[0].size(), hello.size());
    EXPECT_EQ(WorkerBench::CookieOf(answers[0]).size(), (size_t)SL_COOKIE_LEN);
    EXPECT_EQ(bench.half_open(), 0u);
    EXPECT_TRUE(bench.ToHandshaker().empty());
}

TEST(WorkerHello, TakesASlotForAValidCookieAndGoesOnFromItsRecordNumber)
{
    WorkerBench bench;
    sl_path path = WorkerBench::ClientPath(1, 40000, true);
    bench.Receive({WorkerBench::UdpFrame(path, WorkerBench::ClientHello({}))});
    Bytes cookie = WorkerBench::CookieOf(bench.SentPayloads().at(0));
    bench.Receive({WorkerBench::UdpFrame(path, WorkerBench::ClientHello(cookie, 1, 77, 1))});
    auto messages = bench.ToHandshaker();
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_EQ(messages[0].kind, SL_MESSAGE_RECORD);
    EXPECT_EQ(bench.half_open(), 1u);

    const Bytes parts = {SL_CONTENT_HANDSHAKE, 0, 0, 2, 2, 0};
    struct sl_message_send send;
    send.count = 1;
    send.bytes_len = (uint16_t)parts.size();
    bench.FromHandshaker(SL_MESSAGE_SEND, messages[0].session, &send, sizeof send, parts);
    bench.Turn();
    Bytes sent = bench.SentPayloads().at(0);
    EXPECT_EQ(sent[10], 77) << "RFC 6347 4.2.1";
}

TEST(WorkerHello, AWrongCookieIsAskedForAgain)
{
    WorkerBench bench;
    sl_path path = WorkerBench::ClientPath(1);
    bench.Receive({WorkerBench::UdpFrame(path, WorkerBench::ClientHello(Bytes(SL_COOKIE_LEN, 7)))});
    EXPECT_EQ(bench.events(SL_COUNTER_HELLO_VERIFY), 1u);
    EXPECT_EQ(bench.half_open(), 0u);
}

// RFC 6347 4.2.2: the client waits for the message that follows the first answer.
TEST(WorkerHello, AnAnswerHasTheNumberOfTheClientHelloThatItIsFor)
{
    WorkerBench bench;
    const sl_path path = WorkerBench::ClientPath(1);
    for (uint16_t seq : {0, 1, 2, 0x102}) {
        const Bytes cookie = seq == 0 ? Bytes() : Bytes(SL_COOKIE_LEN, 7);
        bench.Receive({WorkerBench::UdpFrame(path, WorkerBench::ClientHello(cookie, 1, 9, seq))});
        const Bytes answer = bench.SentPayloads().at(0);
        EXPECT_EQ(answer.at(10), 9) << "the record's";
        EXPECT_EQ(answer.at(SL_RECORD_HEADER_LEN + 4) << 8 | answer.at(SL_RECORD_HEADER_LEN + 5),
                  seq);
    }
}

TEST(WorkerHello, ACookieIsGoodForItsAddressOnly)
{
    WorkerBench bench;
    bench.Receive(
        {WorkerBench::UdpFrame(WorkerBench::ClientPath(1), WorkerBench::ClientHello({}))});
    Bytes cookie = WorkerBench::CookieOf(bench.SentPayloads().at(0));
    bench.Receive({WorkerBench::UdpFrame(WorkerBench::ClientPath(2),
                                         WorkerBench::ClientHello(cookie, 1, 1, 1))});
    EXPECT_EQ(bench.half_open(), 0u);
}

TEST(WorkerHello, NeverTakesMoreHandshakesThanAllowed)
{
    WorkerBench::Options options;
    options.half_open_max = 3;
    WorkerBench bench(options);
    for (uint32_t client = 0; client < 5; client++)
        bench.BeginHandshake(WorkerBench::ClientPath(client));
    EXPECT_EQ(bench.half_open(), 3u);
    EXPECT_EQ(bench.drops(SL_DROP_HALF_OPEN_LIMIT), 2u);
}

TEST(WorkerHello, CountsAFullTable)
{
    WorkerBench::Options options;
    options.sessions_max = 2;
    WorkerBench bench(options);
    for (uint32_t client = 0; client < 3; client++)
        bench.BeginHandshake(WorkerBench::ClientPath(client));
    EXPECT_EQ(bench.drops(SL_DROP_TABLE_FULL), 1u);
}

TEST(WorkerHello, ADuplicateOfTheHandshakesHelloGoesToThatHandshake)
{
    WorkerBench bench;
    sl_path path = WorkerBench::ClientPath(1);
    bench.Receive({WorkerBench::UdpFrame(path, WorkerBench::ClientHello({}))});
    Bytes cookie = WorkerBench::CookieOf(bench.SentPayloads().at(0));
    Bytes second = WorkerBench::UdpFrame(path, WorkerBench::ClientHello(cookie, 1, 1, 1));
    bench.Receive({second});
    bench.Receive({second});
    auto messages = bench.ToHandshaker();
    ASSERT_EQ(messages.size(), 2u);
    EXPECT_EQ(messages[0].session, messages[1].session);
    EXPECT_EQ(bench.half_open(), 1u);
    bench.Receive({WorkerBench::UdpFrame(path, WorkerBench::ClientHello({}))});
    EXPECT_EQ(bench.drops(SL_DROP_HELLO_DUPLICATE), 1u) << "a late copy of the first one";
}

TEST(WorkerHello, ADuplicateForAnEstablishedSessionIsDropped)
{
    WorkerBench bench;
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), false);
    bench.BeginHandshake(peer.path, 1);
    EXPECT_EQ(bench.drops(SL_DROP_HELLO_DUPLICATE), 1u);
    EXPECT_EQ(bench.sessions(), 1u);
}

// RFC 6347 4.2.8 is about sessions found by their 5-tuple: one with a CID lives on, wherever it is.
TEST(WorkerHello, AClientOnTheTupleOfASessionWithAConnectionIdLeavesThatAlone)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer old_peer = bench.Connect(WorkerBench::ClientPath(1), true, 1);
    bench.BeginHandshake(old_peer.path, 1);
    EXPECT_EQ(bench.drops(SL_DROP_HELLO_DUPLICATE), 1u) << "a late copy begins nothing";
    Peer new_peer = bench.Connect(old_peer.path, false, 2);
    EXPECT_EQ(bench.sessions(), 2u);
    consumer.Receive();
    bench.Receive({WorkerBench::UdpFrame(
        old_peer.path, bench.Seal(old_peer, SL_CONTENT_APPLICATION_DATA, {'o'}))});
    bench.Receive({WorkerBench::UdpFrame(
        new_peer.path, bench.Seal(new_peer, SL_CONTENT_APPLICATION_DATA, {'n'}))});
    EXPECT_EQ(consumer.Receive().size(), 2u);
}

// A second client at an address whose session with a CID has gone elsewhere.
TEST(WorkerHello, ATupleIsFreeOnceItsSessionHasMoved)
{
    WorkerBench::Options options;
    options.peer_moves = SL_PEER_MOVES_ACCEPT;
    WorkerBench bench(options);
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer peer = bench.Connect(WorkerBench::ClientPath(1), true, 1);
    Bytes finished(16);
    finished[0] = SL_HANDSHAKE_FINISHED;
    sl_path elsewhere = WorkerBench::ClientPath(2);
    bench.Receive(
        {WorkerBench::UdpFrame(elsewhere, bench.Seal(peer, SL_CONTENT_HANDSHAKE, finished))});
    EXPECT_EQ(bench.events(SL_COUNTER_MOVED), 1u);
    EXPECT_NE(bench.BeginHandshake(peer.path, 2), 0u);
    EXPECT_NE(bench.BeginHandshake(elsewhere, 3), 0u);
    EXPECT_EQ(bench.half_open(), 2u);
    EXPECT_EQ(bench.sessions(), 1u);
}

TEST(WorkerHello, AnotherRandomOnAHalfOpenTupleReplacesTheHandshake)
{
    WorkerBench bench;
    sl_path path = WorkerBench::ClientPath(1);
    uint64_t first = bench.BeginHandshake(path, 1);
    bench.Receive({WorkerBench::UdpFrame(path, WorkerBench::ClientHello({}, 2))});
    Bytes cookie = WorkerBench::CookieOf(bench.SentPayloads().at(0));
    bench.Receive({WorkerBench::UdpFrame(path, WorkerBench::ClientHello(cookie, 2, 1, 1))});
    auto messages = bench.ToHandshaker();
    ASSERT_EQ(messages.size(), 2u);
    EXPECT_EQ(messages[0].kind, SL_MESSAGE_CLOSED);
    EXPECT_EQ(messages[0].session, first);
    EXPECT_NE(messages[1].session, first);
    EXPECT_EQ(bench.half_open(), 1u);
}

TEST(WorkerHello, ARestartedClientReplacesItsOldSessionOnlyWhenEstablished)
{
    WorkerBench bench;
    Consumer consumer(0, 0, 0);
    bench.Attach(consumer);
    Peer old_peer = bench.Connect(WorkerBench::ClientPath(1), false, 1);
    consumer.Receive();

    Peer new_peer;
    new_peer.path = old_peer.path;
    new_peer.handle = bench.BeginHandshake(new_peer.path, 2);
    ASSERT_NE(new_peer.handle, 0u);
    ASSERT_NE(new_peer.handle, old_peer.handle);

    // The old session still works, and a record that is not its own goes to the new handshake.
    bench.Receive({WorkerBench::UdpFrame(
        old_peer.path, bench.Seal(old_peer, SL_CONTENT_APPLICATION_DATA, {'o', 'l', 'd'}))});
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].payload, (Bytes{'o', 'l', 'd'}));
    Bytes foreign = {22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 40};
    foreign.resize(13 + 40);
    bench.Receive({WorkerBench::UdpFrame(old_peer.path, foreign)});
    auto messages = bench.ToHandshaker();
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_EQ(messages[0].session, new_peer.handle);
    auto *record = reinterpret_cast<const sl_message_record *>(messages[0].body.data());
    EXPECT_EQ(Bytes(record->bytes, record->bytes + record->bytes_len), foreign)
        << "trying the old keys did not spoil it";

    bench.GiveKeys(new_peer, false);
    bench.Establish(new_peer);
    events = consumer.Receive();
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[0].kind, SL_RING_CLOSE);
    EXPECT_EQ(events[0].detail, SL_CLOSE_REPLACED);
    EXPECT_EQ(events[0].session, old_peer.handle);
    EXPECT_EQ(events[1].kind, SL_RING_OPEN);
    EXPECT_EQ(events[1].session, new_peer.handle);
    bench.Receive({WorkerBench::UdpFrame(
        new_peer.path, bench.Seal(new_peer, SL_CONTENT_APPLICATION_DATA, {'n'}))});
    EXPECT_EQ(consumer.Receive().size(), 1u);
    EXPECT_EQ(bench.sessions(), 1u);
}

TEST(WorkerHello, ALaterFragmentNeedsAHandshake)
{
    WorkerBench bench;
    Bytes hello = WorkerBench::ClientHello({});
    Bytes fragment(hello.begin(), hello.begin() + 25);
    fragment.insert(fragment.end(), 10, 0);
    fragment[12] = 22;  // record length
    fragment[16] = 200; // message length
    fragment[21] = 190; // fragment offset
    fragment[24] = 10;  // fragment length
    sl_path path = WorkerBench::ClientPath(1);
    bench.Receive({WorkerBench::UdpFrame(path, fragment)});
    EXPECT_EQ(bench.drops(SL_DROP_HELLO_FRAGMENT), 1u);
    bench.BeginHandshake(path);
    bench.Receive({WorkerBench::UdpFrame(path, fragment)});
    EXPECT_EQ(bench.ToHandshaker().size(), 1u);
}

TEST(WorkerHello, AnswersToStrangersAreDroppedFirstWhenTheTransmitQueueIsFull)
{
    WorkerBench bench;
    bench.transmit_limit = 1;
    std::vector<Bytes> hellos;
    for (uint32_t client = 0; client < 4; client++)
        hellos.push_back(
            WorkerBench::UdpFrame(WorkerBench::ClientPath(client), WorkerBench::ClientHello({})));
    bench.Receive(hellos); // one is sent, three wait
    bench.Receive(hellos);
    EXPECT_EQ(bench.drops(SL_DROP_ANSWER_NO_BUFFER), 4u);
    bench.Receive({Arp(WorkerBench::ClientPath(0)), Ping(WorkerBench::ClientPath(0))});
    EXPECT_EQ(bench.drops(SL_DROP_ANSWER_NO_BUFFER), 6u);
    bench.transmit_limit = UINT32_MAX;
    bench.Turn();
    EXPECT_EQ(bench.Sent().size(), 4u);
}

TEST(WorkerHello, CountsRecordsThatTheHandshakersRingDidNotTake)
{
    WorkerBench::Options options;
    options.handshaker_ring = 4096;
    WorkerBench bench(options);
    sl_path path = WorkerBench::ClientPath(1);
    bench.Receive({WorkerBench::UdpFrame(path, WorkerBench::ClientHello({}))});
    Bytes cookie = WorkerBench::CookieOf(bench.SentPayloads().at(0));
    Bytes second = WorkerBench::UdpFrame(path, WorkerBench::ClientHello(cookie, 1, 1, 1));
    bench.Receive(std::vector<Bytes>(64, second));
    EXPECT_GT(bench.drops(SL_DROP_HANDSHAKE_FULL), 0u);
}

TEST(WorkerHello, RefusesAMalformedHello)
{
    WorkerBench bench;
    Bytes hello = WorkerBench::ClientHello({});
    hello[13 + 12 + 2 + 32] = 33; // session ID too long
    bench.Receive({WorkerBench::UdpFrame(WorkerBench::ClientPath(1), hello)});
    EXPECT_EQ(bench.drops(SL_DROP_CLIENT_HELLO), 1u);
    EXPECT_TRUE(bench.Sent().empty());
}

// It could be used to send more to a victim than the attacker sends.
TEST(WorkerHello, AnswersTheShortestHelloThatThereIsWithNoMore)
{
    WorkerBench bench;
    for (size_t len = 0; len < 100; len++) {
        Bytes fragment = WorkerBench::ClientHello({}); // its first fragment, of so many bytes
        fragment[SL_RECORD_HEADER_LEN + 3] = 200;
        fragment.resize(SL_RECORD_HEADER_LEN + SL_HANDSHAKE_HEADER_LEN + len);
        fragment[SL_RECORD_HEADER_LEN - 1] = (uint8_t)(SL_HANDSHAKE_HEADER_LEN + len);
        fragment[SL_RECORD_HEADER_LEN + SL_HANDSHAKE_HEADER_LEN - 1] = (uint8_t)len;
        bench.Receive({WorkerBench::UdpFrame(WorkerBench::ClientPath(1), fragment)});
        std::vector<Bytes> answers = bench.SentPayloads();
        EXPECT_EQ(answers.size(), fragment.size() >= SL_CLIENT_HELLO_START_LEN ? 1u : 0u);
        for (const Bytes &answer : answers)
            EXPECT_LE(answer.size(), fragment.size());
    }
}
