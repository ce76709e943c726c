#include <stdlib.h>

#include "handshake_priv.h"

/* RFC 9146 3: each side writes the connection ID that it wants to receive. */

/** false, and *alert: the extension holds something else than one connection ID. */
static bool read_cid(const unsigned char *in, size_t in_len, struct sl_reader *cid, int *alert)
{
    struct sl_reader extension = sl_reader_of(in, in_len);
    *cid = sl_read_vector(&extension, 1);
    if (!cid->failed && sl_reader_left(&extension) == 0)
        return true;
    *alert = SSL_AD_DECODE_ERROR;
    return false;
}

static void keep_cid(struct handshake *handshake, const struct sl_reader *cid)
{
    handshake->peer_cid_len = (uint8_t)sl_reader_left(cid);
    memcpy(handshake->peer_cid, cid->at, handshake->peer_cid_len);
}

static int parse_offer(SSL *ssl, unsigned type, unsigned context, const unsigned char *in,
                       size_t in_len, X509 *x509, size_t chain_at, int *alert, void *arg)
{
    (void)type, (void)context, (void)x509, (void)chain_at, (void)arg;
    struct handshake *handshake = SSL_get_app_data(ssl);
    struct sl_reader cid;
    if (!read_cid(in, in_len, &cid, alert))
        return 0;
    /* One longer than we keep is declined: the client goes on without. */
    handshake->server.cid_wanted =
        sl_reader_left(&cid) <= SL_PEER_CID_MAX && handshake->own_cid_len > 0;
    if (handshake->server.cid_wanted)
        keep_cid(handshake, &cid);
    return 1;
}

/** Writes what we want to receive. */
static int write_own_cid(const struct handshake *handshake, const unsigned char **out,
                         size_t *out_len, int *alert)
{
    uint8_t *extension = malloc(1 + sizeof handshake->own_cid);
    if (extension == NULL) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return -1;
    }
    extension[0] = handshake->own_cid_len;
    memcpy(extension + 1, handshake->own_cid, handshake->own_cid_len);
    *out = extension;
    *out_len = 1U + handshake->own_cid_len;
    return 1;
}

static int write_answer(SSL *ssl, unsigned type, unsigned context, const unsigned char **out,
                        size_t *out_len, X509 *x509, size_t chain_at, int *alert, void *arg)
{
    (void)type, (void)context, (void)x509, (void)chain_at, (void)arg;
    struct handshake *handshake = SSL_get_app_data(ssl);
    if (!handshake->server.cid_wanted || sl_handshake_is_legacy(ssl))
        return 0;
    handshake->cid_negotiated = true;
    return write_own_cid(handshake, out, out_len, alert);
}

static int write_offer(SSL *ssl, unsigned type, unsigned context, const unsigned char **out,
                       size_t *out_len, X509 *x509, size_t chain_at, int *alert, void *arg)
{
    (void)type, (void)context, (void)x509, (void)chain_at, (void)arg;
    const struct handshake *handshake = SSL_get_app_data(ssl);
    return handshake->client.offers_cid ? write_own_cid(handshake, out, out_len, alert) : 0;
}

/** libssl refuses an answer to what was not offered. */
static int parse_answer(SSL *ssl, unsigned type, unsigned context, const unsigned char *in,
                        size_t in_len, X509 *x509, size_t chain_at, int *alert, void *arg)
{
    (void)type, (void)context, (void)x509, (void)chain_at, (void)arg;
    struct handshake *handshake = SSL_get_app_data(ssl);
    struct sl_reader cid;
    if (!read_cid(in, in_len, &cid, alert))
        return 0;
    if (sl_reader_left(&cid) > SL_PEER_CID_MAX) { /* a client can't decline any more */
        *alert = SSL_AD_ILLEGAL_PARAMETER;
        return 0;
    }
    keep_cid(handshake, &cid);
    handshake->cid_negotiated = true;
    return 1;
}

static void free_extension(SSL *ssl, unsigned type, unsigned context, const unsigned char *out,
                           void *arg)
{
    (void)ssl, (void)type, (void)context, (void)arg;
    free((void *)(uintptr_t)out);
}

bool sl_handshake_answer_connection_ids(SSL_CTX *ctx)
{
    return SSL_CTX_add_custom_ext(ctx, SL_EXTENSION_CONNECTION_ID,
                                  SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO, write_answer,
                                  free_extension, NULL, parse_offer, NULL);
}

bool sl_handshake_offer_connection_ids(SSL_CTX *ctx)
{
    return SSL_CTX_add_custom_ext(ctx, SL_EXTENSION_CONNECTION_ID,
                                  SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO, write_offer,
                                  free_extension, NULL, parse_answer, NULL);
}
