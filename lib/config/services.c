/* Listeners and services: what clients come for, whom each takes, and what it needs for that. */
#include "config_priv.h"

static bool check_listeners(const struct config_meaning *m)
{
    for (unsigned i = 0; i < m->config->listeners_count; i++) {
        const struct sl_config_listener *listener = &m->config->listeners[i];
        char path[CONFIG_PATH_MAX];
        snprintf(path, sizeof path, "listeners[%u].port", i);
        if (listener->port == 0)
            return config_fail_at(m, path, "a UDP port is 1 to 65535");
        for (unsigned k = 0; k < i; k++)
            if (m->config->listeners[k].port == listener->port)
                return config_fail_at(m, path, "UDP port used twice");
        snprintf(path, sizeof path, "listeners[%u].service", i);
        if (!config_is_name(listener->service))
            return config_fail_at(
                m, path, "the name of a service has letters a-z, digits, '_', '-' and '.'");
    }
    return true;
}

/** A service that nobody can come for is a slip of the pen. */
static bool is_used(const struct sl_config *config, const char *service)
{
    for (unsigned i = 0; i < config->listeners_count; i++)
        if (strcmp(config->listeners[i].service, service) == 0)
            return true;
    for (unsigned i = 0; i < config->connections_count; i++)
        if (strcmp(config->connections[i].service, service) == 0)
            return true;
    return false;
}

static bool check_services(const struct config_meaning *m)
{
    const struct sl_config *config = m->config;
    char path[CONFIG_PATH_MAX], reason[96];
    for (unsigned i = 0; i < config->services_count; i++) {
        const char *name = config->services[i].name;
        snprintf(path, sizeof path, "services[%u].name", i);
        for (unsigned k = 0; k < i; k++)
            if (strcmp(config->services[k].name, name) == 0) {
                snprintf(reason, sizeof reason, "service '%s' is there twice", name);
                return config_fail_at(m, path, reason);
            }
        if (!is_used(config, name)) {
            snprintf(reason, sizeof reason, "no listener and no connection is for service '%s'",
                     name);
            return config_fail_at(m, path, reason);
        }
    }
    return true;
}

/** What a trust, which stands at `at`, says of pre-shared keys. */
static bool check_psks(const struct config_meaning *m, const struct sl_config_trust *trust,
                       const char *at, const char **program)
{
    char path[CONFIG_PATH_MAX];
    if (trust == NULL || trust->psk_lookup == NULL)
        return true;
    snprintf(path, sizeof path, "%.100s.psk_lookup", at);
    if (trust->psk_file != NULL)
        return config_fail_at(
            m, path,
            "give one of 'psk_file' and 'psk_lookup': with both, the time that an answer takes "
            "would tell who is in the file");
    if (*program != NULL && strcmp(*program, trust->psk_lookup) != 0)
        return config_fail_at(m, path,
                              "another program was named before: one answers for all services");
    *program = trust->psk_lookup;
    return true;
}

static bool check_trust(const struct config_meaning *m)
{
    const struct sl_config *config = m->config;
    const char *program = NULL;
    char at[CONFIG_PATH_MAX];
    if (config->client_ca != NULL && config->trust != NULL)
        return config_fail_at(
            m, "client_ca", "'client_ca' is short for 'trust: {ca_file: FILE}': give one of them");
    if (!check_psks(m, config->trust, "trust", &program))
        return false;
    for (unsigned i = 0; i < config->services_count; i++) {
        snprintf(at, sizeof at, "services[%u].trust", i);
        if (!check_psks(m, config->services[i].trust, at, &program))
            return false;
    }
    return config->psk_lookup_user == NULL || program != NULL ||
           config_fail_at(m, "psk_lookup_user",
                          "nothing is run by 'psk_lookup_user': no trust has a 'psk_lookup'");
}

bool sl_config_takes_only_psk(const struct sl_config *config, const char *service)
{
    const struct sl_config_trust *trust = config->trust;
    for (unsigned i = 0; i < config->services_count; i++)
        if (strcmp(config->services[i].name, service) == 0 && config->services[i].trust != NULL)
            trust = config->services[i].trust;
    return trust != NULL && (trust->psk_file != NULL || trust->psk_lookup != NULL) &&
           trust->ca_file == NULL && trust->crl_file == NULL &&
           trust->peers.fingerprints_count + trust->peers.node_ids_count == 0 && !trust->anonymous;
}

static bool check_roles(const struct config_meaning *m)
{
    return m->config->listeners_count + m->config->connections_count > 0 ||
           config_fail_at(m, "listeners",
                          "give 'listeners', 'connect' or both: nobody could come, and nobody is "
                          "gone to");
}

static bool check_certificates(const struct config_meaning *m)
{
    const struct sl_config *config = m->config;
    char path[CONFIG_PATH_MAX], reason[192];
    for (unsigned i = 0; config->certificates_count == 0 && i < config->listeners_count; i++) {
        const char *service = config->listeners[i].service;
        if (sl_config_takes_only_psk(config, service))
            continue;
        snprintf(path, sizeof path, "listeners[%u].service", i);
        snprintf(reason, sizeof reason,
                 "service '%s' has to show a certificate, and 'certificates' are missing: only one "
                 "that takes nothing but pre-shared keys does without",
                 service);
        return config_fail_at(m, path, reason);
    }
    return true;
}

bool config_check_services(const struct config_meaning *m)
{
    return check_roles(m) && check_listeners(m) && check_services(m) && check_trust(m) &&
           check_certificates(m);
}
