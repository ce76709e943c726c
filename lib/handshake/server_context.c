#include <openssl/x509v3.h>

#include "handshake_priv.h"

static int make_cookie(SSL *ssl, unsigned char *out, unsigned *len)
{
    const struct handshake *handshake = SSL_get_app_data(ssl);
    memcpy(out, handshake->server.cookie, handshake->server.cookie_len);
    *len = handshake->server.cookie_len;
    return 1;
}

/** The worker has verified it; here it only has to be the same. */
static int check_cookie(SSL *ssl, const unsigned char *cookie, unsigned len)
{
    const struct handshake *handshake = SSL_get_app_data(ssl);
    return len == handshake->server.cookie_len &&
           memcmp(cookie, handshake->server.cookie, len) == 0;
}

static bool use_certificates(SSL_CTX *ctx, const struct sl_credentials *credentials, char *reason)
{
    for (unsigned i = 0; i < sl_credentials_count(credentials); i++)
        if (SSL_CTX_use_cert_and_key(ctx, sl_credentials_certificate(credentials, i),
                                     sl_credentials_key(credentials, i),
                                     sl_credentials_chain(credentials, i), 1) != 1)
            return sl_handshake_refuse(reason, "libssl refuses a certificate or its key");
    return true;
}

/** Names in the CertificateRequest, so that a client can choose among its certificates. */
static bool name_authorities(SSL_CTX *ctx, X509_STORE *trust)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(trust);
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        if (authority != NULL && SSL_CTX_add_client_CA(ctx, authority) != 1)
            return false;
    }
    return true;
}

static bool ask_for_certificates(SSL_CTX *ctx, X509_STORE *trust, char *reason)
{
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    if (SSL_CTX_set1_verify_cert_store(ctx, trust) == 1 &&
        SSL_CTX_set_purpose(ctx, X509_PURPOSE_SSL_CLIENT) == 1 && name_authorities(ctx, trust))
        return true;
    return sl_handshake_refuse(reason, "libssl refuses the CA file");
}

/** What a server adds to what both roles want. */
static bool set_up(SSL_CTX *ctx, const struct sl_handshaker_config *config, char *reason)
{
    X509_STORE *trust = sl_credentials_trust(config->credentials);
    SSL_CTX_set_options(ctx, SSL_OP_COOKIE_EXCHANGE | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_cookie_generate_cb(ctx, make_cookie);
    SSL_CTX_set_cookie_verify_cb(ctx, check_cookie);
    if (config->connection_ids && !sl_handshake_answer_connection_ids(ctx))
        return sl_handshake_refuse(reason, "libssl refuses the connection ID extension");
    return use_certificates(ctx, config->credentials, reason) &&
           (trust == NULL || ask_for_certificates(ctx, trust, reason));
}

bool sl_handshake_make_server_context(struct sl_handshaker *handshaker, char *reason)
{
    handshaker->server_ctx =
        sl_handshake_make_context(handshaker, DTLS_server_method(), CERTIFICATE_SUITES, reason);
    return handshaker->server_ctx != NULL &&
           set_up(handshaker->server_ctx, &handshaker->config, reason);
}
