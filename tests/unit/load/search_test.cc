extern "C" {
#include "sl_load_search.h"
}

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <string>

namespace
{

struct Trial {
    double offered, loss;
};
using Server = std::function<Trial(double rate)>;

/** Bears so much and loses the rest. */
Server hard(double capacity)
{
    return [=](double rate) { return Trial{rate, std::max(0.0, 1 - capacity / rate)}; };
}

Server limited_to(double offered, Server server)
{
    return [=](double rate) {
        return Trial{std::min(rate, offered), server(std::min(rate, offered)).loss};
    };
}

struct Search : sl_load_search {
    explicit Search(const sl_load_search_config &from = {1000, 1e9, 0.001, 0.01, 3})
        : sl_load_search{}
    {
        sl_load_search_init(this, &from);
    }
    Search &Run(const Server &server)
    {
        double next;
        while (sl_load_search_next(this, &next)) {
            EXPECT_GE(next, std::min(1.0, config.from_rate));
            EXPECT_LE(next, config.to_rate);
            const Trial trial = server(next);
            sl_load_search_report(this, trial.offered, trial.loss);
        }
        EXPECT_LE(trial_count, static_cast<unsigned>(SL_LOAD_TRIALS_MAX));
        return *this;
    }
    std::string Text() const
    {
        char text[512];
        sl_load_search_describe(this, text, sizeof text);
        return text;
    }
    unsigned Passed(double at) const
    {
        return sl_load_search_count(this, at, SL_LOAD_TRIAL_PASSED);
    }
    unsigned Failed(double at) const
    {
        return sl_load_search_count(this, at, SL_LOAD_TRIAL_FAILED);
    }
};

} // namespace

TEST(LoadSearch, FindsAHardLimitToThePrecisionWithinFewTrials)
{
    for (double precision : {0.001, 0.01, 0.1})
        for (double capacity : {1.5, 7.0, 999.0, 1000.0, 1001.0, 123456.0, 8.7e6, 9.9e8}) {
            SCOPED_TRACE(testing::Message() << capacity << " to " << precision);
            Search search({1000, 1e9, 0, precision, 3});
            search.Run(hard(capacity));
            EXPECT_EQ(search.end, SL_LOAD_SEARCH_FOUND);
            EXPECT_LE(search.passed, capacity);
            EXPECT_GT(search.failed, capacity);
            EXPECT_LE(search.failed - search.passed, precision * search.failed);
            EXPECT_EQ(search.Passed(search.passed), 4u);
            EXPECT_EQ(search.Failed(search.failed), 2u);
            EXPECT_LE(search.trial_count, 45u);
        }
}

TEST(LoadSearch, CountsOnlyLossAboveTheBound)
{
    Search search({1000, 1e9, 0.02, 0.001, 1});
    search.Run(hard(98000));
    EXPECT_NEAR(search.passed, 100000, 200);
    EXPECT_LE(search.passed, 100000);
}

TEST(LoadSearch, ALossOfExactlyTheBoundPasses)
{
    Search search({1000, 1000, 0.25, 0.01, 0});
    search.Run([](double rate) { return Trial{rate, 0.25}; });
    EXPECT_EQ(search.end, SL_LOAD_SEARCH_CEILING);
    Search other({1000, 1000, 0.25, 0.01, 0});
    other.Run([](double rate) { return Trial{rate, 0.2500001}; });
    EXPECT_EQ(other.end, SL_LOAD_SEARCH_NONE);
}

TEST(LoadSearch, EndsAtTheCeilingWhenAllPasses)
{
    Search search({1000, 50000, 0, 0.01, 3});
    search.Run(hard(1e12));
    EXPECT_EQ(search.end, SL_LOAD_SEARCH_CEILING);
    EXPECT_EQ(search.passed, 50000);
    EXPECT_EQ(search.failed, 0);
    EXPECT_EQ(search.Passed(50000), 4u);
    EXPECT_EQ(search.trial_count, 10u);
    EXPECT_NE(search.Text().find("nothing higher was to be tried"), std::string::npos);
}

