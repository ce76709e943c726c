// Sessions whose records libssl does on a handshake thread, which the test plays.
#include <gtest/gtest.h>

#include "worker_bench.h"

using namespace sluice;

namespace
{

Bytes Record(uint8_t type, uint16_t epoch, uint64_t number, const Bytes &body = Bytes(64, 0x5a))
{
    Bytes out(SL_RECORD_HEADER_LEN);
    sl_wire_write_record_header(out.data(), type, epoch, number, (uint16_t)body.size());
    out.insert(out.end(), body.begin(), body.end());
    return out;
}

class WorkerLegacy : public ::testing::Test
{
  protected:
    WorkerLegacy()
    {
        bench.Attach(consumer);
        handle = bench.BeginHandshake(path);
        EstablishLegacy(handle);
        auto events = consumer.Receive();
        EXPECT_EQ(events.size(), 1u);
        EXPECT_EQ(events.at(0).kind, SL_RING_OPEN);
    }
    ~WorkerLegacy() override
    {
        EXPECT_EQ(bench.CheckEquation(), "");
    }

    void EstablishLegacy(uint64_t session)
    {
        sl_message_established established{};
        established.is_legacy = true;
        bench.FromHandshaker(SL_MESSAGE_ESTABLISHED, session, &established, sizeof established);
        bench.Turn();
    }

    void Receive(const Bytes &record)
    {
        bench.Receive({WorkerBench::UdpFrame(path, record)});
    }

    void Deliver(const Bytes &plain)
    {
        sl_message_data data{};
        data.bytes_len = (uint16_t)plain.size();
        bench.FromHandshaker(SL_MESSAGE_DELIVER, handle, &data, offsetof(sl_message_data, bytes),
                             plain);
        bench.Turn();
    }

    // As the handshaker has libssl's records sent.
    void SendSealed(uint64_t session, const Bytes &record)
    {
        Bytes part = {record[0], SL_PART_SEALED, (uint8_t)(record.size() >> 8),
                      (uint8_t)record.size()};
        part.insert(part.end(), record.begin(), record.end());
        struct sl_message_send send = {};
        send.count = 1;
        send.bytes_len = (uint16_t)part.size();
        bench.FromHandshaker(SL_MESSAGE_SEND, session, &send, sizeof send, part);
        bench.Turn();
    }

    void Abort(sl_abort_cause cause = SL_ABORT_ALERT)
    {
        sl_message_abort abort{};
        abort.cause = cause;
        bench.FromHandshaker(SL_MESSAGE_ABORT, handle, &abort, sizeof abort);
        bench.Turn();
    }

    // The one message for the handshaker, of this kind.
    WorkerBench::Message OnlyMessage(sl_message_kind kind)
    {
        auto messages = bench.ToHandshaker();
        EXPECT_EQ(messages.size(), 1u);
        if (messages.size() != 1)
            return {};
        EXPECT_EQ(messages[0].kind, kind);
        return messages[0];
    }

    bool AsksForCloseNotify(const WorkerBench::Message &message)
    {
        return message.kind == SL_MESSAGE_WRITE && message.session == handle &&
               reinterpret_cast<const sl_message_data *>(message.body.data())->is_close;
    }

    WorkerBench bench;
    Consumer consumer{0, 0, 0};
    sl_path path = WorkerBench::ClientPath(1);
    uint64_t handle;
};

} // namespace

TEST_F(WorkerLegacy, ProtectedRecordsGoToTheHandshakerAsTheyAre)
{
    for (uint8_t type : {SL_CONTENT_APPLICATION_DATA, SL_CONTENT_HANDSHAKE, SL_CONTENT_ALERT}) {
        const Bytes record = Record(type, 1, 7);
        Receive(record);
        auto message = OnlyMessage(SL_MESSAGE_RECORD);
        ASSERT_EQ(message.session, handle);
        const size_t at = offsetof(sl_message_record, bytes);
        EXPECT_EQ(Bytes(message.body.begin() + at, message.body.end()), record);
    }
    Receive(Record(SL_CONTENT_APPLICATION_DATA, 2, 7));
    EXPECT_EQ(bench.drops(SL_DROP_EPOCH), 1u);
    EXPECT_TRUE(bench.ToHandshaker().empty());
}

TEST_F(WorkerLegacy, PlaintextChangesNothing)
{
    uint64_t consumed = bench.events(SL_COUNTER_CONSUMED);
    Receive(Record(SL_CONTENT_ALERT, 0, 9, {2, 40}));
    EXPECT_EQ(bench.drops(SL_DROP_PLAINTEXT_ALERT), 1u);
    Receive(Record(SL_CONTENT_HANDSHAKE, 0, 9, Bytes(40, SL_HANDSHAKE_CLIENT_KEY_EXCHANGE)));
    EXPECT_EQ(bench.events(SL_COUNTER_CONSUMED), consumed + 1);
    EXPECT_TRUE(bench.ToHandshaker().empty());
    EXPECT_EQ(bench.sessions(), 1u);
}

