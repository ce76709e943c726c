/** What opening and sealing share: nonces and additional data, and the lengths around a payload. */
#ifndef SL_RECORD_PRIV_H
#define SL_RECORD_PRIV_H

#include <assert.h>

#include "sl_record.h"

/** The longest additional data: 23 bytes and a connection ID. */
#define RECORD_AAD_MAX (23 + SL_PEER_CID_MAX)

/*
 * Copies and compares a connection ID, in overlapping pieces of a length that the compiler knows: a
 * call of memcpy or memcmp takes as long as all the rest that is done for a header.
 */
static inline void record_copy_cid(uint8_t *to, const uint8_t *cid, unsigned len)
{
    if (len >= 8) {
        for (unsigned at = 0; at + 8 < len; at += 8)
            memcpy(to + at, cid + at, 8);
        memcpy(to + len - 8, cid + len - 8, 8);
        return;
    }
    for (unsigned at = 0; at < len; at++)
        to[at] = cid[at];
}

static inline bool record_cid_equal(const uint8_t *a, const uint8_t *b, unsigned len)
{
    uint64_t difference = 0;
    if (len >= 8) {
        for (unsigned at = 0; at + 8 < len; at += 8)
            difference |= sl_load_be64(a + at) ^ sl_load_be64(b + at);
        return (difference | (sl_load_be64(a + len - 8) ^ sl_load_be64(b + len - 8))) == 0;
    }
    for (unsigned at = 0; at < len; at++)
        difference |= a[at] ^ b[at];
    return difference == 0;
}

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
