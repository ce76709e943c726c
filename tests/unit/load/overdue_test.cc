#include <gtest/gtest.h>

#include <map>
#include <random>

extern "C" {
#include "overdue.h"
}

namespace
{

constexpr uint64_t kLate = 32 * 1024; /* spans of 1,024 */

} // namespace

TEST(LoadOverdue, CountsAMessageOnceItsTimeHasPassed)
{
    load_overdue overdue;
    load_overdue_init(&overdue, kLate);
    load_overdue_send(&overdue, 1500);
    EXPECT_EQ(load_overdue_advance(&overdue, 1500 + kLate), 0u);
    EXPECT_EQ(load_overdue_advance(&overdue, 2047 + kLate), 0u);
    EXPECT_EQ(load_overdue_advance(&overdue, 2048 + kLate), 1u);
    EXPECT_EQ(load_overdue_advance(&overdue, 90 * kLate), 0u);
}

TEST(LoadOverdue, CountsNoneThatWasEchoedInTime)
{
    load_overdue overdue;
    load_overdue_init(&overdue, kLate);
    load_overdue_send(&overdue, 100);
    EXPECT_EQ(load_overdue_advance(&overdue, 100 + kLate), 0u);
    load_overdue_echo(&overdue, 100);
    EXPECT_EQ(load_overdue_advance(&overdue, 900 * kLate) + load_overdue_close(&overdue), 0u);
}

TEST(LoadOverdue, CountsWhatIsSentTooLateWithTheOldest)
{
    load_overdue overdue;
    load_overdue_init(&overdue, kLate);
    EXPECT_EQ(load_overdue_advance(&overdue, 100 * kLate), 0u);
    load_overdue_send(&overdue, 5); /* meant a hundred times that ago */
    EXPECT_EQ(load_overdue_advance(&overdue, 100 * kLate + 1024), 1u);
}

/* The model: every message's own time. */
TEST(LoadOverdue, AgreesWithEachMessagesOwnTime)
{
    for (unsigned seed = 1; seed < 30; seed++) {
        std::mt19937 random(seed);
        load_overdue overdue;
        uint64_t now = 1000000, counted = 0, expected = 0, sent = 0;
        std::multimap<uint64_t, uint64_t> waiting; /* intended -> when its echo comes */
        load_overdue_init(&overdue, kLate);
        for (unsigned step = 0; step < 3000; step++) {
            now += random() % 3 == 0 ? 0 : random() % (step % 500 == 0 ? 5000000 : 400);
            counted += load_overdue_advance(&overdue, now);
            for (auto it = waiting.begin(); it != waiting.end();) {
                const bool is_here = it->second <= now, is_late = now - it->first > kLate;
                if (is_here && !is_late)
                    load_overdue_echo(&overdue, it->first);
                else if (is_late)
                    expected++;
                it = is_here || is_late ? waiting.erase(it) : std::next(it);
            }
            const uint64_t intended = now - std::min<uint64_t>(now, random() % 800);
            load_overdue_send(&overdue, intended);
            waiting.emplace(intended, random() % 5 == 0 ? UINT64_MAX : now + random() % 40000);
            sent++;
            /* It may be behind by as many as lie in a span. */
            ASSERT_LE(counted, expected);
        }
        now += 2 * kLate;
        counted += load_overdue_advance(&overdue, now);
        EXPECT_EQ(counted, expected + waiting.size()) << seed;
        EXPECT_GT(counted, sent / 6);
        EXPECT_EQ(load_overdue_close(&overdue), 0u);
    }
}
