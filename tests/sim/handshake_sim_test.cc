#include <gtest/gtest.h>

#include "attacker.h"
#include "clients.h"
#include "many_names.h"

using namespace sl_sim;

class BadNetwork : public testing::TestWithParam<uint64_t>
{
};

TEST_P(BadNetwork, TwoHundredHandshakesCompleteWhereAFifthIsLostDoubledAndReordered)
{
    WorldOptions options;
    options.network = {0.2, 0.05, 0.05, 10, 30};
    options.seed = GetParam();
    World world(options);
    for (unsigned id = 0; id < 200; id++)
        world.start(world.add_client(setup_of(id)));
    EXPECT_TRUE(world.run_until([&] { return all_connected(world); }));
    for (auto &client : world.clients)
        EXPECT_TRUE(client->is_connected()) << client->id << client->dtls().error();
    EXPECT_TRUE(world.run_until([&] { return world.observer.open_sessions() == 200; }, 60000));
    EXPECT_EQ(world.gateway.handshakes(SL_HANDSHAKE_COMPLETED), 200u);
    EXPECT_EQ(world.gateway.handshakes(SL_HANDSHAKE_CONNECTION_ID), 100u);
    for (auto &client : world.clients)
        EXPECT_TRUE(world.can_talk(*client)) << client->id;
    EXPECT_GT(world.network.lost, 400u);
    EXPECT_GT(world.gateway.events(SL_COUNTER_HANDED_OVER), 500u);
    EXPECT_EQ(world.gateway.drops(SL_DROP_AUTH), 0u);
    /* A late copy of a ClientHello may have begun a handshake that nobody goes on with. */
    EXPECT_TRUE(world.run_until([&] { return world.gateway.totals().half_open == 0; }, 130000));
    EXPECT_EQ(world.gateway.handshakes_in_progress(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, BadNetwork, testing::Range<uint64_t>(1, last_seed(9, 100)));

TEST(Handshakes, CompleteInAStraightLineOnAGoodNetwork)
{
    WorldOptions options;
    options.random_queues = false;
    World world(options);
    for (unsigned id = 0; id < 40; id++)
        world.start(world.add_client(setup_of(id)));
    EXPECT_TRUE(world.run_until([&] { return all_connected(world); }, 500));
    for (auto &client : world.clients)
        EXPECT_TRUE(world.can_talk(*client)) << client->id;
    sl_counters totals = world.gateway.totals();
    for (unsigned i = 1; i < SL_DROP_COUNT; i++)
        EXPECT_EQ(totals.drops[i], 0u) << sl_drop_name((sl_drop)i);
    EXPECT_EQ(world.gateway.handshakes(SL_HANDSHAKE_RETRANSMITTED), 0u);
}

// RFC 6347 4.2.3: a chain of nearly 16 KiB in datagrams of 256 bytes, each of which comes three
// times as the first piece does not come before. Neither the worker's limits nor the handshaker's
// are met.
TEST(Handshakes, CompleteWithALongChainOnANarrowPathThoughItsFirstPieceIsLostTwice)
{
    WorldOptions options;
    options.gateway.asks_clients = true;
    World world(options);
    ClientSetup setup;
    setup.tls.mtu = 256;
    setup.tls.identity = sl_test::make_identity("RSA", "client", &world.gateway.authority, false,
                                                86400, sl_test::many_names("DNS:client.test", 260));
    ASSERT_GT(sl_test::der_len(setup.tls.identity->certificate), 16000u);
    unsigned lost = 0, pieces = 0;
    world.loses = [&](bool to_gateway, const Bytes &frame) {
        const size_t at = 14 + 20 + 8;
        if (!to_gateway || frame.size() < at + 25 || frame[at] != SL_CONTENT_HANDSHAKE ||
            frame[at + 4] != 0 || frame[at + 13] != SL_HANDSHAKE_CERTIFICATE)
            return false;
        pieces++;
        const bool is_first = frame[at + 19] == 0 && frame[at + 20] == 0 && frame[at + 21] == 0;
        return is_first && lost++ < 2;
    };
    EXPECT_TRUE(world.connect(world.add_client(setup))) << world.clients[0]->dtls().error();
    EXPECT_EQ(lost, 3u);
    EXPECT_GT(pieces, 3 * 60u);
    EXPECT_EQ(world.gateway.drops(SL_DROP_HANDSHAKE_RECORDS), 0u);
    EXPECT_EQ(world.gateway.handshakes(SL_HANDSHAKE_FRAGMENT_LIMIT), 0u);
    EXPECT_EQ(world.gateway.handshakes(SL_HANDSHAKE_AHEAD_LIMIT), 0u);
}

// A client that gives an attempt up and begins another one takes the first one's HelloVerifyRequest
// for its own: libssl looks at nothing but the number. So does one whose cookie has become too old.
TEST(Handshakes, GoOnWithACookieThatWasForAnotherAttempt)
{
    for (bool resumes : {false, true}) {
        World world;
        ClientSetup setup;
        setup.resumes = resumes;
        Client &client = world.add_client(setup);
        if (resumes) {
            ASSERT_TRUE(world.connect(client));
        }
        const uint64_t asked = world.gateway.events(SL_COUNTER_HELLO_VERIFY);
        const auto is_asked = [&] { return world.gateway.events(SL_COUNTER_HELLO_VERIFY) > asked; };
        if (resumes)
            world.restart(client);
        else
            world.start(client);
        ASSERT_TRUE(world.run_until(is_asked)); /* the answer is under way */
        world.restart(client);
        EXPECT_TRUE(world.run_until([&] { return client.is_connected(); }, 500))
            << client.dtls().error();
        EXPECT_EQ(world.gateway.events(SL_COUNTER_HELLO_VERIFY), asked + 3);
        EXPECT_TRUE(world.can_talk(client));
    }
}

TEST(Handshakes, OfClientsWithoutAnAeadLeadToSessionsThatLibsslKeeps)
{
    WorldOptions options;
    options.network = {0.1, 0.05, 0.05, 10, 30};
    options.gateway.legacy_sessions_max = 64;
    World world(options);
    for (unsigned id = 0; id < 60; id++) {
        ClientSetup setup = setup_of(id);
        if (id % 2 == 0)
            setup.tls.suites = "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA";
        world.start(world.add_client(setup));
    }
    EXPECT_TRUE(world.run_until([&] { return all_connected(world); }));
    EXPECT_EQ(world.gateway.handshakes(SL_HANDSHAKE_LEGACY), 30u);
    for (auto &client : world.clients)
        EXPECT_TRUE(world.can_talk(*client)) << client->id;
    EXPECT_GT(world.gateway.events(SL_COUNTER_LEGACY_DELIVERED), 29u);
    world.network.set_conditions({});
    EXPECT_EQ(world.gateway.totals().forged_most, 0u);
    const Bytes forged = plaintext_record(SL_CONTENT_APPLICATION_DATA, 1, 99, Bytes(64, 7));
    world.inject(world.clients[2]->frame_of(forged), 0);
    EXPECT_TRUE(world.run_until([&] { return world.gateway.totals().forged_most == 1; }, 1000))
        << "their worker hears of forged records";
    for (unsigned id = 0; id < 60; id += 2)
        world.close(*world.clients[id]);
    EXPECT_TRUE(world.run_until([&] { return world.observer.open_sessions() == 30; }, 10000));
}
