extern "C" {
#include "arrivals.h"
}

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace
{

constexpr uint64_t second = 1000000000ULL;
constexpr uint64_t start_ns = 12345678901234ULL;

load_arrivals begun(load_arrivals_kind kind, uint64_t rate_milli, uint64_t seed = 1)
{
    load_arrivals arrivals;
    load_arrivals_init(&arrivals, kind, seed);
    load_set_rate(&arrivals, start_ns, rate_milli);
    return arrivals;
}

std::vector<uint64_t> taken(load_arrivals *arrivals, uint64_t now_ns)
{
    std::vector<uint64_t> times;
    uint64_t ns;
    while (load_take_arrival(arrivals, now_ns, &ns))
        times.push_back(ns);
    return times;
}

uint64_t kth_ns(uint64_t k, uint64_t rate_milli)
{
    return start_ns + static_cast<uint64_t>((unsigned __int128)k * 1000 * second / rate_milli);
}

} // namespace

TEST(LoadArrivals, NoneComesWhileTheRateIsZero)
{
    load_arrivals arrivals;
    load_arrivals_init(&arrivals, LOAD_ARRIVALS_CONSTANT, 1);
    uint64_t ns;
    EXPECT_FALSE(load_take_arrival(&arrivals, UINT64_MAX - 1, &ns));
    EXPECT_EQ(load_next_arrival_ns(&arrivals), UINT64_MAX);
}

TEST(LoadArrivals, ConstantOnesComeAtTheirExactTimes)
{
    for (uint64_t rate_milli : {uint64_t{1}, uint64_t{7}, uint64_t{1000}, uint64_t{333333},
                                uint64_t{99999999}, uint64_t{1000000007}, uint64_t{8000000003},
                                uint64_t{LOAD_RATE_MAX_MILLI - 1}, uint64_t{LOAD_RATE_MAX_MILLI}}) {
        load_arrivals arrivals = begun(LOAD_ARRIVALS_CONSTANT, rate_milli);
        for (uint64_t k = 0; k < 20000; k++) {
            ASSERT_EQ(load_next_arrival_ns(&arrivals), kth_ns(k, rate_milli)) << k;
            load_advance_arrivals(&arrivals);
        }
    }
}

TEST(LoadArrivals, ConstantOnesDoNotDriftOverAHundredMillion)
{
    const uint64_t rate_milli = 7777777777, count = 100000000;
    load_arrivals arrivals = begun(LOAD_ARRIVALS_CONSTANT, rate_milli);
    for (uint64_t k = 0; k < count; k++)
        load_advance_arrivals(&arrivals);
    EXPECT_EQ(load_next_arrival_ns(&arrivals), kth_ns(count, rate_milli));
}

TEST(LoadArrivals, AreDueFromTheirTimeOnAndNotBefore)
{
    load_arrivals arrivals = begun(LOAD_ARRIVALS_CONSTANT, 1000000);
    uint64_t ns;
    EXPECT_FALSE(load_take_arrival(&arrivals, start_ns - 1, &ns));
    EXPECT_TRUE(load_take_arrival(&arrivals, start_ns, &ns));
    EXPECT_EQ(ns, start_ns);
    EXPECT_FALSE(load_take_arrival(&arrivals, start_ns + 999999, &ns));
    EXPECT_TRUE(load_take_arrival(&arrivals, start_ns + 1000000, &ns));
}

TEST(LoadArrivals, ThoseThatAreDueAreCountedWithoutTakingThem)
{
    for (uint64_t rate_milli : {1ULL, 3000ULL, 700001ULL, 300000007ULL, 999999999999ULL})
        for (uint64_t later_ns : {0ULL, 1ULL, 3333333ULL, 1000000ULL, 7654321ULL}) {
            load_arrivals arrivals = begun(LOAD_ARRIVALS_CONSTANT, rate_milli);
            uint64_t ns;
            ASSERT_TRUE(load_take_arrival(&arrivals, start_ns, &ns)) << "so that there is a rest";
            const uint64_t due = load_count_due(&arrivals, start_ns + later_ns);
            EXPECT_EQ(taken(&arrivals, start_ns + later_ns).size(), due) << rate_milli;
        }
    load_arrivals at_rest;
    load_arrivals_init(&at_rest, LOAD_ARRIVALS_CONSTANT, 1);
    EXPECT_EQ(load_count_due(&at_rest, UINT64_MAX - 1), 0u);
    load_arrivals poisson = begun(LOAD_ARRIVALS_POISSON, 1000000);
    EXPECT_NEAR((double)load_count_due(&poisson, start_ns + 1000 * second), 1e6, 1e3);
}

