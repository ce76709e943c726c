/** Everything at once, by seeds. */
#include <gtest/gtest.h>

#include "attacker.h"
#include "clients.h"

using namespace sl_sim;

namespace
{

WorldOptions options_of(uint64_t seed)
{
    WorldOptions options;
    options.seed = seed;
    options.gateway.workers = 1 + (unsigned)(seed % 4);
    options.gateway.handshakers = 1 + (unsigned)(seed % 2);
    options.gateway.consumers = 3;
    options.gateway.peer_moves = (sl_peer_moves)(seed % 3);
    options.gateway.idle_timeout_ms = 20000;
    options.gateway.vlan_id = seed % 5 == 0 ? 7 : SL_VLAN_NONE;
    options.network = {0.1, 0.05, 0.1, 10, 50};
    options.confirms_moves = seed % 2 == 0;
    return options;
}

/** What a client does next, if anything. */
void act(World &world, Client &client)
{
    uint64_t dice = world.network.pick(100);
    if (!client.is_started || client.has_closed || client.dtls().has_failed() ||
        client.dtls().is_closed_by_peer())
        dice < 20 ? world.restart(client) : void();
    else if (!client.is_connected())
        dice < 1 ? world.restart(client) : void();
    else if (dice < 60)
        world.say(client, 20 + world.network.pick(1300));
    else if (dice < 70)
        world.say_at_once(client, 2 + (unsigned)world.network.pick(6), 60, dice == 60);
    else if (dice < 74 && client.dtls().uses_cid())
        world.move(client, (unsigned)world.network.pick(4));
    else if (dice < 75)
        world.restart(client);
    else if (dice < 76)
        world.close(client);
    else if (dice < 77 && world.observer.is_open(client.id, client.generation))
        world.ask(client, SL_RING_CLOSE_SESSION);
}

/** return a digest of all that left the gateway and that consumers heard. */
uint64_t live(uint64_t seed, unsigned rounds)
{
    World world(options_of(seed));
    Attacker attacker(world, seed);
    for (unsigned id = 0; id < 30; id++)
        world.add_client(setup_of(id));
    world.before_step = [&] { attacker.strike(2); };
    int dead = -1;
    for (unsigned round = 0; round < rounds && !testing::Test::HasFailure(); round++) {
        for (auto &client : world.clients)
            if (world.network.pick(3) == 0)
                act(world, *client);
        if (round % 20 == 10) {
            dead = (int)world.network.pick(3);
            world.kill((unsigned)dead);
        } else if (round % 20 == 15) {
            world.revive((unsigned)dead);
        }
        world.run_for(1 + world.network.pick(200));
    }
    world.before_step = nullptr;
    world.network.set_conditions({});
    world.run_for(1000); /* what was on its way arrives */
    EXPECT_GT(world.observer.delivered, rounds);
    EXPECT_GT(attacker.struck, rounds);
    for (auto &client : world.clients)
        if (!client->is_connected() || client->has_closed || client->dtls().is_closed_by_peer())
            world.restart(*client);
    for (unsigned tries = 0; tries < 5 && !all_connected(world); tries++) {
        (void)world.run_until([&] { return all_connected(world); }, 60000);
        for (auto &client :
             world.clients) /* a late flight of its last attempt can spoil this one */
            if (client->dtls().has_failed())
                world.restart(*client);
    }
    EXPECT_TRUE(all_connected(world));
    world.gateway.stop();
    EXPECT_TRUE(world.run_until([&] { return world.gateway.is_stopped(); }, 3000));
    EXPECT_EQ(world.observer.open_sessions(), 0u);
    EXPECT_EQ(world.gateway.totals().sessions + world.gateway.totals().half_open, 0u);
    return world.observer.digest;
}

} // namespace

class Everything : public testing::TestWithParam<uint64_t>
{
};

TEST_P(Everything, HoldsWithAllOfItAtOnce)
{
    live(GetParam(), 120);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Everything, testing::Range<uint64_t>(0, last_seed(12, 200)));

TEST(Seed, DecidesEverything)
{
    uint64_t first = live(3, 40);
    EXPECT_EQ(live(3, 40), first);
    EXPECT_NE(live(4, 40), first);
}
