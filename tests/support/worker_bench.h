// A worker by itself: its frames, rings, consumers and a handshaker played by the test.
#ifndef WORKER_BENCH_H
#define WORKER_BENCH_H

extern "C" {
#include "sl_worker.h"
}

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace sluice
{

constexpr uint64_t kSecond = 1000000000ULL;

using Bytes = std::vector<uint8_t>;

// Frames on the heap, counted so that a lost or doubly freed one is noticed.
class FramePool
{
  public:
    static constexpr size_t kRoom = 12288; // a jumbo frame
    explicit FramePool(unsigned capacity = 4096) : capacity_(capacity) {}
    ~FramePool();
    sl_frame *Take(uint16_t group);
    sl_frame *TakeFilled(uint16_t group, const Bytes &bytes);
    void GiveBack(sl_frame *frame);
    size_t in_use() const
    {
        return live_.size();
    }
    void set_capacity(unsigned capacity)
    {
        capacity_ = capacity;
    }
    // Of the empty frames from now on; kRoom at most.
    void set_tailroom(uint16_t tailroom)
    {
        tailroom_ = tailroom;
    }

  private:
    unsigned capacity_;
    uint16_t tailroom_ = kRoom;
    std::set<sl_frame *> live_;
};

// What a consumer's end of an attachment sees.
struct Event {
    uint8_t kind;
    uint16_t detail;
    uint64_t session;
    Bytes payload;
};

// One consumer of one worker, over rings in plain memory.
class Consumer
{
  public:
    Consumer(uint32_t index, uint16_t service, uint16_t worker, uint64_t ring_size = 1 << 16);
    ~Consumer();
    std::vector<Event> Receive();
    bool Send(uint8_t kind, uint64_t session, const Bytes &payload = {});
    // That the address where the path leads is the peer's.
    bool Confirm(uint64_t session, const sl_path &path);
    sl_attachment *attachment()
    {
        return &attachment_;
    }
    // The shared memory of both rings, to scribble on.
    sl_ring_consumer_words *receive_words()
    {
        return &receive_consumer_words_;
    }
    uint8_t *send_data()
    {
        return static_cast<uint8_t *>(send_data_.get());
    }
    sl_ring_producer_words *send_words()
    {
        return &send_producer_words_;
    }
    uint64_t ring_size() const
    {
        return ring_size_;
    }
    // When it may be woken again: moves on with each attempt.
    const sl_wake_gate &wake_gate() const
    {
        return wake_gate_;
    }

  private:
    uint64_t ring_size_;
    sl_ring_producer_words receive_producer_words_{}, send_producer_words_{};
    sl_ring_consumer_words receive_consumer_words_{}, send_consumer_words_{};
    std::unique_ptr<void, void (*)(void *)> receive_data_, send_data_;
    sl_ring_consumer receive_{};
    sl_ring_producer send_{};
    sl_attachment attachment_{};
    sl_wake_gate wake_gate_{};
    int wake_end_ = -1;
};

// The peer's half of a session whose keys the test made up.
struct Peer {
    uint64_t handle = 0;
    sl_path path{}; // from the gateway's side: remote is the peer
    Bytes own_cid;  // the gateway's; empty: found by 5-tuple
    std::unique_ptr<sl_epoch> epoch;
};

class WorkerBench
{
  public:
    struct Options {
        unsigned index = 0, worker_count = 1;
        sl_peer_moves peer_moves = SL_PEER_MOVES_HOLD;
        uint32_t sessions_max = 64, half_open_max = 32;
        sl_crypto_backend crypto = SL_CRYPTO_OPENSSL;
        uint64_t handshaker_ring = 1 << 20, control_ring = 1 << 16;
        unsigned mtu = 1500;
        uint16_t plain_max = 0; // of every client; 0: as much as a record may have
        bool close_at_usage_limit = false;
        uint16_t tx_flags = 0; // SL_FRAME_TX_*: what the port does, and here is done on transmit
        sl_rx_checksum rx_checksum = SL_RX_CHECKSUM_AUTO; // REQUIRE: no frame goes the plain way
        unsigned group_count = 1;                         // the second serves kVlan
        const sl_admission_rules *admission = nullptr;
        uint8_t prefix_len_v4 = 32, prefix_len_v6 = 64;
        bool begins_sessions = false; // with kServers, from the local ports kConnectPort and on
    };
    explicit WorkerBench(const Options &options);
    WorkerBench() : WorkerBench(Options()) {}
    ~WorkerBench();

    // Frames in and out. Receive runs a whole turn afterwards.
    void Receive(const std::vector<Bytes> &frames)
    {
        ReceiveMixed(frames, {});
    }
    // Each from the group that stands at its place; from the first where there is none.
    void ReceiveMixed(const std::vector<Bytes> &frames, const std::vector<uint16_t> &groups);
    void TakeOver(const std::vector<Bytes> &frames);
    void Turn(unsigned turns = 1);
    std::vector<Bytes> Sent();         // frames transmitted since the last call
    std::vector<Bytes> SentPayloads(); // their UDP payloads

    // Frames of a client at this path.
    static sl_path ClientPath(uint32_t client, uint16_t port = 40000, bool v6 = false);
    static Bytes UdpFrame(const sl_path &path, const Bytes &payload);
    static Bytes ClientHello(const Bytes &cookie, uint8_t random_fill = 1, uint64_t seq = 0,
                             uint16_t msg_seq = 0);
    static Bytes CookieOf(const Bytes &hello_verify);

    // Takes a client through cookie, keys and established, the test playing the handshaker.
    uint64_t BeginHandshake(const sl_path &path, uint8_t random_fill = 1);
    void GiveKeys(Peer &peer, bool with_cid, sl_aead_alg alg = SL_AEAD_AES_128_GCM,
                  uint64_t write_next = 0, uint64_t forged = 0);
    void Establish(Peer &peer, uint64_t expires_ns = 0);
    // What Establish gives as the peer's chain: the handshaker's, until it hears that it is closed.
    const sl_peer_chain *chain = nullptr;
    Peer Connect(const sl_path &path, bool with_cid, uint8_t random_fill = 1,
                 sl_aead_alg alg = SL_AEAD_AES_128_GCM, uint64_t expires_ns = 0);
    Bytes Seal(Peer &peer, uint8_t type, const Bytes &plain);
    // Opens a record that the gateway sent; empty when it does not verify.
    struct Opened {
        bool ok;
        uint8_t type;
        Bytes plain;
    };
    Opened Open(Peer &peer, const Bytes &record);

    // The handshaker's and control's ends.
    struct Message {
        sl_message_kind kind;
        uint64_t session;
        Bytes body;
    };
    std::vector<Message> ToHandshaker();
    void FromHandshaker(sl_message_kind kind, uint64_t session, const void *body, size_t len,
                        const Bytes &bytes = {});
    std::vector<Message> ToControl();
    void Attach(sl_attachment *attachment);
    void Detach(sl_attachment *attachment);
    void Attach(Consumer &consumer)
    {
        Attach(consumer.attachment());
    }
    void Detach(Consumer &consumer)
    {
        Detach(consumer.attachment());
    }
    void Admit(const sl_admission_rules *rules); // in place of those before
    void Stop();
    void FromControl(sl_message_kind kind, const void *body, size_t len);
    // The same without a turn: as ToControl, for a thread beside the worker's.
    void PostFromControl(sl_message_kind kind, const void *body, size_t len);

    uint64_t drops(sl_drop drop) const
    {
        return sl_worker_counters(worker_)->drops[drop];
    }
    uint64_t events(sl_counter counter) const
    {
        return sl_worker_counters(worker_)->events[counter];
    }
    uint64_t sessions() const
    {
        return sl_worker_counters(worker_)->sessions;
    }
    uint64_t half_open() const
    {
        return sl_worker_counters(worker_)->half_open;
    }
    // Reasons for which any bench so far has dropped something.
    static const std::set<sl_drop> &ReachedDrops();
    // Empty, or what is wrong with the equation of docs/architecture.md.
    std::string CheckEquation() const;

    uint64_t now_ns = 1000 * kSecond;
    FramePool pool;
    sl_worker *worker()
    {
        return worker_;
    }
    unsigned transmit_limit = UINT32_MAX;   // frames that the ports still take
    std::set<unsigned> blocked;             // groups whose port takes none
    std::map<unsigned, unsigned> room_of;   // a group whose port takes so many more
    std::map<unsigned, unsigned> frames_of; // a group that has so many left; others have enough
    unsigned frame_requests = 0;            // how often the worker has asked for frames
    unsigned sums_left_to_port = 0;         // UDP checksums that it was asked to complete
    std::vector<std::pair<unsigned, Bytes>> handed_over;
    unsigned hand_over_limit = UINT32_MAX;
    static const uint8_t kMac[6];
    static const uint16_t kPort = 4433;
    static const uint16_t kVlan = 7;
    static const uint16_t kConnectPort = 50000, kConnectPorts = 100;
    static std::vector<sl_ip> Servers(); // that sessions are begun with

  private:
    static void FreeFrames(void *arg, sl_frame **frames, unsigned n);
    static unsigned TakeFrames(void *arg, unsigned group, sl_frame **frames, unsigned n);
    static unsigned Transmit(void *arg, unsigned group, sl_frame **frames, unsigned n);
    static unsigned HandOver(void *arg, unsigned worker, sl_frame **frames, unsigned n);
    static std::vector<Message> Drain(sl_ring *ring);

    uint8_t shard_owner_[SL_SHARDS];
    sl_ring *to_handshaker_, *from_handshaker_, *to_control_, *from_control_;
    std::unique_ptr<uint8_t, void (*)(void *)> region_;
    sl_worker *worker_;
    sl_aead *aead_;
    std::vector<Bytes> sent_;
    uint16_t plain_max_;
    sl_rx_checksum rx_checksum_;
};

} // namespace sluice

#endif
