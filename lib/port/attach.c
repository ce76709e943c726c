/* Configuration to DPDK ports: devices that EAL knows, or virtual ones plugged in for a network
 * interface of the kernel. */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>

#include <rte_bus.h>
#include <rte_dev.h>

#include "port_priv.h"

static bool find_port(const char *device, uint16_t *port_id)
{
    char name[RTE_ETH_NAME_MAX_LEN];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(device, ","), device);
    if (rte_eth_dev_get_port_by_name(name, port_id) == 0)
        return true;
    struct rte_dev_iterator iterator; /* a PCI address in short form, for one */
    uint16_t found = RTE_MAX_ETHPORTS, id;
    RTE_ETH_FOREACH_MATCHING_DEV(id, name, &iterator)
    if (found == RTE_MAX_ETHPORTS)
        found = id;
    *port_id = found;
    return found != RTE_MAX_ETHPORTS;
}

/** The libraries below DPDK's driver warn of what is normal; what fails, DPDK says itself. */
static void hush(const char *library, const char *function)
{
    void *handle = dlopen(library, RTLD_NOW | RTLD_NOLOAD);
    if (handle == NULL)
        return;
    void (*set_print)(void *) = (void (*)(void *))(uintptr_t)dlsym(handle, function);
    if (set_print != NULL)
        set_print(NULL);
    dlclose(handle);
}

/** Takes the DPDK port into the group. */
static struct port_device *add(struct sl_port *port, uint16_t port_id, bool is_plugged)
{
    struct port_device *device = &port->devices[port->device_count++];
    *device = (struct port_device){.port_id = port_id, .is_plugged = is_plugged, .stride = 1};
    return device;
}

/** Plugs a virtual device in. */
static int plug(struct sl_port *port, unsigned number, const char *args)
{
    char name[RTE_ETH_NAME_MAX_LEN];
    uint16_t port_id;
    snprintf(name, sizeof name, "%s_g%u_%u", port->driver, port->config.group, number);
    int error = rte_eal_hotplug_add("vdev", name, args);
    if (error != 0)
        return error;
    if (rte_eth_dev_get_port_by_name(name, &port_id) != 0) {
        rte_eal_hotplug_remove("vdev", name);
        return -ENODEV;
    }
    add(port, port_id, true);
    return 0;
}

static int explain(struct sl_port *port, int error, bool af_xdp)
{
    const char *name = port->config.interface;
    const char *what = af_xdp ? "AF_XDP" : "AF_PACKET";
    char missing[96];
    if (port_privileges_missing(af_xdp, missing, sizeof missing))
        return port_fail(port, error,
                         "can't open %s on interface %s: run sluice as root or with %s", what, name,
                         missing);
    return port_fail(port, error, "can't open %s on interface %s: %s; see DPDK's message above",
                     what, name, strerror(-error));
}

int port_attach_xdp(struct sl_port *port, const struct port_interface *interface)
{
    unsigned workers = port->config.queue_count;
    hush("libbpf.so.1", "libbpf_set_print");
    hush("libxdp.so.1", "libxdp_set_print");
    port->info.mtu = interface->mtu;
    port->room_extra = PORT_XDP_HEADROOM;
    snprintf(port->driver, sizeof port->driver, "net_af_xdp");
    if (interface->mtu + PORT_L2_LEN + RTE_PKTMBUF_HEADROOM + PORT_XDP_HEADROOM > PORT_XDP_ROOM_MAX)
        return port_fail(port, -EMSGSIZE,
                         "AF_XDP takes an MTU up to %d, but interface %s has %u; lower it with "
                         "`ip link set %s mtu 1500`, or use driver af_packet",
                         PORT_XDP_ROOM_MAX - PORT_XDP_HEADROOM - RTE_PKTMBUF_HEADROOM - PORT_L2_LEN,
                         port->config.interface, interface->mtu, port->config.interface);
    if (interface->rx_queues > workers * PORT_LANES_MAX)
        return port_fail(port, -E2BIG,
                         "interface %s has %u queues, too many for %u workers; lower it with "
                         "`ethtool -L %s combined %u`",
                         port->config.interface, interface->rx_queues, workers,
                         port->config.interface, workers);
    /* veth refuses one device with several queues; one device a queue works everywhere. All of the
     * interface's queues are served, or the kernel would get what comes in on the others. */
    for (unsigned q = 0; q < interface->rx_queues; q++) {
        char args[64 + RTE_ETH_NAME_MAX_LEN];
        snprintf(args, sizeof args, "iface=%s,start_queue=%u,queue_count=1", port->config.interface,
                 q);
        int error = plug(port, q, args);
        if (error != 0)
            return explain(port, error, true);
        struct port_device *device = &port->devices[port->device_count - 1];
        device->first = (uint16_t)(q % workers);
        device->rx_count = 1;
        device->tx_count = q < interface->tx_queues;
    }
    return 0;
}

