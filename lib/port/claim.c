/* A network interface of the kernel's is one program's at a time: who tries AF_XDP where another
 * one has it fails, and DPDK's driver takes the other one's XDP program away while it gives up. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port_priv.h"

/** Each network namespace has names and numbers of its own. In /run root alone makes files, so that
 * no local user can take an interface away from a gateway. */
static bool name_file(const char *interface, char *path, size_t path_len)
{
    struct stat network;
    unsigned number = if_nametoindex(interface);
    if (number == 0 || stat("/proc/thread-self/ns/net", &network) != 0)
        return false;
    int len = snprintf(path, path_len, "/run/sluice-interface-%ju-%u.lock",
                       (uintmax_t)network.st_ino, number);
    return len > 0 && (size_t)len < path_len;
}

int port_claim(struct sl_port *port)
{
    const char *name = port->config.interface;
    char path[96];
    port->claim = -1;
    if (port->config.driver == SL_PORT_DPDK || name == NULL || !name_file(name, path, sizeof path))
        return 0; /* an interface that is not there: who opens it says so */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return 0; /* not root, or no such folder: it goes without */
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        port->claim = fd;
        return 0;
    }
    const bool is_taken = errno == EWOULDBLOCK;
    close(fd);
    if (!is_taken)
        return 0;
    return port_fail(port, -EBUSY,
                     "interface %s is in use by another gateway or sluice-load; end that one, or "
                     "name an interface that is this one's alone",
                     name);
}

/** The file stays: to remove it would race with who has just opened it. */
void port_unclaim(struct sl_port *port)
{
    if (port->claim >= 0)
        close(port->claim);
    port->claim = -1;
}
