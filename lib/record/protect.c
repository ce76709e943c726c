/** Nonces, the same for both directions. */
#include "record_priv.h"

static_assert(RECORD_AAD_MAX <= sizeof(((struct sl_aead_job *)0)->aad),
              "the longest additional data has to fit an AEAD job");
static_assert(sizeof(((struct sl_epoch *)0)->own_cid) <= SL_PEER_CID_MAX,
              "our own connection ID is no longer than a peer's");

void record_write_xor_nonce(uint8_t *nonce, const uint8_t iv[12], uint64_t epoch_seq)
{
    memcpy(nonce, iv, 4);
    sl_store_be64(nonce + 4, sl_load_be64(iv + 4) ^ epoch_seq);
}
