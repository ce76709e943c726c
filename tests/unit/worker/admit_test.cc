#include <gtest/gtest.h>

#include "worker_bench.h"

using namespace sluice;

namespace
{

class WorkerAdmit : public ::testing::Test
{
  protected:
    void Use(sl_peer_moves moves)
    {
        WorkerBench::Options options;
        options.peer_moves = moves;
        bench.reset(new WorkerBench(options));
        bench->Attach(consumer);
        peer = bench->Connect(WorkerBench::ClientPath(1), true);
        consumer.Receive();
        moved = peer.path;
        moved.tuple.remote_port = 51000;
        moved.hop.mac[5] = 0x77;
    }
    Bytes Data(const Bytes &plain)
    {
        return bench->Seal(peer, SL_CONTENT_APPLICATION_DATA, plain);
    }
    // The UDP destination port of the only frame sent.
    uint16_t SentTo()
    {
        std::vector<Bytes> sent = bench->Sent();
        return sent.size() == 1 ? (uint16_t)(sent[0][36] << 8 | sent[0][37]) : (uint16_t)0;
    }
    Consumer consumer{0, 0, 0};
    std::unique_ptr<WorkerBench> bench;
    Peer peer;
    sl_path moved;
};

} // namespace

TEST_F(WorkerAdmit, DeliversAPayloadOnceAndCountsItsCopy)
{
    Use(SL_PEER_MOVES_HOLD);
    Bytes frame = WorkerBench::UdpFrame(peer.path, Data({'h', 'i'}));
    bench->Receive({frame, frame});
    bench->Receive({frame});
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].kind, SL_RING_DATA);
    EXPECT_EQ(events[0].session, peer.handle);
    EXPECT_EQ(events[0].payload, (Bytes{'h', 'i'}));
    EXPECT_EQ(bench->drops(SL_DROP_REPLAY), 2u);
}

TEST_F(WorkerAdmit, AForgedRecordChangesNothing)
{
    Use(SL_PEER_MOVES_HOLD);
    Bytes record = Data({'h', 'i'});
    Bytes forged = record;
    forged.back() ^= 1;
    bench->Receive({WorkerBench::UdpFrame(moved, forged)});
    EXPECT_EQ(bench->drops(SL_DROP_AUTH), 1u);
    EXPECT_TRUE(consumer.Receive().empty());
    EXPECT_EQ(bench->events(SL_COUNTER_MOVE_CANDIDATES), 0u);
    bench->Receive({WorkerBench::UdpFrame(peer.path, record)});
    EXPECT_EQ(consumer.Receive().size(), 1u) << "the window did not move";
}

TEST_F(WorkerAdmit, AnswersToTheMacTheSessionWasConfirmedWith)
{
    Use(SL_PEER_MOVES_HOLD);
    sl_path other_mac = peer.path;
    other_mac.hop.mac[5] = 0x99;
    bench->Receive({WorkerBench::UdpFrame(other_mac, Data({1}))});
    ASSERT_EQ(consumer.Receive().size(), 1u);
    consumer.Send(SL_RING_SEND, peer.handle, {2});
    bench->Turn();
    std::vector<Bytes> sent = bench->Sent();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0][5], peer.path.hop.mac[5]);
}

