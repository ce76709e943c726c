#include <assert.h>
#include <string.h>

#include "overdue.h"

void load_overdue_init(struct load_overdue *overdue, uint64_t late_after_ns)
{
    memset(overdue, 0, sizeof *overdue);
    assert(late_after_ns >= LOAD_SPANS_IN_TIME);
    overdue->late_after_ns = late_after_ns;
    overdue->span_bits = 63 - (unsigned)__builtin_clzll(late_after_ns / LOAD_SPANS_IN_TIME);
}

/** The first span that an echo at now_ns may still be in time for. */
static uint64_t first_open(const struct load_overdue *overdue, uint64_t now_ns)
{
    return now_ns > overdue->late_after_ns ? (now_ns - overdue->late_after_ns) >> overdue->span_bits
                                           : 0;
}

uint64_t load_overdue_advance(struct load_overdue *overdue, uint64_t now_ns)
{
    const uint64_t open = first_open(overdue, now_ns);
    uint64_t sum = 0;
    if (open > overdue->oldest + LOAD_SPANS) {
        sum = load_overdue_close(overdue);
        overdue->oldest = open;
    }
    for (; overdue->oldest < open; overdue->oldest++) {
        uint64_t *waiting = &overdue->waiting[overdue->oldest % LOAD_SPANS];
        sum += *waiting;
        *waiting = 0;
    }
    return sum;
}

uint64_t load_overdue_close(struct load_overdue *overdue)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < LOAD_SPANS; i++)
        sum += overdue->waiting[i];
    memset(overdue->waiting, 0, sizeof overdue->waiting);
    return sum;
}
