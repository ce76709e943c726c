#include <math.h>

#include "arrivals.h"

#define PARTS_PER_ARRIVAL 1000000000000ULL
#define NEVER UINT64_MAX

/** The parts of one gap of a Poisson process: exponential, 10^12 on average, below 37 * 10^12. */
static uint64_t draw_gap(struct load_random *random)
{
    const double above_0_up_to_1 = (double)((load_random_next(random) >> 11) + 1) * 0x1p-53;
    return (uint64_t)(-log(above_0_up_to_1) * (double)PARTS_PER_ARRIVAL);
}

void load_arrivals_init(struct load_arrivals *arrivals, enum load_arrivals_kind kind, uint64_t seed)
{
    *arrivals = (struct load_arrivals){.next_ns = NEVER, .change_ns = NEVER, .kind = kind};
    load_random_seed(&arrivals->random, seed);
    if (kind == LOAD_ARRIVALS_POISSON)
        arrivals->paused_parts = draw_gap(&arrivals->random);
}

/** What is left, at at_ns, of the gap before the next arrival. */
static uint64_t parts_left(const struct load_arrivals *arrivals, uint64_t at_ns)
{
    if (arrivals->rate_milli == 0)
        return arrivals->paused_parts;
    return (arrivals->next_ns - at_ns) * arrivals->rate_milli + arrivals->rest;
}

/** From at_ns on, before the next arrival, the rate is this. */
static void change_rate(struct load_arrivals *arrivals, uint64_t at_ns, uint64_t rate_milli)
{
    const uint64_t parts = parts_left(arrivals, at_ns);
    arrivals->rate_milli = rate_milli;
    if (rate_milli == 0) {
        arrivals->next_ns = NEVER;
        arrivals->paused_parts = parts;
        return;
    }
    arrivals->next_ns = at_ns + parts / rate_milli;
    arrivals->rest = parts % rate_milli;
    arrivals->step_ns = PARTS_PER_ARRIVAL / rate_milli;
    arrivals->step_rest = PARTS_PER_ARRIVAL % rate_milli;
}

void load_set_rate(struct load_arrivals *arrivals, uint64_t at_ns, uint64_t rate_milli)
{
    assert(rate_milli <= LOAD_RATE_MAX_MILLI);
    if (arrivals->change_ns == NEVER && arrivals->next_ns >= at_ns) {
        change_rate(arrivals, at_ns, rate_milli);
        return;
    }
    if (arrivals->change_ns == NEVER)
        arrivals->change_ns = at_ns;
    arrivals->change_milli = rate_milli;
}

uint64_t load_count_due(const struct load_arrivals *arrivals, uint64_t now_ns)
{
    const uint64_t end_ns = now_ns < arrivals->change_ns ? now_ns : arrivals->change_ns;
    if (arrivals->next_ns > end_ns)
        return 0;
    /* The k-th behind the next is due at next_ns + floor((rest + k * 10^12) / rate). */
    const unsigned __int128 beyond =
        (unsigned __int128)(end_ns - arrivals->next_ns + 1) * arrivals->rate_milli;
    return 1 + (uint64_t)((beyond - 1 - arrivals->rest) / PARTS_PER_ARRIVAL);
}

static void advance_constant(struct load_arrivals *arrivals)
{
    arrivals->next_ns += arrivals->step_ns;
    arrivals->rest += arrivals->step_rest;
    if (arrivals->rest >= arrivals->rate_milli) {
        arrivals->rest -= arrivals->rate_milli;
        arrivals->next_ns++;
    }
}

static void advance_poisson(struct load_arrivals *arrivals)
{
    const uint64_t parts = arrivals->rest + draw_gap(&arrivals->random);
    arrivals->next_ns += parts / arrivals->rate_milli;
    arrivals->rest = parts % arrivals->rate_milli;
}

void load_advance_arrivals(struct load_arrivals *arrivals)
{
    if (arrivals->kind == LOAD_ARRIVALS_CONSTANT)
        advance_constant(arrivals);
    else
        advance_poisson(arrivals);
    const uint64_t change_ns = arrivals->change_ns;
    if (arrivals->next_ns < change_ns)
        return;
    arrivals->change_ns = NEVER;
    change_rate(arrivals, change_ns, arrivals->change_milli);
}
