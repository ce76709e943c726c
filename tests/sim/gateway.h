/**
 * The gateway without its ports and threads: workers, handshakers and consumers of the product,
 * joined by their rings, driven from one thread at times that the test gives.
 */
#ifndef SL_SIM_GATEWAY_H
#define SL_SIM_GATEWAY_H

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "test_trust.h"
#include "worker_bench.h"

extern "C" {
#include "sl_connect.h"
#include "sl_handshake.h"
#include "sl_worker.h"
}

namespace sl_sim
{

using sluice::Bytes;

constexpr uint16_t service_port = 4433;
extern const uint8_t gateway_mac[SL_ETHER_ADDR_LEN];
sl_ip gateway_ip(bool v6, uint8_t host = 1);

/** A `connect` entry: a server at another gateway's address. */
struct Connect {
    std::string name;
    sl_ip to;
    uint16_t port = service_port;
    sl_test::TrustRules trust; /* whom it takes for the server */
    bool offers_cid = true;
    uint32_t handshake_timeout_ms = 10000;
    uint64_t silence_ms = 0;
    bool shows_certificate = false; /* the gateway's own */
    bool on_demand = false;
};

struct GatewayOptions {
    unsigned workers = 3;
    unsigned handshakers = 2;
    unsigned consumers = 2;
    sl_peer_moves peer_moves = SL_PEER_MOVES_HOLD;
    uint32_t sessions_max = 512, half_open_max = 512; /* of each worker */
    unsigned handshakes_max = 512;                    /* of each handshaker */
    uint64_t idle_timeout_ms = 600000;
    uint64_t handshake_timeout_ms = 120000;
    unsigned handoff_max = 256; /* frames that wait for a worker */
    uint16_t vlan_id = SL_VLAN_NONE;
    bool asks_clients = false;   /* for a certificate */
    uint8_t host = 1;            /* the last byte of its addresses */
    sl_test::Identity identity;  /* without a key: one is made */
    sl_test::TrustRules clients; /* whom it takes; empty: see asks_clients */
    std::vector<Connect> connects;
    unsigned legacy_sessions_max = 0;
    const sl_admission_rules *admission = nullptr; /* of each worker */
    unsigned ticket_lifetime_s = 7200;             /* 0: no session tickets */
    uint64_t seed = 1;
};

/** What a consumer was told, and on which worker's ring. */
struct Told {
    unsigned consumer, worker;
    sluice::Event event;
};

class Gateway
{
  public:
    explicit Gateway(const GatewayOptions &options);
    ~Gateway();
    Gateway(const Gateway &) = delete;
    Gateway &operator=(const Gateway &) = delete;

    /** Frames that the port gives to this worker's queue. */
    void receive(unsigned worker, const std::vector<Bytes> &frames, uint64_t now_ns);
    /** One round of everybody. return whether there was anything to do. */
    bool turn(uint64_t now_ns);
    /** When a handshaker wants to be asked again. */
    uint64_t next_timer_ns() const;
    std::vector<Bytes> take_sent();
    std::vector<Told> take_told();

    /** On the ring of the worker that has the session. */
    bool send(unsigned consumer, uint8_t kind, uint64_t session, const Bytes &payload = {});
    void attach(unsigned consumer);
    void detach(unsigned consumer);
    void stop();
    bool is_stopped() const;

    unsigned worker_count() const
    {
        return (unsigned)nodes.size();
    }
    const sl_counters &counters(unsigned worker) const;
    sl_counters totals() const;
    uint64_t drops(sl_drop drop) const
    {
        return totals().drops[drop];
    }
    uint64_t events(sl_counter counter) const
    {
        return totals().events[counter];
    }
    uint64_t handshakes(sl_handshake_counter counter) const;
    unsigned handshakes_in_progress() const;
    /** Frames that are out of their pools; a worker keeps some spare ones. */
    size_t frames_in_use() const;
    /** Whether worker `worker` owns what comes on this 5-tuple without a connection ID. */
    unsigned owner_of(const sl_tuple &tuple) const;

    std::vector<sl_connection_info> connections() const;
    /** A consumer asks for a session. */
    int request(unsigned consumer, const std::string &name, uint32_t number)
    {
        const sl_connection_asker asker = {consumer, 0};
        return sl_connector_request(connector, name.c_str(), 0, &asker, number);
    }
    /** As if the session had sent three quarters of what its key may. */
    void use_up(uint64_t session, uint64_t now_ns);

    sl_test::Identity authority;    /* of clients */
    sl_test::Identity identity;     /* its own */
    std::vector<std::string> lines; /* of its log */

  private:
    struct Node;
    static void free_frames(void *arg, sl_frame **frames, unsigned n);
    static unsigned take_frames(void *arg, unsigned group, sl_frame **frames, unsigned n);
    static unsigned transmit(void *arg, unsigned group, sl_frame **frames, unsigned n);
    static unsigned hand_over(void *arg, unsigned worker, sl_frame **frames, unsigned n);
    void load_credentials();
    void create_node(unsigned index);
    void create_handshaker(unsigned index);
    void create_connector();
    void serve_control(uint64_t now_ns);
    void control(Node &node, sl_message_kind kind, const void *body, size_t len);

    GatewayOptions chosen;
    uint8_t shard_owner[SL_SHARDS];
    sl_test::TemporaryDirectory directory;
    sl_credentials *credentials = nullptr;
    sl_test::Trust trust;
    std::vector<sl_client_credentials *> client_credentials;
    std::vector<sl_client_config> clients;
    std::vector<sl_connection_config> connection_configs;
    sl_connector *connector = nullptr;
    std::vector<std::unique_ptr<Node>> nodes;
    std::vector<sl_handshaker *> handshakers;
    std::vector<std::vector<sl_ring_consumer *>> from_workers; /* [handshaker][worker] */
    std::vector<std::vector<sl_ring_producer *>> to_workers;
    std::vector<std::vector<std::unique_ptr<sluice::Consumer>>> consumers; /* [consumer][worker] */
    std::vector<Bytes> sent;
};

} // namespace sl_sim

#endif
