#include <openssl/x509_vfy.h>

#include "handshake_priv.h"

/** libssl asks here instead of verifying itself: whoever is known by fingerprint or node id needs
 * no authority. */
static int check_peer(X509_STORE_CTX *verification, void *trust)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct handshake *handshake = SSL_get_app_data(ssl);
    struct sl_trust_verdict verdict = sl_trust_check(trust, verification);
    if (verdict.is_unexpected)
        handshake->refusal = SSL_AD_ACCESS_DENIED;
    handshake->method = verdict.method;
    return verdict.is_trusted;
}

bool sl_handshake_check_peers(SSL_CTX *ctx, const struct sl_trust *trust, char *reason)
{
    SSL_CTX_set_cert_verify_callback(ctx, check_peer, (void *)(uintptr_t)trust);
    return sl_trust_store(trust) == NULL ||
           SSL_CTX_set1_verify_cert_store(ctx, sl_trust_store(trust)) == 1 ||
           sl_handshake_refuse(reason, "libssl refuses the CA file");
}
