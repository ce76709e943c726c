#include "pair_world.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "seeded_random.h"
#include "virtual_time.h"

namespace sl_sim
{

using sl_test::now_ns;
using sl_test::ns_per_ms;
using sl_test::set_now;

constexpr uint64_t tick_ns = 20 * ns_per_ms;

PairOptions::PairOptions()
{
    west.host = 1;
    east.host = 2;
}

static PairOptions begin(PairOptions options)
{
    set_now(sl_test::ns_per_s);
    seed_libcrypto(options.seed);
    options.west.seed = options.seed;
    options.east.seed = options.seed + 1000;
    if (options.east.identity.key == nullptr)
        options.east.identity = sl_test::make_identity("EC", "east");
    if (options.connects && options.west.connects.empty()) {
        Connect connect;
        connect.name = "east";
        connect.to = gateway_ip(false, 2);
        connect.trust.fingerprints = {sl_test::fingerprint_of(options.east.identity.certificate)};
        options.west.connects = {connect};
    }
    return options;
}

PairWorld::PairWorld(const PairOptions &options)
    : network(options.network, options.seed), chosen(begin(options))
{
    west = std::make_unique<Gateway>(chosen.west);
    start_east();
}

void PairWorld::kill_east()
{
    east.reset();
}

void PairWorld::start_east()
{
    chosen.east.seed++;
    east = std::make_unique<Gateway>(chosen.east);
}

/** To any of its queues, as a port does that knows nothing of shards. */
void PairWorld::deliver(Gateway &to, const Bytes &frame)
{
    to.receive((unsigned)network.pick(to.worker_count()), {frame}, now_ns());
}

void PairWorld::collect(Gateway &from, bool is_west)
{
    for (const Bytes &frame : from.take_sent()) {
        const bool is_to_all = frame.at(0) & 1;
        const bool is_ours = frame.at(5) == 0xfe && frame.at(4) == (is_west ? 1 : 0);
        if (is_to_all || is_ours)
            network.send(is_west, frame, now_ns());
        else
            answers.push_back(frame);
    }
    for (const Told &told : from.take_told()) {
        (is_west ? heard : heard_east).push_back(told);
        if (is_west || told.event.kind != SL_RING_DATA)
            continue;
        EXPECT_TRUE(from.send(told.consumer, SL_RING_SEND, told.event.session, told.event.payload));
    }
}

void PairWorld::settle()
{
    bool is_busy = true;
    for (unsigned turns = 0; is_busy && turns < 100000; turns++) {
        Delivery delivery;
        is_busy = network.take(now_ns(), delivery);
        if (is_busy && delivery.to_gateway && east != nullptr)
            deliver(*east, delivery.frame);
        else if (is_busy && !delivery.to_gateway)
            deliver(*west, delivery.frame);
        is_busy |= west->turn(now_ns());
        collect(*west, true);
        if (east != nullptr) {
            is_busy |= east->turn(now_ns());
            collect(*east, false);
        }
    }
    EXPECT_FALSE(is_busy) << "somebody is busy for ever";
}

uint64_t PairWorld::next_event_ns() const
{
    uint64_t next = std::min(now_ns() + tick_ns, network.next_ns());
    next = std::min(next, west->next_timer_ns());
    if (east != nullptr)
        next = std::min(next, east->next_timer_ns());
    return std::max(next, now_ns() + 1000);
}

bool PairWorld::run_until(const std::function<bool()> &done, uint64_t limit_ms)
{
    const uint64_t end_ns = now_ns() + limit_ms * ns_per_ms;
    settle();
    while (!done() && now_ns() < end_ns) {
        set_now(std::min(next_event_ns(), end_ns));
        settle();
    }
    return done();
}

void PairWorld::run_for(uint64_t ms)
{
    run_until([] { return false; }, ms);
}

Told PairWorld::last(uint8_t kind) const
{
    for (auto told = heard.rbegin(); told != heard.rend(); ++told)
        if (told->event.kind == kind)
            return *told;
    return {};
}

bool PairWorld::say(const Bytes &message)
{
    const Told open = last_open();
    return open.event.session != 0 &&
           west->send(open.consumer, SL_RING_SEND, open.event.session, message);
}

unsigned PairWorld::echoes_of(const Bytes &message) const
{
    return (unsigned)std::count_if(heard.begin(), heard.end(), [&](const Told &told) {
        return told.event.kind == SL_RING_DATA && told.event.payload == message;
    });
}

unsigned PairWorld::told_west(uint8_t kind) const
{
    return (unsigned)std::count_if(heard.begin(), heard.end(),
                                   [&](const Told &told) { return told.event.kind == kind; });
}

void PairWorld::inject(const Bytes &frame)
{
    deliver(*west, frame);
    settle();
}

std::string PairWorld::check_equation(const Gateway &gateway)
{
    const sl_counters now = gateway.totals();
    uint64_t ended = 0;
    for (sl_counter counter :
         {SL_COUNTER_DELIVERED, SL_COUNTER_ANSWERED, SL_COUNTER_TO_HANDSHAKE, SL_COUNTER_CONSUMED})
        ended += now.events[counter];
    for (unsigned drop = 1; drop < SL_DROP_COUNT; drop++)
        if (sl_drop_direction((sl_drop)drop) == SL_DIRECTION_RX)
            ended += now.drops[drop];
    const uint64_t received = now.events[SL_COUNTER_RX_RECORDS];
    return ended == received ? ""
                             : std::to_string(received) + " records came in, " +
                                   std::to_string(ended) + " are accounted for";
}

} // namespace sl_sim
