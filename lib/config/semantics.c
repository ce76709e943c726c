/* Defaults, ranges, and what one key says about another. */
#include <stdlib.h>
#include <sys/un.h>

#include "config_priv.h"

bool config_fail_at(const struct config_meaning *m, const char *path, const char *reason)
{
    unsigned line;
    sl_yaml_find(m->yaml, path, &line);
    sl_yaml_fail(m->errors, line, "%s", reason);
    return false;
}

static bool has(struct sl_yaml *yaml, const char *key)
{
    unsigned line;
    return sl_yaml_find(yaml, key, &line) != NULL;
}

void config_set_defaults(struct sl_config *config, struct sl_yaml *yaml)
{
    struct {
        const char *key;
        unsigned *value, preset;
    } numbers[] = {
        {"workers", &config->workers, 1},
        {"memory_mb", &config->memory_mb, 256},
        {"consumer_socket_mode", &config->consumer_socket_mode, 0660},
        {"consumers_per_user", &config->consumers_per_user, 32},
        {"ring_kib", &config->ring_kib, 1024},
        {"certificate_chain_kib", &config->certificate_chain_kib, 16},
        {"peer_chain_kib", &config->peer_chain_kib, 16},
        {"sessions", &config->sessions, 65536},
        {"half_open", &config->half_open, 4096},
        {"idle_timeout_s", &config->idle_timeout_s, 300},
        {"handshake_timeout_s", &config->handshake_timeout_s, 30},
        {"first_timeout_ms", &config->first_timeout_ms, 1000},
        {"handshake_threads", &config->handshake_threads, 1},
        {"legacy_sessions", &config->legacy_sessions, 1024},
        {"admission.prefix_len_v4", &config->admission.prefix_len_v4, 32},
        {"admission.prefix_len_v6", &config->admission.prefix_len_v6, 64},
        {"admission.hellos_per_prefix_per_second", &config->admission.hellos_per_prefix_per_second,
         10000},
        {"admission.handshakes_per_prefix_per_second",
         &config->admission.handshakes_per_prefix_per_second, 10000},
        {"admission.echoes_per_second", &config->admission.echoes_per_second, 1000},
        {"admission.neighbours_per_second", &config->admission.neighbours_per_second, 10000},
        {"session_ticket_lifetime_s", &config->session_ticket_lifetime_s, 7200},
    };
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (!has(yaml, numbers[i].key))
            *numbers[i].value = numbers[i].preset;
    if (!has(yaml,
             "admission.handshakes_in_flight_per_prefix")) /* one prefix leaves some to others */
        config->admission.handshakes_in_flight_per_prefix = (config->half_open + 1) / 2;
    if (!has(yaml, "connection_ids"))
        config->connection_ids = true;
    if (!has(yaml, "session_tickets"))
        config->session_tickets = true;
    config_default_connections(config, yaml);
    if (config->control_socket == NULL)
        config->control_socket = strdup("/run/sluice/control.sock");
    if (config->consumer_socket == NULL)
        config->consumer_socket = strdup("/run/sluice/consumers.sock");
}

static bool check_range(const struct config_meaning *m, const char *key, uint64_t value,
                        uint64_t min, uint64_t max)
{
    if (value >= min && value <= max)
        return true;
    char reason[128];
    snprintf(reason, sizeof reason, "'%s' is %llu; %llu to %llu are possible", key,
             (unsigned long long)value, (unsigned long long)min, (unsigned long long)max);
    return config_fail_at(m, key, reason);
}

static bool check_mode(const struct config_meaning *m)
{
    unsigned line;
    const yaml_node_t *mode = sl_yaml_find(m->yaml, "consumer_socket_mode", &line);
    return mode == NULL || mode->data.scalar.value[0] == '0' ||
           config_fail_at(m, "consumer_socket_mode",
                          "'consumer_socket_mode' is octal and begins with 0, as 0660");
}

