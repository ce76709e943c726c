#include "network.h"

namespace sl_sim
{

constexpr uint64_t ns_per_ms = 1000000;

/** Not std's distributions: their results differ between implementations. */
bool Network::chance(double probability)
{
    return (double)(random() >> 11) < probability * (double)(1ULL << 53);
}

void Network::send(bool to_gateway, const Bytes &frame, uint64_t now_ns, const Tag &tag)
{
    if (chance(now.loss)) {
        lost++;
        return;
    }
    unsigned copies = chance(now.duplication) ? 2 : 1;
    doubled += copies - 1;
    for (unsigned i = 0; i < copies; i++) {
        uint64_t at = now_ns + now.delay_ms * ns_per_ms;
        if (chance(now.reordering)) {
            at += random() % (now.extra_delay_ms * ns_per_ms);
            delayed++;
        }
        pending.push({at, order++, to_gateway, frame, tag});
    }
}

bool Network::take(uint64_t now_ns, Delivery &out)
{
    if (pending.empty() || pending.top().at_ns > now_ns)
        return false;
    out = pending.top();
    pending.pop();
    return true;
}

} // namespace sl_sim
