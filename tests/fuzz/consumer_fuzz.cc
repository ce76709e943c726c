/**
 * A consumer that writes what it likes to all it may write: its send ring, its words, the index of
 * its receive ring. It may lose its rings; the worker, the other consumer and the other's sessions
 * notice nothing. Its session moves between two ports, which have no room or no frames now and
 * then; that of the other stays at the first one, and waits for that one alone. lib/worker,
 * docs/ring-protocol.md, docs/decisions/a-short-port.md
 */
#include "fatal_gtest.h"
#include "fuzz.h"

#include <algorithm>

#include "worker_bench.h"

using fuzz::Bytes;
using fuzz::join;
using sluice::Consumer;
using sluice::Peer;
using sluice::WorkerBench;

namespace
{

constexpr uint64_t kRingSize = 8192; /* a quarter of it does not fit into a datagram */

class World
{
  public:
    explicit World(fuzz::Input &input)
        : input_(input), bench_(options()), good_(0, 0, 0), bad_(1, 0, 0, kRingSize)
    {
        bench_.Attach(good_);
        good_peer_ = bench_.Connect(WorkerBench::ClientPath(1), true, 1);
        bench_.Attach(bad_);
        bad_peer_ = bench_.Connect(WorkerBench::ClientPath(2), true, 2);
        FUZZ_CHECK(good_.Receive().size() == 1 && bad_.Receive().size() == 1);
        bench_.Sent();
    }

    void run()
    {
        for (unsigned n = 0; n < 64 && !input_.is_empty(); n++) {
            step(input_.u8());
            check_sent();
        }
        bench_.room_of.clear();
        bench_.frames_of.clear();
        bench_.Turn(8);
        check_sent();
        check_good();
        check_counts();
    }

  private:
    static WorkerBench::Options options()
    {
        WorkerBench::Options options;
        options.handshaker_ring = 1 << 16;
        options.group_count = 2;
        return options;
    }

    void step(uint8_t what)
    {
        if (what >= 0xf0)
            return port_step(what);
        switch (what % 14) {
        case 0:
            bench_.Turn();
            break;
        case 1:
            bad_.Send(SL_RING_SEND, bad_peer_.handle, Bytes(input_.u16() % 2000, what));
            break;
        case 2: { /* on a handle that is not its own */
            const uint64_t handle = some_handle();
            bad_.Send((uint8_t)(SL_RING_SEND + what / 16 % 3), handle, input_.bytes(what));
            break;
        }
        case 3: {
            const uint8_t kind = input_.u8();
            bad_.Send(kind, bad_peer_.handle, input_.bytes(40));
            break;
        }
        case 4:
            bad_.send_words()->head += some_number();
            break;
        case 5:
            bad_.receive_words()->tail += some_number();
            break;
        case 6:
            bad_.receive_words()->sleeping = input_.u8();
            break;
        case 7: { /* a header at a place where one may be */
            const size_t at = input_.u8() % (kRingSize / SL_RING_ALIGN) * SL_RING_ALIGN;
            const Bytes bytes = input_.bytes(16);
            std::copy(bytes.begin(), bytes.end(), bad_.send_data() + at);
            break;
        }
        case 8:
            memset(bad_.send_data(), 0, kRingSize);
            break;
        case 9: { /* its peer fills its receive ring */
            const Bytes record =
                bench_.Seal(bad_peer_, SL_CONTENT_APPLICATION_DATA, Bytes(input_.u8() * 4U, what));
            bench_.Receive({WorkerBench::UdpFrame(bad_peer_.path, record)});
            break;
        }
        case 10:
            (void)bad_.Receive();
            break;
        case 11: { /* its peer moves, or seems to */
            sl_path path = bad_peer_.path;
            path.tuple.remote_port = (uint16_t)(path.tuple.remote_port + input_.u8() % 4);
            const Bytes record = bench_.Seal(bad_peer_, SL_CONTENT_APPLICATION_DATA, {what});
            bench_.Receive({WorkerBench::UdpFrame(path, record)});
            break;
        }
        case 12: {
            sl_path path = bad_peer_.path;
            path.tuple.remote_port = (uint16_t)(path.tuple.remote_port + input_.u8() % 4);
            bad_.Confirm(bad_peer_.handle, path);
            break;
        }
        default:
            send_from_good();
        }
    }

