/* A port group from its configuration to its end. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "port_priv.h"

#define XDP_ATTEMPTS 10
#define XDP_PAUSE_US 100000

int port_fail(struct sl_port *port, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(port->reason, PORT_REASON_LEN, format, args);
    va_end(args);
    return error < 0 ? error : -EIO;
}

void port_log(const struct sl_port *port, const char *format, ...)
{
    char line[PORT_REASON_LEN + 64];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (port->log != NULL)
        port->log(line);
}

/** Which worker polls which queue of which device. */
static void deal_lanes(struct sl_port *port)
{
    for (unsigned i = 0; i < port->device_count; i++) {
        const struct port_device *device = &port->devices[i];
        for (uint16_t k = 0; k < RTE_MAX(device->rx_count, device->tx_count); k++) {
            struct port_queue *queue = &port->queues[device->first + k * device->stride];
            struct port_lane lane = {device->port_id, k};
            if (k < device->rx_count)
                queue->rx[queue->rx_count++] = lane;
            if (k < device->tx_count && !queue->has_tx) {
                queue->has_tx = true;
                queue->tx = lane;
            }
        }
    }
    port->info.queue_count = 0;
    for (unsigned q = 0; q < port->config.queue_count; q++)
        port->info.queue_count += port->queues[q].rx_count > 0;
}

/** Queues without a transmit queue leave their frames to one that has, in turn. */
static int deal_relays(struct sl_port *port)
{
    unsigned senders[PORT_QUEUES_MAX], sender_count = 0;
    for (unsigned q = 0; q < port->config.queue_count; q++)
        if (port->queues[q].has_tx)
            senders[sender_count++] = q;
    if (sender_count == 0)
        return port_fail(port, -ENODEV, "port %u has no transmit queue", port->config.group);
    for (unsigned q = 0; q < port->config.queue_count; q++) {
        if (port->queues[q].has_tx)
            continue;
        unsigned sender = senders[q % sender_count];
        if (port->relays[sender] == NULL) {
            char name[RTE_RING_NAMESIZE];
            snprintf(name, sizeof name, "sluice_tx_g%u_%u", port->config.group, sender);
            /* Relaxed tail: a producer that is preempted does not hold up the others. */
            port->relays[sender] = rte_ring_create(name, PORT_RELAY_LEN, SOCKET_ID_ANY,
                                                   RING_F_MP_RTS_ENQ | RING_F_SC_DEQ);
            if (port->relays[sender] == NULL)
                return port_fail(port, -rte_errno, "no memory for port %u; raise memory_mb",
                                 port->config.group);
            port->queues[sender].relay = port->relays[sender];
        }
        port->queues[q].sender = &port->queues[sender];
    }
    return 0;
}

/** The group has one MTU, the smallest, and one MAC, the first. */
static int read_devices(struct sl_port *port)
{
    bool is_known = port->info.mtu != 0; /* by the kernel: the virtual devices don't look */
    if (!is_known)
        port->info.mtu = UINT16_MAX;
    for (unsigned i = 0; i < port->device_count && !is_known; i++) {
        uint16_t mtu;
        int error = rte_eth_dev_get_mtu(port->devices[i].port_id, &mtu);
        if (error != 0)
            return port_fail(port, error, "port %u does not say its MTU: %s", port->config.group,
                             strerror(-error));
        if (mtu < port->info.mtu)
            port->info.mtu = mtu;
    }
    struct rte_ether_addr mac;
    int error = rte_eth_macaddr_get(port->devices[0].port_id, &mac);
    if (error != 0)
        return port_fail(port, error, "port %u does not say its MAC address: %s",
                         port->config.group, strerror(-error));
    memcpy(port->info.mac, mac.addr_bytes, sizeof port->info.mac);
    return 0;
}

static int start(struct sl_port *port)
{
    int error = read_devices(port);
    if (error != 0)
        return error;
    deal_lanes(port);
    if ((error = deal_relays(port)) != 0 || (error = port_pools_create(port)) != 0)
        return error;
    port->info.driver = port->driver;
    port->info.tx_flags = SL_FRAME_TX_IP_CHECKSUM | SL_FRAME_TX_UDP_CHECKSUM;
    port->info.rss = true;
    for (unsigned i = 0; i < port->device_count; i++)
        if ((error = port_device_start(port, &port->devices[i])) != 0)
            return error;
    return 0;
}

