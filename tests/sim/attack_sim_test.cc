/** Who has no key changes nothing, whatever he hears and writes. */
#include <gtest/gtest.h>

#include "attacker.h"
#include "clients.h"

using namespace sl_sim;
using sl_test::now_ns;

namespace
{

uint64_t rx_drops(const Gateway &gateway)
{
    sl_counters totals = gateway.totals();
    uint64_t sum = 0;
    for (unsigned i = 1; i < SL_DROP_COUNT; i++)
        sum += sl_drop_direction((sl_drop)i) == SL_DIRECTION_RX ? totals.drops[i] : 0;
    return sum;
}

} // namespace

class EveryFrame : public testing::TestWithParam<Hostile>
{
};

/** One by one, while sessions are established: looked at before and after each. */
TEST_P(EveryFrame, FromTheUnauthenticatedChangesNothing)
{
    World world;
    Attacker attacker(world, 7);
    ASSERT_TRUE(connect_all(world, 12));
    world.run_for(1000);
    unsigned endured = 0;
    for (unsigned i = 0; i < 400 && !HasFailure(); i++) {
        std::optional<Bytes> frame = attacker.make(GetParam());
        if (!frame)
            continue;
        uint64_t ended = rx_drops(world.gateway) + world.gateway.events(SL_COUNTER_ANSWERED) +
                         world.gateway.events(SL_COUNTER_CONSUMED);
        world.endure(*frame, (unsigned)attacker.pick(world.gateway.worker_count()));
        EXPECT_LT(ended, rx_drops(world.gateway) + world.gateway.events(SL_COUNTER_ANSWERED) +
                             world.gateway.events(SL_COUNTER_CONSUMED))
            << "it has no end that is counted";
        endured++;
        if (i % 50 == 0) {
            for (auto &client : world.clients)
                world.say(*client); /* what goes on meanwhile */
            world.run_for(100);
        }
    }
    EXPECT_GT(endured, 100u);
    for (auto &client : world.clients)
        EXPECT_TRUE(world.can_talk(*client, 1)) << client->id; /* the first message comes back */
    EXPECT_EQ(world.observer.open_sessions(), 12u);
}

static std::string hostile_name(const testing::TestParamInfo<Hostile> &info)
{
    return name_of(info.param);
}

static std::vector<Hostile> all_kinds()
{
    std::vector<Hostile> kinds;
    for (unsigned i = 0; i < (unsigned)Hostile::COUNT; i++)
        kinds.push_back((Hostile)i);
    return kinds;
}

INSTANTIATE_TEST_SUITE_P(Kinds, EveryFrame, testing::ValuesIn(all_kinds()), hostile_name);

/** Clients that connect, talk, move, close and come back. return what they and the consumers got.
 */
static uint64_t serve(uint64_t seed, sl_peer_moves moves, bool is_attacked)
{
    WorldOptions options;
    options.seed = seed;
    options.gateway.peer_moves = moves;
    options.confirms_moves = true;
    World world(options);
    Attacker attacker(world, seed + 1000);
    if (is_attacked)
        world.before_step = [&] {
            if (!world.clients.empty())
                attacker.strike(3);
        };
    EXPECT_TRUE(connect_all(world, 10));
    world.network.set_conditions({0.1, 0.05, 0.1, 10, 30});
    for (unsigned round = 0; round < 30; round++) {
        for (auto &client : world.clients)
            world.say(*client, 20 + (client->id * 97 + round * 41) % 1200);
        if (round % 5 == 4)
            world.move(*world.clients[round % 10 & ~1U], 1 + round / 10); /* has a connection ID */
        world.run_for(150);
    }
    world.close(*world.clients[3]);
    world.run_for(1000);
    EXPECT_GT(world.observer.delivered, 100u);
    EXPECT_EQ(is_attacked, attacker.struck > 500);
    return world.observer.served;
}

class Twins : public testing::TestWithParam<uint64_t>
{
};