TEST(LoadSearch, ASilentServerCostsFewTrials)
{
    Search search({1e6, 1e9, 0, 0.01, 3});
    search.Run([](double rate) { return Trial{rate, 1}; });
    EXPECT_EQ(search.end, SL_LOAD_SEARCH_NONE);
    EXPECT_EQ(search.passed, 0);
    EXPECT_EQ(search.failed, 1);
    EXPECT_LE(search.trial_count, 6u);
    EXPECT_EQ(search.Text(),
              "No rate passes: more than 0 % was lost down to 1.0 messages a second.");
}

TEST(LoadSearch, SaysThatTheGeneratorIsTheLimit)
{
    Search search;
    search.Run(limited_to(70000, hard(1e6)));
    EXPECT_EQ(search.end, SL_LOAD_SEARCH_GENERATOR);
    EXPECT_NEAR(search.passed, 70000, 2000);
    EXPECT_EQ(search.Failed(search.failed), 0u);
    EXPECT_NE(search.Text().find("the server may bear more"), std::string::npos);
}

TEST(LoadSearch, TheGeneratorIsNoLimitWhereTheServersIsLower)
{
    Search search;
    search.Run(limited_to(70000, hard(30000)));
    EXPECT_EQ(search.end, SL_LOAD_SEARCH_FOUND);
    EXPECT_NEAR(search.passed, 30000, 400);
}

TEST(LoadSearch, ComesDownWhenTheGeneratorCannotOfferTheFirstRate)
{
    Search search({1e6, 1e9, 0, 0.01, 3});
    search.Run(limited_to(500, hard(1e6)));
    EXPECT_EQ(search.end, SL_LOAD_SEARCH_GENERATOR);
    EXPECT_NEAR(search.passed, 500, 15);
    Search none({1e6, 1e9, 0, 0.01, 3});
    none.Run([](double) { return Trial{0, std::nan("")}; });
    EXPECT_EQ(none.end, SL_LOAD_SEARCH_GENERATOR);
    EXPECT_EQ(none.Text(), "The generator could not even offer 1.0 messages a second.");
}

TEST(LoadSearch, OneDisturbanceDoesNotLowerTheResult)
{
    for (unsigned disturbed = 0; disturbed < 25; disturbed++) {
        SCOPED_TRACE(disturbed);
        Search search;
        unsigned trial = 0;
        search.Run([&](double rate) {
            return trial++ == disturbed ? Trial{rate, 0.05} : hard(123456)(rate);
        });
        EXPECT_EQ(search.end, SL_LOAD_SEARCH_FOUND);
        EXPECT_NEAR(search.passed, 123456, 0.03 * 123456);
    }
}

TEST(LoadSearch, GoesLowerWhenARateThatPassedFailsLater)
{
    Search search;
    unsigned trial = 0; /* a server that tires: what counts is what holds */
    search.Run([&](double rate) { return hard(trial++ < 15 ? 100000 : 90000)(rate); });
    EXPECT_EQ(search.end, SL_LOAD_SEARCH_FOUND);
    EXPECT_LE(search.passed, 90000 / 0.999);
    EXPECT_GE(search.passed, 80000);
    EXPECT_EQ(search.Failed(search.passed), 0u);
    EXPECT_GE(search.Passed(search.passed), 4u);
}

TEST(LoadSearch, ReachesTheCeilingInSpiteOfADisturbance)
{
    Search search({1000, 50000, 0, 0.01, 3});
    unsigned trial = 0;
    search.Run([&](double rate) { return Trial{rate, trial++ == 3 ? 0.5 : 0}; });
    EXPECT_EQ(search.end, SL_LOAD_SEARCH_CEILING);
    EXPECT_EQ(search.passed, 50000);
    EXPECT_EQ(search.failed, 0);
}

TEST(LoadSearch, AServerThatDiesInTheMiddleHasNoRate)
{
    Search search;
    unsigned trial = 0;
    search.Run([&](double rate) { return trial++ < 15 ? hard(100000)(rate) : Trial{rate, 1}; });
    EXPECT_EQ(search.end, SL_LOAD_SEARCH_NONE);
    EXPECT_EQ(search.passed, 0);
    EXPECT_LE(search.trial_count, 45u);
}

