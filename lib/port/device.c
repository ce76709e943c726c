/* One DPDK port of the group: configured, its queues set up, started. */
#include <errno.h>

#include "port_priv.h"

#define RX_CHECKSUMS (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)

/** Only what the port says it can do is asked for. */
static void choose_offloads(const struct rte_eth_dev_info *dev, struct rte_eth_conf *conf)
{
    conf->rxmode.offloads = dev->rx_offload_capa & RX_CHECKSUMS;
    conf->txmode.offloads =
        dev->tx_offload_capa & (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM);
}

static uint16_t tx_flags(uint64_t offloads)
{
    uint16_t flags = 0;
    if (offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM)
        flags |= SL_FRAME_TX_IP_CHECKSUM;
    if (offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
        flags |= SL_FRAME_TX_UDP_CHECKSUM;
    return flags;
}

/** A device without a transmit queue that is used gets one all the same: drivers want it. */
static uint16_t tx_queues(const struct port_device *device)
{
    return device->tx_count > 0 ? device->tx_count : 1;
}

static struct port_queue *owner_of(struct sl_port *port, const struct port_device *device,
                                   unsigned queue)
{
    return &port->queues[device->first + queue * device->stride];
}

static int set_up_queues(struct sl_port *port, const struct port_device *device)
{
    uint16_t rx_len = PORT_DESCRIPTORS, tx_len = PORT_DESCRIPTORS, id = device->port_id;
    int error = rte_eth_dev_adjust_nb_rx_tx_desc(id, &rx_len, &tx_len);
    for (uint16_t q = 0; q < device->rx_count && error == 0; q++)
        error = rte_eth_rx_queue_setup(id, q, rx_len, (unsigned)rte_eth_dev_socket_id(id), NULL,
                                       owner_of(port, device, q)->pool);
    for (uint16_t q = 0; q < tx_queues(device) && error == 0; q++)
        error = rte_eth_tx_queue_setup(id, q, tx_len, (unsigned)rte_eth_dev_socket_id(id), NULL);
    return error;
}

/** Neighbour discovery is multicast; a port that can't filter it in takes everything. */
static void open_filter(const struct sl_port *port, struct port_device *device)
{
    bool many = port->device_count > 1; /* frames for the first one's MAC may come in on any */
    if (rte_eth_allmulticast_enable(device->port_id) == 0 && !many)
        return;
    if (rte_eth_promiscuous_enable(device->port_id) == 0)
        device->is_promiscuous = !port->was_promiscuous;
    else
        port_log(
            port,
            "port %u: neither all-multicast nor promiscuous mode: IPv6 neighbour discovery may "
            "not arrive",
            port->config.group);
}

static int configure(struct sl_port *port, struct port_device *device,
                     const struct rte_eth_dev_info *dev)
{
    struct rte_eth_conf conf = {0};
    if (port->info.mtu <= dev->max_mtu && port->info.mtu + PORT_L2_LEN <= dev->max_rx_pktlen)
        conf.rxmode.mtu = port->info.mtu; /* net_af_packet doesn't want to know */
    choose_offloads(dev, &conf);
    port_rss_configure(port, device, dev, &conf);
    port->info.tx_flags &= tx_flags(conf.txmode.offloads);
    return rte_eth_dev_configure(device->port_id, device->rx_count, tx_queues(device), &conf);
}

int port_device_start(struct sl_port *port, struct port_device *device)
{
    struct rte_eth_dev_info dev;
    const char *step = "answer";
    int error = rte_eth_dev_info_get(device->port_id, &dev);
    if (error == 0) {
        step = "be configured";
        error = configure(port, device, &dev);
    }
    if (error == 0) {
        step = "set up its queues";
        error = set_up_queues(port, device);
        port->is_perhaps_busy = error != 0 && error != -ENOMEM;
    }
    if (error == 0) {
        step = "start";
        error = rte_eth_dev_start(device->port_id);
    }
    if (error != 0)
        return port_fail(port, error, "%s can't %s: %s; see DPDK's message above", dev.driver_name,
                         step, strerror(-error));
    device->is_started = true;
    open_filter(port, device);
    port->info.rss &= port_rss_check(port, device, &dev);
    return 0;
}

void port_device_stop(struct port_device *device)
{
    if (device->is_promiscuous) /* an interface of the kernel's would stay so */
        rte_eth_promiscuous_disable(device->port_id);
    device->is_promiscuous = false;
    if (device->is_started && rte_eth_dev_stop(device->port_id) == 0)
        device->is_started = false;
}