TEST_P(Twins, ServeTheSameBytesAtTheSameTimesWhetherTheyAreAttackedOrNot)
{
    auto moves = (sl_peer_moves)(GetParam() % 3);
    EXPECT_EQ(serve(GetParam(), moves, false), serve(GetParam(), moves, true));
}

INSTANTIATE_TEST_SUITE_P(Seeds, Twins, testing::Range<uint64_t>(0, last_seed(6, 60)));

namespace
{

/** What a handshake must survive: all that anybody can write in epoch 0, with the highest number.
 */
Bytes forged_for_handshake(Attacker &attacker)
{
    static const uint8_t types[] = {SL_CONTENT_CHANGE_CIPHER_SPEC, SL_CONTENT_ALERT,
                                    SL_CONTENT_HANDSHAKE, SL_CONTENT_APPLICATION_DATA};
    uint8_t type = types[attacker.pick(4)];
    Bytes body = attacker.random_bytes(1 + attacker.pick(60));
    if (type == SL_CONTENT_ALERT)
        body = {2, (uint8_t)attacker.pick(120)};
    if (type == SL_CONTENT_HANDSHAKE) /* not by chance one that the client might write now */
        body[0] = SL_HANDSHAKE_FINISHED;
    return plaintext_record(type, 0, SL_SEQ_MAX, body);
}

/** return what 20 clients and the consumers got while they connected. */
uint64_t shake_hands(uint64_t seed, bool is_attacked)
{
    WorldOptions options;
    options.seed = seed;
    World world(options);
    Attacker attacker(world, seed);
    if (is_attacked)
        world.before_step = [&] {
            for (auto &client : world.clients)
                if (!client->is_connected())
                    for (unsigned i = 0; i < world.gateway.worker_count(); i++)
                        world.inject(client->frame_of(forged_for_handshake(attacker)), i);
        };
    for (unsigned id = 0; id < 20; id++)
        world.start(world.add_client(setup_of(id)));
    EXPECT_TRUE(world.run_until([&] { return all_connected(world); }, 900)) << "one had to wait";
    EXPECT_EQ(world.gateway.handshakes(SL_HANDSHAKE_RETRANSMITTED), 0u);
    EXPECT_EQ(world.gateway.handshakes(SL_HANDSHAKE_BAD_RECORD) > 20, is_attacked);
    return world.observer.served;
}

} // namespace

class SpoofedRecords : public testing::TestWithParam<uint64_t>
{
};

TEST_P(SpoofedRecords, OfEpoch0UnderTheHighestNumberDisturbNoHandshake)
{
    EXPECT_EQ(shake_hands(GetParam(), false), shake_hands(GetParam(), true));
}

INSTANTIATE_TEST_SUITE_P(Seeds, SpoofedRecords, testing::Range<uint64_t>(0, last_seed(4, 40)));

TEST(SpoofedRecords, DoNotKeepARetransmissionFromItsTime)
{
    World world;
    Attacker attacker(world, 1);
    Client &client = world.add_client(without_cid());
    bool is_lost = false; /* the first flight; from then on nothing of the client's arrives */
    world.loses = [&](bool to_gateway, const Bytes &frame) {
        size_t off;
        tuple_of(frame, &off);
        if (!to_gateway)
            is_lost |= frame[off + SL_RECORD_HEADER_LEN] == SL_HANDSHAKE_SERVER_HELLO;
        return is_lost;
    };
    world.start(client);
    ASSERT_TRUE(world.run_until([&] { return is_lost; }, 500));
    uint64_t due_ns = world.gateway.next_timer_ns();
    world.run_for((due_ns - now_ns()) / sl_test::ns_per_ms - 5);
    unsigned owner = world.gateway.owner_of(turned(client.path.tuple));
    for (uint64_t at_ns = now_ns(); at_ns < due_ns + 20 * sl_test::ns_per_ms; at_ns += 100000) {
        sl_test::set_now(at_ns);
        world.inject(client.frame_of(plaintext_record(SL_CONTENT_HANDSHAKE, 0, SL_SEQ_MAX,
                                                      attacker.random_bytes(12))),
                     owner);
        world.step();
    }
    EXPECT_EQ(world.gateway.handshakes(SL_HANDSHAKE_RETRANSMITTED), 1u);
}

