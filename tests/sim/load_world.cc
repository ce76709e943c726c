#include "load_world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "seeded_random.h"
#include "virtual_time.h"

namespace sl_sim
{

using sl_test::now_ns;
using sl_test::ns_per_ms;
using sl_test::set_now;
using sluice::FramePool;

namespace
{

const uint8_t client_mac[SL_ETHER_ADDR_LEN] = {0x02, 0, 0, 0, 0, 0x01};
constexpr uint64_t tick_ns = 5 * ns_per_ms;

GatewayOptions begin(const LoadOptions &options)
{
    set_now(sl_test::ns_per_s);
    seed_libcrypto(options.seed);
    GatewayOptions gateway = options.gateway;
    gateway.seed = options.seed;
    return gateway;
}

} // namespace

LoadOptions::LoadOptions()
{
    static const uint8_t first[4] = {198, 18, 0, 2};
    scenario.server_ip = gateway_ip(false);
    scenario.server_port = service_port;
    scenario.sources = {sl_ip_from_v4(first), 16, 20000, 1000};
    scenario.clients = 20;
    scenario.connects_in_flight = 8;
    scenario.offers_cid = true;
    scenario.cid_len = 8;
    scenario.data_rate = 2000;
    scenario.expects_echo = true;
    scenario.late_after_ns = 25 * ns_per_ms;
    scenario.seed = 1;
    char reason[SL_REASON_LEN];
    EXPECT_EQ(sl_load_sizes_parse(&scenario.sizes, "64", reason), 0) << reason;
}

/** One engine's end of the wire. */
struct LoadWorld::Side {
    LoadWorld *world;
    FramePool pool;
    std::vector<Bytes> inbox;
};

LoadWorld::LoadWorld(const LoadOptions &options)
    : gateway(begin(options)), network(options.network, options.seed), chosen(options)
{
    sl_client_files files = {};
    files.trust.anonymous = true;
    char reason[SL_CREDENTIALS_REASON_LEN];
    credentials.reset(sl_client_credentials_load(&files, reason));
    if (credentials == nullptr)
        throw std::runtime_error(reason);
    client.credentials = credentials.get();
    client.believes_alerts = true;
    client.tickets = chosen.scenario.resumes;
    client.sessions_max = chosen.scenario.resumes ? chosen.scenario.clients + 1 : 0;
    on_data = [this](const Told &told) {
        EXPECT_TRUE(
            gateway.send(told.consumer, SL_RING_SEND, told.event.session, told.event.payload));
    };
    for (unsigned i = 0; i < chosen.engines; i++)
        create_engine(i);
}

LoadWorld::~LoadWorld()
{
    for (sl_load *engine : engines)
        sl_load_destroy(engine);
    for (auto &side : sides)
        EXPECT_EQ(side->pool.in_use(), 0u) << "frames that nobody gave back";
}

void LoadWorld::create_engine(unsigned index)
{
    sides.push_back(std::make_unique<Side>());
    sides.back()->world = this;
    sl_load_link link = {};
    memcpy(link.mac, client_mac, sizeof link.mac);
    link.vlan_id = SL_VLAN_NONE;
    link.rx_checksum = SL_RX_CHECKSUM_REQUIRE;
    link.next_ip = chosen.scenario.server_ip;
    link.has_next_hop = chosen.knows_next_hop;
    memcpy(link.next_mac, gateway_mac, sizeof link.next_mac);
    if (!link.has_next_hop)
        memset(link.next_mac, 0, sizeof link.next_mac);
    sl_load_config config = {};
    config.index = index;
    config.count = chosen.engines;
    config.scenario = &chosen.scenario;
    config.io = {sides.back().get(), receive,   transmit, take,
                 give_back,          hand_over, nullptr,  nullptr};
    config.link = &link;
    config.mtu = 1500;
    config.crypto = SL_CRYPTO_AUTO;
    config.handshaker.roles.clients = &client;
    config.handshaker.roles.client_count = 1;
    config.handshaker.first_timeout_ms = chosen.first_timeout_ms;
    config.handshaker.handshake_timeout_ms = chosen.handshake_timeout_ms;
    config.tell_session = [](void *arg, const sl_load_session *session) {
        auto *world = (LoadWorld *)arg;
        if (world->on_session)
            world->on_session(*session);
    };
    config.tell_arg = this;
    memset(config.random_seed, (int)(chosen.seed + index), sizeof config.random_seed);
    char reason[SL_REASON_LEN];
    engines.push_back(sl_load_create(&config, reason));
    if (engines.back() == nullptr)
        throw std::runtime_error(reason);
}

unsigned LoadWorld::receive(void *arg, sl_frame **frames, unsigned n)
{
    auto *side = (Side *)arg;
    unsigned taken = 0;
    for (; taken < n && taken < side->inbox.size(); taken++)
        frames[taken] = side->pool.TakeFilled(0, side->inbox[taken]);
    side->inbox.erase(side->inbox.begin(), side->inbox.begin() + taken);
    return taken;
}

unsigned LoadWorld::transmit(void *arg, sl_frame **frames, unsigned n)
{
    auto *side = (Side *)arg;
    LoadWorld *world = side->world;
    for (unsigned i = 0; i < n; i++) {
        Bytes frame(frames[i]->data, frames[i]->data + frames[i]->len);
        Tag tag;
        if (world->is_watching) {
            tag = {true, 0, 0, (uint32_t)world->fates.size()};
            world->fates.push_back({now_ns(), false, 0});
        }
        if (!world->loses || !world->loses(true, frame))
            world->network.send(true, frame, now_ns(), tag);
    }
    give_back(arg, frames, n);
    return n;
}

unsigned LoadWorld::take(void *arg, sl_frame **frames, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if ((frames[i] = ((Side *)arg)->pool.Take(0)) == nullptr)
            return i;
    return n;
}

void LoadWorld::give_back(void *arg, sl_frame **frames, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        ((Side *)arg)->pool.GiveBack(frames[i]);
}

bool LoadWorld::hand_over(void *arg, unsigned engine, sl_frame *frame)
{
    auto *side = (Side *)arg;
    side->world->sides.at(engine)->inbox.emplace_back(frame->data, frame->data + frame->len);
    side->pool.GiveBack(frame);
    return true;
}

void LoadWorld::deliver(const std::vector<Bytes> &frames)
{
    auto &inbox = sides.at(0)->inbox;
    inbox.insert(inbox.end(), frames.begin(), frames.end());
    settle();
}

void LoadWorld::order(sl_load_phase phase)
{
    for (sl_load *engine : engines)
        sl_load_order_phase(engine, phase);
    settle();
}

/** What the gateway has sent since it was asked last: handshakes, or the echo of one message. */
void LoadWorld::send_back(const Tag &tag)
{
    for (const Bytes &frame : gateway.take_sent())
        if (!loses || !loses(false, frame))
            network.send(false, frame, now_ns(), tag);
}

void LoadWorld::echo()
{
    for (const Told &told : gateway.take_told())
        if (told.event.kind == SL_RING_DATA)
            on_data(told);
}

/** One frame at a time, so that what comes back is its answer. */
void LoadWorld::serve_gateway(const Bytes &frame, const Tag &tag)
{
    gateway.receive(0, {frame}, now_ns());
    while (gateway.turn(now_ns()))
        ;
    echo();
    while (gateway.turn(now_ns()))
        ;
    send_back(tag);
}

/** Everybody comes to rest at the present time. */
void LoadWorld::settle()
{
    bool is_busy = true;
    for (unsigned turns = 0; is_busy && turns < 100000; turns++) {
        Delivery delivery;
        is_busy = network.take(now_ns(), delivery);
        if (is_busy && delivery.to_gateway) {
            serve_gateway(delivery.frame, delivery.tag);
        } else if (is_busy) {
            Fate *fate = delivery.tag.is_message ? &fates.at(delivery.tag.counter) : nullptr;
            if (fate != nullptr && !fate->is_echoed)
                *fate = {fate->sent_ns, true, now_ns()};
            /* To any queue: who is not meant hands it over. */
            sides.at(delivery.order % sides.size())->inbox.push_back(delivery.frame);
        }
        for (sl_load *engine : engines)
            is_busy |= sl_load_poll(engine, now_ns());
        while (gateway.turn(now_ns()))
            is_busy = true;
        send_back({});
    }
    EXPECT_FALSE(is_busy) << "somebody is busy for ever";
}

uint64_t LoadWorld::next_event_ns() const
{
    uint64_t next = std::min(now_ns() + tick_ns, network.next_ns());
    next = std::min(next, gateway.next_timer_ns());
    for (sl_load *engine : engines)
        next = std::min(next, sl_load_next_due(engine, now_ns()));
    return std::max(next, now_ns() + 1000);
}

bool LoadWorld::run_until(const std::function<bool()> &done, uint64_t limit_ms)
{
    const uint64_t end_ns = now_ns() + limit_ms * ns_per_ms;
    while (!done() && now_ns() < end_ns) {
        set_now(std::min(next_event_ns(), end_ns));
        settle();
    }
    return done();
}

bool LoadWorld::run_until_done(uint64_t limit_ms)
{
    return run_until(
        [this] { return std::all_of(engines.begin(), engines.end(), sl_load_is_done); }, limit_ms);
}

void LoadWorld::run_for(uint64_t ms)
{
    run_until([] { return false; }, ms);
}

sl_load_stats LoadWorld::stats() const
{
    static sl_load_stats one, sum; /* too large for the stack */
    sum = {};
    for (sl_load *engine : engines) {
        sl_load_snapshot_stats(&one, sl_load_get_stats(engine));
        sl_load_add_stats(&sum, &one);
    }
    return sum;
}

std::vector<sl_load_failure> LoadWorld::failures() const
{
    std::vector<sl_load_failure> all;
    for (sl_load *engine : engines) {
        sl_load_failure some[SL_LOAD_FAILURES_MAX];
        unsigned n = sl_load_failures(engine, some);
        all.insert(all.end(), some, some + n);
    }
    return all;
}

std::string LoadWorld::check_equation() const
{
    const sl_load_stats now = stats();
    uint64_t ended = 0;
    for (sl_load_counter counter :
         {SL_LOAD_ECHOED, SL_LOAD_LATE, SL_LOAD_DUPLICATES, SL_LOAD_STRAY, SL_LOAD_CORRUPT,
          SL_LOAD_RECEIVED, SL_LOAD_TO_HANDSHAKE, SL_LOAD_CONSUMED, SL_LOAD_ANSWERED})
        ended += now.counters[counter];
    for (unsigned drop = 1; drop < SL_DROP_COUNT; drop++)
        if (sl_drop_direction((sl_drop)drop) == SL_DIRECTION_RX)
            ended += now.drops[drop];
    const uint64_t received = now.counters[SL_LOAD_RX_RECORDS];
    return ended == received ? ""
                             : std::to_string(received) + " records came in, " +
                                   std::to_string(ended) + " are accounted for";
}

} // namespace sl_sim
