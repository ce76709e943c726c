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
    if (len == SL_OWN_CID_LEN) {
        memcpy(to, cid, SL_OWN_CID_LEN);
        return;
    }
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
    if (len == SL_OWN_CID_LEN)
        return memcmp(a, b, SL_OWN_CID_LEN) == 0;
    if (len >= 8) {
        for (unsigned at = 0; at + 8 < len; at += 8)
            difference |= sl_load_be64(a + at) ^ sl_load_be64(b + at);
        return (difference | (sl_load_be64(a + len - 8) ^ sl_load_be64(b + len - 8))) == 0;
    }
    for (unsigned at = 0; at < len; at++)
        difference |= a[at] ^ b[at];
    return difference == 0;
}

/**
 * Writes the additional data of a record that was received to aad[RECORD_AAD_MAX]. It comes from
 * what was read of the header and checked, and not from the frame again.
 *
 * type  of a record without a connection ID.
 * cid   [cid_len], ours; none where cid_len is 0.
 * len   of the (inner) plaintext.
 * return its length.
 */
static inline uint16_t record_write_aad(uint8_t *aad, uint64_t epoch_seq, uint8_t type,
                                        const uint8_t *cid, unsigned cid_len, uint16_t len)
{
    if (cid_len == 0) { /* RFC 6347 4.1.2.1 */
        sl_store_be64(aad, epoch_seq);
        aad[8] = type;
        sl_store_be16(aad + 9, SL_DTLS_VERSION_1_2);
        sl_store_be16(aad + 11, len);
        return 13;
    }
    memset(aad, 0xff, 8); /* RFC 9146 5.3 has the number further down */
    aad[8] = SL_CONTENT_TLS12_CID;
    aad[9] = (uint8_t)cid_len;
    aad[10] = SL_CONTENT_TLS12_CID;
    sl_store_be16(aad + 11, SL_DTLS_VERSION_1_2);
    sl_store_be64(aad + 13, epoch_seq);
    record_copy_cid(aad + 21, cid, cid_len);
    sl_store_be16(aad + 21 + cid_len, len);
    return (uint16_t)(23 + cid_len);
}

/** The nonce of RFC 7905 2 (ChaCha20-Poly1305): iv xor the padded epoch and record number. */
void record_write_xor_nonce(uint8_t *nonce, const uint8_t iv[12], uint64_t epoch_seq);

#endif
