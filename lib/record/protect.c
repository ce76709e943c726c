/** Additional data and nonces, the same for both directions. */
#include "record_priv.h"

static_assert(RECORD_AAD_MAX <= sizeof(((struct sl_aead_job *)0)->aad),
              "the longest additional data has to fit an AEAD job");
static_assert(sizeof(((struct sl_epoch *)0)->own_cid) <= SL_PEER_CID_MAX,
              "our own connection ID is no longer than a peer's");

uint16_t record_write_aad(uint8_t *aad, const struct record_facts *facts)
{
    uint64_t epoch_seq = (uint64_t)facts->epoch << 48 | facts->seq;
    if (facts->type != SL_CONTENT_TLS12_CID) { /* RFC 6347 4.1.2.1 */
        sl_store_be64(aad, epoch_seq);
        aad[8] = facts->type;
        sl_store_be16(aad + 9, SL_DTLS_VERSION_1_2);
        sl_store_be16(aad + 11, facts->len);
        return 13;
    }
    memset(aad, 0xff, 8); /* RFC 9146 5.3 has the number further down */
    aad[8] = SL_CONTENT_TLS12_CID;
    aad[9] = facts->cid_len;
    aad[10] = SL_CONTENT_TLS12_CID;
    sl_store_be16(aad + 11, SL_DTLS_VERSION_1_2);
    sl_store_be64(aad + 13, epoch_seq);
    record_copy_cid(aad + 21, facts->cid, facts->cid_len);
    sl_store_be16(aad + 21 + facts->cid_len, facts->len);
    return (uint16_t)(23 + facts->cid_len);
}

void record_write_xor_nonce(uint8_t *nonce, const uint8_t iv[12], uint16_t epoch, uint64_t seq)
{
    memcpy(nonce, iv, 4);
    sl_store_be64(nonce + 4, sl_load_be64(iv + 4) ^ ((uint64_t)epoch << 48 | seq));
}
