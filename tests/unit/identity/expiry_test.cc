/* When an operator hears of what ends. */
extern "C" {
#include "sl_expiry.h"
}

#include <gtest/gtest.h>

#include <vector>

namespace
{

constexpr int64_t kDay = 86400, kBegin = 1'000'000'000;

sl_expiry list_of(int64_t life_s)
{
    return {SL_EXPIRY_RENEWED, kBegin, kBegin + life_s};
}

sl_expiry certificate_of(int64_t life_s)
{
    return {SL_EXPIRY_CERTIFICATE, kBegin, kBegin + life_s};
}

// When it is said, to somebody who looks every `step_s`, in seconds before its end.
std::vector<int64_t> said(const sl_expiry &expiry, int64_t until_s, int64_t step_s = 10)
{
    std::vector<int64_t> moments;
    int64_t looked_s = 0;
    for (int64_t now_s = kBegin; now_s <= until_s; now_s += step_s) {
        if (sl_expiry_is_due(&expiry, looked_s, now_s))
            moments.push_back(expiry.ends_s - now_s);
        looked_s = now_s;
    }
    return moments;
}

} // namespace

TEST(Expiry, OfACertificateIsNearInItsLastTwoWeeks)
{
    sl_expiry year = certificate_of(365 * kDay);
    EXPECT_EQ(sl_expiry_state(&year, year.ends_s - 14 * kDay - 1), SL_EXPIRY_FAR);
    EXPECT_EQ(sl_expiry_state(&year, year.ends_s - 14 * kDay), SL_EXPIRY_NEAR);
    EXPECT_EQ(sl_expiry_state(&year, year.ends_s - 1), SL_EXPIRY_NEAR);
    EXPECT_EQ(sl_expiry_state(&year, year.ends_s), SL_EXPIRY_OVER);
    sl_expiry week = certificate_of(7 * kDay);
    EXPECT_EQ(sl_expiry_state(&week, week.begins_s), SL_EXPIRY_NEAR);
}

TEST(Expiry, OfAListIsNearInTheLastQuarterOfItsTime)
{
    sl_expiry hour = list_of(3600);
    EXPECT_EQ(sl_expiry_state(&hour, hour.ends_s - 901), SL_EXPIRY_FAR);
    EXPECT_EQ(sl_expiry_state(&hour, hour.ends_s - 900), SL_EXPIRY_NEAR);
    EXPECT_EQ(sl_expiry_state(&hour, hour.ends_s), SL_EXPIRY_OVER);
    sl_expiry year = list_of(365 * kDay);
    EXPECT_EQ(sl_expiry_state(&year, year.ends_s - 14 * kDay - 1), SL_EXPIRY_FAR);
    EXPECT_EQ(sl_expiry_state(&year, year.ends_s - 14 * kDay), SL_EXPIRY_NEAR);
}

TEST(Expiry, OfWhatNeverEndsIsNeverSaid)
{
    sl_expiry never = {SL_EXPIRY_RENEWED, kBegin, 0};
    EXPECT_EQ(sl_expiry_state(&never, kBegin + 1000 * kDay), SL_EXPIRY_FAR);
    EXPECT_FALSE(sl_expiry_is_due(&never, 0, kBegin + 1000 * kDay));
}

TEST(Expiry, IsSaidOnceADayAndWhenItIsOverAtOnce)
{
    sl_expiry list = list_of(8 * kDay);
    EXPECT_EQ(said(list, list.ends_s + 2 * kDay + kDay / 2),
              (std::vector<int64_t>{2 * kDay, kDay, 0, -kDay, -2 * kDay}));
    sl_expiry hour = list_of(3600);
    EXPECT_EQ(said(hour, hour.ends_s + kDay / 2), (std::vector<int64_t>{900, 0}));
}

TEST(Expiry, IsSaidAtOnceToWhoHasNeverLooked)
{
    sl_expiry list = list_of(8 * kDay);
    EXPECT_FALSE(sl_expiry_is_due(&list, 0, list.begins_s));
    EXPECT_TRUE(sl_expiry_is_due(&list, 0, list.ends_s - kDay - 77));
    EXPECT_TRUE(sl_expiry_is_due(&list, 0, list.ends_s + 7 * kDay + 77));
    EXPECT_FALSE(sl_expiry_is_due(&list, list.ends_s + 77, list.ends_s + 78));
}

TEST(Expiry, IsSaidOnceWhereNobodyHasLookedForDays)
{
    sl_expiry list = list_of(40 * kDay);
    EXPECT_EQ(said(list, list.ends_s + 10 * kDay, 4 * kDay),
              (std::vector<int64_t>{8 * kDay, 4 * kDay, 0, -4 * kDay, -8 * kDay}));
}
