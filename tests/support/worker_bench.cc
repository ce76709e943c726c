#include "worker_bench.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace sluice
{

const uint8_t WorkerBench::kMac[6] = {0x02, 0, 0, 0, 0, 0xfe};

namespace
{

void *AlignedZeros(size_t len)
{
    void *memory = aligned_alloc(SL_RING_INDEX_ALIGN, (len + 127) & ~(size_t)127);
    memset(memory, 0, len);
    return memory;
}

} // namespace

FramePool::~FramePool()
{
    EXPECT_TRUE(live_.empty()) << live_.size() << " frames were never given back";
    for (sl_frame *frame : live_)
        free(frame);
}

sl_frame *FramePool::Take(uint16_t group)
{
    if (live_.size() >= capacity_)
        return nullptr;
    auto *frame = static_cast<sl_frame *>(calloc(1, sizeof(sl_frame) + kRoom));
    frame->data = reinterpret_cast<uint8_t *>(frame + 1);
    frame->tailroom = tailroom_;
    frame->segs = 1;
    frame->group = group;
    live_.insert(frame);
    return frame;
}

sl_frame *FramePool::TakeFilled(uint16_t group, const Bytes &bytes)
{
    sl_frame *frame = Take(group);
    std::copy(bytes.begin(), bytes.end(), frame->data);
    frame->len = (uint16_t)bytes.size();
    frame->tailroom = (uint16_t)(kRoom - bytes.size());
    return frame;
}

void FramePool::GiveBack(sl_frame *frame)
{
    ASSERT_EQ(live_.erase(frame), 1u) << "a frame was given back that is not out";
    explicit_bzero(frame + 1, kRoom); // whoever still looks at it shall notice
    free(frame);
}

Consumer::Consumer(uint32_t index, uint16_t service, uint16_t worker, uint64_t ring_size)
    : ring_size_(ring_size), receive_data_(AlignedZeros(ring_size), free),
      send_data_(AlignedZeros(ring_size), free)
{
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    wake_end_ = fds[0];
    attachment_.consumer = index;
    attachment_.service = service;
    attachment_.worker = worker;
    attachment_.wake_fd = fds[1];
    attachment_.wake_gate = &wake_gate_;
    sl_ring_producer_init(&attachment_.receive, &receive_producer_words_, &receive_consumer_words_,
                          receive_data_.get(), ring_size);
    sl_ring_consumer_init(&receive_, &receive_consumer_words_, &receive_producer_words_,
                          receive_data_.get(), ring_size);
    sl_ring_producer_init(&send_, &send_producer_words_, &send_consumer_words_, send_data_.get(),
                          ring_size);
    sl_ring_consumer_init(&attachment_.send, &send_consumer_words_, &send_producer_words_,
                          send_data_.get(), ring_size);
}

Consumer::~Consumer()
{
    close(wake_end_);
    close(attachment_.wake_fd);
}

std::vector<Event> Consumer::Receive()
{
    std::vector<Event> events;
    while (const sl_ring_entry *entry = sl_ring_next(&receive_)) {
        auto *payload = reinterpret_cast<const uint8_t *>(entry + 1);
        events.push_back({entry->kind, entry->detail, entry->session,
                          Bytes(payload, payload + entry->len - sizeof *entry)});
    }
    sl_ring_release(&receive_);
    return events;
}

bool Consumer::Send(uint8_t kind, uint64_t session, const Bytes &payload)
{
    sl_ring_entry *entry = sl_ring_reserve(&send_, (uint32_t)payload.size());
    if (entry == nullptr)
        return false;
    entry->kind = kind;
    entry->session = session;
    std::copy(payload.begin(), payload.end(), reinterpret_cast<uint8_t *>(entry + 1));
    sl_ring_commit(&send_, entry, (uint32_t)payload.size());
    sl_ring_publish(&send_);
    return true;
}

bool Consumer::Confirm(uint64_t session, const sl_path &path)
{
    sl_ring_moved checked{path.tuple.remote_ip, path.tuple.remote_port, 0, {}};
    const uint8_t *bytes = reinterpret_cast<const uint8_t *>(&checked);
    return Send(SL_RING_CONFIRM_MOVE, session, Bytes(bytes, bytes + sizeof checked));
}

WorkerBench::WorkerBench(const Options &options)
    : region_(nullptr, [](void *p) { free(p); }), plain_max_(options.plain_max),
      rx_checksum_(options.rx_checksum)
{
    for (unsigned i = 0; i < SL_SHARDS; i++)
        shard_owner_[i] = (uint8_t)(i % options.worker_count);
    to_handshaker_ = sl_ring_create(options.handshaker_ring);
    from_handshaker_ = sl_ring_create(1 << 20);
    to_control_ = sl_ring_create(options.control_ring);
    from_control_ = sl_ring_create(1 << 16);

    sl_worker_config config{};
    config.index = options.index;
    config.worker_count = options.worker_count;
    config.shard_owner = shard_owner_;
    config.io = {this, FreeFrames, TakeFrames, Transmit, HandOver};
    config.crypto = options.crypto;
    config.sessions_max = options.sessions_max;
    config.half_open_max = options.half_open_max;
    config.idle_timeout_ns = 300 * kSecond;
    config.handshake_timeout_ns = 30 * kSecond;
    config.peer_moves = options.peer_moves;
    config.admission = options.admission;
    config.prefix_len_v4 = options.prefix_len_v4;
    config.prefix_len_v6 = options.prefix_len_v6;
    config.close_at_usage_limit = options.close_at_usage_limit;
    config.group_count = options.group_count;
    for (unsigned g = 0; g < options.group_count; g++) {
        sl_group &group = config.groups[g];
        memcpy(group.mac, kMac, 6);
        group.vlan_id = g == 0 ? SL_VLAN_NONE : kVlan;
        group.mtu = (uint16_t)options.mtu;
        group.rx_checksum = options.rx_checksum;
        group.tx_flags = options.tx_flags;
        group.address_count = 2;
        group.addresses[0] = ClientPath(0).tuple.local_ip;
        group.addresses[1] = ClientPath(0, 1, true).tuple.local_ip;
    }
    config.listener_count = 1;
    config.listeners[0] = {kPort, 0};
    config.service_count = 1;
    if (options.begins_sessions) {
        config.connect_port = kConnectPort;
        config.connect_ports = kConnectPorts;
    }
    config.handshaker_count = 1;
    config.to_handshaker[0] = sl_ring_producer_of(to_handshaker_);
    config.from_handshaker[0] = sl_ring_consumer_of(from_handshaker_);
    config.to_control = sl_ring_producer_of(to_control_);
    config.from_control = sl_ring_consumer_of(from_control_);
    memset(config.cookie_root, 0xc0, sizeof config.cookie_root);
    memset(config.random_seed, 0x5e, sizeof config.random_seed);

    size_t len = sl_worker_memory_len(&config);
    region_.reset(static_cast<uint8_t *>(AlignedZeros(len)));
    sl_arena arena;
    sl_arena_init(&arena, region_.get(), len);
    worker_ = sl_worker_create(&config, &arena);
    EXPECT_NE(worker_, nullptr);
    EXPECT_EQ(arena.at, arena.end) << "memory_len is exact";
    aead_ = sl_aead_create(options.crypto);
}

namespace
{
std::set<sl_drop> reached_drops;
}

const std::set<sl_drop> &WorkerBench::ReachedDrops()
{
    return reached_drops;
}

WorkerBench::~WorkerBench()
{
    for (unsigned i = 1; i < SL_DROP_COUNT; i++)
        if (drops((sl_drop)i) > 0)
            reached_drops.insert((sl_drop)i);
    EXPECT_EQ(CheckEquation(), "");
    sl_worker_destroy(worker_);
    sl_aead_destroy(aead_);
    for (sl_ring *ring : {to_handshaker_, from_handshaker_, to_control_, from_control_})
        sl_ring_destroy(ring);
}

void WorkerBench::FreeFrames(void *arg, sl_frame **frames, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        static_cast<WorkerBench *>(arg)->pool.GiveBack(frames[i]);
}

unsigned WorkerBench::TakeFrames(void *arg, unsigned group, sl_frame **frames, unsigned n)
{
    auto *bench = static_cast<WorkerBench *>(arg);
    bench->frame_requests++;
    auto left = bench->frames_of.find(group);
    if (left != bench->frames_of.end())
        n = std::min(n, left->second);
    unsigned taken = 0;
    while (taken < n) {
        frames[taken] = bench->pool.Take((uint16_t)group);
        if (frames[taken] == nullptr)
            break;
        taken++;
    }
    if (left != bench->frames_of.end())
        left->second -= taken;
    return taken;
}

namespace
{

void PutSum(uint8_t *at, const uint8_t *from, size_t len)
{
    const uint16_t sum = sl_wire_checksum_fold(sl_wire_checksum_add(0, from, len));
    memcpy(at, &sum, sizeof sum);
}

// What a port does that was asked to: sums over what stands there, the pseudo-header's sum
// included.
void CompleteSums(sl_frame *frame)
{
    uint8_t *ip = frame->data + frame->l3_off, *udp = ip + (ip[0] == 0x45 ? 20 : 40);
    if (frame->flags & SL_FRAME_TX_UDP_CHECKSUM)
        PutSum(udp + 6, udp, static_cast<size_t>(frame->data + frame->len - udp));
    if (frame->flags & SL_FRAME_TX_IP_CHECKSUM && ip[0] == 0x45)
        PutSum(ip + 10, ip, 20);
}

} // namespace

unsigned WorkerBench::Transmit(void *arg, unsigned group, sl_frame **frames, unsigned n)
{
    auto *bench = static_cast<WorkerBench *>(arg);
    unsigned sent = 0;
    if (bench->blocked.count(group) > 0)
        return 0;
    auto room = bench->room_of.find(group);
    if (room != bench->room_of.end())
        n = std::min(n, room->second);
    for (; sent < n && bench->transmit_limit > 0; sent++, bench->transmit_limit--) {
        EXPECT_EQ(frames[sent]->group, group);
        CompleteSums(frames[sent]);
        bench->sums_left_to_port += (frames[sent]->flags & SL_FRAME_TX_UDP_CHECKSUM) != 0;
        bench->sent_.emplace_back(frames[sent]->data, frames[sent]->data + frames[sent]->len);
        bench->pool.GiveBack(frames[sent]);
    }
    if (room != bench->room_of.end())
        room->second -= sent;
    return sent;
}

unsigned WorkerBench::HandOver(void *arg, unsigned worker, sl_frame **frames, unsigned n)
{
    auto *bench = static_cast<WorkerBench *>(arg);
    unsigned gone = 0;
    for (; gone < n && bench->hand_over_limit > 0; gone++, bench->hand_over_limit--) {
        bench->handed_over.emplace_back(
            worker, Bytes(frames[gone]->data, frames[gone]->data + frames[gone]->len));
        bench->pool.GiveBack(frames[gone]);
    }
    return gone;
}

void WorkerBench::ReceiveMixed(const std::vector<Bytes> &frames,
                               const std::vector<uint16_t> &groups)
{
    for (size_t at = 0; at < frames.size(); at += SL_BURST) {
        std::vector<sl_frame *> burst;
        for (size_t i = at; i < frames.size() && i < at + SL_BURST; i++)
            burst.push_back(pool.TakeFilled(i < groups.size() ? groups[i] : 0, frames[i]));
        sl_worker_receive(worker_, burst.data(), (unsigned)burst.size(), now_ns);
    }
    Turn();
}

void WorkerBench::TakeOver(const std::vector<Bytes> &frames)
{
    std::vector<sl_frame *> burst;
    for (const Bytes &bytes : frames) {
        sl_frame *frame = pool.TakeFilled(0, bytes);
        sl_neighbour ignored;
        if (sl_wire_parse_neighbour_answer(frame, &ignored))
            frame->kind = SL_PACKET_NEIGHBOUR;
        else
            EXPECT_EQ(sl_wire_parse_frame(frame, rx_checksum_), SL_DROP_NONE);
        frame->flags |= SL_FRAME_HANDED_OVER;
        burst.push_back(frame);
    }
    sl_worker_take_over(worker_, burst.data(), (unsigned)burst.size(), now_ns);
    Turn();
}

void WorkerBench::Turn(unsigned turns)
{
    for (unsigned i = 0; i < turns; i++) {
        now_ns += 1000000;
        sl_worker_turn(worker_, now_ns);
    }
}

std::vector<Bytes> WorkerBench::Sent()
{
    return std::exchange(sent_, {});
}

std::vector<Bytes> WorkerBench::SentPayloads()
{
    std::vector<Bytes> payloads;
    for (const Bytes &bytes : Sent()) {
        sl_frame *frame = pool.TakeFilled(0, bytes);
        EXPECT_EQ(sl_wire_parse_frame(frame, SL_RX_CHECKSUM_REQUIRE), SL_DROP_NONE)
            << "what the worker sends parses, checksums included";
        payloads.emplace_back(frame->data + frame->payload_off,
                              frame->data + frame->payload_off + frame->payload_len);
        pool.GiveBack(frame);
    }
    return payloads;
}

std::vector<WorkerBench::Message> WorkerBench::Drain(sl_ring *ring)
{
    std::vector<Message> messages;
    sl_message message;
    while (sl_message_receive(sl_ring_consumer_of(ring), &message)) {
        auto *body = static_cast<const uint8_t *>(message.body);
        messages.push_back({message.kind, message.session, Bytes(body, body + message.body_len)});
    }
    sl_ring_release(sl_ring_consumer_of(ring));
    return messages;
}

std::vector<WorkerBench::Message> WorkerBench::ToHandshaker()
{
    return Drain(to_handshaker_);
}

std::vector<WorkerBench::Message> WorkerBench::ToControl()
{
    return Drain(to_control_);
}

void WorkerBench::FromHandshaker(sl_message_kind kind, uint64_t session, const void *body,
                                 size_t len, const Bytes &bytes)
{
    sl_ring_producer *ring = sl_ring_producer_of(from_handshaker_);
    EXPECT_TRUE(sl_message_send(ring, kind, session, body, (uint32_t)len, bytes.data(),
                                (uint32_t)bytes.size()));
    sl_message_flush(ring);
}

void WorkerBench::Attach(sl_attachment *attachment)
{
    sl_message_attach body = {attachment};
    FromControl(SL_MESSAGE_ATTACH, &body, sizeof body);
}

std::vector<sl_ip> WorkerBench::Servers()
{
    const uint8_t v4[4] = {198, 18, 5, 1}, other[4] = {198, 18, 5, 2};
    return {sl_ip_from_v4(v4),
            {{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 1}},
            sl_ip_from_v4(other)};
}

void WorkerBench::PostFromControl(sl_message_kind kind, const void *body, size_t len)
{
    sl_ring_producer *ring = sl_ring_producer_of(from_control_);
    EXPECT_TRUE(sl_message_send(ring, kind, 0, body, (uint32_t)len, nullptr, 0));
    sl_message_flush(ring);
}

void WorkerBench::FromControl(sl_message_kind kind, const void *body, size_t len)
{
    PostFromControl(kind, body, len);
    Turn();
}

void WorkerBench::Detach(sl_attachment *attachment)
{
    sl_message_attach body = {attachment};
    FromControl(SL_MESSAGE_DETACH, &body, sizeof body);
}

void WorkerBench::Admit(const sl_admission_rules *rules)
{
    sl_message_admission body = {rules};
    FromControl(SL_MESSAGE_ADMISSION, &body, sizeof body);
}

void WorkerBench::Stop()
{
    FromControl(SL_MESSAGE_STOP, nullptr, 0);
}

std::string WorkerBench::CheckEquation() const
{
    const sl_counters *c = sl_worker_counters(worker_);
    uint64_t ends = c->events[SL_COUNTER_DELIVERED] + c->events[SL_COUNTER_ANSWERED] +
                    c->events[SL_COUNTER_TO_HANDSHAKE] + c->events[SL_COUNTER_CONSUMED];
    for (unsigned i = 1; i < SL_DROP_COUNT; i++)
        if (sl_drop_direction((sl_drop)i) == SL_DIRECTION_RX)
            ends += c->drops[i];
    if (ends == c->events[SL_COUNTER_RX_RECORDS])
        return "";
    return std::to_string(c->events[SL_COUNTER_RX_RECORDS]) + " records received, " +
           std::to_string(ends) + " accounted for";
}

} // namespace sluice
