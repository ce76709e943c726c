/* The trials of --find-max. */
#include <stdio.h>

#include "run.h"
#include "text.h"

#define CONFIRMATIONS 2
#define LOOK_NS 5000000ULL
/** What is late may be later than that by so much, and still be counted where it belongs. */
#define LATE_GRACE_NS 500000000ULL
/** So many trials without any echo end the search. */
#define TRIALS_DEAD 2

static void begin_search(const struct plan *plan, struct sl_load_search *search)
{
    struct sl_load_search_config config = {
        .from_rate = plan->from_rate,
        .to_rate = plan->to_rate,
        .max_loss = plan->max_loss,
        .precision = plan->precision,
        .confirmations = CONFIRMATIONS,
    };
    sl_load_search_init(search, &config);
}

/** All that was ever sent and not answered. The books find out late, as new messages take their
 * places, that they have lost one: so its loss must not be waited for. */
static uint64_t unanswered(const struct run *run)
{
    const uint64_t *counters = run->watch->now.counters;
    return counters[SL_LOAD_SENT] - counters[SL_LOAD_ECHOED] - counters[SL_LOAD_LATE];
}

/** No more is sent, and every answer since the last silence has come or is late. */
static bool fall_silent(struct run *run)
{
    uint64_t end_ns = engines_now_ns() + run->plan->late_after_ns + LATE_GRACE_NS;
    engines_order_rate(run->engines, 0);
    do {
        if (!run_wait(run, engines_now_ns() + LOOK_NS, false))
            return false;
    } while (unanswered(run) > run->given_up && engines_now_ns() < end_ns);
    run->given_up = unanswered(run);
    return true;
}

/** What one rate brings, between two silences, so that each message counts once: run->before and
 * run->watch->now. return the seconds, or 0: interrupted. */
static double try_rate(struct run *run, double rate)
{
    const struct plan *plan = run->plan;
    watch_begin_phase(run->watch, PHASE_WARMUP);
    engines_order_rate(run->engines, rate);
    if (plan->settle_ns > 0 &&
        (!run_wait(run, engines_now_ns() + plan->settle_ns, false) || !fall_silent(run)))
        return 0;
    watch_begin_phase(run->watch, PHASE_RUN);
    run->before = run->watch->now;
    uint64_t begin_ns = engines_now_ns();
    engines_order_rate(run->engines, rate);
    if (!run_wait(run, begin_ns + plan->trial_ns, false))
        return 0;
    double seconds = (double)(engines_now_ns() - begin_ns) / 1e9;
    return fall_silent(run) ? seconds : 0;
}

/** Late is as good as lost. */
static double share_gone(const struct trial *trial)
{
    uint64_t gone = trial->late + trial->lost;
    return trial->sent > 0 ? (double)gone / (double)trial->sent : 0;
}

/** What has not come back when all is silent is lost, though the books keep a place for it. */
static struct trial trial_of(const struct sl_load_stats *during)
{
    const uint64_t sent = during->counters[SL_LOAD_SENT];
    const uint64_t echoed = during->counters[SL_LOAD_ECHOED];
    const uint64_t late = during->counters[SL_LOAD_LATE];
    return (struct trial){
        .sent = sent,
        .echoed = echoed,
        .late = late,
        .lost = sent > echoed + late ? sent - echoed - late : 0,
        .p50_ns = (double)sl_histogram_quantile_ns(&during->latency, 0.5),
        .p99_ns = (double)sl_histogram_quantile_ns(&during->latency, 0.99),
    };
}

/** The run's measure is that of the last trial at the highest rate that still passes. */
static void take_trial(struct run *run, double seconds)
{
    struct result *result = run->result;
    struct sl_load_search *search = &result->search.search;
    struct sl_load_stats *during = &run->during;
    struct trial *trial = &result->search.trials[search->trial_count];
    *during = run->watch->now;
    sl_load_subtract_stats(during, &run->before);
    *trial = trial_of(during);
    sl_load_search_report(search, (double)trial->sent / seconds, share_gone(trial));
    const struct sl_load_trial *last = &search->trials[search->trial_count - 1];
    bool is_best = last->outcome == SL_LOAD_TRIAL_PASSED && last->rate >= search->passed;
    if (is_best || result->measured_s <= 0) {
        result->measured = *during;
        result->measured_s = seconds;
    }
}

static void show_trial(const struct run *run)
{
    struct live *live = &run->watch->live;
    const struct search_result *search = &run->result->search;
    if (live->out == NULL)
        return;
    live_end_line(live);
    if (search->search.trial_count == 1)
        summary_print_trials_head(live->out);
    summary_print_trial(search, search->search.trial_count - 1, live->out);
    fflush(live->out);
}

/** A search that was interrupted, or whose server died, has no result to describe. */
static void describe(struct search_result *result)
{
    char rate[TEXT_LEN];
    if (result->search.end != SL_LOAD_SEARCH_RUNNING)
        sl_load_search_describe(&result->search, result->sentence, sizeof result->sentence);
    else if (result->search.passed > 0)
        snprintf(result->sentence, sizeof result->sentence,
                 "not found; when it ended, %s messages a second had passed",
                 text_rate(rate, result->search.passed));
    else
        snprintf(result->sentence, sizeof result->sentence,
                 "not found; when it ended, no rate had passed for sure");
}

/** Nothing came back in the last trials: lower rates would not bring it back. */
static bool is_dead(const struct search_result *result)
{
    const unsigned count = result->search.trial_count;
    for (unsigned i = 0; i < TRIALS_DEAD; i++)
        if (count < TRIALS_DEAD || result->trials[count - 1 - i].echoed > 0)
            return false;
    return true;
}

void run_search(struct run *run)
{
    struct search_result *result = &run->result->search;
    double rate, seconds, begin_s = watch_seconds(run->watch);
    begin_search(run->plan, &result->search);
    engines_order_rate(run->engines, 0);
    engines_order_phase(run->engines, SL_LOAD_RUN);
    while (!is_dead(result) && sl_load_search_next(&result->search, &rate)) {
        seconds = try_rate(run, rate);
        if (seconds <= 0)
            break;
        take_trial(run, seconds);
        show_trial(run);
    }
    describe(result);
    run->result->run_s = watch_seconds(run->watch) - begin_s;
}
