/** How sessions begin again, change hands and end. */
#include <gtest/gtest.h>

#include <algorithm>

#include "attacker.h"
#include "clients.h"

using namespace sl_sim;
using sl_test::now_ns;

namespace
{

/** Ends by what the gateway has counted and consumers were told. */
unsigned closed_for(const World &world, sl_close_reason reason)
{
    const std::vector<uint16_t> &reasons = world.observer.close_reasons;
    return (unsigned)std::count(reasons.begin(), reasons.end(), reason);
}

std::string cid_name(const testing::TestParamInfo<bool> &info)
{
    return info.param ? "WithConnectionId" : "WithoutConnectionId";
}

bool is_of_type(const Bytes &frame, uint8_t content, uint8_t handshake = 0)
{
    size_t off;
    tuple_of(frame, &off);
    return frame[off] == content && frame[off + 4] == 0 &&
           (handshake == 0 || frame[off + SL_RECORD_HEADER_LEN] == handshake);
}

} // namespace

class EitherKind : public testing::TestWithParam<bool>
{
  public:
    EitherKind() : client(world.add_client(GetParam() ? with_cid() : without_cid())) {}
    World world;
    Client &client;
};
INSTANTIATE_TEST_SUITE_P(Clients, EitherKind, testing::Bool(), cid_name);

TEST_P(EitherKind, GetsALostLastFlightAgain)
{
    unsigned lost = 0;
    world.loses = [&](bool to_gateway, const Bytes &frame) {
        return !to_gateway &&
               is_of_type(frame, SL_CONTENT_HANDSHAKE, SL_HANDSHAKE_NEW_SESSION_TICKET) &&
               lost++ < 3;
    };
    EXPECT_TRUE(world.connect(client));
    EXPECT_GE(lost, 4u);
    EXPECT_EQ(world.gateway.handshakes(SL_HANDSHAKE_COMPLETED), 1u);
    EXPECT_EQ(world.gateway.handshakes(SL_HANDSHAKE_LAST_FLIGHT_REPEATED), 3u);
    EXPECT_EQ(world.gateway.events(SL_COUNTER_SESSIONS_OPENED), 1u);
}

TEST_P(EitherKind, ClosesAndIsAnswered)
{
    ASSERT_TRUE(world.connect(client));
    world.close(client);
    EXPECT_TRUE(world.run_until([&] { return client.dtls().is_closed_by_peer(); }, 100));
    EXPECT_EQ(closed_for(world, SL_CLOSE_PEER), 1u);
    EXPECT_EQ(world.observer.open_sessions(), 0u);
    world.run_for(1000);
    EXPECT_EQ(world.gateway.totals().sessions, 0u);
}

TEST_P(EitherKind, IsClosedByItsConsumer)
{
    ASSERT_TRUE(world.connect(client));
    world.push(client, 77);
    world.ask(client, SL_RING_CLOSE_SESSION);
    EXPECT_TRUE(world.run_until([&] { return client.dtls().is_closed_by_peer(); }, 100));
    EXPECT_TRUE(client.echoed.count(77)) << "what was sent before comes before";
    EXPECT_EQ(closed_for(world, SL_CLOSE_CONSUMER), 1u);
    world.say(client);
    world.run_for(100);
    EXPECT_EQ(world.gateway.drops(GetParam() ? SL_DROP_UNKNOWN_CID : SL_DROP_UNKNOWN_PEER), 1u);
}

TEST_P(EitherKind, SaysManyThingsAndItsCloseInOneDatagram)
{
    ASSERT_TRUE(world.connect(client));
    size_t had = client.echoed.size();
    world.say_at_once(client, 9, 50, false);
    world.run_for(100);
    EXPECT_EQ(client.echoed.size(), had + 9);
    uint64_t delivered = world.observer.delivered;
    world.say_at_once(client, 5, 50, true);
    world.run_for(100);
    EXPECT_EQ(world.observer.delivered, delivered + 5) << "what came before the close is delivered";
    EXPECT_EQ(closed_for(world, SL_CLOSE_PEER), 1u);
    EXPECT_TRUE(client.dtls().is_closed_by_peer());
}

