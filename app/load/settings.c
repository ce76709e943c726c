#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "settings.h"

/** Ports that clients have past the kernel when nobody says which. */
#define DPDK_FIRST_PORT 10000
#define DPDK_PORT_COUNT 50000

static bool is_any_ip(const struct sl_ip *ip)
{
    static const struct sl_ip any;
    return memcmp(ip, &any, sizeof any) == 0;
}

static void take_address(const struct addrinfo *found, struct sl_ip *ip)
{
    if (found->ai_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)found->ai_addr;
        *ip = sl_ip_from_v4((const uint8_t *)&v4->sin_addr);
        return;
    }
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)found->ai_addr;
    memcpy(ip->bytes, &v6->sin6_addr, sizeof ip->bytes);
}

/** Of the family that the clients' addresses have. */
static bool look_up(const struct plan *plan, const char *host, struct sl_ip *ip, char *reason)
{
    bool is_free = plan->sources.ip_count == 0 || is_any_ip(&plan->sources.first_ip);
    struct addrinfo wanted = {.ai_socktype = SOCK_DGRAM}, *found = NULL;
    if (!is_free)
        wanted.ai_family = sl_ip_is_v4(&plan->sources.first_ip) ? AF_INET : AF_INET6;
    int error = getaddrinfo(host, NULL, &wanted, &found);
    if (error != 0) {
        snprintf(reason, SETTINGS_REASON_LEN, "can't find the address of %s: %s", host,
                 error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
        return false;
    }
    take_address(found, ip);
    freeaddrinfo(found);
    return true;
}

struct sl_load_sources settings_choose_sources(const struct plan *plan)
{
    struct sl_load_sources sources = plan->sources;
    uint64_t wanted = plan->rebind > 0 ? 2 * (uint64_t)plan->clients : plan->clients;
    if (sources.ip_count > wanted)
        sources.ip_count = (uint32_t)wanted;
    if (sources.ip_count == 0)
        sources.ip_count = 1;
    if (plan_has_dpdk(plan) && sources.first_port == 0) {
        sources.first_port = DPDK_FIRST_PORT;
        sources.port_count = DPDK_PORT_COUNT;
    }
    uint32_t of_each = (uint32_t)((wanted + sources.ip_count - 1) / sources.ip_count);
    if (sources.first_port == 0 || of_each < sources.port_count)
        sources.port_count = of_each;
    return sources;
}

static void make_scenario(struct sl_load_scenario *scenario, const struct plan *plan)
{
    bool is_storm = plan->storm > 0;
    scenario->sources = settings_choose_sources(plan);
    scenario->clients = plan->clients;
    scenario->connect_rate = is_storm ? plan->storm : plan->ramp;
    scenario->connects_in_flight = plan->in_flight;
    scenario->is_storm = is_storm;
    scenario->churn_rate = plan->churn;
    scenario->resumes = plan->resumes;
    scenario->offers_cid = plan->cid_len >= 0;
    scenario->cid_len = (uint8_t)(plan->cid_len >= 0 ? plan->cid_len : 0);
    scenario->data_rate = plan->rate;
    if (plan->finds_max)
        scenario->data_rate_max = plan->to_rate;
    scenario->arrivals = plan->is_poisson ? SL_LOAD_POISSON : SL_LOAD_CONSTANT;
    scenario->sizes = plan->sizes;
    scenario->expects_echo = plan->expects_echo;
    scenario->late_after_ns = plan->late_after_ns;
    scenario->rebind_rate = plan->rebind * plan->clients;
    scenario->active_ns = plan->cycle.active_ns;
    scenario->idle_ns = plan->cycle.idle_ns;
    memcpy(scenario->flood_rates, plan->floods, sizeof scenario->flood_rates);
    scenario->false_sources = plan->false_sources;
    scenario->seed = plan->seed;
}

static bool load_credentials(struct settings *settings, const struct plan *plan, const char *host,
                             char *reason)
{
    struct sl_certificate_files certificate = {.certificate_file = plan->cert,
                                               .key_file = plan->key};
    struct sl_client_files files = {
        .certificates = &certificate,
        .certificate_count = plan->cert != NULL ? 1 : 0,
        .psk_file = plan->psk,
        .server_name = plan->name != NULL ? plan->name
                       : plan->ca != NULL ? host
                                          : NULL,
        .trust = {.ca_file = plan->ca,
                  .crl_file = plan->crl,
                  .peers = {.fingerprints = (const char *const *)plan->fingerprints.items,
                            .fingerprint_count = plan->fingerprints.count,
                            .node_ids = (const char *const *)plan->node_ids.items,
                            .node_id_count = plan->node_ids.count},
                  .anonymous = plan->is_insecure},
    };
    settings->credentials = sl_client_credentials_load(&files, reason);
    struct sl_trust_fault fault; /* the reason names the file */
    return settings->credentials != NULL &&
           sl_trust_is_current(sl_client_trust(settings->credentials), NULL, 0, (int64_t)time(NULL),
                               &fault, reason);
}

static void make_handshaker(struct settings *settings, const struct plan *plan)
{
    uint32_t in_flight = plan->in_flight < plan->clients ? plan->in_flight : plan->clients;
    /* Those of one engine, which has its share of the clients. */
    uint32_t sessions = plan->clients / plan->cores + (plan->clients % plan->cores > 0);
    settings->client = (struct sl_client_config){
        .plain_psk = true,
        .credentials = settings->credentials,
        .suites = plan->suites,
        .tickets = plan->resumes,
        .sessions_max = plan->resumes ? sessions : 0,
        .believes_alerts = true,
    };
    settings->handshaker = (struct sl_handshaker_config){
        .roles = {.clients = &settings->client, .client_count = 1},
        .handshakes_max = in_flight + 1,
        .last_flights_max = in_flight + 1,
        .first_timeout_ms = (unsigned)(plan->first_timeout_ns / 1000000),
        .handshake_timeout_ms = (unsigned)(plan->handshake_timeout_ns / 1000000),
        .connection_ids = plan->cid_len >= 0,
        .keylog_file = plan->keylog,
    };
}

bool settings_make(struct settings *settings, const struct plan *plan, char *reason)
{
    char host[256];
    memset(settings, 0, sizeof *settings);
    settings->plan = plan;
    if (!value_split_server(plan->server, host, sizeof host, &settings->scenario.server_port,
                            reason) ||
        !look_up(plan, host, &settings->scenario.server_ip, reason) ||
        !load_credentials(settings, plan, host, reason))
        return false;
    make_scenario(&settings->scenario, plan);
    make_handshaker(settings, plan);
    return true;
}

void settings_wipe(struct settings *settings)
{
    sl_client_credentials_destroy(settings->credentials);
    memset(settings, 0, sizeof *settings);
}
