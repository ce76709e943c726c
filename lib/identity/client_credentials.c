#include <stdlib.h>

#include "identity_priv.h"

struct sl_client_credentials {
    struct shares shares;
    struct sl_certificate *certificates; /* [certificate_count] */
    unsigned certificate_count;
    struct sl_psk_list psks;
    struct sl_trust *trust; /* NULL: no certificate is taken */
    char *server_name;      /* NULL: none */
};

static bool is_empty(const struct sl_peer_list *list)
{
    return list->fingerprint_count + list->node_id_count == 0;
}

static bool checks_certificates(const struct sl_trust_rules *rules)
{
    return rules->ca_file != NULL || rules->crl_file != NULL || !is_empty(&rules->peers) ||
           !is_empty(&rules->expected);
}

/** What is given makes sense together. */
static bool check_files(const struct sl_client_files *files, char *reason)
{
    const struct sl_trust_rules *rules = &files->trust;
    bool checks = checks_certificates(rules);
    if (rules->anonymous && checks)
        return sl_identity_refuse(reason, "the server is to be checked, and not to be checked: "
                                          "give a CA file, fingerprints or node ids, or none");
    if (!rules->anonymous && !checks && files->psk_file == NULL)
        return sl_identity_refuse(reason,
                                  "nothing says how to check the server: give a CA file and the "
                                  "server's name (ca_file, server_name), fingerprints of its "
                                  "certificate (fingerprints), node ids (node_ids), a pre-shared "
                                  "key (psk_file), or `anonymous: true`: it is not checked");
    if (rules->ca_file != NULL && files->server_name == NULL && is_empty(&rules->expected))
        return sl_identity_refuse(reason,
                                  "CA file %s is given without the server's name: anyone with a "
                                  "certificate of that CA would be taken for the server; give "
                                  "server_name, or fingerprints or node_ids under expect",
                                  rules->ca_file);
    if (files->psk_file != NULL && !is_empty(&rules->expected))
        return sl_identity_refuse(reason,
                                  "whoever has a pre-shared key shows no certificate, so no "
                                  "fingerprint and no node id: give one of the two");
    if (files->server_name != NULL && files->server_name[0] == 0)
        return sl_identity_refuse(reason, "the server's name is empty");
    return true;
}

static bool load_certificates(struct sl_client_credentials *credentials,
                              const struct sl_client_files *files, char *reason)
{
    credentials->certificates =
        calloc(files->certificate_count + 1UL, sizeof *credentials->certificates);
    if (credentials->certificates == NULL)
        return sl_identity_refuse(reason, "out of memory");
    for (unsigned i = 0; i < files->certificate_count; i++) {
        struct sl_certificate *certificate = &credentials->certificates[i];
        credentials->certificate_count++; /* to be wiped, whatever it holds */
        if (!sl_certificate_load_leaf(certificate, files->certificates[i].certificate_file,
                                      reason) ||
            !sl_certificate_load_key(certificate, &files->certificates[i], reason))
            return false;
    }
    return true;
}

static bool load_trust(struct sl_client_credentials *credentials,
                       const struct sl_trust_rules *rules, char *reason)
{
    struct sl_trust_fault fault; /* the reason names the file, or quotes the text */
    if (!checks_certificates(rules) && !rules->anonymous)
        return true;
    credentials->trust = sl_trust_load(rules, &fault, reason);
    return credentials->trust != NULL;
}

static bool copy_server_name(struct sl_client_credentials *credentials, const char *name,
                             char *reason)
{
    credentials->server_name = strdup(name);
    return credentials->server_name != NULL || sl_identity_refuse(reason, "out of memory");
}

static bool load(struct sl_client_credentials *credentials, const struct sl_client_files *files,
                 char *reason)
{
    return check_files(files, reason) && load_certificates(credentials, files, reason) &&
           (files->psk_file == NULL || sl_psk_load(&credentials->psks, files->psk_file, reason)) &&
           load_trust(credentials, &files->trust, reason) &&
           (files->server_name == NULL ||
            copy_server_name(credentials, files->server_name, reason));
}

struct sl_client_credentials *sl_client_credentials_load(const struct sl_client_files *files,
                                                         char *reason)
{
    struct sl_client_credentials *credentials = calloc(1, sizeof *credentials);
    if (credentials == NULL) {
        sl_identity_refuse(reason, "out of memory");
        return NULL;
    }
    shares_init(&credentials->shares);
    if (load(credentials, files, reason))
        return credentials;
    sl_client_credentials_destroy(credentials);
    return NULL;
}

struct sl_client_credentials *sl_client_credentials_share(struct sl_client_credentials *credentials)
{
    shares_take(&credentials->shares);
    return credentials;
}

void sl_client_credentials_destroy(struct sl_client_credentials *credentials)
{
    if (credentials == NULL || !shares_give_back(&credentials->shares))
        return;
    for (unsigned i = 0; i < credentials->certificate_count; i++)
        sl_certificate_wipe(&credentials->certificates[i]);
    free(credentials->certificates);
    free(credentials->server_name);
    sl_psk_wipe(&credentials->psks);
    sl_trust_destroy(credentials->trust);
    free(credentials);
}

void sl_client_credentials_describe(const struct sl_client_credentials *credentials, unsigned i,
                                    struct sl_certificate_info *out)
{
    assert(i < credentials->certificate_count);
    sl_certificate_describe(&credentials->certificates[i], out);
}

bool sl_client_credentials_are_current(const struct sl_client_credentials *credentials,
                                       const struct sl_client_credentials *known, char *reason)
{
    for (unsigned i = 0; i < credentials->certificate_count; i++) {
        const struct sl_certificate *certificate = &credentials->certificates[i];
        if (known != NULL &&
            sl_certificate_is_among(known->certificates, known->certificate_count, certificate))
            continue;
        if (!sl_certificate_is_current(certificate, reason))
            return false;
    }
    return true;
}

unsigned sl_client_certificate_count(const struct sl_client_credentials *credentials)
{
    return credentials->certificate_count;
}

void *sl_client_certificate(const struct sl_client_credentials *credentials, unsigned i)
{
    assert(i < credentials->certificate_count);
    return credentials->certificates[i].leaf;
}

void *sl_client_key(const struct sl_client_credentials *credentials, unsigned i)
{
    assert(i < credentials->certificate_count);
    return credentials->certificates[i].key;
}

void *sl_client_chain(const struct sl_client_credentials *credentials, unsigned i)
{
    assert(i < credentials->certificate_count);
    return credentials->certificates[i].chain;
}

unsigned sl_client_psk_count(const struct sl_client_credentials *credentials)
{
    return credentials->psks.count;
}

const struct sl_psk *sl_client_psk(const struct sl_client_credentials *credentials, unsigned i)
{
    assert(i < credentials->psks.count);
    return &credentials->psks.psks[i];
}

struct sl_trust *sl_client_trust(const struct sl_client_credentials *credentials)
{
    return credentials->trust;
}

const char *sl_client_server_name(const struct sl_client_credentials *credentials)
{
    return credentials->server_name;
}
