#include <openssl/x509_vfy.h>

#include "identity_priv.h"

/* What libssl asks of keys under an authority, at its security level 2. */
#define SECURITY_BITS_MIN 112

static const struct sl_node_id *find_node_id(const struct sl_peers *peers,
                                             const struct sl_key_digests *key)
{
    for (unsigned i = 0; i < peers->node_id_count; i++)
        if (sl_node_id_matches(&peers->node_ids[i], key))
            return &peers->node_ids[i];
    return NULL;
}

static bool has_fingerprint(const struct sl_peers *peers, const X509 *certificate)
{
    for (unsigned i = 0; i < peers->fingerprint_count; i++)
        if (sl_fingerprint_matches(&peers->fingerprints[i], certificate))
            return true;
    return false;
}

/** By what a certificate is one of the peers; SL_IDENTITY_NONE: it is not. */
static enum sl_identity_method find(const struct sl_peers *peers, const X509 *certificate,
                                    const struct sl_key_digests *key)
{
    if (has_fingerprint(peers, certificate))
        return SL_IDENTITY_FINGERPRINT;
    return find_node_id(peers, key) != NULL ? SL_IDENTITY_NODE_ID : SL_IDENTITY_NONE;
}

bool sl_trust_has_compatible(const struct sl_trust *trust, const struct sl_key_digests *key)
{
    const struct sl_node_id *id = find_node_id(&trust->peers, key);
    if (id == NULL)
        id = find_node_id(&trust->expected, key);
    return id != NULL && id->is_compatible;
}

static int check_times(const X509 *certificate)
{
    int from = X509_cmp_current_time(X509_get0_notBefore(certificate));
    int until = X509_cmp_current_time(X509_get0_notAfter(certificate));
    if (from >= 0)
        return from > 0 ? X509_V_ERR_CERT_NOT_YET_VALID : X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD;
    if (until <= 0)
        return until < 0 ? X509_V_ERR_CERT_HAS_EXPIRED : X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD;
    return X509_V_OK;
}

/** Of a certificate that nobody need have signed. Its chain is itself. */
static int check_alone(X509_STORE_CTX *verification, X509 *certificate)
{
    int error = check_times(certificate);
    if (error != X509_V_OK)
        return error;
    if (EVP_PKEY_get_security_bits(X509_get0_pubkey(certificate)) < SECURITY_BITS_MIN)
        return X509_V_ERR_EE_KEY_TOO_SMALL;
    STACK_OF(X509) *chain = sk_X509_new_null();
    if (chain == NULL || !sk_X509_push(chain, certificate)) {
        sk_X509_free(chain);
        return X509_V_ERR_OUT_OF_MEM;
    }
    X509_up_ref(certificate);
    X509_STORE_CTX_set0_verified_chain(verification, chain);
    return X509_V_OK;
}

static int check_chain(X509_STORE_CTX *verification)
{
    if (X509_verify_cert(verification) == 1)
        return X509_V_OK;
    int error = X509_STORE_CTX_get_error(verification);
    return error != X509_V_OK ? error : X509_V_ERR_UNSPECIFIED;
}

/** The ways of the trust, one by one. *method: the one that takes it. */
static int check_ways(const struct sl_trust *trust, X509_STORE_CTX *verification, X509 *certificate,
                      const struct sl_key_digests *key, uint8_t *method)
{
    enum sl_identity_method by = find(&trust->peers, certificate, key);
    if (by == SL_IDENTITY_NONE && trust->authorities.store == NULL &&
        sl_peers_are_none(&trust->peers)) {
        by = find(&trust->expected, certificate, key);
        if (by == SL_IDENTITY_NONE)
            return X509_V_OK; /* anybody; whether that is expected is another question */
    }
    *method = (uint8_t)by;
    if (by != SL_IDENTITY_NONE)
        return check_alone(verification, certificate);
    *method = SL_IDENTITY_CERTIFICATE;
    return trust->authorities.store != NULL ? check_chain(verification) : X509_V_ERR_CERT_REJECTED;
}

struct sl_trust_verdict sl_trust_check(const struct sl_trust *trust, void *verification_)
{
    X509_STORE_CTX *verification = verification_;
    X509 *certificate = X509_STORE_CTX_get0_cert(verification);
    struct sl_trust_verdict verdict = {.method = SL_IDENTITY_NONE};
    struct sl_key_digests key;
    int error = X509_V_ERR_EC_KEY_EXPLICIT_PARAMS;
    if (sl_key_digests_of(certificate, &key))
        error = check_ways(trust, verification, certificate, &key, &verdict.method);
    verdict.is_unexpected = error == X509_V_OK && !sl_peers_are_none(&trust->expected) &&
                            find(&trust->expected, certificate, &key) == SL_IDENTITY_NONE;
    if (verdict.is_unexpected)
        error = X509_V_ERR_APPLICATION_VERIFICATION;
    X509_STORE_CTX_set_error(verification, error);
    verdict.is_trusted = error == X509_V_OK;
    return verdict;
}
