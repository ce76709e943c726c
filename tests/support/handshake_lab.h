/**
 * A handshaker, a worker's stand-in on each of its rings, clients, and a network between them that
 * loses, doubles and reorders: all in one thread and in virtual time, the same in every run.
 */
#ifndef SL_TEST_HANDSHAKE_LAB_H
#define SL_TEST_HANDSHAKE_LAB_H

#include "handshake_worker.h"
#include "lab_network.h"
#include "test_certificates.h"
#include "test_trust.h"

extern "C" {
#include "sl_handshake.h"
}

namespace sl_test
{

/** A certificate of the server's. */
struct ServerCertificate {
    std::string kind, common_name, names;
    std::string (*ocsp)(const Identity &issuer, const Certificate &subject) = nullptr;
};

struct LabOptions {
    std::vector<std::string> server_kinds = {"EC"};
    std::vector<ServerCertificate> server_certificates; /* instead: these */
    bool has_certificates = true;
    unsigned server_chain = 0;         /* certificates between the server's and its authority's */
    bool asks_clients = false;         /* a CA is configured */
    std::vector<TrustRules> services;  /* instead: what each of several takes */
    std::optional<Identity> authority; /* of clients; none: one of the lab's own */
    std::string lists;                 /* its revocation lists, PEM */
    bool connection_ids = true;
    unsigned legacy_sessions_max = 0;
    uint64_t legacy_forged_max = 0;
    unsigned ticket_lifetime_s = 0; /* 0: no tickets */
    uint8_t ticket_root = 1;        /* labs with the same one share their tickets */
    unsigned workers = 1;
    unsigned handshakes_max = 256;
    unsigned last_flights_max = 256;
    unsigned chains_max = 256, chain_len_max = 16384;
    uint32_t certificate_chain_max = 0;
    unsigned first_timeout_ms = 1000;
    unsigned handshake_timeout_ms = 30000;
    uint64_t ring_size = 1 << 20;
    const char *keylog_file = nullptr;
    uint64_t (*cpu_ns)() = nullptr;
    unsigned cpu_percent = 0, cpu_percent_per_prefix = 0;
    /* Of the first service: */
    std::string psk_lines; /* of its PSK file; empty: none */
    bool takes_only_psk = false;
    bool plain_psk = false;
    bool looks_up = false; /* it asks for pre-shared keys: see HandshakeLab::questions */
    unsigned lookup_timeout_ms = 5000;
    double loss = 0, duplication = 0, reordering = 0;
    uint64_t seed = 1;
};

/** What the handshaker asks of whoever has the pre-shared keys. */
struct Question {
    uint64_t number;
    std::string service;
    Bytes identity;
};

class HandshakeLab : public LabNetwork
{
  public:
    explicit HandshakeLab(const LabOptions &options = {});
    ~HandshakeLab() override;
    HandshakeLab(const HandshakeLab &) = delete;
    HandshakeLab &operator=(const HandshakeLab &) = delete;

    /** A client with a number: even workers' turn by turn. It has not started yet. */
    DtlsClient &add_client(unsigned id, const ClientOptions &options = {});
    DtlsClient &client(unsigned id)
    {
        return *clients.at(id);
    }
    Peer &peer(unsigned id)
    {
        return worker_of(id).peer(id);
    }
    HandshakeWorker &worker_of(unsigned id)
    {
        return *workers[id % workers.size()];
    }
    void start(unsigned id);

    /** Gives the handshaker other certificates and rules, as many; they count from its next poll.
     * false: it has not taken the last ones yet. */
    bool replace_services(const std::vector<TrustRules> &rules,
                          const std::vector<ServerCertificate> &certificates);
    /** Another PSK file for the first service; all else stays. */
    bool replace_psks(const std::string &psk_lines);

    /** Starts the client and runs until both sides are done, or one has given up. */
    bool connect(unsigned id, const ClientOptions &options = {});
    bool is_connected(unsigned id);

    uint64_t counter(sl_handshake_counter counter) const
    {
        return sl_handshaker_counter(handshaker, counter);
    }
    /** Handshakes begun are those that ended in some way, and those in progress. */
    bool counters_add_up() const;

    sl_handshaker *handshaker = nullptr;
    Identity authority; /* of clients, when they are asked */
    Identity server_authority;
    std::vector<Question> questions;
    bool takes_questions = true; /* false: the lookup program does not read */
    /** The answer to a question; without a key: nobody has that identity. */
    void answer(uint64_t number, const Bytes &key = {});
    bool polls_workers = true; /* false: workers read nothing of what the handshaker writes */

  private:
    static bool ask(void *lab, const sl_handshake_question *question);
    static bool next_answer(void *lab, sl_handshake_answer *out);
    bool poll() override;
    void collect() override;
    void deliver(bool to_server, unsigned id, const Bytes &datagram) override;
    DtlsPeer &end_of(unsigned id) override
    {
        return client(id);
    }
    uint64_t next_timer_ns() override
    {
        return sl_handshaker_next_timer(handshaker);
    }

    LabOptions chosen;
    TemporaryDirectory directory;
    std::unique_ptr<sl_credentials, decltype(&sl_credentials_destroy)> credentials;
    using Credentials = std::unique_ptr<sl_credentials, decltype(&sl_credentials_destroy)>;
    Credentials make_credentials(const std::vector<ServerCertificate> &certificates);
    bool give(const std::vector<sl_handshake_service> &services, sl_credentials *shown);
    using Psks = std::unique_ptr<sl_psks, decltype(&sl_psks_destroy)>;
    Psks load_psks(const std::string &lines);
    void set_psks(sl_handshake_service &service) const;
    Psks psks;
    std::queue<sl_handshake_answer> answers;
    sl_handshake_lookup lookup;
    void create_handshaker();
    std::vector<std::unique_ptr<HandshakeWorker>> workers;
    std::vector<sl_ring_consumer *> from_workers;
    std::vector<sl_ring_producer *> to_workers;
    std::map<unsigned, std::unique_ptr<DtlsClient>> clients;
};

} // namespace sl_test

#endif