TEST_F(WorkerLegacy, WhatLibsslHasOpenedReachesTheConsumer)
{
    Deliver({1, 2, 3});
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].kind, SL_RING_DATA);
    EXPECT_EQ(events[0].session, handle);
    EXPECT_EQ(events[0].payload, Bytes({1, 2, 3}));
    EXPECT_EQ(bench.events(SL_COUNTER_LEGACY_DELIVERED), 1u);
    bench.Detach(consumer);
    Deliver({4});
    EXPECT_EQ(bench.events(SL_COUNTER_LEGACY_LOST), 1u);
}

TEST_F(WorkerLegacy, MessagesOfTheConsumerGoToLibssl)
{
    ASSERT_TRUE(consumer.Send(SL_RING_SEND, handle, {7, 8, 9}));
    bench.Turn();
    auto message = OnlyMessage(SL_MESSAGE_WRITE);
    auto *data = reinterpret_cast<const sl_message_data *>(message.body.data());
    EXPECT_EQ(message.session, handle);
    EXPECT_FALSE(data->is_close);
    EXPECT_EQ(Bytes(data->bytes, data->bytes + data->bytes_len), Bytes({7, 8, 9}));
}

TEST_F(WorkerLegacy, MessagesThatDoNotFitThePathAreRefused)
{
    const size_t longest = 1500 - 20 - 8 - 13 - 52; // IPv4, UDP, header; IV, padding, HMAC
    ASSERT_TRUE(consumer.Send(SL_RING_SEND, handle, Bytes(longest, 1)));
    bench.Turn();
    OnlyMessage(SL_MESSAGE_WRITE);
    ASSERT_TRUE(consumer.Send(SL_RING_SEND, handle, Bytes(longest + 1, 1)));
    bench.Turn();
    EXPECT_TRUE(bench.ToHandshaker().empty());
    EXPECT_EQ(bench.drops(SL_DROP_SEND_TOO_LARGE), 1u);
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].detail, SL_REFUSE_TOO_LARGE);
}

TEST_F(WorkerLegacy, MessagesOfAnotherConsumerAreRefused)
{
    Consumer other(1, 0, 0);
    bench.Attach(other);
    ASSERT_TRUE(other.Send(SL_RING_SEND, handle, {1}));
    ASSERT_TRUE(other.Send(SL_RING_CLOSE_SESSION, handle));
    bench.Turn(2);
    EXPECT_TRUE(bench.ToHandshaker().empty());
    EXPECT_EQ(bench.drops(SL_DROP_SEND_HANDLE), 2u);
    EXPECT_EQ(bench.sessions(), 1u);
}

TEST_F(WorkerLegacy, RecordsOfLibsslAreSentAsTheyAre)
{
    const Bytes record = Record(SL_CONTENT_APPLICATION_DATA, 1, 1);
    SendSealed(handle, record);
    EXPECT_EQ(bench.SentPayloads(), std::vector<Bytes>{record});
}

TEST_F(WorkerLegacy, NobodyElseSealsForASessionWithKeysOfTheWorkers)
{
    Peer peer = bench.Connect(WorkerBench::ClientPath(2), true, 2);
    bench.Sent();
    uint64_t stale = bench.drops(SL_DROP_SEND_STALE);
    SendSealed(peer.handle, Record(SL_CONTENT_APPLICATION_DATA, 1, 1));
    EXPECT_TRUE(bench.SentPayloads().empty());
    EXPECT_EQ(bench.drops(SL_DROP_SEND_STALE), stale + 1);
}

TEST_F(WorkerLegacy, SessionEndsWhenTheHandshakerSaysSo)
{
    Abort();
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].kind, SL_RING_CLOSE);
    EXPECT_EQ(events[0].detail, SL_CLOSE_PEER);
    OnlyMessage(SL_MESSAGE_CLOSED);
    EXPECT_EQ(bench.sessions(), 0u);
}

TEST_F(WorkerLegacy, SessionThatHasMetTooManyForgedRecordsIsClosedForThat)
{
    Abort(SL_ABORT_FORGERIES);
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].detail, SL_CLOSE_LIMIT);
    EXPECT_EQ(bench.sessions(), 0u);
}

