extern "C" {
#include "sl_telemetry.h"
}

#include <gtest/gtest.h>

#include <string>

namespace
{

class Printed : public ::testing::Test
{
  protected:
    Printed()
    {
        workers[0].events[SL_COUNTER_DELIVERED] = 5;
        workers[1].events[SL_COUNTER_DELIVERED] = 7;
        workers[1].drops[SL_DROP_UNKNOWN_CID] = 3;
        workers[0].sessions = 2;
        workers[0].forged_most = 8;
        workers[1].forged_most = 6;
        stats.version = "1.2.3\"";
        stats.uptime_ns = 61000000000ULL;
        stats.workers = workers;
        stats.worker_count = 2;
        stats.others = others;
        stats.other_count = 3;
    }
    std::string Print(void (*print)(FILE *, const sl_stats *))
    {
        char *text = nullptr;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        print(out, &stats);
        fclose(out);
        std::string result(text, len);
        free(text);
        return result;
    }
    bool Has(const std::string &text, const char *part)
    {
        return text.find(part) != std::string::npos;
    }
    sl_counters workers[2] = {};
    sl_stat others[3] = {{"handshake", "STARTED", "begun", 4},
                         {"handshake", "FAILED", "failed", 0},
                         {"port_0", "imissed", "missed", 9}};
    sl_stats stats = {};
};

} // namespace

TEST_F(Printed, TextHasTheSumAndLeavesZerosOut)
{
    std::string text = Print(sl_stats_print_text);
    EXPECT_TRUE(Has(text, "delivered"));
    EXPECT_TRUE(Has(text, " 12  "));
    EXPECT_TRUE(Has(text, "unknown_cid"));
    EXPECT_FALSE(Has(text, "replay"));
    EXPECT_TRUE(Has(text, "imissed"));
    EXPECT_FALSE(Has(text, "failed"));
}

TEST_F(Printed, JsonHasEverythingAndBalances)
{
    std::string json = Print(sl_stats_print_json);
    EXPECT_TRUE(Has(json, "\"version\": \"1.2.3\\\"\""));
    EXPECT_TRUE(Has(json, "\"delivered\": 12"));
    EXPECT_TRUE(Has(json, "\"unknown_cid\": 3"));
    EXPECT_TRUE(Has(json, "\"forged_most\": 8}, \"workers\"")) << "the most, and not the sum";
    EXPECT_TRUE(Has(json, "\"handshake\": {\"started\": 4, \"failed\": 0}"));
    EXPECT_TRUE(Has(json, "\"port_0\": {\"imissed\": 9}"));
    int depth = 0;
    for (char c : json)
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
    EXPECT_EQ(depth, 0);
}

TEST_F(Printed, TextHasNoHeadingOverNothing)
{
    EXPECT_TRUE(Has(Print(sl_stats_print_text), "dropped\n"));
    workers[1].drops[SL_DROP_UNKNOWN_CID] = 0;
    EXPECT_FALSE(Has(Print(sl_stats_print_text), "dropped"));
}

TEST_F(Printed, NumbersStandBelowEachOther)
{
    std::string text = Print(sl_stats_print_text);
    size_t end_of_number = std::string::npos;
    for (size_t at = text.find('\n') + 1; at < text.size(); at = text.find('\n', at) + 1) {
        if (text[at] != ' ')
            continue; // a heading
        size_t gap = text.find("  ", text.find_first_of("0123456789", text.find(' ', at + 2)));
        if (end_of_number == std::string::npos)
            end_of_number = gap - at;
        EXPECT_EQ(gap - at, end_of_number) << text.substr(at, 60);
    }
}

TEST(Counters, NamesFitTheirColumn)
{
    for (unsigned i = 0; i < SL_COUNTER_COUNT; i++)
        EXPECT_LE(strlen(sl_counter_name((sl_counter)i)), 22u);
    for (unsigned i = 0; i < SL_DROP_COUNT; i++)
        EXPECT_LE(strlen(sl_drop_name((sl_drop)i)), 22u);
}

TEST(Counters, EachHasANameAndAText)
{
    for (unsigned i = 0; i < SL_COUNTER_COUNT; i++) {
        EXPECT_GT(strlen(sl_counter_name((sl_counter)i)), 2u);
        EXPECT_GT(strlen(sl_counter_text((sl_counter)i)), 5u);
    }
}
