#include <time.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "handshake_priv.h"

/* A ticket is libssl's encoding of the session, the client's certificate in it, and our data
 * beside. A longer one is not given: last flights are kept, and clients send it in their
 * ClientHello. */
#define TICKET_SESSION_MAX 4096

static bool use_key(const struct ticket_key *key, const uint8_t *iv, EVP_CIPHER_CTX *cipher,
                    EVP_MAC_CTX *mac, int is_sealing)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)key->mac,
                                          sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, is_sealing) == 1 &&
           EVP_MAC_CTX_set_params(mac, params) == 1;
}

/** For libssl: 0 makes the ticket an empty one, RFC 5077 3.3. */
static int seal_with(struct handshake *handshake, unsigned char *name, unsigned char *iv,
                     EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    const struct ticket_key *key = sl_handshake_newest_ticket_key(&handshake->owner->ticket_keys);
    if (!handshake->server.fills_ticket || key == NULL ||
        RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1 ||
        !use_key(key, iv, cipher, mac, 1))
        return 0;
    memcpy(name, key->name, sizeof key->name);
    sl_handshake_count(handshake->owner, SL_HANDSHAKE_TICKET_ISSUED);
    return 1;
}

/** For libssl: 0 means a full handshake, 2 that the client gets a new ticket in place of this. */
static int open_with(struct handshake *handshake, const unsigned char *name,
                     const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    const struct ticket_keys *keys = &handshake->owner->ticket_keys;
    const struct ticket_key *key = sl_handshake_find_ticket_key(keys, name);
    if (key == NULL || !use_key(key, iv, cipher, mac, 0))
        return 0;
    return key == sl_handshake_newest_ticket_key(keys) ? 1 : 2;
}

static int give_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                    EVP_MAC_CTX *mac, int is_sealing)
{
    struct handshake *handshake = SSL_get_app_data(ssl);
    return is_sealing ? seal_with(handshake, name, iv, cipher, mac)
                      : open_with(handshake, name, iv, cipher, mac);
}

/** The session is not resumed after the certificate's end: clients hear that with the ticket. */
static bool limit_lifetime(const struct handshake *handshake, SSL_SESSION *session,
                           uint64_t *expires_s)
{
    int64_t left_s;
    *expires_s = 0;
    if (!sl_handshake_time_left(handshake, &left_s))
        return true;
    *expires_s = (uint64_t)time(NULL) + (uint64_t)(left_s > 0 ? left_s : 0);
    return left_s > 0 &&
           (left_s >= SSL_SESSION_get_timeout(session) || SSL_SESSION_set_timeout(session, left_s));
}

static bool note_owner(const struct handshake *handshake, SSL_SESSION *session)
{
    struct ticket_data data = {.identity = handshake->identity};
    data.identity.method = handshake->method;
    STACK_OF(X509) *chain = SSL_get0_verified_chain(handshake->ssl);
    uint8_t bytes[TICKET_DATA_MAX];
    if ((chain != NULL && !sl_chain_note(&data.chain, chain)) ||
        !limit_lifetime(handshake, session, &data.expires_s))
        return false;
    size_t len = sl_handshake_write_ticket_data(&data, bytes, sizeof bytes);
    return len > 0 && SSL_SESSION_set1_ticket_appdata(session, bytes, len) == 1 &&
           i2d_SSL_SESSION(session, NULL) <= TICKET_SESSION_MAX;
}

/** Who showed a pre-shared key has signed nothing that a ticket could save, and it would outlive
 * the key; what libssl keeps is not resumed. One that takes another's place says what that said,
 * and ends with it. */
static bool fills(const struct handshake *handshake)
{
    SSL_SESSION *session = SSL_get_session(handshake->ssl);
    return SSL_session_reused(handshake->ssl) ||
           (!handshake->server.is_legacy && !handshake->server.is_psk &&
            note_owner(handshake, session));
}

/** Before a ticket is made. */
static int fill_ticket(SSL *ssl, void *arg)
{
    (void)arg;
    struct handshake *handshake = SSL_get_app_data(ssl);
    handshake->server.fills_ticket = fills(handshake);
    ERR_clear_error();
    return 1;
}

/** Whom the ticket names is still taken. Which service it was, and whom that trusts, is in the
 * session ID context: server_context.c. */
static bool take_owner(struct handshake *handshake, SSL_SESSION *session)
{
    X509_STORE *lists = handshake->trust != NULL ? sl_trust_store(handshake->trust) : NULL;
    struct ticket_data data;
    void *bytes;
    size_t len;
    if (SSL_SESSION_get0_ticket_appdata(session, &bytes, &len) != 1 || bytes == NULL ||
        !sl_handshake_read_ticket_data(&data, bytes, len) ||
        (data.expires_s != 0 && data.expires_s <= (uint64_t)time(NULL)) ||
        !sl_chain_is_unrevoked(&data.chain, lists))
        return false;
    handshake->identity = data.identity;
    handshake->method = data.identity.method;
    handshake->server.expires_s = data.expires_s;
    return true;
}

/** Its MAC has verified, in constant time, before it counts as opened. */
static SSL_TICKET_RETURN take_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
                                     size_t name_len, SSL_TICKET_STATUS status, void *arg)
{
    (void)name, (void)name_len, (void)arg;
    struct handshake *handshake = SSL_get_app_data(ssl);
    bool is_open = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
    handshake->server.offers_ticket = status != SSL_TICKET_EMPTY;
    /* A session that began with extended master secret ends without, by libssl's hand; and none
     * begins without that gets a ticket. RFC 7627 5.3, 5.4. */
    if (!handshake->server.offers_ems)
        return is_open ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_IGNORE;
    if (!is_open || !take_owner(handshake, session))
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

/** Here, because libssl looks the ticket up before it takes the extensions. */
static int see_hello(SSL *ssl, int *alert, void *arg)
{
    (void)alert, (void)arg;
    struct handshake *handshake = SSL_get_app_data(ssl);
    const unsigned char *extension;
    size_t len;
    handshake->server.offers_ems =
        SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_extended_master_secret, &extension, &len);
    return SSL_CLIENT_HELLO_SUCCESS;
}

bool sl_handshake_set_up_tickets(SSL_CTX *ctx, const struct sl_handshaker *handshaker, char *reason)
{
    if (handshaker->ticket_keys.mac == NULL)
        return true;
    SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET);
    SSL_CTX_set_timeout(ctx, handshaker->config.ticket_lifetime_s);
    SSL_CTX_set_client_hello_cb(ctx, see_hello, NULL);
    return (SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, give_key) == 1 &&
            SSL_CTX_set_session_ticket_cb(ctx, fill_ticket, take_ticket, NULL) == 1) ||
           sl_handshake_refuse(reason, "libssl refuses session tickets");
}
