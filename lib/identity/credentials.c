#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "identity_priv.h"

/* A kind of key each: RSA, ECDSA, Ed25519. */
#define CERTIFICATES_MAX 3
/* RFC 9325 4.5: what is smaller is not worth the name. */
#define RSA_BITS_MIN 2048

struct certificate {
    int kind; /* EVP_PKEY_RSA, EVP_PKEY_EC or EVP_PKEY_ED25519 */
    X509 *leaf;
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
};

struct sl_credentials {
    unsigned count;
    struct certificate certificates[CERTIFICATES_MAX];
    X509_STORE *trust; /* NULL: clients are not asked */
};

/** The curves that a client can be expected to verify with: RFC 8422 5.1.1. */
static bool is_known_curve(EVP_PKEY *key)
{
    char name[64] = "";
    size_t len = 0;
    if (sl_identity_has_explicit_curve(key) ||
        !EVP_PKEY_get_group_name(key, name, sizeof name, &len))
        return false;
    return strcmp(name, "prime256v1") == 0 || strcmp(name, "P-256") == 0 ||
           strcmp(name, "secp384r1") == 0 || strcmp(name, "P-384") == 0 ||
           strcmp(name, "secp521r1") == 0 || strcmp(name, "P-521") == 0;
}

static bool check_key_kind(const char *path, EVP_PKEY *key, char *reason)
{
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        if (EVP_PKEY_get_bits(key) >= RSA_BITS_MIN)
            return true;
        return sl_identity_refuse(reason,
                                  "certificate file %s has an RSA key of %d bits: at least "
                                  "%d are needed",
                                  path, EVP_PKEY_get_bits(key), RSA_BITS_MIN);
    case EVP_PKEY_EC:
        if (is_known_curve(key))
            return true;
        return sl_identity_refuse(
            reason,
            "certificate file %s has an EC key that is not on a named curve P-256, P-384 "
            "or P-521",
            path);
    case EVP_PKEY_ED25519:
        return true;
    default:
        return sl_identity_refuse(
            reason,
            "certificate file %s has a key of an unsupported type: RSA, ECDSA or Ed25519 "
            "is needed",
            path);
    }
}

static bool load_leaf(struct certificate *out, const char *path, char *reason)
{
    struct sl_pem_file file;
    bool ok = sl_pem_open(&file, path, "certificate file", reason) &&
              sl_pem_read_certificates(&file, &out->leaf, &out->chain, reason);
    sl_pem_close(&file);
    if (!ok)
        return false;
    EVP_PKEY *key = X509_get0_pubkey(out->leaf);
    if (key == NULL)
        return sl_identity_refuse(
            reason,
            "certificate file %s has a key of an unsupported type: RSA, ECDSA or Ed25519 "
            "is needed",
            path);
    out->kind = EVP_PKEY_get_base_id(key);
    return check_key_kind(path, key, reason);
}

static bool load_key(struct certificate *out, const struct sl_certificate_files *files,
                     char *reason)
{
    struct sl_pem_file file;
    if (sl_pem_open(&file, files->key_file, "key file", reason))
        out->key = sl_pem_read_key(&file, reason);
    sl_pem_close(&file);
    if (out->key == NULL)
        return false;
    if (!X509_check_private_key(out->leaf, out->key))
        return sl_identity_refuse(reason, "key file %s does not belong to certificate %s",
                                  files->key_file, files->certificate_file);
    return true;
}

static bool is_kind_taken(const struct sl_credentials *credentials, int kind)
{
    for (unsigned i = 0; i < credentials->count; i++)
        if (credentials->certificates[i].kind == kind)
            return true;
    return false;
}

static void certificate_wipe(struct certificate *certificate)
{
    X509_free(certificate->leaf);
    sk_X509_pop_free(certificate->chain, X509_free);
    EVP_PKEY_free(certificate->key);
}

static bool add_certificate(struct sl_credentials *credentials,
                            const struct sl_certificate_files *files, bool *which_is_key,
                            char *reason)
{
    struct certificate loaded = {0};
    *which_is_key = false;
    bool ok = load_leaf(&loaded, files->certificate_file, reason);
    if (ok && is_kind_taken(credentials, loaded.kind))
        ok = sl_identity_refuse(reason,
                                "certificate file %s has a key of the same type as a certificate "
                                "before it: one of RSA, ECDSA and Ed25519 each",
                                files->certificate_file);
    if (ok) {
        *which_is_key = true;
        ok = load_key(&loaded, files, reason);
    }
    if (ok)
        credentials->certificates[credentials->count++] = loaded;
    else
        certificate_wipe(&loaded);
    return ok;
}

static bool load_trust(struct sl_credentials *credentials, const char *ca_file, char *reason)
{
    struct sl_pem_file file;
    if (sl_pem_open(&file, ca_file, "CA file", reason))
        credentials->trust = sl_pem_read_trust(&file, reason);
    sl_pem_close(&file);
    return credentials->trust != NULL;
}

static bool load_all(struct sl_credentials *credentials, const struct sl_certificate_files *files,
                     unsigned count, const char *ca_file, int *which, bool *which_is_key,
                     char *reason)
{
    for (unsigned i = 0; i < count; i++) {
        *which = (int)i;
        if (!add_certificate(credentials, &files[i], which_is_key, reason))
            return false;
    }
    *which = SL_CREDENTIALS_CA;
    *which_is_key = false;
    return ca_file == NULL || load_trust(credentials, ca_file, reason);
}

struct sl_credentials *sl_credentials_load(const struct sl_certificate_files *files, unsigned count,
                                           const char *ca_file, int *which, bool *which_is_key,
                                           char *reason)
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
    if (!load_all(credentials, files, count, ca_file, which, which_is_key, reason)) {
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
        certificate_wipe(&credentials->certificates[i]);
    X509_STORE_free(credentials->trust);
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

void *sl_credentials_trust(const struct sl_credentials *credentials)
{
    return credentials->trust;
}
