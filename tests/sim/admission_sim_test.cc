/** Floods of ClientHellos against a gateway with limits: sessions notice nothing, and whoever is
 * not of the prefix that floods gets in. */
#include <gtest/gtest.h>

#include "attacker.h"
#include "clients.h"

using namespace sl_sim;
using sl_test::now_ns;

namespace
{

constexpr unsigned sessions = 6;

/** Sessions that are established before the flood, and are to go on in it. */
class Flood : public testing::Test
{
  protected:
    Flood()
    {
        rules.hellos = sl_rate_of(1000, 200);
        rules.hellos_per_prefix = sl_rate_of(20, 20);
        rules.handshakes_per_prefix = sl_rate_of(100, 100);
        rules.handshakes_in_flight_per_prefix = 5;
        options.gateway.admission = &rules;
    }
    void begin()
    {
        world = std::make_unique<World>(options);
        attacker = std::make_unique<Attacker>(*world, 11);
        ASSERT_TRUE(connect_all(*world, sessions));
        world->before_step = [this] {
            for (unsigned i = 0; i < 40 && flood; i++)
                world->inject(flood(), i % world->gateway.worker_count());
        };
    }
    /** Every message of every session comes back at once. */
    void expect_nothing_lost()
    {
        for (unsigned round = 0; round < 20; round++)
            for (unsigned id = 0; id < sessions; id++)
                ASSERT_TRUE(world->can_talk(*world->clients[id], 1)) << id;
        EXPECT_EQ(world->gateway.events(SL_COUNTER_SESSIONS_CLOSED), 0u);
    }
    Client &add_v4_client()
    {
        ClientSetup setup;
        return world->add_client(setup);
    }
    bool gets_in_at_once(Client &client)
    {
        world->start(client);
        return world->run_until([&] { return client.is_connected(); },
                                900); /* before it asks again */
    }
    Bytes hello_from(const sl_path &path, const Bytes &cookie = {})
    {
        return Client::frame_of(
            path, sluice::WorkerBench::ClientHello(cookie, (uint8_t)attacker->pick(256)));
    }

    sl_admission_rules rules{};
    WorldOptions options;
    std::unique_ptr<World> world;
    std::unique_ptr<Attacker> attacker;
    std::function<Bytes()> flood;
};

} // namespace

TEST_F(Flood, OfOnePrefixKeepsNobodyElseOut)
{
    begin();
    flood = [this] { return hello_from(attacker->own_place(1)); };
    expect_nothing_lost();
    for (unsigned i = 0; i < 5; i++)
        EXPECT_TRUE(gets_in_at_once(add_v4_client())) << i;
    EXPECT_GT(world->gateway.drops(SL_DROP_HELLO_RATE), 1000u);
}

TEST_F(Flood, FromEverywhereEndsNoSessionAndIsOverWhenItIsOver)
{
    begin();
    flood = [this] { return hello_from(attacker->nowhere()); };
    expect_nothing_lost();
    EXPECT_GT(world->gateway.drops(SL_DROP_HELLO_RATE), 1000u);
    EXPECT_EQ(world->gateway.totals().half_open, 0u);
    flood = nullptr;
    world->run_for(200);
    for (unsigned i = 0; i < 5; i++)
        EXPECT_TRUE(gets_in_at_once(add_v4_client())) << i;
}

/** Who has had his cookie before needs none of what the flood uses up. */
TEST_F(Flood, FromEverywhereKeepsOutNobodyWhoHasACookie)
{
    begin();
    Client &client = add_v4_client();
    bool has_cookie = false;
    world->tap = [&](bool to_gateway, const Bytes &frame, const Tag &) {
        size_t off;
        tuple_of(frame, &off);
        has_cookie |= !to_gateway && client.owns(tuple_of(frame)) &&
                      frame[off + SL_RECORD_HEADER_LEN] == SL_HANDSHAKE_HELLO_VERIFY_REQUEST;
    };
    world->start(client);
    ASSERT_TRUE(world->run_until([&] { return has_cookie; }, 500));
    flood = [this] { return hello_from(attacker->nowhere(), attacker->random_bytes(8)); };
    EXPECT_TRUE(world->run_until([&] { return client.is_connected(); }, 900));
    expect_nothing_lost();
}

TEST_F(Flood, UnderTheNameOfAClientKeepsHimOutNoLongerThanItLasts)
{
    begin();
    Client &victim = add_v4_client();
    sl_path other_port = victim.path;
    other_port.tuple.local_port++;
    flood = [this, other_port] { return hello_from(other_port); };
    world->run_for(500);
    EXPECT_GT(world->gateway.drops(SL_DROP_HELLO_RATE), 100u);
    flood = nullptr;
    world->run_for(200);
    EXPECT_TRUE(gets_in_at_once(victim));
}

/** They show their cookies, take what they can get, and never go on. */
TEST_F(Flood, OfHandshakesOfOnePrefixLeavesTheOthersTheirPlaces)
{
    begin();
    std::vector<Client *> idle;
    for (unsigned i = 0; i < 60; i++) {
        ClientSetup setup;
        setup.v6 = true; /* all of them in one /64 */
        idle.push_back(&world->add_client(setup));
    }
    world->loses = [&](bool to_gateway, const Bytes &frame) {
        size_t off;
        const sl_tuple tuple = turned(tuple_of(frame, &off));
        bool is_idle = false;
        for (Client *client : idle)
            is_idle |= to_gateway && client->owns(tuple);
        return is_idle && frame[off + SL_RECORD_HEADER_LEN] != SL_HANDSHAKE_CLIENT_HELLO;
    };
    for (Client *client : idle)
        world->start(*client);
    world->run_for(3000);
    const unsigned workers = world->gateway.worker_count();
    EXPECT_LE(world->gateway.totals().half_open, 5 * workers);
    EXPECT_GT(world->gateway.totals().half_open, 0u);
    EXPECT_GT(world->gateway.drops(SL_DROP_HANDSHAKES_PER_PREFIX), 0u);
    for (unsigned i = 0; i < 5; i++)
        EXPECT_TRUE(gets_in_at_once(add_v4_client())) << i;
    expect_nothing_lost();
}