TEST(LoadArrivals, OfALongPauseAllStayDueWithTheirOwnTimes)
{
    load_arrivals arrivals = begun(LOAD_ARRIVALS_CONSTANT, 1000000);
    std::vector<uint64_t> times = taken(&arrivals, start_ns + 10 * second);
    ASSERT_EQ(times.size(), 10001u);
    for (uint64_t k = 0; k < times.size(); k++)
        ASSERT_EQ(times[k], start_ns + k * 1000000);
}

TEST(LoadArrivals, AChangeOfTheRateKeepsTheFractionOfTheGap)
{
    load_arrivals arrivals = begun(LOAD_ARRIVALS_CONSTANT, 1000); /* one a second */
    EXPECT_EQ(taken(&arrivals, start_ns + second).size(), 2u);
    /* A quarter of the gap has passed: three quarters of one of 100 ms are left. */
    load_set_rate(&arrivals, start_ns + second + second / 4, 10000);
    EXPECT_EQ(load_next_arrival_ns(&arrivals), start_ns + second + second / 4 + 75 * second / 1000);
    load_advance_arrivals(&arrivals);
    EXPECT_EQ(load_next_arrival_ns(&arrivals),
              start_ns + second + second / 4 + 175 * second / 1000);
}

TEST(LoadArrivals, ARampHasAsManyAsItsAreaWhateverTheSteps)
{
    for (uint64_t step_ns : {uint64_t{1000000}, uint64_t{10000019}, second / 7}) {
        load_arrivals arrivals;
        load_arrivals_init(&arrivals, LOAD_ARRIVALS_CONSTANT, 1);
        size_t count = 0;
        unsigned __int128 area = 0; /* in parts, 10^-12 of an arrival */
        uint64_t now_ns = start_ns;
        for (uint64_t rate_milli = 0; rate_milli < 50000000; rate_milli += 123457) {
            load_set_rate(&arrivals, now_ns, rate_milli);
            now_ns += step_ns;
            area += (unsigned __int128)step_ns * rate_milli;
            count += taken(&arrivals, now_ns - 1).size();
            ASSERT_EQ(count, static_cast<size_t>((area + 999999999999ULL) / 1000000000000ULL));
        }
        EXPECT_GT(count, 1000u);
    }
}

TEST(LoadArrivals, WhatIsDueFromBeforeAChangeKeepsItsTimes)
{
    for (load_arrivals_kind kind : {LOAD_ARRIVALS_CONSTANT, LOAD_ARRIVALS_POISSON}) {
        load_arrivals prompt = begun(kind, 3000000), tardy = prompt;
        const uint64_t change_ns = start_ns + second;
        std::vector<uint64_t> times = taken(&prompt, change_ns - 1);
        load_set_rate(&prompt, change_ns, 500000);
        for (uint64_t ns : taken(&prompt, change_ns + second))
            times.push_back(ns);
        load_set_rate(&tardy, change_ns, 500000);
        EXPECT_EQ(taken(&tardy, change_ns + second), times);
        EXPECT_NEAR(static_cast<double>(times.size()), 3500, 200);
    }
}

TEST(LoadArrivals, OfTwoChangesThatWaitTheLaterRateHolds)
{
    load_arrivals arrivals = begun(LOAD_ARRIVALS_CONSTANT, 1000000);
    load_set_rate(&arrivals, start_ns + second, 5000);
    load_set_rate(&arrivals, start_ns + 2 * second, 2000000);
    std::vector<uint64_t> times = taken(&arrivals, start_ns + 2 * second - 1);
    EXPECT_EQ(times.size(), 3000u);
}

