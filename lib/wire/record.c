/* Headers of DTLS records, RFC 6347 4.1, RFC 9146 4. */
#include <assert.h>

#include "wire_priv.h"

void sl_wire_write_record_header(uint8_t *out, uint8_t type, uint16_t epoch, uint64_t seq,
                                 uint16_t body_len)
{
    assert(seq <= SL_SEQ_MAX);
    out[0] = type;
    sl_store_be16(out + 1, SL_DTLS_VERSION_1_2);
    sl_store_be64(out + 3, (uint64_t)epoch << 48 | seq);
    sl_store_be16(out + 11, body_len);
}
