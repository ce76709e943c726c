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
    void close(Client &client);
    /** A frame from whoever, that reaches the gateway at the next step for certain. */
    void inject(const Bytes &frame, const Tag &tag = {});

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
    /** Sees every frame that clients send before the network has its way with it. */
    std::function<void(const Bytes &, const Tag &)> tap;

  private:
    void arrive();
    void settle();
    void collect();
    void dispatch(const Bytes &frame);
    void send_frames(Client &client, const Tag &tag);
    Client *whose(const sl_tuple &client_view);
    uint64_t next_event_ns() const;

    WorldOptions chosen;
    std::map<Bytes, Client *> addresses; /* all that a client ever had */
    std::vector<Delivery> injected;
};

/** The 5-tuple of a frame, as the gateway sees it when `to_gateway`; else as the client does. */
sl_tuple tuple_of(const Bytes &frame, size_t *payload_off = nullptr, size_t *payload_len = nullptr);

} // namespace sl_sim

#endif
