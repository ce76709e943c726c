#include "visible.h"

namespace sl_sim
{
namespace
{

/** Counts frames and records, and what becomes of those that change nothing. */
bool is_arrival(sl_counter counter)
{
    switch (counter) {
    case SL_COUNTER_RX_FRAMES:
    case SL_COUNTER_RX_BYTES:
    case SL_COUNTER_RX_RECORDS:
    case SL_COUNTER_ANSWERED:
    case SL_COUNTER_TO_HANDSHAKE:
    case SL_COUNTER_CONSUMED:
    case SL_COUNTER_HANDED_OVER:
    case SL_COUNTER_TAKEN_OVER:
    case SL_COUNTER_TX_FRAMES: /* answers to their senders */
    case SL_COUNTER_TX_BYTES:
    case SL_COUNTER_HELLO_VERIFY:
    case SL_COUNTER_POLLS:
    case SL_COUNTER_IDLE_POLLS:
        return true;
    default:
        return false;
    }
}

} // namespace

void Visible::add_counters(const sl_counters &counters, const std::string &where)
{
    for (unsigned i = 0; i < SL_COUNTER_COUNT; i++)
        if (!is_arrival((sl_counter)i))
            add(where + sl_counter_name((sl_counter)i), counters.events[i]);
    for (unsigned i = 1; i < SL_DROP_COUNT; i++)
        if (sl_drop_direction((sl_drop)i) == SL_DIRECTION_TX)
            add(where + sl_drop_name((sl_drop)i), counters.drops[i]);
    add(where + "sessions", counters.sessions);
    add(where + "half open", counters.half_open);
}

Visible::Visible(const Gateway &gateway)
{
    for (unsigned i = 0; i < gateway.worker_count(); i++)
        add_counters(gateway.counters(i), "worker " + std::to_string(i) + ": ");
    for (unsigned i = 0; i < SL_HANDSHAKE_COUNTER_COUNT; i++)
        if (i != SL_HANDSHAKE_BAD_RECORD && i != SL_HANDSHAKE_STALE)
            add(sl_handshake_counter_name((sl_handshake_counter)i),
                gateway.handshakes((sl_handshake_counter)i));
    add("handshakes in progress", gateway.handshakes_in_progress());
    add("the next timer", gateway.next_timer_ns());
    add("frames in use", gateway.frames_in_use());
}

std::string Visible::difference(const Visible &later) const
{
    for (size_t i = 0; i < facts.size(); i++)
        if (facts[i] != later.facts[i])
            return facts[i].first + " was " + std::to_string(facts[i].second) + " and is " +
                   std::to_string(later.facts[i].second);
    return "";
}

} // namespace sl_sim