TEST(LoadSearch, FindsANoisyLimitNearWhatAllTrialsBear)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        std::normal_distribution<double> capacity(100000, 1000);
        Search search;
        search.Run([&](double rate) { return hard(capacity(random))(rate); });
        EXPECT_EQ(search.end, SL_LOAD_SEARCH_FOUND);
        EXPECT_GE(search.passed, 93000);
        EXPECT_LE(search.passed, 102000);
        EXPECT_LT(search.passed, search.failed);
    }
}

TEST(LoadSearch, EndsEvenIfOutcomesAreDice)
{
    unsigned unsettled = 0;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        std::mt19937_64 random(seed);
        Search search({1000, 1e9, 0, 0.001, 1});
        search.Run([&](double rate) { return Trial{rate, random() % 100 < seed % 97 ? 1.0 : 0}; });
        EXPECT_NE(search.end, SL_LOAD_SEARCH_RUNNING);
        EXPECT_FALSE(search.Text().empty());
        unsettled += search.end == SL_LOAD_SEARCH_UNSETTLED;
    }
    EXPECT_LT(unsettled, 250u);
}

TEST(LoadSearch, WhatNeverSettlesIsGivenUp)
{
    Search search({1000, 1e9, 0, 0.0001, SL_LOAD_TRIALS_MAX});
    search.Run(hard(5e6));
    EXPECT_EQ(search.end, SL_LOAD_SEARCH_UNSETTLED);
    EXPECT_EQ(search.trial_count, static_cast<unsigned>(SL_LOAD_TRIALS_MAX));
    EXPECT_NE(search.Text().find("64 trials did not settle it"), std::string::npos);
}

TEST(LoadSearch, BoundsTheProbabilityOfAFailure)
{
    Search search;
    EXPECT_EQ(sl_load_search_failure_bound(&search, 1000), 1);
    const struct {
        unsigned passed, failed;
        double bound;
    } rows[] = {
        /* no failure: 1 - 0.05^(1/n); else tables of Clopper and Pearson, one-sided 95 % */
        {1, 0, 0.95},    {3, 0, 0.6316}, {4, 0, 0.5271},  {10, 0, 0.2589},
        {60, 0, 0.0487}, {9, 1, 0.3942}, {18, 2, 0.2826}, {0, 5, 1},
    };
    for (auto &row : rows) {
        search.trial_count = 0;
        for (unsigned i = 0; i < row.passed + row.failed; i++)
            search.trials[search.trial_count++] = {
                1000, 1000, 0, i < row.passed ? SL_LOAD_TRIAL_PASSED : SL_LOAD_TRIAL_FAILED};
        search.trials[search.trial_count++] = {1000, 1, 0, SL_LOAD_TRIAL_LIMITED};
        search.trials[search.trial_count++] = {999, 999, 1, SL_LOAD_TRIAL_FAILED};
        EXPECT_NEAR(sl_load_search_failure_bound(&search, 1000), row.bound, 0.0001)
            << row.passed << " passed, " << row.failed << " failed";
    }
}

TEST(LoadSearch, SaysWhatItFoundAndHowSureItIs)
{
    Search search({1000, 1e9, 0.001, 0.1, 3});
    EXPECT_EQ(search.Text(), "No trial was made.");
    search.Run(hard(10000));
    EXPECT_EQ(search.Text(),
              "9514 messages a second passed 4 of 4 trials; at 10375 2 of 2 lost more "
              "than 0.1 %. With 95 % confidence a trial at this rate fails in at "
              "most 53 % of cases.");
}

TEST(LoadSearch, CutsATextThatDoesNotFit)
{
    Search search;
    search.Run(hard(10000));
    const std::string text = search.Text();
    for (size_t len = 1; len < text.size() + 5; len++) {
        std::string cut(len + 1, '#');
        sl_load_search_describe(&search, &cut[0], len);
        ASSERT_STREQ(cut.c_str(), text.substr(0, len - 1).c_str());
        ASSERT_EQ(cut[len], '#');
    }
}