static bool check_numbers(const struct config_meaning *m)
{
    const struct sl_config *c = m->config;
    if (!check_range(m, "workers", c->workers, 1, SL_CONFIG_WORKERS_MAX) ||
        !check_range(m, "memory_mb", c->memory_mb, 32, 1 << 20) || !check_mode(m) ||
        !check_range(m, "consumer_socket_mode", c->consumer_socket_mode, 0, 0777) ||
        !check_range(m, "consumers_per_user", c->consumers_per_user, 1, 64) ||
        !check_range(m, "ring_kib", c->ring_kib, 64, 65536) ||
        !check_range(m, "certificate_chain_kib", c->certificate_chain_kib, 1, 16) ||
        !check_range(m, "peer_chain_kib", c->peer_chain_kib, 0, 64) ||
        !check_range(m, "sessions", c->sessions, 1, (uint64_t)c->workers << 20) ||
        !check_range(m, "half_open", c->half_open, 1, 1 << 20) ||
        !check_range(m, "idle_timeout_s", c->idle_timeout_s, 1, 86400 * 30) ||
        !check_range(m, "handshake_timeout_s", c->handshake_timeout_s, 1, 600) ||
        !check_range(m, "first_timeout_ms", c->first_timeout_ms, 100, 60000) ||
        !check_range(m, "handshake_threads", c->handshake_threads, 1, 8) ||
        !check_range(m, "legacy_sessions", c->legacy_sessions, 1, 65536) ||
        !check_range(m, "session_ticket_lifetime_s", c->session_ticket_lifetime_s, 300, 86400 * 7))
        return false;
    if ((c->ring_kib & (c->ring_kib - 1)) != 0)
        return config_fail_at(m, "ring_kib", "'ring_kib' has to be a power of two");
    return true;
}

static bool check_admission(const struct config_meaning *m)
{
    const struct sl_config_admission *a = &m->config->admission;
    const unsigned most = 1000000000;
    return check_range(m, "admission.prefix_len_v4", a->prefix_len_v4, 1, 32) &&
           check_range(m, "admission.prefix_len_v6", a->prefix_len_v6, 1, 128) &&
           check_range(m, "admission.hellos_per_second", a->hellos_per_second, 0, most) &&
           check_range(m, "admission.hellos_per_prefix_per_second", a->hellos_per_prefix_per_second,
                       0, most) &&
           check_range(m, "admission.handshakes_per_prefix_per_second",
                       a->handshakes_per_prefix_per_second, 0, most) &&
           check_range(m, "admission.handshakes_in_flight_per_prefix",
                       a->handshakes_in_flight_per_prefix, 0, 1 << 20) &&
           check_range(m, "admission.handshake_cpu_percent", a->handshake_cpu_percent, 0, 100) &&
           check_range(m, "admission.handshake_cpu_percent_per_prefix",
                       a->handshake_cpu_percent_per_prefix, 0, 100) &&
           check_range(m, "admission.echoes_per_second", a->echoes_per_second, 0, most) &&
           check_range(m, "admission.neighbours_per_second", a->neighbours_per_second, 0, most);
}

