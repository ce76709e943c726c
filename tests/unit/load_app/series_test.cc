extern "C" {
#include "result.h"
}

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace
{

// What series_write_csv writes.
std::string CsvOf(const series &series)
{
    char *text = nullptr;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    series_write_csv(&series, out);
    fclose(out);
    std::string csv(text, len);
    free(text);
    return csv;
}

} // namespace

TEST(Series, APointIsWhatHappenedBetweenTwoSnapshots)
{
    auto earlier = std::make_unique<struct sl_load_stats>();
    auto later = std::make_unique<struct sl_load_stats>();
    earlier->counters[SL_LOAD_SENT] = 100;
    earlier->counters[SL_LOAD_ECHOED] = 90;
    sl_histogram_record(&earlier->latency, 1000000);
    *later = *earlier;
    later->counters[SL_LOAD_SENT] = 300;
    later->counters[SL_LOAD_ECHOED] = 270;
    later->counters[SL_LOAD_LOST] = 15;
    later->counters[SL_LOAD_LATE] = 5;
    later->counters[SL_LOAD_OVERDUE] = 20;
    later->drops[SL_DROP_AUTH] = 3;
    later->established = 7;
    sl_histogram_record(&later->latency, 1000);
    series_point point = series_point_of(earlier.get(), later.get());
    EXPECT_EQ(point.sent, 200u);
    EXPECT_EQ(point.echoed, 180u);
    EXPECT_EQ(point.established, 7u);
    EXPECT_EQ(point.outstanding, 10u) << "of all messages, not only of the interval's";
    EXPECT_EQ(point.errors, 3u);
    EXPECT_EQ(point.latency_count, 1u);
    EXPECT_NEAR(point.p50_ns, 1000, 10);
    EXPECT_DOUBLE_EQ(series_loss(&point), 0.1);
    EXPECT_EQ(later->counters[SL_LOAD_SENT], 300u) << "the snapshots stay";
}

TEST(Series, AnIntervalWithoutMessagesHasNoLoss)
{
    series_point point = {};
    EXPECT_EQ(series_loss(&point), 0);
}

TEST(Series, IntervalsAreShortForShortRuns)
{
    EXPECT_DOUBLE_EQ(series_interval(0.5), 0.1);
    EXPECT_DOUBLE_EQ(series_interval(20), 0.2);
    EXPECT_DOUBLE_EQ(series_interval(100), 1);
    EXPECT_DOUBLE_EQ(series_interval(3600), 1);
}

TEST(Series, WritesARowForEachInterval)
{
    series series = {};
    series_point point = {};
    point.at_s = 0.5;
    point.span_s = 0.5;
    point.phase = PHASE_WARMUP;
    point.established = 3;
    point.completed = 3;
    ASSERT_TRUE(series_add(&series, &point));
    point.at_s = 1;
    point.phase = PHASE_RUN;
    point.completed = 0;
    point.sent = 1000;
    point.sent_bytes = 64000;
    point.echoed = 990;
    point.late = 4;
    point.lost = 6;
    point.overdue = 10;
    point.latency_count = 994;
    point.p50_ns = 80000;
    point.p99_ns = 120000;
    point.p999_ns = 1e6;
    point.max_ns = 2e9;
    ASSERT_TRUE(series_add(&series, &point));
    EXPECT_EQ(CsvOf(series),
              "time_s,phase,sessions,handshakes_per_s,handshakes_failed,sent_per_s,sent_mbit_per_s,"
              "echoed_per_s,sent,echoed,late,lost,overdue,outstanding,loss_percent,p50_us,p99_us,"
              "p99_9_us,"
              "max_us,errors\n"
              "0.500,warm-up,3,6.0,0,0.0,0.0,0.0,0,0,0,0,0,0,0.0000,,,,,0\n"
              "1.000,run,3,0.0,0,2000.0,1.0,1980.0,1000,990,4,6,10,0,1.0000,80.00,120.00,1000.00,"
              "2000000.00,0\n");
    series_free(&series);
}

TEST(Series, GrowsAsLongAsTheRunLasts)
{
    series series = {};
    for (unsigned i = 0; i < 5000; i++) {
        series_point point = {};
        point.at_s = i;
        ASSERT_TRUE(series_add(&series, &point));
    }
    EXPECT_EQ(series.count, 5000u);
    EXPECT_EQ(series.points[4999].at_s, 4999);
    series_free(&series);
    EXPECT_EQ(series.points, nullptr);
}

TEST(Spread, TellsHowLossIsSpreadOverTheClientsThatSent)
{
    std::vector<struct sl_load_client_result> clients(101);
    for (unsigned i = 0; i < 100; i++) { // the last one sends nothing
        clients[i].sent = 1000;
        clients[i].lost = i >= 40 ? i : 0;
        clients[i].reordered = i == 7 ? 500 : 0;
    }
    client_spread spread;
    ASSERT_TRUE(spread_of_clients(clients.data(), (uint32_t)clients.size(), &spread));
    EXPECT_EQ(spread.clients, 100u);
    EXPECT_EQ(spread.lost.touched, 60u);
    EXPECT_DOUBLE_EQ(spread.lost.median, 0.049);
    EXPECT_DOUBLE_EQ(spread.lost.p99, 0.098);
    EXPECT_DOUBLE_EQ(spread.lost.worst, 0.099);
    EXPECT_EQ(spread.reordered.touched, 1u);
    EXPECT_DOUBLE_EQ(spread.reordered.median, 0);
    EXPECT_DOUBLE_EQ(spread.reordered.worst, 0.5);
    EXPECT_EQ(spread.sum.sent, 100000u);
    EXPECT_EQ(spread.sum.lost, 4170u);
}

TEST(Spread, CountsWhoGotNothingBackOfMoreThanAFewMessages)
{
    std::vector<struct sl_load_client_result> clients(4);
    clients[0].sent = clients[0].lost = 10;
    clients[1].sent = clients[1].lost = 9;
    clients[2].sent = 1000, clients[2].lost = 999;
    clients[3].sent = 1000, clients[3].lost = 999, clients[3].late = 1;
    client_spread spread;
    ASSERT_TRUE(spread_of_clients(clients.data(), 4, &spread));
    EXPECT_EQ(spread.unanswered, 1u);
}

TEST(Spread, OfNobodyIsNothing)
{
    client_spread spread;
    ASSERT_TRUE(spread_of_clients(nullptr, 0, &spread));
    EXPECT_EQ(spread.clients, 0u);
    EXPECT_EQ(spread.lost.worst, 0);
}
