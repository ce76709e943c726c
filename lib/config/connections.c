/* The entries of `connect`: defaults, and what they say about each other and about the ports. */
#include <stdio.h>
#include <stdlib.h>

#include "config_priv.h"

#define HANDSHAKE_TIMEOUT_S 10
#define RETRY_MIN_S 1
#define RETRY_MAX_S 60
#define FIRST_PORT 49152 /* RFC 6335 6: dynamic ports */
#define LAST_PORT 65535

/** One entry, and where it stands. */
struct entry {
    const struct sl_config *config;
    const struct sl_config_connection *connection;
    unsigned index;
    struct sl_yaml *yaml;
    struct sl_yaml_errors *errors;
};

static bool fail_at(const struct entry *entry, const char *key, const char *reason)
{
    char path[CONFIG_PATH_MAX];
    unsigned line;
    snprintf(path, sizeof path, "connect[%u]%s%s", entry->index, key[0] != '\0' ? "." : "", key);
    sl_yaml_find(entry->yaml, path, &line);
    sl_yaml_fail(entry->errors, line, "%s", reason);
    return false;
}

static bool has(struct sl_yaml *yaml, unsigned index, const char *key)
{
    char path[CONFIG_PATH_MAX];
    unsigned line;
    snprintf(path, sizeof path, "connect[%u].%s", index, key);
    return sl_yaml_find(yaml, path, &line) != NULL;
}

/** The first of the gateway's addresses that is of the server's family, or NULL. */
static const char *own_address_for(const struct sl_config *config, const struct sl_ip *server)
{
    struct sl_ip own;
    for (unsigned p = 0; p < config->ports_count; p++)
        for (unsigned a = 0; a < config->ports[p].addresses_count; a++)
            if (sl_config_parse_ip(config->ports[p].addresses[a], &own) &&
                sl_ip_is_v4(&own) == sl_ip_is_v4(server))
                return config->ports[p].addresses[a];
    return NULL;
}

static void set_default(unsigned *value, bool is_given, unsigned preset)
{
    if (!is_given)
        *value = preset;
}

void config_default_connections(struct sl_config *config, struct sl_yaml *yaml)
{
    const unsigned longest = config->handshake_timeout_s;
    for (unsigned i = 0; i < config->connections_count; i++) {
        struct sl_config_connection *connection = &config->connections[i];
        struct sl_ip server;
        uint16_t port;
        set_default(&connection->handshake_timeout_s, has(yaml, i, "handshake_timeout_s"),
                    longest < HANDSHAKE_TIMEOUT_S ? longest : HANDSHAKE_TIMEOUT_S);
        set_default(&connection->retry_min_s, has(yaml, i, "retry_min_s"), RETRY_MIN_S);
        set_default(&connection->retry_max_s, has(yaml, i, "retry_max_s"), RETRY_MAX_S);
        if (connection->from != NULL ||
            !sl_config_parse_endpoint(connection->address, &server, &port))
            continue;
        const char *own = own_address_for(config, &server);
        connection->from = own != NULL ? strdup(own) : NULL;
    }
    if (config->connect_ports != NULL)
        return;
    config->connect_ports = malloc(2 * sizeof *config->connect_ports);
    if (config->connect_ports == NULL)
        return;
    config->connect_ports[0] = FIRST_PORT;
    config->connect_ports[1] = LAST_PORT;
    config->connect_ports_count = 2;
}

static bool is_own(const struct sl_config *config, const struct sl_ip *ip)
{
    struct sl_ip own;
    for (unsigned p = 0; p < config->ports_count; p++)
        for (unsigned a = 0; a < config->ports[p].addresses_count; a++)
            if (sl_config_parse_ip(config->ports[p].addresses[a], &own) &&
                memcmp(&own, ip, sizeof own) == 0)
                return true;
    return false;
}

static bool check_names(const struct entry *entry)
{
    if (!config_is_name(entry->connection->name))
        return fail_at(entry, "name",
                       "the name of a connection has letters a-z, digits, '_', '-' and '.'");
    if (!config_is_name(entry->connection->service))
        return fail_at(entry, "service",
                       "the name of a service has letters a-z, digits, '_', '-' and '.'");
    for (unsigned k = 0; k < entry->index; k++)
        if (strcmp(entry->config->connections[k].name, entry->connection->name) == 0)
            return fail_at(entry, "name", "two connections have this name");
    return true;
}

