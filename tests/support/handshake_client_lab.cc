#include "handshake_client_lab.h"

#include <stdexcept>
#include <utility>

namespace sl_test
{

ClientLab::ClientLab(const ClientLabOptions &options)
    : LabNetwork({options.loss, options.duplication, options.reordering, options.seed}),
      worker(0, options.ring_size), client_authority(make_identity("EC", "clients", nullptr, true)),
      server_authority(make_identity("EC", "servers", nullptr, true)), chosen(options),
      credentials(nullptr, sl_client_credentials_destroy),
      wary_credentials(nullptr, sl_client_credentials_destroy),
      gateway_credentials(nullptr, sl_credentials_destroy), gateway(nullptr, sl_handshaker_destroy)
{
    worker.cid_len = chosen.cid_len;
    make_identities();
    load_credentials();
    make_client();
    if (chosen.has_gateway)
        make_gateway();
    restart_servers();
}

ClientLab::~ClientLab()
{
    sl_handshaker_destroy(handshaker);
}

void ClientLab::make_identities()
{
    const Identity *issuer = chosen.has_self_signed ? nullptr : &server_authority;
    for (const std::string &kind : chosen.server_kinds) {
        Identity made =
            make_identity(kind, "server " + kind, issuer, false, 86400, chosen.server_names);
        server_files.push_back(
            {directory.write("server-" + kind + ".crt", to_pem(made.certificate)),
             directory.write("server-" + kind + ".key", to_pem(made.key))});
        server_identities.push_back(made);
    }
}

void ClientLab::load_credentials()
{
    std::vector<std::string> paths;
    for (size_t i = 0; i < chosen.client_kinds.size(); i++) {
        std::string name = "client " + std::to_string(i);
        Identity made = make_identity(chosen.client_kinds[i], name, &client_authority);
        paths.push_back(directory.write(name + ".crt", to_pem(made.certificate)));
        paths.push_back(directory.write(name + ".key", to_pem(made.key)));
    }
    std::vector<sl_certificate_files> certificates;
    for (size_t i = 0; i < paths.size(); i += 2)
        certificates.push_back({paths[i].c_str(), paths[i + 1].c_str(), nullptr});
    std::vector<std::string> prints = chosen.fingerprints;
    if (chosen.check == Check::Fingerprint && prints.empty())
        for (const Identity &identity : server_identities)
            prints.push_back(fingerprint_of(identity.certificate, chosen.digest.c_str()));
    TrustRules rules = chosen.trust;
    rules.fingerprints.insert(rules.fingerprints.end(), prints.begin(), prints.end());
    for (const Identity &identity : server_identities)
        if (chosen.check == Check::Node_id)
            rules.node_ids.push_back(node_id_of(identity.key));
    const Identity &ca = chosen.has_wrong_ca ? client_authority : server_authority;
    if (chosen.check == Check::Ca)
        rules.authorities = to_pem(ca.certificate);
    rules.anonymous = chosen.check == Check::Nothing;
    std::string psk_file = directory.write("psk", chosen.psk_lines);
    sl_client_files files = {};
    files.certificates = certificates.data();
    files.certificate_count = (unsigned)certificates.size();
    files.psk_file = chosen.psk_lines.empty() ? nullptr : psk_file.c_str();
    files.server_name = chosen.server_name.empty() ? nullptr : chosen.server_name.c_str();
    char reason[SL_CREDENTIALS_REASON_LEN];
    rules.with_rules([&](const sl_trust_rules &trust) {
        files.trust = trust;
        credentials.reset(sl_client_credentials_load(&files, reason));
    });
    if (credentials == nullptr)
        throw std::runtime_error(reason);
    sl_client_files wary = {};
    const std::string nobodys = fingerprint_of(client_authority.certificate);
    const char *fingerprint = nobodys.c_str();
    wary.trust.peers.fingerprints = &fingerprint;
    wary.trust.peers.fingerprint_count = 1;
    wary_credentials.reset(sl_client_credentials_load(&wary, reason));
    if (wary_credentials == nullptr)
        throw std::runtime_error(reason);
}

sl_client_config ClientLab::right_client() const
{
    sl_client_config client = {};
    client.credentials = credentials.get();
    client.suites = chosen.suites;
    client.plain_psk = chosen.plain_psk;
    client.believes_alerts = chosen.believes_alerts;
    client.tickets = chosen.tickets;
    client.sessions_max = chosen.sessions_max;
    return client;
}

sl_client_config ClientLab::wary_client() const
{
    sl_client_config client = right_client();
    client.credentials = wary_credentials.get();
    client.suites = nullptr;
    return client;
}

void ClientLab::replace_clients(const std::vector<Client> &next)
{
    std::vector<sl_client_config> clients;
    for (Client one : next)
        clients.push_back(one == Client::None    ? sl_client_config{}
                          : one == Client::Right ? right_client()
                                                 : wary_client());
    const sl_handshake_roles_config config = {nullptr, nullptr, 0, clients.data(),
                                              (unsigned)clients.size()};
    char reason[SL_REASON_LEN];
    sl_handshake_roles *made = sl_handshake_roles_create(handshaker, &config, reason);
    if (made == nullptr || !sl_handshaker_replace_roles(handshaker, made))
        throw std::runtime_error("the clients are not replaced");
}

void ClientLab::make_client()
{
    char reason[SL_REASON_LEN];
    client_rings = {worker.to_handshaker_consumer(), worker.from_handshaker_producer()};
    sl_handshaker_config config = {};
    const sl_client_config clients[2] = {right_client(), wary_client()};
    config.roles.clients = clients;
    config.roles.client_count = chosen.has_wary_client ? 2 : 1;
    config.worker_count = 1;
    config.from_worker = &client_rings.from;
    config.to_worker = &client_rings.to;
    config.handshakes_max = chosen.handshakes_max;
    config.last_flights_max = 256;
    config.certificate_chain_max = chosen.certificate_chain_max;
    config.first_timeout_ms = chosen.first_timeout_ms;
    config.handshake_timeout_ms = chosen.handshake_timeout_ms;
    config.keylog_file = chosen.keylog_file;
    handshaker = sl_handshaker_create(&config, reason);
    if (handshaker == nullptr)
        throw std::runtime_error(reason);
}

void ClientLab::make_gateway()
{
    std::vector<sl_certificate_files> files;
    for (const auto &[certificate, key] : server_files)
        files.push_back({certificate.c_str(), key.c_str(), nullptr});
    TrustRules rules;
    rules.anonymous = !chosen.asks_clients;
    if (chosen.asks_clients)
        rules.authorities = to_pem(client_authority.certificate);
    Trust trust = rules.load();
    sl_handshake_service service = {};
    service.name = "gateway";
    service.trust = trust.get();
    char reason[SL_CREDENTIALS_REASON_LEN];
    sl_certificate_fault fault;
    gateway_credentials.reset(
        sl_credentials_load(files.data(), (unsigned)files.size(), &fault, reason));
    if (gateway_credentials == nullptr)
        throw std::runtime_error(reason);
    gateway_worker = std::make_unique<HandshakeWorker>(0, chosen.ring_size);
    gateway_rings = {gateway_worker->to_handshaker_consumer(),
                     gateway_worker->from_handshaker_producer()};
    sl_handshaker_config config = {};
    config.roles.credentials = gateway_credentials.get();
    config.roles.services = &service;
    config.roles.service_count = 1;
    config.worker_count = 1;
    config.from_worker = &gateway_rings.from;
    config.to_worker = &gateway_rings.to;
    config.handshakes_max = 1024;
    config.last_flights_max = 1024;
    config.first_timeout_ms = 1000;
    config.handshake_timeout_ms = 30000;
    config.connection_ids = true;
    gateway.reset(sl_handshaker_create(&config, reason));
    if (gateway == nullptr)
        throw std::runtime_error(reason);
}

void ClientLab::restart_servers()
{
    ServerOptions options = chosen.server;
    options.identities = server_identities;
    if (chosen.asks_clients)
        options.client_authority = client_authority.certificate;
    if (context != nullptr)
        old_contexts.push_back(std::move(context));
    context = std::make_unique<DtlsServerContext>(options);
}

void ClientLab::start(unsigned id)
{
    ConnectOptions options;
    if (chosen.cid_len > 0)
        options.cid = Bytes(chosen.cid_len, (uint8_t)id);
    start(id, options);
}

void ClientLab::start(unsigned id, const ConnectOptions &options)
{
    ids.insert(id);
    if (!chosen.has_gateway)
        servers[id] = std::make_unique<DtlsServer>(*context);
    worker.connect(id, options);
    settle();
}

void ClientLab::collect()
{
    for (unsigned id : ids) {
        for (const Bytes &datagram : std::exchange(client(id).output, {}))
            transmit(true, id, datagram);
        if (!chosen.has_gateway)
            collect_from(server(id), false, id);
        else
            for (const Bytes &datagram : std::exchange(gateway_peer(id).output, {}))
                transmit(false, id, datagram);
    }
}

bool ClientLab::poll()
{
    bool busy = sl_handshaker_poll(handshaker, now_ns(), 32);
    busy |= polls_workers && worker.poll() > 0;
    if (gateway != nullptr) {
        busy |= sl_handshaker_poll(gateway.get(), now_ns(), 32);
        busy |= gateway_worker->poll() > 0;
    }
    return busy;
}

uint64_t ClientLab::next_timer_ns()
{
    const uint64_t next = sl_handshaker_next_timer(handshaker);
    return gateway == nullptr ? next : std::min(next, sl_handshaker_next_timer(gateway.get()));
}

void ClientLab::deliver(bool to_server, unsigned id, const Bytes &datagram)
{
    if (!to_server)
        worker.receive(id, datagram);
    else if (chosen.has_gateway)
        gateway_worker->receive(id, datagram);
    else
        server(id).receive(datagram);
}

bool ClientLab::is_connected(unsigned id)
{
    bool server_is =
        chosen.has_gateway ? gateway_peer(id).is_established : server(id).is_connected();
    return client(id).is_established && server_is;
}

bool ClientLab::connect(unsigned id)
{
    start(id);
    (void)run_until([&] { return is_connected(id) || client(id).is_aborted; });
    run_for(30);
    return is_connected(id);
}

bool ClientLab::connect(unsigned id, const ConnectOptions &options)
{
    start(id, options);
    (void)run_until([&] { return is_connected(id) || client(id).is_aborted; });
    run_for(30);
    return is_connected(id);
}

void ClientLab::leave(unsigned id)
{
    worker.close(id);
    servers.erase(id);
    ids.erase(id);
    forget(id);
    settle();
}

bool ClientLab::echoes(unsigned id)
{
    const Bytes there = {'t', 'h', 'e', 'r', 'e'}, back = {'b', 'a', 'c', 'k'};
    client(id).data.clear();
    worker.send_data(id, there);
    run_for(50);
    std::vector<Bytes> arrived;
    if (chosen.has_gateway) {
        arrived = std::exchange(gateway_peer(id).data, {});
        gateway_worker->send_data(id, back);
    } else {
        arrived = server(id).take_data();
        server(id).send(back);
    }
    run_for(50);
    return arrived == std::vector<Bytes>{there} && client(id).data == std::vector<Bytes>{back};
}

std::string ClientLab::reason(unsigned id)
{
    char text[SL_REASON_LEN];
    sl_handshake_describe_abort(&client(id).abort, text);
    return text;
}

bool ClientLab::counters_add_up() const
{
    return counter(SL_HANDSHAKE_STARTED) ==
           counter(SL_HANDSHAKE_COMPLETED) + counter(SL_HANDSHAKE_FAILED) +
               counter(SL_HANDSHAKE_TIMED_OUT) + counter(SL_HANDSHAKE_REFUSED_PEER) +
               counter(SL_HANDSHAKE_CHAIN_TOO_LONG) + sl_handshaker_in_progress(handshaker);
}

} // namespace sl_test