int port_attach_packet(struct sl_port *port, const struct port_interface *interface)
{
    unsigned workers = port->config.queue_count;
    unsigned frame = 2048; /* a power of two that holds the MTU and the kernel's own header */
    while (frame < interface->mtu + PORT_L2_LEN + 128U)
        frame *= 2;
    port->info.mtu = interface->mtu;
    snprintf(port->driver, sizeof port->driver, "net_af_packet");
    port->room_extra = (uint16_t)(frame - interface->mtu - PORT_L2_LEN);
    if (frame > UINT16_MAX / 2)
        return port_fail(port, -EMSGSIZE,
                         "AF_PACKET takes an MTU up to %d here, but interface %s has %u; lower it "
                         "with `ip link set %s mtu 1500`",
                         16384 - PORT_L2_LEN - 128, port->config.interface, interface->mtu,
                         port->config.interface);
    char args[128 + RTE_ETH_NAME_MAX_LEN];
    snprintf(args, sizeof args, "iface=%s,qpairs=%u,qdisc_bypass=1,framesz=%u,blocksz=%u",
             port->config.interface, workers, frame, RTE_MAX(frame, 4096U));
    int error = plug(port, 0, args);
    if (error != 0)
        return explain(port, error, false);
    port->devices[0].rx_count = port->devices[0].tx_count = (uint16_t)workers;
    return 0;
}

static int open_device(struct sl_port *port, const char *name)
{
    uint16_t port_id;
    if (find_port(name, &port_id)) {
        add(port, port_id, false);
        return 0;
    }
    int error = rte_dev_probe(name);
    if (error != 0)
        return port_fail(port, error,
                         "can't open device %s: %s; a PCI device must be bound to vfio-pci, see "
                         "drivers-config/ports",
                         name, strerror(-error));
    if (!find_port(name, &port_id))
        return port_fail(port, -ENODEV,
                         "device %s is there, but DPDK has no network driver for it; "
                         "`dpdk-devbind.py --status` shows what is bound",
                         name);
    add(port, port_id, true);
    return 0;
}

/** Each worker gets a queue of one device at least: device i has those of workers i, i + count...
 */
static int share_queues(struct sl_port *port, unsigned i)
{
    unsigned count = port->config.device_count, workers = port->config.queue_count;
    struct port_device *device = &port->devices[i];
    struct rte_eth_dev_info dev;
    int error = rte_eth_dev_info_get(device->port_id, &dev);
    if (error != 0)
        return port_fail(port, error, "device %s does not answer: %s", port->config.devices[i],
                         strerror(-error));
    unsigned share = count >= workers ? 1 : (workers - i + count - 1) / count;
    device->first = (uint16_t)(i % workers);
    device->stride = (uint16_t)count;
    device->rx_count = (uint16_t)RTE_MIN(share, dev.max_rx_queues);
    device->tx_count = (uint16_t)RTE_MIN(share, dev.max_tx_queues);
    const bool is_alike = i == 0 || strcmp(port->driver, dev.driver_name) == 0;
    snprintf(port->driver, sizeof port->driver, "%s", is_alike ? dev.driver_name : "mixed");
    if (strcmp(dev.driver_name, "net_af_xdp") == 0)
        port->room_extra = PORT_XDP_HEADROOM;
    return 0;
}

int port_attach_devices(struct sl_port *port)
{
    unsigned count = port->config.device_count, workers = port->config.queue_count;
    if (count == 0 || count > PORT_DEVICES_MAX || count > workers * PORT_LANES_MAX)
        return port_fail(port, -EINVAL, "driver dpdk takes 1 to %u devices with %u workers, not %u",
                         RTE_MIN(workers * PORT_LANES_MAX, (unsigned)PORT_DEVICES_MAX), workers,
                         count);
    for (unsigned i = 0; i < count; i++) {
        int error = open_device(port, port->config.devices[i]);
        if (error == 0)
            error = share_queues(port, i);
        if (error != 0)
            return error;
    }
    return 0;
}

void port_detach_all(struct sl_port *port)
{
    for (unsigned i = 0; i < port->device_count; i++) {
        struct port_device *device = &port->devices[i];
        struct rte_eth_dev_info dev;
        bool is_known = rte_eth_dev_info_get(device->port_id, &dev) == 0;
        port_device_stop(device);
        rte_eth_dev_close(device->port_id);
        if (device->is_plugged && is_known)
            rte_dev_remove(dev.device);
    }
    port->device_count = 0;
}
