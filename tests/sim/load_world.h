/**
 * The load generator against a whole gateway that echoes, over a network that loses, doubles and
 * delays, in virtual time. What became of each message is known to the network, and so is what the
 * generator has to count.
 */
#ifndef SL_SIM_LOAD_WORLD_H
#define SL_SIM_LOAD_WORLD_H

#include <functional>
#include <map>
#include <memory>

#include "gateway.h"
#include "network.h"

extern "C" {
#include "sl_load.h"
}

namespace sl_sim
{

struct LoadOptions {
    GatewayOptions gateway;
    Conditions network;
    sl_load_scenario scenario{};
    unsigned engines = 1;
    bool knows_next_hop = true; /* else it is asked for */
    unsigned first_timeout_ms = 1000, handshake_timeout_ms = 60000;
    uint64_t seed = 1;
    LoadOptions();
};

/** What the network did with messages: each is one frame to the gateway, and its echo one back. */
struct Fate {
    uint64_t sent_ns = 0;
    bool is_echoed = false;
    uint64_t back_ns = 0; /* when the echo came first */
};

class LoadWorld
{
  public:
    explicit LoadWorld(const LoadOptions &options);
    ~LoadWorld();
    LoadWorld(const LoadWorld &) = delete;
    LoadWorld &operator=(const LoadWorld &) = delete;

    void order(sl_load_phase phase);
    /** Until the phase that was ordered is done. return whether it is. */
    bool run_until_done(uint64_t limit_ms = 300000);
    bool run_until(const std::function<bool()> &done, uint64_t limit_ms);
    void run_for(uint64_t ms);
    sl_load_stats stats() const;
    uint64_t count(sl_load_counter counter) const
    {
        return stats().counters[counter];
    }
    std::vector<sl_load_failure> failures() const;
    /** From now on every frame to the gateway is a message, and every frame back an echo. */
    void watch_messages()
    {
        is_watching = true;
    }
    /** Empty, or what does not add up of what was received: docs/architecture.md. */
    std::string check_equation() const;

    Gateway gateway;
    Network network;
    std::vector<Fate> fates;
    std::vector<sl_load *> engines;
    /** What comes out of a consumer; an echo unless it is replaced. */
    std::function<void(const Told &)> on_data;
    std::function<bool(bool to_gateway, const Bytes &)> loses;
    /** Hears of each session when it has keys. */
    std::function<void(const sl_load_session &)> on_session;
    /** Frames that the first engine finds all at once when it looks next. */
    void deliver(const std::vector<Bytes> &frames);

  private:
    struct Side;
    static unsigned receive(void *arg, sl_frame **frames, unsigned n);
    static unsigned transmit(void *arg, sl_frame **frames, unsigned n);
    static unsigned take(void *arg, sl_frame **frames, unsigned n);
    static void give_back(void *arg, sl_frame **frames, unsigned n);
    static bool hand_over(void *arg, unsigned engine, sl_frame *frame);
    void create_engine(unsigned index);
    void settle();
    void serve_gateway(const Bytes &frame, const Tag &tag);
    void send_back(const Tag &tag);
    void echo();
    uint64_t next_event_ns() const;

    LoadOptions chosen;
    sl_test::TemporaryDirectory directory;
    std::unique_ptr<sl_client_credentials, void (*)(sl_client_credentials *)> credentials{
        nullptr, sl_client_credentials_destroy}; /* gone also where an engine can't be made */
    sl_client_config client{};
    std::vector<std::unique_ptr<Side>> sides;
    bool is_watching = false;
};

} // namespace sl_sim

#endif
