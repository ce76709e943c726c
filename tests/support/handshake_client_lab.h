/**
 * A handshaker in the client's role, a worker's stand-in on its rings, servers (libssl's, or a
 * handshaker of ours in the server's role), and a network between them that loses, doubles and
 * reorders: all in one thread and in virtual time, the same in every run.
 */
#ifndef SL_TEST_HANDSHAKE_CLIENT_LAB_H
#define SL_TEST_HANDSHAKE_CLIENT_LAB_H

#include "dtls_server.h"
#include "handshake_worker.h"
#include "lab_network.h"
#include "test_trust.h"

extern "C" {
#include "sl_handshake.h"
}

namespace sl_test
{

/** How the client makes sure of the server; the lab fills in what is right for its servers. */
enum class Check { Ca, Fingerprint, Node_id, Rules, Nothing, Psk };

struct ClientLabOptions {
    /* servers */
    bool has_gateway = false; /* our own server's role; else libssl's */
    std::vector<std::string> server_kinds = {"EC"};
    std::string server_names = "DNS:server.test,IP:198.18.0.2";
    bool has_self_signed = false;
    bool asks_clients = false;
    ServerOptions server; /* libssl's; without identities and authority */
    /* clients */
    Check check = Check::Ca;
    std::string server_name = "server.test";
    std::string digest = "SHA256";         /* of the fingerprint */
    std::vector<std::string> fingerprints; /* instead of the right one */
    bool has_wrong_ca = false;
    TrustRules trust;                      /* further rules, beside what `check` makes */
    std::vector<std::string> client_kinds; /* certificates of its own */
    std::string psk_lines;
    const char *suites = nullptr;
    bool plain_psk = true;
    bool believes_alerts = false;
    bool tickets = false;
    unsigned sessions_max = 0;
    unsigned handshakes_max = 256;
    uint32_t certificate_chain_max = 0;
    unsigned first_timeout_ms = 1000;
    unsigned handshake_timeout_ms = 30000;
    unsigned cid_len = 0; /* of all clients of the lab */
    uint64_t ring_size = 1 << 20;
    bool has_wary_client = false; /* client 1 of the handshaker, who takes nobody that there is */
    const char *keylog_file = nullptr;
    double loss = 0, duplication = 0, reordering = 0;
    uint64_t seed = 1;
};

class ClientLab : public LabNetwork
{
  public:
    explicit ClientLab(const ClientLabOptions &options = {});
    ~ClientLab() override;
    ClientLab(const ClientLab &) = delete;
    ClientLab &operator=(const ClientLab &) = delete;

    /** Begins; by default it offers a connection ID of the lab's length, if there is one. */
    void start(unsigned id);
    void start(unsigned id, const ConnectOptions &options);
    /** Starts and runs until both sides are done, or one has given up. */
    bool connect(unsigned id);
    bool connect(unsigned id, const ConnectOptions &options);
    /** Ends a client and its server, and forgets them. */
    void leave(unsigned id);
    /** Both sides have keys and carry data to one another. */
    bool echoes(unsigned id);
    bool is_connected(unsigned id);
    Peer &client(unsigned id)
    {
        return worker.peer(id);
    }
    DtlsServer &server(unsigned id)
    {
        return *servers.at(id);
    }
    Peer &gateway_peer(unsigned id)
    {
        return gateway_worker->peer(id);
    }
    /** Of the server of ours; none with libssl's. */
    HandshakeWorker *gateways_worker()
    {
        return gateway_worker.get();
    }
    /** What the client's abort says, for people. */
    std::string reason(unsigned id);
    /** The handshaker's clients from now on. */
    enum class Client { None, Right, Wary };
    void replace_clients(const std::vector<Client> &next);
    /** New servers from now on, as after a restart with other ticket keys. */
    void restart_servers();

    uint64_t counter(sl_handshake_counter counter) const
    {
        return sl_handshaker_counter(handshaker, counter);
    }
    bool counters_add_up() const;

    sl_handshaker *handshaker = nullptr;
    HandshakeWorker worker; /* the clients' */
    Identity client_authority, server_authority;
    std::vector<Identity> server_identities;
    bool polls_workers = true;

  private:
    template <typename T> using Owned = std::unique_ptr<T, void (*)(T *)>;

    void make_identities();
    void load_credentials();
    sl_client_config right_client() const;
    sl_client_config wary_client() const;
    void make_client();
    void make_gateway();
    bool poll() override;
    void collect() override;
    void deliver(bool to_server, unsigned id, const Bytes &datagram) override;
    DtlsPeer &end_of(unsigned id) override
    {
        return server(id);
    }
    uint64_t next_timer_ns() override;

    ClientLabOptions chosen;
    TemporaryDirectory directory;
    struct Rings { /* that a handshaker borrows */
        sl_ring_consumer *from;
        sl_ring_producer *to;
    } client_rings = {}, gateway_rings = {};
    std::vector<std::pair<std::string, std::string>> server_files;
    Owned<sl_client_credentials> credentials, wary_credentials;
    Owned<sl_credentials> gateway_credentials;
    Owned<sl_handshaker> gateway;
    std::unique_ptr<HandshakeWorker> gateway_worker;
    std::unique_ptr<DtlsServerContext> context;
    std::vector<std::unique_ptr<DtlsServerContext>> old_contexts;
    std::map<unsigned, std::unique_ptr<DtlsServer>> servers;
    std::set<unsigned> ids;
};

} // namespace sl_test

#endif
