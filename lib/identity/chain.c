#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "sl_chain.h"

static bool hash_name(const X509_NAME *name, uint8_t out[32])
{
    return X509_NAME_digest(name, EVP_sha256(), out, NULL) == 1;
}

static bool note(struct sl_chain_link *link, X509 *certificate)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
    int len = ASN1_STRING_length(serial);
    if (ASN1_STRING_type(serial) != V_ASN1_INTEGER || len < 1 || len > SL_SERIAL_MAX)
        return false;
    link->serial_len = (uint8_t)len;
    memcpy(link->serial, ASN1_STRING_get0_data(serial), (size_t)len);
    return hash_name(X509_get_issuer_name(certificate), link->issuer_sha256);
}

bool sl_chain_note(struct sl_chain *chain, const void *certificates_)
{
    const STACK_OF(X509) *certificates = certificates_;
    int count = sk_X509_num(certificates);
    *chain = (struct sl_chain){0};
    if (count < 1 || count > SL_CHAIN_MAX)
        return false;
    for (; chain->count < (unsigned)count; chain->count++)
        if (!note(&chain->links[chain->count], sk_X509_value(certificates, (int)chain->count)))
            return false;
    return true;
}

static bool is_in_force(const X509_CRL *list)
{
    const ASN1_TIME *end = X509_CRL_get0_nextUpdate(list);
    return X509_cmp_current_time(X509_CRL_get0_lastUpdate(list)) < 0 &&
           (end == NULL || X509_cmp_current_time(end) > 0);
}

static bool is_on(X509_CRL *list, const struct sl_chain_link *link)
{
    X509_REVOKED *entry;
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    /* Without memory for the question the answer is yes; 2 is an entry that takes one back. */
    bool is_listed = serial == NULL || !ASN1_STRING_set(serial, link->serial, link->serial_len) ||
                     X509_CRL_get0_by_serial(list, &entry, serial) == 1;
    ASN1_INTEGER_free(serial);
    return is_listed;
}

static bool is_unrevoked(const struct sl_chain_link *link, STACK_OF(X509_OBJECT) * objects)
{
    bool has_list = false;
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509_CRL *list = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, i));
        uint8_t issuer[32];
        if (list == NULL || !hash_name(X509_CRL_get_issuer(list), issuer) ||
            memcmp(issuer, link->issuer_sha256, sizeof issuer) != 0)
            continue;
        if (is_on(list, link))
            return false;
        has_list |= is_in_force(list);
    }
    return has_list;
}

bool sl_chain_is_unrevoked(const struct sl_chain *chain, void *store)
{
    unsigned long asks =
        store != NULL ? X509_VERIFY_PARAM_get_flags(X509_STORE_get0_param(store)) : 0;
    if (!(asks & X509_V_FLAG_CRL_CHECK))
        return true;
    unsigned asked = asks & X509_V_FLAG_CRL_CHECK_ALL ? chain->count : 1;
    for (unsigned i = 0; i < asked && i < chain->count; i++)
        if (!is_unrevoked(&chain->links[i], X509_STORE_get0_objects(store)))
            return false;
    return true;
}
