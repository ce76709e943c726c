#include <stdio.h>
#include <time.h>

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/x509v3.h>

#include "identity_priv.h"

static void describe_key(const X509 *certificate, char *out, size_t out_len)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    char curve[24] = "";
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519) {
        snprintf(out, out_len, "Ed25519");
    } else if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
        snprintf(out, out_len, "RSA %d", EVP_PKEY_get_bits(key));
    } else {
        EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL);
        const char *common = EC_curve_nid2nist(OBJ_txt2nid(curve));
        snprintf(out, out_len, "ECDSA %s", common != NULL ? common : curve);
    }
}

/** A DNS name or an address as text; false: it is another kind of name, or none to be printed. */
static bool write_name(const GENERAL_NAME *name, char *out, size_t out_len)
{
    bool is_address = name->type == GEN_IPADD;
    if (!is_address && name->type != GEN_DNS)
        return false;
    const ASN1_STRING *value = is_address ? name->d.iPAddress : name->d.dNSName;
    const uint8_t *bytes = ASN1_STRING_get0_data(value);
    int len = ASN1_STRING_length(value);
    if (is_address)
        return (len == 4 || len == 16) &&
               inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, out, (socklen_t)out_len) != NULL;
    for (int i = 0; i < len; i++)
        if (bytes[i] <= ' ' || bytes[i] > '~')
            return false;
    return len > 0 && snprintf(out, out_len, "%.*s", len, (const char *)bytes) < (int)out_len;
}

static void describe_names(const X509 *certificate, char *out, size_t out_len)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    size_t at = 0;
    out[0] = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        char name[256];
        if (!write_name(sk_GENERAL_NAME_value(names, i), name, sizeof name) ||
            at + 1 + strlen(name) >= out_len)
            continue;
        at += (size_t)snprintf(out + at, out_len - at, "%s%s", at > 0 ? "," : "", name);
    }
    GENERAL_NAMES_free(names);
}

int64_t sl_identity_time(const ASN1_TIME *moment)
{
    struct tm utc; /* without a moment libcrypto would take the present one */
    if (moment == NULL || ASN1_TIME_to_tm(moment, &utc) != 1)
        return 0;
    int64_t seconds = timegm(&utc);
    return seconds != 0 ? seconds : 1;
}

static int64_t end_of(const X509 *certificate)
{
    return sl_identity_time(X509_get0_notAfter(certificate));
}

void sl_certificate_describe(const struct sl_certificate *certificate,
                             struct sl_certificate_info *out)
{
    const X509 *leaf = certificate->leaf;
    STACK_OF(X509) *chain = certificate->chain;
    out->file = certificate->path != NULL ? certificate->path : "";
    (void)sl_identity_write_subject(leaf, out->subject, sizeof out->subject);
    describe_names(leaf, out->names, sizeof out->names);
    describe_key(leaf, out->key, sizeof out->key);
    out->ends_s = end_of(leaf);
    for (int k = 0; k < sk_X509_num(chain); k++) {
        int64_t end_s = end_of(sk_X509_value(chain, k));
        out->ends_s = end_s < out->ends_s ? end_s : out->ends_s;
    }
    out->ocsp_file = certificate->ocsp_path;
    out->ocsp_begins_s = certificate->ocsp_begin_s;
    out->ocsp_ends_s = certificate->ocsp_end_s;
}

void sl_credentials_describe(const struct sl_credentials *credentials, unsigned i,
                             struct sl_certificate_info *out)
{
    sl_certificate_describe(sl_credentials_at(credentials, i), out);
}
