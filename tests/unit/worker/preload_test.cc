#include <gtest/gtest.h>

#include "worker_bench.h"

using namespace sluice;

namespace
{

const uint8_t kPeerCid[3] = {0x0c, 0x1d, 0x2e};

// A session as it would stand in the file. slot < 0: without a connection ID.
sl_preload_session Recorded(const sl_path &path, int slot, sl_aead_alg alg = SL_AEAD_AES_128_GCM)
{
    sl_preload_session recorded{};
    recorded.tuple = path.tuple;
    recorded.alg = alg;
    if (slot >= 0) {
        const uint8_t cid[SL_OWN_CID_LEN] = {0x02, 0xa0, 0, (uint8_t)slot, 0xd1, 0xc2, 0xb3, 0xa4};
        recorded.cid_len = sizeof cid;
        memcpy(recorded.cid, cid, sizeof cid);
        recorded.peer_cid_len = sizeof kPeerCid;
        memcpy(recorded.peer_cid, kPeerCid, sizeof kPeerCid);
    }
    for (unsigned i = 0; i < 32; i++)
        recorded.client_key[i] = (uint8_t)(0x30 + i);
    for (unsigned i = 0; i < 12; i++)
        recorded.client_iv[i] = (uint8_t)(0x70 + i);
    return recorded;
}

class WorkerPreload : public ::testing::Test
{
  protected:
    WorkerPreload() : aead(sl_aead_create(SL_CRYPTO_OPENSSL)) {}
    ~WorkerPreload() override
    {
        bench.reset();
        sl_aead_destroy(aead);
    }
    void Use(const WorkerBench::Options &options = WorkerBench::Options())
    {
        bench.reset(new WorkerBench(options));
    }
    int Preload(const sl_preload_session &recorded, uint8_t random_fill = 0x11)
    {
        uint8_t random[SL_PRELOAD_RANDOM_LEN];
        memset(random, random_fill, sizeof random);
        return sl_worker_preload(bench->worker(), &recorded, random, bench->now_ns, reason);
    }
    // The client of a recorded session: what it seals, and who opens with this key.
    Peer ClientOf(const sl_preload_session &recorded, const sl_path &path, const uint8_t *open_key)
    {
        Peer peer;
        peer.path = path;
        peer.epoch.reset(new sl_epoch);
        sl_epoch_config config{};
        config.number = 1;
        config.alg = recorded.alg;
        config.open_key = open_key;
        config.open_iv = open_key + 32;
        config.seal_key = recorded.client_key;
        config.seal_iv = recorded.client_iv;
        config.own_cid_negotiated = recorded.peer_cid_len > 0;
        config.own_cid_len = recorded.peer_cid_len;
        config.own_cid = recorded.peer_cid;
        config.peer_cid_len = recorded.cid_len;
        config.peer_cid = recorded.cid;
        sl_epoch_init(peer.epoch.get(), aead, &config);
        return peer;
    }
    Peer ClientOf(const sl_preload_session &recorded, const sl_path &path)
    {
        uint8_t random[SL_PRELOAD_RANDOM_LEN];
        memset(random, 0x11, sizeof random);
        return ClientOf(recorded, path, random);
    }
    Bytes Frame(Peer &peer, uint8_t type, const Bytes &plain)
    {
        return WorkerBench::UdpFrame(peer.path, bench->Seal(peer, type, plain));
    }
    std::string ReasonOf(const sl_preload_session &recorded)
    {
        reason[0] = '\0';
        EXPECT_EQ(Preload(recorded), -EINVAL);
        return reason;
    }

    sl_aead *aead;
    std::unique_ptr<WorkerBench> bench;
    Consumer consumer{0, 0, 0};
    char reason[SL_PRELOAD_REASON_LEN] = "";
};

} // namespace