TEST_P(EitherKind, ExpiresWhenItIsIdleAndNotBefore)
{
    WorldOptions options;
    options.gateway.idle_timeout_ms = 10000;
    World quick(options);
    Client &idle = quick.add_client(GetParam() ? with_cid() : without_cid());
    Client &busy = quick.add_client(GetParam() ? with_cid() : without_cid());
    ASSERT_TRUE(quick.connect(idle) && quick.connect(busy));
    Attacker attacker(quick, 1);
    uint64_t begun_ns = now_ns();
    quick.before_step =
        [&] { /* records that are not authentic keep nobody alive */
              for (Hostile kind : {Hostile::REPLAY, Hostile::FLIPPED_BIT, Hostile::FORGED_RECORD})
                  if (std::optional<Bytes> frame = attacker.make(kind))
                      quick.inject(*frame, 0);
        };
    quick.can_talk(idle, 1);
    for (unsigned i = 0; i < 9; i++) {
        quick.can_talk(busy, 1);
        quick.run_for(1000);
        EXPECT_EQ(quick.observer.open_sessions(), 2u) << i;
    }
    EXPECT_TRUE(quick.run_until([&] { return idle.dtls().is_closed_by_peer(); }, 3000));
    EXPECT_GT(now_ns() - begun_ns, 10 * sl_test::ns_per_s);
    EXPECT_EQ(closed_for(quick, SL_CLOSE_IDLE), 1u);
    EXPECT_EQ(quick.gateway.events(SL_COUNTER_SESSIONS_EXPIRED), 1u);
    EXPECT_TRUE(quick.can_talk(busy, 1));
}

TEST(Restart, OnATupleInUseKeepsTheOldSessionUntilTheNewOneIsEstablished)
{
    World world;
    Client &client = world.add_client(without_cid());
    ASSERT_TRUE(world.connect(client));
    bool was_there = true;
    world.before_step = [&] {
        if (world.gateway.handshakes(SL_HANDSHAKE_COMPLETED) == 1)
            was_there &= world.observer.is_open(client.id, 1);
    };
    world.restart(client);
    EXPECT_TRUE(world.run_until([&] { return client.is_connected(); }, 500));
    EXPECT_TRUE(was_there);
    EXPECT_TRUE(world.can_talk(client, 1));
    EXPECT_FALSE(world.observer.is_open(client.id, 1));
    EXPECT_EQ(closed_for(world, SL_CLOSE_REPLACED), 1u);
    EXPECT_EQ(world.observer.open_sessions(), 1u);
}

TEST(Restart, ThatIsNotFinishedLeavesTheOldSessionAlone)
{
    World world;
    Client &client = world.add_client(without_cid());
    ASSERT_TRUE(world.connect(client));
    Client ghost(client.id, without_cid(), SL_VLAN_NONE); /* at the same address */
    ghost.dtls().go_on();
    Attacker attacker(world, 1);
    for (const Bytes &frame : ghost.take_frames()) /* as if the client had sent it */
        world.inject(frame, 0);
    world.step();
    EXPECT_TRUE(world.can_talk(client, 1)) << "a HelloVerifyRequest does it no harm";
    EXPECT_EQ(world.gateway.events(SL_COUNTER_SESSIONS_OPENED), 1u);
}

TEST(Restart, WithAConnectionIdLeavesTheOldSessionToItsTimeout)
{
    WorldOptions options;
    options.gateway.idle_timeout_ms = 5000;
    World world(options);
    Client &client = world.add_client(with_cid());
    ASSERT_TRUE(world.connect(client));
    world.restart(client);
    EXPECT_TRUE(world.connect(client));
    EXPECT_EQ(world.observer.open_sessions(), 2u);
    for (unsigned i = 0; i < 6; i++) {
        EXPECT_TRUE(world.can_talk(client, 1));
        world.run_for(1000);
    }
    EXPECT_EQ(world.observer.open_sessions(), 1u);
    EXPECT_EQ(closed_for(world, SL_CLOSE_IDLE), 1u);
}

class Restarts : public testing::TestWithParam<uint64_t>
{
};

TEST_P(Restarts, EndWithOneSessionEachOnABadNetwork)
{
    WorldOptions options;
    options.seed = GetParam();
    options.network = {0.15, 0.05, 0.1, 10, 40};
    World world(options);
    for (unsigned id = 0; id < 20; id++) {
        ClientSetup setup = setup_of(id);
        setup.with_cid = false;
        world.start(world.add_client(setup));
    }
    for (unsigned round = 0; round < 4; round++) {
        EXPECT_TRUE(world.run_until([&] { return all_connected(world); }));
        for (auto &client : world.clients)
            EXPECT_TRUE(world.can_talk(*client)) << client->id;
        for (auto &client : world.clients)
            if (round < 3 && world.network.pick(2) == 0)
                world.restart(*client);
    }
    EXPECT_EQ(world.observer.open_sessions(), 20u);
    EXPECT_GT(closed_for(world, SL_CLOSE_REPLACED), 10u);
    EXPECT_EQ(closed_for(world, SL_CLOSE_REPLACED), world.observer.close_reasons.size());
}

