#include <gtest/gtest.h>

#include "clients.h"
#include "load_world.h"
#include "virtual_time.h"

using namespace sl_sim;
using sl_test::ns_per_ms;

namespace
{

/** The books must be those of the network, whatever it did. */
struct Expected {
    uint64_t echoed = 0, late = 0, lost = 0;
};

Expected expected_of(const LoadWorld &world, uint64_t late_after_ns)
{
    Expected expected;
    for (const Fate &fate : world.fates) {
        if (!fate.is_echoed)
            expected.lost++;
        else if (fate.back_ns - fate.sent_ns > late_after_ns)
            expected.late++;
        else
            expected.echoed++;
    }
    return expected;
}

/** A whole run with data for a second. */
void run(LoadWorld &world, uint64_t run_ms = 1000)
{
    world.order(SL_LOAD_CONNECT);
    ASSERT_TRUE(world.run_until_done());
    world.run_for(500); /* what handshakes still have under way */
    world.watch_messages();
    world.order(SL_LOAD_RUN);
    world.run_for(run_ms);
    world.order(SL_LOAD_DRAIN);
    ASSERT_TRUE(world.run_until_done());
}

} // namespace

class LossyLink : public testing::TestWithParam<uint64_t>
{
};

TEST_P(LossyLink, EveryMessageIsEchoedLateOrLostAsTheNetworkHadIt)
{
    LoadOptions options;
    options.seed = GetParam();
    options.network = {0.05, 0.03, 0.2, 10, 30};
    options.engines = 1 + GetParam() % 2;
    options.scenario.late_after_ns = 45 * ns_per_ms;
    LoadWorld world(options);
    run(world);
    const Expected expected = expected_of(world, options.scenario.late_after_ns);
    EXPECT_EQ(world.count(SL_LOAD_HANDSHAKES_COMPLETED), 20u);
    EXPECT_NEAR((double)world.count(SL_LOAD_SENT), 2000, 2);
    EXPECT_EQ(world.count(SL_LOAD_SENT), world.fates.size());
    EXPECT_EQ(world.count(SL_LOAD_ECHOED), expected.echoed);
    EXPECT_EQ(world.count(SL_LOAD_LATE), expected.late);
    EXPECT_EQ(world.count(SL_LOAD_LOST), expected.lost);
    EXPECT_EQ(world.count(SL_LOAD_OVERDUE), expected.late + expected.lost);
    EXPECT_GT(expected.late, 20u);
    EXPECT_GT(expected.lost, 100u);
    EXPECT_GT(world.count(SL_LOAD_REORDERED), 50u);
    EXPECT_EQ(world.count(SL_LOAD_CORRUPT) + world.count(SL_LOAD_STRAY), 0u);
    EXPECT_EQ(world.count(SL_LOAD_HANDED_OVER) > 0, options.engines > 1);
    EXPECT_LE(world.count(SL_LOAD_RX_FRAMES), world.count(SL_LOAD_RX_RECORDS)) << "each once";
    EXPECT_EQ(world.check_equation(), "");
}

INSTANTIATE_TEST_SUITE_P(Seeds, LossyLink, testing::Range<uint64_t>(1, last_seed(9, 100)));

TEST(Load, LosesNothingOnAGoodLinkAndSaysHowLongItTook)
{
    LoadOptions options;
    LoadWorld world(options);
    run(world);
    const sl_load_stats stats = world.stats();
    EXPECT_EQ(stats.counters[SL_LOAD_SENT], stats.counters[SL_LOAD_ECHOED]);
    EXPECT_EQ(sl_histogram_min_ns(&stats.latency), 20 * ns_per_ms);
    EXPECT_EQ(sl_histogram_max_ns(&stats.latency), 20 * ns_per_ms);
    EXPECT_EQ(sl_histogram_count(&stats.handshake), 20u);
    EXPECT_EQ(stats.established, 20u);
    EXPECT_EQ(stats.counters[SL_LOAD_HANDSHAKES_WITH_CID], 20u);
    world.order(SL_LOAD_CLOSE);
    EXPECT_TRUE(world.run_until_done());
    world.run_for(100);
    EXPECT_EQ(world.gateway.totals().sessions, 0u);
    EXPECT_EQ(world.count(SL_LOAD_SESSIONS_ENDED), 20u);
    EXPECT_EQ(world.stats().established, 0u);
    for (unsigned drop = 1; drop < SL_DROP_COUNT; drop++) /* but the gateway's close_notify */
        EXPECT_EQ(world.stats().drops[drop], drop == SL_DROP_CLOSING ? 20u : 0u)
            << sl_drop_name((sl_drop)drop);
}

