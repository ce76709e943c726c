/* Defaults, ranges, and what one key says about another. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/un.h>

#include "config_priv.h"

struct meaning {
    const struct sl_config *config;
    struct config_outline *outline;
    struct config_errors *errors;
};

static void fail_at(struct meaning *m, const char *path, const char *reason)
{
    unsigned line;
    config_outline_find(m->outline, path, &line);
    config_fail(m->errors, line, "%s", reason);
}

static bool has(struct config_outline *outline, const char *key)
{
    unsigned line;
    return config_outline_find(outline, key, &line) != NULL;
}

void config_set_defaults(struct sl_config *config, struct config_outline *outline)
{
    struct {
        const char *key;
        unsigned *value, preset;
    } numbers[] = {
        {"workers", &config->workers, 1},
        {"memory_mb", &config->memory_mb, 256},
        {"consumer_socket_mode", &config->consumer_socket_mode, 0660},
        {"ring_kib", &config->ring_kib, 1024},
        {"sessions", &config->sessions, 65536},
        {"half_open", &config->half_open, 4096},
        {"idle_timeout_s", &config->idle_timeout_s, 300},
        {"handshake_timeout_s", &config->handshake_timeout_s, 30},
        {"first_timeout_ms", &config->first_timeout_ms, 1000},
        {"handshake_threads", &config->handshake_threads, 1},
    };
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (!has(outline, numbers[i].key))
            *numbers[i].value = numbers[i].preset;
    if (!has(outline, "connection_ids"))
        config->connection_ids = true;
    if (config->control_socket == NULL)
        config->control_socket = strdup("/run/sluice/control.sock");
    if (config->consumer_socket == NULL)
        config->consumer_socket = strdup("/run/sluice/consumers.sock");
}

static bool check_range(struct meaning *m, const char *key, uint64_t value, uint64_t min,
                        uint64_t max)
{
    if (value >= min && value <= max)
        return true;
    char reason[128];
    snprintf(reason, sizeof reason, "'%s' is %llu; %llu to %llu are possible", key,
             (unsigned long long)value, (unsigned long long)min, (unsigned long long)max);
    fail_at(m, key, reason);
    return false;
}

static bool check_numbers(struct meaning *m)
{
    const struct sl_config *c = m->config;
    if (!check_range(m, "workers", c->workers, 1, SL_CONFIG_WORKERS_MAX) ||
        !check_range(m, "memory_mb", c->memory_mb, 32, 1 << 20) ||
        !check_range(m, "consumer_socket_mode", c->consumer_socket_mode, 0, 0777) ||
        !check_range(m, "ring_kib", c->ring_kib, 64, 65536) ||
        !check_range(m, "sessions", c->sessions, 1, (uint64_t)c->workers << 20) ||
        !check_range(m, "half_open", c->half_open, 1, 1 << 20) ||
        !check_range(m, "idle_timeout_s", c->idle_timeout_s, 1, 86400 * 30) ||
        !check_range(m, "handshake_timeout_s", c->handshake_timeout_s, 1, 600) ||
        !check_range(m, "first_timeout_ms", c->first_timeout_ms, 100, 60000) ||
        !check_range(m, "handshake_threads", c->handshake_threads, 1, 8))
        return false;
    if ((c->ring_kib & (c->ring_kib - 1)) != 0) {
        fail_at(m, "ring_kib", "'ring_kib' has to be a power of two");
        return false;
    }
    unsigned line;
    const yaml_node_t *mode = config_outline_find(m->outline, "consumer_socket_mode", &line);
    if (mode != NULL && mode->data.scalar.value[0] != '0') {
        fail_at(m, "consumer_socket_mode",
                "'consumer_socket_mode' is octal and begins with 0, as 0660");
        return false;
    }
    return true;
}

static bool check_socket(struct meaning *m, const char *key, const char *path)
{
    if (strlen(path) < sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return true;
    fail_at(m, key, "path too long for a Unix socket");
    return false;
}

/** The same text in two lists of one port, or of two: "a port used twice". */
static bool check_device(struct meaning *m, const char *path, const char *device, unsigned before)
{
    for (unsigned i = 0; i <= before; i++) {
        const struct sl_config_port *port = &m->config->ports[i];
        unsigned uses = 0;
        if (port->interface != NULL && strcmp(port->interface, device) == 0)
            uses++;
        for (unsigned k = 0; k < port->devices_count; k++)
            uses += strcmp(port->devices[k], device) == 0;
        if (uses > (i == before ? 1u : 0u)) {
            char reason[128];
            snprintf(reason, sizeof reason, "'%.64s' is used twice", device);
            fail_at(m, path, reason);
            return false;
        }
    }
    return true;
}

