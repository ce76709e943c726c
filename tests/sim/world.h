/**
 * A gateway, its clients, the network between them and whoever else is on it, in virtual time: a
 * discrete-event simulation that is the same in every run with the same seed.
 */
#ifndef SL_SIM_WORLD_H
#define SL_SIM_WORLD_H

#include <functional>

#include "observer.h"

namespace sl_sim
{

struct WorldOptions {
    GatewayOptions gateway;
    Conditions network;
    bool random_queues = true; /* a frame comes to any worker; else to its 5-tuple's owner */
    bool echoes = true;        /* consumers send back what they get */
    bool confirms_moves = false;
    uint64_t seed = 1;
};

class World
{
  public:
    explicit World(const WorldOptions &options = {});
    World(const World &) = delete;
    World &operator=(const World &) = delete;

    Client &add_client(const ClientSetup &setup = {});
    void start(Client &client);
    void restart(Client &client);
    void move(Client &client, unsigned place);
    void say(Client &client, size_t len = 100);
    /** So many messages as records of one datagram, and a close_notify behind them. */
    void say_at_once(Client &client, unsigned count, size_t len, bool closes);
    void close(Client &client);
    /** What a consumer asks of the gateway for a client's session. */
    void ask(Client &client, sl_ring_kind kind, const Bytes &payload = {});
    /** A message to a client that no message of its own brought about. */
    void push(Client &client, uint32_t counter, size_t len = 100);
    /** From now on consumers send nothing back of themselves. */
    void echoes_none()
    {
        chosen.echoes = false;
    }
    /** Somebody's address, where a client's session may be answered all the same: a relay's. */
    void expect_answers_at(const sl_path &place, Client &client);
    /** A frame from whoever, that reaches this worker's queue at the next step for certain. */
    void inject(const Bytes &frame, unsigned worker);
    /**
     * A frame from somebody who has no key reaches this worker, alone and now. Nobody may notice:
     * no session, timer or address changes, no consumer hears of it, and nothing is answered but,
     * to its own address, a HelloVerifyRequest.
     */
    void endure(const Bytes &frame, unsigned worker);
    /** A consumer program dies, or comes back. */
    void kill(unsigned consumer);
    void revive(unsigned consumer);

    /** Runs until done, or until no more than `limit_ms` have passed. return done(). */
    bool run_until(const std::function<bool()> &done, uint64_t limit_ms = 300000);
    void run_for(uint64_t ms);
    /** One step at the present time: what has arrived is handled, everybody comes to rest. */
    void step();
    /** Starts the client and runs until its session is open; says one message, echoed. */
    bool connect(Client &client);
    /** Messages until one comes back. */
    bool can_talk(Client &client, uint64_t limit_ms = 60000);

    std::vector<std::unique_ptr<Client>> clients;
    Gateway gateway;
    Network network;
    Observer observer;
    /** Sees every frame that reaches the gateway, and what the gateway sends. */
    std::function<void(bool to_gateway, const Bytes &, const Tag &)> tap;
    /** Frames that this is true of are lost, in addition to what the network loses. */
    std::function<bool(bool to_gateway, const Bytes &)> loses;
    /** Called first in every step. */
    std::function<void()> before_step;

  private:
    void arrive();
    void note_stranger(const Bytes &frame);
    void settle();
    void collect();
    void dispatch(const Bytes &frame);
    void send_frames(Client &client, const Tag &tag);
    void transfer(bool to_gateway, const Bytes &frame, const Tag &tag);
    Client *whose(const sl_tuple &client_view);
    uint64_t next_event_ns() const;

    WorldOptions chosen;
    std::map<Bytes, Client *> addresses;      /* all that a client ever had */
    std::vector<std::vector<Bytes>> injected; /* [worker] */
};

/** The other side's view. */
sl_tuple turned(sl_tuple tuple);
/** The 5-tuple of a frame, as the gateway sees it when `to_gateway`; else as the client does. */
sl_tuple tuple_of(const Bytes &frame, size_t *payload_off = nullptr, size_t *payload_len = nullptr);

} // namespace sl_sim

#endif
