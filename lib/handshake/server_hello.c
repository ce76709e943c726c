#include <openssl/err.h>

#include "handshake_priv.h"

/* A client's messages are numbered from 0, and the ClientHello with the cookie comes after at least
 * one without. More than a few mean that it is no ClientHello of this exchange. */
#define HELLO_SEQ_MAX 4

/** A ClientHello around its cookie: before it, the cookie, behind it. */
struct hello_parts {
    const uint8_t *before;
    size_t before_len;
    const uint8_t *cookie;
    size_t cookie_len;
    const uint8_t *behind;
    size_t behind_len;
};

static bool split_at_cookie(const struct assembly *hello, struct hello_parts *out)
{
    const uint8_t *body = hello->message + SL_HANDSHAKE_HEADER_LEN;
    struct sl_reader r = sl_reader_of(body, hello->len);
    sl_read_bytes(&r, 2 + SL_RANDOM_LEN);
    sl_read_vector(&r, 1);
    *out = (struct hello_parts){.before = body, .before_len = (size_t)(r.at - body)};
    struct sl_reader cookie = sl_read_vector(&r, 1);
    if (r.failed)
        return false;
    out->cookie = cookie.at;
    out->cookie_len = sl_reader_left(&cookie);
    out->behind = r.at;
    out->behind_len = sl_reader_left(&r);
    return out->cookie_len > 0;
}

/** The ClientHello as it was before the client had a cookie. return its length. */
static size_t write_first_hello(const struct hello_parts *parts, uint16_t msg_seq, uint8_t *out,
                                size_t out_len)
{
    struct sl_writer w = sl_writer_of(out, out_len);
    uint32_t body_len = (uint32_t)(parts->before_len + 1 + parts->behind_len);
    sl_write_u8(&w, SL_HANDSHAKE_CLIENT_HELLO);
    sl_write_be24(&w, body_len);
    sl_write_be16(&w, msg_seq);
    sl_write_be24(&w, 0);
    sl_write_be24(&w, body_len);
    sl_write_bytes(&w, parts->before, parts->before_len);
    sl_write_u8(&w, 0);
    sl_write_bytes(&w, parts->behind, parts->behind_len);
    return w.failed ? 0 : (size_t)(w.at - out);
}

/**
 * Makes libssl believe that it has asked for the cookie itself, once for each ClientHello that came
 * before this one: the numbers of its messages then follow those the client has seen.
 */
static bool feed_first_hellos(struct handshake *handshake, const struct hello_parts *parts)
{
    uint8_t *hello = handshake->owner->plain;
    handshake->server.drops_hello_verify = true;
    bool ok = true;
    for (uint16_t seq = 0; ok && seq < handshake->server.hello_seq; seq++) {
        size_t len = write_first_hello(parts, seq, hello, MESSAGE_LEN_MAX);
        ok = len > 0 && sl_handshake_feed(handshake, SL_CONTENT_HANDSHAKE, 0, hello, len) ==
                            SSL_ERROR_WANT_READ;
    }
    handshake->server.drops_hello_verify = false;
    return ok;
}

/** Bytes of a ClientKeyExchange for the key that libssl has chosen: RFC 8422 5.7. 0: no key. */
static uint16_t key_exchange_len(SSL *ssl)
{
    EVP_PKEY *key = NULL;
    unsigned char *point = NULL;
    size_t len = 0;
    if (SSL_get_tmp_key(ssl, &key) == 1 && key != NULL)
        len = EVP_PKEY_get1_encoded_public_key(key, &point);
    OPENSSL_free(point);
    EVP_PKEY_free(key);
    return (uint16_t)(len > 0 ? 1 + len : 0);
}

/** libssl has answered with its Finished already, and the keys were made on its way out: output.c.
 */
static bool resume(struct handshake *handshake)
{
    sl_handshake_abbreviate_steps(handshake);
    return handshake->keys != NULL;
}

bool sl_handshake_enter(struct handshake *handshake)
{
    const struct assembly *hello = &handshake->messages[0];
    struct hello_parts parts;
    ERR_clear_error();
    if (handshake->server.hello_seq == 0 || handshake->server.hello_seq > HELLO_SEQ_MAX ||
        !split_at_cookie(hello, &parts))
        return false;
    memcpy(handshake->server.cookie, parts.cookie, parts.cookie_len);
    handshake->server.cookie_len = (uint8_t)parts.cookie_len;
    if (!sl_handshake_make_ssl(handshake, handshake->server.service->ctx))
        return false;
    SSL_set_accept_state(handshake->ssl);
    if (!sl_handshake_order_groups(handshake, hello) ||
        !sl_handshake_allow_legacy(handshake, hello))
        return false;
    if (!feed_first_hellos(handshake, &parts))
        return false;
    handshake->keeps = KEEPS_FLIGHT;
    bool ok = sl_handshake_feed_message(handshake, 0, hello) == SSL_ERROR_WANT_READ;
    handshake->keeps = KEEPS_NOTHING;
    if (!ok)
        return false;
    if (SSL_session_reused(handshake->ssl))
        return resume(handshake);
    if (handshake->server.offers_ticket)
        sl_handshake_count(handshake->owner, SL_HANDSHAKE_TICKET_DECLINED);
    handshake->identity = (struct sl_identity){0}; /* of a ticket that libssl did not take */
    handshake->method = SL_IDENTITY_NONE;
    handshake->server.expires_s = 0;
    const SSL_CIPHER *suite = SSL_get_pending_cipher(handshake->ssl);
    handshake->server.is_legacy = sl_handshake_is_legacy(handshake->ssl);
    handshake->owner->legacy_count += handshake->server.is_legacy;
    handshake->server.key_exchange_len = key_exchange_len(handshake->ssl);
    if (suite == NULL || SSL_CIPHER_get_auth_nid(suite) != NID_auth_psk)
        return handshake->server.key_exchange_len > 0;
    handshake->server.is_psk = true;
    handshake->method = SL_IDENTITY_PSK;
    sl_handshake_choose_psk_steps(handshake);
    return true;
}
