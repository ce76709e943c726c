#include <openssl/x509_vfy.h>

#include "handshake_priv.h"

/* libssl asks here instead of verifying itself. Whoever knows the fingerprint needs no authority.
 */

int sl_handshake_check_server(X509_STORE_CTX *verification, void *handshaker_)
{
    const struct sl_handshaker *handshaker = handshaker_;
    const struct sl_client_credentials *credentials = handshaker->client.credentials;
    const SSL *ssl = X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct client_side *client = &((struct handshake *)SSL_get_app_data(ssl))->client;
    if (sl_client_trusts_anyone(credentials)) {
        client->method = SL_IDENTITY_NONE;
        return 1;
    }
    if (sl_client_knows_fingerprint(credentials, X509_STORE_CTX_get0_cert(verification))) {
        client->method = SL_IDENTITY_FINGERPRINT;
        return 1;
    }
    if (sl_client_trust(credentials) == NULL) {
        X509_STORE_CTX_set_error(verification, X509_V_ERR_CERT_REJECTED);
        return 0;
    }
    client->method = SL_IDENTITY_CERTIFICATE;
    return X509_verify_cert(verification) == 1;
}

const char *sl_handshake_verify_text(uint32_t verify_result)
{
    if (verify_result == X509_V_ERR_CERT_REJECTED)
        return "it has none of the fingerprints that are expected";
    return X509_verify_cert_error_string(verify_result);
}
