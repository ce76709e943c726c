#include <stdlib.h>

#include <openssl/x509.h>

#include "identity_priv.h"

/* A kind of key each: RSA, ECDSA, Ed25519. */
#define CERTIFICATES_MAX 3
struct sl_credentials {
    unsigned count;
    struct sl_certificate certificates[CERTIFICATES_MAX];
};

static bool is_kind_taken(const struct sl_credentials *credentials, int kind)
{
    for (unsigned i = 0; i < credentials->count; i++)
        if (credentials->certificates[i].kind == kind)
            return true;
    return false;
}

static bool add_certificate(struct sl_credentials *credentials,
                            const struct sl_certificate_files *files, bool *which_is_key,
                            char *reason)
{
    struct sl_certificate loaded = {0};
    *which_is_key = false;
    bool ok = sl_certificate_load_leaf(&loaded, files->certificate_file, reason);
    if (ok && is_kind_taken(credentials, loaded.kind))
        ok = sl_identity_refuse(reason,
                                "certificate file %s has a key of the same type as a certificate "
                                "before it: one of RSA, ECDSA and Ed25519 each",
                                files->certificate_file);
    if (ok) {
        *which_is_key = true;
        ok = sl_certificate_load_key(&loaded, files, reason);
    }
    if (ok)
        credentials->certificates[credentials->count++] = loaded;
    else
        sl_certificate_wipe(&loaded);
    return ok;
}

static bool load_all(struct sl_credentials *credentials, const struct sl_certificate_files *files,
                     unsigned count, unsigned *which, bool *which_is_key, char *reason)
{
    for (unsigned i = 0; i < count; i++) {
        *which = i;
        if (!add_certificate(credentials, &files[i], which_is_key, reason))
            return false;
    }
    return true;
}

struct sl_credentials *sl_credentials_load(const struct sl_certificate_files *files, unsigned count,
                                           unsigned *which, bool *which_is_key, char *reason)
{
    *which = 0;
    *which_is_key = false;
    if (count == 0) {
        sl_identity_refuse(reason, "no certificate is configured: a DTLS server needs one");
        return NULL;
    }
    struct sl_credentials *credentials = calloc(1, sizeof *credentials);
    if (credentials == NULL) {
        sl_identity_refuse(reason, "out of memory");
        return NULL;
    }
    if (!load_all(credentials, files, count, which, which_is_key, reason)) {
        sl_credentials_destroy(credentials);
        return NULL;
    }
    return credentials;
}

void sl_credentials_destroy(struct sl_credentials *credentials)
{
    if (credentials == NULL)
        return;
    for (unsigned i = 0; i < credentials->count; i++)
        sl_certificate_wipe(&credentials->certificates[i]);
    free(credentials);
}

unsigned sl_credentials_count(const struct sl_credentials *credentials)
{
    return credentials->count;
}

void *sl_credentials_certificate(const struct sl_credentials *credentials, unsigned i)
{
    assert(i < credentials->count);
    return credentials->certificates[i].leaf;
}

void *sl_credentials_key(const struct sl_credentials *credentials, unsigned i)
{
    assert(i < credentials->count);
    return credentials->certificates[i].key;
}

void *sl_credentials_chain(const struct sl_credentials *credentials, unsigned i)
{
    assert(i < credentials->count);
    return credentials->certificates[i].chain;
}
