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
/** The key block of EVP holds the secret itself. false, and out zeroed, when the tag is wrong. */
bool aead_evp_open(struct aead_evp *evp, const struct sl_aead_job *job);
bool aead_evp_seal(struct aead_evp *evp, const struct sl_aead_job *job);

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

/** One engine: AES-GCM by the kernel, IPsec_MB or EVP, whichever is not NULL first. */
struct sl_aead {
    struct aead_evp *evp;
    struct aead_chacha *chacha; /* NULL: ChaCha20-Poly1305 by EVP */
    struct aead_ipsecmb *mb;
    const struct gcm_kernel *kernel;
    /* The burst loops of the back-end chosen. */
    void (*open_burst)(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n);
    void (*seal_burst)(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n);
};

void aead_ipsecmb_open_burst(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n);
void aead_ipsecmb_seal_burst(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n);

#endif