TEST(HelloFlood, TakesNoSlotAndNoMemoryAndGetsNoMoreThanItSent)
{
    World world;
    Attacker attacker(world, 3);
    ASSERT_TRUE(connect_all(world, 4));
    size_t frames = world.gateway.frames_in_use();
    for (unsigned i = 0; i < 200; i++) {
        for (unsigned n = 0; n < 50; n++)
            world.inject(*attacker.make(n % 2 ? Hostile::HELLO : Hostile::HELLO_WRONG_COOKIE),
                         n % world.gateway.worker_count());
        world.run_for(1);
    }
    EXPECT_EQ(world.observer.answers_to_strangers, 10000u);
    EXPECT_EQ(world.gateway.totals().half_open, 0u);
    EXPECT_EQ(world.gateway.handshakes(SL_HANDSHAKE_STARTED), 4u);
    EXPECT_EQ(world.gateway.frames_in_use(), frames);
    for (auto &client : world.clients)
        EXPECT_TRUE(world.can_talk(*client, 1));
}

TEST(HelloFlood, ThatComesFasterThanTimeGoesByIsDroppedAndEverybodyTalksOn)
{
    World world;
    Attacker attacker(world, 3);
    ASSERT_TRUE(connect_all(world, 4));
    for (unsigned i = 0; i < 200; i++) {
        for (unsigned n = 0; n < 50; n++)
            world.inject(*attacker.make(n % 2 ? Hostile::HELLO : Hostile::HELLO_WRONG_COOKIE),
                         n % world.gateway.worker_count());
        world.step();
    }
    EXPECT_LT(world.observer.answers_to_strangers, 2000u);
    EXPECT_GT(world.gateway.totals().drops[SL_DROP_HELLO_BUDGET], 8000u);
    for (auto &client : world.clients)
        EXPECT_TRUE(world.can_talk(*client, 1));
    EXPECT_TRUE(connect_all(world, 4)) << "and who comes later is let in";
}

/** The one answer that a copy of an authentic record gets, wherever it comes from. */
TEST(RepeatedFinished, BringsTheLastFlightToTheClientAtMostTenTimesASecond)
{
    for (bool has_cid : {true, false}) {
        World world;
        Client &client = world.add_client(has_cid ? with_cid() : without_cid());
        Attacker attacker(world, 1);
        std::vector<Bytes> finished;
        world.tap = [&](bool to_gateway, const Bytes &frame, const Tag &tag) {
            size_t off;
            tuple_of(frame, &off);
            if (to_gateway && frame[off] == SL_CONTENT_HANDSHAKE && !tag.is_message)
                finished.push_back(frame);
            if (to_gateway && frame[off] == SL_CONTENT_TLS12_CID && !tag.is_message)
                finished.push_back(frame);
        };
        world.start(client);
        ASSERT_TRUE(world.run_until([&] { return world.observer.open_sessions() == 1; }, 1000));
        sl_path elsewhere = attacker.own_place(1);
        uint64_t had = world.observer.bytes_to(client.path.tuple);
        uint64_t end_ns = now_ns() + sl_test::ns_per_s;
        while (now_ns() < end_ns) {
            size_t off;
            tuple_of(finished.back(), &off);
            Bytes payload(finished.back().begin() + (long)off, finished.back().end());
            world.inject(has_cid ? Client::frame_of(elsewhere, payload) : finished.back(), 0);
            world.run_for(10);
        }
        EXPECT_EQ(world.observer.bytes_to(elsewhere.tuple), 0u);
        EXPECT_LE(world.observer.bytes_to(client.path.tuple) - had, 11 * 320u);
        EXPECT_LE(world.gateway.handshakes(SL_HANDSHAKE_LAST_FLIGHT_REPEATED), 11u);
        EXPECT_GT(world.gateway.handshakes(SL_HANDSHAKE_LAST_FLIGHT_REPEATED), 5u);
        EXPECT_TRUE(world.can_talk(client, 1));
    }
}
