/**
 * Watches what leaves the gateway and what its consumers hear, and holds it to what must be true
 * after every step, whatever the network and the attackers do.
 */
#ifndef SL_SIM_OBSERVER_H
#define SL_SIM_OBSERVER_H

#include <map>
#include <set>
#include <tuple>

#include "client.h"
#include "gateway.h"

namespace sl_sim
{

/** Addresses are as their clients see them: local is the client. */
class Observer
{
  public:
    /** A frame reaches this worker's queue. */
    void arrives(unsigned worker, const Tag &tag);
    /** A datagram comes from an address that belongs to no client. */
    void stranger_sends(const sl_tuple &tuple, size_t payload_len);
    /** A frame that the gateway sent, to this client or (NULL) to a stranger. */
    void leaves(const Bytes &frame, Client *to);
    void told(const Told &told);
    /** Its sessions wait for another one, or end without a word. */
    void consumer_leaves(unsigned consumer);
    void consumer_returns(unsigned consumer)
    {
        gone_consumers.erase(consumer);
    }
    bool is_gone(unsigned consumer) const
    {
        return gone_consumers.count(consumer) > 0;
    }
    void end_step(const Gateway &gateway);

    /** Sessions that consumers know and that have not been closed. */
    size_t open_sessions() const;
    bool is_open(unsigned client, unsigned generation) const;
    /** The handle of a client's session, 0 when nothing was delivered of it. */
    uint64_t handle_of(unsigned client, unsigned generation) const;
    unsigned consumer_of(uint64_t handle) const;
    /** What its consumer was told of it. */
    sl_identity identity_of(unsigned client, unsigned generation) const;
    std::vector<uint16_t> close_reasons;
    uint64_t delivered = 0, moves_told = 0, moves_confirmed = 0;
    uint64_t answers_to_strangers = 0;
    uint64_t bytes_to(const sl_tuple &tuple) const;
    /** Everything that left and that consumers heard, in order and with its time: equal in two runs
     * when the runs are. The second without what strangers got. */
    uint64_t digest = 0xcbf29ce484222325ULL, served = 0xcbf29ce484222325ULL;

  private:
    using Key = std::tuple<unsigned, unsigned>; /* client, generation */
    struct Session {
        unsigned worker = 0, consumer = 0;
        bool is_open = false, was_opened = false;
        bool is_orphan = false; /* its consumer is dead; it may have ended since */
        bool is_bound = false;
        Key key;
        sl_identity identity = {};
        uint64_t last_step = 0;
        unsigned last_worker = 0, last_index = 0;
    };
    struct Arrival {
        unsigned worker, index;
    };

    void mix(const Bytes &bytes, bool is_served);
    bool is_alone(const uint8_t *record, size_t len, const Client &to);
    void check_record(const Bytes &payload, size_t at, size_t len, Client &to);
    void open(const Told &told);
    void data(const Told &told);
    void told_to_nobody(const Told &told);
    size_t orphans() const;
    void check_order(Session &session, const Arrival &arrival);

    std::map<uint64_t, Session> sessions;
    std::map<Key, uint64_t> handles;
    std::map<std::tuple<unsigned, unsigned, uint32_t>, std::vector<Arrival>> arrivals;
    std::set<std::tuple<unsigned, unsigned, uint32_t>> delivered_messages;
    std::set<std::tuple<unsigned, unsigned, uint64_t>> numbers; /* of epoch 0 */
    std::map<Key, uint64_t> next_numbers;                       /* of epoch 1 */
    std::set<std::tuple<unsigned, unsigned, Bytes>> nonces;
    std::map<Bytes, uint64_t> stranger_bytes, bytes_sent;
    std::map<Key, Bytes> server_randoms;
    std::set<Key> not_alone; /* clients for whom a second handshake was begun */
    std::set<unsigned> gone_consumers;
    uint64_t step = 1;
    unsigned arrival_count = 0;
};

/** Addresses and ports as a key. */
Bytes tuple_key(const sl_tuple &tuple);

} // namespace sl_sim

#endif