static void tear_down(struct sl_port *port)
{
    for (unsigned q = 0; q < PORT_QUEUES_MAX; q++)
        rte_pktmbuf_free_bulk(port->queues[q].held, port->queues[q].held_count);
    for (unsigned q = 0; q < PORT_QUEUES_MAX; q++) {
        void *mbuf;
        while (port->relays[q] != NULL && rte_ring_dequeue(port->relays[q], &mbuf) == 0)
            rte_pktmbuf_free(mbuf);
        rte_ring_free(port->relays[q]);
        port->relays[q] = NULL;
    }
    port_detach_all(port);
    port_pools_destroy(port);
    memset(port->queues, 0, sizeof port->queues);
    for (unsigned q = 0; q < PORT_QUEUES_MAX; q++) {
        port->queues[q].group = (uint16_t)port->config.group;
        port->queues[q].index = (uint16_t)q;
    }
    memset(&port->info, 0, sizeof port->info);
    port->room_extra = 0;
}

/** One attempt with one driver; on failure nothing of it is left. */
static int try_driver(struct sl_port *port, enum sl_port_driver driver)
{
    struct port_interface interface;
    port->is_perhaps_busy = false;
    int error = driver == SL_PORT_DPDK ? 0 : port_interface_open(port, &interface);
    if (error == 0 && driver == SL_PORT_DPDK)
        error = port_attach_devices(port);
    else if (error == 0 && driver == SL_PORT_AF_PACKET)
        error = port_attach_packet(port, &interface);
    else if (error == 0)
        error = port_attach_xdp(port, &interface);
    if (error == 0)
        error = start(port);
    if (error != 0)
        tear_down(port);
    return error;
}

/** The kernel frees the queues of a socket a moment after it was closed: who restarts may find them
 * busy. DPDK does not hand EBUSY up, so any failure to set them up is tried again. */
static int try_xdp(struct sl_port *port)
{
    int error = try_driver(port, SL_PORT_AF_XDP);
    for (unsigned again = 0; error != 0 && port->is_perhaps_busy && again < XDP_ATTEMPTS; again++) {
        usleep(XDP_PAUSE_US);
        error = try_driver(port, SL_PORT_AF_XDP);
    }
    return error;
}

/** AF_XDP where it works; AF_PACKET works nearly everywhere, and is slower. */
static int try_both(struct sl_port *port)
{
    int error = try_xdp(port);
    if (error == 0)
        return 0;
    char first[PORT_REASON_LEN];
    memcpy(first, port->reason, sizeof first);
    int second = try_driver(port, SL_PORT_AF_PACKET);
    if (second != 0)
        return second;
    port_log(port, "port %u: falls back to AF_PACKET, which is slower: %s", port->config.group,
             first);
    return 0;
}

static int open_port(struct sl_port *port)
{
    const struct sl_port_config *config = &port->config;
    if (config->queue_count < 1 || config->queue_count > PORT_QUEUES_MAX)
        return port_fail(port, -EINVAL, "a port serves 1 to %d workers", PORT_QUEUES_MAX);
    if (config->driver == SL_PORT_AUTO)
        return try_both(port);
    if (config->driver == SL_PORT_AF_XDP)
        return try_xdp(port);
    return try_driver(port, config->driver);
}

int sl_port_create(const struct sl_port_config *config, void (*log)(const char *line),
                   struct sl_port **out, char *reason)
{
    reason[0] = '\0';
    struct sl_port *port = rte_zmalloc(NULL, sizeof *port, RTE_CACHE_LINE_SIZE);
    if (port == NULL) {
        snprintf(reason, PORT_REASON_LEN, "no memory for port %u; raise memory_mb", config->group);
        return -ENOMEM;
    }
    port->config = *config;
    port->log = log;
    port->reason = reason;
    tear_down(port); /* nothing yet: numbers the queues */
    int error = port_claim(port);
    if (error == 0)
        error = open_port(port);
    if (error != 0) {
        port_unclaim(port);
        rte_free(port);
        return error;
    }
    port->reason = NULL;
    if (port->info.queue_count < config->queue_count)
        port_log(
            port,
            "port %u: %u of %u workers receive from it; the others get packets by handoff only",
            config->group, port->info.queue_count, config->queue_count);
    *out = port;
    return 0;
}

void sl_port_destroy(struct sl_port *port)
{
    if (port == NULL)
        return;
    port_flush_relays(port);
    tear_down(port);
    port_unclaim(port);
    rte_free(port);
}

const struct sl_port_info *sl_port_info(const struct sl_port *port)
{
    return &port->info;
}
