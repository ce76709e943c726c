/** Of a run, what plots and comparisons show: just made, or read from its JSON. */
#ifndef LOAD_OUTCOME_H
#define LOAD_OUTCOME_H

#include "result.h"

#define OUTCOME_TEXT_LEN 200

struct outcome_point {
    double at_s;
    char phase; /* 'r': of the run itself; else before or after it */
    double sent, echoed, handshakes, handshakes_failed; /* a second */
    double loss;                                        /* share, late ones included */
    double p50_us, p99_us, p999_us;                     /* NAN: nothing came back */
};

/** Of all answers, the share that took at most so long. */
struct outcome_step {
    double us, share;
};

struct outcome {
    char name[OUTCOME_TEXT_LEN];  /* in legends and columns */
    char title[OUTCOME_TEXT_LEN]; /* what was done */
    char about[OUTCOME_TEXT_LEN]; /* on what machine, when */
    bool has_data;                /* messages were sent; else it was about handshakes */
    struct outcome_point *points; /* owned [point_count] */
    size_t point_count;
    struct outcome_step *steps; /* owned [step_count]: of messages, or else of handshakes */
    size_t step_count;
    struct sl_yaml *document; /* owned: where it was read from; NULL: nowhere */
};

/** return false when there is no memory. */
bool outcome_of_result(const struct plan *plan, const struct result *result,
                       struct outcome *outcome) SL_MUST_USE;
/** error: "FILE:LINE: reason" */
bool outcome_read(const char *path, struct outcome *outcome, char *error,
                  size_t error_len) SL_MUST_USE;
void outcome_wipe(struct outcome *outcome);
/** The number or text at a path of its JSON; NAN or NULL when there is none. */
double outcome_number(const struct outcome *outcome, const char *path);
const char *outcome_text(const struct outcome *outcome, const char *path);

/** plot.c. The page for one outcome or several, overlaid: a script for gnuplot. */
void plot_write_script(const struct outcome *outcomes, unsigned count, const char *path, FILE *out);
/** Whether gnuplot is there and runs. return 0, or -errno and error, as plot_draw. */
int plot_check(char *error, size_t error_len) SL_MUST_USE;
/** gnuplot.c. Has gnuplot draw it. error [error_len]: a sentence. return 0 or -errno; -ENOENT:
 * there is no gnuplot. */
int plot_draw(const struct outcome *outcomes, unsigned count, const char *path, char *error,
              size_t error_len) SL_MUST_USE;

/** report.c: `sluice-load report`. return the exit status. */
int report_main(int argc, char **argv);

#endif
