/* The gateway's addresses have to be its own: what the kernel has of them, too, is answered twice.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>

#include "gateway.h"

static bool read_address(const struct sockaddr *from, struct sl_ip *out)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;
    if (from == NULL || (from->sa_family != AF_INET && from->sa_family != AF_INET6))
        return false;
    if (from->sa_family == AF_INET)
        *out = sl_ip_from_v4((const uint8_t *)&v4->sin_addr);
    else
        memcpy(out->bytes, &v6->sin6_addr, sizeof out->bytes);
    return true;
}

/** Of its network's mask. */
static unsigned prefix_len(const struct ifaddrs *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address->ifa_netmask;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address->ifa_netmask;
    const bool is_v4 = address->ifa_addr->sa_family == AF_INET;
    unsigned len = 0;
    if (address->ifa_netmask == NULL)
        return is_v4 ? 32 : 128;
    const uint8_t *mask = is_v4 ? (const uint8_t *)&v4->sin_addr : (const uint8_t *)&v6->sin6_addr;
    for (unsigned i = 0; i < (is_v4 ? 4U : 16U); i++)
        len += (unsigned)__builtin_popcount(mask[i]);
    return len;
}

static void warn(const struct settings *settings, unsigned port, unsigned i,
                 const struct ifaddrs *address, void (*say)(const char *line))
{
    const char *text = settings->config->ports[port].addresses[i];
    char path[64], line[REASON_LEN];
    snprintf(path, sizeof path, "ports[%u].addresses[%u]", port, i);
    snprintf(line, sizeof line,
             "%.512s:%u: the kernel has the address %s, too, on %s, and answers there what reaches "
             "it: clients hear that the port is unreachable. The gateway alone may have it: ip "
             "address del %s/%u dev %s",
             settings->config->path, sl_config_line(settings->config, path), text,
             address->ifa_name, text, prefix_len(address), address->ifa_name);
    say(line);
}

static void check_address(const struct settings *settings, const struct ifaddrs *address,
                          void (*say)(const char *line))
{
    struct sl_ip ip;
    if (!read_address(address->ifa_addr, &ip))
        return;
    for (unsigned p = 0; p < settings->runtime.port_count; p++) {
        const struct sl_group *group = &settings->runtime.worker.groups[p];
        if (!port_is_kernels(&settings->config->ports[p]))
            continue; /* the kernel gets nothing of its frames */
        for (unsigned i = 0; i < group->address_count; i++)
            if (memcmp(&group->addresses[i], &ip, sizeof ip) == 0)
                warn(settings, p, i, address, say);
    }
}

void kernel_check(const struct settings *settings, void (*say)(const char *line))
{
    struct ifaddrs *addresses;
    if (getifaddrs(&addresses) != 0)
        return; /* whoever may not ask the kernel gets no warning, and runs */
    for (const struct ifaddrs *one = addresses; one != NULL; one = one->ifa_next)
        check_address(settings, one, say);
    freeifaddrs(addresses);
}