TEST_F(WorkerAdmit, HoldsANewAddressToThreeTimesItsBytesUntilConfirmed)
{
    Use(SL_PEER_MOVES_HOLD);
    bench->Receive({WorkerBench::UdpFrame(moved, Data({1}))});
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[0].kind, SL_RING_MOVED);
    auto *event = reinterpret_cast<const sl_ring_moved *>(events[0].payload.data());
    EXPECT_EQ(event->port, 51000);
    EXPECT_EQ(event->confirmed, 0);
    EXPECT_EQ(events[1].kind, SL_RING_DATA);

    size_t received = Data({1}).size();
    size_t sent_bytes = 0;
    for (int i = 0; i < 6; i++)
        consumer.Send(SL_RING_SEND, peer.handle, Bytes(10));
    bench->Turn();
    for (const Bytes &payload : bench->SentPayloads())
        sent_bytes += payload.size();
    EXPECT_GT(sent_bytes, 0u);
    EXPECT_LE(sent_bytes, 3 * received);
    EXPECT_GT(bench->drops(SL_DROP_SEND_AMPLIFY), 0u);
    Event refused = consumer.Receive().at(0);
    EXPECT_EQ(refused.kind, SL_RING_REFUSED);
    EXPECT_EQ(refused.detail, SL_REFUSE_UNCONFIRMED);

    consumer.Confirm(peer.handle, moved);
    consumer.Send(SL_RING_SEND, peer.handle, Bytes(1000));
    bench->Turn();
    EXPECT_EQ(SentTo(), 51000);
    EXPECT_EQ(bench->events(SL_COUNTER_MOVED), 1u);
    events = consumer.Receive();
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events.back().kind, SL_RING_MOVED);
    EXPECT_EQ(reinterpret_cast<const sl_ring_moved *>(events.back().payload.data())->confirmed, 1);
}

TEST_F(WorkerAdmit, OnlyTheAddressThatWasCheckedIsConfirmed)
{
    Use(SL_PEER_MOVES_HOLD);
    bench->Receive({WorkerBench::UdpFrame(moved, Data({1}))});
    sl_path elsewhere = moved;
    elsewhere.tuple.remote_port = 52000;
    bench->Receive({WorkerBench::UdpFrame(elsewhere, Data({2}))});
    consumer.Confirm(peer.handle, moved); // told of it before the candidate changed
    bench->Turn();
    EXPECT_EQ(bench->events(SL_COUNTER_MOVED), 0u);
    consumer.Confirm(peer.handle, elsewhere);
    bench->Turn();
    EXPECT_EQ(bench->events(SL_COUNTER_MOVED), 1u);
    EXPECT_EQ(bench->drops(SL_DROP_SEND_MALFORMED), 0u);
}

TEST_F(WorkerAdmit, AConfirmationWithoutAnAddressIsMalformed)
{
    Use(SL_PEER_MOVES_HOLD);
    bench->Receive({WorkerBench::UdpFrame(moved, Data({1}))});
    consumer.Send(SL_RING_CONFIRM_MOVE, peer.handle);
    bench->Turn();
    EXPECT_EQ(bench->drops(SL_DROP_SEND_MALFORMED), 1u);
    EXPECT_EQ(bench->events(SL_COUNTER_MOVED), 0u);
}

TEST_F(WorkerAdmit, ANewerRecordFromTheOldAddressEndsTheCandidate)
{
    Use(SL_PEER_MOVES_HOLD);
    bench->Receive({WorkerBench::UdpFrame(moved, Data({1}))});
    bench->Receive({WorkerBench::UdpFrame(peer.path, Data({2}))});
    consumer.Receive();
    consumer.Confirm(peer.handle, moved);
    consumer.Send(SL_RING_SEND, peer.handle, {3});
    bench->Turn();
    EXPECT_EQ(SentTo(), peer.path.tuple.remote_port);
}

TEST_F(WorkerAdmit, AnOlderRecordFromElsewhereMovesNothing)
{
    Use(SL_PEER_MOVES_ACCEPT);
    Bytes older = Data({1});
    bench->Receive({WorkerBench::UdpFrame(peer.path, Data({2}))});
    bench->Receive({WorkerBench::UdpFrame(moved, older)});
    EXPECT_EQ(consumer.Receive().size(), 2u) << "it is authentic, and delivered";
    consumer.Send(SL_RING_SEND, peer.handle, {3});
    bench->Turn();
    EXPECT_EQ(SentTo(), peer.path.tuple.remote_port);
}

TEST_F(WorkerAdmit, AcceptTakesTheNewAddressAtOnceWithItsMac)
{
    Use(SL_PEER_MOVES_ACCEPT);
    bench->Receive({WorkerBench::UdpFrame(moved, Data({1}))});
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(reinterpret_cast<const sl_ring_moved *>(events[0].payload.data())->confirmed, 1);
    consumer.Send(SL_RING_SEND, peer.handle, Bytes(1000));
    bench->Turn();
    std::vector<Bytes> sent = bench->Sent();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0][5], 0x77);
}

