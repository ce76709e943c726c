// When the load generator sends, and from when it counts: from the time that was meant, always.

#include <gtest/gtest.h>

#include "load_world.h"
#include "virtual_time.h"

using namespace sl_sim;
using sl_test::ns_per_ms;

TEST(LoadTime, CountsFromWhenAMessageWasMeantToBeSent)
{
    LoadOptions options;
    options.scenario.clients = 1;
    options.scenario.data_rate = 1000;
    options.scenario.late_after_ns = 10000 * ns_per_ms;
    LoadWorld world(options);
    world.order(SL_LOAD_CONNECT);
    ASSERT_TRUE(world.run_until_done());
    world.order(SL_LOAD_RUN);
    world.run_for(100);
    sl_test::set_now(sl_test::now_ns() + 1000 * ns_per_ms); /* nobody has called it for a second */
    world.run_for(100);
    world.order(SL_LOAD_DRAIN);
    ASSERT_TRUE(world.run_until_done());
    const sl_load_stats stats = world.stats();
    EXPECT_NEAR((double)stats.counters[SL_LOAD_SENT], 1200, 2);
    EXPECT_NEAR((double)sl_histogram_max_ns(&stats.latency), 1020e6, 5e6);
    EXPECT_NEAR((double)sl_histogram_max_ns(&stats.pacing), 1000e6, 5e6);
    EXPECT_NEAR((double)sl_histogram_quantile_ns(&stats.latency, 0.5), 400e6, 100e6);
}

TEST(LoadTime, CountsWhatWasDueAndNotSentWhenItsTimeEnded)
{
    LoadOptions options;
    options.scenario.data_rate = 1000;
    LoadWorld world(options);
    world.order(SL_LOAD_CONNECT);
    ASSERT_TRUE(world.run_until_done());
    world.order(SL_LOAD_RUN);
    world.run_for(100);
    EXPECT_EQ(world.count(SL_LOAD_UNSENT), 0u);
    sl_test::set_now(sl_test::now_ns() + 1000 * ns_per_ms); /* nobody has called it for a second */
    sl_load_order_rate(world.engines[0], 2000);
    world.run_for(100);
    EXPECT_NEAR((double)world.count(SL_LOAD_SENT), 300, 3) << "what was due is forgotten";
    EXPECT_NEAR((double)world.count(SL_LOAD_UNSENT), 1000, 2);
    const sl_load_stats stats = world.stats();
    EXPECT_LT(sl_histogram_max_ns(&stats.pacing), 10 * ns_per_ms);
    sl_test::set_now(sl_test::now_ns() + 1000 * ns_per_ms);
    world.order(SL_LOAD_DRAIN);
    ASSERT_TRUE(world.run_until_done());
    EXPECT_NEAR((double)world.count(SL_LOAD_SENT), 300, 3);
    EXPECT_NEAR((double)world.count(SL_LOAD_UNSENT), 3000, 4);
}

TEST(LoadTime, CountsFromWhenAHandshakeWasMeantToBegin)
{
    LoadOptions options;
    options.scenario.clients = 3;
    options.scenario.connect_rate = 10;
    LoadWorld world(options);
    world.order(SL_LOAD_CONNECT);
    world.run_for(50);
    sl_test::set_now(sl_test::now_ns() + 1000 * ns_per_ms); /* nobody has called it for a second */
    ASSERT_TRUE(world.run_until_done());
    const sl_load_stats stats = world.stats();
    EXPECT_EQ(sl_histogram_count(&stats.handshake), 3u);
    EXPECT_GT(sl_histogram_max_ns(&stats.handshake), 950 * ns_per_ms);
    EXPECT_GT(sl_histogram_quantile_ns(&stats.handshake, 0.6), 850 * ns_per_ms);
}

TEST(LoadTime, BeginsHandshakesAtTheRateOfItsRamp)
{
    LoadOptions options;
    options.scenario.clients = 100;
    options.scenario.connect_rate = 200;
    options.scenario.connects_in_flight = 100;
    LoadWorld world(options);
    world.order(SL_LOAD_CONNECT);
    world.run_for(250);
    EXPECT_NEAR((double)world.count(SL_LOAD_HANDSHAKES_BEGUN), 50, 1);
    ASSERT_TRUE(world.run_until_done());
    EXPECT_EQ(world.count(SL_LOAD_HANDSHAKES_COMPLETED), 100u);
}

TEST(LoadTime, IsSilentWhileAllSleepAndTalksWhenTheyWake)
{
    LoadOptions options;
    options.scenario.active_ns = 200 * ns_per_ms;
    options.scenario.idle_ns = 300 * ns_per_ms;
    LoadWorld world(options);
    world.order(SL_LOAD_CONNECT);
    ASSERT_TRUE(world.run_until_done());
    world.order(SL_LOAD_RUN);
    world.run_for(200);
    const uint64_t talked = world.count(SL_LOAD_SENT);
    EXPECT_NEAR((double)talked, 400, 12);
    world.run_for(290);
    EXPECT_EQ(world.count(SL_LOAD_SENT), talked);
    world.run_for(210);
    EXPECT_NEAR((double)world.count(SL_LOAD_SENT), 800, 24);
}

TEST(LoadTime, LosesNothingWhereFewClientsSendForMany)
{
    LoadOptions options;
    options.scenario.clients = options.scenario.connects_in_flight = 200;
    options.scenario.data_rate = 20000;
    options.handshake_timeout_ms = 1000;
    LoadWorld world(options);
    world.loses = [](bool to_gateway, const Bytes &frame) { /* all but the first one's */
                                                            return to_gateway &&
                                                                   (frame[34] << 8 | frame[35]) !=
                                                                       20000;
    };
    world.order(SL_LOAD_CONNECT);
    ASSERT_TRUE(world.run_until_done());
    EXPECT_EQ(world.stats().established, 1u);
    world.order(SL_LOAD_RUN);
    world.run_for(200);
    world.order(SL_LOAD_DRAIN);
    ASSERT_TRUE(world.run_until_done());
    EXPECT_NEAR((double)world.count(SL_LOAD_SENT), 4000, 4);
    EXPECT_EQ(world.count(SL_LOAD_SENT), world.count(SL_LOAD_ECHOED));
    EXPECT_EQ(world.count(SL_LOAD_LOST) + world.count(SL_LOAD_STRAY), 0u);
}
