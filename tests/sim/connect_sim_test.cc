// A gateway in the client's role against another gateway, over networks and years that are not
// kind.
#include <gtest/gtest.h>

#include "pair_world.h"
#include "virtual_time.h"

using namespace sl_sim;

namespace
{

void expect_balanced(const PairWorld &world)
{
    EXPECT_EQ("", PairWorld::check_equation(*world.west));
    if (world.east != nullptr) {
        EXPECT_EQ("", PairWorld::check_equation(*world.east));
    }
}

} // namespace

class ConnectOverLoss : public testing::TestWithParam<uint64_t>
{
};

TEST_P(ConnectOverLoss, ASessionComesUpAndCarriesDataBothWays)
{
    PairOptions options;
    options.seed = GetParam();
    options.network = {0.15, 0.1, 0.2, 10, 60};
    options.west.workers = 1 + GetParam() % 4;
    PairWorld world(options);
    ASSERT_TRUE(world.run_until([&] { return world.is_up(); }));
    ASSERT_TRUE(world.run_until([&] { return world.told_west(SL_RING_OPEN) == 1; }));
    const Bytes message = {'h', 'i', (uint8_t)GetParam()};
    EXPECT_TRUE(world.run_until(
        [&] {
            if (world.network.pick(20) == 0)
                (void)world.say(message);
            return world.echoes_of(message) > 0;
        },
        60000));
    EXPECT_EQ(1u, world.connection().opened);
    EXPECT_EQ(1u, world.west->totals().sessions);
    expect_balanced(world);
}
INSTANTIATE_TEST_SUITE_P(Seeds, ConnectOverLoss, testing::Range<uint64_t>(1, 13));

TEST(ConnectSim, GoesByIPv6WithoutConnectionIdsAndShowsACertificate)
{
    PairOptions options;
    options.east.identity = sl_test::make_identity("EC", "east");
    options.west.identity = sl_test::make_identity("EC", "west");
    options.east.clients.fingerprints = {
        sl_test::fingerprint_of(options.west.identity.certificate)};
    Connect connect;
    connect.name = "east";
    connect.to = gateway_ip(true, 2);
    connect.trust.fingerprints = {sl_test::fingerprint_of(options.east.identity.certificate)};
    connect.offers_cid = false;
    connect.shows_certificate = true;
    options.west.connects = {connect};
    PairWorld world(options);
    ASSERT_TRUE(world.run_until([&] { return world.is_up(); }));
    ASSERT_TRUE(world.say({'x'}));
    EXPECT_TRUE(world.run_until([&] { return world.echoes_of({'x'}) == 1; }));
    EXPECT_EQ(0u, world.west->handshakes(SL_HANDSHAKE_CONNECTION_ID));
    expect_balanced(world);
}

TEST(ConnectSim, AServerThatStopsIsConnectedToAgainWhenItIsBack)
{
    PairOptions options;
    PairWorld world(options);
    ASSERT_TRUE(world.run_until([&] { return world.is_up(); }));
    world.east->stop();
    ASSERT_TRUE(world.run_until([&] { return !world.is_up(); }, 3000));
    EXPECT_TRUE(world.run_until([&] { return world.told_west(SL_RING_CLOSE) == 1; }, 1000));
    world.kill_east();
    world.run_for(10000);
    EXPECT_FALSE(world.is_up());
    world.start_east();
    ASSERT_TRUE(world.run_until([&] { return world.is_up(); }, 45000));
    ASSERT_TRUE(world.run_until([&] { return world.told_west(SL_RING_OPEN) == 2; }, 1000));
    ASSERT_TRUE(world.say({'x'}));
    EXPECT_TRUE(world.run_until([&] { return world.echoes_of({'x'}) == 1; }));
    expect_balanced(world);
}

TEST(ConnectSim, AServerThatDiesWithoutAWordIsFoundOutByItsSilence)
{
    PairOptions options;
    options.west.idle_timeout_ms = 60000;
    PairWorld world(options);
    ASSERT_TRUE(world.run_until([&] { return world.is_up(); }));
    world.kill_east();
    world.start_east();
    const uint64_t opened = world.connection().opened;
    ASSERT_TRUE(world.run_until([&] { return world.connection().opened > opened; }, 120000));
    EXPECT_STREQ("the session was idle too long", world.connection().reason);
    EXPECT_EQ(1u, world.west->totals().sessions);
    expect_balanced(world);
}

