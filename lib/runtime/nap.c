/* The short sleep of threads that poll. */
#include <sys/prctl.h>
#include <time.h>

#include "runtime_priv.h"

#define NAP_NS 50000 /* with the kernel's slack and scheduling about 100 us at most */
#define SLACK_NS 10000

void runtime_nap_prepare(void)
{
    prctl(PR_SET_TIMERSLACK, SLACK_NS);
}

void runtime_nap(void)
{
    const struct timespec nap = {.tv_nsec = NAP_NS};
    nanosleep(&nap, NULL);
}
