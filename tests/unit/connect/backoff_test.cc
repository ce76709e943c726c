// When an entry is tried again.
#include "connector_lab.h"

#include <set>

using namespace sluice;

TEST(Connector, AfterAFailureItTriesAgainWithinASpanThatDoublesUpToItsLimit)
{
    // Full jitter: any part of the span, so the mean of many is half of it.
    constexpr unsigned runs = 400;
    double sums[9] = {};
    const double spans[9] = {1, 2, 4, 8, 16, 30, 30, 30, 30};
    for (unsigned run = 0; run < runs; run++) {
        Lab lab(1, 1, run);
        lab.start();
        lab.found(lab.take()[0].attempt, false);
        for (unsigned i = 0; i < 9; i++) {
            EXPECT_EQ(SL_CONNECTION_WAITING, lab.info().state);
            const double wait = (double)(lab.info().next_ns - lab.now) / (double)s;
            EXPECT_GE(spans[i], wait);
            sums[i] += wait / spans[i];
            if (lab.info().next_ns > lab.now) {
                const uint64_t rest = lab.info().next_ns - lab.now;
                lab.poll(rest - 1);
                EXPECT_TRUE(lab.sent.empty()) << "not before its time";
            }
            lab.found(lab.next_attempt(), false);
        }
    }
    for (double sum : sums)
        EXPECT_NEAR(0.5, sum / runs, 0.06);
}

TEST(Connector, TwoGatewaysDoNotWaitAlike)
{
    std::set<uint64_t> waits;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        Lab lab(1, 1, seed);
        lab.start();
        lab.found(lab.take()[0].attempt, false);
        waits.insert(lab.info().next_ns);
    }
    EXPECT_EQ(20U, waits.size());
}

TEST(Connector, ASessionThatStayedUpForAMinuteWasNoFailure)
{
    Lab lab;
    lab.start();
    lab.take();
    lab.found(1, false);
    for (unsigned i = 0; i < 6; i++)
        lab.found(lab.next_attempt(), false);
    const uint32_t attempt = lab.connect();
    lab.up(attempt);
    lab.now += 60 * s;
    lab.down(attempt);
    EXPECT_GE(lab.now + 1 * s, lab.info().next_ns);
    EXPECT_STREQ("the server closed the session", lab.info().reason);
}

TEST(Connector, AServerThatClosesEachSessionAtOnceIsAFailureEachTime)
{
    Lab lab;
    lab.start();
    const uint64_t began = lab.now;
    lab.found(lab.take()[0].attempt, false);
    unsigned sessions = 0;
    while (lab.now < began + 3600 * s) {
        const uint32_t attempt = lab.connect();
        lab.up(attempt);
        lab.down(attempt);
        sessions++;
    }
    EXPECT_GT(350U, sessions) << "a session every 15 s in the mean";
    EXPECT_EQ(sessions, lab.info().opened);
}

TEST(Connector, AnEntryThatWaitsIsTriedAtOnceByItsName)
{
    Lab lab(2);
    lab.start();
    for (const Sent &sent : lab.take())
        lab.found(sent.attempt, false);
    EXPECT_EQ(SL_RECONNECT_UNKNOWN, sl_connector_reconnect(lab.connector, "nobody", lab.now));
    EXPECT_EQ(SL_RECONNECT_TRYING, sl_connector_reconnect(lab.connector, "peer1", lab.now));
    lab.poll();
    EXPECT_EQ(SL_CONNECTION_WAITING, lab.info(0).state);
    EXPECT_EQ(SL_CONNECTION_RESOLVING, lab.info(1).state);
}