TEST(ConnectSim, AServerThatMayNotBeSilentIsFoundOutThoughItsConsumerTalks)
{
    PairOptions options;
    options.east.identity = sl_test::make_identity("EC", "east");
    Connect connect;
    connect.name = "east";
    connect.to = gateway_ip(false, 2);
    connect.silence_ms = 20000;
    connect.trust.fingerprints = {sl_test::fingerprint_of(options.east.identity.certificate)};
    options.west.connects = {connect};
    PairWorld world(options);
    ASSERT_TRUE(world.run_until([&] { return world.is_up(); }));
    auto talk_for = [&](unsigned seconds) {
        for (unsigned i = 0; i < seconds; i++) {
            (void)world.say({'x'});
            world.run_for(1000);
        }
    };
    talk_for(60);
    EXPECT_EQ(1u, world.connection().opened) << "it answers";
    world.kill_east();
    talk_for(15);
    EXPECT_TRUE(world.is_up()) << "it may be slow";
    talk_for(10);
    EXPECT_FALSE(world.is_up());
    world.start_east();
    EXPECT_TRUE(world.run_until([&] { return world.connection().opened == 2; }, 120000));
    expect_balanced(world);
}

TEST(ConnectSim, WhereNobodyIsItTriesRarelyAndIsSoonThereWhenSomebodyComes)
{
    PairOptions options;
    PairWorld world(options);
    world.kill_east();
    world.run_for(3600 * 1000);
    EXPECT_LE(100u, world.connection().attempts)
        << "each takes 2 s and a wait of 15 s at most half";
    EXPECT_GE(400u, world.connection().attempts);
    EXPECT_EQ(0u, world.connection().opened);
    EXPECT_EQ(0u, world.west->handshakes(SL_HANDSHAKE_STARTED)) << "its MAC is not known";
    world.start_east();
    EXPECT_TRUE(world.run_until([&] { return world.is_up(); }, 35000));
    expect_balanced(world);
}

TEST(ConnectSim, AServerThatIsNotTheOneExpectedIsToldSoAndNobodyHearsOfIt)
{
    PairOptions options;
    Connect connect;
    connect.name = "east";
    connect.to = gateway_ip(false, 2);
    connect.trust.fingerprints = {
        sl_test::fingerprint_of(sl_test::make_identity("EC", "somebody else").certificate)};
    options.west.connects = {connect};
    PairWorld world(options);
    ASSERT_TRUE(
        world.run_until([&] { return world.west->handshakes(SL_HANDSHAKE_REFUSED_PEER) > 0; }));
    world.run_for(1000);
    EXPECT_NE(nullptr, strstr(world.connection().reason, "the server's certificate is not trusted"))
        << world.connection().reason;
    EXPECT_EQ(0u, world.connection().opened);
    EXPECT_TRUE(world.heard.empty());
    EXPECT_TRUE(world.heard_east.empty());
    EXPECT_EQ(0u, world.west->totals().sessions + world.east->totals().sessions);
    expect_balanced(world);
}

TEST(ConnectSim, AServerThatRefusesUsIsTriedAgainAndSaysWhy)
{
    PairOptions options;
    options.east.asks_clients = true; /* and west shows none */
    PairWorld world(options);
    ASSERT_TRUE(world.run_until([&] { return world.connection().attempts >= 3; }, 300000));
    EXPECT_NE(nullptr, strstr(world.connection().reason, "the server answered alert"))
        << world.connection().reason;
    EXPECT_TRUE(world.heard.empty());
    EXPECT_EQ(0u, world.connection().opened);
    expect_balanced(world);
}

TEST(ConnectSim, AServerThatBeginsToAnswerAndDoesNotFinishIsGivenUpInTime)
{
    PairOptions options;
    options.east.identity = sl_test::make_identity("EC", "east");
    Connect connect;
    connect.name = "east";
    connect.to = gateway_ip(false, 2);
    connect.trust.fingerprints = {sl_test::fingerprint_of(options.east.identity.certificate)};
    connect.handshake_timeout_ms = 3000;
    options.west.connects = {connect};
    PairWorld world(options);
    ASSERT_TRUE(
        world.run_until([&] { return world.connection().state == SL_CONNECTION_CONNECTING; }));
    world.run_for(25); /* the HelloVerifyRequest is on its way */
    world.kill_east();
    ASSERT_TRUE(
        world.run_until([&] { return world.connection().state == SL_CONNECTION_WAITING; }, 3500));
    EXPECT_STREQ("the server began to answer, and did not finish the handshake in 3 s",
                 world.connection().reason);
    expect_balanced(world);
}

