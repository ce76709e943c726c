extern "C" {
#include "sl_histogram.h"
}

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace
{

constexpr double shares[] = {0,    0.0001, 0.001, 0.01,  0.07,   0.1,     0.25, 0.5,
                             0.75, 0.9,    0.99,  0.999, 0.9999, 0.99999, 1};
constexpr uint64_t in_100_s = 100000000000ULL;

using Values = std::vector<uint64_t>;

struct Histogram : sl_histogram {
    Histogram() : sl_histogram{} {}
    explicit Histogram(const Values &values) : sl_histogram{}
    {
        Record(values);
    }
    void Record(const Values &values)
    {
        for (uint64_t ns : values)
            sl_histogram_record(this, ns);
    }
    bool operator==(const sl_histogram &other) const
    {
        return memcmp(static_cast<const sl_histogram *>(this), &other, sizeof other) == 0;
    }
};

/** Nearest rank: the first of the sorted values that the share q of all does not exceed. */
uint64_t exact_quantile(const Values &sorted, double q)
{
    for (size_t i = 0; i < sorted.size(); i++)
        if (static_cast<double>(i + 1) >= q * static_cast<double>(sorted.size()) - 1e-6)
            return sorted[i];
    return sorted.back();
}

void expect_close(uint64_t reported, uint64_t exact)
{
    const double off = std::fabs(static_cast<double>(reported) - static_cast<double>(exact));
    EXPECT_LE(off, static_cast<double>(exact) / 128) << reported << " for " << exact;
}

void expect_quantiles(const sl_histogram *h, Values values)
{
    std::sort(values.begin(), values.end());
    ASSERT_EQ(sl_histogram_count(h), values.size());
    for (double q : shares) {
        SCOPED_TRACE(q);
        expect_close(sl_histogram_quantile_ns(h, q), exact_quantile(values, q));
    }
    EXPECT_EQ(sl_histogram_quantile_ns(h, 0), values.front());
    EXPECT_EQ(sl_histogram_quantile_ns(h, 1), values.back());
    EXPECT_EQ(sl_histogram_min_ns(h), values.front());
    EXPECT_EQ(sl_histogram_max_ns(h), values.back());
    double sum = 0;
    for (uint64_t ns : values)
        sum += static_cast<double>(ns);
    EXPECT_NEAR(sl_histogram_mean_ns(h) / (sum / static_cast<double>(values.size())), 1, 1e-9);
}

template <typename Draw> Values drawn(size_t count, uint64_t seed, Draw draw)
{
    std::mt19937_64 random(seed);
    Values values;
    for (size_t i = 0; i < count; i++)
        values.push_back(static_cast<uint64_t>(draw(random)));
    return values;
}

/** From 100 ns to 100 s, as many in each octave. */
Values spread(size_t count, uint64_t seed)
{
    std::uniform_real_distribution<double> exponent(std::log(100.0), std::log(1e11));
    return drawn(count, seed, [&](auto &random) { return std::exp(exponent(random)); });
}

} // namespace

TEST(Histogram, HoldsWithinOnePercentWhateverTheDistribution)
{
    std::uniform_int_distribution<uint64_t> uniform(100, 100000);
    std::uniform_int_distribution<uint64_t> all(100, in_100_s);
    std::exponential_distribution<double> exponential(1 / 50000.0);
    std::lognormal_distribution<double> lognormal(10, 2);
    std::normal_distribution<double> fast(2000, 50), slow(40e6, 2e6);
    for (uint64_t seed = 1; seed <= 5; seed++) {
        SCOPED_TRACE(seed);
        const Values sets[] = {
            drawn(20000, seed, [&](auto &r) { return uniform(r); }),
            drawn(20000, seed, [&](auto &r) { return all(r); }),
            drawn(20000, seed, [&](auto &r) { return exponential(r); }),
            drawn(20000, seed, [&](auto &r) { return lognormal(r); }),
            drawn(20000, seed, [&](auto &r) { return r() % 100 < 97 ? fast(r) : slow(r); }),
            spread(20000, seed),
            Values(1000, seed * 123457),
        };
        for (const Values &values : sets)
            expect_quantiles(std::make_unique<Histogram>(values).get(), values);
    }
}

TEST(Histogram, HoldsWithinOnePercentForFewValues)
{
    for (size_t count = 1; count <= 20; count++)
        expect_quantiles(std::make_unique<Histogram>(spread(count, count)).get(),
                         spread(count, count));
}

TEST(Histogram, ReportsASingleValueExactlyAtEachBorderOfACell)
{
    for (unsigned shift = 0; shift <= 30; shift++)
        for (uint64_t step = 0; step < 128; step++)
            for (uint64_t off : {-1, 0, 1}) {
                const uint64_t ns = (step << shift) + off;
                Histogram h({ns});
                for (double q : {0.0, 0.5, 1.0})
                    ASSERT_EQ(sl_histogram_quantile_ns(&h, q), ns);
            }
}

