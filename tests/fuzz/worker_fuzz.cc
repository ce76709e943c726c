/**
 * A worker with sessions in every state, and a network that sends what it likes. Whatever comes:
 * each record is counted once, frames return to their pool, strangers get at most one answer, no
 * longer than what they sent; and nothing of a session changes but by its peer's own records.
 */
#include "fatal_gtest.h"
#include "fuzz.h"

#include <algorithm>
#include <memory>
#include <set>

#include "packets.h"
#include "worker_bench.h"

using fuzz::join;
using sluice::Consumer;
using sluice::Peer;
using sluice::WorkerBench;

namespace
{

constexpr uint64_t kIdle = 300 * sluice::kSecond;
constexpr size_t kPayloadMax = 1400;
constexpr uint8_t kRestart = 99; /* fills the random of a client that starts again */

enum { CID4, TUPLE4, CID6, KEYED, HALF_OPEN, PEERS };

/** A record that a peer sealed. Who has its bytes can make the gateway take it, once. */
struct Sealed {
    unsigned peer;
    uint8_t type;
    Bytes plain;
    Bytes record;
};

class World
{
  public:
    World(fuzz::Input &input, uint8_t mode)
        : input_(input), workers_(mode & 1 ? 2 : 1), bench_(options(0, mode)), consumer_(0, 0, 0)
    {
        if (workers_ == 2)
            other_ = std::make_unique<WorkerBench>(options(1, mode));
        bench_.Attach(consumer_);
        for (unsigned i = 0; i < PEERS; i++)
            connect(i);
        cookie_ = cookie_for(stranger(), 1);
        restart_cookie_ = cookie_for(peers_[TUPLE4].path, kRestart);
        quiet_since_ = bench_.now_ns;
    }

    void run()
    {
        for (unsigned n = 0; n < 24 && !input_.is_empty(); n++)
            step();
        flush();
    }

    /** What the input did not do by a peer's own records is as it was. */
    void check_sessions(bool by_time)
    {
        if (by_time && authentic_.empty())
            check_timers();
        else
            for (unsigned i = 0; i < PEERS; i++)
                if (authentic_.count(i) == 0)
                    check_session(i);
    }

  private:
    WorkerBench::Options options(unsigned index, uint8_t mode) const
    {
        WorkerBench::Options options;
        options.index = index;
        options.worker_count = workers_;
        options.peer_moves = (sl_peer_moves)(mode / 2 % 3);
        options.rx_checksum = mode & 0x40 ? SL_RX_CHECKSUM_REQUIRE : SL_RX_CHECKSUM_AUTO;
        options.handshaker_ring = 1 << 16;
        return options;
    }

    /** A client whose 5-tuple belongs to worker 0. */
    sl_path path_of(unsigned client, bool v6) const
    {
        sl_path path = WorkerBench::ClientPath(client, 40000, v6);
        while ((uint8_t)sl_wire_rss_hash(&path.tuple) % workers_ != 0)
            path.tuple.remote_port++;
        return path;
    }
    sl_path stranger() const
    {
        return path_of(99, false);
    }

    void connect(unsigned i)
    {
        const bool with_cid = i != TUPLE4;
        sl_path path = path_of(i + 1, i == CID6);
        if (i < KEYED) {
            peers_[i] = bench_.Connect(path, with_cid, (uint8_t)(i + 1));
        } else {
            peers_[i].path = path;
            peers_[i].handle = bench_.BeginHandshake(path, (uint8_t)(i + 1));
        }
        if (i == KEYED)
            bench_.GiveKeys(peers_[i], false);
        FUZZ_CHECK(peers_[i].handle != 0);
        bench_.ToHandshaker();
        consumer_.Receive();
    }

    Bytes cookie_for(const sl_path &path, uint8_t random)
    {
        bench_.Receive({WorkerBench::UdpFrame(path, WorkerBench::ClientHello({}, random))});
        std::vector<Bytes> answers = bench_.SentPayloads();
        FUZZ_CHECK(answers.size() == 1);
        return WorkerBench::CookieOf(answers[0]);
    }

