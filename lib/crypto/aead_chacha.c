/**
 * ChaCha20-Poly1305 by IPsec_MB's job interface, RFC 8439. A job is done when its submission comes
 * back: nothing queues. docs/decisions/chacha-by-jobs.md says why jobs, and when.
 */
#include <openssl/crypto.h>

#include "aead_mb.h"
#include "crypto_priv.h"

/** Measured: without AVX-512 libcrypto is the faster one for long records. */
#define LEN_MAX_NARROW 2048

struct aead_chacha {
    IMB_MGR *mgr;
    uint32_t len_max; /* of records for which this is faster than EVP */
};

struct aead_chacha *aead_chacha_create(void)
{
    static_assert(offsetof(struct aead_chacha, mgr) == 0, "where aead_mb_create puts it");
    struct aead_chacha *chacha = aead_mb_create(sizeof *chacha, IMB_FEATURE_AESNI);
    if (chacha != NULL)
        chacha->len_max = chacha->mgr->used_arch == IMB_ARCH_AVX512 ? UINT32_MAX : LEN_MAX_NARROW;
    return chacha;
}

void aead_chacha_destroy(struct aead_chacha *chacha)
{
    aead_mb_destroy(chacha, sizeof *chacha);
}

/** Runs one job. false when the library refused it, which is not known to happen. */
static bool process(struct aead_chacha *chacha, const struct sl_aead_job *job,
                    IMB_CIPHER_DIRECTION direction, uint8_t tag[SL_AEAD_TAG_LEN])
{
    IMB_JOB *mb = IMB_GET_NEXT_JOB(chacha->mgr);
    *mb = (IMB_JOB){
        .enc_keys = job->key->block,
        .dec_keys = job->key->block,
        .key_len_in_bytes = 32,
        .src = job->in,
        .dst = job->out,
        .msg_len_to_cipher_in_bytes = job->len,
        .msg_len_to_hash_in_bytes = job->len,
        .iv = job->nonce,
        .iv_len_in_bytes = SL_AEAD_NONCE_LEN,
        .auth_tag_output = tag,
        .auth_tag_output_len_in_bytes = SL_AEAD_TAG_LEN,
        .cipher_mode = IMB_CIPHER_CHACHA20_POLY1305,
        .hash_alg = IMB_AUTH_CHACHA20_POLY1305,
        .cipher_direction = direction,
        .chain_order = direction == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER,
        .u.CHACHA20_POLY1305 = {.aad = job->aad, .aad_len_in_bytes = job->aad_len},
    };
    const IMB_JOB *done = IMB_SUBMIT_JOB_NOCHECK(chacha->mgr);
    return done == mb && done->status == IMB_STATUS_COMPLETED;
}

bool aead_chacha_open(struct sl_aead *aead, const struct sl_aead_job *job)
{
    if (aead->chacha == NULL || job->len > aead->chacha->len_max)
        return aead_evp_open(aead->evp, job);
    uint8_t tag[SL_AEAD_TAG_LEN] = {0};
    if (process(aead->chacha, job, IMB_DIR_DECRYPT, tag) &&
        CRYPTO_memcmp(tag, job->tag, sizeof tag) == 0)
        return true;
    if (job->len > 0)
        memset(job->out, 0, job->len);
    return false;
}

bool aead_chacha_seal(struct sl_aead *aead, const struct sl_aead_job *job)
{
    if (aead->chacha == NULL || job->len > aead->chacha->len_max)
        return aead_evp_seal(aead->evp, job);
    if (!process(aead->chacha, job, IMB_DIR_ENCRYPT, job->tag)) { /* no plaintext may leave */
        if (job->len > 0)
            memset(job->out, 0, job->len);
        memset(job->tag, 0, SL_AEAD_TAG_LEN);
    }
    return true;
}