TEST_F(WorkerPreload, OpensARecordedRecordOnceForAConsumerThatCameLater)
{
    for (int slot : {-1, 7})
        for (unsigned alg = 0; alg < SL_AEAD_ALG_COUNT; alg++) {
            Use();
            Consumer late(0, 0, 0);
            const sl_path path = WorkerBench::ClientPath(1);
            sl_preload_session recorded = Recorded(path, slot, (sl_aead_alg)alg);
            ASSERT_EQ(Preload(recorded), 0) << reason;
            EXPECT_EQ(bench->sessions(), 1u);
            EXPECT_EQ(bench->half_open(), 0u);
            EXPECT_EQ(bench->events(SL_COUNTER_SESSIONS_PRELOADED), 1u);
            EXPECT_EQ(bench->events(SL_COUNTER_SESSIONS_OPENED), 0u);
            Peer client = ClientOf(recorded, path);
            client.epoch->write_next = 3; /* the handshake's are not replayed */
            bench->Attach(late);
            Bytes frame = Frame(client, SL_CONTENT_APPLICATION_DATA, {1, 2, 3});
            bench->Receive({frame, frame});
            auto events = late.Receive();
            ASSERT_EQ(events.size(), 2u);
            EXPECT_EQ(events[0].kind, SL_RING_OPEN);
            auto *identity = reinterpret_cast<const sl_identity *>(events[0].payload.data());
            EXPECT_EQ(identity->method, SL_IDENTITY_NONE);
            EXPECT_EQ(identity->cid_len, slot < 0 ? 0 : SL_OWN_CID_LEN);
            EXPECT_EQ(identity->remote_port, path.tuple.remote_port);
            EXPECT_EQ(events[1].kind, SL_RING_DATA);
            EXPECT_EQ(events[1].payload, (Bytes{1, 2, 3}));
            EXPECT_EQ(bench->drops(SL_DROP_REPLAY), 1u);
            EXPECT_EQ(bench->events(SL_COUNTER_DELIVERED), 1u);
        }
}

TEST_F(WorkerPreload, IsToldToAConsumerThatCameLaterWithoutAnyRecord)
{
    Use();
    ASSERT_EQ(Preload(Recorded(WorkerBench::ClientPath(1), 7)), 0) << reason;
    bench->Turn(100);
    bench->Attach(consumer);
    bench->Turn(100);
    auto events = consumer.Receive();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].kind, SL_RING_OPEN);
}

TEST_F(WorkerPreload, AnswersUnderItsOwnKeyToWhereTheFirstRecordCameFrom)
{
    const sl_path path = WorkerBench::ClientPath(1);
    for (uint8_t fill : {(uint8_t)0x11, (uint8_t)0x22}) {
        Use();
        Consumer echo(0, 0, 0);
        sl_preload_session recorded = Recorded(path, 7);
        ASSERT_EQ(Preload(recorded, fill), 0) << reason;
        bench->Attach(echo);
        Peer client = ClientOf(recorded, path);
        uint8_t recorded_key[SL_PRELOAD_RANDOM_LEN];
        memcpy(recorded_key, recorded.client_key, 32);
        memcpy(recorded_key + 32, recorded.client_iv, 12);
        Peer of_the_recording = ClientOf(recorded, path, recorded_key);
        client.path.hop.mac[5] = 0x77;
        bench->Receive({Frame(client, SL_CONTENT_APPLICATION_DATA, {1})});
        uint64_t handle = echo.Receive().at(0).session;
        ASSERT_TRUE(echo.Send(SL_RING_SEND, handle, {9, 9}));
        bench->Turn();
        EXPECT_EQ(bench->drops(SL_DROP_SEND_HOP), 0u);
        std::vector<Bytes> frames = bench->Sent();
        ASSERT_EQ(frames.size(), 1u);
        EXPECT_EQ(memcmp(frames[0].data(), client.path.hop.mac, 6), 0);
        const Bytes record(frames[0].begin() + 14 + 20 + 8, frames[0].end());
        EXPECT_EQ(bench->Open(client, record).ok, fill == 0x11) << "the key is what was random";
        EXPECT_FALSE(bench->Open(of_the_recording, record).ok);
    }
}

TEST_F(WorkerPreload, AMessageThatHasNowhereToGoWaitsForNoFrame)
{
    Use();
    bench->Attach(consumer);
    ASSERT_EQ(Preload(Recorded(WorkerBench::ClientPath(1), 7)), 0) << reason;
    bench->Turn(100);
    bench->frames_of[0] = 0;
    ASSERT_TRUE(consumer.Send(SL_RING_SEND, consumer.Receive().at(0).session, {1}));
    bench->Turn();
    EXPECT_EQ(bench->drops(SL_DROP_SEND_HOP), 1u);
}

