#include <stdlib.h>

#include "handshake_priv.h"

/* RFC 9146 3: each side writes the connection ID that it wants to receive. */

static int parse_offer(SSL *ssl, unsigned type, unsigned context, const unsigned char *in,
                       size_t in_len, X509 *x509, size_t chain_at, int *alert, void *arg)
{
    (void)type, (void)context, (void)x509, (void)chain_at, (void)arg;
    struct handshake *handshake = SSL_get_app_data(ssl);
    struct sl_reader extension = sl_reader_of(in, in_len);
    struct sl_reader cid = sl_read_vector(&extension, 1);
    if (cid.failed || sl_reader_left(&extension) != 0) {
        *alert = SSL_AD_DECODE_ERROR;
        return 0;
    }
    /* One longer than we keep is declined: the client goes on without. */
    handshake->server.cid_wanted =
        sl_reader_left(&cid) <= SL_PEER_CID_MAX && handshake->own_cid_len > 0;
    if (handshake->server.cid_wanted) {
        handshake->peer_cid_len = (uint8_t)sl_reader_left(&cid);
        memcpy(handshake->peer_cid, cid.at, handshake->peer_cid_len);
    }
    return 1;
}

static int write_answer(SSL *ssl, unsigned type, unsigned context, const unsigned char **out,
                        size_t *out_len, X509 *x509, size_t chain_at, int *alert, void *arg)
{
    (void)type, (void)context, (void)x509, (void)chain_at, (void)arg;
    struct handshake *handshake = SSL_get_app_data(ssl);
    if (!handshake->server.cid_wanted)
        return 0;
    uint8_t *answer = malloc(1 + sizeof handshake->own_cid);
    if (answer == NULL) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return -1;
    }
    answer[0] = handshake->own_cid_len;
    memcpy(answer + 1, handshake->own_cid, handshake->own_cid_len);
    *out = answer;
    *out_len = 1U + handshake->own_cid_len;
    handshake->cid_negotiated = true;
    return 1;
}

static void free_answer(SSL *ssl, unsigned type, unsigned context, const unsigned char *out,
                        void *arg)
{
    (void)ssl, (void)type, (void)context, (void)arg;
    free((void *)(uintptr_t)out);
}

bool sl_handshake_answer_connection_ids(SSL_CTX *ctx)
{
    return SSL_CTX_add_custom_ext(ctx, SL_EXTENSION_CONNECTION_ID,
                                  SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO, write_answer,
                                  free_answer, NULL, parse_offer, NULL);
}
