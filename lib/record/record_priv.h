/** What opening and sealing share: nonces and additional data, and the lengths around a payload. */
#ifndef SL_RECORD_PRIV_H
#define SL_RECORD_PRIV_H

#include <assert.h>

#include "sl_record.h"

/** The longest additional data: 23 bytes and a connection ID. */
#define RECORD_AAD_MAX (23 + SL_PEER_CID_MAX)

/** What the additional data says about a record. */
struct record_facts {
    uint8_t
        type; /* SL_CONTENT_TLS12_CID: the form of RFC 9146 5.3, else that of RFC 5246 6.2.3.3 */
    uint8_t cid_len;
    uint16_t epoch;
    uint16_t len; /* of the (inner) plaintext */
    uint64_t seq;
    const uint8_t *cid;
};

/** Writes the additional data to aad[RECORD_AAD_MAX]; its length. */
uint16_t record_write_aad(uint8_t *aad, const struct record_facts *facts);

/** The nonce of RFC 7905 2 (ChaCha20-Poly1305): iv xor the padded epoch and record number. */
void record_write_xor_nonce(uint8_t *nonce, const uint8_t iv[12], uint16_t epoch, uint64_t seq);

#endif
