// One session of the load generator's and the next: what ends one, and what another begins with.
#include <gtest/gtest.h>

#include "load_world.h"
#include "virtual_time.h"

using namespace sl_sim;
using sl_test::ns_per_ms;

// The alert is taken out of a burst that has the client's data behind it: that is no session's.
TEST(LoadSession, DataBehindTheAlertThatEndsItsSessionIsNobodys)
{
    LoadOptions options;
    options.scenario.clients = 1;
    options.scenario.data_rate = 100;
    LoadWorld world(options);
    world.order(SL_LOAD_CONNECT);
    ASSERT_TRUE(world.run_until_done());
    world.run_for(100);
    std::vector<Bytes> held; // of what the gateway sends
    world.loses = [&](bool to_gateway, const Bytes &frame) {
        if (!to_gateway)
            held.push_back(frame);
        return !to_gateway;
    };
    world.order(SL_LOAD_RUN);
    ASSERT_TRUE(world.run_until([&] { return !held.empty(); }, 100));
    world.gateway.stop();
    world.run_for(5);
    ASSERT_EQ(held.size(), 2u) << "an echo, and a close_notify";
    world.deliver({held[1], held[0]});
    EXPECT_EQ(world.count(SL_LOAD_SESSIONS_CLOSED), 1u);
    EXPECT_EQ(world.stats().drops[SL_DROP_CLOSING], 1u);
    EXPECT_EQ(world.count(SL_LOAD_LOST), world.count(SL_LOAD_SENT));
    EXPECT_EQ(world.count(SL_LOAD_ECHOED) + world.count(SL_LOAD_STRAY), 0u);
    EXPECT_EQ(world.check_equation(), "");
}

TEST(LoadSession, IsResumedByItsOwnClientAndByNoOther)
{
    constexpr unsigned clients = 10;
    LoadOptions options;
    options.scenario.clients = clients;
    options.scenario.connects_in_flight = 1; // each would find the session of the one before
    options.scenario.connect_rate = 100;
    options.scenario.is_storm = options.scenario.resumes = true;
    LoadWorld world(options);
    world.order(SL_LOAD_CONNECT);
    ASSERT_TRUE(world.run_until_done());
    world.order(SL_LOAD_RUN);
    world.run_for(2000);
    world.order(SL_LOAD_DRAIN);
    ASSERT_TRUE(world.run_until_done());
    world.run_for(100);
    const uint64_t completed = world.count(SL_LOAD_HANDSHAKES_COMPLETED);
    EXPECT_GT(completed, 2 * clients);
    EXPECT_EQ(world.count(SL_LOAD_HANDSHAKES_RESUMED), completed - clients)
        << "all but each client's first";
    EXPECT_EQ(world.gateway.handshakes(SL_HANDSHAKE_RESUMED), completed - clients);
}
