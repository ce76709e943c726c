extern "C" {
#include "sl_record.h"
}

#include <gtest/gtest.h>

#include <set>

namespace
{

/* After the table of WireGuard's selftest/counter.c: number offered, outcome, in order; the window
 * starts anew at each table. */
struct Row {
    uint64_t seq;
    sl_drop expected;
};

constexpr uint64_t window = SL_REPLAY_WINDOW;
constexpr sl_drop fresh = SL_DROP_NONE;
constexpr sl_drop again = SL_DROP_REPLAY;
constexpr sl_drop old = SL_DROP_REPLAY_OLD;

void run(std::initializer_list<Row> rows)
{
    sl_replay replay;
    sl_replay_init(&replay);
    unsigned line = 0;
    for (const Row &row : rows) {
        bool newer;
        uint64_t newest = replay.newest;
        EXPECT_EQ(sl_replay_check(&replay, row.seq), row.expected) << "row " << line;
        EXPECT_EQ(sl_replay_admit(&replay, row.seq, &newer), row.expected) << "row " << line;
        EXPECT_EQ(newer, row.expected == fresh && row.seq >= newest) << "row " << line;
        line++;
    }
}

/** Offers first..last in steps; each has to come out as expected. */
void offer(sl_replay *replay, uint64_t first, uint64_t last, int step, sl_drop expected)
{
    bool newer;
    for (uint64_t seq = first;; seq += static_cast<uint64_t>(static_cast<int64_t>(step))) {
        ASSERT_EQ(sl_replay_admit(replay, seq, &newer), expected) << seq;
        if (seq == last)
            break;
    }
}

struct Replay : testing::Test {
    sl_replay replay;

    void SetUp() override
    {
        sl_replay_init(&replay);
    }
};

} // namespace

TEST_F(Replay, FollowsTheTableOfWireGuard)
{
    run({
        {0, fresh},
        {1, fresh},
        {1, again},
        {9, fresh},
        {8, fresh},
        {7, fresh},
        {7, again},
        {window, fresh},
        {window - 1, fresh},
        {window - 1, again},
        {window - 2, fresh},
        {window + 1, fresh},
        {window + 2, fresh},
        {window + 2, again},
        {window + 16, fresh},
        {3, old},
        {window + 16, again},
        {window * 4, fresh},
        {window * 4 - (window - 1), fresh},
        {10, old},
        {window * 4 - window, old},
        {window * 4 - (window + 1), old},
        {window * 4 - (window - 2), fresh},
        {window * 4 + 1 - window, again},
        {0, old},
    });
}

TEST_F(Replay, ReachesTheHighestRecordNumber)
{
    run({
        {SL_SEQ_MAX - 1, fresh},
        {SL_SEQ_MAX, fresh},
        {SL_SEQ_MAX, again},
        {SL_SEQ_MAX - 1, again},
        {SL_SEQ_MAX - 2, fresh},
        {SL_SEQ_MAX - (window - 1), fresh},
        {SL_SEQ_MAX - window, old},
        {0, old},
    });
}

TEST_F(Replay, TakesAWholeWindowForwards)
{
    offer(&replay, 1, window - 1, 1, fresh);
    offer(&replay, 0, 0, 1, fresh);
    offer(&replay, 0, 0, 1, again);
}

TEST_F(Replay, LosesTheOldestNumberAsTheWindowMoves)
{
    offer(&replay, 2, window + 1, 1, fresh);
    offer(&replay, 1, 1, 1, old);
}

TEST_F(Replay, TakesAWholeWindowBackwards)
{
    offer(&replay, window - 1, 0, -1, fresh);
    offer(&replay, window - 1, 0, -1, again);
}

TEST_F(Replay, RefusesWhatIsBelowAWindowTakenBackwards)
{
    offer(&replay, window, 1, -1, fresh);
    offer(&replay, 0, 0, 1, old);
}

TEST_F(Replay, TakesALateNumberOnlyWhileItIsInTheWindow)
{
    offer(&replay, window, 1, -1, fresh);
    offer(&replay, window + 1, window + 1, 1, fresh);
    offer(&replay, 0, 0, 1, old);
    offer(&replay, 1, 1, 1, old);
    offer(&replay, 2, 2, 1, again);
}

