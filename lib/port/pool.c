/* Buffers: a pool for each queue, so that what a worker receives and sends stays its own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_mbuf_pool_ops.h>

#include "port_priv.h"

#define POOL_CACHE 256
/** What DPDK puts before each object. */
#define OBJECT_HEADER_LEN RTE_CACHE_LINE_ROUNDUP(sizeof(struct rte_mempool_objhdr))

static bool is_xdp(const struct sl_port *port)
{
    return port->room_extra == PORT_XDP_HEADROOM;
}

/** Every receive lane fills its ring before it starts, and a transmit ring may be full as well. */
static unsigned frames_needed(const struct sl_port *port, const struct port_queue *queue)
{
    unsigned per_lane = is_xdp(port) ? 4096 : 2 * PORT_DESCRIPTORS;
    return RTE_MAX(port->config.frames_per_queue, queue->rx_count * per_lane + PORT_DESCRIPTORS);
}

/**
 * A pool of rte_mbufs as rte_pktmbuf_pool_create makes it, but for its flags. return NULL and
 * rte_errno.
 */
static struct rte_mempool *make_pool(const char *name, unsigned frames, uint16_t room,
                                     unsigned flags)
{
    struct rte_pktmbuf_pool_private private = {.mbuf_data_room_size = room,
                                               .mbuf_priv_size = PORT_PRIV_SIZE};
    struct rte_mempool *pool =
        rte_mempool_create_empty(name, frames, sizeof(struct rte_mbuf) + PORT_PRIV_SIZE + room,
                                 POOL_CACHE, sizeof private, SOCKET_ID_ANY, flags);
    if (pool == NULL)
        return NULL;
    int error = rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), NULL);
    if (error == 0) {
        rte_pktmbuf_pool_init(pool, &private);
        error = rte_mempool_populate_default(pool);
    }
    if (error < 0) {
        rte_mempool_free(pool);
        rte_errno = -error;
        return NULL;
    }
    rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
    return pool;
}

/**
 * The af_xdp driver tells the kernel the length that the objects have side by side. Where DPDK
 * leaves gaps, so that none crosses a page, the last ones lie beyond it: the kernel takes such a
 * buffer for receiving and drops it in silence, until none is left. They are never used.
 */
static int keep_out_unreachable(struct sl_port *port, struct rte_mempool *pool)
{
    unsigned count = pool->populated_size;
    void **objects = malloc(count * sizeof *objects);
    if (objects == NULL || rte_mempool_generic_get(pool, objects, count, NULL) != 0) {
        free(objects);
        return port_fail(port, -ENOMEM, "no memory for port %u", port->config.group);
    }
    size_t object_len = rte_mempool_calc_obj_size(pool->elt_size, pool->flags, NULL);
    uintptr_t start = (uintptr_t)STAILQ_FIRST(&pool->mem_list)->addr;
    for (unsigned i = 0; i < count; i++)
        if ((uintptr_t)objects[i] - pool->header_size + object_len <= start + count * object_len)
            rte_mempool_generic_put(pool, &objects[i], 1, NULL);
    free(objects);
    return 0;
}

static int create_pool(struct sl_port *port, unsigned q)
{
    char name[RTE_MEMPOOL_NAMESIZE];
    unsigned frames = frames_needed(port, &port->queues[q]);
    snprintf(name, sizeof name, "sluice_g%u_%u", port->config.group, q);
    /* Filling its page, an object needs no gap behind it: see port_pools_create. */
    bool fills_page = is_xdp(port) && !rte_eal_has_hugepages();
    port->pools[q] = make_pool(name, frames, port->room, fills_page ? RTE_MEMPOOL_F_NO_SPREAD : 0);
    if (port->pools[q] == NULL)
        return port_fail(port, -rte_errno,
                         "no memory for %u frame buffers of port %u; raise memory_mb", frames,
                         port->config.group);
    /* The af_xdp driver registers the first piece of a pool with the kernel, and no other. */
    if (is_xdp(port) && port->pools[q]->nb_mem_chunks != 1)
        return port_fail(port, -ENOMEM,
                         "the frame buffers of port %u don't lie in one piece; raise memory_mb",
                         port->config.group);
    int error = is_xdp(port) ? keep_out_unreachable(port, port->pools[q]) : 0;
    if (error != 0)
        return error;
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
    if (is_xdp(port) && port->room > PORT_XDP_ROOM_MAX)
        return port_fail(port, -EMSGSIZE, "MTU %u of port %u is larger than a buffer of AF_XDP",
                         port->info.mtu, port->config.group);
    if (is_xdp(port) && !rte_eal_has_hugepages())
        port->room = (uint16_t)((size_t)getpagesize() - OBJECT_HEADER_LEN -
                                sizeof(struct rte_mbuf) - PORT_PRIV_SIZE);
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
