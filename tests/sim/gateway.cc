#include "gateway_node.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace sl_sim
{

using sluice::Consumer;

const uint8_t gateway_mac[SL_ETHER_ADDR_LEN] = {0x02, 0, 0, 0, 0, 0xfe};

sl_ip gateway_ip(bool v6, uint8_t host)
{
    const uint8_t v4[4] = {198, 18, 0, host};
    return v6 ? sl_ip{{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host}}
              : sl_ip_from_v4(v4);
}

Gateway::Gateway(const GatewayOptions &options) : chosen(options)
{
    for (unsigned i = 0; i < SL_SHARDS; i++)
        shard_owner[i] = (uint8_t)(i % chosen.workers);
    load_credentials();
    from_workers.resize(chosen.handshakers);
    to_workers.resize(chosen.handshakers);
    for (unsigned i = 0; i < chosen.workers; i++)
        create_node(i);
    for (unsigned i = 0; i < chosen.handshakers; i++)
        create_handshaker(i);
    create_connector();
    consumers.resize(chosen.consumers);
    for (unsigned i = 0; i < chosen.consumers; i++)
        attach(i);
}

Gateway::~Gateway()
{
    for (sl_handshaker *handshaker : handshakers)
        sl_handshaker_destroy(handshaker);
    for (auto &node : nodes) {
        sl_worker_destroy(node->worker);
        free_frames(node.get(), node->inbox.data(), (unsigned)node->inbox.size());
        for (auto *rings : {&node->to_handshaker, &node->from_handshaker})
            for (sl_ring *ring : *rings)
                sl_ring_destroy(ring);
        sl_ring_destroy(node->to_control);
        sl_ring_destroy(node->from_control);
    }
    sl_credentials_destroy(credentials);
    for (sl_client_credentials *one : client_credentials)
        sl_client_credentials_destroy(one);
    sl_connector_destroy(connector);
}

std::vector<sl_connection_info> Gateway::connections() const
{
    std::vector<sl_connection_info> out(SL_CONNECTIONS_MAX);
    out.resize(sl_connector_list(connector, out.data()));
    return out;
}

void Gateway::use_up(uint64_t session, uint64_t now_ns)
{
    const sl_message_usage usage = {SL_USAGE_THREE_QUARTERS, 0};
    const sl_message message = {SL_MESSAGE_USAGE, session, &usage, sizeof usage};
    sl_connector_receive(connector, &message, now_ns);
}

void Gateway::serve_control(uint64_t now_ns)
{
    for (auto &node : nodes) {
        sl_ring_consumer *ring = sl_ring_consumer_of(node->to_control);
        sl_message message;
        while (sl_message_receive(ring, &message))
            sl_connector_receive(connector, &message, now_ns);
        sl_ring_release(ring);
    }
    sl_connector_poll(connector, now_ns);
}

void Gateway::free_frames(void *, sl_frame **frames, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        ((Node *)frames[i]->handle)->pool.GiveBack(frames[i]);
}

unsigned Gateway::take_frames(void *arg, unsigned group, sl_frame **frames, unsigned n)
{
    auto *node = (Node *)arg;
    for (unsigned i = 0; i < n; i++) {
        frames[i] = node->pool.Take((uint16_t)group);
        if (frames[i] == nullptr)
            return i;
        frames[i]->handle = node;
    }
    return n;
}

unsigned Gateway::transmit(void *arg, unsigned, sl_frame **frames, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        ((Node *)arg)
            ->gateway->sent.emplace_back(frames[i]->data, frames[i]->data + frames[i]->len);
    free_frames(arg, frames, n);
    return n;
}

unsigned Gateway::hand_over(void *arg, unsigned worker, sl_frame **frames, unsigned n)
{
    Gateway *gateway = ((Node *)arg)->gateway;
    std::vector<sl_frame *> &inbox = gateway->nodes.at(worker)->inbox;
    EXPECT_NE(worker, ((Node *)arg)->index) << "a worker hands over to itself";
    unsigned room = gateway->chosen.handoff_max - (unsigned)inbox.size();
    unsigned taken = std::min(n, room);
    inbox.insert(inbox.end(), frames, frames + taken);
    return taken;
}

void Gateway::receive(unsigned worker, const std::vector<Bytes> &frames, uint64_t now_ns)
{
    Node &node = *nodes.at(worker);
    for (size_t at = 0; at < frames.size(); at += SL_BURST) {
        sl_frame *burst[SL_BURST];
        unsigned n = 0;
        for (; n < SL_BURST && at + n < frames.size(); n++) {
            burst[n] = node.pool.TakeFilled(0, frames[at + n]);
            burst[n]->handle = &node;
        }
        sl_worker_receive(node.worker, burst, n, now_ns);
    }
}

bool Gateway::turn(uint64_t now_ns)
{
    bool busy = false;
    serve_control(now_ns);
    for (sl_handshaker *handshaker : handshakers)
        busy |= sl_handshaker_poll(handshaker, now_ns, 32);
    for (auto &node : nodes) {
        std::vector<sl_frame *> taken = std::exchange(node->inbox, {});
        for (size_t at = 0; at < taken.size(); at += SL_BURST) {
            unsigned n = (unsigned)std::min(taken.size() - at, (size_t)SL_BURST);
            sl_worker_take_over(node->worker, taken.data() + at, n, now_ns);
        }
        busy |= !taken.empty();
        busy |= sl_worker_turn(node->worker, now_ns);
    }
    return busy;
}

uint64_t Gateway::next_timer_ns() const
{
    uint64_t next = UINT64_MAX;
    for (sl_handshaker *handshaker : handshakers)
        next = std::min(next, sl_handshaker_next_timer(handshaker));
    return next;
}

std::vector<Bytes> Gateway::take_sent()
{
    return std::exchange(sent, {});
}

std::vector<Told> Gateway::take_told()
{
    std::vector<Told> told;
    for (unsigned c = 0; c < consumers.size(); c++)
        for (unsigned w = 0; w < consumers[c].size(); w++)
            for (sluice::Event &event : consumers[c][w]->Receive())
                told.push_back({c, w, std::move(event)});
    return told;
}

bool Gateway::send(unsigned consumer, uint8_t kind, uint64_t session, const Bytes &payload)
{
    return consumers.at(consumer).at(sl_ring_session_worker(session))->Send(kind, session, payload);
}

void Gateway::control(Node &node, sl_message_kind kind, const void *body, size_t len)
{
    sl_ring_producer *ring = sl_ring_producer_of(node.from_control);
    EXPECT_TRUE(sl_message_send(ring, kind, 0, body, (uint32_t)len, nullptr, 0));
    sl_message_flush(ring);
}

void Gateway::attach(unsigned consumer)
{
    consumers.at(consumer).clear();
    for (auto &node : nodes) {
        consumers[consumer].push_back(
            std::make_unique<Consumer>(consumer, 0, (uint16_t)node->index, 1 << 18));
        sl_message_attach body = {consumers[consumer].back()->attachment()};
        control(*node, SL_MESSAGE_ATTACH, &body, sizeof body);
    }
}

void Gateway::detach(unsigned consumer)
{
    for (auto &node : nodes) {
        sl_message_attach body = {consumers.at(consumer).at(node->index)->attachment()};
        control(*node, SL_MESSAGE_DETACH, &body, sizeof body);
    }
}

void Gateway::stop()
{
    sl_connector_stop(connector);
    for (auto &node : nodes)
        control(*node, SL_MESSAGE_STOP, nullptr, 0);
}

bool Gateway::is_stopped() const
{
    return std::all_of(nodes.begin(), nodes.end(),
                       [](const auto &node) { return sl_worker_is_stopped(node->worker); });
}

const sl_counters &Gateway::counters(unsigned worker) const
{
    return *sl_worker_counters(nodes.at(worker)->worker);
}

sl_counters Gateway::totals() const
{
    sl_counters sum = {};
    for (auto &node : nodes)
        sl_counters_sum(&sum, sl_worker_counters(node->worker));
    return sum;
}

uint64_t Gateway::handshakes(sl_handshake_counter counter) const
{
    uint64_t sum = 0;
    for (sl_handshaker *handshaker : handshakers)
        sum += sl_handshaker_counter(handshaker, counter);
    return sum;
}

unsigned Gateway::handshakes_in_progress() const
{
    unsigned sum = 0;
    for (sl_handshaker *handshaker : handshakers)
        sum += sl_handshaker_in_progress(handshaker);
    return sum;
}

size_t Gateway::frames_in_use() const
{
    size_t sum = 0;
    for (auto &node : nodes)
        sum += node->pool.in_use();
    return sum;
}

unsigned Gateway::owner_of(const sl_tuple &tuple) const
{
    return shard_owner[(uint8_t)sl_wire_rss_hash(&tuple)];
}

} // namespace sl_sim