    Bytes seal(unsigned peer, uint8_t type, const Bytes &plain)
    {
        Bytes record = bench_.Seal(peers_[peer], type, plain);
        fresh_.push_back({peer, type, plain, record});
        if (!peers_[peer].own_cid.empty())
            unpad(fresh_.back());
        return record;
    }

    /** Behind a connection ID a type of 0 is padding, and what stands before it the type. */
    static void unpad(Sealed &sealed)
    {
        for (; sealed.type == 0 && !sealed.plain.empty(); sealed.plain.pop_back())
            sealed.type = sealed.plain.back();
    }

    /** Of any type, with any content. */
    Bytes seal_any(unsigned peer)
    {
        const uint8_t type = input_.u8();
        return seal(peer, type, input_.bytes(8));
    }

    Bytes data_of(unsigned peer)
    {
        return seal(peer, SL_CONTENT_APPLICATION_DATA, {(uint8_t)peer, serial_++, input_.u8()});
    }

    static Bytes plaintext_record(uint8_t type, const Bytes &body)
    {
        Bytes header(SL_RECORD_HEADER_LEN);
        sl_wire_write_record_header(header.data(), type, 0, 7, (uint16_t)body.size());
        return join({header, body});
    }

    /** A ClientHello as two records, cut somewhere. */
    static Bytes in_fragments(const Bytes &hello, uint8_t at)
    {
        constexpr size_t body = SL_RECORD_HEADER_LEN + SL_HANDSHAKE_HEADER_LEN;
        const size_t cut = body + at % (hello.size() - body);
        Bytes first(hello.begin(), hello.begin() + (long)cut);
        Bytes second(hello.begin(), hello.begin() + body);
        second.insert(second.end(), hello.begin() + (long)cut, hello.end());
        sl_store_be16(&first[11], (uint16_t)(cut - SL_RECORD_HEADER_LEN));
        sl_store_be16(&second[11], (uint16_t)(second.size() - SL_RECORD_HEADER_LEN));
        first[24] = (uint8_t)(cut - body);
        second[21] = (uint8_t)(cut - body);
        second[24] = (uint8_t)(second.size() - body);
        return join({first, second});
    }

    /** A datagram's payload that makes sense, and whose it is. */
    Bytes make_payload(uint8_t which, sl_path &path)
    {
        const unsigned peer = which / 16 % PEERS;
        path = peers_[peer].path;
        switch (which % 16) {
        case 0:
            path = stranger();
            return WorkerBench::ClientHello({}, input_.u8());
        case 1:
            path = stranger();
            return WorkerBench::ClientHello(cookie_, 1, 1, 1);
        case 2:
            return WorkerBench::ClientHello({}, input_.u8());
        case 3: /* the client without a connection ID starts again beside its session */
            path = peers_[TUPLE4].path;
            return WorkerBench::ClientHello(restart_cookie_, kRestart, 1, 1);
        case 4: /* a message of the handshake */
            return plaintext_record(SL_CONTENT_HANDSHAKE,
                                    {16, 0, 0, 3, 0, 2, 0, 0, 0, 0, 0, 3, 2, 9, 9});
        case 5:
            return plaintext_record(SL_CONTENT_ALERT, {2, input_.u8()});
        case 6:
            return plaintext_record(input_.u8(), input_.bytes(16));
        case 7:
            return input_.bytes(input_.u8());
        case 8: /* once more */
            return used_.empty() ? Bytes{} : used_[input_.u8() % used_.size()].record;
        case 9: /* several records; those of another are not looked at */
            return join({data_of(CID4), data_of(TUPLE4), data_of(CID6), data_of(CID4)});
        case 10:
            path = stranger();
            return in_fragments(WorkerBench::ClientHello(cookie_, 1, 1, 1), input_.u8());
        case 11:
            return peer == HALF_OPEN ? Bytes{} : seal_any(peer);
        default:
            return peer == HALF_OPEN ? Bytes{} : data_of(peer);
        }
    }

