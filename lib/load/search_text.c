/** What a search has found, and how sure that is. */
#include <stdarg.h>
#include <stdio.h>

#include "sl_load_search.h"

#define DOUBT 0.05

unsigned sl_load_search_count(const struct sl_load_search *search, double rate,
                              enum sl_load_outcome outcome)
{
    unsigned count = 0;
    for (unsigned i = 0; i < search->trial_count; i++)
        count += search->trials[i].rate == rate && search->trials[i].outcome == outcome;
    return count;
}

/** The probability of at most `failed` failures in n trials of which each fails with p < 1. */
static double at_most(unsigned failed, unsigned n, double p)
{
    double term = 1, sum = 0;
    for (unsigned i = 0; i < n; i++)
        term *= 1 - p;
    for (unsigned i = 0; i <= failed; i++) {
        sum += term;
        term *= p / (1 - p) * (n - i) / (i + 1);
    }
    return sum;
}

double sl_load_search_failure_bound(const struct sl_load_search *search, double rate)
{
    const unsigned failed = sl_load_search_count(search, rate, SL_LOAD_TRIAL_FAILED);
    const unsigned n = failed + sl_load_search_count(search, rate, SL_LOAD_TRIAL_PASSED);
    if (failed == n)
        return 1;
    double low = 0, high = 1;
    for (unsigned i = 0; i < 50; i++) {
        const double p = (low + high) / 2;
        if (at_most(failed, n, p) > DOUBT)
            low = p;
        else
            high = p;
    }
    return high;
}

struct text {
    char *at;
    size_t left;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int wanted = vsnprintf(text->at, text->left, format, arguments);
    va_end(arguments);
    if (wanted < 0 || text->left == 0)
        return;
    const size_t used = (size_t)wanted < text->left ? (size_t)wanted : text->left - 1;
    text->at += used;
    text->left -= used;
}

static void add_rate(struct text *text, double rate)
{
    add(text, "%.*f", rate < 100 ? 1 : 0, rate);
}

/** Why it is no more than what passed. */
static void add_end(struct text *text, const struct sl_load_search *search)
{
    const unsigned failed = sl_load_search_count(search, search->failed, SL_LOAD_TRIAL_FAILED);
    const unsigned passed = sl_load_search_count(search, search->failed, SL_LOAD_TRIAL_PASSED);
    switch (search->end) {
    case SL_LOAD_SEARCH_FOUND:
        add(text, "; at ");
        add_rate(text, search->failed);
        add(text, " %u of %u lost more than %g %%", failed, failed + passed,
            100 * search->config.max_loss);
        break;
    case SL_LOAD_SEARCH_GENERATOR:
        add(text, "; ");
        add_rate(text, search->failed);
        add(text, " is more than the generator could offer: the server may bear more");
        break;
    case SL_LOAD_SEARCH_CEILING:
        add(text, "; nothing higher was to be tried");
        break;
    case SL_LOAD_SEARCH_UNSETTLED:
        add(text, "; %u trials did not settle it", search->trial_count);
        break;
    case SL_LOAD_SEARCH_RUNNING:
    case SL_LOAD_SEARCH_NONE:
        break;
    }
}

static void add_passed(struct text *text, const struct sl_load_search *search)
{
    const unsigned passed = sl_load_search_count(search, search->passed, SL_LOAD_TRIAL_PASSED);
    const unsigned failed = sl_load_search_count(search, search->passed, SL_LOAD_TRIAL_FAILED);
    add_rate(text, search->passed);
    add(text, " messages a second passed %u of %u trials", passed, passed + failed);
    add_end(text, search);
    add(text, ". With 95 %% confidence a trial at this rate fails in at most %.0f %% of cases.",
        100 * sl_load_search_failure_bound(search, search->passed));
}

/** Nothing is known to pass, or no longer. */
static void add_failed(struct text *text, const struct sl_load_search *search)
{
    if (search->is_generator)
        add(text, "The generator could not even offer ");
    else if (search->end == SL_LOAD_SEARCH_UNSETTLED)
        add(text, "%u trials settled nothing; the last to fail was at ", search->trial_count);
    else
        add(text, "No rate passes: more than %g %% was lost down to ",
            100 * search->config.max_loss);
    add_rate(text, search->failed);
    add(text, " messages a second.");
}

void sl_load_search_describe(const struct sl_load_search *search, char *out, size_t len)
{
    struct text text = {out, len};
    if (search->trial_count == 0)
        add(&text, "No trial was made.");
    else if (search->passed > 0)
        add_passed(&text, search);
    else
        add_failed(&text, search);
}
