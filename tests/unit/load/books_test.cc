extern "C" {
#include "books.h"
}

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace
{

constexpr uint64_t late_after_ns = 1000;

struct Answer {
    load_answer answer;
    bool is_reordered;
    bool operator==(const Answer &other) const
    {
        return answer == other.answer && is_reordered == other.is_reordered;
    }
};

std::ostream &operator<<(std::ostream &out, const Answer &answer)
{
    static const char *const names[] = {"echoed", "late", "duplicate", "stray"};
    return out << names[answer.answer] << (answer.is_reordered ? ", reordered" : "");
}

constexpr Answer echoed = {LOAD_ANSWER_ECHOED, false};
constexpr Answer echoed_reordered = {LOAD_ANSWER_ECHOED, true};
constexpr Answer late = {LOAD_ANSWER_LATE, false};
constexpr Answer late_reordered = {LOAD_ANSWER_LATE, true};
constexpr Answer duplicate = {LOAD_ANSWER_DUPLICATE, false};
constexpr Answer stray = {LOAD_ANSWER_STRAY, false};

struct Books : load_books {
    std::vector<uint64_t> words;

    explicit Books(uint32_t window_len) : load_books{}, words(window_len / 64, ~0ULL)
    {
        load_books_init(this, words.data(), window_len);
    }
    void Send(unsigned n = 1)
    {
        for (unsigned i = 0; i < n; i++)
            load_books_send(this);
    }
    Answer Take(uint32_t number, uint64_t after_ns = 0)
    {
        Answer result;
        result.answer = load_books_answer(this, number, 5000, 5000 + after_ns, late_after_ns,
                                          &result.is_reordered);
        return result;
    }
    /** As if so many had been sent and answered. */
    void SkipTo(uint64_t number)
    {
        first = sent = expected = number;
    }
};

/** The messages of one client, each with what became of it. */
class Model
{
  public:
    explicit Model(uint32_t window_len) : window(window_len) {}
    void SkipTo(uint64_t number)
    {
        first_ever = first = sent = expected = number;
    }
    void Send()
    {
        outcomes[sent++] = Outcome::outstanding;
        if (sent - first > window)
            Settle(first + 1);
    }
    void Close()
    {
        Settle(sent);
    }
    Answer Take(uint64_t number, uint64_t after_ns)
    {
        auto found = outcomes.find(number);
        if (found == outcomes.end() || number < first)
            return stray;
        if (found->second != Outcome::outstanding) {
            duplicates++;
            return duplicate;
        }
        const bool is_late = after_ns > late_after_ns, is_reordered = number < expected;
        found->second = is_late ? Outcome::late : Outcome::echoed;
        reordered += is_reordered;
        expected = std::max(expected, number + 1);
        return {is_late ? LOAD_ANSWER_LATE : LOAD_ANSWER_ECHOED, is_reordered};
    }
    void ExpectIn(const Books &books) const
    {
        std::map<Outcome, uint64_t> totals;
        for (auto &[number, outcome] : outcomes)
            totals[outcome]++;
        ASSERT_EQ(books.sent, sent);
        ASSERT_EQ(load_books_echoed(&books), first_ever + totals[Outcome::echoed]);
        ASSERT_EQ(books.late, totals[Outcome::late]);
        ASSERT_EQ(books.lost, totals[Outcome::lost]);
        ASSERT_EQ(books.outstanding, totals[Outcome::outstanding]);
        ASSERT_EQ(books.reordered, reordered);
        ASSERT_EQ(books.duplicates, duplicates);
    }
    uint64_t sent = 0;

  private:
    enum class Outcome { outstanding, echoed, late, lost };
    void Settle(uint64_t below)
    {
        for (; first < below; first++)
            if (outcomes[first] == Outcome::outstanding)
                outcomes[first] = Outcome::lost;
    }
    uint64_t window, first_ever = 0, first = 0, expected = 0, reordered = 0, duplicates = 0;
    std::map<uint64_t, Outcome> outcomes;
};

struct Row {
    uint32_t number;
    uint64_t after_ns;
    Answer expected;
};

/** Of `count` messages sent, numbered from `from`, these are answered in order. */
void run(uint64_t from, unsigned count, std::initializer_list<Row> rows)
{
    Books books(64);
    books.SkipTo(from);
    books.Send(count);
    unsigned line = 0;
    for (const Row &row : rows)
        EXPECT_EQ(books.Take(row.number, row.after_ns), row.expected) << "row " << line++;
}

} // namespace

TEST(LoadBooks, TellWhatAnAnswerIs)
{
    run(0, 10,
        {
            {10, 0, stray}, /* not sent yet */
            {0xffffffff, 0, stray},
            {0, 0, echoed},
            {0, 0, duplicate},
            {3, 0, echoed},
            {2, 0, echoed_reordered},
            {2, 0, duplicate},
            {1, late_after_ns, echoed_reordered},
            {4, late_after_ns + 1, late},
            {4, 0, duplicate},
            {9, 0, echoed},
            {6, late_after_ns + 1, late_reordered},
            {5, 0, echoed_reordered},
            {9, late_after_ns + 1, duplicate},
            {10, 0, stray},
        });
}

TEST(LoadBooks, ForgetWhatLeftTheWindow)
{
    run(0, 65, {{0, 0, stray}, {64, 0, echoed}, {1, 0, echoed_reordered}});
    run(0, 1000,
        {
            {935, 0, stray},
            {936, 0, echoed},
            {999, 0, echoed},
            {1000, 0, stray},
        });
}