TEST(ConnectSim, SixteenConnectionsComeUpSpreadOverTheWorkers)
{
    PairOptions options;
    options.network = {0.05, 0.05, 0.2, 10, 30};
    options.east.identity = sl_test::make_identity("EC", "east");
    for (unsigned i = 0; i < 16; i++) {
        Connect connect;
        connect.name = "east" + std::to_string(i);
        connect.to = gateway_ip(i % 2 == 1, 2);
        connect.trust.fingerprints = {sl_test::fingerprint_of(options.east.identity.certificate)};
        options.west.connects.push_back(connect);
    }
    PairWorld world(options);
    EXPECT_TRUE(world.run_until([&] { return world.west->totals().sessions == 16; }));
    std::set<uint16_t> ports;
    for (const sl_connection_info &info : world.west->connections())
        ports.insert(info.tuple.local_port);
    EXPECT_EQ(16u, ports.size());
    for (unsigned w = 0; w < world.west->worker_count(); w++)
        EXPECT_LE(5u, world.west->counters(w).sessions);
    expect_balanced(world);
}

TEST(ConnectSim, ItsHandshakesHaveRoomOfTheirOwnBesideThoseOfStrangers)
{
    PairOptions options;
    options.west.handshakes_max = 1;
    options.west.handshakers = 1;
    options.east.identity = sl_test::make_identity("EC", "east");
    for (unsigned i = 0; i < 4; i++) {
        Connect connect;
        connect.name = "east" + std::to_string(i);
        connect.to = gateway_ip(false, 2);
        connect.trust.fingerprints = {sl_test::fingerprint_of(options.east.identity.certificate)};
        options.west.connects.push_back(connect);
    }
    PairWorld world(options);
    EXPECT_TRUE(world.run_until([&] { return world.west->totals().sessions == 4; }));
    EXPECT_EQ(0u, world.west->handshakes(SL_HANDSHAKE_OVERFLOW));
    expect_balanced(world);
}

TEST(ConnectSim, ItsHandshakesThatHangTakeNoRoomFromThoseOfStrangers)
{
    PairOptions options;
    options.connects = false;
    options.west.handshakes_max = 1;
    options.west.handshakers = 1;
    options.west.workers = 1;
    options.west.identity = sl_test::make_identity("EC", "west");
    for (unsigned i = 0; i < 2; i++) {
        Connect dead;
        dead.name = "dead" + std::to_string(i);
        dead.to = gateway_ip(false, 2);
        dead.port = 9; /* nobody listens there */
        dead.trust.fingerprints = {sl_test::fingerprint_of(options.west.identity.certificate)};
        options.west.connects.push_back(dead);
    }
    Connect stranger;
    stranger.name = "west";
    stranger.to = gateway_ip(false, 1);
    stranger.trust = options.west.connects[0].trust;
    options.east.connects = {stranger};
    PairWorld world(options);
    EXPECT_TRUE(world.run_until([&] { return world.west->totals().sessions == 1; }, 8000));
    EXPECT_EQ(0u, world.west->handshakes(SL_HANDSHAKE_OVERFLOW));
    EXPECT_EQ(3u, world.west->handshakes(SL_HANDSHAKE_STARTED));
    expect_balanced(world);
}

TEST(ConnectSim, StrangersGetNothingFromItsPortsNorDisturbIt)
{
    PairOptions options;
    PairWorld world(options);
    ASSERT_TRUE(world.run_until([&] { return world.is_up(); }));
    const uint16_t port = world.connection().tuple.local_port;
    for (unsigned i = 0; i < 300; i++) {
        sl_path path = sluice::WorkerBench::ClientPath(i % 7);
        path.tuple.local_port = (uint16_t)(i % 2 == 0 ? port : 50000 + i);
        if (i % 3 == 0) { /* as if it were the server */
            path.tuple.remote_ip = gateway_ip(false, 2);
            path.tuple.remote_port = service_port;
        }
        Bytes payload = sluice::WorkerBench::ClientHello({});
        if (i % 5 == 0)
            payload = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40}; /* fatal alert */
        Bytes frame = sluice::WorkerBench::UdpFrame(path, payload);
        memcpy(frame.data(), gateway_mac, 6);
        frame[4] = 0;
        world.inject(frame);
    }
    EXPECT_TRUE(world.answers.empty());
    EXPECT_EQ(0u, world.west->events(SL_COUNTER_HELLO_VERIFY));
    EXPECT_EQ(0u, world.west->totals().half_open);
    ASSERT_TRUE(world.say({'x'}));
    EXPECT_TRUE(world.run_until([&] { return world.echoes_of({'x'}) == 1; }));
    EXPECT_EQ(1u, world.connection().opened);
    expect_balanced(world);
}

