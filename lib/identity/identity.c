#include <errno.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "identity_priv.h"

int sl_identity_write_name(const X509_NAME *name, char *out, size_t out_len)
{
    out[0] = 0;
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL)
        return -EINVAL;
    const char *text = NULL;
    long len =
        X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0 ? BIO_get_mem_data(bio, &text) : -1;
    size_t kept = len < 0 ? 0 : (size_t)len < out_len ? (size_t)len : out_len - 1;
    if (kept > 0)
        memcpy(out, text, kept);
    out[kept] = 0;
    BIO_free(bio);
    return len >= 0 ? 0 : -EINVAL;
}

int sl_identity_write_subject(const X509 *certificate, char *out, size_t out_len)
{
    return sl_identity_write_name(X509_get_subject_name(certificate), out, out_len);
}

/** The form in which the trust has the id is the one that its readers know. */
static void write_node_id(struct sl_identity *identity, const struct sl_key_digests *key,
                          const struct sl_trust *trust)
{
    sl_node_id_write(identity->node_id, key,
                     trust != NULL ? trust->node_id_prefix : SL_NODE_ID_PREFIX,
                     trust != NULL && sl_trust_has_compatible(trust, key));
}

int sl_identity_from_certificate(struct sl_identity *identity, const void *x509,
                                 const struct sl_trust *trust)
{
    const X509 *certificate = x509;
    struct sl_key_digests key;
    identity->method = SL_IDENTITY_NONE;
    memset(identity->certificate_sha256, 0, sizeof identity->certificate_sha256);
    memset(identity->public_key_sha256, 0, sizeof identity->public_key_sha256);
    memset(identity->node_id, 0, sizeof identity->node_id);
    memset(identity->subject, 0, sizeof identity->subject);
    if (certificate == NULL)
        return 0;
    if (!sl_key_digests_of(certificate, &key) ||
        !X509_digest(certificate, EVP_sha256(), identity->certificate_sha256, NULL) ||
        sl_identity_write_subject(certificate, identity->subject, sizeof identity->subject) != 0) {
        ERR_clear_error();
        return -EINVAL;
    }
    memcpy(identity->public_key_sha256, key.der, sizeof key.der);
    write_node_id(identity, &key, trust);
    identity->method = SL_IDENTITY_CERTIFICATE;
    return 0;
}
