/**
 * A network in virtual time that loses, doubles and delays frames, each direction alike, by one
 * seeded generator.
 */
#ifndef SL_SIM_NETWORK_H
#define SL_SIM_NETWORK_H

#include <cstdint>
#include <queue>
#include <random>
#include <vector>

namespace sl_sim
{

using Bytes = std::vector<uint8_t>;

struct Conditions {
    double loss = 0, duplication = 0, reordering = 0;
    uint64_t delay_ms = 10, extra_delay_ms = 30; /* the extra for what is reordered, at most */
};

/** What a frame carries, as its sender knows: messages with so many counters, from one on. */
struct Tag {
    bool is_message = false;
    unsigned client = 0, generation = 0;
    uint32_t counter = 0, count = 1;
};

struct Delivery {
    uint64_t at_ns, order;
    bool to_gateway;
    Bytes frame;
    Tag tag;
    bool operator<(const Delivery &other) const
    {
        return at_ns != other.at_ns ? at_ns > other.at_ns : order > other.order;
    }
};

class Network
{
  public:
    Network(const Conditions &conditions, uint64_t seed) : now(conditions), random(seed) {}

    void send(bool to_gateway, const Bytes &frame, uint64_t now_ns, const Tag &tag = {});
    /** The next one that has arrived, in order of arrival. */
    bool take(uint64_t now_ns, Delivery &out);
    uint64_t next_ns() const
    {
        return pending.empty() ? UINT64_MAX : pending.top().at_ns;
    }
    void set_conditions(const Conditions &conditions)
    {
        now = conditions;
    }
    uint64_t pick(uint64_t bound)
    {
        return random() % bound;
    }
    uint64_t lost = 0, doubled = 0, delayed = 0;

  private:
    bool chance(double probability);

    Conditions now;
    std::mt19937_64 random;
    std::priority_queue<Delivery> pending;
    uint64_t order = 0;
};

} // namespace sl_sim

#endif