    /** Of the ports, the lowest bit says which. */
    void port_step(uint8_t what)
    {
        const unsigned port = what & 1;
        switch (what / 2 % 8) {
        case 0: /* takes so many frames, and no more */
            bench_.room_of[port] = input_.u8() % 64;
            was_first_short_ |= port == 0;
            break;
        case 1: /* has so many empty ones */
            bench_.frames_of[port] = input_.u8() % 64;
            was_first_short_ |= port == 0;
            break;
        case 2:
            bench_.room_of.erase(port);
            break;
        case 3:
            bench_.frames_of.erase(port);
            break;
        case 4: /* the bad one's peer is heard there */
            move_to(port);
            break;
        default: /* a port that is short is given up after 100 ms */
            bench_.now_ns += 60 * 1000000ULL;
            bench_.Turn(2);
        }
    }

    void move_to(unsigned port)
    {
        sl_path path = bad_peer_.path;
        path.tuple.remote_port = (uint16_t)(path.tuple.remote_port + input_.u8() % 4);
        path.hop.vlan_id = port == 0 ? (uint16_t)SL_VLAN_NONE : WorkerBench::kVlan;
        const Bytes record = bench_.Seal(bad_peer_, SL_CONTENT_APPLICATION_DATA, Bytes(100));
        bench_.ReceiveMixed({WorkerBench::UdpFrame(path, record)}, {(uint16_t)port});
    }

    uint64_t some_number()
    {
        return input_.u8() & 1 ? input_.u64() : input_.u8() * (uint64_t)SL_RING_ALIGN;
    }

    uint64_t some_handle()
    {
        const uint64_t near[] = {good_peer_.handle, good_peer_.handle + (1ULL << 28),
                                 bad_peer_.handle - (1ULL << 28), 0, UINT64_MAX};
        const uint8_t which = input_.u8();
        return which < 5 ? near[which] : input_.u64();
    }

    void send_from_good()
    {
        const Bytes plain = {'g', serial_++};
        if (good_.Send(SL_RING_SEND, good_peer_.handle, plain))
            expected_.push_back(plain);
        bench_.Turn(8);
        check_sent();
        FUZZ_CHECK(was_first_short_ || (expected_.empty() && skipped_ == 0));
    }

    /** The good consumer's peer has got a message; those before it that he has not were refused. */
    void take_expected(const Bytes &plain)
    {
        const auto at = std::find(expected_.begin(), expected_.end(), plain);
        FUZZ_CHECK(at != expected_.end());
        skipped_ += (uint64_t)(at - expected_.begin());
        expected_.erase(expected_.begin(), at + 1);
        FUZZ_CHECK(skipped_ <= refused_for_a_port());
    }

    uint64_t refused_for_a_port() const
    {
        return bench_.drops(SL_DROP_SEND_PORT) + bench_.drops(SL_DROP_SEND_NO_BUFFER);
    }

    /** The good consumer's peer gets what that consumer sent, in order, and from nobody else. */
    void check_sent()
    {
        for (const Bytes &bytes : bench_.Sent()) {
            sl_frame *frame = bench_.pool.TakeFilled(0, bytes);
            FUZZ_CHECK(sl_wire_parse_frame(frame, SL_RX_CHECKSUM_REQUIRE) == SL_DROP_NONE);
            const uint8_t *payload = frame->data + frame->payload_off;
            const Bytes record(payload, payload + frame->payload_len);
            const bool to_good = memcmp(&frame->path.tuple.local_ip,
                                        &good_peer_.path.tuple.remote_ip, sizeof(sl_ip)) == 0;
            bench_.pool.GiveBack(frame);
            const auto opened = bench_.Open(to_good ? good_peer_ : bad_peer_, record);
            FUZZ_CHECK(opened.ok);
            if (!to_good)
                continue;
            FUZZ_CHECK(opened.type == SL_CONTENT_APPLICATION_DATA);
            take_expected(opened.plain);
        }
    }

    void check_good()
    {
        send_from_good();
        FUZZ_CHECK(expected_.empty());
        const Bytes record = bench_.Seal(good_peer_, SL_CONTENT_APPLICATION_DATA, {1, 2, 3});
        bench_.Receive({WorkerBench::UdpFrame(good_peer_.path, record)});
        bool was_delivered = false;
        for (const sluice::Event &event : good_.Receive()) {
            /* Sessions of a consumer that was evicted are given to it, with their open event. */
            const bool is_own = event.session == good_peer_.handle;
            const bool is_refusal = event.kind == SL_RING_REFUSED &&
                                    event.detail == SL_REFUSE_NO_BUFFER && was_first_short_;
            FUZZ_CHECK(is_own ? event.kind == SL_RING_DATA || is_refusal
                              : event.session == bad_peer_.handle);
            was_delivered |= is_own && event.payload == Bytes{1, 2, 3};
        }
        FUZZ_CHECK(was_delivered);
    }

