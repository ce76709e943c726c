/**
 * What can be seen of a gateway from outside, but for what only says that frames arrived: sessions,
 * handshakes, their timers, events, moves, frames held. What hostile frames must leave alone.
 */
#ifndef SL_SIM_VISIBLE_H
#define SL_SIM_VISIBLE_H

#include <string>
#include <utility>
#include <vector>

#include "gateway.h"

namespace sl_sim
{

class Visible
{
  public:
    explicit Visible(const Gateway &gateway);
    /** Empty, or the first fact that is another one later. */
    std::string difference(const Visible &later) const;

  private:
    void add(const std::string &name, uint64_t value)
    {
        facts.emplace_back(name, value);
    }
    void add_counters(const sl_counters &counters, const std::string &where);

    std::vector<std::pair<std::string, uint64_t>> facts;
};

} // namespace sl_sim

#endif
