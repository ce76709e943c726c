#include <openssl/crypto.h>

#include "handshake_priv.h"

/* libssl's encoding of a session holds the server's certificate, which is most of it and of no use
 * when the session is resumed. SSL_SESSION_ASN1 in OpenSSL's ssl_asn1.c: `peer` has tag [3]. */
#define DER_SEQUENCE 0x30
#define DER_PEER 0xa3

/** The content of a DER element of any tag. */
static struct sl_reader read_element(struct sl_reader *r, uint8_t *tag)
{
    *tag = sl_read_u8(r);
    size_t len = sl_read_u8(r);
    if (len == 0x81)
        len = sl_read_u8(r);
    else if (len == 0x82)
        len = sl_read_be16(r);
    else if (len >= 0x80)
        r->failed = true;
    const uint8_t *content = sl_read_bytes(r, len);
    return content != NULL ? sl_reader_of(content, len) : (struct sl_reader){NULL, NULL, true};
}

static void write_sequence_header(struct sl_writer *w, size_t len)
{
    sl_write_u8(w, DER_SEQUENCE);
    if (len >= 0x100) {
        sl_write_u8(w, 0x82);
        sl_write_be16(w, (uint16_t)len);
        return;
    }
    if (len >= 0x80)
        sl_write_u8(w, 0x81);
    sl_write_u8(w, (uint8_t)len);
}

/** Writes der [der_len] without the certificate to out [der_len]. return the length, or 0. */
static size_t write_without_peer(const uint8_t *der, size_t der_len, uint8_t *out)
{
    struct sl_reader r = sl_reader_of(der, der_len);
    struct sl_writer w = sl_writer_of(out, der_len);
    uint8_t tag = 0;
    struct sl_reader content = read_element(&r, &tag), peer = {0};
    if (content.failed || tag != DER_SEQUENCE)
        return 0;
    const uint8_t *before = content.at;
    while (!content.failed && sl_reader_left(&content) > 0 && tag != DER_PEER) {
        peer.at = content.at;
        read_element(&content, &tag);
        peer.end = content.at;
    }
    if (tag != DER_PEER)
        peer.at = peer.end = content.at; /* nothing to leave out */
    size_t before_len = (size_t)(peer.at - before);
    size_t behind_len = (size_t)(content.end - peer.end);
    write_sequence_header(&w, before_len + behind_len);
    sl_write_bytes(&w, before, before_len);
    sl_write_bytes(&w, peer.end, behind_len);
    return content.failed || w.failed ? 0 : (size_t)(w.at - out);
}

static void keep(struct handshake *handshake, const uint8_t *der, size_t der_len)
{
    uint8_t *compact = OPENSSL_malloc(der_len);
    if (compact == NULL)
        return;
    struct kept_session session = {.number = handshake->client.resume,
                                   .bytes = compact,
                                   .len = write_without_peer(der, der_len, compact),
                                   .method = handshake->method};
    if (session.len > 0)
        sl_handshake_keep_session(&handshake->owner->sessions, &session);
    OPENSSL_clear_free(compact, der_len);
}

void sl_handshake_save_session(struct handshake *handshake)
{
    uint8_t *der = NULL;
    SSL_SESSION *session = SSL_get_session(handshake->ssl);
    if (handshake->client.resume == 0 || handshake->owner->sessions.max == 0 ||
        !SSL_SESSION_is_resumable(session))
        return;
    int len = i2d_SSL_SESSION(session, &der);
    if (len <= 0)
        return;
    keep(handshake, der, (size_t)len);
    OPENSSL_clear_free(der, (size_t)len);
}

bool sl_handshake_offer_session(struct handshake *handshake)
{
    const struct kept_session *kept =
        handshake->client.resume != 0
            ? sl_handshake_find_session(&handshake->owner->sessions, handshake->client.resume)
            : NULL;
    if (kept == NULL)
        return true;
    const uint8_t *at = kept->bytes;
    SSL_SESSION *session = d2i_SSL_SESSION(NULL, &at, (long)kept->len);
    bool ok = session != NULL && SSL_set_session(handshake->ssl, session) == 1;
    SSL_SESSION_free(session);
    handshake->method = kept->method;
    return ok;
}
