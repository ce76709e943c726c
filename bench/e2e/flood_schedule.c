/* When packets come: good ones at a constant rate, bad ones whenever they like. */
#include <math.h>

#include "flood_priv.h"

/** Between two events of a Poisson process. */
static double draw_gap(struct flood *flood)
{
    const double drawn = (double)(flood_random(flood) >> 32) + 1;
    return -flood->traffic.bad_gap * log(drawn / 4294967296.0);
}

void flood_schedule_begin(struct flood *flood)
{
    flood->next_good = (double)flood->now + flood->traffic.good_gap;
    flood->next_bad = (double)flood->now + draw_gap(flood);
}

bool flood_schedule_next(struct flood *flood, uint64_t *due)
{
    const bool is_good = flood->next_good <= flood->next_bad;
    *due = (uint64_t)(is_good ? flood->next_good : flood->next_bad);
    if (is_good)
        flood->next_good += flood->traffic.good_gap;
    else
        flood->next_bad += draw_gap(flood);
    return is_good;
}