TEST(Load, SendsAStormOfHandshakesAndKeepsNoSession)
{
    LoadOptions options;
    options.scenario.clients = 100;
    options.scenario.connect_rate = 300;
    options.scenario.connects_in_flight = 100;
    options.scenario.is_storm = true;
    options.scenario.data_rate = 0;
    LoadWorld world(options);
    world.order(SL_LOAD_CONNECT);
    ASSERT_TRUE(world.run_until_done());
    world.order(SL_LOAD_RUN);
    world.run_for(2000);
    world.order(SL_LOAD_DRAIN);
    ASSERT_TRUE(world.run_until_done());
    EXPECT_NEAR((double)world.count(SL_LOAD_HANDSHAKES_BEGUN), 600, 2);
    EXPECT_EQ(world.count(SL_LOAD_HANDSHAKES_COMPLETED), world.count(SL_LOAD_HANDSHAKES_BEGUN));
    EXPECT_EQ(world.count(SL_LOAD_SESSIONS_ENDED), world.count(SL_LOAD_HANDSHAKES_BEGUN));
    world.run_for(100);
    EXPECT_EQ(world.gateway.totals().sessions, 0u);
}

TEST(Load, EndsAndBeginsSessionsWithoutLosingAMessage)
{
    LoadOptions options;
    options.scenario.churn_rate = 50;
    options.scenario.late_after_ns = 200 * ns_per_ms;
    LoadWorld world(options);
    world.order(SL_LOAD_CONNECT);
    ASSERT_TRUE(world.run_until_done());
    world.order(SL_LOAD_RUN);
    world.run_for(2000);
    world.order(SL_LOAD_DRAIN);
    ASSERT_TRUE(world.run_until_done());
    EXPECT_NEAR((double)world.count(SL_LOAD_SESSIONS_ENDED), 100, 3);
    EXPECT_NEAR((double)world.count(SL_LOAD_HANDSHAKES_COMPLETED), 120, 3);
    EXPECT_EQ(world.count(SL_LOAD_SENT), world.count(SL_LOAD_ECHOED));
    EXPECT_EQ(world.check_equation(), "");
}

TEST(Load, GoesOnFromOtherPortsAsNatsMakeClientsDo)
{
    LoadOptions options;
    options.gateway.peer_moves = SL_PEER_MOVES_ACCEPT;
    options.scenario.rebind_rate = 100;
    LoadWorld world(options);
    world.order(SL_LOAD_CONNECT);
    ASSERT_TRUE(world.run_until_done());
    world.order(SL_LOAD_RUN);
    world.run_for(1000);
    world.order(SL_LOAD_DRAIN);
    ASSERT_TRUE(world.run_until_done());
    EXPECT_NEAR((double)world.count(SL_LOAD_REBOUND), 100, 1);
    EXPECT_GT(world.gateway.events(SL_COUNTER_MOVED), 90u);
    EXPECT_EQ(world.count(SL_LOAD_SENT), world.count(SL_LOAD_ECHOED));
}

TEST(Load, AsksForTheNextHopAndTellsAllEnginesOfIt)
{
    LoadOptions options;
    options.knows_next_hop = false;
    options.engines = 3;
    LoadWorld world(options);
    run(world, 100);
    EXPECT_EQ(world.count(SL_LOAD_HANDSHAKES_COMPLETED), 20u);
    EXPECT_EQ(world.count(SL_LOAD_SENT), world.count(SL_LOAD_ECHOED));
    EXPECT_EQ(world.check_equation(), "");
}