TEST_F(WorkerAdmit, RefuseDropsWhatComesFromElsewhere)
{
    Use(SL_PEER_MOVES_REFUSE);
    bench->Receive({WorkerBench::UdpFrame(moved, Data({1}))});
    EXPECT_EQ(bench->drops(SL_DROP_PEER_MOVE_REFUSED), 1u);
    EXPECT_TRUE(consumer.Receive().empty());
}

TEST_F(WorkerAdmit, ACloseNotifyIsAnsweredAndEndsTheSessionInOrder)
{
    Use(SL_PEER_MOVES_HOLD);
    bench->Receive({WorkerBench::UdpFrame(peer.path, Data({1})),
                    WorkerBench::UdpFrame(peer.path, bench->Seal(peer, SL_CONTENT_ALERT, {1, 0})),
                    WorkerBench::UdpFrame(peer.path, Data({2}))});
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[0].kind, SL_RING_DATA);
    EXPECT_EQ(events[1].kind, SL_RING_CLOSE);
    EXPECT_EQ(events[1].detail, SL_CLOSE_PEER);
    std::vector<Bytes> sent = bench->SentPayloads();
    ASSERT_EQ(sent.size(), 1u);
    auto opened = bench->Open(peer, sent[0]);
    EXPECT_TRUE(opened.ok);
    EXPECT_EQ(opened.type, SL_CONTENT_ALERT);
    EXPECT_EQ(opened.plain, (Bytes{1, 0}));
    EXPECT_EQ(bench->drops(SL_DROP_CLOSING), 1u);
    EXPECT_EQ(bench->sessions(), 0u);
    auto messages = bench->ToHandshaker();
    ASSERT_FALSE(messages.empty());
    EXPECT_EQ(messages.back().kind, SL_MESSAGE_CLOSED);
}

TEST_F(WorkerAdmit, AWarningIsConsumedAndAFatalAlertEndsTheSessionSilently)
{
    Use(SL_PEER_MOVES_HOLD);
    bench->Receive(
        {WorkerBench::UdpFrame(peer.path, bench->Seal(peer, SL_CONTENT_ALERT, {1, 90}))});
    EXPECT_EQ(bench->sessions(), 1u);
    bench->Receive(
        {WorkerBench::UdpFrame(peer.path, bench->Seal(peer, SL_CONTENT_ALERT, {2, 20}))});
    EXPECT_EQ(bench->sessions(), 0u);
    EXPECT_EQ(bench->events(SL_COUNTER_CONSUMED), 2u);
    EXPECT_TRUE(bench->Sent().empty());
}

TEST_F(WorkerAdmit, ARepeatedFinishedAsksForTheLastFlightAtMostTenTimesASecond)
{
    Use(SL_PEER_MOVES_HOLD);
    bench->ToHandshaker();
    Bytes finished(16);
    finished[0] = SL_HANDSHAKE_FINISHED;
    Bytes old_number =
        WorkerBench::UdpFrame(peer.path, bench->Seal(peer, SL_CONTENT_HANDSHAKE, finished));
    bench->Receive({old_number});
    bench->Receive({old_number}); // pion repeats it with its old number
    bench->Receive(
        {WorkerBench::UdpFrame(peer.path, bench->Seal(peer, SL_CONTENT_HANDSHAKE, finished))});
    EXPECT_EQ(bench->ToHandshaker().size(), 1u);
    bench->now_ns += kSecond;
    bench->Receive({old_number});
    auto messages = bench->ToHandshaker();
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_EQ(messages[0].kind, SL_MESSAGE_REPEAT);
    EXPECT_EQ(bench->events(SL_COUNTER_CONSUMED), 4u);
}

