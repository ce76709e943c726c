/**
 * Two whole gateways, west and east, and a network between them that loses, doubles and delays, in
 * virtual time. West begins sessions with east, whose consumers echo; either may end and come back.
 */
#ifndef SL_SIM_PAIR_WORLD_H
#define SL_SIM_PAIR_WORLD_H

#include <functional>
#include <memory>

#include "gateway.h"
#include "network.h"

namespace sl_sim
{

struct PairOptions {
    GatewayOptions west, east; /* hosts 1 and 2 */
    Conditions network;
    uint64_t seed = 1;
    /** West connects to east, whose certificate it knows by its fingerprint. */
    bool connects = true;
    PairOptions();
};

class PairWorld
{
  public:
    explicit PairWorld(const PairOptions &options);

    bool run_until(const std::function<bool()> &done, uint64_t limit_ms = 120000);
    void run_for(uint64_t ms);
    /** East is gone without a word; then another one with the same key is there. */
    void kill_east();
    void start_east();
    /** West's only connection. */
    sl_connection_info connection() const
    {
        return west->connections().at(0);
    }
    bool is_up() const
    {
        return connection().state == SL_CONNECTION_UP;
    }
    /** A message to the session of west's that was opened last; the number of its echoes. */
    bool say(const Bytes &message);
    unsigned echoes_of(const Bytes &message) const;
    unsigned told_west(uint8_t kind) const;
    Told last_open() const
    {
        return last(SL_RING_OPEN);
    }
    Told last_close() const
    {
        return last(SL_RING_CLOSE);
    }
    /** A frame from nowhere to west; what west sends back is in `answers`. */
    void inject(const Bytes &frame);
    static std::string check_equation(const Gateway &gateway);

    std::unique_ptr<Gateway> west, east;
    Network network;
    std::vector<Told> heard; /* by west's consumers */
    std::vector<Told> heard_east;
    /** Frames that neither gateway's MAC stands on. */
    std::vector<Bytes> answers;

  private:
    Told last(uint8_t kind) const;
    void settle();
    void deliver(Gateway &to, const Bytes &frame);
    void collect(Gateway &from, bool is_west);
    uint64_t next_event_ns() const;

    PairOptions chosen;
};

} // namespace sl_sim

#endif
