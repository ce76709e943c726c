/* Buffers: a pool for each queue, so that what a worker receives and sends stays its own. */
#include <errno.h>
#include <stdio.h>

#include <rte_errno.h>

#include "port_priv.h"

#define POOL_CACHE 256

/** Every receive lane fills its ring before it starts, and a transmit ring may be full as well. */
static unsigned frames_needed(const struct sl_port *port, const struct port_queue *queue)
{
    unsigned per_lane = port->room_extra == PORT_XDP_HEADROOM ? 4096 : 2 * PORT_DESCRIPTORS;
    return RTE_MAX(port->config.frames_per_queue, queue->rx_count * per_lane + PORT_DESCRIPTORS);
}

static int create_pool(struct sl_port *port, unsigned q)
{
    char name[RTE_MEMPOOL_NAMESIZE];
    unsigned frames = frames_needed(port, &port->queues[q]);
    snprintf(name, sizeof name, "sluice_g%u_%u", port->config.group, q);
    port->pools[q] = rte_pktmbuf_pool_create(name, frames, POOL_CACHE, PORT_PRIV_SIZE, port->room,
                                             SOCKET_ID_ANY);
    if (port->pools[q] == NULL)
        return port_fail(port, -rte_errno,
                         "no memory for %u frame buffers of port %u; raise memory_mb", frames,
                         port->config.group);
    /* The af_xdp driver registers the first piece of a pool with the kernel, and no other. */
    if (port->room_extra == PORT_XDP_HEADROOM && port->pools[q]->nb_mem_chunks != 1)
        return port_fail(port, -ENOMEM,
                         "the frame buffers of port %u don't lie in one piece; raise memory_mb",
                         port->config.group);
    port->queues[q].pool = port->pools[q];
    return 0;
}

int port_pools_create(struct sl_port *port)
{
    unsigned need = port->info.mtu + PORT_L2_LEN + RTE_PKTMBUF_HEADROOM + port->room_extra;
    if (need > UINT16_MAX - RTE_CACHE_LINE_SIZE)
        return port_fail(port, -EMSGSIZE, "MTU %u of port %u is larger than any buffer",
                         port->info.mtu, port->config.group);
    port->room =
        (uint16_t)RTE_ALIGN_CEIL(RTE_MAX(need, (unsigned)PORT_ROOM_MIN), RTE_CACHE_LINE_SIZE);
    if (port->room_extra == PORT_XDP_HEADROOM && port->room > PORT_XDP_ROOM_MAX)
        return port_fail(port, -EMSGSIZE, "MTU %u of port %u is larger than a buffer of AF_XDP",
                         port->info.mtu, port->config.group);
    int error = 0;
    for (unsigned q = 0; q < port->config.queue_count && error == 0; q++)
        if (port->queues[q].has_tx || port->queues[q].rx_count > 0)
            error = create_pool(port, q);
    /* Who receives nothing and sends by way of another fills that one's buffers. */
    for (unsigned q = 0; q < port->config.queue_count && error == 0; q++)
        if (port->queues[q].pool == NULL)
            port->queues[q].pool = port->queues[q].sender->pool;
    return error;
}

void port_pools_destroy(struct sl_port *port)
{
    for (unsigned q = 0; q < PORT_QUEUES_MAX; q++) {
        rte_mempool_free(port->pools[q]);
        port->pools[q] = NULL;
    }
}
