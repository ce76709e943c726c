/* The entries of `connect`, made into what the connector, the workers and the handshakers want. */
#include <arpa/inet.h>
#include <stdio.h>

#include "gateway.h"

#define NS_PER_SECOND 1000000000ULL

/** Whom the entry takes for the server. */
static struct sl_trust_rules rules_of(const struct sl_config *config,
                                      const struct sl_config_connection *entry)
{
    struct sl_trust_rules rules = {
        .node_id_prefix = config->trust != NULL ? config->trust->node_id_prefix : NULL};
    if (entry->trust != NULL) {
        rules.ca_file = entry->trust->ca_file;
        rules.crl_file = entry->trust->crl_file;
        rules.peers = identity_list(&entry->trust->peers);
        rules.anonymous = entry->trust->anonymous;
    }
    if (entry->expect != NULL)
        rules.expected = identity_list(entry->expect);
    return rules;
}

static bool load_credentials(struct settings *settings, unsigned i)
{
    const struct sl_config_connection *entry = &settings->config->connections[i];
    const struct sl_certificate_files own = {.certificate_file = entry->certificate,
                                             .key_file = entry->key};
    const struct sl_client_files files = {
        .certificates = &own,
        .certificate_count = entry->certificate != NULL ? 1 : 0,
        .psk_file = entry->psk_file,
        .trust = rules_of(settings->config, entry),
        .server_name = entry->server_name,
    };
    char reason[SL_CREDENTIALS_REASON_LEN] = "", path[64];
    settings->client_credentials[i] = sl_client_credentials_load(&files, reason);
    settings->clients[i] = (struct sl_client_config){.credentials = settings->client_credentials[i],
                                                     .plain_psk = entry->plain_psk};
    if (settings->client_credentials[i] != NULL)
        return true;
    snprintf(path, sizeof path, "connect[%u].trust", i);
    return settings_fail_at(settings, path, "%s", reason);
}

/** The port that has the address; SL_GROUPS_MAX: none. */
static unsigned group_of(const struct settings *settings, const struct sl_ip *ip)
{
    const struct sl_worker_config *worker = &settings->runtime.worker;
    for (unsigned g = 0; g < settings->runtime.port_count; g++)
        for (unsigned a = 0; a < worker->groups[g].address_count; a++)
            if (memcmp(&worker->groups[g].addresses[a], ip, sizeof *ip) == 0)
                return g;
    return SL_GROUPS_MAX;
}

static bool make_connection(struct settings *settings, unsigned i)
{
    const struct sl_config_connection *entry = &settings->config->connections[i];
    const struct sl_worker_config *worker = &settings->runtime.worker;
    struct sl_connection_config *connection = &settings->connections[i];
    *connection = (struct sl_connection_config){
        .name = entry->name,
        .service = (uint16_t)settings_service_of(settings, entry->service),
        .backoff_min_ns = entry->retry_min_s * NS_PER_SECOND,
        .backoff_max_ns = entry->retry_max_s * NS_PER_SECOND,
        .handshake_timeout_ms = entry->handshake_timeout_s * 1000,
        .silence_ns = entry->silence_timeout_s * NS_PER_SECOND,
        .offers_cid = settings->config->connection_ids,
        .on_demand = entry->on_demand,
    };
    struct sl_tuple *tuple = &connection->tuple;
    struct sl_ip *hop = &connection->next_hop;
    if (!sl_config_parse_endpoint(entry->address, &tuple->remote_ip, &tuple->remote_port) ||
        !sl_config_parse_ip(entry->from, &tuple->local_ip) ||
        !sl_config_parse_ip(entry->next_hop != NULL ? entry->next_hop : entry->from, hop))
        __builtin_unreachable(); /* it was checked */
    if (entry->next_hop == NULL)
        *hop = tuple->remote_ip;
    connection->group = (uint16_t)group_of(settings, &tuple->local_ip);
    connection->vlan_id = worker->groups[connection->group].vlan_id;
    return load_credentials(settings, i);
}