TEST_F(Replay, CheckChangesNothing)
{
    bool newer;
    ASSERT_EQ(sl_replay_admit(&replay, 100, &newer), fresh);
    sl_replay before = replay;
    EXPECT_EQ(sl_replay_check(&replay, 5000), fresh);
    EXPECT_EQ(sl_replay_check(&replay, 100), again);
    EXPECT_EQ(sl_replay_check(&replay, 50), fresh);
    EXPECT_EQ(memcmp(&before, &replay, sizeof replay), 0);
}

TEST_F(Replay, AgreesWithASetOfAllNumbersOnRandomWalks)
{
    std::set<uint64_t> seen;
    uint64_t highest = 0, random = 1;
    for (unsigned i = 0; i < 200000; i++) {
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        uint64_t r = random >> 33, jump = i % 1000 == 0 ? 3000 : 40;
        uint64_t back = r % (window + 100);
        uint64_t seq = (r >> 12) % 4 == 0 ? highest + r % jump : highest - std::min(highest, back);
        bool any = !seen.empty();
        sl_drop expected = any && highest >= seq && highest - seq >= window ? old
                           : seen.count(seq)                                ? again
                                                                            : fresh;
        bool newer;
        ASSERT_EQ(sl_replay_admit(&replay, seq, &newer), expected) << i;
        ASSERT_EQ(newer, expected == fresh && (!any || seq > highest));
        if (expected == fresh)
            seen.insert(seq);
        highest = std::max(highest, seq);
    }
}

namespace
{

/** A window and a set of all that it has admitted, which says what each number must come out as. */
struct Model {
    sl_replay replay;
    std::set<uint64_t> seen;

    Model()
    {
        sl_replay_init(&replay);
    }

    sl_drop expected_of(uint64_t seq) const
    {
        if (!seen.empty() && seq < *seen.rbegin() && *seen.rbegin() - seq >= window)
            return old;
        return seen.count(seq) > 0 ? again : fresh;
    }

    void offer(uint64_t seq)
    {
        const sl_drop expected = expected_of(seq);
        const bool is_newer = seen.empty() || seq > *seen.rbegin();
        bool newer;
        ASSERT_EQ(sl_replay_check(&replay, seq), expected) << seq;
        ASSERT_EQ(sl_replay_admit(&replay, seq, &newer), expected) << seq;
        ASSERT_EQ(newer, is_newer) << seq;
        if (expected == fresh)
            seen.insert(seq);
    }

    /** The newest again, and the numbers below it by steps, more of them than the window has. */
    void offer_below(uint64_t newest, uint64_t step)
    {
        for (uint64_t back = 0; back <= 1100 && back <= newest; back += step)
            ASSERT_NO_FATAL_FAILURE(offer(newest - back));
    }
};

/** What a jump must not leave or lose: some numbers seen before it, all offered behind it. */
void jump(uint64_t from, uint64_t distance)
{
    Model model;
    ASSERT_NO_FATAL_FAILURE(model.offer(from));
    ASSERT_NO_FATAL_FAILURE(model.offer_below(from, 3));
    ASSERT_NO_FATAL_FAILURE(model.offer(from + distance));
    ASSERT_NO_FATAL_FAILURE(model.offer_below(from + distance, 1));
    ASSERT_NO_FATAL_FAILURE(model.offer_below(from + distance, 1)); /* now all are known */
}

} // namespace

TEST_F(Replay, AgreesWithASetAfterJumpsToAboutTheEndsOfWords)
{
    for (uint64_t base : {uint64_t{0}, uint64_t{64} * 100})
        for (uint64_t place : {0, 1, 62, 63})
            for (uint64_t words : {1, 14, 15, 16, 17, 18, 32})
                for (uint64_t distance : {64 * words - 1, 64 * words, 64 * words + 1}) {
                    SCOPED_TRACE(testing::Message() << base + place << " + " << distance);
                    ASSERT_NO_FATAL_FAILURE(jump(base + place, distance));
                }
}

TEST_F(Replay, AgreesWithASetWhenTheFirstRecordIsFarAhead)
{
    for (uint64_t place : {0, 1, 62, 63}) {
        Model model;
        ASSERT_NO_FATAL_FAILURE(model.offer((1ULL << 40) + place));
        ASSERT_NO_FATAL_FAILURE(model.offer_below((1ULL << 40) + place, 1));
        ASSERT_NO_FATAL_FAILURE(model.offer(0));
    }
}
