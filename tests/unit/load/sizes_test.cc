extern "C" {
#include "random.h"
#include "sl_load_sizes.h"
}

#include <gtest/gtest.h>

#include <cerrno>
#include <cmath>
#include <map>
#include <string>

namespace
{

sl_load_sizes parsed(const std::string &text)
{
    sl_load_sizes sizes;
    char reason[SL_REASON_LEN] = "";
    EXPECT_EQ(sl_load_sizes_parse(&sizes, text.c_str(), reason), 0) << text << ": " << reason;
    return sizes;
}

std::string printed(const sl_load_sizes &sizes)
{
    char text[SL_LOAD_SIZES_TEXT_LEN];
    sl_load_sizes_print(&sizes, text);
    return text;
}

std::map<uint32_t, unsigned> drawn(const std::string &text, unsigned count)
{
    const sl_load_sizes sizes = parsed(text);
    load_random random;
    load_random_seed(&random, 1);
    std::map<uint32_t, unsigned> seen;
    for (unsigned i = 0; i < count; i++)
        seen[sl_load_sizes_draw(&sizes, load_random_next(&random))]++;
    return seen;
}

/** So many of `count` have this share, within five standard deviations. */
void expect_share(unsigned seen, unsigned count, double share)
{
    EXPECT_NEAR(seen, count * share, 5 * std::sqrt(count * share * (1 - share)));
}

} // namespace

TEST(LoadSizes, AFixedOneIsAlwaysDrawn)
{
    EXPECT_EQ(drawn("64", 1000), (std::map<uint32_t, unsigned>{{64, 1000}}));
    EXPECT_EQ(drawn("16384", 1000), (std::map<uint32_t, unsigned>{{16384, 1000}}));
}

TEST(LoadSizes, ARangeHasAllItsLengthsAlike)
{
    const std::map<uint32_t, unsigned> seen = drawn("64-163", 100000);
    ASSERT_EQ(seen.size(), 100u);
    EXPECT_EQ(seen.begin()->first, 64u);
    EXPECT_EQ(seen.rbegin()->first, 163u);
    for (auto [len, count] : seen)
        expect_share(count, 100000, 0.01);
}

TEST(LoadSizes, AListFollowsItsWeights)
{
    std::map<uint32_t, unsigned> seen = drawn("100:1,200:90,300-301:9", 100000);
    ASSERT_EQ(seen.size(), 4u);
    expect_share(seen[100], 100000, 0.01);
    expect_share(seen[200], 100000, 0.9);
    expect_share(seen[300], 100000, 0.045);
    expect_share(seen[301], 100000, 0.045);
}

TEST(LoadSizes, ImixIsSevenToFourToOne)
{
    std::map<uint32_t, unsigned> seen = drawn("imix", 120000);
    ASSERT_EQ(seen.size(), 3u);
    expect_share(seen[64], 120000, 7 / 12.0);
    expect_share(seen[512], 120000, 4 / 12.0);
    expect_share(seen[1350], 120000, 1 / 12.0);
}

TEST(LoadSizes, TheLongestOfImixFitsAnEthernetFrameWhateverIsAroundIt)
{
    const sl_load_sizes sizes = parsed("imix");
    EXPECT_LE(sl_load_sizes_longest(&sizes) + SL_IPV6_HEADER_LEN + SL_UDP_HEADER_LEN +
                  SL_RECORD_OVERHEAD_MAX,
              1500u);
}

TEST(LoadSizes, TheEndsOfTheRandomBitsDrawTheEndsOfTheList)
{
    const sl_load_sizes sizes = parsed("16-20:1,100-200:1000000,16000-16384:1");
    EXPECT_EQ(sl_load_sizes_draw(&sizes, 0), 16u);
    EXPECT_EQ(sl_load_sizes_draw(&sizes, UINT64_MAX), 16384u);
    EXPECT_EQ(sl_load_sizes_draw(&sizes, UINT32_MAX), 16000u);
    EXPECT_EQ(sl_load_sizes_draw(&sizes, 0xffffffff00000000), 20u);
    const sl_load_sizes halves = parsed("16,17");
    EXPECT_EQ(sl_load_sizes_draw(&halves, 0x7fffffff), 16u);
    EXPECT_EQ(sl_load_sizes_draw(&halves, 0x80000000), 17u);
}

TEST(LoadSizes, KnowTheirLongestAndTheirMean)
{
    const sl_load_sizes list = parsed("64:3,1000-1100:1"), range = parsed("64-65");
    EXPECT_EQ(sl_load_sizes_longest(&list), 1100u);
    EXPECT_DOUBLE_EQ(sl_load_sizes_mean(&list), (3 * 64 + 1050) / 4.0);
    EXPECT_DOUBLE_EQ(sl_load_sizes_mean(&range), 64.5);
}

TEST(LoadSizes, ArePrintedAsTheyAreRead)
{
    for (const char *text : {"16", "16384", "64-1350", "64:7,512:4,1350:1", "20-30:1,40:1000000"})
        EXPECT_EQ(printed(parsed(text)), text);
    EXPECT_EQ(printed(parsed("imix")), "64:7,512:4,1350:1");
    EXPECT_EQ(printed(parsed("64:5")), "64");
    EXPECT_EQ(printed(parsed("64,65-66")), "64:1,65-66:1");
    EXPECT_EQ(printed(parsed("64-64")), "64");
}

TEST(LoadSizes, TheLongestTextFits)
{
    std::string text;
    for (unsigned i = 0; i < SL_LOAD_SIZES_MAX; i++)
        text += (i > 0 ? ",16383-16384:1000000" : "16383-16384:1000000");
    EXPECT_EQ(printed(parsed(text)), text);
    EXPECT_LT(text.size(), SL_LOAD_SIZES_TEXT_LEN);
}

TEST(LoadSizes, WhatIsNoneIsRefusedWithASentence)
{
    const struct {
        const char *text, *said;
    } rows[] = {
        {"", "no length"},
        {" 64", "no length"},
        {"-64", "no length"},
        {"+64", "no length"},
        {"IMIX", "no length"},
        {"imix,64", "no length"},
        {"64,", "no length"},
        {"64,,65", "no length"},
        {":3", "no length"},
        {"0x40", "at least 16"},
        {"15", "at least 16"},
        {"0-64", "at least 16"},
        {"16385", "no length"},
        {"99999999999999999999", "no length"},
        {"18446744073709551680", "no length"},
        {"64-", "ends the range"},
        {"64-16385", "ends the range"},
        {"64-x", "ends the range"},
        {"65-64", "goes down"},
        {"64:", "no weight"},
        {"64:0", "no weight"},
        {"64:1000001", "no weight"},
        {"64:-1", "no weight"},
        {"64 ", "not understood"},
        {"64-65-66", "not understood"},
        {"64:1:2", "not understood"},
        {"64;65", "not understood"},
        {"16,16,16,16,16,16,16,16,16,16,16,16,16,16,16,16,16", "more than 16"},
    };
    for (auto &row : rows) {
        sl_load_sizes sizes;
        char reason[SL_REASON_LEN] = "";
        EXPECT_EQ(sl_load_sizes_parse(&sizes, row.text, reason), -EINVAL) << row.text;
        EXPECT_NE(std::string(reason).find(row.said), std::string::npos) << row.text << reason;
    }
    sl_load_sizes sizes;
    char reason[SL_REASON_LEN];
    EXPECT_EQ(sl_load_sizes_parse(&sizes, std::string(5000, 'x').c_str(), reason), -EINVAL);
    EXPECT_NE(std::string(reason).find("or imix"), std::string::npos) << reason;
}
