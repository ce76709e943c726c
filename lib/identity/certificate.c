#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "identity_priv.h"

/* RFC 9325 4.5: what is smaller is not worth the name. */
#define RSA_BITS_MIN 2048

/** The curves that a peer can be expected to verify with: RFC 8422 5.1.1. 0: another one. */
static int curve_of(EVP_PKEY *key)
{
    char name[64] = "";
    size_t len = 0;
    if (sl_identity_has_explicit_curve(key) ||
        !EVP_PKEY_get_group_name(key, name, sizeof name, &len))
        return NID_undef;
    int curve = OBJ_txt2nid(name);
    if (curve == NID_undef)
        curve = EC_curve_nist2nid(name);
    bool is_known =
        curve == NID_X9_62_prime256v1 || curve == NID_secp384r1 || curve == NID_secp521r1;
    return is_known ? curve : NID_undef;
}

static bool check_key_kind(const char *path, EVP_PKEY *key, int curve, char *reason)
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
        if (curve != NID_undef)
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

/** RFC 5246 7.4.2: each one of the chain certifies the one before it. */
static bool check_chain(const struct sl_certificate *certificate, char *reason)
{
    X509 *subject = certificate->leaf;
    for (int i = 0; i < sk_X509_num(certificate->chain); i++) {
        X509 *issuer = sk_X509_value(certificate->chain, i);
        if (X509_check_issued(issuer, subject) != X509_V_OK)
            return sl_identity_refuse(
                reason,
                "certificate file %s: its certificate %d has not signed "
                "certificate %d; the leaf is first, then whoever has signed it",
                certificate->path, i + 2, i + 1);
        subject = issuer;
    }
    return true;
}

bool sl_certificate_load_leaf(struct sl_certificate *out, const char *path, char *reason)
{
    struct sl_pem_file file;
    bool ok = sl_pem_open(&file, path, "certificate file", reason) &&
              sl_pem_read_certificates(&file, &out->leaf, &out->chain, reason);
    sl_pem_close(&file);
    if (!ok)
        return false;
    out->path = strdup(path);
    EVP_PKEY *key = X509_get0_pubkey(out->leaf);
    if (key == NULL)
        return sl_identity_refuse(
            reason,
            "certificate file %s has a key of an unsupported type: RSA, ECDSA or Ed25519 "
            "is needed",
            path);
    out->kind = EVP_PKEY_get_base_id(key);
    out->curve = out->kind == EVP_PKEY_EC ? curve_of(key) : NID_undef;
    return check_key_kind(path, key, out->curve, reason) && check_chain(out, reason);
}

static bool is_same(const struct sl_certificate *a, const struct sl_certificate *b)
{
    const int count = sk_X509_num(a->chain);
    bool is_same = X509_cmp(a->leaf, b->leaf) == 0 && count == sk_X509_num(b->chain);
    for (int i = 0; is_same && i < count; i++)
        is_same = X509_cmp(sk_X509_value(a->chain, i), sk_X509_value(b->chain, i)) == 0;
    return is_same;
}

bool sl_certificate_is_among(const struct sl_certificate *certificates, unsigned count,
                             const struct sl_certificate *certificate)
{
    for (unsigned i = 0; i < count; i++)
        if (is_same(&certificates[i], certificate))
            return true;
    return false;
}

bool sl_certificate_is_current(const struct sl_certificate *certificate, char *reason)
{
    for (int i = -1; i < sk_X509_num(certificate->chain); i++) {
        X509 *x509 = i < 0 ? certificate->leaf : sk_X509_value(certificate->chain, i);
        if (X509_cmp_current_time(X509_get0_notBefore(x509)) >= 0)
            return sl_identity_refuse(reason, "certificate %d of file %s is not valid yet", i + 2,
                                      certificate->path);
        if (X509_cmp_current_time(X509_get0_notAfter(x509)) <= 0)
            return sl_identity_refuse(reason, "certificate %d of file %s has expired", i + 2,
                                      certificate->path);
    }
    return true;
}

bool sl_certificate_load_key(struct sl_certificate *out, const struct sl_certificate_files *files,
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

void sl_certificate_wipe(struct sl_certificate *certificate)
{
    X509_free(certificate->leaf);
    sk_X509_pop_free(certificate->chain, X509_free);
    EVP_PKEY_free(certificate->key);
    free(certificate->ocsp);
    free(certificate->ocsp_path);
    free(certificate->path);
}
