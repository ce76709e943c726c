#include "gateway.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace sl_sim
{

using sluice::Consumer;
using sluice::FramePool;

const uint8_t gateway_mac[SL_ETHER_ADDR_LEN] = {0x02, 0, 0, 0, 0, 0xfe};

sl_ip gateway_ip(bool v6, uint8_t host)
{
    const uint8_t v4[4] = {198, 18, 0, host};
    return v6 ? sl_ip{{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host}}
              : sl_ip_from_v4(v4);
}

constexpr uint16_t first_connect_port = 50000, last_connect_port = 50999;

/** A worker and what belongs to it. Its frames know their pool, whoever ends them. */
struct Gateway::Node {
    Gateway *gateway;
    unsigned index;
    FramePool pool;
    std::unique_ptr<uint8_t, void (*)(void *)> region{nullptr, free};
    std::vector<sl_ring *> to_handshaker, from_handshaker;
    sl_ring *to_control, *from_control;
    sl_worker *worker = nullptr;
    std::vector<sl_frame *> inbox; /* handed over by other workers */
};

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

void Gateway::load_credentials()
{
    authority = sl_test::make_identity("EC", "client authority", nullptr, true);
    identity =
        chosen.identity.key != nullptr ? chosen.identity : sl_test::make_identity("EC", "gateway");
    std::string certificate = directory.write("gateway.crt", sl_test::to_pem(identity.certificate));
    std::string key = directory.write("gateway.key", sl_test::to_pem(identity.key));
    sl_certificate_files files = {certificate.c_str(), key.c_str(), nullptr};
    char reason[SL_CREDENTIALS_REASON_LEN];
    sl_certificate_fault fault;
    credentials = sl_credentials_load(&files, 1, &fault, reason);
    if (credentials == nullptr)
        throw std::runtime_error(reason);
    sl_test::TrustRules rules = chosen.clients;
    rules.anonymous = !chosen.asks_clients && rules.fingerprints.empty();
    if (chosen.asks_clients)
        rules.authorities = sl_test::to_pem(authority.certificate);
    trust = rules.load();
    for (const Connect &connect : chosen.connects) {
        sl_client_files client = {};
        client.certificates = &files;
        client.certificate_count = connect.shows_certificate ? 1 : 0;
        connect.trust.with_rules([&](const sl_trust_rules &server) {
            client.trust = server;
            client_credentials.push_back(sl_client_credentials_load(&client, reason));
        });
        if (client_credentials.back() == nullptr)
            throw std::runtime_error(reason);
        sl_client_config config = {};
        config.credentials = client_credentials.back();
        clients.push_back(config);
    }
}

static void fill_group(sl_group &group, const GatewayOptions &chosen)
{
    memcpy(group.mac, gateway_mac, sizeof group.mac);
    group.mac[4] = (uint8_t)(chosen.host - 1);
    group.vlan_id = chosen.vlan_id;
    group.mtu = 1500;
    group.rx_checksum = SL_RX_CHECKSUM_REQUIRE;
    group.address_count = 2;
    group.addresses[0] = gateway_ip(false, chosen.host);
    group.addresses[1] = gateway_ip(true, chosen.host);
}

/** The servers themselves, each once. */
static std::vector<sl_ip> next_hops_of(const GatewayOptions &chosen)
{
    std::vector<sl_ip> hops;
    for (const Connect &connect : chosen.connects)
        if (std::none_of(hops.begin(), hops.end(), [&](const sl_ip &hop) {
                return memcmp(&hop, &connect.to, sizeof hop) == 0;
            }))
            hops.push_back(connect.to);
    return hops;
}

static void fill_next_hops(sl_worker_config &config, const GatewayOptions &chosen)
{
    for (const sl_ip &hop : next_hops_of(chosen))
        config.next_hops[config.next_hop_count++] = {
            hop, gateway_ip(!sl_ip_is_v4(&hop), chosen.host), 0};
    config.connect_port = first_connect_port;
    config.connect_ports = chosen.connects.empty() ? 0 : last_connect_port - first_connect_port + 1;
}

void Gateway::create_node(unsigned index)
{
    auto node = std::make_unique<Node>();
    node->gateway = this;
    node->index = index;
    sl_worker_config config = {};
    config.index = index;
    config.worker_count = chosen.workers;
    config.shard_owner = shard_owner;
    config.io = {node.get(), free_frames, take_frames, transmit, hand_over};
    config.crypto = SL_CRYPTO_AUTO;
    config.sessions_max = chosen.sessions_max;
    config.half_open_max = chosen.half_open_max;
    config.idle_timeout_ns = chosen.idle_timeout_ms * 1000000;
    config.handshake_timeout_ns = chosen.handshake_timeout_ms * 1000000;
    config.peer_moves = chosen.peer_moves;
    config.admission = chosen.admission;
    config.prefix_len_v4 = 32;
    config.prefix_len_v6 = 64;
    config.group_count = 1;
    fill_group(config.groups[0], chosen);
    fill_next_hops(config, chosen);
    config.listener_count = 1;
    config.listeners[0] = {service_port, 0};
    config.service_count = 1;
    config.handshaker_count = chosen.handshakers;
    for (unsigned h = 0; h < chosen.handshakers; h++) {
        sl_ring *to = sl_ring_create(1 << 20), *from = sl_ring_create(1 << 20);
        node->to_handshaker.push_back(to);
        node->from_handshaker.push_back(from);
        config.to_handshaker[h] = sl_ring_producer_of(to);
        config.from_handshaker[h] = sl_ring_consumer_of(from);
        from_workers[h].push_back(sl_ring_consumer_of(to));
        to_workers[h].push_back(sl_ring_producer_of(from));
    }
    node->to_control = sl_ring_create(1 << 16);
    node->from_control = sl_ring_create(1 << 16);
    config.to_control = sl_ring_producer_of(node->to_control);
    config.from_control = sl_ring_consumer_of(node->from_control);
    memset(config.cookie_root, (int)(0x40 + chosen.seed), sizeof config.cookie_root);
    memset(config.random_seed, (int)(chosen.seed * 31 + index), sizeof config.random_seed);

    size_t len = (sl_worker_memory_len(&config) + 63) & ~(size_t)63;
    node->region.reset((uint8_t *)aligned_alloc(SL_CACHE_LINE, len));
    memset(node->region.get(), 0, len);
    sl_arena arena;
    sl_arena_init(&arena, node->region.get(), len);
    node->worker = sl_worker_create(&config, &arena);
    if (node->worker == nullptr)
        throw std::runtime_error("the worker can't be created");
    nodes.push_back(std::move(node));
}

void Gateway::create_handshaker(unsigned index)
{
    sl_handshaker_config config = {};
    sl_handshake_service service = {};
    service.name = "gateway";
    service.trust = trust.get();
    config.credentials = credentials;
    config.services = &service;
    config.service_count = 1;
    config.clients = clients.data();
    config.client_count = (unsigned)clients.size();
    config.worker_count = chosen.workers;
    config.from_worker = from_workers[index].data();
    config.to_worker = to_workers[index].data();
    config.handshakes_max = 512;
    config.last_flights_max = 512;
    config.first_timeout_ms = 1000;
    config.handshake_timeout_ms = (unsigned)chosen.handshake_timeout_ms;
    config.connection_ids = true;
    config.legacy_sessions_max = chosen.legacy_sessions_max;
    config.ticket_lifetime_s = chosen.ticket_lifetime_s;
    memset(config.ticket_root, (int)(0x50 + chosen.seed), sizeof config.ticket_root);
    char reason[SL_REASON_LEN];
    handshakers.push_back(sl_handshaker_create(&config, reason));
    if (handshakers.back() == nullptr)
        throw std::runtime_error(reason);
}

void Gateway::create_connector()
{
    const std::vector<sl_ip> hops = next_hops_of(chosen);
    for (unsigned i = 0; i < chosen.connects.size(); i++) {
        const Connect &connect = chosen.connects[i];
        sl_connection_config config = {};
        config.name = connect.name.c_str();
        config.tuple.remote_ip = connect.to;
        config.tuple.local_ip = gateway_ip(!sl_ip_is_v4(&connect.to), chosen.host);
        config.tuple.remote_port = service_port;
        config.vlan_id = chosen.vlan_id;
        while (memcmp(&hops.at(config.next_hop), &connect.to, sizeof connect.to) != 0)
            config.next_hop++;
        config.next_hop_ip = connect.to;
        config.backoff_min_ns = 1000000000;
        config.backoff_max_ns = 30000000000;
        config.handshake_timeout_ms = connect.handshake_timeout_ms;
        config.offers_cid = connect.offers_cid;
        config.on_demand = connect.on_demand;
        connection_configs.push_back(config);
    }
    sl_connector_config config = {};
    config.connection_count = (unsigned)connection_configs.size();
    config.connections = connection_configs.data();
    config.first_port = first_connect_port;
    config.last_port = last_connect_port;
    config.worker_count = chosen.workers;
    config.shard_owner = shard_owner;
    config.seed = chosen.seed;
    config.send = [](void *arg, unsigned worker, sl_message_kind kind, const void *body,
                     uint32_t len) {
        sl_ring_producer *ring =
            sl_ring_producer_of(((Gateway *)arg)->nodes.at(worker)->from_control);
        const bool was_sent = sl_message_send(ring, kind, 0, body, len, nullptr, 0);
        sl_message_flush(ring);
        return was_sent;
    };
    config.log = [](void *arg, const char *line) { ((Gateway *)arg)->lines.push_back(line); };
    config.arg = this;
    connector = sl_connector_create(&config);
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
