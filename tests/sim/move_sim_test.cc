/** Clients that take another address in mid-session, under each policy. RFC 9146 6. */
#include <gtest/gtest.h>

#include "attacker.h"
#include "clients.h"

using namespace sl_sim;

namespace
{

WorldOptions options_of(sl_peer_moves moves, bool confirms = false, uint64_t seed = 1)
{
    WorldOptions options;
    options.gateway.peer_moves = moves;
    options.confirms_moves = confirms;
    options.seed = seed;
    return options;
}

constexpr uint32_t pushed = 1000000; /* counters of messages that answer nothing */

/** Sends this many unasked messages. return how many of them reach the client. */
unsigned push_and_count(World &world, Client &client, unsigned count)
{
    size_t had = client.echoed.size();
    static uint32_t next = pushed;
    for (unsigned i = 0; i < count; i++)
        world.push(client, next++);
    world.run_for(100);
    return (unsigned)(client.echoed.size() - had);
}

/** UDP payload of a message of 100 bytes, as the client sends it with AES-GCM under our CID. */
constexpr uint64_t record_len = SL_RECORD_HEADER_LEN + SL_OWN_CID_LEN + 8 + 100 + 1 + 16;

} // namespace

TEST(Hold, GivesANewAddressThreeTimesItsBytesUntilTheConsumerConfirmsIt)
{
    World world(options_of(SL_PEER_MOVES_HOLD));
    Client &client = world.add_client(with_cid());
    ASSERT_TRUE(world.connect(client));
    sl_tuple old_place = client.path.tuple;
    uint64_t old_bytes = world.observer.bytes_to(old_place);

    world.move(client, 1);
    sl_tuple place = client.path.tuple;
    for (uint64_t said = 1; said <= 3; said++) {
        EXPECT_TRUE(world.can_talk(client, 1));
        push_and_count(world, client, 20);
        EXPECT_LE(world.observer.bytes_to(place), 3 * said * record_len);
        EXPECT_GT(world.observer.bytes_to(place), 2 * said * record_len);
    }
    EXPECT_GT(world.gateway.drops(SL_DROP_SEND_AMPLIFY), 40u);
    EXPECT_EQ(world.observer.moves_told, 1u);
    EXPECT_EQ(world.gateway.events(SL_COUNTER_MOVED), 0u);

    sl_ring_moved checked{place.local_ip, place.local_port, 0, {}};
    const uint8_t *bytes = (const uint8_t *)&checked;
    world.ask(client, SL_RING_CONFIRM_MOVE, Bytes(bytes, bytes + sizeof checked));
    EXPECT_EQ(push_and_count(world, client, 20), 20u);
    EXPECT_EQ(world.observer.moves_confirmed, 1u);
    EXPECT_EQ(world.gateway.events(SL_COUNTER_MOVED), 1u);
    EXPECT_EQ(world.observer.bytes_to(old_place), old_bytes);
}

TEST(Hold, GoesBackWhenTheClientSpeaksFromItsOldAddress)
{
    World world(options_of(SL_PEER_MOVES_HOLD));
    Client &client = world.add_client(with_cid());
    ASSERT_TRUE(world.connect(client));
    world.move(client, 1);
    EXPECT_TRUE(world.can_talk(client, 1));
    world.move(client, 0);
    EXPECT_TRUE(world.can_talk(client, 1));
    EXPECT_EQ(push_and_count(world, client, 30), 30u);
    EXPECT_EQ(world.gateway.events(SL_COUNTER_MOVED), 0u);
}

TEST(Hold, LetsARelayOfRecordsThatNeverArrivedHaveNoMoreThanThreeTimesTheirBytes)
{
    World world(options_of(SL_PEER_MOVES_HOLD));
    Client &client = world.add_client(with_cid());
    ASSERT_TRUE(world.connect(client));
    Attacker attacker(world, 1);
    sl_path relay = attacker.own_place(1);
    world.expect_answers_at(relay, client);
    std::vector<Bytes> caught;
    world.loses = [&](bool to_gateway, const Bytes &frame) {
        if (to_gateway)
            caught.push_back(frame);
        return to_gateway;
    };
    world.say(client);
    world.loses = nullptr;
    ASSERT_EQ(caught.size(), 1u);
    size_t off;
    tuple_of(caught[0], &off);
    Bytes payload(caught[0].begin() + (long)off, caught[0].end());

    world.echoes_none();
    world.inject(Client::frame_of(relay, payload), 0);
    world.observer.arrives(0, {true, client.id, client.generation, client.sent - 1});
    world.step();
    EXPECT_EQ(world.gateway.events(SL_COUNTER_MOVE_CANDIDATES), 1u);
    push_and_count(world, client, 50);
    EXPECT_LE(world.observer.bytes_to(relay.tuple), 3 * record_len);
    world.say(client);
    world.run_for(100);
    EXPECT_EQ(push_and_count(world, client, 50), 50u) << "it is where it was";
    EXPECT_EQ(world.gateway.events(SL_COUNTER_MOVED), 0u);
}

