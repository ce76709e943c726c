/* In the place of dpdk_io.c where DPDK is not built in: meson's option `gateway`. */
#include <errno.h>
#include <stdio.h>

#include "port.h"

int dpdk_open(const struct plan *plan, const struct sl_load_scenario *scenario, struct dpdk **out,
              char *reason)
{
    (void)plan, (void)scenario;
    *out = NULL;
    snprintf(reason, SL_REASON_LEN,
             "this sluice-load was built without DPDK (-Dgateway=disabled): it has sockets only");
    return -ENOTSUP;
}

void dpdk_close(struct dpdk *dpdk)
{
    (void)dpdk; /* there is none */
}

void dpdk_port(struct dpdk *dpdk, unsigned index, struct port *port)
{
    (void)dpdk, (void)index, (void)port;
}
