/** The search for the highest rate, as a state machine: a trial's outcome in, a rate out. */
#include <assert.h>
#include <math.h>

#include "sl_load_search.h"

/** The lowest rate tried. */
#define RATE_MIN 1.0
/** How often a failure may turn out to have been a disturbance. */
#define RECHECKS 3

void sl_load_search_init(struct sl_load_search *search, const struct sl_load_search_config *config)
{
    assert(config->from_rate > 0 && config->to_rate >= config->from_rate);
    assert(config->max_loss >= 0 && config->max_loss <= 1);
    assert(config->precision >= 0.0001 && config->precision <= 0.5);
    *search = (struct sl_load_search){.config = *config,
                                      .state = SL_LOAD_SEARCH_UP,
                                      .rate = config->from_rate,
                                      .step = 1,
                                      .rechecks_left = RECHECKS};
}

bool sl_load_search_next(const struct sl_load_search *search, double *rate)
{
    *rate = search->rate;
    return search->state != SL_LOAD_SEARCH_DONE;
}

static void finish(struct sl_load_search *search, enum sl_load_search_end end)
{
    search->state = SL_LOAD_SEARCH_DONE;
    search->end = end;
}

/** What passed has done so often enough. */
static void settle(struct sl_load_search *search)
{
    if (search->failed == 0) {
        finish(search, SL_LOAD_SEARCH_CEILING);
    } else if (search->rechecks_left > 0) {
        search->state = SL_LOAD_SEARCH_RECHECK;
        search->rate = search->failed;
    } else {
        finish(search, search->is_generator ? SL_LOAD_SEARCH_GENERATOR : SL_LOAD_SEARCH_FOUND);
    }
}

static void confirm(struct sl_load_search *search)
{
    search->state = SL_LOAD_SEARCH_CONFIRM;
    search->rate = search->passed;
    search->step = search->config.precision;
    search->passes_left = search->config.confirmations;
    if (search->passes_left == 0)
        settle(search);
}

/** Nothing has failed above what passed. */
static void go_up(struct sl_load_search *search)
{
    if (search->passed >= search->config.to_rate) {
        confirm(search);
        return;
    }
    search->state = SL_LOAD_SEARCH_UP;
    search->rate = fmin(search->passed * (1 + search->step), search->config.to_rate);
    search->step = fmin(2 * search->step, 1);
}

/** Nothing has passed below what failed: a share of that next. */
static void go_down(struct sl_load_search *search, enum sl_load_search_state state, double share)
{
    search->passed = 0;
    search->state = state;
    if (search->rate <= RATE_MIN)
        finish(search, search->is_generator ? SL_LOAD_SEARCH_GENERATOR : SL_LOAD_SEARCH_NONE);
    else
        search->rate = fmax(search->rate * share, RATE_MIN);
}

/** Between what passed and what failed. */
static void halve(struct sl_load_search *search)
{
    if (search->failed - search->passed <= search->config.precision * search->failed) {
        confirm(search);
        return;
    }
    search->state = SL_LOAD_SEARCH_HALVE;
    search->rate = sqrt(search->passed * search->failed);
}

static void take_pass(struct sl_load_search *search)
{
    search->passed = search->rate;
    switch (search->state) {
    case SL_LOAD_SEARCH_UP:
        go_up(search);
        break;
    case SL_LOAD_SEARCH_DOWN:
    case SL_LOAD_SEARCH_HALVE:
        halve(search);
        break;
    case SL_LOAD_SEARCH_CONFIRM:
        if (--search->passes_left == 0)
            settle(search);
        break;
    case SL_LOAD_SEARCH_RECHECK:
        search->rechecks_left--;
        search->failed = 0;
        search->step = 2 * search->config.precision;
        go_up(search);
        break;
    case SL_LOAD_SEARCH_DONE:
        break;
    }
}

/** The share that came through is a guess at what the server, or the generator, can do. */
static double guess_of(const struct sl_load_trial *trial)
{
    const double through = (1 - trial->loss) * trial->offered / trial->rate;
    return fmin(fmax(through, 1.0 / 16), 0.5);
}

static void take_failure(struct sl_load_search *search, const struct sl_load_trial *trial)
{
    search->failed = search->rate;
    search->is_generator = trial->outcome == SL_LOAD_TRIAL_LIMITED;
    switch (search->state) {
    case SL_LOAD_SEARCH_UP:
        if (search->passed > 0)
            halve(search);
        else
            go_down(search, SL_LOAD_SEARCH_DOWN, guess_of(trial));
        break;
    case SL_LOAD_SEARCH_DOWN:
        go_down(search, SL_LOAD_SEARCH_DOWN, guess_of(trial));
        break;
    case SL_LOAD_SEARCH_HALVE:
        halve(search);
        break;
    case SL_LOAD_SEARCH_CONFIRM: /* a little lower, and as many passes there */
        go_down(search, SL_LOAD_SEARCH_CONFIRM, 1 - search->step);
        search->step = fmin(2 * search->step, 0.5);
        search->passes_left = search->config.confirmations + 1;
        break;
    case SL_LOAD_SEARCH_RECHECK:
        finish(search, search->is_generator ? SL_LOAD_SEARCH_GENERATOR : SL_LOAD_SEARCH_FOUND);
        break;
    case SL_LOAD_SEARCH_DONE:
        break;
    }
}

void sl_load_search_report(struct sl_load_search *search, double offered, double loss)
{
    assert(search->state != SL_LOAD_SEARCH_DONE);
    struct sl_load_trial *trial = &search->trials[search->trial_count++];
    *trial = (struct sl_load_trial){.rate = search->rate, .offered = offered, .loss = loss};
    if (offered < SL_LOAD_OFFERED_MIN * search->rate)
        trial->outcome = SL_LOAD_TRIAL_LIMITED;
    else
        trial->outcome =
            loss <= search->config.max_loss ? SL_LOAD_TRIAL_PASSED : SL_LOAD_TRIAL_FAILED;
    if (trial->outcome == SL_LOAD_TRIAL_PASSED)
        take_pass(search);
    else
        take_failure(search, trial);
    if (search->trial_count == SL_LOAD_TRIALS_MAX && search->state != SL_LOAD_SEARCH_DONE)
        finish(search, SL_LOAD_SEARCH_UNSETTLED);
}
