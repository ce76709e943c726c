// The batch path and a path of one record at a time, side by side: two workers with the same
// secrets get the same frames, one of them in bursts. What is delivered, told, sent, counted and
// dropped must be the same, byte for byte.
#include "packets.h"
#include "worker_bench.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

using sluice::Consumer;
using sluice::Event;
using sluice::Peer;
using sluice::WorkerBench;

namespace sluice
{

bool operator==(const Event &a, const Event &b)
{
    return a.kind == b.kind && a.detail == b.detail && a.session == b.session &&
           a.payload == b.payload;
}
bool operator==(const WorkerBench::Message &a, const WorkerBench::Message &b)
{
    return a.kind == b.kind && a.session == b.session && a.body == b.body;
}

} // namespace sluice

namespace
{

constexpr unsigned kPeers = 12;
constexpr uint64_t kRoundNs = 20000; // so that no timer ends a session meanwhile
constexpr size_t kHistory = 512;

// A worker and those around it, driven at a time that is given.
struct Side {
    WorkerBench bench;
    Consumer consumer{0, 0, 0, 1 << 20};
    std::vector<Peer> peers;
    uint64_t now_ns = 0;

    Side(sl_crypto_backend crypto, sl_peer_moves moves) : bench(OptionsOf(crypto, moves))
    {
        bench.Attach(consumer);
        for (unsigned i = 0; i < kPeers; i++)
            peers.push_back(bench.Connect(WorkerBench::ClientPath(i + 1, 40000, i % 4 == 3),
                                          i % 3 != 2, (uint8_t)(i + 1),
                                          (sl_aead_alg)(i / 2 % SL_AEAD_ALG_COUNT)));
        consumer.Receive();
        bench.Sent();
        now_ns = bench.now_ns;
    }
    static WorkerBench::Options OptionsOf(sl_crypto_backend crypto, sl_peer_moves moves)
    {
        WorkerBench::Options options;
        options.crypto = crypto;
        options.peer_moves = moves;
        return options;
    }
    void Receive(const Bytes *frames, size_t n)
    {
        sl_frame *burst[SL_BURST];
        for (size_t i = 0; i < n; i++)
            burst[i] = bench.pool.TakeFilled(0, frames[i]);
        sl_worker_receive(bench.worker(), burst, (unsigned)n, now_ns);
        Turn();
    }
    void Turn()
    {
        sl_worker_turn(bench.worker(), now_ns);
    }
};

struct Message {
    unsigned peer;
    Bytes plain;
};

// What clients and others send, made up as it goes; the same for the same seed.
class Traffic
{
  public:
    Traffic(Side &sealer, uint64_t seed) : sealer_(sealer), random_(seed) {}

    unsigned Below(unsigned n)
    {
        return (unsigned)(random_() % n);
    }
    Bytes Noise(size_t len)
    {
        Bytes bytes(len);
        for (uint8_t &byte : bytes)
            byte = (uint8_t)random_();
        return bytes;
    }
    Bytes Frame()
    {
        if (Below(40) == 0)
            return Other();
        const unsigned peer = Below(kPeers);
        sl_path path = sealer_.peers[peer].path;
        if (Below(25) == 0) // somewhere else, for once; often back at the same place
            path.tuple.remote_port = (uint16_t)(50000 + Below(3));
        Bytes frame = WorkerBench::UdpFrame(path, Payload(peer));
        if (Below(50) == 0)
            frame[Below((unsigned)frame.size())] ^= (uint8_t)(1 + Below(255));
        return frame;
    }
    Message ToPeer()
    {
        return {Below(kPeers), Noise(Length())};
    }

