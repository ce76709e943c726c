/** AES-GCM by direct calls of Intel's IPsec_MB: no job queue, one call opens or seals a record. */
#include <errno.h>
#include <openssl/crypto.h>

#include "aead_mb.h"
#include "crypto_priv.h"

static_assert(SL_AEAD_KEY_BLOCK_LEN >= sizeof(struct gcm_key_data),
              "an expanded key has to fit its place");
static_assert(_Alignof(struct sl_aead_key) >= _Alignof(struct gcm_key_data),
              "an expanded key has to be aligned");

#define CACHE_LINE 64
/* Far enough ahead to hide a miss behind the work on the records between. */
#define PREFETCH_AHEAD 6

struct aead_ipsecmb {
    IMB_MGR *mgr;
    bool is_vaes; /* the layout of the hash keys differs */
    struct gcm_context_data scratch;
};

struct aead_ipsecmb *aead_ipsecmb_create(void)
{
    static_assert(offsetof(struct aead_ipsecmb, mgr) == 0, "where aead_mb_create puts it");
    struct aead_ipsecmb *mb = aead_mb_create(sizeof *mb, IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ);
    if (mb == NULL)
        return NULL;
    if (mb->mgr->gcm128_enc == NULL || mb->mgr->gcm256_pre == NULL) {
        aead_ipsecmb_destroy(mb);
        errno = ENOTSUP;
        return NULL;
    }
    const uint64_t wide = IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ;
    mb->is_vaes = mb->mgr->used_arch == IMB_ARCH_AVX512 && (mb->mgr->features & wide) == wide;
    return mb;
}

void aead_ipsecmb_destroy(struct aead_ipsecmb *mb)
{
    aead_mb_destroy(mb, sizeof *mb);
}

const char *aead_ipsecmb_name(const struct aead_ipsecmb *mb)
{
    switch (mb->mgr->used_arch) {
    case IMB_ARCH_AVX512:
        return "ipsecmb avx512";
    case IMB_ARCH_AVX2:
        return "ipsecmb avx2";
    case IMB_ARCH_AVX:
        return "ipsecmb avx";
    default:
        return "ipsecmb sse";
    }
}

size_t aead_ipsecmb_key_block_len(void)
{
    return (sizeof(struct gcm_key_data) + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
}

void aead_ipsecmb_key_init(const struct aead_ipsecmb *mb, struct sl_aead_key *key,
                           enum sl_aead_alg alg, const uint8_t *secret)
{
    struct gcm_key_data *data = (struct gcm_key_data *)key->block;
    if (alg == SL_AEAD_AES_128_GCM)
        IMB_AES128_GCM_PRE(mb->mgr, secret, data);
    else
        IMB_AES256_GCM_PRE(mb->mgr, secret, data);
}

/*
 * Asks for what a record of `len` bytes reads of its key: the round keys, and the powers of the
 * hash key, of which the VAES code reads the last ones for a short record. Has to be inlined: gcc
 * drops a call that does nothing but prefetch.
 */
static inline __attribute__((always_inline)) void prefetch_key(const struct aead_ipsecmb *mb,
                                                               const struct sl_aead_job *job)
{
    const uint8_t *block = job->key->block;
    const size_t rounds_len = sizeof(((struct gcm_key_data *)0)->expanded_keys);
    if (job->alg > SL_AEAD_AES_256_GCM) { /* the secret itself */
        __builtin_prefetch(block);
        return;
    }
    for (size_t off = 0; off < rounds_len; off += CACHE_LINE)
        __builtin_prefetch(block + off);
    size_t from = rounds_len, to = rounds_len + 16 * 16;
    if (mb->is_vaes) {
        size_t blocks = (job->len + 15) / 16 + 3; /* text, AAD of two blocks, lengths */
        to = rounds_len + 48 * 16;
        from = to - 16 * (blocks < 48 ? blocks : 48);
    }
    for (size_t off = from & ~(size_t)(CACHE_LINE - 1); off < to; off += CACHE_LINE)
        __builtin_prefetch(block + off);
}

static inline __attribute__((always_inline)) void
prefetch_first(const struct aead_ipsecmb *mb, const struct sl_aead_job *jobs, unsigned n)
{
    for (unsigned i = 0; i < n && i < PREFETCH_AHEAD; i++)
        prefetch_key(mb, &jobs[i]);
}

static bool gcm_open(struct aead_ipsecmb *mb, const struct sl_aead_job *job)
{
    const struct gcm_key_data *key = (const struct gcm_key_data *)job->key->block;
    uint8_t tag[SL_AEAD_TAG_LEN];
    aes_gcm_enc_dec_t decrypt =
        job->alg == SL_AEAD_AES_128_GCM ? mb->mgr->gcm128_dec : mb->mgr->gcm256_dec;
    decrypt(key, &mb->scratch, job->out, job->in, job->len, job->nonce, job->aad, job->aad_len, tag,
            sizeof tag);
    if (CRYPTO_memcmp(tag, job->tag, sizeof tag) == 0)
        return true;
    if (job->len > 0)
        memset(job->out, 0, job->len);
    return false;
}

static bool gcm_seal(struct aead_ipsecmb *mb, const struct sl_aead_job *job)
{
    const struct gcm_key_data *key = (const struct gcm_key_data *)job->key->block;
    aes_gcm_enc_dec_t encrypt =
        job->alg == SL_AEAD_AES_128_GCM ? mb->mgr->gcm128_enc : mb->mgr->gcm256_enc;
    encrypt(key, &mb->scratch, job->out, job->in, job->len, job->nonce, job->aad, job->aad_len,
            job->tag, SL_AEAD_TAG_LEN);
    return true;
}

void aead_ipsecmb_open_burst(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n)
{
    bool has_others = false;
    prefetch_first(aead->mb, jobs, n);
    for (unsigned i = 0; i < n; i++) {
        if (i + PREFETCH_AHEAD < n)
            prefetch_key(aead->mb, &jobs[i + PREFETCH_AHEAD]);
        if (jobs[i].alg > SL_AEAD_AES_256_GCM)
            has_others = true;
        else
            jobs[i].ok = gcm_open(aead->mb, &jobs[i]);
    }
    if (has_others)
        aead_open_others(aead, jobs, n);
}

void aead_ipsecmb_seal_burst(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n)
{
    bool has_others = false;
    prefetch_first(aead->mb, jobs, n);
    for (unsigned i = 0; i < n; i++) {
        if (i + PREFETCH_AHEAD < n)
            prefetch_key(aead->mb, &jobs[i + PREFETCH_AHEAD]);
        if (jobs[i].alg > SL_AEAD_AES_256_GCM)
            has_others = true;
        else
            jobs[i].ok = gcm_seal(aead->mb, &jobs[i]);
    }
    if (has_others)
        aead_seal_others(aead, jobs, n);
}
