/**
 * A worker with sessions in every state, and a network that sends what it likes. Whatever comes:
 * each record is counted once, frames return to their pool, strangers get at most one answer, no
 * longer than what they sent; and nothing of a session changes but by its peer's own records.
 */
#include "fatal_gtest.h"
#include "fuzz.h"

#include <algorithm>
#include <set>

#include "worker_frames.h"

using namespace fuzz::sessions;
using fuzz::Bytes;
using fuzz::join;

namespace
{

constexpr uint64_t kIdle = 300 * sluice::kSecond;

class World
{
  public:
    World(fuzz::Input &input, uint8_t mode)
        : input_(input), sessions_(mode), frames_(sessions_, input),
          quiet_since_(sessions_.bench.now_ns)
    {
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
    void step()
    {
        const uint8_t how = input_.u8();
        Bytes frame = frames_.make();
        if (frame.size() > sluice::FramePool::kRoom)
            frame.resize(sluice::FramePool::kRoom);
        burst_.push_back(frame);
        if (how & 8) /* the port is busy */
            sessions_.bench.transmit_limit = how / 16 % 4;
        if (!(how & 1))
            flush();
        /* Time passes; handshakes may expire meanwhile, sessions not yet. */
        if (how & 2 && sessions_.bench.now_ns < quiet_since_ + kIdle - kIdle / 4)
            sessions_.bench.now_ns += how & 4 ? kIdle / 8 : sluice::kSecond;
    }

    /** Sends what has gathered, and looks at all that comes of it. */
    void flush()
    {
        if (burst_.empty())
            return;
        const bool is_authentic = note_authentic();
        const uint64_t records = records_received();
        const uint64_t sessions = sessions_.bench.sessions(),
                       half_open = sessions_.bench.half_open();
        sessions_.bench.Receive(burst_);
        sessions_.bench.transmit_limit = UINT32_MAX;
        sessions_.bench.Turn();
        if (sessions_.other != nullptr)
            hand_over();
        check_equation();
        FUZZ_CHECK(records_received() - records >= burst_.size());
        FUZZ_CHECK(records_received() - records <=
                   burst_.size() * (SL_RECORDS_PER_DATAGRAM_MAX + 1));
        FUZZ_CHECK(is_authentic || sessions_.bench.sessions() == sessions);
        FUZZ_CHECK(may_begin() || sessions_.bench.half_open() <= half_open);
        check_sent(is_authentic);
        check_events(is_authentic);
        sessions_.bench.ToHandshaker();
        burst_.clear();
    }

    void hand_over()
    {
        for (auto &[worker, frame] : std::exchange(sessions_.bench.handed_over, {})) {
            FUZZ_CHECK(worker == 1);
            sessions_.other->TakeOver({frame});
        }
        FUZZ_CHECK(sessions_.other->handed_over.empty());
        FUZZ_CHECK_EMPTY(sessions_.other->CheckEquation());
    }

    void check_equation()
    {
        FUZZ_CHECK_EMPTY(sessions_.bench.CheckEquation());
    }

    uint64_t records_received() const
    {
        return sessions_.bench.events(SL_COUNTER_RX_RECORDS) +
               (sessions_.other != nullptr ? sessions_.other->events(SL_COUNTER_RX_RECORDS) : 0);
    }

    /** Does the burst hold a peer's record whole? From then on that peer may have done anything; so
     * may who has shown a cookie of his in a handshake. */
    bool note_authentic()
    {
        bool any = false;
        if (holds(sessions_.cookies[SECOND_TRY]))
            authentic_.insert(HALF_OPEN);
        for (const Sealed &sealed : sessions_.fresh)
            for (const Bytes &frame : burst_)
                if (fuzz::contains(frame, sealed.record)) {
                    authentic_.insert(sealed.peer);
                    any = true;
                }
        return any;
    }

    bool holds(const Bytes &cookie) const
    {
        const Bytes mac(cookie.begin() + 1, cookie.begin() + 17);
        return std::any_of(burst_.begin(), burst_.end(),
                           [&](const Bytes &frame) { return fuzz::contains(frame, mac); });
    }

    /** Does the burst hold a cookie that is good for somebody? */
    bool may_begin() const
    {
        for (const Bytes &cookie : sessions_.cookies)
            if (holds(cookie))
                return true;
        return false;
    }

    void check_sent(bool is_authentic)
    {
        std::vector<Bytes> sent = sessions_.bench.Sent();
        if (sessions_.other != nullptr)
            for (Bytes &frame : sessions_.other->Sent())
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
        for (const sluice::Event &event : sessions_.consumer.Receive()) {
            const unsigned peer = peer_of(event.session);
            FUZZ_CHECK(is_authentic && peer < KEYED && authentic_.count(peer) > 0);
            if (event.kind == SL_RING_DATA)
                take_fresh(peer, event.payload);
        }
    }

    unsigned peer_of(uint64_t session) const
    {
        unsigned i = 0;
        while (i < PEERS && sessions_.peers[i].handle != session)
            i++;
        return i;
    }

    /** Something was delivered: its peer has sealed it, and it was not delivered before. */
    void take_fresh(unsigned peer, const Bytes &plain)
    {
        auto at =
            std::find_if(sessions_.fresh.begin(), sessions_.fresh.end(), [&](const Sealed &sealed) {
                return sealed.peer == peer && sealed.type == SL_CONTENT_APPLICATION_DATA &&
                       sealed.plain == plain;
            });
        FUZZ_CHECK(at != sessions_.fresh.end());
        sessions_.used.push_back(*at);
        sessions_.fresh.erase(at);
    }

    /** Nothing that came has prolonged a session's life. */
    void check_timers()
    {
        sessions_.bench.now_ns =
            std::max(sessions_.bench.now_ns, quiet_since_ + kIdle + sluice::kSecond);
        sessions_.bench.Turn(8);
        FUZZ_CHECK(sessions_.bench.sessions() == 0);
        unsigned closed = 0;
        for (const sluice::Event &event : sessions_.consumer.Receive())
            closed += event.kind == SL_RING_CLOSE && event.detail == SL_CLOSE_IDLE;
        FUZZ_CHECK(closed == KEYED + 1); /* and the one that libssl keeps */
    }

    /** What libssl has opened comes to the consumer, whatever came for it meanwhile. */
    void check_legacy()
    {
        const Bytes plain = {'e', 'n', 'd'};
        sl_message_data data{};
        data.bytes_len = (uint16_t)plain.size();
        sessions_.consumer.Receive();
        sessions_.bench.FromHandshaker(SL_MESSAGE_DELIVER, sessions_.peers[LEGACY].handle, &data,
                                       offsetof(sl_message_data, bytes), plain);
        sessions_.bench.Turn();
        const std::vector<sluice::Event> events = sessions_.consumer.Receive();
        FUZZ_CHECK(events.size() == 1 && events[0].kind == SL_RING_DATA);
        FUZZ_CHECK(events[0].payload == plain &&
                   events[0].session == sessions_.peers[LEGACY].handle);
    }

    /**
     * Its peer goes on as if nothing had been: addresses, windows. First what is sent to it: a
     * record of its own may mend what a stranger's has changed.
     */
    void check_session(unsigned i)
    {
        Peer &peer = sessions_.peers[i];
        if (sessions_.bench.now_ns - quiet_since_ > 20 * sluice::kSecond)
            return; /* it may have ended for want of activity */
        if (i == LEGACY)
            return check_legacy();
        if (i == HALF_OPEN)
            sessions_.bench.GiveKeys(peer, false);
        if (i >= KEYED)
            sessions_.bench.Establish(peer);
        sessions_.consumer.Receive();
        sessions_.bench.Sent();
        const Bytes plain = {'e', 'n', 'd', (uint8_t)i};
        FUZZ_CHECK(sessions_.consumer.Send(SL_RING_SEND, peer.handle, plain));
        sessions_.bench.Turn(16);
        std::vector<Bytes> frames = sessions_.bench.Sent();
        FUZZ_CHECK(frames.size() == 1);
        sl_frame *frame = sessions_.bench.pool.TakeFilled(0, frames[0]);
        FUZZ_CHECK(sl_wire_parse_frame(frame, SL_RX_CHECKSUM_REQUIRE) == SL_DROP_NONE);
        FUZZ_CHECK(memcmp(frame->data, peer.path.hop.mac, 6) == 0);
        FUZZ_CHECK(frame->path.tuple.local_port == peer.path.tuple.remote_port);
        const uint8_t *payload = frame->data + frame->payload_off;
        const auto opened =
            sessions_.bench.Open(peer, Bytes(payload, payload + frame->payload_len));
        FUZZ_CHECK(opened.ok && opened.plain == plain);
        sessions_.bench.pool.GiveBack(frame);

        sessions_.bench.Receive({WorkerBench::UdpFrame(
            peer.path, sessions_.bench.Seal(peer, SL_CONTENT_APPLICATION_DATA, plain))});
        std::vector<sluice::Event> events = sessions_.consumer.Receive();
        FUZZ_CHECK(events.size() == 1 && events[0].kind == SL_RING_DATA);
        FUZZ_CHECK(events[0].payload == plain && events[0].session == peer.handle);
    }

    fuzz::Input &input_;
    Sessions sessions_;
    Frames frames_;
    std::set<unsigned> authentic_; /* peers whose own record may have come through */
    std::vector<Bytes> burst_;
    const uint64_t quiet_since_;
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

/** A step: a frame that is not damaged. how: 1, the burst goes on; from: 0x80, another port. */
static Bytes step(uint8_t which, const Bytes &bytes, uint8_t how = 0, uint8_t from = 0)
{
    return join({{how, which}, bytes, {0, from, 0}});
}

/** Conversations in which each step depends on those before it. */
static std::vector<Bytes> conversations()
{
    const Bytes restart = step(0x03, {}), old_data = step(0x1c, {7}),
                old_alert = step(0x1b, {21, 2, 40});
    const Bytes data = step(0x0c, {7}), rest(4, 0);
    const auto other =
        [&](uint8_t peer,
            uint8_t type) { /* 0x80: of epoch 1 */
                            return step((uint8_t)(16 * peer + 6), join({{type}, rest}));
        };
    const auto sealed = [&](uint8_t peer, uint8_t type, uint8_t first) {
        return step((uint8_t)(16 * peer + 11), join({{type, first}, Bytes(7, 0)}));
    };
    const auto again = [&](uint8_t peer, uint8_t which) {
        return step((uint8_t)(16 * peer + 8), {which});
    };
    const Bytes in_burst = step(0x1c, {8}, 1), bad_data = {0, 0x0c, 7, 1, 1, 0, 30, 3, 0, 0};
    std::vector<Bytes> all;
    for (uint8_t peer : {+KEYED, +HALF_OPEN, +LEGACY, +TUPLE4})
        for (uint8_t type : {0x96, 0x97, 0x16, 0x17, 0x15, 0x14, 0x63})
            all.push_back(join({other(peer, type), other(peer, type)}));
    all.push_back(join({restart, restart, restart}));
    all.push_back(join({restart, in_burst, in_burst, old_data, other(TUPLE4, 0x16)}));
    all.push_back(
        join({restart, other(TUPLE4, 0x96), other(TUPLE4, 0x97), step(0x1f, {1}), restart}));
    all.push_back(join({restart, step(0x1f, {3}), step(0x1f, {9}), step(0x1f, {0}), old_data}));
    all.push_back(join({restart, step(0x0c, {7}, 1), step(0x1c, {8}, 1), step(0x2c, {9})}));
    all.push_back(join({restart, Bytes{0, 0x1c, 7, 1, 1, 0, 30, 3, 0, 0}, old_data}));
    all.push_back(
        join({step(0x12, {TUPLE4 + 1}), step(0x1f, {4}), step(0x1f, {5, 7}), step(0x1f, {2})}));
    all.push_back(join({step(0x0b, {21, 1, 0}, 1), data, data, other(CID4, 0x16)}));
    all.push_back(join({old_alert, old_data, other(TUPLE4, 0x16), other(TUPLE4, 0x96), restart}));
    for (uint8_t peer : {+CID4, +TUPLE4, +KEYED})
        for (uint8_t type : {22, 23, 99, 20})
            all.push_back(join({sealed(peer, type, 20), again(peer, 0), again(peer, 0),
                                sealed(peer, type, 1), again(peer, 1)}));
    all.push_back(join({step(0x0b, {21, 2}), sealed(CID4, 21, 0)}));
    for (uint8_t from : {0x81, 0x41, 0xc1})
        all.push_back(join({bad_data, step(0x0c, {7}, 0, from), step(8, {0}, 0, 0x82), data,
                            step(0x0c, {8}, 0, from), step(0x2c, {9}, 1, from), step(8, {1})}));
    return all;
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
        /* The port takes nothing, and strangers go on. */
        {8, 0x0c, 7,    0, 0, 0, 8, 0x00, 5,    0, 0, 0, 8, 0xf0,
         0, 8,    0x00, 6, 0, 0, 0, 0,    0x00, 7, 0, 0, 0},
        {0, 0x00, 5, 0, 0, 0, 1, 0x00, 5, 0, 0, 0, 0, 0x01, 0, 0, 0, 0, 0x01, 0, 0, 0},
        {0, 0x01, 1, 1, 0, 60, 9, 0, 0, 0, 0x01, 1, 0, 0, 34, 9, 0, 0},
    };
    Bytes all;
    for (const Bytes &step : steps)
        all = join({all, step});
    for (uint8_t mode : {0, 1, 2, 4, 0x40, 0x80})
        seeds.push_back(join({{mode}, all}));
    for (const Bytes &step : steps)
        seeds.push_back(join({{0}, step}));
    for (const Bytes &all : conversations())
        for (uint8_t mode : {0, 2})
            seeds.push_back(join({{mode}, all}));
    return seeds;
}