TEST(Load, TellsWhenTheNextHopIsNotThere)
{
    LoadOptions options;
    options.knows_next_hop = false;
    LoadWorld world(options);
    world.loses = [](bool to_gateway, const Bytes &) { return to_gateway; };
    world.order(SL_LOAD_CONNECT);
    ASSERT_TRUE(world.run_until_done(5000));
    EXPECT_EQ(world.count(SL_LOAD_HANDSHAKES_BEGUN), 0u);
    ASSERT_EQ(world.failures().size(), 1u);
    EXPECT_NE(std::string(world.failures()[0].text).find("198.18.0.1"), std::string::npos)
        << world.failures()[0].text;
}

TEST(Load, TellsWhenTheServerIsSilent)
{
    LoadOptions options;
    options.handshake_timeout_ms = 5000;
    LoadWorld world(options);
    world.loses = [](bool to_gateway, const Bytes &) { return to_gateway; };
    world.order(SL_LOAD_CONNECT);
    ASSERT_TRUE(world.run_until_done());
    EXPECT_EQ(world.count(SL_LOAD_HANDSHAKES_FAILED), 20u);
    EXPECT_EQ(world.count(SL_LOAD_HANDSHAKES_COMPLETED), 0u);
    ASSERT_EQ(world.failures().size(), 1u);
    EXPECT_EQ(world.failures()[0].count, 20u);
    EXPECT_NE(std::string(world.failures()[0].text).find("no answer"), std::string::npos)
        << world.failures()[0].text;
}

TEST(Load, TellsWhenTheServerEndsASession)
{
    LoadOptions options;
    LoadWorld world(options);
    run(world, 100);
    world.gateway.stop();
    world.run_for(1000);
    EXPECT_EQ(world.count(SL_LOAD_SESSIONS_CLOSED), 20u);
    EXPECT_EQ(world.stats().established, 0u);
    ASSERT_EQ(world.failures().size(), 1u);
    EXPECT_NE(std::string(world.failures()[0].text).find("close_notify"), std::string::npos);
}

TEST(Load, TellsEchoesFromWhatIsNone)
{
    LoadOptions options;
    options.scenario.late_after_ns = 200 * ns_per_ms;
    LoadWorld world(options);
    uint64_t told = 0;
    world.on_data = [&](const Told &data) {
        Bytes payload = data.event.payload;
        const unsigned way = told++ % 4;
        if (way == 1)
            payload[40] ^= 1;
        for (unsigned copies = way == 2 ? 2 : way == 3 ? 0 : 1; copies > 0; copies--)
            EXPECT_TRUE(
                world.gateway.send(data.consumer, SL_RING_SEND, data.event.session, payload));
    };
    run(world);
    const uint64_t sent = world.count(SL_LOAD_SENT);
    EXPECT_EQ(told, sent);
    const uint64_t corrupt = (sent + 2) / 4, doubled = (sent + 1) / 4, lost = sent / 4;
    EXPECT_EQ(world.count(SL_LOAD_CORRUPT), corrupt);
    EXPECT_EQ(world.count(SL_LOAD_DUPLICATES), doubled);
    EXPECT_EQ(world.count(SL_LOAD_LOST), corrupt + lost);
    EXPECT_EQ(world.count(SL_LOAD_ECHOED), sent - corrupt - lost);
    EXPECT_EQ(world.check_equation(), "");
}

TEST(Load, WaitsForNoEchoWhereNoneIsExpected)
{
    LoadOptions options;
    options.scenario.expects_echo = false;
    options.scenario.late_after_ns = 10000 * ns_per_ms;
    LoadWorld world(options);
    uint64_t pushed = 0;
    world.on_data =
        [&](const Told &told) { /* a server that says something now and then */
                                if (told.event.payload[7] % 16 == 0)
                                    pushed += world.gateway.send(told.consumer, SL_RING_SEND,
                                                                 told.event.session, {1, 2, 3});
        };
    world.order(SL_LOAD_CONNECT);
    ASSERT_TRUE(world.run_until_done());
    world.order(SL_LOAD_RUN);
    world.run_for(500);
    const sl_load_stats stats = world.stats();
    EXPECT_EQ(sl_load_outstanding(&stats), 0u);
    world.run_for(100);
    world.order(SL_LOAD_DRAIN);
    EXPECT_TRUE(world.run_until_done(10));
    EXPECT_NEAR((double)world.count(SL_LOAD_SENT), 1200, 3);
    EXPECT_EQ(world.count(SL_LOAD_UNECHOED), world.count(SL_LOAD_SENT));
    EXPECT_EQ(world.count(SL_LOAD_LOST) + world.count(SL_LOAD_CORRUPT), 0u);
    world.run_for(100);
    EXPECT_GT(pushed, 50u);
    EXPECT_EQ(world.count(SL_LOAD_RECEIVED), pushed);
    EXPECT_EQ(world.check_equation(), "");
}

