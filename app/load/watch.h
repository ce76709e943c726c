/** Looks at a run while it goes on: signals, the live line, the series, whether anything comes
 * back. */
#ifndef LOAD_WATCH_H
#define LOAD_WATCH_H

#include "engines.h"
#include "live.h"

enum wake {
    WAKE_TIME,   /* it is until_ns */
    WAKE_DONE,   /* the engines have done what was ordered */
    WAKE_SIGNAL, /* SIGINT or SIGTERM */
};

struct watch {
    struct engines *engines;
    struct live live;
    struct series *series;
    int signal_fd;
    enum phase phase; /* the caller's: what the run is at */
    uint64_t begin_ns, interval_ns;
    uint64_t point_ns, line_ns; /* of the last ones */
    uint64_t answer_ns;         /* when something was last seen to come back */
    uint64_t sent_at_answer;
    uint64_t signal_ns;                    /* when the last signal came */
    struct sl_load_stats now, point, line; /* the last snapshot, and those of the last ones */
};

/** Signals have to be blocked already. out: of the live line, or NULL. return the watch (caller
 * owns), or NULL and reason [SETTINGS_REASON_LEN]. Time counts from now. */
struct watch *watch_create(struct engines *engines, struct series *series, double interval_s,
                           FILE *out, char *reason);
void watch_destroy(struct watch *watch);

/** Returns at until_ns, or earlier for a signal, and, where that is asked for, when the engines are
 * done. watch->now is fresh. */
enum wake watch_until(struct watch *watch, uint64_t until_ns, bool until_done);
/** Closes the interval, so that the next point belongs to another phase. */
void watch_begin_phase(struct watch *watch, enum phase phase);
double watch_seconds(const struct watch *watch);

#endif
