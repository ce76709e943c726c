/**
 * HMAC-SHA256 (RFC 2104) on libcrypto's plain SHA-256. Both EVP_MAC and EVP_DigestInit of OpenSSL
 * 3.0 take memory from the heap for each message, and cookies are computed under floods.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "sl_crypto.h"

struct sl_mac {
    SHA256_CTX ctx;
};

struct sl_mac *sl_mac_create(void)
{
    return calloc(1, sizeof(struct sl_mac));
}

void sl_mac_destroy(struct sl_mac *mac)
{
    if (mac == NULL)
        return;
    OPENSSL_cleanse(mac, sizeof *mac);
    free(mac);
}

/* out = SHA-256(secret padded, xored with pad | bytes) */
static bool hash_keyed(SHA256_CTX *ctx, const uint8_t secret[32], uint8_t pad, const void *bytes,
                       size_t len, uint8_t out[SHA256_DIGEST_LENGTH])
{
    uint8_t block[SHA256_CBLOCK];
    memset(block, pad, sizeof block);
    for (unsigned i = 0; i < 32; i++)
        block[i] ^= secret[i];
    bool ok = SHA256_Init(ctx) == 1 && SHA256_Update(ctx, block, sizeof block) == 1 &&
              SHA256_Update(ctx, bytes, len) == 1 && SHA256_Final(out, ctx) == 1;
    OPENSSL_cleanse(block, sizeof block);
    return ok;
}

int sl_mac_compute(struct sl_mac *mac, const uint8_t secret[32], const void *bytes, size_t len,
                   uint8_t out[32])
{
    uint8_t inner[SHA256_DIGEST_LENGTH];
    bool ok = hash_keyed(&mac->ctx, secret, 0x36, bytes, len, inner) &&
              hash_keyed(&mac->ctx, secret, 0x5c, inner, sizeof inner, out);
    OPENSSL_cleanse(inner, sizeof inner);
    return ok ? 0 : -EIO;
}