TEST_F(WorkerPreload, SendsNothingBeforeItKnowsWhere)
{
    Use();
    bench->Attach(consumer);
    ASSERT_EQ(Preload(Recorded(WorkerBench::ClientPath(1), 7)), 0) << reason;
    ASSERT_EQ(Preload(Recorded(WorkerBench::ClientPath(2), 8)), 0) << reason;
    bench->Turn(100);
    auto opened = consumer.Receive();
    ASSERT_EQ(opened.size(), 2u);
    ASSERT_TRUE(consumer.Send(SL_RING_SEND, opened[0].session, {1}));
    ASSERT_TRUE(consumer.Send(SL_RING_SEND, opened[0].session));
    bench->Turn();
    EXPECT_EQ(bench->drops(SL_DROP_SEND_HOP), 2u);
    auto refused = consumer.Receive();
    ASSERT_EQ(refused.size(), 2u);
    EXPECT_EQ(refused[0].kind, SL_RING_REFUSED);
    EXPECT_EQ(refused[0].detail, SL_REFUSE_UNCONFIRMED);
    ASSERT_TRUE(consumer.Send(SL_RING_CLOSE_SESSION, opened[0].session));
    bench->Turn();
    EXPECT_EQ(bench->sessions(), 1u);
    bench->Stop();
    bench->Turn(100);
    EXPECT_TRUE(sl_worker_is_stopped(bench->worker()));
    EXPECT_EQ(bench->sessions(), 0u);
    EXPECT_TRUE(bench->Sent().empty());
    EXPECT_TRUE(bench->ToHandshaker().empty());
}

TEST_F(WorkerPreload, SaysGoodbyeOnceItKnowsWhere)
{
    Use();
    bench->Attach(consumer);
    const sl_path path = WorkerBench::ClientPath(1);
    sl_preload_session recorded = Recorded(path, 7);
    ASSERT_EQ(Preload(recorded), 0) << reason;
    Peer client = ClientOf(recorded, path);
    bench->Receive({Frame(client, SL_CONTENT_APPLICATION_DATA, {1})});
    bench->Stop();
    bench->Turn(100);
    std::vector<Bytes> sent = bench->SentPayloads();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(bench->Open(client, sent[0]).type, SL_CONTENT_ALERT);
}

TEST_F(WorkerPreload, ARecordFromElsewhereIsHeldOrAcceptedLikeAnybodys)
{
    const sl_path path = WorkerBench::ClientPath(1), other = WorkerBench::ClientPath(1, 51000);
    for (sl_peer_moves moves : {SL_PEER_MOVES_HOLD, SL_PEER_MOVES_ACCEPT}) {
        WorkerBench::Options options;
        options.peer_moves = moves;
        Use(options);
        Consumer echo(0, 0, 0);
        bench->Attach(echo);
        sl_preload_session recorded = Recorded(path, 7);
        ASSERT_EQ(Preload(recorded), 0) << reason;
        Peer client = ClientOf(recorded, other);
        bench->Receive({Frame(client, SL_CONTENT_APPLICATION_DATA, {1})});
        uint64_t handle = echo.Receive().at(0).session;
        ASSERT_TRUE(echo.Send(SL_RING_SEND, handle, {2}));
        bench->Turn();
        std::vector<Bytes> sent = bench->SentPayloads();
        ASSERT_EQ(sent.size(), 1u);
        EXPECT_TRUE(bench->Open(client, sent[0]).ok);
        if (moves == SL_PEER_MOVES_HOLD) { /* the other address has its hop, this one none yet */
            client.path = path;
            bench->Receive({Frame(client, SL_CONTENT_APPLICATION_DATA, {3})});
        }
        ASSERT_TRUE(echo.Send(SL_RING_SEND, handle, Bytes(1000)));
        bench->Turn();
        EXPECT_EQ(bench->SentPayloads().size(), 1u);
        bench->Stop();
        bench->Turn(100);
        EXPECT_EQ(bench->SentPayloads().size(), 1u) << "close_notify";
    }
}

