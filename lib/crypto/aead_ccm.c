/**
 * AES-CCM by IPsec_MB's job interface, SP 800-38C. A record's authentication is a chain of blocks,
 * each of which waits for the one before; the library works on several records side by side, so a
 * burst's are queued, and done together. docs/decisions/ccm-by-jobs.md.
 */
#include <openssl/crypto.h>

#include "aead_mb.h"
#include "crypto_priv.h"

/** IMB_CCM_AAD_MAX_SIZE of the library's sources: what it has room for. */
#define AAD_LEN_MAX 46

struct aead_ccm {
    IMB_MGR *mgr;
    struct ccm_tag {
        uint8_t bytes[SL_AEAD_TAG_LEN];
    } tags[SL_BURST]; /* of records that are opened */
};

/** What stands in a key block: the secret for EVP, and the round keys. */
struct ccm_key {
    uint8_t secret[32];
    uint8_t round[15][16] __attribute__((aligned(16)));
};
static_assert(sizeof(struct ccm_key) <= sizeof(struct gcm_key), "room in every engine with jobs");

struct aead_ccm *aead_ccm_create(void)
{
    static_assert(offsetof(struct aead_ccm, mgr) == 0, "where aead_mb_create puts it");
    return aead_mb_create(sizeof(struct aead_ccm), IMB_FEATURE_AESNI);
}

void aead_ccm_destroy(struct aead_ccm *ccm)
{
    aead_mb_destroy(ccm, sizeof *ccm);
}

void aead_ccm_key_init(const struct aead_ccm *ccm, struct sl_aead_key *key, enum sl_aead_alg alg,
                       const uint8_t *secret)
{
    struct ccm_key *out = (struct ccm_key *)key->block;
    uint8_t unused[15][16]
        __attribute__((aligned(16))); /* CCM decrypts with AES's other direction */
    const unsigned key_len = sl_aead_key_len(alg);
    memcpy(out->secret, secret, key_len);
    if (key_len == 16)
        IMB_AES_KEYEXP_128(ccm->mgr, secret, out->round, unused);
    else
        IMB_AES_KEYEXP_256(ccm->mgr, secret, out->round, unused);
    OPENSSL_cleanse(unused, sizeof unused);
}

static bool is_for_jobs(const struct sl_aead *aead, const struct sl_aead_job *job)
{
    return aead->ccm != NULL && job->aad_len <= AAD_LEN_MAX;
}

static void describe(const struct sl_aead_job *job, IMB_CIPHER_DIRECTION direction, uint8_t *tag,
                     IMB_JOB *out)
{
    const struct ccm_key *key = (const struct ccm_key *)job->key->block;
    *out = (IMB_JOB){
        .enc_keys = key->round,
        .dec_keys = key->round,
        .key_len_in_bytes = sl_aead_key_len(job->alg),
        .src = job->in,
        .dst = job->out,
        .msg_len_to_cipher_in_bytes = job->len,
        .msg_len_to_hash_in_bytes = job->len,
        .iv = job->nonce,
        .iv_len_in_bytes = SL_AEAD_NONCE_LEN,
        .auth_tag_output = tag,
        .auth_tag_output_len_in_bytes = sl_aead_tag_len(job->alg),
        .cipher_mode = IMB_CIPHER_CCM,
        .hash_alg = IMB_AUTH_AES_CCM,
        .cipher_direction = direction,
        .chain_order = direction == IMB_DIR_ENCRYPT ? IMB_ORDER_HASH_CIPHER : IMB_ORDER_CIPHER_HASH,
        .u.CCM = {.aad = job->aad, .aad_len_in_bytes = job->aad_len},
        .user_data = (void *)(uintptr_t)job,
    };
}

/** A job that came back: what it was made of says whether. */
static void note(IMB_JOB *done)
{
    struct sl_aead_job *job = done->user_data;
    job->ok = done->status == IMB_STATUS_COMPLETED;
}

static void submit(IMB_MGR *mgr, struct sl_aead_job *job, IMB_CIPHER_DIRECTION direction,
                   uint8_t *tag)
{
    describe(job, direction, tag, IMB_GET_NEXT_JOB(mgr));
    for (IMB_JOB *done = IMB_SUBMIT_JOB_NOCHECK(mgr); done != NULL;
         done = IMB_GET_COMPLETED_JOB(mgr))
        note(done);
}

static void finish(IMB_MGR *mgr)
{
    for (IMB_JOB *done; (done = IMB_FLUSH_JOB(mgr)) != NULL;)
        note(done);
}

void aead_ccm_open_burst(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (!aead_is_ccm(jobs[i].alg))
            continue;
        jobs[i].ok = false;
        if (is_for_jobs(aead, &jobs[i]))
            submit(aead->ccm->mgr, &jobs[i], IMB_DIR_DECRYPT, aead->ccm->tags[i].bytes);
        else
            jobs[i].ok = aead_evp_open(aead->evp, &jobs[i]);
    }
    if (aead->ccm == NULL)
        return;
    finish(aead->ccm->mgr);
    for (unsigned i = 0; i < n; i++) {
        if (!aead_is_ccm(jobs[i].alg) || !is_for_jobs(aead, &jobs[i]))
            continue;
        jobs[i].ok = jobs[i].ok && CRYPTO_memcmp(aead->ccm->tags[i].bytes, jobs[i].tag,
                                                 sl_aead_tag_len(jobs[i].alg)) == 0;
        if (!jobs[i].ok && jobs[i].len > 0)
            memset(jobs[i].out, 0, jobs[i].len);
    }
}

void aead_ccm_seal_burst(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (!aead_is_ccm(jobs[i].alg))
            continue;
        jobs[i].ok = false;
        if (is_for_jobs(aead, &jobs[i]))
            submit(aead->ccm->mgr, &jobs[i], IMB_DIR_ENCRYPT, jobs[i].tag);
        else
            jobs[i].ok = aead_evp_seal(aead->evp, &jobs[i]);
    }
    if (aead->ccm == NULL)
        return;
    finish(aead->ccm->mgr);
    for (unsigned i = 0; i < n; i++) {
        if (!aead_is_ccm(jobs[i].alg) || jobs[i].ok)
            continue; /* not known to happen; whatever the cause, no plaintext may leave */
        if (jobs[i].len > 0)
            memset(jobs[i].out, 0, jobs[i].len);
        memset(jobs[i].tag, 0, sl_aead_tag_len(jobs[i].alg));
        jobs[i].ok = true;
    }
}