    Bytes make_frame()
    {
        const uint8_t which = input_.u8();
        sl_path path;
        if (which >= 0xf0) {
            Bytes frame = other_packet(which);
            fuzz::damage(input_, frame);
            return frame;
        }
        Bytes payload = make_payload(which, path);
        fuzz::damage(input_, payload);
        if (payload.size() > kPayloadMax)
            payload.resize(kPayloadMax);
        const uint8_t from = input_.u8(); /* somewhere else, now and then */
        if (from & 0x80)
            path.tuple.remote_port = (uint16_t)(path.tuple.remote_port + from);
        if (from & 0x40)
            path.hop.mac[5] = from;
        Bytes frame = WorkerBench::UdpFrame(path, payload);
        fuzz::damage(input_, frame);
        return frame;
    }

    Bytes other_packet(uint8_t which)
    {
        switch (which % 6) {
        case 0:
            return ArpRequest();
        case 1:
            return EchoFrame4(input_.bytes(20));
        case 2:
            return Icmp6Frame(join({{128, 0, 0, 0, 1, 2, 3, 4}, input_.bytes(20)}), 64, V6(7),
                              V6(1));
        case 3:
            return Icmp6Frame(Solicitation(V6(1), true), 255, V6(7), V6(1));
        case 4:
            return Icmp6Frame(Solicitation(V6(1), false), 255, sl_ip{}, V6(1));
        default:
            return input_.bytes(input_.u8());
        }
    }

    void step()
    {
        const uint8_t how = input_.u8();
        Bytes frame = make_frame();
        if (frame.size() > sluice::FramePool::kRoom)
            frame.resize(sluice::FramePool::kRoom);
        burst_.push_back(frame);
        if (how & 8) /* the port is busy */
            bench_.transmit_limit = how / 16 % 4;
        if (!(how & 1))
            flush();
        /* Time passes; handshakes may expire meanwhile, sessions not yet. */
        if (how & 2 && bench_.now_ns < quiet_since_ + kIdle - kIdle / 4)
            bench_.now_ns += how & 4 ? kIdle / 8 : sluice::kSecond;
    }

    /** Sends what has gathered, and looks at all that comes of it. */
    void flush()
    {
        if (burst_.empty())
            return;
        const bool is_authentic = note_authentic();
        const uint64_t records = records_received();
        const uint64_t sessions = bench_.sessions(), half_open = bench_.half_open();
        bench_.Receive(burst_);
        bench_.transmit_limit = UINT32_MAX;
        bench_.Turn();
        if (other_ != nullptr)
            hand_over();
        check_equation();
        FUZZ_CHECK(records_received() - records >= burst_.size());
        FUZZ_CHECK(records_received() - records <=
                   burst_.size() * (SL_RECORDS_PER_DATAGRAM_MAX + 1));
        FUZZ_CHECK(is_authentic || bench_.sessions() == sessions);
        FUZZ_CHECK(may_begin() || bench_.half_open() <= half_open);
        check_sent(is_authentic);
        check_events(is_authentic);
        bench_.ToHandshaker();
        burst_.clear();
    }

    void hand_over()
    {
        for (auto &[worker, frame] : std::exchange(bench_.handed_over, {})) {
            FUZZ_CHECK(worker == 1);
            other_->TakeOver({frame});
        }
        FUZZ_CHECK(other_->handed_over.empty());
        FUZZ_CHECK_EMPTY(other_->CheckEquation());
    }

    void check_equation()
    {
        FUZZ_CHECK_EMPTY(bench_.CheckEquation());
    }

    uint64_t records_received() const
    {
        return bench_.events(SL_COUNTER_RX_RECORDS) +
               (other_ != nullptr ? other_->events(SL_COUNTER_RX_RECORDS) : 0);
    }

    /** Does the burst hold a peer's record whole? From then on that peer may have done anything. */
    bool note_authentic()
    {
        bool any = false;
        for (const Sealed &sealed : fresh_)
            for (const Bytes &frame : burst_)
                if (fuzz::contains(frame, sealed.record)) {
                    authentic_.insert(sealed.peer);
                    any = true;
                }
        return any;
    }

    /** Does the burst hold a cookie that is good for somebody? */
    bool may_begin() const
    {
        for (const Bytes *cookie : {&cookie_, &restart_cookie_})
            for (const Bytes &frame : burst_)
                if (fuzz::contains(frame, Bytes(cookie->begin() + 1, cookie->begin() + 17)))
                    return true;
        return false;
    }

