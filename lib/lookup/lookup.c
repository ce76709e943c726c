#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "lookup_priv.h"

/* A number begins with a letter that is no hex digit and has a fixed length: what is left of a line
 * that was cut at its front is never taken for another's. */
#define NUMBER_LEN 17
#define ANSWER_MAX (NUMBER_LEN + 1 + 2 * SL_PSK_KEY_MAX)
#define QUESTION_MAX (NUMBER_LEN + 1 + 2 * SL_PSK_IDENTITY_MAX + 1 + 64 + 1)
static_assert(QUESTION_MAX <= PIPE_BUF, "a pipe takes a question whole, or not at all: pipe(7)");

struct sl_lookup {
    int to, from;
    _Atomic uint64_t garbage;
    size_t len;      /* of what has been read and not looked at yet */
    bool is_skipped; /* the line that is being read is too long: to its end nothing counts */
    char bytes[2 * (ANSWER_MAX + 2)];
};

struct sl_lookup *sl_lookup_create(int to, int from)
{
    struct sl_lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup == NULL)
        return NULL;
    lookup->to = to;
    lookup->from = from;
    return lookup;
}

void sl_lookup_destroy(struct sl_lookup *lookup)
{
    if (lookup == NULL)
        return;
    OPENSSL_cleanse(lookup, sizeof *lookup);
    free(lookup);
}

uint64_t sl_lookup_garbage(const struct sl_lookup *lookup)
{
    return atomic_load_explicit(&lookup->garbage, memory_order_relaxed);
}

static void count_garbage(struct sl_lookup *lookup)
{
    uint64_t garbage = atomic_load_explicit(&lookup->garbage, memory_order_relaxed);
    atomic_store_explicit(&lookup->garbage, garbage + 1, memory_order_relaxed);
}

static bool ask(void *lookup_, const struct sl_handshake_question *question)
{
    const struct sl_lookup *lookup = lookup_;
    char line[QUESTION_MAX + 1];
    int at = snprintf(line, sizeof line, "q%016llx ", (unsigned long long)question->number);
    for (size_t i = 0; i < question->identity_len; i++)
        at += snprintf(line + at, sizeof line - (size_t)at, "%02x", question->identity[i]);
    at += snprintf(line + at, sizeof line - (size_t)at, "%s %.64s\n",
                   question->identity_len > 0 ? "" : "-", question->service);
    return write(lookup->to, line, (size_t)at) == at;
}

static bool read_number(const char *line, uint64_t *number)
{
    *number = 0;
    for (unsigned i = 1; i < NUMBER_LEN; i++) {
        int digit = sl_hex_digit(line[i]);
        if (digit < 0)
            return false;
        *number = *number << 4 | (unsigned)digit;
    }
    return line[0] == 'q';
}

static bool read_key(const char *text, size_t len, struct sl_handshake_answer *out)
{
    if (len == 1 && text[0] == '-')
        return true;
    if (len == 0 || len % 2 != 0 || len / 2 > sizeof out->key)
        return false;
    for (size_t i = 0; i < len; i += 2) {
        int byte = sl_hex_byte(text + i);
        if (byte < 0)
            return false;
        out->key[i / 2] = (uint8_t)byte;
    }
    out->key_len = (uint8_t)(len / 2);
    return true;
}

/** line [len], without its end. */
static bool read_answer(const char *line, size_t len, struct sl_handshake_answer *out)
{
    memset(out, 0, sizeof *out);
    return len > NUMBER_LEN + 1 && line[NUMBER_LEN] == ' ' && read_number(line, &out->number) &&
           read_key(line + NUMBER_LEN + 1, len - NUMBER_LEN - 1, out);
}

/** A copy has ended where a line had too; behind less than a line the mark makes it no answer. */
static bool is_end_of_copy(const char *line, size_t len)
{
    return len == sizeof LOOKUP_END_MARK - 2 && memcmp(line, LOOKUP_END_MARK, len) == 0;
}

enum line_kind { LINE_NONE, LINE_ANSWER, LINE_GARBAGE, LINE_END_OF_COPY };

/** Takes the first line off what has been read. */
static enum line_kind take_line(struct sl_lookup *lookup, struct sl_handshake_answer *out)
{
    enum line_kind kind = LINE_GARBAGE;
    char *end = memchr(lookup->bytes, '\n', lookup->len);
    if (end == NULL)
        return LINE_NONE;
    size_t len = (size_t)(end - lookup->bytes), rest = lookup->len - len - 1;
    if (!lookup->is_skipped && read_answer(lookup->bytes, len, out))
        kind = LINE_ANSWER;
    else if (!lookup->is_skipped && is_end_of_copy(lookup->bytes, len))
        kind = LINE_END_OF_COPY;
    lookup->is_skipped = false;
    memmove(lookup->bytes, end + 1, rest);
    OPENSSL_cleanse(lookup->bytes + rest, lookup->len - rest);
    lookup->len = rest;
    return kind;
}

/** Reads on. false: there is nothing. */
static bool fill(struct sl_lookup *lookup)
{
    if (lookup->len == sizeof lookup->bytes) { /* no line of an answer's length: its end is far */
        lookup->is_skipped = true;
        lookup->len = 0;
    }
    ssize_t len =
        read(lookup->from, lookup->bytes + lookup->len, sizeof lookup->bytes - lookup->len);
    if (len > 0)
        lookup->len += (size_t)len;
    return len > 0;
}

static bool next_answer(void *lookup_, struct sl_handshake_answer *out)
{
    enum { GARBAGE_AT_ONCE = 64 }; /* a program gone mad must not keep the thread */
    struct sl_lookup *lookup = lookup_;
    for (unsigned garbage = 0; garbage < GARBAGE_AT_ONCE;) {
        enum line_kind kind = take_line(lookup, out);
        if (kind == LINE_ANSWER)
            return true;
        if (kind == LINE_NONE && !fill(lookup))
            return false;
        if (kind == LINE_GARBAGE)
            count_garbage(lookup);
        garbage += kind != LINE_NONE || lookup->is_skipped;
    }
    return false;
}

struct sl_handshake_lookup sl_lookup_of(struct sl_lookup *lookup)
{
    return (struct sl_handshake_lookup){.ask = ask, .next_answer = next_answer, .arg = lookup};
}