INSTANTIATE_TEST_SUITE_P(Seeds, Restarts, testing::Range<uint64_t>(1, last_seed(5, 40)));

TEST(ConsumerDeath, MovesItsSessionsToTheNextOne)
{
    World world;
    ASSERT_TRUE(connect_all(world, 12));
    world.kill(0);
    for (auto &client : world.clients)
        EXPECT_TRUE(world.can_talk(*client, 1)) << client->id;
    EXPECT_EQ(world.gateway.drops(SL_DROP_NO_CONSUMER), 0u);
    EXPECT_EQ(world.observer.open_sessions(), 12u);

    world.kill(1); /* the last one */
    world.step();
    for (auto &client : world.clients)
        world.say(*client);
    world.run_for(100);
    EXPECT_EQ(world.gateway.drops(SL_DROP_NO_CONSUMER), 12u);
    EXPECT_EQ(world.gateway.totals().sessions, 12u) << "they live on";

    world.revive(0);
    world.step();
    for (auto &client : world.clients)
        EXPECT_TRUE(world.can_talk(*client, 1)) << client->id;
    EXPECT_EQ(world.observer.close_reasons.size(), 0u);
}

TEST(ConsumerDeath, InTheMiddleOfTrafficLosesNoSession)
{
    WorldOptions options;
    options.gateway.consumers = 3;
    options.network = {0.05, 0.05, 0.1, 10, 30};
    World world(options);
    ASSERT_TRUE(connect_all(world, 20));
    for (unsigned round = 0; round < 30; round++) {
        for (auto &client : world.clients)
            world.say(*client);
        if (round % 6 == 2)
            world.kill(round / 6 % 3);
        if (round % 6 == 5)
            world.revive(round / 6 % 3);
        world.run_for(20);
    }
    for (auto &client : world.clients)
        EXPECT_TRUE(world.can_talk(*client, 5000)) << client->id;
    EXPECT_EQ(world.observer.close_reasons.size(), 0u);
}

TEST(HalfOpen, IsBoundedAndGivesItsSlotsBack)
{
    WorldOptions options;
    options.gateway.workers = 1;
    options.gateway.half_open_max = 4;
    options.gateway.handshake_timeout_ms = 4000;
    World world(options);
    /* They show their addresses and are not heard of again. */
    world.loses = [](bool to_gateway, const Bytes &frame) {
        return to_gateway && !is_of_type(frame, SL_CONTENT_HANDSHAKE, SL_HANDSHAKE_CLIENT_HELLO);
    };
    for (unsigned id = 0; id < 12; id++)
        world.start(world.add_client(without_cid()));
    uint64_t most = 0;
    world.before_step = [&] { most = std::max(most, world.gateway.totals().half_open); };
    world.run_for(20000);
    EXPECT_EQ(most, 4u);
    EXPECT_GT(world.gateway.drops(SL_DROP_HALF_OPEN_LIMIT), 8u);
    EXPECT_GT(world.gateway.handshakes(SL_HANDSHAKE_TIMED_OUT) +
                  world.gateway.events(SL_COUNTER_HANDSHAKES_EXPIRED),
              8u);
    world.loses = nullptr;
    for (auto &client : world.clients)
        world.restart(*client);
    EXPECT_TRUE(world.run_until([&] { return all_connected(world); }));
}

TEST(Stop, ClosesEverySessionWithACloseNotify)
{
    World world;
    ASSERT_TRUE(connect_all(world, 12));
    Client &late = world.add_client(with_cid());
    world.start(late);
    world.run_for(25); /* in the middle of its handshake */
    world.gateway.stop();
    EXPECT_TRUE(world.run_until([&] { return world.gateway.is_stopped(); }, 2000));
    world.run_for(100);
    for (unsigned i = 0; i < 12; i++)
        EXPECT_TRUE(world.clients[i]->dtls().is_closed_by_peer()) << i;
    EXPECT_EQ(closed_for(world, SL_CLOSE_SHUTDOWN), 12u);
    EXPECT_EQ(world.gateway.totals().sessions + world.gateway.totals().half_open, 0u);
    EXPECT_FALSE(late.is_connected());
}
