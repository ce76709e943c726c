/** What happened in each interval of a run. */
#ifndef LOAD_SERIES_H
#define LOAD_SERIES_H

#include <stddef.h>

#include "sl_load.h"

/** What the program is at; the engine's phases, told apart further. */
enum phase {
    PHASE_CONNECT,
    PHASE_WARMUP, /* data flows, and is not measured */
    PHASE_RUN,    /* it is */
    PHASE_DRAIN,
    PHASE_CLOSE,
};
const char *phase_name(enum phase phase); /* "connect" */

struct series_point {
    double at_s;   /* its end, since the run began */
    double span_s; /* its length, above 0 */
    enum phase phase;
    uint64_t completed, failed; /* handshakes */
    uint64_t sent, sent_bytes, echoed, late, lost, overdue;
    uint64_t established, outstanding; /* at its end */
    uint64_t errors;                   /* handshakes failed, sessions lost, what was dropped */
    uint64_t latency_count; /* of what came back, late or not; 0: the others mean nothing */
    double p50_ns, p99_ns, p999_ns, max_ns;
};

struct series {
    struct series_point *points;
    size_t count, room;
};

/** What happened from one snapshot to a later one, the gauges the later one's. */
struct series_point series_point_of(const struct sl_load_stats *earlier,
                                    const struct sl_load_stats *later);
/** Of what came back in time or could not any more in the interval, how much was that; 0 for
 * nothing. */
double series_loss(const struct series_point *point);

/** Handshakes that failed, sessions that were lost, what was dropped. */
uint64_t series_errors(const struct sl_load_stats *stats);

/** return false when there is no memory. */
bool series_add(struct series *series, const struct series_point *point) SL_MUST_USE;
void series_free(struct series *series);

/** How long an interval of a run of so many seconds is: about a hundred of them, 100 ms to 1 s. */
double series_interval(double run_s);

/** The whole as CSV, with a line of names first. */
void series_write_csv(const struct series *series, FILE *out);

#endif