TEST_F(WorkerPreload, NoHandshakerHearsOfIt)
{
    Use();
    bench->Attach(consumer);
    const sl_path with_cid = WorkerBench::ClientPath(1), without = WorkerBench::ClientPath(2);
    sl_preload_session recorded = Recorded(with_cid, 7), old_style = Recorded(without, -1);
    ASSERT_EQ(Preload(recorded), 0) << reason;
    ASSERT_EQ(Preload(old_style), 0) << reason;
    Peer client = ClientOf(recorded, with_cid), old_client = ClientOf(old_style, without);
    const Bytes finished = {SL_HANDSHAKE_FINISHED, 0, 0, 12};
    const Bytes flight = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 16};
    for (int i = 0; i < 2; i++) /* what a capture with the handshakes in it begins with */
        bench->Receive({Frame(client, SL_CONTENT_HANDSHAKE, finished),
                        Frame(old_client, SL_CONTENT_HANDSHAKE, finished),
                        WorkerBench::UdpFrame(without, flight)});
    EXPECT_EQ(bench->events(SL_COUNTER_CONSUMED), 6u);
    bench->Receive({WorkerBench::UdpFrame(with_cid, flight)});
    EXPECT_EQ(bench->drops(SL_DROP_UNKNOWN_PEER), 1u) << "its addresses lead nowhere";
    bench->Receive({Frame(client, SL_CONTENT_ALERT, {SL_ALERT_WARNING, SL_ALERT_CLOSE_NOTIFY})});
    EXPECT_EQ(bench->sessions(), 1u);
    bench->now_ns += 301 * kSecond;
    bench->Turn(100);
    EXPECT_EQ(bench->sessions(), 0u);
    EXPECT_EQ(bench->events(SL_COUNTER_SESSIONS_EXPIRED), 1u);
    EXPECT_TRUE(bench->ToHandshaker().empty());
}

TEST_F(WorkerPreload, ItsSlotIsAnybodysWhenItHasEnded)
{
    WorkerBench::Options options;
    options.sessions_max = 1;
    Use(options);
    bench->Attach(consumer);
    const sl_path path = WorkerBench::ClientPath(1);
    sl_preload_session recorded = Recorded(path, 0);
    ASSERT_EQ(Preload(recorded), 0) << reason;
    Peer client = ClientOf(recorded, path);
    bench->Receive({Frame(client, SL_CONTENT_ALERT, {SL_ALERT_FATAL, 40})});
    Peer next = bench->Connect(WorkerBench::ClientPath(2), true);
    bench->Receive({Frame(next, SL_CONTENT_APPLICATION_DATA, {1})});
    EXPECT_EQ(bench->events(SL_COUNTER_DELIVERED), 1u);
    bench->Receive({Frame(client, SL_CONTENT_APPLICATION_DATA, {1})});
    EXPECT_EQ(bench->drops(SL_DROP_UNKNOWN_CID), 1u);
}

TEST_F(WorkerPreload, AClientThatConnectsFromItsAddressTakesItsPlace)
{
    Use();
    bench->Attach(consumer);
    const sl_path path = WorkerBench::ClientPath(1);
    ASSERT_EQ(Preload(Recorded(path, -1)), 0) << reason;
    Peer next = bench->Connect(path, false);
    EXPECT_EQ(bench->sessions(), 1u);
    bench->Receive({Frame(next, SL_CONTENT_APPLICATION_DATA, {1})});
    EXPECT_EQ(bench->events(SL_COUNTER_DELIVERED), 1u);
    EXPECT_TRUE(bench->ToHandshaker().empty());
}

TEST_F(WorkerPreload, BelongsToItsConnectionIdsShardOrItsAddress)
{
    uint8_t owners[SL_SHARDS] = {};
    owners[0x2a] = 3;
    sl_preload_session recorded = Recorded(WorkerBench::ClientPath(1), 7);
    EXPECT_EQ(sl_worker_of_preload(owners, &recorded), 3u);
    uint8_t by_tuple[SL_SHARDS] = {};
    by_tuple[(uint8_t)sl_wire_rss_hash(&recorded.tuple)] = 5;
    recorded.cid_len = 0;
    EXPECT_EQ(sl_worker_of_preload(by_tuple, &recorded), 5u);
    WorkerBench::Options options;
    options.worker_count = 2; /* shard 0x2a is the first one's */
    options.index = 1;
    Use(options);
    EXPECT_EQ(ReasonOf(Recorded(WorkerBench::ClientPath(1), 7)), "it belongs to worker 0");
}