TEST(Load, TakesNoPartOfAnEchoForTheWhole)
{
    LoadOptions options;
    options.scenario.late_after_ns = 200 * ns_per_ms;
    LoadWorld world(options);
    world.on_data = [&](const Told &data) {
        Bytes part = data.event.payload;
        part.pop_back();
        EXPECT_TRUE(world.gateway.send(data.consumer, SL_RING_SEND, data.event.session, part));
    };
    run(world, 200);
    EXPECT_GT(world.count(SL_LOAD_SENT), 0u);
    EXPECT_EQ(world.count(SL_LOAD_CORRUPT), world.count(SL_LOAD_SENT));
    EXPECT_EQ(world.count(SL_LOAD_LOST), world.count(SL_LOAD_SENT));
}

TEST(Load, CountsTheServersEndOfASessionThatIsClosedAsThat)
{
    LoadOptions options;
    options.network = {0, 0, 0, 10, 10};
    options.scenario.offers_cid = false; /* so that what the server sends looks like an alert */
    LoadWorld world(options);
    run(world, 100);
    world.gateway.stop();
    world.run_for(5);
    world.order(SL_LOAD_CLOSE);
    ASSERT_TRUE(world.run_until_done());
    world.run_for(1000);
    EXPECT_EQ(world.stats().drops[SL_DROP_CLOSING], 20u);
    EXPECT_EQ(world.stats().drops[SL_DROP_PLAINTEXT_ALERT], 0u);
    EXPECT_EQ(world.check_equation(), "");
}

TEST(Load, GivesUpWhatIsUnderWayWhenItIsToClose)
{
    LoadOptions options;
    LoadWorld world(options);
    world.loses = [](bool to_gateway, const Bytes &) { return to_gateway; };
    world.order(SL_LOAD_CONNECT);
    world.run_for(100);
    EXPECT_EQ(world.stats().connecting, 8u);
    world.order(SL_LOAD_CLOSE);
    EXPECT_TRUE(world.run_until_done(100));
    EXPECT_EQ(world.count(SL_LOAD_HANDSHAKES_ABANDONED), 8u);
    EXPECT_EQ(world.stats().connecting, 0u);
}

