#include <stdlib.h>
#include <time.h>

#include <openssl/ssl.h>

#include "handshake_priv.h"

bool sl_handshake_time_left(const struct handshake *handshake, int64_t *left_s)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(handshake->ssl);
    bool has_chain = false;
    for (int i = 0; i < sk_X509_num(chain); i++) {
        int days, seconds;
        if (!ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(sk_X509_value(chain, i))))
            continue; /* libssl has verified that there is one, and that it lies ahead */
        int64_t left = (int64_t)days * 86400 + seconds;
        *left_s = !has_chain || left < *left_s ? left : *left_s;
        has_chain = true;
    }
    return has_chain;
}

/** When the peer's identity ends, by the worker's clock; 0: never. */
static uint64_t expires_ns(const struct handshake *handshake)
{
    int64_t left_s;
    if (handshake->server.expires_s > 0)
        left_s = (int64_t)handshake->server.expires_s - (int64_t)time(NULL);
    else if (!sl_handshake_time_left(handshake, &left_s))
        return 0;
    return handshake->owner->now_ns + (uint64_t)(left_s > 0 ? left_s : 0) * 1000000000;
}

static struct sl_peer_chain *write_chain(STACK_OF(X509) * certificates, size_t len_max)
{
    size_t len = 0;
    for (int i = 0; i < sk_X509_num(certificates); i++)
        len += 3 + (size_t)i2d_X509(sk_X509_value(certificates, i), NULL);
    struct sl_peer_chain *chain = len <= len_max ? malloc(sizeof *chain + len) : NULL;
    if (chain == NULL)
        return NULL;
    chain->len = (uint32_t)len;
    struct sl_writer w = sl_writer_of(chain->bytes, len);
    for (int i = 0; i < sk_X509_num(certificates); i++) {
        X509 *certificate = sk_X509_value(certificates, i);
        int der_len = i2d_X509(certificate, NULL);
        sl_write_be24(&w, (uint32_t)der_len);
        uint8_t *room = sl_write_room(&w, (size_t)der_len);
        if (room != NULL)
            i2d_X509(certificate, &room);
    }
    return chain;
}

/** What consumers get of the peer's chain; NULL: nothing. */
static const struct sl_peer_chain *keep_chain(struct handshake *handshake)
{
    struct sl_handshaker *handshaker = handshake->owner;
    STACK_OF(X509) *certificates = SSL_get0_verified_chain(handshake->ssl);
    if (handshaker->chains.max == 0 || handshake->method == SL_IDENTITY_NONE ||
        sk_X509_num(certificates) <= 0)
        return NULL;
    struct sl_peer_chain *chain = write_chain(certificates, handshaker->config.chain_len_max);
    if (chain != NULL && sl_handshake_keep_chain(&handshaker->chains, handshake->handle, chain))
        return chain;
    free(chain);
    sl_handshake_count(handshaker, SL_HANDSHAKE_CHAIN_LEFT_OUT);
    return NULL;
}

bool sl_handshake_establish(struct handshake *handshake)
{
    struct sl_message_established message = {.identity = handshake->identity,
                                             .expires_ns = expires_ns(handshake),
                                             .chain = keep_chain(handshake)};
    struct sl_identity *identity = &message.identity;
    identity->cid_len = handshake->cid_negotiated ? handshake->own_cid_len : 0;
    identity->method = handshake->method;
    message.is_legacy = handshake->server.is_legacy;
    message.is_resumed = SSL_session_reused(handshake->ssl);
    message.own_cid_in_use = identity->cid_len > 0;
    message.peer_cid_in_use = handshake->cid_negotiated && handshake->peer_cid_len > 0;
    identity->suite = SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(handshake->ssl));
    identity->remote_ip = handshake->path.tuple.remote_ip;
    identity->local_ip = handshake->path.tuple.local_ip;
    identity->remote_port = handshake->path.tuple.remote_port;
    identity->local_port = handshake->path.tuple.local_port;
    if (!sl_handshake_post(sl_handshake_outbox(handshake), SL_MESSAGE_ESTABLISHED,
                           handshake->handle, &message, sizeof message, NULL, 0))
        return false;
    if (handshake->cid_negotiated)
        sl_handshake_count(handshake->owner, SL_HANDSHAKE_CONNECTION_ID);
    if (message.is_resumed)
        sl_handshake_count(handshake->owner, SL_HANDSHAKE_RESUMED);
    return true;
}

void sl_handshake_keep_last(struct handshake *handshake)
{
    struct sl_handshaker *handshaker = handshake->owner;
    struct last_flight last = {.handle = handshake->handle,
                               .made_ns = handshaker->now_ns,
                               .sent_ns = handshaker->now_ns,
                               .flight = handshake->flight,
                               .worker = (uint8_t)handshake->worker};
    handshake->flight = (struct flight){0};
    sl_handshake_keep_last_flight(&handshaker->last_flights, &last);
}

bool sl_handshake_identify(struct handshake *handshake)
{
    return sl_identity_from_certificate(&handshake->identity,
                                        SSL_get0_peer_certificate(handshake->ssl),
                                        handshake->trust) == 0;
}

bool sl_handshake_feed_finished(struct handshake *handshake, const struct assembly *message)
{
    /* The ChangeCipherSpec that a verified record of epoch 1 implies; the wire's proves nothing. */
    return sl_handshake_feed(handshake, SL_CONTENT_CHANGE_CIPHER_SPEC, 0, (const uint8_t[]){1},
                             1) == SSL_ERROR_WANT_READ &&
           sl_handshake_feed_message(handshake, 1, message) == SSL_ERROR_NONE;
}
