/* Headers of DTLS records, RFC 6347 4.1, RFC 9146 4. */
#include <assert.h>

#include "wire_priv.h"

#define PROTECTED_MAX (SL_RECORD_PLAINTEXT_MAX + 2048)

enum sl_drop sl_wire_parse_record(struct sl_reader *datagram, unsigned own_cid_len,
                                  struct sl_record_header *out)
{
    struct sl_reader r = *datagram;
    out->type = sl_read_u8(&r);
    out->version = sl_read_be16(&r);
    out->epoch = sl_read_be16(&r);
    out->seq = sl_read_be48(&r);
    out->cid_len = out->type == SL_CONTENT_TLS12_CID ? (uint8_t)own_cid_len : 0;
    out->cid = sl_read_bytes(&r, out->cid_len);
    out->body_len = sl_read_be16(&r);
    out->header_len = (uint16_t)(SL_RECORD_HEADER_LEN + out->cid_len);
    if (r.failed || (out->type == SL_CONTENT_TLS12_CID && (own_cid_len == 0 || out->epoch == 0)))
        return SL_DROP_RECORD_HEADER;
    bool is_old_hello = out->version == SL_DTLS_VERSION_1_0 && out->epoch == 0;
    if (out->version != SL_DTLS_VERSION_1_2 && !is_old_hello)
        return SL_DROP_RECORD_VERSION;
    if (out->body_len > (out->epoch == 0 ? SL_RECORD_PLAINTEXT_MAX : PROTECTED_MAX))
        return SL_DROP_RECORD_TOO_LARGE;
    if (sl_read_bytes(&r, out->body_len) == NULL)
        return SL_DROP_RECORD_HEADER;
    *datagram = r;
    return SL_DROP_NONE;
}

void sl_wire_write_record_header(uint8_t *out, uint8_t type, uint16_t epoch, uint64_t seq,
                                 uint16_t body_len)
{
    assert(seq <= SL_SEQ_MAX);
    out[0] = type;
    sl_store_be16(out + 1, SL_DTLS_VERSION_1_2);
    sl_store_be64(out + 3, (uint64_t)epoch << 48 | seq);
    sl_store_be16(out + 11, body_len);
}
