/* Headers of DTLS records, RFC 6347 4.1, RFC 9146 4. */
#include <assert.h>

#include "wire_priv.h"

#define PROTECTED_MAX (SL_RECORD_PLAINTEXT_MAX + 2048)

enum sl_drop sl_wire_parse_record(struct sl_reader *datagram, unsigned own_cid_len,
                                  struct sl_record_header *out)
{
    const uint8_t *at = datagram->at;
    size_t left = datagram->failed ? 0 : sl_reader_left(datagram);
    if (left < SL_RECORD_HEADER_LEN)
        return SL_DROP_RECORD_HEADER;
    bool has_cid = at[0] == SL_CONTENT_TLS12_CID;
    size_t header_len = SL_RECORD_HEADER_LEN + (has_cid ? own_cid_len : 0);
    if (left < header_len)
        return SL_DROP_RECORD_HEADER;
    uint64_t epoch_seq = sl_load_be64(at + 3);
    *out = (struct sl_record_header){
        .type = at[0],
        .cid_len = (uint8_t)(header_len - SL_RECORD_HEADER_LEN),
        .version = sl_load_be16(at + 1),
        .epoch = (uint16_t)(epoch_seq >> 48),
        .header_len = (uint16_t)header_len,
        .body_len = sl_load_be16(at + header_len - 2),
        .seq = epoch_seq & SL_SEQ_MAX,
        .cid = at + SL_RECORD_HEADER_LEN - 2,
    };
    if (has_cid && (own_cid_len == 0 || out->epoch == 0))
        return SL_DROP_RECORD_HEADER;
    bool is_old_hello = out->version == SL_DTLS_VERSION_1_0 && out->epoch == 0;
    if (out->version != SL_DTLS_VERSION_1_2 && !is_old_hello)
        return SL_DROP_RECORD_VERSION;
    if (out->body_len > (out->epoch == 0 ? SL_RECORD_PLAINTEXT_MAX : PROTECTED_MAX))
        return SL_DROP_RECORD_TOO_LARGE;
    if (left - header_len < out->body_len)
        return SL_DROP_RECORD_HEADER;
    datagram->at = at + header_len + out->body_len;
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