TEST(Accept, TakesTheAddressOfTheNewestRecordAndNotOfAnOlderOne)
{
    World world(options_of(SL_PEER_MOVES_ACCEPT));
    Client &client = world.add_client(with_cid());
    ASSERT_TRUE(world.connect(client));
    world.move(client, 1);
    EXPECT_TRUE(world.can_talk(client, 1));
    EXPECT_EQ(push_and_count(world, client, 30), 30u);
    EXPECT_EQ(world.gateway.events(SL_COUNTER_MOVED), 1u);

    /* Said before the move and delayed until after it. */
    world.network.set_conditions({0, 0, 0, 200, 0});
    world.say(client);
    world.network.set_conditions({});
    world.move(client, 2);
    world.say(client);
    world.run_for(500);
    EXPECT_EQ(world.gateway.events(SL_COUNTER_MOVED), 2u);
    EXPECT_EQ(push_and_count(world, client, 30), 30u);
    EXPECT_EQ(world.observer.moves_confirmed, 2u);
}

TEST(Refuse, DropsWhatComesFromElsewhereAndServesTheOldAddress)
{
    World world(options_of(SL_PEER_MOVES_REFUSE));
    Client &client = world.add_client(with_cid());
    ASSERT_TRUE(world.connect(client));
    world.move(client, 1);
    EXPECT_FALSE(world.can_talk(client, 1000));
    EXPECT_GT(world.gateway.drops(SL_DROP_PEER_MOVE_REFUSED), 0u);
    EXPECT_EQ(world.observer.bytes_to(client.path.tuple), 0u);
    world.move(client, 0);
    EXPECT_TRUE(world.can_talk(client, 1));
    EXPECT_EQ(world.observer.moves_told, 0u);
}

TEST(Move, WithoutAConnectionIdMakesAStranger)
{
    for (sl_peer_moves moves : {SL_PEER_MOVES_HOLD, SL_PEER_MOVES_ACCEPT, SL_PEER_MOVES_REFUSE}) {
        World world(options_of(moves, true));
        Client &client = world.add_client(without_cid());
        ASSERT_TRUE(world.connect(client));
        world.move(client, 1);
        EXPECT_FALSE(world.can_talk(client, 1000));
        EXPECT_EQ(world.observer.bytes_to(client.path.tuple), 0u);
        EXPECT_GT(world.gateway.drops(SL_DROP_UNKNOWN_PEER), 0u);
        world.move(client, 0);
        EXPECT_TRUE(world.can_talk(client, 1));
    }
}

TEST(Move, LeavesTheAddressToTheNextClient)
{
    World world(options_of(SL_PEER_MOVES_ACCEPT));
    Client &mover = world.add_client(with_cid());
    Client &heir = world.add_client(without_cid());
    ASSERT_TRUE(world.connect(mover));
    sl_path place = mover.path;
    world.move(mover, 1);
    ASSERT_TRUE(world.can_talk(mover, 1));
    heir.path = place;
    world.expect_answers_at(place, heir);
    EXPECT_TRUE(world.connect(heir));
    EXPECT_TRUE(world.can_talk(mover, 1));
    EXPECT_TRUE(world.can_talk(heir, 1));
}

class Roaming : public testing::TestWithParam<uint64_t>
{
};

/** Everybody moves again and again, by turns to old addresses too, on a bad network. */
TEST_P(Roaming, KeepsEverySession)
{
    bool accepts = GetParam() % 2 == 0;
    World world(options_of(accepts ? SL_PEER_MOVES_ACCEPT : SL_PEER_MOVES_HOLD, true, GetParam()));
    for (unsigned id = 0; id < 16; id++) {
        ClientSetup setup = setup_of(id);
        setup.with_cid = true;
        world.start(world.add_client(setup));
    }
    ASSERT_TRUE(world.run_until([&] { return all_connected(world); }));
    world.network.set_conditions({0.2, 0.05, 0.2, 10, 60});
    for (unsigned round = 0; round < 60; round++) {
        for (auto &client : world.clients) {
            if (world.network.pick(8) == 0)
                world.move(*client, (unsigned)world.network.pick(5));
            world.say(*client, 20 + world.network.pick(1200));
        }
        world.run_for(1 + world.network.pick(100));
    }
    world.network.set_conditions({});
    for (auto &client : world.clients)
        EXPECT_TRUE(world.can_talk(*client, 2000)) << client->id;
    EXPECT_EQ(world.observer.open_sessions(), 16u);
    EXPECT_GT(world.gateway.events(SL_COUNTER_MOVED), 20u);
    EXPECT_EQ(world.gateway.drops(SL_DROP_AUTH), 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Roaming, testing::Range<uint64_t>(0, last_seed(6, 60)));