    void check_sent(bool is_authentic)
    {
        std::vector<Bytes> sent = bench_.Sent();
        if (other_ != nullptr)
            for (Bytes &frame : other_->Sent())
                sent.push_back(std::move(frame));
        if (is_authentic)
            return;
        size_t longest = 0;
        for (const Bytes &frame : burst_)
            longest = std::max(longest, frame.size());
        FUZZ_CHECK(sent.size() <= burst_.size());
        for (const Bytes &frame : sent)
            check_answer(frame, longest);
    }

    /** An answer of the few kinds that a stranger may get. */
    static void check_answer(const Bytes &frame, size_t longest)
    {
        FUZZ_CHECK(frame.size() > 40 && memcmp(&frame[6], WorkerBench::kMac, 6) == 0);
        const bool is_v6 = frame[12] == 0x86;
        const bool is_arp = frame[12] == 8 && frame[13] == 6;
        const uint8_t protocol = is_v6 ? frame[20] : frame[23];
        const size_t l4 = is_v6 ? 54 : 34;
        if (is_arp) {
            FUZZ_CHECK(frame[21] == 2);
        } else if (protocol == 58) {
            FUZZ_CHECK(frame[l4] == 129 || frame[l4] == 136);
            longest += frame[l4] == 136 ? 8 : 0; /* an option more than the shortest question */
        } else if (protocol == 1) {
            FUZZ_CHECK(frame[l4] == 0);
        } else {
            FUZZ_CHECK(protocol == 17 &&
                       frame.size() == l4 + 8 + SL_HELLO_VERIFY_LEN(SL_COOKIE_LEN));
            FUZZ_CHECK(frame[l4 + 8 + SL_RECORD_HEADER_LEN] == SL_HANDSHAKE_HELLO_VERIFY_REQUEST);
        }
        FUZZ_CHECK(frame.size() <= longest);
    }

    void check_events(bool is_authentic)
    {
        for (const sluice::Event &event : consumer_.Receive()) {
            const unsigned peer = peer_of(event.session);
            FUZZ_CHECK(is_authentic && peer < KEYED && authentic_.count(peer) > 0);
            if (event.kind == SL_RING_DATA)
                take_fresh(peer, event.payload);
        }
    }

    unsigned peer_of(uint64_t session) const
    {
        unsigned i = 0;
        while (i < PEERS && peers_[i].handle != session)
            i++;
        return i;
    }

    /** Something was delivered: its peer has sealed it, and it was not delivered before. */
    void take_fresh(unsigned peer, const Bytes &plain)
    {
        auto at = std::find_if(fresh_.begin(), fresh_.end(), [&](const Sealed &sealed) {
            return sealed.peer == peer && sealed.type == SL_CONTENT_APPLICATION_DATA &&
                   sealed.plain == plain;
        });
        FUZZ_CHECK(at != fresh_.end());
        used_.push_back(*at);
        fresh_.erase(at);
    }

    /** Nothing that came has prolonged a session's life. */
    void check_timers()
    {
        bench_.now_ns = std::max(bench_.now_ns, quiet_since_ + kIdle + sluice::kSecond);
        bench_.Turn(8);
        FUZZ_CHECK(bench_.sessions() == 0);
        unsigned closed = 0;
        for (const sluice::Event &event : consumer_.Receive())
            closed += event.kind == SL_RING_CLOSE && event.detail == SL_CLOSE_IDLE;
        FUZZ_CHECK(closed == KEYED);
    }

