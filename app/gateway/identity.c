/* Certificates and trust, as the configuration names them. Errors have the line of the key that is
 * at fault. */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "gateway.h"

#define PATH_LEN 96

/** None at all where no service needs one: the configuration was checked. */
static bool load_credentials(struct settings *settings)
{
    const struct sl_config *config = settings->config;
    struct sl_certificate_files files[SL_CONFIG_CERTIFICATES_MAX];
    char reason[SL_CREDENTIALS_REASON_LEN] = "", path[PATH_LEN];
    static const char *const parts[] = {[SL_CERTIFICATE_LEAF] = "certificate",
                                        [SL_CERTIFICATE_KEY] = "key",
                                        [SL_CERTIFICATE_OCSP] = "ocsp_file"};
    struct sl_certificate_fault fault;
    for (unsigned i = 0; i < config->certificates_count; i++)
        files[i] = (struct sl_certificate_files){config->certificates[i].certificate,
                                                 config->certificates[i].key,
                                                 config->certificates[i].ocsp_file};
    if (config->certificates_count == 0)
        return true;
    settings->credentials = sl_credentials_load(files, config->certificates_count, &fault, reason);
    if (settings->credentials != NULL)
        return true;
    snprintf(path, sizeof path, "certificates[%u].%s", fault.index, parts[fault.part]);
    return settings_fail_at(settings, path, "%s", reason);
}

/** Where the rules of a service stand in the file. */
struct rules_at {
    char trust[PATH_LEN / 2];
    char expect[PATH_LEN / 2];
};

static void write_fault(const struct rules_at *at, const struct sl_trust_fault *fault, char *path)
{
    switch (fault->rule) {
    case SL_TRUST_CA_FILE:
        /* In its short form the path is the key itself. */
        snprintf(path, PATH_LEN, "%s%s", at->trust,
                 strcmp(at->trust, "client_ca") == 0 ? "" : ".ca_file");
        break;
    case SL_TRUST_CRL_FILE:
        snprintf(path, PATH_LEN, "%s.crl_file", at->trust);
        break;
    case SL_TRUST_FINGERPRINT:
        snprintf(path, PATH_LEN, "%s.fingerprints[%u]", at->trust, fault->index);
        break;
    case SL_TRUST_NODE_ID:
        snprintf(path, PATH_LEN, "%s.node_ids[%u]", at->trust, fault->index);
        break;
    case SL_TRUST_EXPECTED_FINGERPRINT:
        snprintf(path, PATH_LEN, "%s.fingerprints[%u]", at->expect, fault->index);
        break;
    case SL_TRUST_EXPECTED_NODE_ID:
        snprintf(path, PATH_LEN, "%s.node_ids[%u]", at->expect, fault->index);
        break;
    case SL_TRUST_NODE_ID_PREFIX:
        snprintf(path, PATH_LEN, "trust.node_id_prefix");
        break;
    case SL_TRUST_RULES:
        snprintf(path, PATH_LEN, "%s", at->trust);
        break;
    }
}

struct sl_peer_list identity_list(const struct sl_config_peers *peers)
{
    return (struct sl_peer_list){.fingerprints = (const char *const *)peers->fingerprints,
                                 .fingerprint_count = peers->fingerprints_count,
                                 .node_ids = (const char *const *)peers->node_ids,
                                 .node_id_count = peers->node_ids_count};
}

static const struct sl_config_service *find_service(const struct sl_config *config,
                                                    const char *name)
{
    for (unsigned i = 0; i < config->services_count; i++)
        if (strcmp(config->services[i].name, name) == 0)
            return &config->services[i];
    return NULL;
}

/** What the file says of a service, its own words first. *at: where it says so. */
static struct sl_trust_rules rules_of(const struct sl_config *config, const char *name,
                                      struct rules_at *at)
{
    const struct sl_config_service *service = find_service(config, name);
    const struct sl_config_trust *trust = config->trust;
    struct sl_trust_rules rules = {
        .node_id_prefix = config->trust != NULL ? config->trust->node_id_prefix : NULL};
    snprintf(at->trust, sizeof at->trust, config->client_ca != NULL ? "client_ca" : "trust");
    at->expect[0] = 0;
    if (service != NULL) {
        unsigned i = (unsigned)(service - config->services);
        snprintf(at->expect, sizeof at->expect, "services[%u].expect", i);
        if (service->trust != NULL)
            snprintf(at->trust, sizeof at->trust, "services[%u].trust", i);
        if (service->expect != NULL)
            rules.expected = identity_list(service->expect);
    }
    if (service != NULL && service->trust != NULL)
        trust = service->trust;
    if (trust != NULL) {
        rules.ca_file = trust->ca_file;
        rules.crl_file = trust->crl_file;
        rules.peers = identity_list(&trust->peers);
        rules.anonymous = trust->anonymous;
    } else {
        rules.ca_file = config->client_ca;
        rules.anonymous = config->client_ca == NULL;
    }
    return rules;
}

