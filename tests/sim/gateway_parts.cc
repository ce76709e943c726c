/* Of what the simulated gateway is made. */
#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "gateway_node.h"

namespace sl_sim
{

constexpr uint16_t first_connect_port = 50000, last_connect_port = 50999;

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
    config.connect_port = first_connect_port;
    config.connect_ports = chosen.connects.empty() ? 0 : last_connect_port - first_connect_port + 1;
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
    config.roles.credentials = credentials;
    config.roles.services = &service;
    config.roles.service_count = 1;
    config.roles.clients = clients.data();
    config.roles.client_count = (unsigned)clients.size();
    config.worker_count = chosen.workers;
    config.from_worker = from_workers[index].data();
    config.to_worker = to_workers[index].data();
    config.handshakes_max = chosen.handshakes_max;
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
    for (unsigned i = 0; i < chosen.connects.size(); i++) {
        const Connect &connect = chosen.connects[i];
        sl_connection_config config = {};
        config.name = connect.name.c_str();
        config.tuple.remote_ip = connect.to;
        config.tuple.local_ip = gateway_ip(!sl_ip_is_v4(&connect.to), chosen.host);
        config.tuple.remote_port = connect.port;
        config.vlan_id = chosen.vlan_id;
        config.next_hop = connect.to;
        config.backoff_min_ns = 1000000000;
        config.backoff_max_ns = 30000000000;
        config.handshake_timeout_ms = connect.handshake_timeout_ms;
        config.silence_ns = connect.silence_ms * 1000000;
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

} // namespace sl_sim