TEST(LoadBooks, NumbersGoOnWhereTheirLow32BitsWrap)
{
    run(0xffffffe0, 64,
        {
            {0xffffffdf, 0, stray},
            {0xffffffe0, 0, echoed},
            {0xffffffff, 0, echoed},
            {0, 0, echoed},
            {0xfffffffe, 0, echoed_reordered},
            {0x1f, 0, echoed},
            {0x20, 0, stray},
            {0, 0, duplicate},
        });
}

TEST(LoadBooks, AnAnswerFromBeforeItWasMeantToBeSentIsAStray)
{
    Books books(64);
    books.Send();
    bool is_reordered;
    EXPECT_EQ(load_books_answer(&books, 0, 5001, 5000, late_after_ns, &is_reordered),
              LOAD_ANSWER_STRAY);
    EXPECT_EQ(load_books_answer(&books, 0, UINT64_MAX, 5000, late_after_ns, &is_reordered),
              LOAD_ANSWER_STRAY);
    EXPECT_EQ(books.outstanding, 1u);
    EXPECT_EQ(load_books_answer(&books, 0, 5000, 5000, late_after_ns, &is_reordered),
              LOAD_ANSWER_ECHOED);
}

TEST(LoadBooks, WhatLeavesTheWindowUnansweredIsLostAtOnce)
{
    Books books(128);
    books.Send(128);
    EXPECT_EQ(books.lost, 0u);
    EXPECT_EQ(books.Take(1), echoed);
    books.Send();
    EXPECT_EQ(books.lost, 1u);
    books.Send(); /* number 1 leaves, answered */
    EXPECT_EQ(books.lost, 1u);
    books.Send();
    EXPECT_EQ(books.lost, 2u);
    EXPECT_EQ(books.outstanding, 128u);
}

TEST(LoadBooks, ClosingSettlesAllAndSendingMayGoOn)
{
    Books books(64);
    books.Send(10);
    EXPECT_EQ(books.Take(4), echoed);
    load_books_close(&books);
    EXPECT_EQ(books.lost, 9u);
    EXPECT_EQ(books.outstanding, 0u);
    EXPECT_EQ(books.Take(4), stray);
    EXPECT_EQ(books.Take(5), stray);
    books.Send();
    EXPECT_EQ(books.Take(9), stray);
    EXPECT_EQ(books.Take(10), echoed);
    load_books_close(&books);
    EXPECT_EQ(books.lost, 9u);
    EXPECT_EQ(load_books_echoed(&books), 2u);
}

TEST(LoadBooks, TotalsOf32BitsStayAtTheirMaximum)
{
    Books books(64);
    books.Send(10);
    books.duplicates = books.reordered = UINT32_MAX - 1;
    EXPECT_EQ(books.Take(9), echoed);
    for (uint32_t i = 0; i < 3; i++) {
        EXPECT_EQ(books.Take(i), echoed_reordered);
        EXPECT_EQ(books.Take(i), duplicate);
    }
    EXPECT_EQ(books.duplicates, UINT32_MAX);
    EXPECT_EQ(books.reordered, UINT32_MAX);
}

namespace
{

/** A client, its books and their model, over a link that loses, copies, delays and reorders. */
class Walk
{
  public:
    explicit Walk(uint64_t seed)
        : random(seed), window(64U << seed % 4), loss_percent(seed % 5 * 7),
          copy_percent(seed % 4 * 5), delay_max(seed % 2 ? 5 : 2 * window), books(window),
          model(window)
    {
        const uint64_t from = seed % 3 == 0 ? (1ULL << 32) - 700 : 0;
        books.SkipTo(from);
        model.SkipTo(from);
    }
    void Turn()
    {
        now++;
        if (random() % 10 < 8) {
            ASSERT_NO_FATAL_FAILURE(Send());
        }
        for (; !coming.empty() && coming.begin()->first <= now; coming.erase(coming.begin()))
            ASSERT_NO_FATAL_FAILURE(Answer(coming.begin()->second, random() % 2000));
        if (random() % 50 == 0) /* out of the blue */ {
            ASSERT_NO_FATAL_FAILURE(Answer(model.sent + random() % 9 - 4, 0));
        }
        if (random() % 1000 == 0)
            Close();
    }
    void Close()
    {
        load_books_close(&books);
        model.Close();
    }
    void Compare() const
    {
        model.ExpectIn(books);
    }

  private:
    void Send()
    {
        ASSERT_EQ(load_books_send(&books), model.sent);
        const int copies = (random() % 100 >= loss_percent) + (random() % 100 < copy_percent);
        for (int i = 0; i < copies; i++)
            coming.insert({now + random() % delay_max, model.sent});
        model.Send();
    }
    void Answer(uint64_t number, uint64_t after_ns)
    {
        ASSERT_EQ(books.Take(static_cast<uint32_t>(number), after_ns),
                  model.Take(number, after_ns));
    }
    std::mt19937_64 random;
    uint32_t window;
    uint64_t loss_percent, copy_percent, delay_max, now = 0;
    Books books;
    Model model;
    std::multimap<uint64_t, uint64_t> coming; /* when, number */
};

} // namespace

TEST(LoadBooks, AgreeWithAModelOfEveryMessage)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        SCOPED_TRACE(seed);
        Walk walk(seed);
        for (unsigned turn = 0; turn < 3000; turn++) {
            ASSERT_NO_FATAL_FAILURE(walk.Turn());
            if (turn % 50 == 0) {
                ASSERT_NO_FATAL_FAILURE(walk.Compare());
            }
        }
        walk.Close();
        ASSERT_NO_FATAL_FAILURE(walk.Compare());
    }
}
