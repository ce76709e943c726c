#include <stdlib.h>

#include "identity_priv.h"

struct sl_client_credentials {
    struct sl_certificate *certificates; /* [certificate_count] */
    unsigned certificate_count;
    struct sl_psk_list psks;
    X509_STORE *trust;                   /* NULL: no CA file */
    char *server_name;                   /* NULL: none */
    struct sl_fingerprint *fingerprints; /* [fingerprint_count] */
    unsigned fingerprint_count;
    bool trusts_anyone;
};

/** What is given makes sense together. */
static bool check_files(const struct sl_client_files *files, char *reason)
{
    bool checks = files->ca_file != NULL || files->fingerprint_count > 0;
    if (files->trusts_anyone && checks)
        return sl_identity_refuse(reason, "the server is to be checked, and not to be checked: "
                                          "give a CA file or fingerprints, or neither");
    if (!files->trusts_anyone && !checks && files->psk_file == NULL)
        return sl_identity_refuse(reason,
                                  "nothing says how to check the server: give a CA file and the "
                                  "server's name, fingerprints of its certificate, pre-shared "
                                  "keys, or say that it is not to be checked");
    if (files->ca_file != NULL && files->server_name == NULL)
        return sl_identity_refuse(reason,
                                  "CA file %s is given without the server's name: anyone with a "
                                  "certificate of that CA would be taken for the server",
                                  files->ca_file);
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

static bool load_trust(struct sl_client_credentials *credentials, const char *path, char *reason)
{
    struct sl_pem_file file;
    if (sl_pem_open(&file, path, "CA file", reason))
        credentials->trust = sl_pem_read_trust(&file, reason);
    sl_pem_close(&file);
    return credentials->trust != NULL;
}

static bool read_fingerprints(struct sl_client_credentials *credentials,
                              const struct sl_client_files *files, char *reason)
{
    credentials->fingerprints =
        calloc(files->fingerprint_count + 1UL, sizeof *credentials->fingerprints);
    if (credentials->fingerprints == NULL)
        return sl_identity_refuse(reason, "out of memory");
    for (unsigned i = 0; i < files->fingerprint_count; i++)
        if (!sl_fingerprint_parse(&credentials->fingerprints[i], files->fingerprints[i], reason))
            return false;
    credentials->fingerprint_count = files->fingerprint_count;
    return true;
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
    credentials->trusts_anyone = files->trusts_anyone;
    return check_files(files, reason) && load_certificates(credentials, files, reason) &&
           read_fingerprints(credentials, files, reason) &&
           (files->psk_file == NULL || sl_psk_load(&credentials->psks, files->psk_file, reason)) &&
           (files->ca_file == NULL || load_trust(credentials, files->ca_file, reason)) &&
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
    if (load(credentials, files, reason))
        return credentials;
    sl_client_credentials_destroy(credentials);
    return NULL;
}

void sl_client_credentials_destroy(struct sl_client_credentials *credentials)
{
    if (credentials == NULL)
        return;
    for (unsigned i = 0; i < credentials->certificate_count; i++)
        sl_certificate_wipe(&credentials->certificates[i]);
    free(credentials->certificates);
    free(credentials->fingerprints);
    free(credentials->server_name);
    sl_psk_wipe(&credentials->psks);
    X509_STORE_free(credentials->trust);
    free(credentials);
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

void *sl_client_trust(const struct sl_client_credentials *credentials)
{
    return credentials->trust;
}

const char *sl_client_server_name(const struct sl_client_credentials *credentials)
{
    return credentials->server_name;
}

bool sl_client_trusts_anyone(const struct sl_client_credentials *credentials)
{
    return credentials->trusts_anyone;
}

bool sl_client_takes_certificates(const struct sl_client_credentials *credentials)
{
    return credentials->trust != NULL || credentials->fingerprint_count > 0 ||
           credentials->trusts_anyone;
}

bool sl_client_knows_fingerprint(const struct sl_client_credentials *credentials, const void *x509)
{
    for (unsigned i = 0; i < credentials->fingerprint_count; i++)
        if (sl_fingerprint_matches(&credentials->fingerprints[i], x509))
            return true;
    return false;
}