TEST(Histogram, ReportsEachValueBetweenTwoOthersAsCloseAsItsCellIs)
{
    for (unsigned shift = 0; shift <= 30; shift++)
        for (uint64_t step = 1; step < 128; step++)
            for (uint64_t off : {-1, 0, 1}) {
                const uint64_t ns = (step << shift) + off;
                Histogram h({0, ns, UINT64_MAX});
                expect_close(sl_histogram_quantile_ns(&h, 0.5), ns);
            }
}

TEST(Histogram, IsExactWhereAllValuesAreOne)
{
    for (uint64_t ns : {uint64_t{992}, uint64_t{1007}, uint64_t{123456789}, in_100_s}) {
        Histogram h(Values(100, ns));
        for (double q : shares)
            ASSERT_EQ(sl_histogram_quantile_ns(&h, q), ns);
    }
}

TEST(Histogram, TakesTheNearestRankInSpiteOfRounding)
{
    Values values;
    for (uint64_t ns = 1; ns <= 100; ns++)
        values.push_back(ns);
    Histogram h(values);
    for (uint64_t percent = 1; percent <= 100; percent++) {
        const double q = static_cast<double>(percent) / 100;
        EXPECT_EQ(sl_histogram_quantile_ns(&h, q), percent);
        EXPECT_EQ(sl_histogram_quantile_ns(&h, std::min(1.0, q + 1e-9)),
                  std::min(percent + 1, uint64_t{100}));
    }
}

TEST(Histogram, CellsFollowEachOtherWithoutGapOrOverlap)
{
    Histogram h;
    for (uint64_t &count : h.cells)
        count = 1;
    unsigned at = 0, seen = 0;
    uint64_t next = 0;
    sl_histogram_cell cell;
    while (sl_histogram_next_cell(&h, &at, &cell)) {
        ASSERT_EQ(cell.lower_ns, next);
        ASSERT_GT(cell.upper_ns, cell.lower_ns);
        ASSERT_EQ(sl_histogram_cell_of(cell.lower_ns), seen);
        ASSERT_EQ(sl_histogram_cell_of(cell.upper_ns - 1), seen);
        next = cell.upper_ns;
        seen++;
    }
    EXPECT_EQ(seen, static_cast<unsigned>(SL_HISTOGRAM_CELLS));
    EXPECT_EQ(cell.lower_ns, SL_HISTOGRAM_TOP_NS);
    EXPECT_GT(cell.lower_ns, in_100_s);
    EXPECT_EQ(cell.upper_ns, UINT64_MAX);
    EXPECT_EQ(sl_histogram_cell_of(UINT64_MAX), seen - 1);
}

TEST(Histogram, YieldsOnlyCellsThatCountedSomething)
{
    Histogram h({5, 1000, 1001, 1000000});
    unsigned at = 0;
    sl_histogram_cell cell;
    Values counts;
    while (sl_histogram_next_cell(&h, &at, &cell))
        counts.push_back(cell.count);
    EXPECT_EQ(counts, (Values{1, 2, 1}));
    EXPECT_FALSE(sl_histogram_next_cell(&h, &at, &cell));
}

TEST(Histogram, IsAllZerosWhenEmpty)
{
    Histogram h;
    unsigned at = 0;
    sl_histogram_cell cell;
    EXPECT_EQ(sl_histogram_count(&h), 0u);
    EXPECT_EQ(sl_histogram_mean_ns(&h), 0);
    EXPECT_EQ(sl_histogram_min_ns(&h), 0u);
    EXPECT_EQ(sl_histogram_max_ns(&h), 0u);
    for (double q : shares)
        EXPECT_EQ(sl_histogram_quantile_ns(&h, q), 0u);
    EXPECT_FALSE(sl_histogram_next_cell(&h, &at, &cell));
}

TEST(Histogram, CountsTheExtremes)
{
    Histogram h({0, 0, UINT64_MAX, UINT64_MAX, in_100_s * 2});
    EXPECT_EQ(sl_histogram_count(&h), 5u);
    EXPECT_EQ(sl_histogram_min_ns(&h), 0u);
    EXPECT_EQ(sl_histogram_max_ns(&h), UINT64_MAX);
    EXPECT_EQ(sl_histogram_quantile_ns(&h, 0.4), 0u);
    EXPECT_EQ(sl_histogram_quantile_ns(&h, 0.6), UINT64_MAX); /* the last cell: no better known */
    EXPECT_EQ(h.sum_ns, UINT64_MAX);                          /* and it has not wrapped */
}

TEST(Histogram, ZeroAloneIsAValue)
{
    Histogram h({0});
    EXPECT_EQ(sl_histogram_count(&h), 1u);
    EXPECT_EQ(sl_histogram_min_ns(&h), 0u);
    EXPECT_EQ(sl_histogram_quantile_ns(&h, 0.5), 0u);
}