TEST_P(ConnectOverLoss, ASessionIsReplacedWithoutAGapInWhatTheConsumerCanSay)
{
    PairOptions options;
    options.seed = GetParam();
    options.network = {0.1, 0.1, 0.2, 10, 60};
    PairWorld world(options);
    ASSERT_TRUE(world.run_until([&] { return world.told_west(SL_RING_OPEN) == 1; }));
    for (unsigned round = 2; round < 5; round++) {
        const Told first = world.last_open();
        world.west->use_up(first.event.session, sl_test::now_ns());
        ASSERT_TRUE(world.run_until([&] { return world.told_west(SL_RING_OPEN) == round; }));
        const Told second = world.last_open();
        EXPECT_EQ(first.consumer, second.consumer);
        EXPECT_EQ(first.worker, second.worker) << "so its ring has both in order";
        EXPECT_EQ(first.event.session, ((const sl_opened *)second.event.payload.data())->replaces);
        EXPECT_EQ(round - 2, world.told_west(SL_RING_CLOSE)) << "both are open for a while";
        EXPECT_EQ(2u, world.west->totals().sessions);
        /* What was said on the old one just before still comes back. */
        const Bytes on_old = {1, (uint8_t)round}, on_new = {2, (uint8_t)round};
        for (unsigned i = 0; i < 12; i++) {
            world.west->send(first.consumer, SL_RING_SEND, first.event.session, on_old);
            world.west->send(second.consumer, SL_RING_SEND, second.event.session, on_new);
            world.run_for(50);
        }
        EXPECT_LT(0u, world.echoes_of(on_old));
        EXPECT_LT(0u, world.echoes_of(on_new));
        ASSERT_TRUE(world.run_until([&] { return world.told_west(SL_RING_CLOSE) == round - 1; }));
        EXPECT_EQ(SL_CLOSE_REPLACED, world.last_close().event.detail);
        EXPECT_EQ(first.event.session, world.last_close().event.session);
        EXPECT_TRUE(world.is_up());
    }
    EXPECT_EQ(4u, world.connection().opened);
    EXPECT_TRUE(world.run_until([&] { return world.west->totals().sessions == 1; }, 1000));
    expect_balanced(world);
}

TEST_P(ConnectOverLoss, WhoAsksGetsASessionOfItsOwnOrTheReasonWhyNot)
{
    PairOptions options;
    options.seed = GetParam();
    options.network = {0.1, 0.1, 0.2, 10, 60};
    options.east.identity = sl_test::make_identity("EC", "east");
    for (unsigned i = 0; i < 2; i++) {
        Connect connect;
        connect.name = i == 0 ? "east" : "nowhere";
        connect.to = gateway_ip(false, (uint8_t)(2 + i));
        connect.trust.fingerprints = {sl_test::fingerprint_of(options.east.identity.certificate)};
        connect.on_demand = true;
        options.west.connects.push_back(connect);
    }
    PairWorld world(options);
    world.run_for(5000);
    EXPECT_EQ(0u, world.west->handshakes(SL_HANDSHAKE_STARTED)) << "nobody has asked";
    ASSERT_EQ(0, world.west->request(0, "east", 7));
    ASSERT_EQ(0, world.west->request(1, "east", 8));
    ASSERT_EQ(0, world.west->request(1, "nowhere", 9));
    ASSERT_TRUE(world.run_until([&] {
        return world.told_west(SL_RING_OPEN) == 2 && world.told_west(SL_RING_FAILED) == 1;
    }));
    for (const Told &told : world.heard) {
        if (told.event.kind == SL_RING_OPEN) {
            EXPECT_EQ(7 + told.consumer, ((const sl_opened *)told.event.payload.data())->request);
        } else if (told.event.kind == SL_RING_FAILED) {
            const auto *failed = (const sl_ring_failed *)told.event.payload.data();
            EXPECT_EQ(1u, told.consumer);
            EXPECT_EQ(9u, failed->request);
            EXPECT_NE(nullptr, strstr(failed->reason, "198.18.0.3 does not answer"));
        }
    }
    ASSERT_TRUE(world.say({'x'}));
    world.east->stop();
    ASSERT_TRUE(world.run_until([&] { return world.west->totals().sessions == 0; }, 700000));
    world.run_for(60000);
    EXPECT_EQ(2u, world.told_west(SL_RING_OPEN)) << "nobody has asked for another one";
    expect_balanced(world);
}
