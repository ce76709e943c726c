/* The configuration, made into what the libraries want. What only shows here is reported with the
 * line it comes from, as the configuration's own errors are. */
#include <arpa/inet.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>

#include "gateway.h"

#define NS_PER_SECOND 1000000000ULL
#define FRAMES_PER_QUEUE 8191
#define LAST_FLIGHTS_MAX 32768U
#define LOOKUP_TIMEOUT_MS 5000

bool settings_fail_at(struct settings *settings, const char *path, const char *format, ...)
{
    va_list args;
    int used = snprintf(settings->reason, sizeof settings->reason,
                        "%s:%u: ", settings->config->path, sl_config_line(settings->config, path));
    if (used < 0 || (size_t)used >= sizeof settings->reason)
        return false;
    va_start(args, format);
    vsnprintf(settings->reason + used, sizeof settings->reason - (size_t)used, format, args);
    va_end(args);
    return false;
}

static unsigned share(unsigned whole, unsigned parts)
{
    return (whole + parts - 1) / parts;
}

static bool make_group(struct settings *settings, unsigned p)
{
    const struct sl_config_port *port = &settings->config->ports[p];
    struct sl_group *group = &settings->runtime.worker.groups[p];
    char path[64];
    snprintf(path, sizeof path, "ports[%u].addresses", p);
    if (port->addresses_count > SL_GROUP_ADDRESSES_MAX)
        return settings_fail_at(settings, path, "a port has at most %d addresses",
                                SL_GROUP_ADDRESSES_MAX);
    for (unsigned a = 0; a < port->addresses_count; a++) {
        uint8_t v4[4];
        snprintf(path, sizeof path, "ports[%u].addresses[%u]", p, a);
        if (inet_pton(AF_INET, port->addresses[a], v4) == 1)
            group->addresses[a] = sl_ip_from_v4(v4);
        else if (inet_pton(AF_INET6, port->addresses[a], group->addresses[a].bytes) != 1)
            return settings_fail_at(settings, path, "'%s' is no IPv4 or IPv6 address",
                                    port->addresses[a]);
    }
    static const enum sl_rx_checksum checksums[] = {
        [SL_CONFIG_CHECKSUM_AUTO] = SL_RX_CHECKSUM_AUTO,
        [SL_CONFIG_CHECKSUM_REQUIRE] = SL_RX_CHECKSUM_REQUIRE,
        [SL_CONFIG_CHECKSUM_IGNORE] = SL_RX_CHECKSUM_IGNORE,
    };
    group->address_count = port->addresses_count;
    group->vlan_id = port->vlan == 0 ? SL_VLAN_NONE : (uint16_t)port->vlan;
    group->rx_checksum = checksums[port->rx_checksum];
    return true;
}

static bool make_ports(struct settings *settings)
{
    static const enum sl_port_driver drivers[] = {
        [SL_CONFIG_DRIVER_AUTO] = SL_PORT_AUTO,
        [SL_CONFIG_DRIVER_AF_XDP] = SL_PORT_AF_XDP,
        [SL_CONFIG_DRIVER_AF_PACKET] = SL_PORT_AF_PACKET,
        [SL_CONFIG_DRIVER_DPDK] = SL_PORT_DPDK,
    };
    const struct sl_config *config = settings->config;
    if (config->ports_count > SL_GROUPS_MAX)
        return settings_fail_at(settings, "ports", "there are at most %d ports", SL_GROUPS_MAX);
    settings->runtime.port_count = config->ports_count;
    for (unsigned p = 0; p < config->ports_count; p++) {
        settings->runtime.ports[p] = (struct sl_port_config){
            .driver = drivers[config->ports[p].driver],
            .interface = config->ports[p].interface,
            .devices = (const char *const *)config->ports[p].devices,
            .device_count = config->ports[p].devices_count,
            .frames_per_queue = FRAMES_PER_QUEUE,
        };
        if (!make_group(settings, p))
            return false;
    }
    return true;
}

unsigned settings_service_of(struct settings *settings, const char *name)
{
    unsigned count = settings->runtime.worker.service_count;
    for (unsigned s = 0; s < count; s++)
        if (strcmp(settings->services[s], name) == 0)
            return s;
    settings->services[count] = name;
    settings->runtime.worker.service_count++;
    return count;
}

static bool make_listeners(struct settings *settings)
{
    static_assert(SL_LISTENERS_MAX + SL_CONFIG_CONNECTIONS_MAX <= SL_SERVICES_MAX,
                  "each listener and each connection may name its own service");
    const struct sl_config *config = settings->config;
    struct sl_worker_config *worker = &settings->runtime.worker;
    if (config->listeners_count > SL_LISTENERS_MAX)
        return settings_fail_at(settings, "listeners", "there are at most %d listeners",
                                SL_LISTENERS_MAX);
    for (unsigned l = 0; l < config->listeners_count; l++) {
        unsigned service = settings_service_of(settings, config->listeners[l].service);
        worker->listeners[l] =
            (struct sl_listener){.port = config->listeners[l].port, .service = (uint16_t)service};
    }
    worker->listener_count = config->listeners_count;
    settings->served_count = worker->service_count;
    settings->runtime.services = settings->services;
    return true;
}

