extern "C" {
#include "text.h"
}

#include <gtest/gtest.h>

namespace
{

char out[TEXT_LEN];

} // namespace

TEST(Text, CountsHaveTheirThousandsApart)
{
    EXPECT_STREQ(text_count(out, 0), "0");
    EXPECT_STREQ(text_count(out, 999), "999");
    EXPECT_STREQ(text_count(out, 1000), "1,000");
    EXPECT_STREQ(text_count(out, 18446744073709551615u), "18,446,744,073,709,551,615");
}

TEST(Text, RatesAreRounded)
{
    EXPECT_STREQ(text_rate(out, 0), "0");
    EXPECT_STREQ(text_rate(out, 0.26), "0.3");
    EXPECT_STREQ(text_rate(out, 9.94), "9.9");
    EXPECT_STREQ(text_rate(out, 9.96), "10");
    EXPECT_STREQ(text_rate(out, 1234.5), "1,235");
}

TEST(Text, TimesHaveThreeDigits)
{
    EXPECT_STREQ(text_ns(out, 0), "0 ns");
    EXPECT_STREQ(text_ns(out, 999), "999 ns");
    EXPECT_STREQ(text_ns(out, 999.9), "1.00 us");
    EXPECT_STREQ(text_ns(out, 9999), "10.0 us");
    EXPECT_STREQ(text_ns(out, 99960), "100 us");
    EXPECT_STREQ(text_ns(out, 999600), "1.00 ms");
    EXPECT_STREQ(text_ns(out, 12.34e9), "12.3 s");
    EXPECT_STREQ(text_ns(out, 1e12), "1000 s");
}

TEST(Text, ASmallShareIsNotNoneAndALargeOneNotAll)
{
    EXPECT_STREQ(text_share(out, 0), "0.000 %");
    EXPECT_STREQ(text_share(out, 1e-9), "< 0.001 %");
    EXPECT_STREQ(text_share(out, 0.00125), "0.125 %");
    EXPECT_STREQ(text_share(out, 1 - 1e-9), "> 99.999 %");
    EXPECT_STREQ(text_share(out, 1), "100.000 %");
}
