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

/**
 * Names in the CertificateRequest, so that a client can choose among its certificates; none where
 * certificates that nobody has signed are taken, too: RFC 5246 7.4.4.
 */
static bool name_authorities(SSL_CTX *ctx, X509_STORE *store)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        if (authority != NULL && SSL_CTX_add_client_CA(ctx, authority) != 1)
            return false;
    }
    return true;
}

static bool ask_for_certificates(SSL_CTX *ctx, const struct sl_trust *trust, char *reason)
{
    int must_have = sl_trust_insists(trust) ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | must_have, NULL);
    if (!sl_handshake_check_peers(ctx, trust, reason))
        return false;
    return !sl_trust_is_by_authority_alone(trust) || name_authorities(ctx, sl_trust_store(trust)) ||
           sl_handshake_refuse(reason, "libssl refuses the CA file");
}

/**
 * What libssl resumes has begun under the same service and the same trust: it compares this with
 * what a session holds.
 */
static bool bind_sessions(SSL_CTX *ctx, const struct sl_handshake_service *service)
{
    uint8_t id[32];
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool ok =
        digest != NULL && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) &&
        EVP_DigestUpdate(digest, service->name, strlen(service->name) + 1) &&
        (service->trust == NULL || EVP_DigestUpdate(digest, sl_trust_domain(service->trust), 32)) &&
        EVP_DigestFinal_ex(digest, id, NULL) &&
        SSL_CTX_set_session_id_context(ctx, id, sizeof id) == 1;
    EVP_MD_CTX_free(digest);
    return ok;
}

/** What a server adds to what both roles want. */
static bool set_up(SSL_CTX *ctx, const struct sl_handshaker *handshaker,
                   struct sl_credentials *credentials, const struct sl_handshake_service *service,
                   char *reason)
{
    SSL_CTX_set_options(ctx, SSL_OP_COOKIE_EXCHANGE | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_cookie_generate_cb(ctx, make_cookie);
    SSL_CTX_set_cookie_verify_cb(ctx, check_cookie);
    const bool takes_psks = service->psks != NULL || service->looks_up;
    if (takes_psks)
        sl_handshake_give_psks(ctx);
    if (handshaker->config.connection_ids && !sl_handshake_answer_connection_ids(ctx))
        return sl_handshake_refuse(reason, "libssl refuses the connection ID extension");
    if (!bind_sessions(ctx, service))
        return sl_handshake_refuse(reason, "libssl refuses the session ID context");
    return (service->takes_only_psk || (sl_handshake_show_certificates(ctx, credentials, reason) &&
                                        sl_handshake_set_up_tickets(ctx, handshaker, reason))) &&
           (service->trust == NULL || !sl_trust_asks(service->trust) ||
            ask_for_certificates(ctx, service->trust, reason));
}

SSL_CTX *sl_handshake_make_server_context(const struct sl_handshaker *handshaker,
                                          struct sl_credentials *credentials,
                                          const struct sl_handshake_service *service, char *reason)
{
    SSL_CTX *ctx = sl_handshake_make_context(handshaker, DTLS_server_method(),
                                             sl_handshake_suites_of(service), reason);
    if (ctx == NULL || set_up(ctx, handshaker, credentials, service, reason))
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}