    /**
     * Its peer goes on as if nothing had been: addresses, windows. First what is sent to it: a
     * record of its own may mend what a stranger's has changed.
     */
    void check_session(unsigned i)
    {
        Peer &peer = peers_[i];
        if (bench_.now_ns - quiet_since_ > 20 * sluice::kSecond)
            return; /* it may have ended for want of activity */
        if (i == HALF_OPEN)
            bench_.GiveKeys(peer, false);
        if (i >= KEYED)
            bench_.Establish(peer);
        consumer_.Receive();
        bench_.Sent();
        const Bytes plain = {'e', 'n', 'd', (uint8_t)i};
        FUZZ_CHECK(consumer_.Send(SL_RING_SEND, peer.handle, plain));
        bench_.Turn(16);
        std::vector<Bytes> frames = bench_.Sent();
        FUZZ_CHECK(frames.size() == 1);
        sl_frame *frame = bench_.pool.TakeFilled(0, frames[0]);
        FUZZ_CHECK(sl_wire_parse_frame(frame, SL_RX_CHECKSUM_REQUIRE) == SL_DROP_NONE);
        FUZZ_CHECK(memcmp(frame->data, peer.path.hop.mac, 6) == 0);
        FUZZ_CHECK(frame->path.tuple.local_port == peer.path.tuple.remote_port);
        const uint8_t *payload = frame->data + frame->payload_off;
        const auto opened = bench_.Open(peer, Bytes(payload, payload + frame->payload_len));
        FUZZ_CHECK(opened.ok && opened.plain == plain);
        bench_.pool.GiveBack(frame);

        bench_.Receive({WorkerBench::UdpFrame(
            peer.path, bench_.Seal(peer, SL_CONTENT_APPLICATION_DATA, plain))});
        std::vector<sluice::Event> events = consumer_.Receive();
        FUZZ_CHECK(events.size() == 1 && events[0].kind == SL_RING_DATA);
        FUZZ_CHECK(events[0].payload == plain && events[0].session == peer.handle);
    }

    fuzz::Input &input_;
    const unsigned workers_;
    WorkerBench bench_;
    std::unique_ptr<WorkerBench> other_;
    Consumer consumer_;
    Peer peers_[PEERS];
    Bytes cookie_, restart_cookie_;
    std::vector<Sealed> fresh_, used_;
    std::set<unsigned> authentic_; /* peers whose own record may have come through */
    std::vector<Bytes> burst_;
    uint64_t quiet_since_ = 0;
    uint8_t serial_ = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    const uint8_t mode = input.u8();
    World world(input, mode);
    world.run();
    world.check_sessions(mode & 0x80);
    return 0;
}

std::vector<Bytes> fuzz::seeds()
{
    std::vector<Bytes> seeds;
    /* how, which, [its bytes], damage to the payload, where from, damage to the frame */
    const Bytes steps[] = {
        {0, 0x00, 5, 0, 0, 0},
        {0, 0x01, 0, 0, 0},
        {0, 0x1c, 7, 0, 0, 0},
        {0, 0x0c, 7, 0, 0, 0},
        {1, 0x2c, 7, 0, 0x81, 0, 0, 0x0c, 7, 1, 1, 0, 30, 3, 0, 0},
        {0, 0x44, 0, 0, 0, 0, 0x45, 40, 0, 0, 0, 0, 0x35, 40, 0, 0, 0},
        {0, 0x09, 1, 2, 3, 4, 0, 0, 0},
        {0, 0x0b, 21, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
        {0, 0x3b, 22, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
        {0, 0x0c, 7, 0, 0, 0, 0, 0x08, 0, 0, 0, 0},
        {0, 0xf0, 0, 0, 0xf1, 1, 2, 3, 0},
        {0, 0xf2, 0, 0, 0xf3, 0, 0, 0xf4, 0},
        {2, 0x43, 1, 1, 1, 0, 40, 3, 0, 0},
        {0, 0x03, 0, 0, 0, 0, 0x1c, 7, 0, 0, 0, 0, 0x1b, 21, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
        {0, 0x0a, 80, 0, 0, 0, 0x19, 0x0a, 30, 0, 0, 0, 0x18, 0x00, 4, 0, 0, 0},
        {0, 0x0c, 7, 1, 1, 0, 30, 3, 0x41, 0, 0, 0x1c, 7, 1, 1, 0, 30, 3, 0xc1, 0},
        {6, 0x02, 9, 0, 0, 0, 6, 0x42, 9, 0, 0xc0, 0},
    };
    Bytes all;
    for (const Bytes &step : steps)
        all = join({all, step});
    for (uint8_t mode : {0, 1, 2, 4, 0x40, 0x80})
        seeds.push_back(join({{mode}, all}));
    for (const Bytes &step : steps)
        seeds.push_back(join({{0}, step}));
    return seeds;
}