static bool check_addresses(const struct entry *entry)
{
    const struct sl_config_connection *connection = entry->connection;
    struct sl_ip server, ip;
    uint16_t port;
    if (!sl_config_parse_endpoint(connection->address, &server, &port))
        return fail_at(entry, "address",
                       "'address' is an IP address with a UDP port, as 198.18.5.1:4433 or "
                       "[2001:db8::1]:4433; names are not looked up");
    if (!config_is_host_ip(&server))
        return fail_at(entry, "address", "no address that a server can have");
    if (is_own(entry->config, &server))
        return fail_at(entry, "address", "an address of this gateway: it can't be its own client");
    if (connection->from == NULL)
        return fail_at(entry, "address", "no port of the gateway has an address of this family");
    if (!sl_config_parse_ip(connection->from, &ip) || !is_own(entry->config, &ip))
        return fail_at(entry, "from", "no port of the gateway has this address");
    if (sl_ip_is_v4(&ip) != sl_ip_is_v4(&server))
        return fail_at(entry, "from", "IPv4 and IPv6: 'from' and 'address' are of one family");
    if (connection->next_hop == NULL)
        return true;
    if (!sl_config_parse_ip(connection->next_hop, &ip) || !config_is_host_ip(&ip))
        return fail_at(entry, "next_hop", "no IPv4 or IPv6 address that a router can have");
    if (sl_ip_is_v4(&ip) != sl_ip_is_v4(&server))
        return fail_at(entry, "next_hop",
                       "IPv4 and IPv6: 'next_hop' and 'address' are of one family");
    return true;
}

/** The ends are named as `from` and `to` say. */
static bool check_range(const struct entry *entry, const char *key, unsigned value, unsigned min,
                        unsigned max, const char *from, const char *to)
{
    char reason[192];
    if (value >= min && value <= max)
        return true;
    snprintf(reason, sizeof reason, "'%s' is %u; %s to %s are possible", key, value, from, to);
    return fail_at(entry, key, reason);
}

static bool check_times(const struct entry *entry)
{
    const struct sl_config_connection *connection = entry->connection;
    const unsigned own = entry->config->handshake_timeout_s, least = connection->retry_min_s;
    char from[64], to[64];
    snprintf(to, sizeof to, "%u, the gateway's own,", own);
    snprintf(from, sizeof from, "%u, its 'retry_min_s',", least);
    return check_range(entry, "handshake_timeout_s", connection->handshake_timeout_s, 1, own, "1",
                       to) &&
           check_range(entry, "retry_min_s", least, 1, 3600, "1", "3600") &&
           check_range(entry, "silence_timeout_s", connection->silence_timeout_s, 0, 2592000, "0",
                       "2592000") &&
           check_range(entry, "retry_max_s", connection->retry_max_s, least, 3600, from, "3600");
}

static bool check_files(const struct entry *entry)
{
    const struct sl_config_connection *connection = entry->connection;
    if (connection->certificate != NULL && connection->key == NULL)
        return fail_at(entry, "certificate", "a 'certificate' needs its 'key'");
    if (connection->key != NULL && connection->certificate == NULL)
        return fail_at(entry, "key", "a 'key' needs its 'certificate'");
    return true;
}

static bool check_ports(const struct sl_config *config, struct sl_yaml *yaml,
                        struct sl_yaml_errors *errors)
{
    const unsigned first = config->connect_ports[0], last = config->connect_ports[1];
    unsigned line;
    sl_yaml_find(yaml, "connect_ports", &line);
    if (first == 0 || last < first) {
        sl_yaml_fail(errors, line, "'connect_ports' are the first and the last of a range");
        return false;
    }
    for (unsigned i = 0; config->connections_count > 0 && i < config->listeners_count; i++) {
        const unsigned port = config->listeners[i].port;
        if (port < first || port > last)
            continue;
        sl_yaml_fail(errors, line,
                     "'connect_ports', %u to %u, hold the listener's port %u: sessions that the "
                     "gateway begins need ports of their own",
                     first, last, port);
        return false;
    }
    return true;
}

bool config_check_connections(const struct sl_config *config, struct sl_yaml *yaml,
                              struct sl_yaml_errors *errors)
{
    for (unsigned i = 0; i < config->connections_count; i++) {
        const struct entry entry = {config, &config->connections[i], i, yaml, errors};
        if (!check_names(&entry) || !check_addresses(&entry) || !check_times(&entry) ||
            !check_files(&entry))
            return false;
    }
    return config->connect_ports == NULL || check_ports(config, yaml, errors);
}