TEST(Histogram, MergedIsAsIfOneHadCountedAll)
{
    const Values one = spread(5000, 1), other = spread(7000, 2);
    Histogram merged(one), both(one), empty;
    Histogram add(other);
    both.Record(other);
    sl_histogram_merge(&merged, &add);
    EXPECT_TRUE(both == merged);
    sl_histogram_merge(&merged, &empty);
    EXPECT_TRUE(both == merged);
    sl_histogram_merge(&empty, &both);
    EXPECT_TRUE(both == empty);
}

TEST(Histogram, MergedSumsDoNotWrap)
{
    Histogram h({UINT64_MAX - 5}), add({10});
    sl_histogram_merge(&h, &add);
    EXPECT_EQ(h.sum_ns, UINT64_MAX);
}

TEST(Histogram, AnIntervalHasWhatCameInIt)
{
    const Values before = spread(5000, 3), during = spread(3000, 4);
    Histogram h(before), earlier, later, alone(during);
    sl_histogram_snapshot(&earlier, &h);
    h.Record(during);
    sl_histogram_snapshot(&later, &h);
    EXPECT_TRUE(h == later);
    sl_histogram_subtract(&later, &earlier);
    EXPECT_EQ(memcmp(later.cells, alone.cells, sizeof alone.cells), 0);
    EXPECT_EQ(later.sum_ns, alone.sum_ns);
    Values sorted = during;
    std::sort(sorted.begin(), sorted.end());
    for (double q : shares)
        expect_close(sl_histogram_quantile_ns(&later, q), exact_quantile(sorted, q));
    expect_close(sl_histogram_min_ns(&later), sorted.front());
    expect_close(sl_histogram_max_ns(&later), sorted.back());
}

TEST(Histogram, AnIntervalsOwnExtremesAreExact)
{
    Histogram h({1000, 2000, 3000}), earlier, later;
    sl_histogram_snapshot(&earlier, &h);
    h.Record({777, 123456789});
    sl_histogram_snapshot(&later, &h);
    sl_histogram_subtract(&later, &earlier);
    EXPECT_EQ(sl_histogram_min_ns(&later), 777u);
    EXPECT_EQ(sl_histogram_max_ns(&later), 123456789u);
}

TEST(Histogram, AnIntervalWithinTheOldExtremesKnowsItsOwnAsCloseAsCellsAre)
{
    for (uint64_t ns : {uint64_t{130}, uint64_t{12345}, uint64_t{987654321}}) {
        Histogram h({100, in_100_s}), earlier, later;
        sl_histogram_snapshot(&earlier, &h);
        h.Record({ns});
        sl_histogram_snapshot(&later, &h);
        sl_histogram_subtract(&later, &earlier);
        expect_close(sl_histogram_min_ns(&later), ns);
        expect_close(sl_histogram_max_ns(&later), ns);
        expect_close(sl_histogram_quantile_ns(&later, 0.5), ns);
    }
}

TEST(Histogram, ASumThatHasReachedItsMaximumStaysThereInAnInterval)
{
    Histogram h({100}), earlier;
    sl_histogram_snapshot(&earlier, &h);
    h.Record({UINT64_MAX});
    sl_histogram_subtract(&h, &earlier);
    EXPECT_EQ(h.sum_ns, UINT64_MAX);
}

TEST(Histogram, AnIntervalWithoutValuesIsEmpty)
{
    Histogram h({1000, UINT64_MAX}), earlier, empty;
    sl_histogram_snapshot(&earlier, &h);
    sl_histogram_subtract(&h, &earlier);
    EXPECT_TRUE(empty == h);
}

TEST(Histogram, CanBeReadWhileItIsWritten)
{
    auto live = std::make_unique<Histogram>();
    const Values values = spread(20000, 9);
    std::atomic<bool> done{false};
    std::thread writer([&] {
        for (int round = 0; round < 500; round++)
            live->Record(values);
        done = true;
    });
    auto earlier = std::make_unique<Histogram>(), now = std::make_unique<Histogram>();
    while (!done) {
        sl_histogram_snapshot(now.get(), live.get());
        unsigned at = 0;
        sl_histogram_cell cell;
        while (sl_histogram_next_cell(now.get(), &at, &cell)) {
            ASSERT_LT(sl_histogram_min_ns(now.get()), cell.upper_ns);
            ASSERT_GE(sl_histogram_max_ns(now.get()), cell.lower_ns);
        }
        for (unsigned i = 0; i < SL_HISTOGRAM_CELLS; i++)
            ASSERT_GE(now->cells[i], earlier->cells[i]);
        *earlier = *now;
    }
    writer.join();
    sl_histogram_snapshot(now.get(), live.get());
    EXPECT_EQ(sl_histogram_count(now.get()), 500 * values.size());
}
