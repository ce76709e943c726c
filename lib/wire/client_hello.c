/* ClientHellos, RFC 6347 4.2.1 and 4.3.2, and the HelloVerifyRequest that answers them. */
#include "wire_priv.h"

/** No honest ClientHello is longer; post-quantum key shares make them about 2 KiB. */
#define CLIENT_HELLO_MAX 16384

/** What follows the cookie: cipher suites, compression methods, extensions, and the exact end. */
static bool parse_rest(struct sl_reader *r, struct sl_client_hello *out)
{
    struct sl_reader suites = sl_read_vector(r, 2);
    struct sl_reader compression = sl_read_vector(r, 1);
    if (r->failed)
        return false;
    out->suites = suites.at;
    out->suites_len = (uint16_t)sl_reader_left(&suites);
    if (out->suites_len < 2 || out->suites_len % 2 != 0 || sl_reader_left(&compression) == 0)
        return false;
    if (sl_reader_left(r) == 0)
        return true;
    struct sl_reader extensions = sl_read_vector(r, 2);
    while (!extensions.failed && sl_reader_left(&extensions) > 0) {
        sl_read_be16(&extensions);
        sl_read_vector(&extensions, 2);
    }
    return !r->failed && !extensions.failed && sl_reader_left(r) == 0;
}

static bool parse_start(struct sl_reader *r, struct sl_client_hello *out)
{
    out->client_version = sl_read_be16(r);
    out->random = sl_read_bytes(r, SL_RANDOM_LEN);
    struct sl_reader session_id = sl_read_vector(r, 1);
    struct sl_reader cookie = sl_read_vector(r, 1);
    if (r->failed || sl_reader_left(&session_id) > SL_SESSION_ID_MAX)
        return false;
    out->session_id = session_id.at;
    out->session_id_len = (uint8_t)sl_reader_left(&session_id);
    out->cookie = cookie.at;
    out->cookie_len = (uint8_t)sl_reader_left(&cookie);
    return true;
}

enum sl_drop sl_wire_parse_client_hello(const struct sl_record_header *record, const uint8_t *body,
                                        struct sl_client_hello *out)
{
    struct sl_reader r = sl_reader_of(body, record->body_len);
    memset(out, 0, sizeof *out);
    uint8_t type = sl_read_u8(&r);
    if (record->epoch != 0 || record->type != SL_CONTENT_HANDSHAKE ||
        (!r.failed && type != SL_HANDSHAKE_CLIENT_HELLO))
        return SL_DROP_CONTENT_TYPE;
    out->record_seq = record->seq;
    out->msg_len = sl_read_be24(&r);
    out->msg_seq = sl_read_be16(&r);
    out->frag_off = sl_read_be24(&r);
    out->frag_len = sl_read_be24(&r);
    if (r.failed || out->msg_len > CLIENT_HELLO_MAX || out->frag_len != sl_reader_left(&r) ||
        out->frag_len > out->msg_len || out->frag_off > out->msg_len - out->frag_len)
        return SL_DROP_CLIENT_HELLO;
    if (out->frag_off > 0)
        return out->frag_len > 0 ? SL_DROP_NONE : SL_DROP_CLIENT_HELLO;
    if (!parse_start(&r, out))
        return SL_DROP_CLIENT_HELLO;
    out->whole = out->frag_len == out->msg_len;
    if (out->whole && !parse_rest(&r, out))
        return SL_DROP_CLIENT_HELLO;
    return SL_DROP_NONE;
}

void sl_wire_write_hello_verify(uint8_t *out, uint64_t record_seq, uint16_t msg_seq,
                                const uint8_t *cookie, uint8_t cookie_len)
{
    const uint32_t message_len = 3u + cookie_len;
    struct sl_writer w = sl_writer_of(out, SL_HELLO_VERIFY_LEN((size_t)cookie_len));
    sl_write_u8(&w, SL_CONTENT_HANDSHAKE);
    sl_write_be16(&w, SL_DTLS_VERSION_1_0);
    sl_write_be16(&w, 0);
    sl_write_be48(&w, record_seq);
    sl_write_be16(&w, (uint16_t)(SL_HANDSHAKE_HEADER_LEN + message_len));
    sl_write_u8(&w, SL_HANDSHAKE_HELLO_VERIFY_REQUEST);
    sl_write_be24(&w, message_len);
    sl_write_be16(&w, msg_seq);
    sl_write_be24(&w, 0);
    sl_write_be24(&w, message_len);
    sl_write_be16(&w, SL_DTLS_VERSION_1_0);
    sl_write_u8(&w, cookie_len);
    sl_write_bytes(&w, cookie, cookie_len);
}
