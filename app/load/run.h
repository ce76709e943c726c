/** A run from its begin to its end. */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include "watch.h"

/**
 * Makes the run that the plan wants; result is filled in but for its verdict. live: where the line
 * a second goes, or NULL. return whether it could be made; else reason [SETTINGS_REASON_LEN].
 */
bool run_make(const struct plan *plan, struct result *result, FILE *live, char *reason) SL_MUST_USE;

/** The running one. */
struct run {
    const struct plan *plan;
    struct result *result;
    struct engines *engines;
    struct watch *watch;
    struct sl_load_stats before, during; /* room for snapshots */
    uint64_t given_up;                   /* by a search: nobody waits for their echoes any more */
    bool is_interrupted;                 /* once: end well */
    bool is_hurried;                     /* twice: end now */
};
/** Until then, or, where asked, until the engines are done. return whether nobody interrupts. */
bool run_wait(struct run *run, uint64_t until_ns, bool until_done);

/** search.c: the trials of --find-max, between CONNECT and DRAIN. */
void run_search(struct run *run);

#endif
