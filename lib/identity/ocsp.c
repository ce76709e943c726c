#include <stdlib.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "identity_priv.h"

/* How far the responder's clock may go before ours. */
#define CLOCK_SKEW_S 300

/** The hash of a name or key of the issuer's is this one. */
static bool is_hash(const ASN1_OCTET_STRING *hash, const uint8_t *digest, unsigned len)
{
    return ASN1_STRING_length(hash) == (int)len &&
           memcmp(ASN1_STRING_get0_data(hash), digest, len) == 0;
}

/** The authority that has signed the certificate, if its chain begins with it. */
static const X509 *issuer_of(const struct sl_certificate *certificate)
{
    X509 *next = sk_X509_value(certificate->chain, 0);
    bool is_issuer = next != NULL && X509_check_issued(next, certificate->leaf) == X509_V_OK;
    return is_issuer ? next : NULL;
}

/** The id is of this certificate: its issuer's name, key (where we know it), its number. RFC 6960
 * 4.1.1. */
static bool is_of(const OCSP_CERTID *id, const struct sl_certificate *certificate)
{
    ASN1_OCTET_STRING *name_hash, *key_hash;
    ASN1_OBJECT *algorithm;
    ASN1_INTEGER *serial;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    const X509 *leaf = certificate->leaf, *issuer = issuer_of(certificate);
    OCSP_id_get0_info(&name_hash, &algorithm, &key_hash, &serial, (OCSP_CERTID *)(uintptr_t)id);
    const EVP_MD *hash = EVP_get_digestbyobj(algorithm);
    return hash != NULL && ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(leaf)) == 0 &&
           X509_NAME_digest(X509_get_issuer_name(leaf), hash, digest, &len) == 1 &&
           is_hash(name_hash, digest, len) &&
           (issuer == NULL || (X509_pubkey_digest(issuer, hash, digest, &len) == 1 &&
                               is_hash(key_hash, digest, len)));
}

static OCSP_SINGLERESP *find_answer(OCSP_BASICRESP *basic, const struct sl_certificate *certificate)
{
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
        if (is_of(OCSP_SINGLERESP_get0_id(single), certificate))
            return single;
    }
    return NULL;
}

/** When it begins to hold, and ends to (0: never). false: it says nothing that makes sense. */
static bool read_times(struct sl_certificate *out, const ASN1_GENERALIZEDTIME *this_update,
                       const ASN1_GENERALIZEDTIME *next_update)
{
    out->ocsp_begin_s = sl_identity_time(this_update);
    out->ocsp_end_s = sl_identity_time(next_update);
    return out->ocsp_begin_s != 0 &&
           (next_update == NULL || (out->ocsp_end_s != 0 && out->ocsp_end_s >= out->ocsp_begin_s));
}

static bool check_answer(struct sl_certificate *out, OCSP_BASICRESP *basic, const char *path,
                         char *reason)
{
    ASN1_GENERALIZEDTIME *this_update, *next_update;
    OCSP_SINGLERESP *single = find_answer(basic, out);
    if (single == NULL)
        return sl_identity_refuse(reason, "OCSP file %s is not about the certificate", path);
    int status = OCSP_single_get0_status(single, NULL, NULL, &this_update, &next_update);
    if (status != V_OCSP_CERTSTATUS_GOOD)
        return sl_identity_refuse(reason, "OCSP file %s says that the certificate is %s", path,
                                  status == V_OCSP_CERTSTATUS_REVOKED ? "revoked" : "unknown");
    if (!read_times(out, this_update, next_update))
        return sl_identity_refuse(reason, "OCSP file %s does not say when it is valid", path);
    return out->ocsp_begin_s <= (int64_t)time(NULL) + CLOCK_SKEW_S ||
           sl_identity_refuse(
               reason, "OCSP file %s is not valid yet: is this machine's clock right?", path);
}

static bool check(struct sl_certificate *out, OCSP_RESPONSE *response, const char *path,
                  char *reason)
{
    if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return sl_identity_refuse(reason,
                                  "OCSP file %s says no more than that the responder failed", path);
    OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
    if (basic == NULL)
        return sl_identity_refuse(reason, "OCSP file %s holds an answer of an unknown kind", path);
    bool ok = check_answer(out, basic, path, reason);
    OCSP_BASICRESP_free(basic);
    return ok;
}

static bool read_response(struct sl_certificate *out, const struct sl_pem_file *file, char *reason)
{
    const unsigned char *at = (const unsigned char *)file->bytes;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)file->len);
    bool ok = response != NULL && at == (const unsigned char *)file->bytes + file->len;
    if (!ok)
        sl_identity_refuse(reason, "OCSP file %s holds no OCSP response in DER form", file->path);
    else
        ok = check(out, response, file->path, reason);
    OCSP_RESPONSE_free(response);
    return ok;
}

/** The response as it is in the file: what libssl staples. */
static bool keep(struct sl_certificate *out, const struct sl_pem_file *file, char *reason)
{
    out->ocsp = malloc(file->len);
    out->ocsp_path = strdup(file->path);
    if (out->ocsp == NULL || out->ocsp_path == NULL)
        return sl_identity_refuse(reason, "out of memory");
    memcpy(out->ocsp, file->bytes, file->len);
    out->ocsp_len = file->len;
    return true;
}

bool sl_certificate_load_ocsp(struct sl_certificate *out, const char *path, char *reason)
{
    struct sl_pem_file file;
    bool ok = sl_pem_open(&file, path, "OCSP file", reason) && read_response(out, &file, reason) &&
              keep(out, &file, reason);
    sl_pem_close(&file);
    ERR_clear_error();
    return ok;
}
