#include "handshake_lab.h"

#include <array>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace sl_test
{

HandshakeLab::HandshakeLab(const LabOptions &options)
    : LabNetwork({options.loss, options.duplication, options.reordering, options.seed}),
      authority(options.authority ? *options.authority
                                  : make_identity("EC", "client authority", nullptr, true)),
      server_authority(make_identity("EC", "server authority", nullptr, true)), chosen(options),
      credentials(nullptr, sl_credentials_destroy),
      psks(nullptr, sl_psks_destroy), lookup{ask, next_answer, this}
{
    if (chosen.server_certificates.empty())
        for (const std::string &kind : chosen.server_kinds)
            chosen.server_certificates.push_back({kind, "server " + kind, ""});
    if (chosen.has_certificates)
        credentials = make_credentials(chosen.server_certificates);
    psks = load_psks(chosen.psk_lines);
    for (unsigned i = 0; i < chosen.workers; i++) {
        workers.push_back(std::make_unique<HandshakeWorker>(i, chosen.ring_size));
        from_workers.push_back(workers.back()->to_handshaker_consumer());
        to_workers.push_back(workers.back()->from_handshaker_producer());
    }
    create_handshaker();
}

HandshakeLab::Psks HandshakeLab::load_psks(const std::string &lines)
{
    char reason[SL_CREDENTIALS_REASON_LEN];
    Psks loaded(nullptr, sl_psks_destroy);
    if (lines.empty())
        return loaded;
    loaded.reset(sl_psks_load(directory.write("psk", lines).c_str(), reason));
    if (loaded == nullptr)
        throw std::runtime_error(reason);
    return loaded;
}

void HandshakeLab::set_psks(sl_handshake_service &service) const
{
    service.psks = psks.get();
    service.looks_up = chosen.looks_up;
    service.plain_psk = chosen.plain_psk;
    service.takes_only_psk = chosen.takes_only_psk;
}

HandshakeLab::Credentials
HandshakeLab::make_credentials(const std::vector<ServerCertificate> &certificates)
{
    std::string chain;
    Identity issuer = server_authority;
    for (unsigned i = 0; i < chosen.server_chain; i++) {
        issuer = make_identity("RSA", "middle " + std::to_string(i), &issuer, true);
        chain = to_pem(issuer.certificate) + chain;
    }
    std::vector<std::array<std::string, 3>> paths;
    for (const ServerCertificate &one : certificates) {
        Identity server =
            make_identity(one.kind, one.common_name, &issuer, false, 86400L * 365, one.names);
        std::string name = std::to_string(paths.size());
        paths.push_back({directory.write(name + ".crt", to_pem(server.certificate) + chain),
                         directory.write(name + ".key", to_pem(server.key)),
                         one.ocsp != nullptr
                             ? directory.write(name + ".ocsp", one.ocsp(issuer, server.certificate))
                             : ""});
    }
    std::vector<sl_certificate_files> files;
    for (const auto &[certificate, key, ocsp] : paths)
        files.push_back({certificate.c_str(), key.c_str(), ocsp.empty() ? nullptr : ocsp.c_str()});
    char reason[SL_CREDENTIALS_REASON_LEN];
    sl_certificate_fault fault;
    Credentials made(sl_credentials_load(files.data(), (unsigned)files.size(), &fault, reason),
                     sl_credentials_destroy);
    if (made == nullptr)
        throw std::runtime_error(reason);
    return made;
}

namespace
{

/** Rules with names, as a handshaker wants them. */
struct Services {
    explicit Services(const std::vector<TrustRules> &all)
    {
        std::string why;
        for (const TrustRules &rules : all) {
            trusts.push_back(rules.load(&why));
            names.push_back("service " + std::to_string(names.size()));
            if (trusts.back() == nullptr)
                throw std::runtime_error(why);
        }
        for (size_t i = 0; i < trusts.size(); i++)
            services.push_back({names[i].c_str(), trusts[i].get(), nullptr, false, false, false});
    }
    std::vector<Trust> trusts; /* the handshaker has shares of its own */
    std::vector<std::string> names;
    std::vector<sl_handshake_service> services;
};

} // namespace

bool HandshakeLab::give(const std::vector<sl_handshake_service> &services, sl_credentials *shown)
{
    char reason[SL_REASON_LEN];
    const sl_handshake_roles_config config = {shown, services.data(), (unsigned)services.size(),
                                              nullptr, 0};
    sl_handshake_roles *made = sl_handshake_roles_create(handshaker, &config, reason);
    if (made == nullptr)
        throw std::runtime_error(reason);
    bool is_taken = sl_handshaker_replace_roles(handshaker, made);
    if (!is_taken)
        sl_handshake_roles_destroy(made);
    return is_taken;
}

bool HandshakeLab::replace_services(const std::vector<TrustRules> &rules,
                                    const std::vector<ServerCertificate> &certificates)
{
    Services next(rules);
    return give(next.services, make_credentials(certificates).get());
}

bool HandshakeLab::replace_psks(const std::string &psk_lines)
{
    Services next(chosen.services);
    psks = load_psks(psk_lines);
    set_psks(next.services[0]);
    return give(next.services, credentials.get());
}

void HandshakeLab::create_handshaker()
{
    if (chosen.services.empty()) {
        TrustRules rules;
        rules.anonymous = !chosen.asks_clients;
        if (chosen.asks_clients)
            rules.authorities = to_pem(authority.certificate);
        rules.lists = chosen.lists;
        chosen.services.push_back(rules);
    }
    Services first(chosen.services);
    set_psks(first.services[0]);
    char reason[SL_REASON_LEN];
    sl_handshaker_config config = {};
    config.roles.credentials = credentials.get();
    config.roles.services = first.services.data();
    config.roles.service_count = (unsigned)first.services.size();
    config.worker_count = chosen.workers;
    config.from_worker = from_workers.data();
    config.to_worker = to_workers.data();
    config.handshakes_max = chosen.handshakes_max;
    config.last_flights_max = chosen.last_flights_max;
    config.chains_max = chosen.chains_max;
    config.chain_len_max = chosen.chain_len_max;
    config.certificate_chain_max = chosen.certificate_chain_max;
    config.first_timeout_ms = chosen.first_timeout_ms;
    config.handshake_timeout_ms = chosen.handshake_timeout_ms;
    config.connection_ids = chosen.connection_ids;
    config.legacy_sessions_max = chosen.legacy_sessions_max;
    config.legacy_forged_max = chosen.legacy_forged_max;
    config.keylog_file = chosen.keylog_file;
    config.cpu_ns = chosen.cpu_ns;
    config.cpu_percent = chosen.cpu_percent;
    config.cpu_percent_per_prefix = chosen.cpu_percent_per_prefix;
    config.prefix_len_v4 = 32;
    config.ticket_lifetime_s = chosen.ticket_lifetime_s;
    memset(config.ticket_root, chosen.ticket_root, sizeof config.ticket_root);
    config.lookup = chosen.looks_up ? &lookup : nullptr;
    config.lookup_timeout_ms = chosen.lookup_timeout_ms;
    handshaker = sl_handshaker_create(&config, reason);
    if (handshaker == nullptr)
        throw std::runtime_error(reason);
}

HandshakeLab::~HandshakeLab()
{
    sl_handshaker_destroy(handshaker);
}

bool HandshakeLab::ask(void *lab_, const sl_handshake_question *question)
{
    HandshakeLab *lab = static_cast<HandshakeLab *>(lab_);
    if (!lab->takes_questions)
        return false;
    lab->questions.push_back(
        {question->number, question->service,
         Bytes(question->identity, question->identity + question->identity_len)});
    return true;
}

bool HandshakeLab::next_answer(void *lab_, sl_handshake_answer *out)
{
    HandshakeLab *lab = static_cast<HandshakeLab *>(lab_);
    if (lab->answers.empty())
        return false;
    *out = lab->answers.front();
    lab->answers.pop();
    return true;
}

void HandshakeLab::answer(uint64_t number, const Bytes &key)
{
    sl_handshake_answer answer = {};
    answer.number = number;
    answer.key_len = (uint8_t)key.size();
    std::copy(key.begin(), key.end(), answer.key);
    answers.push(answer);
}

DtlsClient &HandshakeLab::add_client(unsigned id, const ClientOptions &options)
{
    clients[id] = std::make_unique<DtlsClient>(options);
    return *clients[id];
}

void HandshakeLab::start(unsigned id)
{
    client(id).go_on();
    settle();
}

void HandshakeLab::collect()
{
    for (auto &[id, client] : clients) {
        collect_from(*client, true, id);
        for (const Bytes &datagram : std::exchange(peer(id).output, {}))
            transmit(false, id, datagram);
    }
}

bool HandshakeLab::poll()
{
    bool busy = sl_handshaker_poll(handshaker, now_ns(), 32);
    for (auto &worker : workers)
        busy |= polls_workers && worker->poll() > 0;
    return busy;
}

void HandshakeLab::deliver(bool to_server, unsigned id, const Bytes &datagram)
{
    if (to_server)
        worker_of(id).receive(id, datagram);
    else
        client(id).receive(datagram);
}

bool HandshakeLab::is_connected(unsigned id)
{
    return client(id).is_connected() && peer(id).is_established;
}

bool HandshakeLab::connect(unsigned id, const ClientOptions &options)
{
    add_client(id, options);
    start(id);
    (void)run_until(
        [&] { return is_connected(id) || client(id).has_failed() || peer(id).is_aborted; });
    run_for(30);
    return is_connected(id);
}

bool HandshakeLab::counters_add_up() const
{
    return counter(SL_HANDSHAKE_STARTED) ==
           counter(SL_HANDSHAKE_COMPLETED) + counter(SL_HANDSHAKE_FAILED) +
               counter(SL_HANDSHAKE_TIMED_OUT) + counter(SL_HANDSHAKE_REFUSED_PEER) +
               counter(SL_HANDSHAKE_REFUSED_PSK) + counter(SL_HANDSHAKE_CHAIN_TOO_LONG) +
               sl_handshaker_in_progress(handshaker);
}

} // namespace sl_test
