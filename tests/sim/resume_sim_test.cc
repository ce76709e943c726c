/* Clients that come back with a session ticket, RFC 5077. */
#include <gtest/gtest.h>

#include "clients.h"

using namespace sl_sim;

namespace
{

ClientSetup resuming(unsigned id)
{
    ClientSetup setup = setup_of(id);
    setup.resumes = true;
    return setup;
}

} // namespace

class BadNetworkAgain : public testing::TestWithParam<uint64_t>
{
};

TEST_P(BadNetworkAgain, EverybodyResumesWhereAFifthIsLostDoubledAndReordered)
{
    WorldOptions options;
    options.network = {0.2, 0.05, 0.05, 10, 30};
    options.seed = GetParam();
    World world(options);
    const unsigned count = 60;
    for (unsigned id = 0; id < count; id++)
        world.start(world.add_client(resuming(id)));
    ASSERT_TRUE(world.run_until([&] { return all_connected(world); }));
    ASSERT_TRUE(world.run_until([&] { return world.observer.open_sessions() == count; }, 60000));
    for (auto &client : world.clients) {
        if (client->id % 2 == 0) /* to another worker, and another handshaker */
            world.move(*client, 1);
        world.restart(*client);
    }
    EXPECT_TRUE(world.run_until([&] { return all_connected(world); }));
    for (auto &client : world.clients) {
        EXPECT_TRUE(client->dtls().is_resumed()) << client->id << client->dtls().error();
        EXPECT_TRUE(world.can_talk(*client)) << client->id;
    }
    EXPECT_EQ(world.gateway.handshakes(SL_HANDSHAKE_RESUMED), count);
    EXPECT_EQ(world.gateway.handshakes(SL_HANDSHAKE_TICKET_DECLINED), 0u);
    EXPECT_EQ(world.gateway.drops(SL_DROP_AUTH), 0u);
    EXPECT_TRUE(world.run_until([&] { return world.gateway.totals().half_open == 0; }, 130000));
    EXPECT_EQ(world.gateway.handshakes_in_progress(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, BadNetworkAgain, testing::Range<uint64_t>(1, last_seed(5, 60)));

TEST(Resumption, TakesTwoRoundTripsOnAGoodNetwork)
{
    WorldOptions options;
    options.random_queues = false;
    World world(options);
    const unsigned count = 20;
    for (unsigned id = 0; id < count; id++) {
        ClientSetup setup = resuming(id);
        setup.tls.mtu = 1400; /* a ClientHello in one piece */
        world.start(world.add_client(setup));
    }
    ASSERT_TRUE(world.run_until([&] { return all_connected(world); }, 500));
    world.run_for(100);
    for (auto &client : world.clients)
        world.restart(*client);
    EXPECT_TRUE(world.run_until([&] { return all_connected(world); }, 45))
        << "the cookie and the flights, 10 ms each way";
    world.run_for(20); /* until their Finished have come */
    for (auto &client : world.clients)
        EXPECT_TRUE(world.can_talk(*client)) << client->id;
    EXPECT_EQ(world.gateway.handshakes(SL_HANDSHAKE_RESUMED), count);
    EXPECT_EQ(world.gateway.handshakes(SL_HANDSHAKE_RETRANSMITTED), 0u);
    sl_counters totals = world.gateway.totals();
    for (unsigned i = 1; i < SL_DROP_COUNT; i++)
        EXPECT_EQ(totals.drops[i], 0u) << sl_drop_name((sl_drop)i);
}

TEST(Resumption, TellsTheConsumerWhoItIsEachTime)
{
    WorldOptions options;
    options.gateway.asks_clients = true;
    World world(options);
    ClientSetup setup = with_cid();
    setup.resumes = true;
    setup.tls.identity = sl_test::make_identity("EC", "the client", &world.gateway.authority);
    Client &client = world.add_client(setup);
    ASSERT_TRUE(world.connect(client));
    sl_identity first = world.observer.identity_of(client.id, client.generation);
    EXPECT_STREQ(first.subject, "CN=the client");
    world.restart(client);
    ASSERT_TRUE(world.run_until([&] { return client.is_connected(); }, 1000));
    ASSERT_TRUE(world.can_talk(client));
    EXPECT_TRUE(client.dtls().is_resumed());
    sl_identity again = world.observer.identity_of(client.id, client.generation);
    EXPECT_EQ(again.method, SL_IDENTITY_CERTIFICATE);
    EXPECT_STREQ(again.subject, first.subject);
    EXPECT_EQ(memcmp(again.public_key_sha256, first.public_key_sha256, 32), 0);
    EXPECT_EQ(memcmp(again.certificate_sha256, first.certificate_sha256, 32), 0);
}
