/** The line that is shown while a run goes on. */
#ifndef LOAD_LIVE_H
#define LOAD_LIVE_H

#include "series.h"

struct live {
    FILE *out;
    bool is_terminal; /* the line is written over the last one */
    bool has_line;    /* one stands there, without its end */
};

/** out: NULL for none. */
void live_init(struct live *live, FILE *out);
/** The last second, and the errors since the begin. */
void live_show(struct live *live, const struct series_point *point, uint64_t errors);
/** Before something else is written to the same terminal. */
void live_end_line(struct live *live);

/** The text of live_show, without the end of its line: out [out_len]. */
void live_format(const struct series_point *point, uint64_t errors, char *out, size_t out_len);

#endif