TEST_F(WorkerPreload, RefusesASlotThatItHasNotOrNotAnyMore)
{
    WorkerBench::Options options;
    options.sessions_max = 8;
    options.worker_count = 2;
    Use(options);
    const sl_path path = WorkerBench::ClientPath(1);
    EXPECT_EQ(ReasonOf(Recorded(path, 8)),
              "its connection ID names slot 8, and a worker has 8 of them: set 'sessions' to 18 "
              "at least");
    EXPECT_EQ(bench->sessions(), 0u);
    ASSERT_EQ(Preload(Recorded(path, 7)), 0) << reason;
    EXPECT_EQ(ReasonOf(Recorded(path, 7)), "another session has the same connection ID");
    sl_preload_session same_slot = Recorded(path, 7);
    same_slot.cid[7]++;
    EXPECT_EQ(ReasonOf(same_slot),
              "another session has slot 7 of worker 0: the gateway recorded had more workers (set "
              "'workers' to as many), or sessions ended in the recording");
    EXPECT_EQ(bench->sessions(), 1u);
}

TEST_F(WorkerPreload, RefusesALayoutThatNoGatewayGivesOut)
{
    Use();
    sl_preload_session recorded = Recorded(WorkerBench::ClientPath(1), 7);
    recorded.cid[0] |= 0x10;
    EXPECT_EQ(ReasonOf(recorded), "its connection ID has a layout that no gateway gives out");
}

TEST_F(WorkerPreload, RefusesWhatThisGatewayDoesNotServe)
{
    Use();
    const sl_path path = WorkerBench::ClientPath(1);
    sl_preload_session recorded = Recorded(path, 7);
    recorded.cid_len = 9;
    EXPECT_EQ(ReasonOf(recorded), "its connection ID has 9 bytes, and a gateway's has 8: it was "
                                  "recorded somewhere else");
    recorded = Recorded(path, 7);
    recorded.tuple.local_ip.bytes[15]++;
    EXPECT_EQ(ReasonOf(recorded), "no port of this gateway has the server's address");
    recorded = Recorded(path, 7);
    recorded.tuple.local_port++;
    EXPECT_EQ(ReasonOf(recorded), "no listener of this gateway has port 4434");
    EXPECT_EQ(bench->sessions(), 0u);
}

TEST_F(WorkerPreload, WithoutConnectionIdsRefusesTheSameAddressesAndMoreThanFit)
{
    WorkerBench::Options options;
    options.sessions_max = 2;
    Use(options);
    ASSERT_EQ(Preload(Recorded(WorkerBench::ClientPath(1), -1)), 0) << reason;
    EXPECT_EQ(ReasonOf(Recorded(WorkerBench::ClientPath(1), -1)),
              "another session without a connection ID has the same addresses");
    ASSERT_EQ(Preload(Recorded(WorkerBench::ClientPath(1), 1)), 0)
        << "with one it may have them too: " << reason;
    EXPECT_EQ(ReasonOf(Recorded(WorkerBench::ClientPath(3), -1)),
              "there is no slot left for it: set 'sessions' higher");
}

TEST_F(WorkerPreload, AMessageToAnAddressThatIsNotTheFilesWaitsForAFrame)
{
    Use();
    bench->Attach(consumer);
    sl_preload_session recorded = Recorded(WorkerBench::ClientPath(1), 7);
    ASSERT_EQ(Preload(recorded), 0) << reason;
    bench->Turn(100);
    bench->frames_of[0] = 0;
    Peer client = ClientOf(recorded, WorkerBench::ClientPath(2));
    bench->Receive({Frame(client, SL_CONTENT_APPLICATION_DATA, Bytes(100, 1))});
    const uint64_t handle = consumer.Receive().at(0).session;
    ASSERT_TRUE(consumer.Send(SL_RING_SEND, handle, {1}));
    bench->Turn(5);
    EXPECT_EQ(bench->events(SL_COUNTER_COLLECTED), 0u);
    bench->frames_of.clear();
    bench->Turn();
    EXPECT_EQ(bench->Sent().size(), 1u);
}