/** A service's own words, or else the gateway's; NULL: neither. */
static const struct sl_config_trust *trust_of(const struct sl_config *config, const char *name)
{
    const struct sl_config_service *service = find_service(config, name);
    return service != NULL && service->trust != NULL ? service->trust : config->trust;
}

/** Whether who is to run the program can. A gateway that runs has one that does, and could not find
 * out any more. */
static int try_program(const struct settings *settings, const char *program)
{
    const struct sl_config *config = settings->config;
    bool is_somebodys = config->user != NULL || config->psk_lookup_user != NULL;
    if (is_somebodys && !settings->has_lookup_user)
        return 0;
    int error = is_somebodys ? sl_hardening_can_run(&settings->lookup_user, program) : -EAGAIN;
    if (error != -EAGAIN)
        return error;
    return access(program, X_OK) == 0 ? 0 : -errno;
}

/** The service's pre-shared keys; what its certificates are taken for is known. */
static bool load_psks(struct settings *settings, unsigned s, const struct sl_trust_rules *rules,
                      const struct rules_at *at)
{
    struct sl_handshake_service *service = &settings->handshake_services[s];
    const struct sl_config_trust *trust = trust_of(settings->config, service->name);
    char reason[SL_CREDENTIALS_REASON_LEN] = "", path[PATH_LEN];
    if (trust == NULL)
        return true;
    service->plain_psk = trust->plain_psk;
    service->looks_up = trust->psk_lookup != NULL;
    if (trust->psk_file == NULL && !service->looks_up)
        return true;
    if (rules->expected.fingerprint_count + rules->expected.node_id_count > 0)
        return settings_fail_at(settings, at->expect,
                                "a client with a pre-shared key shows neither fingerprint nor "
                                "node id: a service that expects somebody can't take such keys");
    snprintf(path, sizeof path, "%s.psk_lookup", at->trust);
    if (service->looks_up) {
        int error = try_program(settings, trust->psk_lookup);
        return error == 0 ||
               settings_fail_at(settings, path, "lookup program %s cannot be run%s%s: %s",
                                trust->psk_lookup, settings->has_lookup_user ? " by user " : "",
                                settings->has_lookup_user ? settings->lookup_user.name : "",
                                strerror(-error));
    }
    service->psks = settings->psks[s] = sl_psks_load(trust->psk_file, reason);
    snprintf(path, sizeof path, "%s.psk_file", at->trust);
    return service->psks != NULL || settings_fail_at(settings, path, "%s", reason);
}

static bool load_trust(struct settings *settings, unsigned service)
{
    char reason[SL_CREDENTIALS_REASON_LEN] = "", path[PATH_LEN];
    const char *name = settings->services[service];
    struct sl_trust_fault fault;
    struct rules_at at;
    struct sl_trust_rules rules = rules_of(settings->config, name, &at);
    struct sl_handshake_service *out = &settings->handshake_services[service];
    *out = (struct sl_handshake_service){.name = name};
    if (!load_psks(settings, service, &rules, &at))
        return false;
    out->takes_only_psk = sl_config_takes_only_psk(settings->config, name);
    if (out->takes_only_psk)
        return true;
    out->trust = settings->trusts[service] = sl_trust_load(&rules, &fault, reason);
    if (out->trust != NULL)
        return true;
    write_fault(&at, &fault, path);
    return settings_fail_at(settings, path, "%s", reason);
}

/** path: where it stands in the file. */
static const char *find_program(const struct sl_config *config, char path[PATH_LEN])
{
    const char *program = config->trust != NULL ? config->trust->psk_lookup : NULL;
    snprintf(path, PATH_LEN, "trust.psk_lookup");
    for (unsigned i = 0; program == NULL && i < config->services_count; i++) {
        if (config->services[i].trust != NULL)
            program = config->services[i].trust->psk_lookup;
        snprintf(path, PATH_LEN, "services[%u].trust.psk_lookup", i);
    }
    return program;
}

