#include "books.h"

static void count(uint32_t *total)
{
    *total += *total < UINT32_MAX;
}

void load_books_init(struct load_books *books, uint64_t *answered, uint32_t window)
{
    assert(window >= 64 && window <= LOAD_WINDOW_MAX && (window & (window - 1)) == 0);
    *books = (struct load_books){.answered = answered, .window = window};
}

void load_books_advance(struct load_books *books)
{
    const bool is_lost = (*load_books_word(books, books->first) >> books->first % 64 & 1) == 0;
    books->lost += is_lost;
    books->outstanding -= is_lost;
    books->first++;
}

enum load_answer load_books_answer(struct load_books *books, uint32_t number, uint64_t intended_ns,
                                   uint64_t now_ns, uint64_t late_after_ns, bool *is_reordered)
{
    *is_reordered = false;
    const uint64_t in_window = (uint32_t)(number - (uint32_t)books->first);
    if (in_window >= books->sent - books->first || intended_ns > now_ns)
        return LOAD_ANSWER_STRAY;
    const uint64_t full_number = books->first + in_window;
    uint64_t *word = load_books_word(books, full_number);
    const uint64_t bit = 1ULL << full_number % 64;
    if (*word & bit) {
        count(&books->duplicates);
        return LOAD_ANSWER_DUPLICATE;
    }
    *word |= bit;
    books->outstanding--;
    if (full_number < books->expected) {
        *is_reordered = true;
        count(&books->reordered);
    } else {
        books->expected = full_number + 1;
    }
    if (now_ns - intended_ns <= late_after_ns)
        return LOAD_ANSWER_ECHOED;
    books->late++;
    return LOAD_ANSWER_LATE;
}

void load_books_close(struct load_books *books)
{
    books->lost += books->outstanding;
    books->outstanding = 0;
    books->first = books->sent;
}
