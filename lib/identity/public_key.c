#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "identity_priv.h"

bool sl_identity_has_explicit_curve(const EVP_PKEY *key)
{
    int is_explicit = 0;
    return EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                                  &is_explicit) &&
           is_explicit != 0;
}

/**
 * The SubjectPublicKeyInfo of an EC key written anew from its parts, when the certificate has it in
 * the canonical form already: a named curve, and a point that is not compressed. Re-encoding the
 * key itself, as below, takes libcrypto 0.1 ms. NULL: it is in another form.
 */
static X509_PUBKEY *copy_canonical_ec(const X509_PUBKEY *written)
{
    const unsigned char *point;
    int point_len, curve_kind;
    X509_ALGOR *algorithm;
    const void *curve;
    if (!X509_PUBKEY_get0_param(NULL, &point, &point_len, &algorithm, written))
        return NULL;
    X509_ALGOR_get0(NULL, &curve_kind, &curve, algorithm);
    if (curve_kind != V_ASN1_OBJECT || point_len < 1 || point[0] != POINT_CONVERSION_UNCOMPRESSED)
        return NULL;
    X509_PUBKEY *copy = X509_PUBKEY_new();
    unsigned char *point_copy = OPENSSL_memdup(point, (size_t)point_len);
    ASN1_OBJECT *curve_copy = OBJ_dup(curve);
    if (copy != NULL && point_copy != NULL && curve_copy != NULL &&
        X509_PUBKEY_set0_param(copy, OBJ_nid2obj(NID_X9_62_id_ecPublicKey), V_ASN1_OBJECT,
                               curve_copy, point_copy, point_len))
        return copy;
    X509_PUBKEY_free(copy);
    OPENSSL_free(point_copy);
    ASN1_OBJECT_free(curve_copy);
    return NULL;
}

static int encode_ec_key(const X509_PUBKEY *written, EVP_PKEY *borrowed, unsigned char **der)
{
    int len = -1;
    X509_PUBKEY *copy = copy_canonical_ec(written);
    if (copy != NULL)
        len = i2d_X509_PUBKEY(copy, der);
    X509_PUBKEY_free(copy);
    if (len > 0)
        return len;
    EVP_PKEY *key = EVP_PKEY_dup(borrowed);
    if (key != NULL &&
        EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                       OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED))
        len = i2d_PUBKEY(key, der);
    EVP_PKEY_free(key);
    return len;
}

/**
 * DER of the key's SubjectPublicKeyInfo in its one canonical form, so that a peer can't have
 * several names by encoding its key in several ways. Owned by the caller.
 */
static int encode_key(const X509 *certificate, unsigned char **der)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    if (key == NULL || sl_identity_has_explicit_curve(key))
        return -1;
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
        return encode_ec_key(X509_get_X509_PUBKEY(certificate), key, der);
    return i2d_PUBKEY(key, der);
}

/** SHA-256 of the PEM text that `openssl pkey -pubout` writes. */
static bool hash_pem(const unsigned char *der, long len, uint8_t out[32])
{
    const char *text = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = bio != NULL && PEM_write_bio(bio, PEM_STRING_PUBLIC, "", der, len) > 0;
    long text_len = ok ? BIO_get_mem_data(bio, &text) : 0;
    ok = ok && EVP_Digest(text, (size_t)text_len, out, NULL, EVP_sha256(), NULL);
    BIO_free(bio);
    return ok;
}

bool sl_key_digests_of(const X509 *certificate, struct sl_key_digests *out)
{
    unsigned char *der = NULL;
    int len = encode_key(certificate, &der);
    bool ok = len > 0 && EVP_Digest(der, (size_t)len, out->der, NULL, EVP_sha256(), NULL) &&
              hash_pem(der, len, out->pem);
    OPENSSL_free(der);
    if (!ok)
        ERR_clear_error();
    return ok;
}
