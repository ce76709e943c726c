/** What the files of lib/crypto share: the back-ends of the AEAD engine. */
#ifndef SL_CRYPTO_PRIV_H
#define SL_CRYPTO_PRIV_H

#include <assert.h>

#include "gcm.h"
#include "sl_crypto.h"

/** EVP contexts, one an algorithm and direction, so that an operation allocates nothing. */
struct aead_evp;

struct aead_evp *aead_evp_create(void);
void aead_evp_destroy(struct aead_evp *evp);
/** The key block of EVP begins with the secret itself. false, and out zeroed, when the tag is
 * wrong. */
bool aead_evp_open(struct aead_evp *evp, const struct sl_aead_job *job);
bool aead_evp_seal(struct aead_evp *evp, const struct sl_aead_job *job);
/** The contexts keep no key of a session's: after each burst. Quick when none was used. */
void aead_evp_forget(struct aead_evp *evp);

/** The functions of IPsec_MB for this processor. */
struct aead_ipsecmb;

/** NULL and errno ENOTSUP when the processor has no AES-NI and PCLMULQDQ, else ENOMEM. */
struct aead_ipsecmb *aead_ipsecmb_create(void);
void aead_ipsecmb_destroy(struct aead_ipsecmb *mb);
const char *aead_ipsecmb_name(const struct aead_ipsecmb *mb);
size_t aead_ipsecmb_key_block_len(void);
void aead_ipsecmb_key_init(const struct aead_ipsecmb *mb, struct sl_aead_key *key,
                           enum sl_aead_alg alg, const uint8_t *secret);

/** IPsec_MB's ChaCha20-Poly1305. */
struct aead_chacha;
struct sl_aead;

/** NULL and errno ENOTSUP when the processor has no AES-NI, else ENOMEM. */
struct aead_chacha *aead_chacha_create(void);
void aead_chacha_destroy(struct aead_chacha *chacha);
/**
 * The faster one of IPsec_MB and EVP for a record of this length; the key block of both holds the
 * secret itself. false, and out zeroed, when the tag is wrong.
 */
bool aead_chacha_open(struct sl_aead *aead, const struct sl_aead_job *job);
bool aead_chacha_seal(struct sl_aead *aead, const struct sl_aead_job *job);

/** IPsec_MB's AES-CCM, which works on the records of a burst side by side. */
struct aead_ccm;

/** NULL and errno ENOTSUP when the processor has no AES-NI, else ENOMEM. */
struct aead_ccm *aead_ccm_create(void);
void aead_ccm_destroy(struct aead_ccm *ccm);
void aead_ccm_key_init(const struct aead_ccm *ccm, struct sl_aead_key *key, enum sl_aead_alg alg,
                       const uint8_t *secret);
/** The jobs of AES-CCM among these, by IPsec_MB or EVP; the others are left alone. */
void aead_ccm_open_burst(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n);
void aead_ccm_seal_burst(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n);

static inline bool aead_is_ccm(enum sl_aead_alg alg)
{
    static_assert(SL_AEAD_AES_128_CCM > SL_AEAD_CHACHA20_POLY1305 &&
                      SL_AEAD_ALG_COUNT == SL_AEAD_AES_256_CCM_8 + 1,
                  "they are the last of the list");
    return alg >= SL_AEAD_AES_128_CCM;
}

/** One engine: AES-GCM by the kernel, IPsec_MB or EVP, whichever is not NULL first. */
struct sl_aead {
    struct aead_evp *evp;
    struct aead_chacha *chacha; /* NULL: ChaCha20-Poly1305 by EVP */
    struct aead_ccm *ccm;       /* NULL: AES-CCM by EVP */
    struct aead_ipsecmb *mb;
    const struct gcm_kernel *kernel;
    /* The burst loops of the back-end chosen. */
    void (*open_burst)(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n);
    void (*seal_burst)(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n);
};

/** What is not AES-GCM among the jobs. */
void aead_open_others(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n);
void aead_seal_others(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n);

void aead_ipsecmb_open_burst(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n);
void aead_ipsecmb_seal_burst(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n);

#endif
