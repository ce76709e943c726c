/**
 * What is remembered of a certificate chain that has verified, so that it can be found out later,
 * without the certificates, whether one of them has been revoked meanwhile. RFC 5280 5.
 */
#ifndef SL_CHAIN_H
#define SL_CHAIN_H

#include "sl_base.h"

#define SL_CHAIN_MAX 10  /* certificates */
#define SL_SERIAL_MAX 20 /* bytes, RFC 5280 4.1.2.2 */

struct sl_chain {
    unsigned count;
    struct sl_chain_link {
        uint8_t issuer_sha256[32]; /* of the DER of the issuer's name */
        uint8_t serial_len;
        uint8_t serial[SL_SERIAL_MAX]; /* [serial_len], the first byte highest */
    } links[SL_CHAIN_MAX];             /* [count], the peer's own first */
};

/**
 * Notes certificates (STACK_OF(X509) *), the peer's own first.
 * return false: there are too many of them, or one has a serial number that none can have.
 */
bool sl_chain_note(struct sl_chain *chain, const void *certificates) SL_MUST_USE;

/**
 * The revocation lists of a store (X509_STORE *, or NULL) allow the chain now: where the store asks
 * for lists, each certificate that it asks it for has one of its issuer that is in force, and is on
 * none. Any thread.
 */
bool sl_chain_is_unrevoked(const struct sl_chain *chain, void *store) SL_MUST_USE;

#endif