TEST_F(WorkerAdmit, RenegotiationAndStrangeContentAreDropped)
{
    Use(SL_PEER_MOVES_HOLD);
    bench->Receive(
        {WorkerBench::UdpFrame(peer.path, bench->Seal(peer, SL_CONTENT_HANDSHAKE, {1, 0, 0, 0})),
         WorkerBench::UdpFrame(peer.path, bench->Seal(peer, 99, {1}))});
    EXPECT_EQ(bench->drops(SL_DROP_RENEGOTIATION), 1u);
    EXPECT_EQ(bench->drops(SL_DROP_CONTENT_TYPE), 1u);
}

// RFC 5246 7.2.2
TEST_F(WorkerAdmit, RenegotiationIsRefusedWithAWarningAtMostTenTimesASecond)
{
    Use(SL_PEER_MOVES_HOLD);
    bench->Sent();
    auto ask = [&](uint8_t type, size_t len = SL_HANDSHAKE_HEADER_LEN) {
        Bytes message(len);
        message.at(0) = type;
        const Bytes frame =
            WorkerBench::UdpFrame(peer.path, bench->Seal(peer, SL_CONTENT_HANDSHAKE, message));
        bench->Receive({frame});
        return frame;
    };
    ask(SL_HANDSHAKE_HELLO_REQUEST); // no client's
    ask(SL_HANDSHAKE_CLIENT_HELLO, 4);
    EXPECT_TRUE(bench->SentPayloads().empty());
    const Bytes copy = ask(SL_HANDSHAKE_CLIENT_HELLO);
    ask(SL_HANDSHAKE_CLIENT_HELLO);
    auto sent = bench->SentPayloads();
    ASSERT_EQ(sent.size(), 1u);
    const auto alert = bench->Open(peer, sent[0]);
    EXPECT_EQ(alert.type, SL_CONTENT_ALERT);
    EXPECT_EQ(alert.plain, (Bytes{SL_ALERT_WARNING, SL_ALERT_NO_RENEGOTIATION}));
    bench->now_ns += kSecond;
    bench->Receive({copy}); // anybody can send that
    EXPECT_TRUE(bench->SentPayloads().empty());
    ask(SL_HANDSHAKE_CLIENT_HELLO);
    EXPECT_EQ(bench->SentPayloads().size(), 1u);
    EXPECT_EQ(bench->sessions(), 1u);
    EXPECT_EQ(bench->drops(SL_DROP_RENEGOTIATION), 6u);
}

TEST_F(WorkerAdmit, DataBeforeTheFinishedIsVerifiedGoesToTheHandshakerAndIsNotDelivered)
{
    Use(SL_PEER_MOVES_HOLD);
    Peer other;
    other.path = WorkerBench::ClientPath(9);
    other.handle = bench->BeginHandshake(other.path);
    bench->GiveKeys(other, false);
    bench->Receive(
        {WorkerBench::UdpFrame(other.path, bench->Seal(other, SL_CONTENT_APPLICATION_DATA, {1})),
         WorkerBench::UdpFrame(other.path, bench->Seal(other, SL_CONTENT_HANDSHAKE, {20}))});
    auto messages = bench->ToHandshaker();
    ASSERT_GE(messages.size(), 2u);
    for (size_t i = messages.size() - 2; i < messages.size(); i++)
        EXPECT_EQ(messages[i].kind, SL_MESSAGE_PLAINTEXT);
    EXPECT_EQ(bench->events(SL_COUNTER_DELIVERED), 0u);
}

