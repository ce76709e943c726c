/**
 * Searches the highest rate that a server bears: at which the loss of a trial stays within a bound
 * (throughput, RFC 2544 26.1; RFC 8219 7.1). Rates are doubled until a trial fails, the gap is
 * halved to the precision wanted, and both of its ends are tried again: the rate that passed has to
 * pass each of some further trials, else it is lowered; the one that failed has to fail once more,
 * else the failure was a disturbance, and the search goes on above.
 *
 *     struct sl_load_search search;
 *     sl_load_search_init(&search, &config);
 *     while (sl_load_search_next(&search, &rate)) {
 *         ... offer it, wait, count ...
 *         sl_load_search_report(&search, offered_rate, loss);
 *     }
 *
 * No clock, no allocation. One thread.
 */
#ifndef SL_LOAD_SEARCH_H
#define SL_LOAD_SEARCH_H

#include "sl_base.h"

/** No search takes more. */
#define SL_LOAD_TRIALS_MAX 64
/** Of the rate that was asked for: the generator has offered less, and the trial says nothing of
 * the server. */
#define SL_LOAD_OFFERED_MIN 0.99

struct sl_load_search_config {
    double from_rate;       /* the first trial's; above 0 */
    double to_rate;         /* none is higher; at least from_rate */
    double max_loss;        /* share of what was sent, 0..1: a trial with more has failed */
    double precision;       /* share of a rate, 0.0001..0.5: how far the ends may lie apart */
    unsigned confirmations; /* further trials that the result has to pass */
};

enum sl_load_outcome {
    SL_LOAD_TRIAL_PASSED,
    SL_LOAD_TRIAL_FAILED,
    SL_LOAD_TRIAL_LIMITED, /* by the generator, which could not offer the rate */
};

struct sl_load_trial {
    double rate;    /* asked for */
    double offered; /* by the generator */
    double loss;
    enum sl_load_outcome outcome;
};

/** How a search ended. */
enum sl_load_search_end {
    SL_LOAD_SEARCH_RUNNING,
    SL_LOAD_SEARCH_FOUND,     /* by the server's loss */
    SL_LOAD_SEARCH_GENERATOR, /* by the generator: the server may bear more */
    SL_LOAD_SEARCH_CEILING,   /* to_rate passed */
    SL_LOAD_SEARCH_NONE,      /* not even the lowest rate passed */
    SL_LOAD_SEARCH_UNSETTLED, /* SL_LOAD_TRIALS_MAX trials did not settle it */
};

/** At what a search stands: what the next trial is for. */
enum sl_load_search_state {
    SL_LOAD_SEARCH_UP,      /* nothing failed yet above what passed */
    SL_LOAD_SEARCH_DOWN,    /* nothing passed yet */
    SL_LOAD_SEARCH_HALVE,   /* between what passed and what failed */
    SL_LOAD_SEARCH_CONFIRM, /* what passed again, or a lower rate when that failed */
    SL_LOAD_SEARCH_RECHECK, /* what failed again */
    SL_LOAD_SEARCH_DONE,
};

struct sl_load_search {
    struct sl_load_search_config config;
    struct sl_load_trial trials[SL_LOAD_TRIALS_MAX]; /* in order */
    unsigned trial_count;
    enum sl_load_search_state state;
    enum sl_load_search_end end;
    double rate;          /* of the next trial */
    double passed;        /* 0: none; the result, when all is done */
    double failed;        /* lowest rate known not to pass; 0: none */
    bool is_generator;    /* that is so because the generator could not offer it */
    double step;          /* share of the rate by which the search moves up, or down */
    unsigned passes_left; /* that the rate still has to pass */
    unsigned rechecks_left;
};

void sl_load_search_init(struct sl_load_search *search, const struct sl_load_search_config *config);

/** The rate of the next trial; false when the search is over. */
bool sl_load_search_next(const struct sl_load_search *search, double *rate) SL_MUST_USE;

/** What came of it. offered: messages a second that were sent. loss: share of them, 0..1. */
void sl_load_search_report(struct sl_load_search *search, double offered, double loss);

/** How many trials at exactly this rate had this outcome. */
unsigned sl_load_search_count(const struct sl_load_search *search, double rate,
                              enum sl_load_outcome outcome);

/**
 * How sure a result is: with 95 % confidence a trial at this rate fails with no greater
 * probability than this (Clopper and Pearson; three times 1/n for n passed of n, where n is large).
 * 1 when there has been no trial.
 */
double sl_load_search_failure_bound(const struct sl_load_search *search, double rate);

/** The result, or what is known so far, in a sentence or two: out [len]. */
void sl_load_search_describe(const struct sl_load_search *search, char *out, size_t len);

#endif