bool connections_make(struct settings *settings)
{
    const struct sl_config *config = settings->config;
    struct sl_runtime_config *runtime = &settings->runtime;
    static_assert(SL_CONNECTIONS_MAX == SL_CONFIG_CONNECTIONS_MAX, "one list for both");
    for (unsigned i = 0; i < config->connections_count; i++)
        if (!make_connection(settings, i))
            return false;
    runtime->connection_count = config->connections_count;
    runtime->connections = settings->connections;
    if (config->connections_count == 0)
        return true;
    runtime->worker.connect_port = config->connect_ports[0];
    runtime->worker.connect_ports = config->connect_ports[1] - config->connect_ports[0] + 1U;
    return true;
}

static bool fit(const struct settings *now, struct settings *next, unsigned i)
{
    struct sl_connection_config *connection = &next->connections[i];
    const char *service = next->services[connection->service];
    const unsigned services = now->runtime.worker.service_count;
    const unsigned group = group_of(now, &connection->tuple.local_ip);
    char path[64];
    unsigned s = 0;
    while (s < services && strcmp(now->services[s], service) != 0)
        s++;
    snprintf(path, sizeof path, "connect[%u].service", i);
    if (s == services)
        return settings_fail_at(
            next, path, "the gateway was started without a service '%s': restart it", service);
    snprintf(path, sizeof path, "connect[%u].from", i);
    if (group == SL_GROUPS_MAX)
        return settings_fail_at(next, path,
                                "the gateway was started without a port that has the address %s: "
                                "restart it",
                                next->config->connections[i].from);
    connection->service = (uint16_t)s;
    connection->group = (uint16_t)group;
    connection->vlan_id = now->runtime.worker.groups[group].vlan_id;
    connection->offers_cid = now->config->connection_ids;
    return true;
}

bool connections_fit(const struct gateway *gateway, struct settings *next)
{
    for (unsigned i = 0; i < next->runtime.connection_count; i++)
        if (!fit(&gateway->settings, next, i))
            return false;
    return true;
}

void connections_keep(struct settings *now, const struct settings *next)
{
    connections_wipe(now);
    for (unsigned i = 0; i < next->runtime.connection_count; i++)
        now->client_credentials[i] = sl_client_credentials_share(next->client_credentials[i]);
}

void connections_wipe(struct settings *settings)
{
    for (unsigned i = 0; i < SL_CONNECTIONS_MAX; i++) {
        sl_client_credentials_destroy(settings->client_credentials[i]);
        settings->client_credentials[i] = NULL;
    }
}

void print_address(FILE *out, const struct sl_ip *ip, uint16_t port)
{
    char text[INET6_ADDRSTRLEN];
    const bool is_v4 = sl_ip_is_v4(ip);
    inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? ip->bytes + 12 : ip->bytes, text, sizeof text);
    fprintf(out, is_v4 ? "%s:%u" : "[%s]:%u", text, port);
}

void connections_print(struct sl_runtime *runtime, FILE *out, uint64_t now_ns)
{
    struct sl_connection_info connections[SL_CONNECTIONS_MAX];
    const unsigned count = sl_runtime_connections(runtime, connections);
    for (unsigned i = 0; i < count; i++) {
        const struct sl_connection_info *c = &connections[i];
        const uint64_t since_s = c->since_ns != 0 ? (now_ns - c->since_ns) / NS_PER_SECOND : 0;
        fprintf(out, "%s %s since %llu s, to ", c->name, sl_connection_state_name(c->state),
                (unsigned long long)since_s);
        print_address(out, &c->tuple.remote_ip, c->tuple.remote_port);
        fprintf(out, " from ");
        print_address(out, &c->tuple.local_ip, c->tuple.local_port);
        fprintf(out, ", attempts %llu, opened %llu", (unsigned long long)c->attempts,
                (unsigned long long)c->opened);
        if (c->session != 0)
            fprintf(out, ", session %016llx", (unsigned long long)c->session);
        fprintf(out, "%s%s\n", c->reason[0] != '\0' ? "; last: " : "", c->reason);
    }
}