  private:
    size_t Length()
    {
        return Below(4) == 0 ? Below(600) : Below(80);
    }
    Bytes Record(unsigned peer)
    {
        const unsigned kind = Below(60);
        Peer &who = sealer_.peers[peer];
        if (kind == 0) // a warning that ends nothing
            return sealer_.bench.Seal(who, SL_CONTENT_ALERT, {1, 90});
        if (kind == 1) // a Finished once more, or another message
            return sealer_.bench.Seal(who, SL_CONTENT_HANDSHAKE, {(uint8_t)(19 + Below(2)), 0, 0});
        if (kind == 2)
            return sealer_.bench.Seal(who, (uint8_t)Below(20), Noise(3));
        return sealer_.bench.Seal(who, SL_CONTENT_APPLICATION_DATA, Noise(Length()));
    }
    Bytes Remember(unsigned peer, Bytes payload)
    {
        history_[peer].push_back(payload);
        if (history_[peer].size() > kHistory)
            history_[peer].erase(history_[peer].begin(), history_[peer].begin() + kHistory / 2);
        return payload;
    }
    // One that was sent before; mostly just now, so that it meets its first copy in one burst.
    Bytes Again(unsigned peer)
    {
        const auto &all = history_[peer];
        if (all.empty())
            return {};
        const unsigned back = Below(Below(2) ? 3 : (unsigned)all.size()) % (unsigned)all.size();
        return all[all.size() - 1 - back];
    }
    Bytes Payload(unsigned peer)
    {
        const unsigned kind = Below(100);
        if (kind < 50)
            return Remember(peer, Record(peer));
        if (kind < 58) { // held back, to come late
            late_[peer].push_back(Record(peer));
            return Remember(peer, Record(peer));
        }
        if (kind < 64 && !late_[peer].empty()) {
            Bytes payload = late_[peer].front();
            late_[peer].erase(late_[peer].begin());
            return Remember(peer, payload);
        }
        if (kind < 74)
            return Again(peer);
        Bytes payload = Record(peer);
        if (kind < 82) { // several records; of others too
            for (unsigned n = 1 + Below(3); n > 0; n--) {
                Bytes more = Below(8) ? Record(peer) : Record(Below(kPeers));
                payload.insert(payload.end(), more.begin(), more.end());
            }
            return Remember(peer, payload);
        }
        if (kind < 90)
            payload[Below((unsigned)payload.size())] ^= (uint8_t)(1 + Below(255));
        else if (kind < 95)
            payload.resize(Below((unsigned)payload.size()));
        else
            payload = Noise(Below(120));
        return payload;
    }
    Bytes Other()
    {
        const sl_path stranger = WorkerBench::ClientPath(200 + Below(50));
        switch (Below(6)) {
        case 0:
            return ArpRequest();
        case 1:
            return EchoFrame4(Noise(20));
        case 2:
            return Icmp6Frame(Solicitation(V6(1), true), 255, V6(7), V6(1));
        case 3:
            return Noise(1 + Below(100));
        case 4: // a cookie that is none
            return WorkerBench::UdpFrame(stranger, WorkerBench::ClientHello(Noise(17), 1, 1, 1));
        default:
            return WorkerBench::UdpFrame(stranger, WorkerBench::ClientHello({}));
        }
    }

    Side &sealer_;
    std::mt19937_64 random_;
    std::vector<Bytes> history_[kPeers], late_[kPeers];
};

// Everything that came of a round, of both.
class Comparison
{
  public:
    Comparison(sl_crypto_backend batch, sl_crypto_backend single, sl_peer_moves moves)
        : batch_(batch, moves), single_(single, moves), traffic_(batch_, (uint64_t)moves + 1)
    {
        for (unsigned i = 0; i < kPeers; i++)
            EXPECT_EQ(batch_.peers[i].handle, single_.peers[i].handle);
    }

    void Run(unsigned frames)
    {
        for (unsigned done = 0; done < frames && !testing::Test::HasFailure();) {
            const unsigned n = 1 + traffic_.Below(SL_BURST);
            Round(n);
            done += n;
        }
        EXPECT_EQ(batch_.bench.sessions(), kPeers);
        EXPECT_EQ(single_.bench.sessions(), kPeers);
    }
    // The mix holds what it is to hold.
    void ExpectAllKinds(unsigned frames)
    {
        for (sl_drop drop : {SL_DROP_AUTH, SL_DROP_REPLAY, SL_DROP_RECORD_HEADER,
                             SL_DROP_CONTENT_TYPE, SL_DROP_RENEGOTIATION, SL_DROP_UNKNOWN_CID})
            EXPECT_GT(batch_.bench.drops(drop), 0u) << sl_drop_name(drop);
        EXPECT_GT(batch_.bench.events(SL_COUNTER_DELIVERED), frames / 3);
        EXPECT_GT(batch_.bench.events(SL_COUNTER_TX_RECORDS), frames / 100);
    }