TEST_F(WorkerAdmit, DataThatComesBackFromTheHandshakerIsDeliveredWhenTheSessionIsEstablished)
{
    Use(SL_PEER_MOVES_HOLD);
    Peer other;
    other.path = WorkerBench::ClientPath(9);
    other.handle = bench->BeginHandshake(other.path);
    bench->GiveKeys(other, false);
    sl_message_data data{};
    data.bytes_len = 2;
    const sl_message_data *message = &data; /* clang captures no flexible array */
    auto deliver = [&] {
        bench->FromHandshaker(SL_MESSAGE_DELIVER, other.handle, message,
                              offsetof(sl_message_data, bytes), {7, 8});
        bench->Turn();
    };
    deliver();
    EXPECT_EQ(bench->events(SL_COUNTER_EARLY_DELIVERED), 0u) << "its Finished has not verified";
    bench->Establish(other);
    consumer.Receive();
    deliver();
    EXPECT_EQ(bench->events(SL_COUNTER_EARLY_DELIVERED), 1u);
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].kind, SL_RING_DATA);
    EXPECT_EQ(events[0].payload, Bytes({7, 8}));
    data.is_close = true;
    data.bytes_len = 0;
    uint64_t sessions = bench->sessions();
    bench->FromHandshaker(SL_MESSAGE_DELIVER, other.handle, &data,
                          offsetof(sl_message_data, bytes));
    bench->Turn();
    events = consumer.Receive();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].kind, SL_RING_CLOSE);
    EXPECT_EQ(events[0].detail, SL_CLOSE_PEER);
    EXPECT_EQ(bench->sessions(), sessions - 1);
}

TEST_F(WorkerAdmit, AMoveIsToldAfterTheDataThatCameBeforeIt)
{
    for (sl_peer_moves moves : {SL_PEER_MOVES_HOLD, SL_PEER_MOVES_ACCEPT}) {
        Use(moves);
        bench->Receive({WorkerBench::UdpFrame(peer.path, Data({1})),
                        WorkerBench::UdpFrame(peer.path, Data({2})),
                        WorkerBench::UdpFrame(moved, Data({3}))});
        auto events = consumer.Receive();
        ASSERT_EQ(events.size(), 4u);
        EXPECT_EQ(events[0].payload, (Bytes{1}));
        EXPECT_EQ(events[1].payload, (Bytes{2}));
        EXPECT_EQ(events[2].kind, SL_RING_MOVED);
        EXPECT_EQ(events[3].payload, (Bytes{3}));
        bench->Detach(consumer);
    }
}

TEST_F(WorkerAdmit, WhoTakesASessionOverHearsWhereThePeerIsNow)
{
    Use(SL_PEER_MOVES_ACCEPT);
    Consumer second(1, 0, 0);
    bench->Attach(second);
    bench->Receive({WorkerBench::UdpFrame(moved, Data({1}))});
    bench->Detach(consumer);
    bench->Receive({WorkerBench::UdpFrame(moved, Data({2}))});
    auto events = second.Receive();
    ASSERT_EQ(events.size(), 2u);
    ASSERT_EQ(events[0].kind, SL_RING_OPEN);
    sl_identity identity;
    memcpy(&identity, events[0].payload.data(), sizeof identity);
    EXPECT_EQ(identity.remote_port, moved.tuple.remote_port);
    EXPECT_EQ(events[1].payload, (Bytes{2}));
}

// A client may repeat its Finished under the same number (pion does), and the first copy may have
// found the handshaker's ring full.
TEST(WorkerAdmitKeyed, ARepeatedFinishedGoesToTheHandshakerAgain)
{
    WorkerBench::Options options;
    options.handshaker_ring = 4096;
    WorkerBench bench(options);
    Peer peer;
    peer.path = WorkerBench::ClientPath(1);
    peer.handle = bench.BeginHandshake(peer.path);
    bench.GiveKeys(peer, false);
    Bytes finished =
        WorkerBench::UdpFrame(peer.path, bench.Seal(peer, SL_CONTENT_HANDSHAKE, {20, 0, 0, 0}));
    const Bytes plaintext = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 16};
    bench.Receive(std::vector<Bytes>(64, WorkerBench::UdpFrame(peer.path, plaintext)));
    uint64_t lost = bench.drops(SL_DROP_HANDSHAKE_FULL);
    bench.Receive({finished});
    EXPECT_EQ(bench.drops(SL_DROP_HANDSHAKE_FULL), lost + 1);
    bench.ToHandshaker();
    bench.Receive({finished});
    auto messages = bench.ToHandshaker();
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_EQ(messages[0].kind, SL_MESSAGE_PLAINTEXT);
}
