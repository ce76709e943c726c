#include "world.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "seeded_random.h"
#include "virtual_time.h"
#include "visible.h"

namespace sl_sim
{

using sl_test::now_ns;
using sl_test::ns_per_ms;
using sl_test::set_now;

constexpr uint64_t tick_ns = 20 * ns_per_ms; /* workers see at least so many times */

sl_tuple tuple_of(const Bytes &bytes, size_t *payload_off, size_t *payload_len)
{
    sluice::FramePool pool;
    sl_frame *frame = pool.TakeFilled(0, bytes);
    sl_tuple tuple = {};
    if (sl_wire_parse_frame(frame, SL_RX_CHECKSUM_AUTO) == SL_DROP_NONE)
        tuple = frame->path.tuple;
    if (payload_off != nullptr)
        *payload_off = frame->payload_off;
    if (payload_len != nullptr)
        *payload_len = frame->payload_len;
    pool.GiveBack(frame);
    return tuple;
}

sl_tuple turned(sl_tuple tuple)
{
    std::swap(tuple.remote_ip, tuple.local_ip);
    std::swap(tuple.remote_port, tuple.local_port);
    return tuple;
}

/** Before anything else is made, so that certificates too follow from the seed. */
static GatewayOptions begin(const WorldOptions &options)
{
    set_now(sl_test::ns_per_s);
    seed_libcrypto(options.seed);
    GatewayOptions gateway = options.gateway;
    gateway.seed = options.seed;
    return gateway;
}

World::World(const WorldOptions &options)
    : gateway(begin(options)), network(options.network, options.seed), chosen(options),
      injected(options.gateway.workers)
{
    settle();
}

Client &World::add_client(const ClientSetup &setup)
{
    clients.push_back(
        std::make_unique<Client>((unsigned)clients.size(), setup, chosen.gateway.vlan_id));
    Client &client = *clients.back();
    addresses[tuple_key(client.path.tuple)] = &client;
    return client;
}

void World::start(Client &client)
{
    client.is_started = true;
    client.dtls().go_on();
    collect();
}

void World::restart(Client &client)
{
    client.restart();
    start(client);
}

void World::move(Client &client, unsigned place)
{
    client.move(place);
    addresses[tuple_key(client.path.tuple)] = &client;
}

void World::send_frames(Client &client, const Tag &tag)
{
    for (const Bytes &frame : client.take_frames())
        transfer(true, frame, tag);
}

void World::transfer(bool to_gateway, const Bytes &frame, const Tag &tag)
{
    if (!loses || !loses(to_gateway, frame))
        network.send(to_gateway, frame, now_ns(), tag);
}

void World::say(Client &client, size_t len)
{
    send_frames(client, {});
    Tag tag = {true, client.id, client.generation, client.sent};
    client.send(len);
    send_frames(client, tag);
}

void World::say_at_once(Client &client, unsigned count, size_t len, bool closes)
{
    send_frames(client, {});
    Tag tag = {true, client.id, client.generation, client.sent, count};
    for (unsigned i = 0; i < count; i++)
        client.send(len);
    if (closes)
        client.dtls().close();
    client.has_closed = closes;
    transfer(true, client.take_frame(), tag);
}

void World::ask(Client &client, sl_ring_kind kind, const Bytes &payload)
{
    uint64_t handle = observer.handle_of(client.id, client.generation);
    EXPECT_TRUE(gateway.send(observer.consumer_of(handle), (uint8_t)kind, handle, payload));
}

void World::push(Client &client, uint32_t counter, size_t len)
{
    ask(client, SL_RING_SEND, encode({client.id, client.generation, counter}, len));
}

void World::expect_answers_at(const sl_path &place, Client &client)
{
    addresses[tuple_key(place.tuple)] = &client;
}

void World::close(Client &client)
{
    client.dtls().close();
    client.has_closed = true;
    send_frames(client, {});
}

void World::inject(const Bytes &frame, unsigned worker)
{
    injected.at(worker).push_back(frame);
}

void World::kill(unsigned consumer)
{
    gateway.detach(consumer);
    observer.consumer_leaves(consumer);
}

void World::revive(unsigned consumer)
{
    settle(); /* its old rings are given back first */
    gateway.attach(consumer);
    observer.consumer_returns(consumer);
}

Client *World::whose(const sl_tuple &client_view)
{
    auto found = addresses.find(tuple_key(client_view));
    return found == addresses.end() ? nullptr : found->second;
}

/** What has arrived by now goes to the clients, and in bursts to the workers' queues. */
void World::arrive()
{
    std::vector<std::vector<Bytes>> queues(gateway.worker_count());
    std::swap(queues, injected);
    for (const std::vector<Bytes> &queue : queues)
        for (const Bytes &frame : queue)
            note_stranger(frame);
    for (Delivery delivery; network.take(now_ns(), delivery);) {
        sl_tuple tuple = tuple_of(delivery.frame);
        if (!delivery.to_gateway) {
            Client *client = whose(tuple);
            if (client != nullptr && client->owns(tuple))
                client->receive(delivery.frame);
            continue;
        }
        unsigned worker =
            chosen.random_queues ? (unsigned)network.pick(queues.size()) : gateway.owner_of(tuple);
        observer.arrives(worker, delivery.tag);
        queues[worker].push_back(delivery.frame);
        if (tap)
            tap(true, delivery.frame, delivery.tag);
    }
    for (unsigned i = 0; i < queues.size(); i++)
        gateway.receive(i, queues[i], now_ns());
}

/** Who is no client may get as much as it has sent. */
void World::note_stranger(const Bytes &frame)
{
    size_t payload_len = 0;
    sl_tuple tuple = tuple_of(frame, nullptr, &payload_len);
    if (whose(turned(tuple)) == nullptr)
        observer.stranger_sends(turned(tuple), payload_len);
}

/** Answers to who has shown nothing: one kind, as long as what it answers at most. */
static void expect_cookie_only(const Bytes &answer, const Bytes &request)
{
    size_t off;
    EXPECT_EQ(tuple_key(tuple_of(answer, &off)), tuple_key(turned(tuple_of(request))));
    EXPECT_LE(answer.size(), request.size());
    EXPECT_EQ(answer.at(off + SL_RECORD_HEADER_LEN), SL_HANDSHAKE_HELLO_VERIFY_REQUEST);
}

void World::endure(const Bytes &frame, unsigned worker)
{
    settle();
    Visible before(gateway);
    gateway.receive(worker, {frame}, now_ns());
    for (unsigned quiet = 0; quiet < 3;)
        quiet = gateway.turn(now_ns()) ? 0 : quiet + 1;
    EXPECT_EQ(before.difference(Visible(gateway)), "");
    EXPECT_TRUE(gateway.take_told().empty()) << "a consumer heard of it";
    for (const Bytes &answer : gateway.take_sent())
        expect_cookie_only(answer, frame);
    observer.end_step(gateway);
}

void World::dispatch(const Bytes &frame)
{
    Client *client = whose(tuple_of(frame));
    observer.leaves(frame, client);
    if (tap)
        tap(false, frame, {});
    if (client != nullptr)
        transfer(false, frame, {});
}

/** Lets the gateway and its consumers speak until they have nothing more to say at this time. */
void World::settle()
{
    for (unsigned quiet = 0, rounds = 0; quiet < 3; rounds++) {
        ASSERT_LT(rounds, 100000u) << "the gateway does not come to rest";
        bool busy = gateway.turn(now_ns());
        for (const Told &told : gateway.take_told()) {
            observer.told(told);
            busy = true;
            if (observer.is_gone(told.consumer))
                continue;
            uint64_t session = told.event.session;
            bool is_taken = true;
            if (chosen.echoes && told.event.kind == SL_RING_DATA)
                is_taken = gateway.send(told.consumer, SL_RING_SEND, session, told.event.payload);
            if (chosen.confirms_moves && told.event.kind == SL_RING_MOVED)
                is_taken =
                    gateway.send(told.consumer, SL_RING_CONFIRM_MOVE, session, told.event.payload);
            EXPECT_TRUE(is_taken) << "a send ring is full";
        }
        for (const Bytes &frame : gateway.take_sent()) {
            dispatch(frame);
            busy = true;
        }
        quiet = busy ? 0 : quiet + 1;
    }
}

/** What clients have written goes out; their timers are read. */
void World::collect()
{
    for (auto &client : clients) {
        send_frames(*client, {});
        std::optional<uint64_t> left = client->dtls().timeout_ns();
        client->due_ns =
            client->is_started && left ? now_ns() + std::max(*left, ns_per_ms) : UINT64_MAX;
    }
}

void World::step()
{
    if (before_step)
        before_step();
    arrive();
    for (auto &client : clients)
        if (client->due_ns <= now_ns())
            client->dtls().go_on();
    settle();
    collect();
    observer.end_step(gateway);
}

uint64_t World::next_event_ns() const
{
    uint64_t next = std::min(network.next_ns(), gateway.next_timer_ns());
    for (auto &queue : injected)
        next = queue.empty() ? next : now_ns();
    for (auto &client : clients)
        next = std::min(next, client->due_ns);
    return std::min(std::max(next, now_ns()), now_ns() + tick_ns);
}

bool World::run_until(const std::function<bool()> &done, uint64_t limit_ms)
{
    uint64_t end_ns = now_ns() + limit_ms * ns_per_ms;
    while (!done() && !testing::Test::HasFatalFailure()) {
        uint64_t next = next_event_ns();
        if (next > end_ns) {
            set_now(end_ns);
            break;
        }
        set_now(next);
        step();
    }
    return done();
}

void World::run_for(uint64_t ms)
{
    (void)run_until([] { return false; }, ms);
}

bool World::connect(Client &client)
{
    start(client);
    return run_until([&] { return client.is_connected() || client.dtls().has_failed(); }) &&
           can_talk(client);
}

bool World::can_talk(Client &client, uint64_t limit_ms)
{
    size_t had = client.echoed.size();
    uint64_t end_ns = now_ns() + limit_ms * ns_per_ms;
    while (now_ns() < end_ns && client.is_connected()) {
        say(client);
        if (run_until([&] { return client.echoed.size() > had; }, 200))
            return true;
    }
    return false;
}

} // namespace sl_sim
