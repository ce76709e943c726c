/** AEAD by libcrypto's EVP: the portable back-end. */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "crypto_priv.h"

enum { OPEN = 0, SEAL = 1 }; /* as EVP_CipherInit_ex has it */

struct aead_evp {
    EVP_CIPHER_CTX *ctx[SL_AEAD_ALG_COUNT][2]; /* NULL: to open AES-CCM */
    unsigned keyed;                            /* a bit for each that has a session's key */
    uint8_t resealed[SL_RECORD_PROTECTED_MAX]; /* open_ccm */
};

static const uint8_t zeros[32];

/** The context that does it, noted as one that has a session's key from now on. */
static EVP_CIPHER_CTX *take_ctx(struct aead_evp *evp, enum sl_aead_alg alg, int direction)
{
    evp->keyed |= 1U << (2U * alg + (unsigned)direction);
    return evp->ctx[alg][direction];
}

/* CCM is told them before it takes a key: SP 800-38C 6.1 has them in its first block. */
static bool set_ccm_lengths(EVP_CIPHER_CTX *ctx, enum sl_aead_alg alg)
{
    return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, SL_AEAD_NONCE_LEN, NULL) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)sl_aead_tag_len(alg), NULL) == 1;
}

/* Fetches the cipher and makes the first use, so that what libcrypto allocates late is there. */
static EVP_CIPHER_CTX *create_ctx(enum sl_aead_alg alg, int direction)
{
    static const char *const names[SL_AEAD_ALG_COUNT] = {
        [SL_AEAD_AES_128_GCM] = "AES-128-GCM",
        [SL_AEAD_AES_256_GCM] = "AES-256-GCM",
        [SL_AEAD_CHACHA20_POLY1305] = "ChaCha20-Poly1305",
        [SL_AEAD_AES_128_CCM] = "AES-128-CCM",
        [SL_AEAD_AES_256_CCM] = "AES-256-CCM",
        [SL_AEAD_AES_128_CCM_8] = "AES-128-CCM",
        [SL_AEAD_AES_256_CCM_8] = "AES-256-CCM",
    };
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, names[alg], NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (cipher == NULL || ctx == NULL ||
        EVP_CipherInit_ex(ctx, cipher, NULL, NULL, NULL, direction) != 1 ||
        (aead_is_ccm(alg) && !set_ccm_lengths(ctx, alg)) ||
        EVP_CipherInit_ex(ctx, NULL, NULL, zeros, zeros, direction) != 1) {
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
        for (int direction = aead_is_ccm(alg) ? SEAL : OPEN; direction <= SEAL; direction++) {
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

static bool get_tag(EVP_CIPHER_CTX *ctx, enum sl_aead_alg alg, uint8_t *tag)
{
    return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, (int)sl_aead_tag_len(alg), tag) == 1;
}

/* The length of the text is told before its additional data, and all of it comes in one piece. */
static bool seal_ccm(EVP_CIPHER_CTX *ctx, const struct sl_aead_job *job, uint8_t *tag)
{
    uint8_t none[1] = {0};
    const uint8_t *in = job->len > 0 ? job->in : none;
    int len;
    return EVP_CipherInit_ex(ctx, NULL, NULL, job->key->block, job->nonce, SEAL) == 1 &&
           EVP_CipherUpdate(ctx, NULL, &len, NULL, (int)job->len) == 1 &&
           (job->aad_len == 0 || EVP_CipherUpdate(ctx, NULL, &len, job->aad, job->aad_len) == 1) &&
           EVP_CipherUpdate(ctx, job->len > 0 ? job->out : none, &len, in, (int)job->len) == 1 &&
           get_tag(ctx, job->alg, tag);
}

/**
 * libcrypto's own way takes memory from the heap for each tag that is wrong, for the text of an
 * error. In counter mode sealing a ciphertext gives its text, and sealing that once more the tag.
 */
static bool open_ccm(struct aead_evp *evp, const struct sl_aead_job *job)
{
    uint8_t tag[SL_AEAD_TAG_LEN];
    struct sl_aead_job again = *job;
    again.in = job->out;
    again.out = evp->resealed;
    EVP_CIPHER_CTX *ctx = take_ctx(evp, job->alg, SEAL);
    return job->len <= sizeof evp->resealed && seal_ccm(ctx, job, tag) &&
           seal_ccm(ctx, &again, tag) &&
           CRYPTO_memcmp(tag, job->tag, sl_aead_tag_len(job->alg)) == 0;
}

static bool open_any(struct aead_evp *evp, const struct sl_aead_job *job)
{
    uint8_t rest[EVP_MAX_BLOCK_LENGTH];
    int rest_len;
    if (aead_is_ccm(job->alg))
        return open_ccm(evp, job);
    EVP_CIPHER_CTX *ctx = take_ctx(evp, job->alg, OPEN);
    return process(ctx, job, OPEN) &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SL_AEAD_TAG_LEN, job->tag) == 1 &&
           EVP_CipherFinal_ex(ctx, rest, &rest_len) == 1;
}

static bool seal_any(struct aead_evp *evp, const struct sl_aead_job *job)
{
    EVP_CIPHER_CTX *ctx = take_ctx(evp, job->alg, SEAL);
    uint8_t rest[EVP_MAX_BLOCK_LENGTH];
    int rest_len;
    if (aead_is_ccm(job->alg))
        return seal_ccm(ctx, job, job->tag);
    return process(ctx, job, SEAL) && EVP_CipherFinal_ex(ctx, rest, &rest_len) == 1 &&
           get_tag(ctx, job->alg, job->tag);
}

bool aead_evp_open(struct aead_evp *evp, const struct sl_aead_job *job)
{
    bool ok = open_any(evp, job);
    if (!ok && job->len > 0)
        memset(job->out, 0, job->len);
    return ok;
}

bool aead_evp_seal(struct aead_evp *evp, const struct sl_aead_job *job)
{
    if (seal_any(evp, job))
        return true;
    if (job->len > 0) /* not known to happen; whatever the cause, no plaintext may leave */
        memset(job->out, 0, job->len);
    memset(job->tag, 0, sl_aead_tag_len(job->alg));
    return true;
}

void aead_evp_forget(struct aead_evp *evp)
{
    if (evp->keyed == 0)
        return;
    for (unsigned alg = 0; alg < SL_AEAD_ALG_COUNT; alg++)
        for (int direction = OPEN; direction <= SEAL; direction++)
            if (evp->keyed & 1U << (2 * alg + (unsigned)direction))
                (void)EVP_CipherInit_ex(evp->ctx[alg][direction], NULL, NULL, zeros, zeros,
                                        direction);
    evp->keyed = 0;
}
