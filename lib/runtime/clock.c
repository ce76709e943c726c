/* Reading the kernel's clock costs a system call where its source is not the time stamp counter, so
 * the counter is read instead and set right by the kernel's clock ten times a second. */
#include <time.h>

#include <rte_cycles.h>

#include "runtime_priv.h"

#define NS_PER_SECOND 1000000000ULL
#define LOOKS_PER_SECOND 10

uint64_t clock_kernel_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/** Both clocks at one moment: of a few tries the one that took least, for the thread may lose its
 * core between two readings. */
static void look(struct clock *clock)
{
    uint64_t least = UINT64_MAX;
    for (unsigned tries = 0; tries < 4; tries++) {
        uint64_t before = rte_rdtsc(), ns = clock_kernel_ns(), took = rte_rdtsc() - before;
        if (took >= least)
            continue;
        least = took;
        clock->tsc = before + took / 2;
        clock->ns = ns;
    }
}

void clock_start(struct clock *clock)
{
    uint64_t hz = rte_get_tsc_hz();
    *clock = (struct clock){.interval = hz / LOOKS_PER_SECOND,
                            .ns_per_tick = (double)NS_PER_SECOND / (double)hz};
    look(clock);
    clock->first_tsc = clock->tsc;
    clock->first_ns = clock->ns;
}

static void look_again(struct clock *clock)
{
    uint64_t before = clock->tsc;
    look(clock);
    if (clock->tsc < before) { /* the counter was set back: a machine that was moved */
        clock->first_tsc = clock->tsc;
        clock->first_ns = clock->ns;
    } else if (clock->tsc > clock->first_tsc && clock->ns > clock->first_ns) {
        clock->ns_per_tick =
            (double)(clock->ns - clock->first_ns) / (double)(clock->tsc - clock->first_tsc);
    }
}

uint64_t clock_now(struct clock *clock)
{
    uint64_t tsc = rte_rdtsc();
    if (tsc - clock->tsc > clock->interval) { /* also when it was set back: unsigned */
        look_again(clock);
        tsc = clock->tsc;
    }
    uint64_t now = clock->ns + (uint64_t)((double)(tsc - clock->tsc) * clock->ns_per_tick);
    if (now > clock->last)
        clock->last = now;
    return clock->last;
}
