/** DPDK's environment for a program: which cores, which memory, and as little noise as possible. */
#ifndef EAL_H
#define EAL_H

#include <stdbool.h>

#define EAL_REASON_LEN 256

struct eal_settings {
    const char *program;        /* its name */
    unsigned cores;             /* lcores beside the main one, numbered from 1 */
    const char *what;           /* what runs on them: "workers" */
    bool spins;                 /* they never give their core away */
    const char *yield_option;   /* what a person sets so that they do */
    unsigned memory_mb;         /* of DPDK's memory */
    const char *memory_option;  /* what a person sets to change it */
    const char *const *devices; /* [device_count] of the ports; PCI devices else are not touched */
    unsigned device_count;
    char *const *arguments; /* [argument_count] for EAL as they are */
    unsigned argument_count;
    void (*log)(const char *line); /* what the machine lacks */
};

/** return 0, or -errno and reason [EAL_REASON_LEN]. Once a process; rte_eal_cleanup ends it. */
int eal_start(const struct eal_settings *settings, char *reason);

/** All memory of DPDK's, packets and what was in them, stays out of dumps: once all is allocated.
 */
void eal_leave_out_of_dumps(void);

#endif
