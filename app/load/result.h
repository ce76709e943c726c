/** What came of a run, and what is to be said of it. */
#ifndef LOAD_RESULT_H
#define LOAD_RESULT_H

#include "plan.h"
#include "port.h"
#include "series.h"
#include "sl_load_search.h"

#define VERDICT_SENTENCES_MAX 12
#define VERDICT_SENTENCE_LEN 512

enum run_end {
    END_COMPLETE,   /* it took its time, or the search found its end */
    END_INTERRUPT,  /* a signal */
    END_NO_SESSION, /* there was nothing to send from */
};

/** How a count is spread over the clients that sent anything. */
struct spread {
    uint32_t touched;          /* clients that have any */
    double median, p99, worst; /* share of the client's messages */
};
struct client_spread {
    uint32_t clients;    /* that sent anything */
    uint32_t unanswered; /* that sent some messages, and got none of them back */
    struct sl_load_client_result sum;
    struct spread lost, late, reordered, duplicates;
};

/** What a trial of a search brought beside its verdict. */
struct trial {
    uint64_t sent, echoed, late, lost;
    double p50_ns, p99_ns;
};

struct search_result {
    struct sl_load_search search;
    struct trial trials[SL_LOAD_TRIALS_MAX]; /* those of the search */
    char sentence[VERDICT_SENTENCE_LEN];
};

struct result {
    char began[32]; /* RFC 3339, UTC */
    enum run_end end;
    double connect_s;  /* until every client was connected or had failed */
    double run_s;      /* of data, warm-up included */
    double measured_s; /* without it; of a search: the best trial */
    double whole_s;
    struct sl_load_stats total;                            /* of all */
    struct sl_load_stats measured;                         /* of measured_s */
    struct sl_load_failure failures[SL_LOAD_FAILURES_MAX]; /* the most frequent first */
    unsigned failure_count;
    struct client_spread spread;
    struct series series;
    struct sl_stat port_stats[PORT_STATS_MAX];
    unsigned port_stat_count;
    double silent_since_s; /* nothing has come back since; 0: it has */
    uint64_t sent_in_silence;
    struct search_result search;
    bool is_capture_cut; /* not all of it could be written */
    /* verdict.c fills in: */
    char sentences[VERDICT_SENTENCES_MAX][VERDICT_SENTENCE_LEN];
    unsigned sentence_count;
    int exit_status;
};

/** All clients' results into their spread. clients [count]. return
 * false when there is no memory. */
bool spread_of_clients(const struct sl_load_client_result *clients, uint32_t count,
                       struct client_spread *spread) SL_MUST_USE;

/** Adds an engine's failures to those that are there: the same text once; sorts. */
void result_add_failures(struct result *result, const struct sl_load_failure *failures,
                         unsigned count);

/** verdict.c: sentences and exit status, from all the rest. */
#define EXIT_STATUS_FINE 0
#define EXIT_STATUS_FAILED 1
#define EXIT_STATUS_USAGE 2
#define EXIT_STATUS_INTERRUPTED 130
void verdict_reach(const struct plan *plan, struct result *result);

/** summary.c: the table for people; and a search's trials, for as they come. */
void summary_print_trials_head(FILE *out);
void summary_print_trial(const struct search_result *search, unsigned i, FILE *out);
void summary_print(const struct plan *plan, const struct result *result, FILE *out);

/** result_json.c: everything. */
void result_write_json(const struct plan *plan, const struct result *result, FILE *out);

#endif