const char *identity_lookup_program(const struct sl_config *config)
{
    char path[PATH_LEN];
    return find_program(config, path);
}

bool identity_fits(const struct gateway *gateway, struct settings *next)
{
    char path[PATH_LEN];
    return gateway->lookup != NULL || find_program(next->config, path) == NULL ||
           settings_fail_at(next, path,
                            "the gateway was started without a lookup program: restart it");
}

/** Clients come for it, or words of its own want a look: another is there for `connect`. */
static bool takes_clients(const struct settings *settings, unsigned service)
{
    const struct sl_config_service *own =
        find_service(settings->config, settings->services[service]);
    return service < settings->served_count ||
           (own != NULL && (own->trust != NULL || own->expect != NULL));
}

bool identity_load(struct settings *settings)
{
    if (!load_credentials(settings))
        return false;
    for (unsigned s = 0; s < settings->runtime.worker.service_count; s++)
        if (takes_clients(settings, s) && !load_trust(settings, s))
            return false;
    return true;
}

/** known: those of entries that are in force, or NULL. */
static bool is_client_current(const struct sl_client_credentials *credentials,
                              const struct settings *known, char *reason)
{
    bool is_current = sl_client_credentials_are_current(credentials, NULL, reason);
    for (unsigned i = 0; known != NULL && !is_current && i < SL_CONNECTIONS_MAX; i++)
        is_current =
            sl_client_credentials_are_current(credentials, known->client_credentials[i], reason);
    return is_current;
}

const struct sl_trust *identity_trust(const struct settings *settings, unsigned i)
{
    if (i < SL_SERVICES_MAX)
        return settings->trusts[i];
    const struct sl_client_credentials *client = settings->client_credentials[i - SL_SERVICES_MAX];
    return client != NULL ? sl_client_trust(client) : NULL;
}

static bool are_certificates_current(struct settings *settings, const struct settings *known)
{
    char reason[SL_CREDENTIALS_REASON_LEN], path[PATH_LEN];
    unsigned i;
    if (!sl_credentials_are_current(settings->credentials,
                                    known != NULL ? known->credentials : NULL, &i, reason)) {
        snprintf(path, sizeof path, "certificates[%u].certificate", i);
        return settings_fail_at(settings, path, "%s", reason);
    }
    for (i = 0; i < settings->config->connections_count; i++) {
        if (is_client_current(settings->client_credentials[i], known, reason))
            continue;
        snprintf(path, sizeof path, "connect[%u].certificate", i);
        return settings_fail_at(settings, path, "%s", reason);
    }
    return true;
}

/** Where the i-th trust's rules stand in the file. */
static void find_rules(const struct settings *settings, unsigned i, struct rules_at *at)
{
    if (i < SL_SERVICES_MAX)
        rules_of(settings->config, settings->services[i], at);
    else
        snprintf(at->trust, sizeof at->trust, "connect[%u].trust", i - SL_SERVICES_MAX);
}

static bool are_lists_current(struct settings *settings, const struct settings *known)
{
    const struct sl_trust *in_force[TRUSTS_MAX] = {NULL};
    char reason[SL_CREDENTIALS_REASON_LEN], path[PATH_LEN];
    struct sl_trust_fault fault;
    struct rules_at at = {0};
    for (unsigned i = 0; known != NULL && i < TRUSTS_MAX; i++)
        in_force[i] = identity_trust(known, i);
    for (unsigned i = 0; i < TRUSTS_MAX; i++) {
        if (sl_trust_is_current(identity_trust(settings, i), in_force, TRUSTS_MAX,
                                (int64_t)time(NULL), &fault, reason))
            continue;
        find_rules(settings, i, &at);
        write_fault(&at, &fault, path);
        return settings_fail_at(settings, path, "%s", reason);
    }
    return true;
}

bool identity_is_current(struct settings *settings, const struct settings *known)
{
    return are_certificates_current(settings, known) && are_lists_current(settings, known);
}

void identity_wipe(struct settings *settings)
{
    sl_credentials_destroy(settings->credentials);
    settings->credentials = NULL;
    for (unsigned s = 0; s < SL_SERVICES_MAX; s++) {
        sl_trust_destroy(settings->trusts[s]);
        settings->trusts[s] = NULL;
        sl_psks_destroy(settings->psks[s]);
        settings->psks[s] = NULL;
    }
}