static bool check_port_devices(struct meaning *m, unsigned i)
{
    const struct sl_config_port *port = &m->config->ports[i];
    char path[CONFIG_PATH_MAX];
    snprintf(path, sizeof path, "ports[%u]", i);
    if (port->driver == SL_CONFIG_DRIVER_DPDK) {
        if (port->interface != NULL || port->devices_count == 0) {
            fail_at(m, path, "driver 'dpdk' takes 'devices' and no 'interface'");
            return false;
        }
    } else if (port->interface == NULL || port->devices_count > 0) {
        fail_at(m, path, "needs the name of an 'interface' (or driver 'dpdk' and its 'devices')");
        return false;
    }
    if (port->interface != NULL) {
        snprintf(path, sizeof path, "ports[%u].interface", i);
        if (strpbrk(port->interface, "/, \t=") != NULL) {
            fail_at(m, path, "not the name of an interface");
            return false;
        }
        return check_device(m, path, port->interface, i);
    }
    for (unsigned k = 0; k < port->devices_count; k++) {
        snprintf(path, sizeof path, "ports[%u].devices[%u]", i, k);
        if (!check_device(m, path, port->devices[k], i))
            return false;
    }
    return true;
}

static bool parse_ip(const char *text, uint8_t out[16])
{
    memset(out, 0, 16);
    return inet_pton(AF_INET, text, out) == 1 || inet_pton(AF_INET6, text, out) == 1;
}

static bool check_address(struct meaning *m, unsigned i, unsigned k)
{
    const char *text = m->config->ports[i].addresses[k];
    char path[CONFIG_PATH_MAX], reason[128];
    uint8_t ip[16], other[16];
    snprintf(path, sizeof path, "ports[%u].addresses[%u]", i, k);
    if (!parse_ip(text, ip)) {
        snprintf(reason, sizeof reason, "'%.64s' is no IPv4 or IPv6 address", text);
        fail_at(m, path, reason);
        return false;
    }
    for (unsigned p = 0; p <= i; p++) {
        unsigned end = p == i ? k : m->config->ports[p].addresses_count;
        for (unsigned q = 0; q < end; q++) {
            if (parse_ip(m->config->ports[p].addresses[q], other) && memcmp(ip, other, 16) == 0) {
                snprintf(reason, sizeof reason, "address '%.64s' is used twice", text);
                fail_at(m, path, reason);
                return false;
            }
        }
    }
    return true;
}

static bool check_ports(struct meaning *m)
{
    for (unsigned i = 0; i < m->config->ports_count; i++) {
        const struct sl_config_port *port = &m->config->ports[i];
        char path[CONFIG_PATH_MAX];
        if (!check_port_devices(m, i))
            return false;
        for (unsigned k = 0; k < port->addresses_count; k++)
            if (!check_address(m, i, k))
                return false;
        snprintf(path, sizeof path, "ports[%u].vlan", i);
        if (port->vlan < 0 || port->vlan > 4094) {
            fail_at(m, path, "'vlan' is 1 to 4094, or 0 for none");
            return false;
        }
    }
    return true;
}

static bool check_listeners(struct meaning *m)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_-.";
    for (unsigned i = 0; i < m->config->listeners_count; i++) {
        const struct sl_config_listener *listener = &m->config->listeners[i];
        char path[CONFIG_PATH_MAX];
        snprintf(path, sizeof path, "listeners[%u].port", i);
        if (listener->port == 0) {
            fail_at(m, path, "a UDP port is 1 to 65535");
            return false;
        }
        for (unsigned k = 0; k < i; k++)
            if (m->config->listeners[k].port == listener->port) {
                fail_at(m, path, "UDP port used twice");
                return false;
            }
        snprintf(path, sizeof path, "listeners[%u].service", i);
        if (strspn(listener->service, allowed) != strlen(listener->service)) {
            fail_at(m, path, "the name of a service has letters a-z, digits, '_', '-' and '.'");
            return false;
        }
    }
    return true;
}

bool config_check_meaning(const struct sl_config *config, struct config_outline *outline,
                          struct config_errors *errors)
{
    struct meaning m = {config, outline, errors};
    return check_numbers(&m) && check_socket(&m, "control_socket", config->control_socket) &&
           check_socket(&m, "consumer_socket", config->consumer_socket) && check_ports(&m) &&
           check_listeners(&m);
}
