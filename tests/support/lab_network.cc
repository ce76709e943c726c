#include "lab_network.h"

#include <algorithm>
#include <stdexcept>

namespace sl_test
{

constexpr uint64_t latency_ns = 10 * ns_per_ms;

void LabNetwork::set_network(const Chances &next)
{
    chances = next;
    random.seed(next.seed);
}

bool LabNetwork::chance(double probability)
{
    return std::uniform_real_distribution<>(0, 1)(random) < probability;
}

void LabNetwork::transmit(bool to_server, unsigned id, const Bytes &datagram)
{
    Fate fate = judge ? judge(to_server, id, datagram) : Fate::By_chance;
    if (fate == Fate::Lose || (fate == Fate::By_chance && chance(chances.loss)))
        return;
    Bytes arriving = datagram;
    if (alter)
        alter(to_server, id, arriving);
    unsigned copies = fate == Fate::By_chance && chance(chances.duplication) ? 2 : 1;
    for (unsigned i = 0; i < copies; i++) {
        uint64_t delay = latency_ns;
        if (fate == Fate::By_chance && chance(chances.reordering))
            delay += random() % (30 * ns_per_ms);
        events.push({now_ns() + delay, order++, to_server, id, arriving});
    }
}

void LabNetwork::collect_from(DtlsPeer &end, bool to_server, unsigned id)
{
    for (const Bytes &datagram : end.take_output())
        transmit(to_server, id, datagram);
    std::optional<uint64_t> left = end.timeout_ns();
    dues[id] = left ? now_ns() + std::max(*left, ns_per_ms) : UINT64_MAX;
}

void LabNetwork::forget(unsigned id)
{
    dues.erase(id);
    events = {};
}

void LabNetwork::settle()
{
    for (unsigned quiet = 0, rounds = 0; quiet < 2; rounds++) {
        if (rounds > 100000)
            throw std::runtime_error("handshakers and workers do not come to rest");
        quiet = poll() ? 0 : quiet + 1;
    }
    collect();
    if (after_step)
        after_step();
}

uint64_t LabNetwork::next_event_ns()
{
    uint64_t next = next_timer_ns();
    if (!events.empty())
        next = std::min(next, events.top().at_ns);
    for (auto &[id, due] : dues)
        next = std::min(next, due);
    return next;
}

void LabNetwork::step()
{
    while (!events.empty() && events.top().at_ns <= now_ns()) {
        Event event = events.top();
        events.pop();
        deliver(event.to_server, event.id, event.datagram);
    }
    for (auto &[id, due] : dues)
        if (due <= now_ns())
            end_of(id).go_on();
    settle();
}

bool LabNetwork::run_until(const std::function<bool()> &done, uint64_t limit_ms)
{
    uint64_t end_ns = now_ns() + limit_ms * ns_per_ms;
    settle();
    while (!done()) {
        uint64_t next = next_event_ns();
        if (next > end_ns) {
            set_now(end_ns);
            settle();
            return done();
        }
        set_now(std::max(next, now_ns()));
        step();
    }
    return true;
}

void LabNetwork::run_for(uint64_t ms)
{
    (void)run_until([] { return false; }, ms);
}

} // namespace sl_test
