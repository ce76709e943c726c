#include <stdlib.h>

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "identity_priv.h"

struct sl_credentials {
    struct shares shares;
    unsigned count;
    struct sl_certificate certificates[SL_CREDENTIALS_MAX];
};

static bool load_certificate(struct sl_certificate *out, const struct sl_certificate_files *files,
                             enum sl_certificate_part *part, char *reason)
{
    *part = SL_CERTIFICATE_LEAF;
    if (!sl_certificate_load_leaf(out, files->certificate_file, reason))
        return false;
    *part = SL_CERTIFICATE_KEY;
    if (!sl_certificate_load_key(out, files, reason))
        return false;
    *part = SL_CERTIFICATE_OCSP;
    return files->ocsp_file == NULL || sl_certificate_load_ocsp(out, files->ocsp_file, reason);
}

static bool load_all(struct sl_credentials *credentials, const struct sl_certificate_files *files,
                     unsigned count, struct sl_certificate_fault *fault, char *reason)
{
    for (unsigned i = 0; i < count; i++) {
        fault->index = i;
        credentials->count++; /* to be wiped, whatever it holds */
        if (!load_certificate(&credentials->certificates[i], &files[i], &fault->part, reason))
            return false;
    }
    return true;
}

struct sl_credentials *sl_credentials_load(const struct sl_certificate_files *files, unsigned count,
                                           struct sl_certificate_fault *fault, char *reason)
{
    *fault = (struct sl_certificate_fault){0};
    if (count == 0 || count > SL_CREDENTIALS_MAX) {
        sl_identity_refuse(reason,
                           count == 0 ? "no certificate is configured: a DTLS server needs one"
                                      : "%u certificates are configured: at most %d are possible",
                           count, SL_CREDENTIALS_MAX);
        return NULL;
    }
    struct sl_credentials *credentials = calloc(1, sizeof *credentials);
    if (credentials == NULL) {
        sl_identity_refuse(reason, "out of memory");
        return NULL;
    }
    shares_init(&credentials->shares);
    if (load_all(credentials, files, count, fault, reason))
        return credentials;
    sl_credentials_destroy(credentials);
    return NULL;
}

bool sl_credentials_are_current(const struct sl_credentials *credentials,
                                const struct sl_credentials *known, unsigned *index, char *reason)
{
    for (*index = 0; *index < sl_credentials_count(credentials); (*index)++) {
        const struct sl_certificate *certificate = &credentials->certificates[*index];
        if (known != NULL &&
            sl_certificate_is_among(known->certificates, known->count, certificate))
            continue;
        if (!sl_certificate_is_current(certificate, reason))
            return false;
    }
    return true;
}

struct sl_credentials *sl_credentials_share(struct sl_credentials *credentials)
{
    if (credentials != NULL)
        shares_take(&credentials->shares);
    return credentials;
}

void sl_credentials_destroy(struct sl_credentials *credentials)
{
    if (credentials == NULL || !shares_give_back(&credentials->shares))
        return;
    for (unsigned i = 0; i < credentials->count; i++)
        sl_certificate_wipe(&credentials->certificates[i]);
    free(credentials);
}

const struct sl_certificate *sl_credentials_at(const struct sl_credentials *credentials, unsigned i)
{
    assert(i < credentials->count);
    return &credentials->certificates[i];
}

unsigned sl_credentials_count(const struct sl_credentials *credentials)
{
    return credentials != NULL ? credentials->count : 0;
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

/** RFC 9525 2: a name in subjectAltName, whatever the subject says. */
static bool is_for(X509 *certificate, const char *name)
{
    const unsigned flags =
        X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
    return X509_check_host(certificate, name, 0, flags, NULL) == 1;
}

int sl_credentials_curve(const struct sl_credentials *credentials, unsigned i)
{
    assert(i < credentials->count);
    return credentials->certificates[i].curve;
}

uint32_t sl_credentials_choose(const struct sl_credentials *credentials, const char *name,
                               uint32_t among)
{
    const struct sl_certificate *certificates = credentials->certificates;
    uint32_t chosen = 0;
    for (unsigned i = 0; i < credentials->count; i++) {
        bool has_kind = false;
        for (unsigned k = 0; k < i; k++)
            has_kind |= (chosen >> k & 1) != 0 && certificates[k].kind == certificates[i].kind;
        if ((among >> i & 1) != 0 && !has_kind &&
            (name == NULL || is_for(certificates[i].leaf, name)))
            chosen |= 1U << i;
    }
    return chosen != 0 || name == NULL ? chosen : sl_credentials_choose(credentials, NULL, among);
}

const uint8_t *sl_credentials_ocsp(const struct sl_credentials *credentials, const void *x509,
                                   int64_t now_s, size_t *len)
{
    for (unsigned i = 0; i < credentials->count; i++) {
        const struct sl_certificate *certificate = &credentials->certificates[i];
        if (certificate->leaf != x509 || certificate->ocsp == NULL ||
            (certificate->ocsp_end_s != 0 && now_s >= certificate->ocsp_end_s))
            continue;
        *len = certificate->ocsp_len;
        return certificate->ocsp;
    }
    return NULL;
}