static void make_worker(struct settings *settings)
{
    static const enum sl_crypto_backend backends[] = {
        [SL_CONFIG_CRYPTO_AUTO] = SL_CRYPTO_AUTO,
        [SL_CONFIG_CRYPTO_VAES512] = SL_CRYPTO_VAES512,
        [SL_CONFIG_CRYPTO_VAES256] = SL_CRYPTO_VAES256,
        [SL_CONFIG_CRYPTO_IPSECMB] = SL_CRYPTO_IPSECMB,
        [SL_CONFIG_CRYPTO_OPENSSL] = SL_CRYPTO_OPENSSL,
    };
    static const enum sl_peer_moves moves[] = {
        [SL_CONFIG_MOVES_HOLD] = SL_PEER_MOVES_HOLD,
        [SL_CONFIG_MOVES_ACCEPT] = SL_PEER_MOVES_ACCEPT,
        [SL_CONFIG_MOVES_REFUSE] = SL_PEER_MOVES_REFUSE,
    };
    const struct sl_config *config = settings->config;
    struct sl_worker_config *worker = &settings->runtime.worker;
    worker->crypto = backends[config->crypto];
    worker->sessions_max = share(config->sessions, config->workers);
    worker->half_open_max = share(config->half_open, config->workers);
    worker->idle_timeout_ns = config->idle_timeout_s * NS_PER_SECOND;
    worker->handshake_timeout_ns = config->handshake_timeout_s * NS_PER_SECOND;
    worker->admission = settings->rules;
    worker->prefix_len_v4 = (uint8_t)config->admission.prefix_len_v4;
    worker->prefix_len_v6 = (uint8_t)config->admission.prefix_len_v6;
    worker->peer_moves = moves[config->peer_moves];
    worker->close_at_usage_limit = config->close_at_usage_limit;
}

static void make_handshaker(struct settings *settings)
{
    const struct sl_config *config = settings->config;
    unsigned threads = config->handshake_threads;
    unsigned flights = share(config->sessions, threads);
    settings->runtime.handshaker_count = threads;
    settings->runtime.handshaker = (struct sl_handshaker_config){
        .roles = {.credentials = settings->credentials,
                  .services = settings->handshake_services,
                  .service_count = settings->served_count,
                  .clients = settings->clients,
                  .client_count = config->connections_count},
        .cpu_percent = config->admission.handshake_cpu_percent,
        .cpu_percent_per_prefix = config->admission.handshake_cpu_percent_per_prefix,
        .prefix_len_v4 = (uint8_t)config->admission.prefix_len_v4,
        .prefix_len_v6 = (uint8_t)config->admission.prefix_len_v6,
        .handshakes_max = share(config->half_open, threads),
        .last_flights_max = flights < LAST_FLIGHTS_MAX ? flights : LAST_FLIGHTS_MAX,
        .first_timeout_ms = config->first_timeout_ms,
        .handshake_timeout_ms = config->handshake_timeout_s * 1000,
        .chains_max = config->peer_chain_kib > 0 ? config->sessions : 0,
        .chain_len_max = config->peer_chain_kib << 10,
        .certificate_chain_max = config->certificate_chain_kib << 10,
        .connection_ids = config->connection_ids,
        .legacy_sessions_max = config->legacy_cbc ? share(config->legacy_sessions, threads) : 0,
        .ticket_lifetime_s = config->session_tickets ? config->session_ticket_lifetime_s : 0,
        .lookup_timeout_ms = LOOKUP_TIMEOUT_MS,
        .keylog_file = config->keylog_file,
    };
}

static bool find_control_group(struct settings *settings)
{
    const char *name = settings->config->control_group;
    if (name == NULL)
        return true;
    const struct group *group = getgrnam(name);
    if (group == NULL)
        return settings_fail_at(settings, "control_group", "there is no group '%s' here", name);
    settings->has_control_group = true;
    settings->control_group = group->gr_gid;
    return true;
}

static bool find_user(struct settings *settings, const char *key, const char *name,
                      struct sl_hardening_user *user, bool *has_user)
{
    if (name == NULL)
        return true;
    *has_user = sl_hardening_find_user(name, user) == 0;
    return *has_user || settings_fail_at(settings, key, "there is no user '%s' here", name);
}

static bool find_users(struct settings *settings)
{
    const struct sl_config *config = settings->config;
    if (!find_user(settings, "user", config->user, &settings->user, &settings->has_user))
        return false;
    settings->has_lookup_user = settings->has_user;
    settings->lookup_user = settings->user;
    return find_user(settings, "psk_lookup_user", config->psk_lookup_user, &settings->lookup_user,
                     &settings->has_lookup_user);
}

bool settings_make(struct settings *settings, const struct sl_config *config,
                   const char *preload_path, bool is_reload)
{
    memset(settings, 0, sizeof *settings);
    settings->config = config;
    settings->preload_path = preload_path;
    if (preload_path != NULL && !config->benchmark)
        return settings_fail_at(
            settings, "benchmark",
            "--preload-sessions is for benchmarks: it needs 'benchmark: true' here");
    settings->runtime.worker_count = config->workers;
    settings->runtime.yield_when_idle = config->idle == SL_IDLE_YIELD;
    settings->runtime.consumer_socket = config->consumer_socket;
    settings->runtime.consumer_socket_mode = config->consumer_socket_mode;
    settings->runtime.consumers_per_user = config->consumers_per_user;
    settings->runtime.ring_size = (uint64_t)config->ring_kib << 10;
    settings->runtime.log = log_info;
    /* Users are looked up while any file may be opened, and stay who they are. */
    if (!is_reload && (!find_users(settings) || !find_control_group(settings)))
        return false;
    if (!make_ports(settings) || !make_listeners(settings) || !connections_make(settings) ||
        !identity_load(settings) || !admission_make(settings))
        return false;
    make_worker(settings);
    make_handshaker(settings);
    return true;
}

void settings_wipe(struct settings *settings)
{
    connections_wipe(settings);
    identity_wipe(settings);
    admission_free(settings->rules);
    settings->rules = NULL;
}
