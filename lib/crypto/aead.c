/** The AEAD engine: facts about the algorithms, the choice of a back-end, keys and bursts. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#include "crypto_priv.h"

static const struct alg_facts {
    uint8_t key_len, iv_len, explicit_nonce_len;
    uint64_t seal_limit, forgery_limit;
} facts[SL_AEAD_ALG_COUNT] = {
    /* floor(2^24.5), RFC 9325 4.4; 2^28, which is stricter than what RFC 9147 4.5.3 asks for */
    [SL_AEAD_AES_128_GCM] = {16, 4, SL_GCM_EXPLICIT_NONCE_LEN, 23726566, 1ULL << 28},
    [SL_AEAD_AES_256_GCM] = {32, 4, SL_GCM_EXPLICIT_NONCE_LEN, 23726566, 1ULL << 28},
    /* the record numbers of an epoch end first */
    [SL_AEAD_CHACHA20_POLY1305] = {32, 12, 0, SL_SEQ_MAX, 1ULL << 36},
};

unsigned sl_aead_key_len(enum sl_aead_alg alg)
{
    return facts[alg].key_len;
}

unsigned sl_aead_iv_len(enum sl_aead_alg alg)
{
    return facts[alg].iv_len;
}

unsigned sl_aead_explicit_nonce_len(enum sl_aead_alg alg)
{
    return facts[alg].explicit_nonce_len;
}

uint64_t sl_aead_seal_limit(enum sl_aead_alg alg)
{
    return facts[alg].seal_limit;
}

uint64_t sl_aead_forgery_limit(enum sl_aead_alg alg)
{
    return facts[alg].forgery_limit;
}

static void evp_open_burst(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        jobs[i].ok = aead_evp_open(aead->evp, &jobs[i]);
}

static void evp_seal_burst(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        jobs[i].ok = aead_evp_seal(aead->evp, &jobs[i]);
}

struct sl_aead *sl_aead_create(enum sl_crypto_backend backend)
{
    struct sl_aead *aead = calloc(1, sizeof *aead);
    if (aead == NULL)
        return NULL;
    aead->evp = aead_evp_create();
    if (aead->evp == NULL)
        goto fail;
    if (backend != SL_CRYPTO_OPENSSL) {
        aead->mb = aead_ipsecmb_create();
        if (aead->mb == NULL && (backend == SL_CRYPTO_IPSECMB || errno != ENOTSUP))
            goto fail;
    }
    aead->open_burst = aead->mb != NULL ? aead_ipsecmb_open_burst : evp_open_burst;
    aead->seal_burst = aead->mb != NULL ? aead_ipsecmb_seal_burst : evp_seal_burst;
    return aead;

fail:
    sl_aead_destroy(aead);
    return NULL;
}

void sl_aead_destroy(struct sl_aead *aead)
{
    if (aead == NULL)
        return;
    int saved = errno;
    aead_ipsecmb_destroy(aead->mb);
    aead_evp_destroy(aead->evp);
    free(aead);
    errno = saved;
}

const char *sl_aead_name(const struct sl_aead *aead)
{
    return aead->mb != NULL ? aead_ipsecmb_name(aead->mb) : "openssl";
}

void sl_aead_key_init(const struct sl_aead *aead, struct sl_aead_key *key, enum sl_aead_alg alg,
                      const uint8_t *secret)
{
    memset(key, 0, sizeof *key);
    if (aead->mb != NULL && alg != SL_AEAD_CHACHA20_POLY1305)
        aead_ipsecmb_key_init(aead->mb, key, alg, secret);
    else
        memcpy(key->block, secret, facts[alg].key_len);
}

void sl_aead_key_wipe(struct sl_aead_key *key)
{
    OPENSSL_cleanse(key, sizeof *key);
}

void sl_aead_open_burst(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n)
{
    assert(n <= SL_BURST);
    aead->open_burst(aead, jobs, n);
}

void sl_aead_seal_burst(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n)
{
    assert(n <= SL_BURST);
    aead->seal_burst(aead, jobs, n);
}
