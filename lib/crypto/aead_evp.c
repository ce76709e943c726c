/** AEAD by libcrypto's EVP: the portable back-end. */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "crypto_priv.h"

enum { OPEN = 0, SEAL = 1 }; /* as EVP_CipherInit_ex has it */

struct aead_evp {
    EVP_CIPHER_CTX *ctx[SL_AEAD_ALG_COUNT][2];
};

/* Fetches the cipher and makes the first use, so that what libcrypto allocates late is there. */
static EVP_CIPHER_CTX *create_ctx(enum sl_aead_alg alg, int direction)
{
    static const char *const names[SL_AEAD_ALG_COUNT] = {
        [SL_AEAD_AES_128_GCM] = "AES-128-GCM",
        [SL_AEAD_AES_256_GCM] = "AES-256-GCM",
        [SL_AEAD_CHACHA20_POLY1305] = "ChaCha20-Poly1305",
    };
    static const uint8_t zeros[32];
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, names[alg], NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (cipher == NULL || ctx == NULL ||
        EVP_CipherInit_ex(ctx, cipher, NULL, zeros, zeros, direction) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_CIPHER_free(cipher);
    return ctx;
}

struct aead_evp *aead_evp_create(void)
{
    struct aead_evp *evp = calloc(1, sizeof *evp);
    if (evp == NULL)
        return NULL;
    for (unsigned alg = 0; alg < SL_AEAD_ALG_COUNT; alg++) {
        for (int direction = OPEN; direction <= SEAL; direction++) {
            evp->ctx[alg][direction] = create_ctx(alg, direction);
            if (evp->ctx[alg][direction] == NULL) {
                aead_evp_destroy(evp);
                errno = ENOTSUP; /* a libcrypto without the algorithm, or a provider policy */
                return NULL;
            }
        }
    }
    return evp;
}

void aead_evp_destroy(struct aead_evp *evp)
{
    if (evp == NULL)
        return;
    for (unsigned alg = 0; alg < SL_AEAD_ALG_COUNT; alg++)
        for (int direction = OPEN; direction <= SEAL; direction++)
            EVP_CIPHER_CTX_free(evp->ctx[alg][direction]);
    free(evp);
}

/* Keys the context and runs the AAD and the text through it. */
static bool process(EVP_CIPHER_CTX *ctx, const struct sl_aead_job *job, int direction)
{
    int len;
    return EVP_CipherInit_ex(ctx, NULL, NULL, job->key->block, job->nonce, direction) == 1 &&
           EVP_CipherUpdate(ctx, NULL, &len, job->aad, job->aad_len) == 1 &&
           (job->len == 0 || EVP_CipherUpdate(ctx, job->out, &len, job->in, (int)job->len) == 1);
}

bool aead_evp_open(struct aead_evp *evp, const struct sl_aead_job *job)
{
    EVP_CIPHER_CTX *ctx = evp->ctx[job->alg][OPEN];
    uint8_t rest[EVP_MAX_BLOCK_LENGTH];
    int rest_len;
    bool ok = process(ctx, job, OPEN) &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SL_AEAD_TAG_LEN, job->tag) == 1 &&
              EVP_CipherFinal_ex(ctx, rest, &rest_len) == 1;
    if (!ok && job->len > 0)
        memset(job->out, 0, job->len);
    return ok;
}

bool aead_evp_seal(struct aead_evp *evp, const struct sl_aead_job *job)
{
    EVP_CIPHER_CTX *ctx = evp->ctx[job->alg][SEAL];
    uint8_t rest[EVP_MAX_BLOCK_LENGTH];
    int rest_len;
    bool ok = process(ctx, job, SEAL) && EVP_CipherFinal_ex(ctx, rest, &rest_len) == 1 &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SL_AEAD_TAG_LEN, job->tag) == 1;
    if (!ok) { /* not known to happen; whatever the cause, no plaintext may leave */
        memset(job->out, 0, job->len);
        memset(job->tag, 0, SL_AEAD_TAG_LEN);
    }
    return true;
}
