#include <stdio.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "handshake_priv.h"

/** Which pre-shared key is this client's, RFC 4279 5.3. */
static unsigned give_psk(SSL *ssl, const char *hint, char *identity, unsigned identity_room,
                         unsigned char *key, unsigned key_room)
{
    (void)hint; /* keys are not chosen by servers */
    const struct handshake *handshake = SSL_get_app_data(ssl);
    const struct sl_client_credentials *credentials = handshake->client.self->config.credentials;
    const struct sl_psk *psk =
        sl_client_psk(credentials, handshake->client.credential % sl_client_psk_count(credentials));
    size_t identity_len = strlen(psk->identity) + 1;
    if (identity_len > identity_room || psk->key_len > key_room)
        return 0;
    memcpy(identity, psk->identity, identity_len);
    memcpy(key, psk->key, psk->key_len);
    return (unsigned)psk->key_len;
}

/** Each of the names is one that libssl knows: it forgives some that are not, if one is. */
static bool knows_names(SSL_CTX *ctx, const char *suites, char *reason)
{
    char name[64];
    for (const char *at = suites; *at != 0; at += strspn(at, ":")) {
        size_t len = strcspn(at, ":");
        snprintf(name, sizeof name, "%.*s", (int)len, at);
        at += len;
        bool is_name = strchr("!-+@", name[0]) == NULL;
        if (is_name && (len >= sizeof name || SSL_CTX_set_cipher_list(ctx, name) != 1)) {
            snprintf(reason, SL_REASON_LEN, "%s is no cipher suite that libssl knows", name);
            return false;
        }
    }
    return true;
}

/** A suite is one that our records and the credentials allow. */
static bool check_suite(const SSL_CIPHER *suite, const struct sl_client_credentials *credentials,
                        char *reason)
{
    const char *name = SSL_CIPHER_get_name(suite);
    bool is_psk = SSL_CIPHER_get_auth_nid(suite) == NID_auth_psk;
    if (!sl_handshake_knows_suite(SSL_CIPHER_get_protocol_id(suite)))
        snprintf(reason, SL_REASON_LEN,
                 "cipher suite %s cannot be used: only ECDHE or PSK with AES-GCM, AES-CCM or "
                 "ChaCha20-Poly1305 can",
                 name);
    else if (is_psk && sl_client_psk_count(credentials) == 0)
        snprintf(reason, SL_REASON_LEN, "cipher suite %s needs a pre-shared key", name);
    else if (!is_psk && sl_client_trust(credentials) == NULL)
        snprintf(reason, SL_REASON_LEN,
                 "cipher suite %s needs a way to check the server's certificate", name);
    else
        return true;
    return false;
}

static bool has_psks(const struct sl_client_config *config)
{
    return sl_client_psk_count(config->credentials) > 0;
}

static const char *fitting_suites(const struct sl_client_config *config)
{
    return sl_handshake_suites_for(has_psks(config), sl_client_trust(config->credentials) != NULL,
                                   config->plain_psk);
}

static bool choose_suites(SSL_CTX *ctx, const struct sl_client_config *config, char *reason)
{
    if (config->suites != NULL && !knows_names(ctx, config->suites, reason))
        return false;
    if (SSL_CTX_set_ciphersuites(ctx, "") != 1 || /* TLS 1.3's */
        (config->suites != NULL && SSL_CTX_set_cipher_list(ctx, config->suites) != 1))
        return sl_handshake_refuse(reason, "libssl refuses the cipher suites");
    STACK_OF(SSL_CIPHER) *chosen = SSL_CTX_get_ciphers(ctx);
    for (int i = 0; i < sk_SSL_CIPHER_num(chosen); i++)
        if (!check_suite(sk_SSL_CIPHER_value(chosen, i), config->credentials, reason))
            return false;
    if (has_psks(config))
        SSL_CTX_set_psk_client_callback(ctx, give_psk);
    return true;
}

/** Whom the certificate has to be for. */
static bool ask_for_name(SSL_CTX *ctx, const char *name, char *reason)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
    /* A name that the authority has certified, not one in the subject: RFC 9525 2. */
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    bool ok = X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1 ||
              X509_VERIFY_PARAM_set1_host(param, name, 0) == 1;
    ERR_clear_error();
    if (!ok)
        snprintf(reason, SL_REASON_LEN, "%.200s is no name that a server can have", name);
    return ok;
}

static bool check_servers(SSL_CTX *ctx, const struct sl_client_credentials *credentials,
                          char *reason)
{
    const struct sl_trust *trust = sl_client_trust(credentials);
    const char *name = sl_client_server_name(credentials);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (trust == NULL)
        return true;
    if (!sl_handshake_check_peers(ctx, trust, reason))
        return false;
    return sl_trust_store(trust) == NULL || name == NULL || ask_for_name(ctx, name, reason);
}

bool sl_handshake_make_client_context(const struct sl_handshaker *handshaker, struct client *client,
                                      char *reason)
{
    SSL_CTX *ctx = sl_handshake_make_context(handshaker, DTLS_client_method(),
                                             fitting_suites(&client->config), reason);
    client->ctx = ctx;
    if (ctx != NULL && client->config.tickets)
        SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET);
    if (ctx == NULL || !choose_suites(ctx, &client->config, reason) ||
        !check_servers(ctx, client->config.credentials, reason))
        return false;
    return sl_handshake_offer_connection_ids(ctx) ||
           sl_handshake_refuse(reason, "libssl refuses the connection ID extension");
}