TEST_F(WorkerLegacy, ClosedSessionKeepsItsHandleUntilItsCloseNotifyIsOut)
{
    ASSERT_TRUE(consumer.Send(SL_RING_CLOSE_SESSION, handle));
    bench.Turn();
    EXPECT_TRUE(AsksForCloseNotify(OnlyMessage(SL_MESSAGE_WRITE)));
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].detail, SL_CLOSE_CONSUMER);
    bench.Turn(4);
    EXPECT_TRUE(bench.ToHandshaker().empty());
    const Bytes alert = Record(SL_CONTENT_ALERT, 1, 2);
    SendSealed(handle, alert);
    EXPECT_EQ(bench.SentPayloads(), std::vector<Bytes>{alert});
    Deliver({1}); /* too late */
    EXPECT_TRUE(consumer.Receive().empty());
    Abort();
    OnlyMessage(SL_MESSAGE_CLOSED);
}

TEST_F(WorkerLegacy, HandshakerThatSaysNothingIsNotWaitedForLong)
{
    bench.now_ns += 301 * kSecond;
    bench.Turn(10);
    EXPECT_TRUE(AsksForCloseNotify(OnlyMessage(SL_MESSAGE_WRITE)));
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].detail, SL_CLOSE_IDLE);
    bench.now_ns += 4 * kSecond;
    bench.Turn(10);
    EXPECT_TRUE(bench.ToHandshaker().empty());
    bench.now_ns += 2 * kSecond;
    bench.Turn(10);
    OnlyMessage(SL_MESSAGE_CLOSED);
}

TEST_F(WorkerLegacy, StoppingWaitsForTheCloseNotify)
{
    bench.Stop();
    bench.Turn(20);
    EXPECT_TRUE(AsksForCloseNotify(OnlyMessage(SL_MESSAGE_WRITE)));
    EXPECT_FALSE(sl_worker_is_stopped(bench.worker()));
    Abort();
    bench.Turn(20);
    EXPECT_TRUE(sl_worker_is_stopped(bench.worker()));
}

TEST_F(WorkerLegacy, DataKeepsASessionAliveInBothDirections)
{
    for (unsigned i = 0; i < 4; i++) {
        bench.now_ns += 200 * kSecond;
        if (i % 2 == 0)
            Deliver({1});
        else
            ASSERT_TRUE(consumer.Send(SL_RING_SEND, handle, {1}));
        bench.Turn(10);
        EXPECT_EQ(bench.sessions(), 1u);
    }
}

TEST_F(WorkerLegacy, RestartedClientLeavesTheOldSessionUntilItIsEstablished)
{
    uint64_t fresh = bench.BeginHandshake(path, 2);
    ASSERT_NE(fresh, 0u);
    ASSERT_NE(fresh, handle);
    Receive(Record(SL_CONTENT_APPLICATION_DATA, 1, 3));
    EXPECT_EQ(OnlyMessage(SL_MESSAGE_RECORD).session, handle);
    Receive(Record(SL_CONTENT_HANDSHAKE, 1, 0));
    EXPECT_EQ(OnlyMessage(SL_MESSAGE_RECORD).session, fresh);
    EstablishLegacy(fresh);
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[0].kind, SL_RING_CLOSE);
    EXPECT_EQ(events[0].detail, SL_CLOSE_REPLACED);
    EXPECT_EQ(events[1].kind, SL_RING_OPEN);
    auto closed = OnlyMessage(SL_MESSAGE_CLOSED);
    EXPECT_EQ(closed.session, handle);
}

TEST_F(WorkerLegacy, SendsAsMuchAsItLikesAndLeavesHalfOfTheRingToHandshakes)
{
    const Bytes frame =
        WorkerBench::UdpFrame(path, Record(SL_CONTENT_APPLICATION_DATA, 1, 7, Bytes(1000)));
    bench.ToHandshaker();
    bench.Receive(std::vector<Bytes>(300, frame));
    EXPECT_EQ(bench.ToHandshaker().size(), 300u);
    bench.Receive(std::vector<Bytes>(1000, frame)); // of a ring of a mebibyte
    EXPECT_GT(bench.drops(SL_DROP_HANDSHAKE_SHARE), 100u);
    EXPECT_EQ(bench.drops(SL_DROP_HANDSHAKE_FULL), 0u);
}

TEST_F(WorkerLegacy, EndsWhenItsAddressIsDenied)
{
    const sl_access_rule rule = {sl_prefix_of(&path.tuple.remote_ip, 32, 128), false};
    sl_admission_rules rules{};
    unsigned conflict;
    ASSERT_EQ(sl_access_create(&rule, 1, &rules.access, &conflict), 0);
    bench.Admit(&rules);
    bench.Turn(4);
    EXPECT_EQ(bench.sessions(), 0u);
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].detail, SL_CLOSE_DENIED);
    bench.Admit(nullptr);
    sl_access_destroy(rules.access);
}