  private:
    void Round(unsigned n)
    {
        std::vector<Bytes> frames;
        for (unsigned i = 0; i < n; i++)
            frames.push_back(traffic_.Frame());
        batch_.now_ns += kRoundNs;
        single_.now_ns += kRoundNs;
        batch_.Receive(frames.data(), n);
        for (const Bytes &frame : frames)
            single_.Receive(&frame, 1);
        std::vector<Event> moved = Compare(false);
        if (traffic_.Below(4) == 0)
            Send(traffic_.Below(SL_BURST));
        if (!moved.empty() && traffic_.Below(2) == 0)
            Confirm(moved.back());
    }
    void Send(unsigned n)
    {
        for (unsigned i = 0; i < n; i++) {
            Message message = traffic_.ToPeer();
            for (Side *side : {&batch_, &single_})
                EXPECT_TRUE(side->consumer.Send(SL_RING_SEND, side->peers[message.peer].handle,
                                                message.plain));
            single_.Turn();
        }
        for (unsigned i = 0; i < 4; i++) // its send ring may be a quiet one, and its turn not now
        {
            batch_.Turn();
            single_.Turn();
        }
        Compare(true);
    }
    void Confirm(const Event &moved)
    {
        for (Side *side : {&batch_, &single_}) {
            EXPECT_TRUE(side->consumer.Send(SL_RING_CONFIRM_MOVE, moved.session, moved.payload));
            side->Turn();
            side->Turn();
        }
        Compare(true);
    }
    // Answers to strangers leave stage by stage: for them alone the order may differ.
    std::vector<Event> Compare(bool sent_in_order)
    {
        std::vector<Event> events = batch_.consumer.Receive(), moved;
        EXPECT_TRUE(events == single_.consumer.Receive());
        std::vector<Bytes> sent = batch_.bench.Sent(), expected = single_.bench.Sent();
        if (!sent_in_order) {
            std::sort(sent.begin(), sent.end());
            std::sort(expected.begin(), expected.end());
        }
        EXPECT_TRUE(sent == expected);
        EXPECT_TRUE(batch_.bench.ToHandshaker() == single_.bench.ToHandshaker());
        EXPECT_TRUE(batch_.bench.ToControl() == single_.bench.ToControl());
        for (unsigned i = 0; i < SL_DROP_COUNT; i++)
            EXPECT_EQ(batch_.bench.drops((sl_drop)i), single_.bench.drops((sl_drop)i))
                << sl_drop_name((sl_drop)i);
        for (unsigned i = 0; i < SL_COUNTER_COUNT; i++)
            if (i != SL_COUNTER_POLLS && i != SL_COUNTER_IDLE_POLLS) { // of turns, not of packets
                EXPECT_EQ(batch_.bench.events((sl_counter)i), single_.bench.events((sl_counter)i))
                    << "counter " << i;
            }
        for (const Event &event : events)
            if (event.kind == SL_RING_MOVED)
                moved.push_back(event);
        return moved;
    }

    Side batch_, single_;
    Traffic traffic_;
};

bool CanRun(sl_crypto_backend backend)
{
    sl_aead *aead = sl_aead_create(backend);
    sl_aead_destroy(aead);
    return aead != nullptr;
}

} // namespace

TEST(Differential, AMillionFramesInBurstsAreWhatTheyAreOneByOne)
{
    constexpr unsigned kFrames = 1000000;
    Comparison comparison(SL_CRYPTO_AUTO, SL_CRYPTO_OPENSSL, SL_PEER_MOVES_HOLD);
    comparison.Run(kFrames);
    comparison.ExpectAllKinds(kFrames);
}

TEST(Differential, EachBackendAgreesWithLibcrypto)
{
    constexpr unsigned kFrames = 50000;
    for (unsigned i = SL_CRYPTO_AUTO + 1; i <= SL_CRYPTO_OPENSSL; i++) {
        SCOPED_TRACE(i);
        if (!CanRun((sl_crypto_backend)i))
            continue;
        for (sl_peer_moves moves :
             {SL_PEER_MOVES_HOLD, SL_PEER_MOVES_ACCEPT, SL_PEER_MOVES_REFUSE}) {
            Comparison comparison((sl_crypto_backend)i, SL_CRYPTO_OPENSSL, moves);
            comparison.Run(kFrames);
            comparison.ExpectAllKinds(kFrames);
        }
    }
}