TEST(Load, FloodsBesideGoodTrafficThatDoesNotNotice)
{
    LoadOptions options;
    static const uint8_t nobody[4] = {198, 19, 0, 0};
    options.scenario.false_sources = {sl_ip_from_v4(nobody), 65536, 1024, 60000};
    for (double &rate : options.scenario.flood_rates)
        rate = 3000;
    LoadWorld world(options);
    world.order(SL_LOAD_CONNECT);
    ASSERT_TRUE(world.run_until_done());
    const sl_counters before = world.gateway.totals();
    world.order(SL_LOAD_RUN);
    world.run_for(500);
    world.order(SL_LOAD_DRAIN);
    ASSERT_TRUE(world.run_until_done());
    const sl_load_stats stats = world.stats();
    for (unsigned flood = 0; flood < SL_LOAD_FLOOD_COUNT; flood++)
        EXPECT_NEAR((double)stats.floods[flood], 1500, 60)
            << sl_load_flood_name((sl_load_flood)flood);
    EXPECT_EQ(stats.counters[SL_LOAD_SENT], stats.counters[SL_LOAD_ECHOED]);
    EXPECT_EQ(stats.established, 20u);
    const sl_counters after = world.gateway.totals();
    auto dropped = [&](sl_drop drop) { return after.drops[drop] - before.drops[drop]; };
    auto counted = [&](sl_counter counter) {
        return after.events[counter] - before.events[counter];
    };
    EXPECT_EQ(counted(SL_COUNTER_DELIVERED), stats.counters[SL_LOAD_SENT]);
    EXPECT_GT(counted(SL_COUNTER_HELLO_VERIFY), 1450u);
    EXPECT_GT(dropped(SL_DROP_AUTH), 1450u);
    EXPECT_GT(dropped(SL_DROP_UNKNOWN_CID), 1450u);
    EXPECT_EQ(stats.counters[SL_LOAD_FLOOD_ANSWERS], counted(SL_COUNTER_HELLO_VERIFY));
    EXPECT_GT(stats.counters[SL_LOAD_FLOOD_ANSWER_BYTES], 0u);
    EXPECT_LT(stats.counters[SL_LOAD_FLOOD_ANSWER_BYTES], stats.counters[SL_LOAD_FLOOD_BYTES] / 4);
    EXPECT_EQ(world.check_equation(), "");
    EXPECT_GT(dropped(SL_DROP_REPLAY) + dropped(SL_DROP_REPLAY_OLD), 1450u);
    EXPECT_GT(dropped(SL_DROP_NOT_DTLS), 600u);
    EXPECT_GT(dropped(SL_DROP_TRUNCATED) + dropped(SL_DROP_RECORD_HEADER), 1000u);
    EXPECT_GT(dropped(SL_DROP_IP_FRAGMENT), 600u);
    EXPECT_GT(dropped(SL_DROP_HELLO_FRAGMENT) + dropped(SL_DROP_CLIENT_HELLO), 300u);
    EXPECT_EQ(world.gateway.handshakes_in_progress(), 0u);
}

TEST(Load, FloodsOnlyWhereFalseAddressesDoNoHarm)
{
    const std::pair<sl_ip, bool> cases[] = {
        {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 9, 9, 9}}, true},
        {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 17, 255, 255}}, false},
        {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 18, 0, 0}}, true},
        {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 19, 255, 255}}, true},
        {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 20, 0, 0}}, false},
        {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 77}}, true},
        {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 3, 77}}, false},
        {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100, 1}}, true},
        {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 1}}, true},
        {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1}}, false},
        {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168, 0, 1}}, false},
        {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}, true},
        {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}}, false},
        {{{0x20, 0x01, 0x0d, 0xb8, 1}}, true},
        {{{0x20, 0x01, 0x0d, 0xb9, 1}}, false},
        {{{0x20, 0x01, 0, 0x02, 0, 0, 1}}, true},
        {{{0x20, 0x01, 0, 0x02, 0, 1, 1}}, false},
        {{{0x3f, 0xff, 0x0f, 1}}, true},
        {{{0x3f, 0xff, 0x10, 1}}, false},
        {{{0xfe, 0x80, 1}}, false},
    };
    for (const auto &[ip, may] : cases)
        EXPECT_EQ(sl_load_may_be_flooded(&ip), may)
            << (int)ip.bytes[12] << "." << (int)ip.bytes[13];
    LoadOptions options;
    static const uint8_t private_ip[4] = {10, 0, 0, 1};
    options.scenario.server_ip = sl_ip_from_v4(private_ip);
    options.scenario.flood_rates[SL_LOAD_FLOOD_HELLO] = 1;
    options.scenario.false_sources = options.scenario.sources;
    EXPECT_THROW(LoadWorld world(options), std::runtime_error);
    options = LoadOptions();
    options.scenario.flood_rates[SL_LOAD_FLOOD_HELLO] = 1;
    static const uint8_t low[4] = {198, 19, 255, 0};
    options.scenario.false_sources = {sl_ip_from_v4(low), 256, 1, 1000};
    EXPECT_NO_THROW(LoadWorld world(options));
    options.scenario.false_sources.ip_count = 257; /* the answers would go to somebody */
    EXPECT_THROW(LoadWorld world(options), std::runtime_error);
}
