/** What an engine's frames come from and go to: kernel sockets, or a DPDK port. */
#ifndef LOAD_PORT_H
#define LOAD_PORT_H

#include "plan.h"

#define PORT_STATS_MAX 32

/** One engine's. Everything but open and close is called by the engine's thread, or, when that has
 * ended, by any. */
struct port {
    struct sl_load_io io;
    const struct sl_load_link *link; /* as in sl_load_config */
    uint16_t mtu;                    /* IP packet bytes */
    void *arg;
    /** The engine's thread begins, and ends; NULL: the port need not know. */
    void (*enter)(void *arg);
    void (*leave)(void *arg);
    /** Sleeps until something may have come in, at most so long; NULL: never sleeps. */
    void (*wait)(void *arg, uint64_t timeout_ns);
    /** What the port counts: stats [PORT_STATS_MAX], the texts static. return how many. */
    unsigned (*count)(void *arg, struct sl_stat *stats);
    void (*close)(void *arg); /* NULL: nothing to close */
};

/** For the engine `index` of `count`. return 0, or -errno and reason [SL_REASON_LEN]. */
int sockets_port_open(const struct sl_load_scenario *scenario, unsigned index, unsigned count,
                      struct port *port, char *reason) SL_MUST_USE;

/** dpdk_io.c; where it is not built in, dpdk_none.c: one port for all engines, a queue for each. */
struct dpdk;

/** Once a process. return 0 and *out, or -errno and reason [SL_REASON_LEN]. */
int dpdk_open(const struct plan *plan, const struct sl_load_scenario *scenario, struct dpdk **out,
              char *reason) SL_MUST_USE;
/** When no engine is left. NULL: nothing. */
void dpdk_close(struct dpdk *dpdk);
/** For the engine `index` of as many as the plan has cores. */
void dpdk_port(struct dpdk *dpdk, unsigned index, struct port *port);

#endif
