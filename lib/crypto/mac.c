/**
 * HMAC-SHA256 (RFC 2104) on libcrypto's plain SHA-256. Both EVP_MAC and EVP_DigestInit of OpenSSL
 * 3.0 take memory from the heap for each message, and cookies are computed under floods. Block by
 * block: keeping the rest of a block between two calls takes as long as hashing one.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "sl_crypto.h"

#define STATE_LEN (8 * sizeof(uint32_t))
static_assert(sizeof((SHA256_CTX){0}.h) == STATE_LEN, "a state is a SHA-256 hash in words");

/** The state after the block that a secret makes with pad. */
static void begin(uint32_t state[8], const uint8_t secret[32], uint8_t pad)
{
    uint8_t block[SHA256_CBLOCK];
    SHA256_CTX ctx;
    memset(block, pad, sizeof block);
    for (unsigned i = 0; i < 32; i++)
        block[i] ^= secret[i];
    SHA256_Init(&ctx);
    SHA256_Transform(&ctx, block);
    memcpy(state, ctx.h, STATE_LEN);
    OPENSSL_cleanse(block, sizeof block);
    OPENSSL_cleanse(&ctx, sizeof ctx);
}

void sl_mac_key_init(struct sl_mac_key *key, const uint8_t secret[32])
{
    begin(key->inner, secret, 0x36);
    begin(key->outer, secret, 0x5c);
}

/** Hashes on from a state that one block has made, to the end of the message. FIPS 180-4 5.1.1. */
static void finish(const uint32_t state[8], const uint8_t *bytes, size_t len,
                   uint8_t out[SHA256_DIGEST_LENGTH])
{
    const uint64_t bits = 8 * (SHA256_CBLOCK + (uint64_t)len);
    uint8_t block[SHA256_CBLOCK] = {0};
    SHA256_CTX ctx;
    memcpy(ctx.h, state, STATE_LEN);
    for (; len >= SHA256_CBLOCK; len -= SHA256_CBLOCK, bytes += SHA256_CBLOCK)
        SHA256_Transform(&ctx, bytes);
    if (len > 0)
        memcpy(block, bytes, len);
    block[len] = 0x80;
    if (len + 1 > SHA256_CBLOCK - sizeof bits) { /* the length has a block of its own */
        SHA256_Transform(&ctx, block);
        memset(block, 0, sizeof block);
    }
    sl_store_be64(block + sizeof block - sizeof bits, bits);
    SHA256_Transform(&ctx, block);
    for (unsigned i = 0; i < 8; i += 2)
        sl_store_be64(out + 4UL * i, (uint64_t)ctx.h[i] << 32 | ctx.h[i + 1]);
}

void sl_mac_key_compute(const struct sl_mac_key *key, const void *bytes, size_t len,
                        uint8_t out[32])
{
    uint8_t inner[SHA256_DIGEST_LENGTH];
    finish(key->inner, bytes, len, inner);
    finish(key->outer, inner, sizeof inner, out);
}

struct sl_mac {
    struct sl_mac_key key;
};

struct sl_mac *sl_mac_create(void)
{
    return calloc(1, sizeof(struct sl_mac));
}

void sl_mac_destroy(struct sl_mac *mac)
{
    free(mac);
}

int sl_mac_compute(struct sl_mac *mac, const uint8_t secret[32], const void *bytes, size_t len,
                   uint8_t out[32])
{
    sl_mac_key_init(&mac->key, secret);
    sl_mac_key_compute(&mac->key, bytes, len, out);
    OPENSSL_cleanse(&mac->key, sizeof mac->key);
    return 0;
}
