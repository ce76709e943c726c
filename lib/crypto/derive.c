/** Key expansion of TLS 1.2, RFC 5246 5 and 6.3, by libcrypto's TLS1-PRF. */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "sl_crypto.h"

#define KEY_BLOCK_MAX (2 * 32 + 2 * 12)

int sl_crypto_expand_keys(enum sl_prf_hash hash, const uint8_t master_secret[48],
                          const uint8_t client_random[SL_RANDOM_LEN],
                          const uint8_t server_random[SL_RANDOM_LEN], uint8_t *block, size_t len)
{
    const char *digest = hash == SL_PRF_SHA384 ? "SHA384" : "SHA256";
    static const char label[] = "key expansion";
    uint8_t seed[sizeof label - 1 + 2 * SL_RANDOM_LEN];
    memcpy(seed, label, sizeof label - 1);
    memcpy(seed + sizeof label - 1, server_random, SL_RANDOM_LEN);
    memcpy(seed + sizeof label - 1 + SL_RANDOM_LEN, client_random, SL_RANDOM_LEN);

    EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_PRF, NULL);
    EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    /* the casts: OSSL_PARAM is one type for getting and setting; here it is read only */
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, (void *)(uintptr_t)master_secret,
                                          48),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof seed),
        OSSL_PARAM_construct_end(),
    };
    bool ok = ctx != NULL && EVP_KDF_derive(ctx, block, len, params) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return ok ? 0 : -EIO;
}

int sl_crypto_derive_keys(enum sl_aead_alg alg, enum sl_prf_hash hash,
                          const uint8_t master_secret[48],
                          const uint8_t client_random[SL_RANDOM_LEN],
                          const uint8_t server_random[SL_RANDOM_LEN], struct sl_key_material *out)
{
    size_t key_len = sl_aead_key_len(alg), iv_len = sl_aead_iv_len(alg);
    uint8_t block[KEY_BLOCK_MAX];
    memset(out, 0, sizeof *out);
    out->alg = alg;
    int error = sl_crypto_expand_keys(hash, master_secret, client_random, server_random, block,
                                      2 * (key_len + iv_len));
    if (error == 0) { /* no MAC keys with an AEAD: RFC 5246 6.3 */
        struct sl_reader r = sl_reader_of(block, 2 * (key_len + iv_len));
        memcpy(out->client_key, sl_read_bytes(&r, key_len), key_len);
        memcpy(out->server_key, sl_read_bytes(&r, key_len), key_len);
        memcpy(out->client_iv, sl_read_bytes(&r, iv_len), iv_len);
        memcpy(out->server_iv, sl_read_bytes(&r, iv_len), iv_len);
    }
    OPENSSL_cleanse(block, sizeof block);
    return error;
}
