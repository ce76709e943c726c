/** The AEAD engine: facts about the algorithms, the choice of a back-end, keys and bursts. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#include "crypto_priv.h"

/* For EVP the secret itself is kept: 32 bytes, and a cache line. */
#define EVP_KEY_BLOCK_LEN 64
static_assert(SL_AEAD_KEY_BLOCK_LEN >= sizeof(struct gcm_key), "room for any back-end's key");

static const struct alg_facts {
    uint8_t key_len, iv_len, explicit_nonce_len, tag_len;
    uint64_t forgery_limit;
} facts[SL_AEAD_ALG_COUNT] = {
    /* 2^28, which is stricter than what RFC 9147 4.5.3 asks for */
    [SL_AEAD_AES_128_GCM] = {16, 4, SL_GCM_EXPLICIT_NONCE_LEN, SL_AEAD_TAG_LEN, 1ULL << 28},
    [SL_AEAD_AES_256_GCM] = {32, 4, SL_GCM_EXPLICIT_NONCE_LEN, SL_AEAD_TAG_LEN, 1ULL << 28},
    [SL_AEAD_CHACHA20_POLY1305] = {32, 12, 0, SL_AEAD_TAG_LEN, 1ULL << 36},
    /* floor(2^23.5) */
    [SL_AEAD_AES_128_CCM] = {16, 4, SL_GCM_EXPLICIT_NONCE_LEN, SL_AEAD_TAG_LEN, 11863283},
    [SL_AEAD_AES_256_CCM] = {32, 4, SL_GCM_EXPLICIT_NONCE_LEN, SL_AEAD_TAG_LEN, 11863283},
    [SL_AEAD_AES_128_CCM_8] = {16, 4, SL_GCM_EXPLICIT_NONCE_LEN, SL_AEAD_SHORT_TAG_LEN, 1ULL << 16},
    [SL_AEAD_AES_256_CCM_8] = {32, 4, SL_GCM_EXPLICIT_NONCE_LEN, SL_AEAD_SHORT_TAG_LEN, 1ULL << 16},
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

unsigned sl_aead_tag_len(enum sl_aead_alg alg)
{
    return facts[alg].tag_len;
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

void aead_open_others(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n)
{
    bool has_ccm = false;
    for (unsigned i = 0; i < n; i++)
        if (jobs[i].alg == SL_AEAD_CHACHA20_POLY1305)
            jobs[i].ok = aead_chacha_open(aead, &jobs[i]);
        else
            has_ccm |= aead_is_ccm(jobs[i].alg);
    if (has_ccm)
        aead_ccm_open_burst(aead, jobs, n);
}

void aead_seal_others(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n)
{
    bool has_ccm = false;
    for (unsigned i = 0; i < n; i++)
        if (jobs[i].alg == SL_AEAD_CHACHA20_POLY1305)
            jobs[i].ok = aead_chacha_seal(aead, &jobs[i]);
        else
            has_ccm |= aead_is_ccm(jobs[i].alg);
    if (has_ccm)
        aead_ccm_seal_burst(aead, jobs, n);
}

/* The kernel does AES-GCM; what it left alone follows. Order matters to nobody but one session, and
 * a session has one algorithm. */
static void kernel_open_burst(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n)
{
    if (aead->kernel->open_burst(jobs, n) > 0)
        aead_open_others(aead, jobs, n);
}

static void kernel_seal_burst(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n)
{
    if (aead->kernel->seal_burst(jobs, n) > 0)
        aead_seal_others(aead, jobs, n);
}

/** One back-end, or ENOTSUP. */
static bool try_backend(struct sl_aead *aead, enum sl_crypto_backend backend)
{
    switch (backend) {
    case SL_CRYPTO_VAES512:
    case SL_CRYPTO_VAES256:
        aead->kernel = backend == SL_CRYPTO_VAES512 ? gcm_kernel_vaes512() : gcm_kernel_vaes256();
        aead->open_burst = kernel_open_burst;
        aead->seal_burst = kernel_seal_burst;
        errno = ENOTSUP;
        return aead->kernel != NULL;
    case SL_CRYPTO_IPSECMB:
        aead->mb = aead_ipsecmb_create();
        aead->open_burst = aead_ipsecmb_open_burst;
        aead->seal_burst = aead_ipsecmb_seal_burst;
        return aead->mb != NULL;
    default:
        aead->open_burst = evp_open_burst;
        aead->seal_burst = evp_seal_burst;
        return true;
    }
}

/** AUTO: the first that can run, in the order of the list. */
static bool choose_backend(struct sl_aead *aead, enum sl_crypto_backend backend)
{
    if (backend != SL_CRYPTO_AUTO)
        return try_backend(aead, backend);
    for (backend = SL_CRYPTO_AUTO + 1; !try_backend(aead, backend); backend++)
        if (errno != ENOTSUP)
            return false;
    return true;
}

/** ChaCha20-Poly1305 and AES-CCM stay with EVP where that was asked for, or nothing else can run.
 */
static bool choose_others(struct sl_aead *aead, enum sl_crypto_backend backend)
{
    if (backend == SL_CRYPTO_OPENSSL)
        return true;
    aead->chacha = aead_chacha_create();
    if (aead->chacha != NULL)
        aead->ccm = aead_ccm_create();
    return aead->ccm != NULL || errno == ENOTSUP;
}

struct sl_aead *sl_aead_create(enum sl_crypto_backend backend)
{
    struct sl_aead *aead = calloc(1, sizeof *aead);
    if (aead == NULL)
        return NULL;
    aead->evp = aead_evp_create();
    if (aead->evp != NULL && choose_backend(aead, backend) && choose_others(aead, backend))
        return aead;
    sl_aead_destroy(aead);
    return NULL;
}

void sl_aead_destroy(struct sl_aead *aead)
{
    if (aead == NULL)
        return;
    int saved = errno;
    aead_ccm_destroy(aead->ccm);
    aead_chacha_destroy(aead->chacha);
    aead_ipsecmb_destroy(aead->mb);
    aead_evp_destroy(aead->evp);
    free(aead);
    errno = saved;
}

const char *sl_aead_name(const struct sl_aead *aead)
{
    if (aead->kernel != NULL)
        return aead->kernel->name;
    return aead->mb != NULL ? aead_ipsecmb_name(aead->mb) : "openssl";
}

size_t sl_aead_key_block_len(const struct sl_aead *aead)
{
    if (aead->kernel != NULL)
        return sizeof(struct gcm_key);
    return aead->mb != NULL ? aead_ipsecmb_key_block_len() : EVP_KEY_BLOCK_LEN;
}

struct sl_aead_key_lines sl_aead_key_lines(const struct sl_aead *aead)
{
    static_assert(GCM_KEY_LEN_128 - GCM_KEY_SHORT_OFF == SL_AEAD_KEY_LINES * SL_CACHE_LINE,
                  "the low powers and the round keys");
    if (aead->kernel != NULL)
        return (struct sl_aead_key_lines){GCM_KEY_SHORT_OFF, GCM_KEY_LEN_128};
    return (struct sl_aead_key_lines){0, 0};
}

void sl_aead_key_init(const struct sl_aead *aead, struct sl_aead_key *key, enum sl_aead_alg alg,
                      const uint8_t *secret)
{
    memset(key, 0, sl_aead_key_block_len(aead));
    if (aead_is_ccm(alg) && aead->ccm != NULL)
        aead_ccm_key_init(aead->ccm, key, alg, secret);
    else if (alg >= SL_AEAD_CHACHA20_POLY1305 || (aead->kernel == NULL && aead->mb == NULL))
        memcpy(key->block, secret, facts[alg].key_len);
    else if (aead->kernel != NULL)
        gcm_key_init((struct gcm_key *)key, secret, facts[alg].key_len);
    else
        aead_ipsecmb_key_init(aead->mb, key, alg, secret);
}

void sl_aead_key_wipe(const struct sl_aead *aead, struct sl_aead_key *key)
{
    OPENSSL_cleanse(key, sl_aead_key_block_len(aead));
}

void sl_aead_open_burst(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n)
{
    assert(n <= SL_BURST);
    aead->open_burst(aead, jobs, n);
    aead_evp_forget(aead->evp);
}

void sl_aead_seal_burst(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n)
{
    assert(n <= SL_BURST);
    aead->seal_burst(aead, jobs, n);
    aead_evp_forget(aead->evp);
}