    void check_counts()
    {
        FUZZ_CHECK_EMPTY(bench_.CheckEquation());
        unsigned evicted = 0;
        for (const auto &message : bench_.ToControl()) {
            sl_message_consumer body;
            FUZZ_CHECK(message.kind == SL_MESSAGE_EVICT && message.body.size() >= sizeof body);
            memcpy(&body, message.body.data(), sizeof body);
            FUZZ_CHECK(body.consumer == 1);
            evicted++;
        }
        FUZZ_CHECK(evicted <= 1 && bench_.drops(SL_DROP_SEND_MALFORMED) <= evicted);
        /* Each message collected was sent, or has its one reason. */
        uint64_t refused = refused_for_a_port();
        for (sl_drop drop : {SL_DROP_SEND_HANDLE, SL_DROP_SEND_TOO_LARGE, SL_DROP_SEND_CLOSING,
                             SL_DROP_SEND_AMPLIFY})
            refused += bench_.drops(drop);
        const uint64_t collected = bench_.events(SL_COUNTER_COLLECTED);
        const uint64_t sent = bench_.events(SL_COUNTER_TX_RECORDS);
        FUZZ_CHECK(collected <= sent + refused && sent <= collected + 1); /* a close_notify */
    }

    fuzz::Input &input_;
    WorkerBench bench_;
    Consumer good_, bad_;
    Peer good_peer_, bad_peer_;
    std::vector<Bytes> expected_; /* to come to the good one's peer */
    uint64_t skipped_ = 0;        /* of them; they were refused */
    bool was_first_short_ = false;
    uint8_t serial_ = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    World(input).run();
    return 0;
}

std::vector<Bytes> fuzz::seeds()
{
    const Bytes turn = {0}, send = {1, 0, 100}, good = {13}, fill = {9, 200}, read = {10};
    std::vector<Bytes> seeds = {
        join({send, send, turn, good, fill, read, send, turn}),
        join({fill, fill, fill, fill, fill, fill, fill, good, read, fill}),
        join({{2, 0, 0, 18, 0, 1, 2, 34, 3}, turn, good}),
        join({{11, 1}, read, send, turn, {12, 1}, turn, read, send, turn, {11, 2}, {12, 1}, turn}),
        join(
            {{11, 1}, {11, 1}, send, send, send, send, turn, {1, 7, 100}, {1, 5, 200}, turn, good}),
        join({{3, 17}, Bytes(40), turn, {3, 18}, Bytes(40), turn, {3, 0}, Bytes(40), turn}),
    };
    const Bytes moves = {0xf9, 1}, confirm = {12, 1}, later = {0xff}, dry = {0xf3, 0},
                full = {0xf1, 0}, recovers = {0xf5, 0xf7};
    const Bytes burst = join({send, send, send, send});
    Bytes many;
    for (unsigned i = 0; i < 5; i++) /* more than the empty frames that the worker has already */
        many = join({many, burst, burst, turn});
    for (const Bytes &is_short : {dry, full}) {
        const Bytes waits = join({moves, confirm, is_short, many, good});
        seeds.push_back(join({waits, recovers, turn, good}));
        seeds.push_back(join({waits, later, later, send, turn, good, recovers, send, turn}));
        seeds.push_back(join({waits, later, later, {3, 18}, Bytes(40), turn, good}));
        seeds.push_back(join({moves, is_short, many, good, confirm, later, later, good}));
    }
    for (uint8_t first : {0xf0, 0xf2})
        seeds.push_back(
            join({{first, 0}, many, good, good, later, later, good, {0xf4, 0xf6}, good}));
    for (uint8_t kind : {16, 17, 18, 19}) /* without a payload, as the last word */
        seeds.push_back(join({send, fill, turn, {3, kind}}));
    const Bytes wrongs[] = {
        {4, 0, 1},
        {4, 1, 0, 0, 0, 0, 0, 0, 0, 1},
        {5, 0, 2},
        {5, 1, 0xff},
        {8},
        {6, 1},
        {7, 0, 0xff, 0xff, 0, 0, 16},
        {7, 1, 32, 0, 0, 0, 0},
        {7, 2, 33, 0, 0, 0, 16},
    };
    for (const Bytes &wrong : wrongs) {
        seeds.push_back(join({send, wrong, turn, send, turn, fill, good}));
        seeds.push_back(join({send, turn, wrong, send, wrong, turn, good, fill, turn}));
    }
    return seeds;
}