static bool check_socket(const struct config_meaning *m, const char *key, const char *path)
{
    if (strlen(path) < sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return true;
    return config_fail_at(m, key, "path too long for a Unix socket");
}

static bool check_sockets(const struct config_meaning *m)
{
    const struct sl_config *c = m->config;
    if (!check_socket(m, "control_socket", c->control_socket) ||
        !check_socket(m, "consumer_socket", c->consumer_socket))
        return false;
    if (strcmp(c->control_socket, c->consumer_socket) != 0)
        return true;
    bool is_given = has(m->yaml, "consumer_socket");
    return config_fail_at(m, is_given ? "consumer_socket" : "control_socket",
                          "'control_socket' and 'consumer_socket' are the same path");
}

/** The name of a device, without what is behind the comma and without PCI's domain 0. */
static const char *device_name(const char *device, size_t *len)
{
    if (strncmp(device, "0000:", 5) == 0)
        device += 5;
    *len = strcspn(device, ",");
    return device;
}

static bool is_same_device(const char *a, const char *b)
{
    size_t a_len, b_len;
    a = device_name(a, &a_len);
    b = device_name(b, &b_len);
    return a_len == b_len && strncasecmp(a, b, a_len) == 0;
}

/** A port before this one, or one of the first `count` devices of this one, has it already. */
static bool check_device(const struct config_meaning *m, const char *path, const char *device,
                         unsigned i, unsigned count)
{
    bool is_used = false;
    for (unsigned p = 0; p <= i; p++) {
        const struct sl_config_port *port = &m->config->ports[p];
        unsigned end = p == i ? count : port->devices_count;
        if (p < i && port->interface != NULL)
            is_used |= strcmp(port->interface, device) == 0;
        for (unsigned k = 0; k < end; k++)
            is_used |= is_same_device(port->devices[k], device);
    }
    if (!is_used)
        return true;
    char reason[128];
    snprintf(reason, sizeof reason, "'%.64s' is used twice", device);
    return config_fail_at(m, path, reason);
}

/** The line is that of the key that should not be there, or of the port that lacks one. */
static bool check_port_driver(const struct config_meaning *m, const struct sl_config_port *port,
                              const char *path)
{
    bool is_dpdk = port->driver == SL_CONFIG_DRIVER_DPDK;
    char key[CONFIG_PATH_MAX];
    if (is_dpdk && port->interface != NULL) {
        snprintf(key, sizeof key, "%.64s.interface", path);
        config_fail_at(m, key, "driver 'dpdk' takes 'devices' and no 'interface'");
    } else if (!is_dpdk && port->devices_count > 0) {
        snprintf(key, sizeof key, "%.64s.devices", path);
        config_fail_at(m, key, "'devices' are for driver 'dpdk'; the others take an 'interface'");
    } else if (is_dpdk && port->devices_count == 0) {
        config_fail_at(m, path, "driver 'dpdk' needs 'devices'");
    } else if (!is_dpdk && port->interface == NULL) {
        config_fail_at(m, path,
                       "needs the name of an 'interface' (or driver 'dpdk' and its 'devices')");
    } else {
        return true;
    }
    return false;
}

static bool check_port_devices(const struct config_meaning *m, unsigned i)
{
    const struct sl_config_port *port = &m->config->ports[i];
    char path[CONFIG_PATH_MAX];
    snprintf(path, sizeof path, "ports[%u]", i);
    if (!check_port_driver(m, port, path))
        return false;
    if (port->interface != NULL) {
        snprintf(path, sizeof path, "ports[%u].interface", i);
        if (strpbrk(port->interface, "/, \t=") != NULL)
            return config_fail_at(m, path, "not the name of an interface");
        return check_device(m, path, port->interface, i, 0);
    }
    for (unsigned k = 0; k < port->devices_count; k++) {
        snprintf(path, sizeof path, "ports[%u].devices[%u]", i, k);
        if (!check_device(m, path, port->devices[k], i, k))
            return false;
    }
    return true;
}

static bool is_taken(const struct config_meaning *m, const struct sl_ip *ip, unsigned port,
                     unsigned end)
{
    struct sl_ip other;
    for (unsigned k = 0; k < end; k++)
        if (sl_config_parse_ip(m->config->ports[port].addresses[k], &other) &&
            memcmp(ip, &other, sizeof other) == 0)
            return true;
    return false;
}

static bool check_address(const struct config_meaning *m, unsigned i, unsigned k)
{
    const char *text = m->config->ports[i].addresses[k];
    char path[CONFIG_PATH_MAX], reason[160] = "";
    struct sl_ip ip;
    if (!sl_config_parse_ip(text, &ip))
        snprintf(reason, sizeof reason, "'%.64s' is no IPv4 or IPv6 address", text);
    else if (!config_is_host_ip(&ip))
        snprintf(reason, sizeof reason, "'%.64s' is no address that a host can have", text);
    for (unsigned p = 0; reason[0] == '\0' && p <= i; p++)
        if (is_taken(m, &ip, p, p == i ? k : m->config->ports[p].addresses_count))
            snprintf(reason, sizeof reason, "address '%.64s' is used twice", text);
    if (reason[0] == '\0')
        return true;
    snprintf(path, sizeof path, "ports[%u].addresses[%u]", i, k);
    return config_fail_at(m, path, reason);
}

static bool check_ports(const struct config_meaning *m)
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
        if (port->vlan < 0 || port->vlan > 4094)
            return config_fail_at(m, path, "'vlan' is 1 to 4094, or 0 for none");
    }
    return true;
}

bool config_is_name(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-.") == strlen(text);
}

bool config_check_meaning(const struct sl_config *config, struct sl_yaml *yaml,
                          struct sl_yaml_errors *errors)
{
    const struct config_meaning m = {config, yaml, errors};
    return check_numbers(&m) && check_admission(&m) && check_sockets(&m) && check_ports(&m) &&
           config_check_services(&m) && config_check_connections(config, yaml, errors);
}
