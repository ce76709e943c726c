/**
 * One client's messages, counted exactly: each ends once, as echoed, late or lost. The client
 * numbers them 0, 1, 2, ...; a window of bits remembers which of the newest were answered. What
 * leaves the window unanswered is lost. At all times
 *
 *     sent = echoed + late + lost + outstanding.
 *
 * One thread. No clock, no allocation.
 */
#ifndef LOAD_BOOKS_H
#define LOAD_BOOKS_H

#include <assert.h>

#include "sl_base.h"

/** The most numbers that a window may hold; the low 32 bits of a number tell them apart. */
#define LOAD_WINDOW_MAX (1U << 30)

/** Totals are the client's life long; those of 32 bits stay at their maximum. */
struct load_books {
    uint64_t *answered; /* [window / 64], borrowed: bit n % window of each number n in the window */
    uint64_t sent;      /* the next number */
    uint64_t first;     /* the window: first <= n < sent, at most `window` of them */
    uint64_t expected;  /* greatest number answered + 1; below it an answer is reordered */
    uint64_t lost;
    uint64_t late;
    uint32_t outstanding; /* in the window, not answered */
    uint32_t window;      /* a power of two */
    uint32_t reordered;   /* RFC 4737 3.3: came after the answer to a later message */
    uint32_t duplicates;
};
static_assert(sizeof(struct load_books) == SL_CACHE_LINE, "a client's books are one line");

/** What an answer was. */
enum load_answer {
    LOAD_ANSWER_ECHOED,    /* the first one, in time */
    LOAD_ANSWER_LATE,      /* the first one */
    LOAD_ANSWER_DUPLICATE, /* not the first one */
    LOAD_ANSWER_STRAY,     /* to what was never sent, or is settled and forgotten; not counted */
};

/** answered [window / 64] lives as long as the books; window: a power of two, 64..LOAD_WINDOW_MAX.
 */
void load_books_init(struct load_books *books, uint64_t *answered, uint32_t window);

/** The word that has the bit of a number in the window. */
static inline uint64_t *load_books_word(const struct load_books *books, uint64_t number)
{
    return &books->answered[(number & (books->window - 1)) / 64];
}

/** The oldest number leaves the full window. */
void load_books_advance(struct load_books *books);

/** Takes the number of a message that is sent now. */
static inline uint64_t load_books_send(struct load_books *books)
{
    if (books->sent - books->first == books->window)
        load_books_advance(books);
    const uint64_t number = books->sent++;
    *load_books_word(books, number) &= ~(1ULL << number % 64);
    books->outstanding++;
    return number;
}

/**
 * Counts an answer.
 * number        as in its payload: the low 32 bits.
 * intended_ns   as in its payload. One that is still to come is a stray's.
 * late_after_ns an answer that comes longer than this after intended_ns is late.
 * is_reordered  out: a first answer, after the answer to a later message.
 */
enum load_answer load_books_answer(struct load_books *books, uint32_t number, uint64_t intended_ns,
                                   uint64_t now_ns, uint64_t late_after_ns, bool *is_reordered);

/** Settles all that is outstanding as lost; a later answer is a stray. Sending may go on. */
void load_books_close(struct load_books *books);

static inline uint64_t load_books_echoed(const struct load_books *books)
{
    return books->sent - books->late - books->lost - books->outstanding;
}

#endif
