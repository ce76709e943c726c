/* The kernel's view of a network interface: it must be up before AF_XDP delivers anything, and only
 * the kernel knows how many queues it has. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "port_priv.h"

/** Drivers that can't say have one of each. */
static void read_queues(int fd, const struct ifreq *named, struct port_interface *out)
{
    struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
    struct ifreq request = *named;
    request.ifr_data = (char *)&channels;
    out->rx_queues = out->tx_queues = 1;
    if (ioctl(fd, SIOCETHTOOL, &request) != 0)
        return;
    uint32_t rx = channels.combined_count + channels.rx_count;
    uint32_t tx = channels.combined_count + channels.tx_count;
    out->rx_queues = (uint16_t)(rx < 1 ? 1 : RTE_MIN(rx, (uint32_t)PORT_DEVICES_MAX));
    out->tx_queues = (uint16_t)(tx < 1 ? 1 : RTE_MIN(tx, (uint32_t)PORT_DEVICES_MAX));
}

static int bring_up(struct sl_port *port, int fd, struct ifreq *request)
{
    const char *name = port->config.interface;
    if (ioctl(fd, SIOCGIFFLAGS, request) != 0)
        return port_fail(port, -errno, "can't read the flags of interface %s: %s", name,
                         strerror(errno));
    port->was_promiscuous = request->ifr_flags & IFF_PROMISC;
    if (request->ifr_flags & IFF_UP)
        return 0;
    request->ifr_flags = (short)(request->ifr_flags | IFF_UP);
    if (ioctl(fd, SIOCSIFFLAGS, request) != 0)
        return port_fail(
            port, -errno,
            "can't bring interface %s up: %s; run sluice as root or with CAP_NET_ADMIN", name,
            strerror(errno));
    return 0;
}

static int read_interface(struct sl_port *port, int fd, struct ifreq *request,
                          struct port_interface *out)
{
    const char *name = port->config.interface;
    if (ioctl(fd, SIOCGIFHWADDR, request) != 0)
        return port_fail(port, -errno,
                         "there is no network interface %s here; `ip link` shows those there are",
                         name);
    memcpy(out->mac, request->ifr_hwaddr.sa_data, sizeof out->mac);
    if (ioctl(fd, SIOCGIFMTU, request) != 0)
        return port_fail(port, -errno, "can't read the MTU of interface %s: %s", name,
                         strerror(errno));
    out->mtu = (uint16_t)RTE_MIN(request->ifr_mtu, UINT16_MAX);
    read_queues(fd, request, out);
    return bring_up(port, fd, request);
}

int port_interface_open(struct sl_port *port, struct port_interface *out)
{
    const char *name = port->config.interface;
    struct ifreq request = {0};
    if (name == NULL || name[0] == '\0' || strlen(name) >= sizeof request.ifr_name)
        return port_fail(port, -EINVAL, "'%s' can't be the name of a network interface",
                         name == NULL ? "" : name);
    memcpy(request.ifr_name, name, strlen(name));
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return port_fail(port, -errno, "can't open a socket to look at interface %s: %s", name,
                         strerror(errno));
    int error = read_interface(port, fd, &request, out);
    close(fd);
    return error;
}

static uint64_t effective_capabilities(void)
{
    unsigned long long effective = 0;
    char line[128];
    FILE *status = fopen("/proc/self/status", "re");
    if (status == NULL)
        return UINT64_MAX; /* unknown: let the kernel speak */
    while (fgets(line, sizeof line, status) != NULL)
        if (sscanf(line, "CapEff: %llx", &effective) == 1)
            break;
    fclose(status);
    return effective;
}

bool port_privileges_missing(bool af_xdp, char *text, size_t text_len)
{
    static const struct {
        unsigned bit;
        bool xdp_only;
        const char *name;
    } needed[] = {{CAP_NET_RAW, false, "CAP_NET_RAW"},
                  {CAP_NET_ADMIN, false, "CAP_NET_ADMIN"},
                  {CAP_SYS_ADMIN, true, "CAP_SYS_ADMIN"},
                  {CAP_IPC_LOCK, true, "CAP_IPC_LOCK"}};
    uint64_t have = effective_capabilities();
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < RTE_DIM(needed) && len < text_len; i++) {
        if ((needed[i].xdp_only && !af_xdp) || (have >> needed[i].bit & 1) != 0)
            continue;
        len += (size_t)snprintf(text + len, text_len - len, "%s%s", len > 0 ? ", " : "",
                                needed[i].name);
    }
    return len > 0;
}