TEST(LoadArrivals, StopAndGoOn)
{
    load_arrivals arrivals = begun(LOAD_ARRIVALS_CONSTANT, 4000);
    EXPECT_EQ(taken(&arrivals, start_ns + second - 1).size(), 4u);
    load_set_rate(&arrivals, start_ns + second - 125000000, 0); /* half of a gap has passed */
    EXPECT_EQ(taken(&arrivals, start_ns + 100 * second).size(), 0u);
    load_set_rate(&arrivals, start_ns + 100 * second, 1000);
    EXPECT_EQ(load_next_arrival_ns(&arrivals), start_ns + 100 * second + second / 2);
}

namespace
{

std::vector<double> sorted_gaps(uint64_t rate_milli, uint64_t seed, size_t count)
{
    load_arrivals arrivals = begun(LOAD_ARRIVALS_POISSON, rate_milli, seed);
    uint64_t before_ns = start_ns;
    std::vector<double> gaps;
    for (size_t i = 0; i < count; i++) {
        const uint64_t ns = load_next_arrival_ns(&arrivals);
        gaps.push_back(static_cast<double>(ns - before_ns));
        before_ns = ns;
        load_advance_arrivals(&arrivals);
    }
    std::sort(gaps.begin(), gaps.end());
    return gaps;
}

} // namespace

TEST(LoadArrivals, GapsOfPoissonOnesAreExponential)
{
    const size_t count = 200000;
    for (uint64_t seed = 1; seed <= 5; seed++)
        for (uint64_t rate_milli : {uint64_t{1000}, uint64_t{1000000000}}) {
            SCOPED_TRACE(testing::Message() << "seed " << seed << ", rate " << rate_milli);
            const std::vector<double> gaps = sorted_gaps(rate_milli, seed, count);
            const double mean = 1e12 / static_cast<double>(rate_milli);
            double sum = 0, squares = 0, farthest = 0;
            for (size_t i = 0; i < count; i++) {
                sum += gaps[i];
                squares += (gaps[i] - mean) * (gaps[i] - mean);
                const double wanted = 1 - std::exp(-gaps[i] / mean);
                farthest = std::max(farthest, std::fabs(wanted - (i + 0.5) / count));
            }
            EXPECT_NEAR(sum / count / mean, 1, 0.01);
            EXPECT_NEAR(squares / count / mean / mean, 1, 0.03);
            /* Kolmogorov and Smirnov at 0.1 %, and half a nanosecond in a gap of a thousand. */
            EXPECT_LT(farthest, 1.95 / std::sqrt(count) + 0.0005);
        }
}

TEST(LoadArrivals, CountsOfPoissonOnesVaryAsMuchAsTheyAreHigh)
{
    load_arrivals arrivals = begun(LOAD_ARRIVALS_POISSON, 20000000); /* 20 a millisecond */
    const unsigned turns = 20000;
    double sum = 0, squares = 0;
    for (unsigned turn = 1; turn <= turns; turn++) {
        const double n = static_cast<double>(taken(&arrivals, start_ns + turn * 1000000ULL).size());
        sum += n;
        squares += (n - 20) * (n - 20);
    }
    EXPECT_NEAR(sum / turns, 20, 0.2);
    EXPECT_NEAR(squares / turns, 20, 1);
}

TEST(LoadArrivals, PoissonOnesKeepTheirRateWhereMostGapsAreBelowANanosecond)
{
    load_arrivals arrivals = begun(LOAD_ARRIVALS_POISSON, LOAD_RATE_MAX_MILLI);
    const size_t count = taken(&arrivals, start_ns + 1000000).size();
    EXPECT_NEAR(static_cast<double>(count), 1e6, 5000);
}

TEST(LoadArrivals, PoissonOnesFollowTheirSeed)
{
    load_arrivals one = begun(LOAD_ARRIVALS_POISSON, 1000000, 7), same = one,
                  other = begun(LOAD_ARRIVALS_POISSON, 1000000, 8);
    const std::vector<uint64_t> times = taken(&one, start_ns + second);
    EXPECT_EQ(taken(&same, start_ns + second), times);
    EXPECT_NE(taken(&other, start_ns + second), times);
}
