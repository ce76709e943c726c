/**
 * AEAD over bursts with exchangeable back-ends, key derivation, and the cookie's MAC.
 */
#ifndef SL_CRYPTO_H
#define SL_CRYPTO_H

#include "sl_base.h"

enum sl_aead_alg {
    SL_AEAD_AES_128_GCM,
    SL_AEAD_AES_256_GCM,
    SL_AEAD_CHACHA20_POLY1305,
    SL_AEAD_AES_128_CCM, /* RFC 6655 */
    SL_AEAD_AES_256_CCM,
    SL_AEAD_AES_128_CCM_8, /* with a tag of 8 bytes */
    SL_AEAD_AES_256_CCM_8,
    SL_AEAD_ALG_COUNT,
};

enum sl_crypto_backend {
    SL_CRYPTO_AUTO,    /* the first of the others that the processor can run */
    SL_CRYPTO_VAES512, /* our own AES-GCM: AVX-512, VAES, VPCLMULQDQ */
    SL_CRYPTO_VAES256, /* the same over AVX2's vectors */
    SL_CRYPTO_IPSECMB, /* AES-GCM by direct calls of Intel's IPsec_MB */
    /* with each of these: ChaCha and AES-CCM by IPsec_MB, where it runs and is faster than
     * libcrypto
     */
    SL_CRYPTO_OPENSSL, /* everything by libcrypto's EVP: portable, and the oracle of the tests */
};

/** Bytes of secret key: 16 or 32. */
unsigned sl_aead_key_len(enum sl_aead_alg alg);
/** Bytes of the IV taken from the key block: 4 (the salt of GCM and CCM), 12 (RFC 7905). */
unsigned sl_aead_iv_len(enum sl_aead_alg alg);
/** Bytes of explicit nonce in each record: 8, with ChaCha 0. */
unsigned sl_aead_explicit_nonce_len(enum sl_aead_alg alg);
/** Bytes of the tag: SL_AEAD_TAG_LEN, with CCM_8 SL_AEAD_SHORT_TAG_LEN. */
unsigned sl_aead_tag_len(enum sl_aead_alg alg);
/**
 * Records that may be sent under one key: 2^24.5 for AES-GCM (RFC 9325 4.4), 2^23 for AES-CCM
 * (RFC 9147 4.5.3), no limit of its own for ChaCha. Forged records that one key may meet: 2^28 for
 * AES-GCM, 2^36 for ChaCha, 2^23.5 for AES-CCM, all by RFC 9147 4.5.3 or stricter; 2^16 with a tag
 * of 8 bytes: docs/decisions/ccm-by-jobs.md.
 */
#define SL_AEAD_SEAL_LIMIT_MIN (1ULL << 23) /* whatever the algorithm */
static inline uint64_t sl_aead_seal_limit(enum sl_aead_alg alg)
{
    if (alg == SL_AEAD_CHACHA20_POLY1305)
        return SL_SEQ_MAX; /* the record numbers of an epoch end first */
    return alg < SL_AEAD_CHACHA20_POLY1305 ? 23726566 /* floor(2^24.5) */ : SL_AEAD_SEAL_LIMIT_MIN;
}
uint64_t sl_aead_forgery_limit(enum sl_aead_alg alg);

/**
 * A key expanded for one back-end: opaque, a place inside its owner's memory, so that setting a key
 * allocates nothing. Aligned to a cache line. This is room for any back-end's; an engine touches no
 * more than sl_aead_key_block_len() of it, and who keeps many keys need not have the rest.
 */
#define SL_AEAD_KEY_BLOCK_LEN 1088
struct sl_aead_key {
    uint8_t block[SL_AEAD_KEY_BLOCK_LEN] __attribute__((aligned(64)));
};

/** One worker's (or thread's) engine: the back-end chosen and its scratch contexts. */
struct sl_aead;

/** Allocates. NULL and errno ENOTSUP when the back-end asked for can't run here, else ENOMEM. */
struct sl_aead *sl_aead_create(enum sl_crypto_backend backend);
void sl_aead_destroy(struct sl_aead *aead);
/** "vaes512", "ipsecmb avx2", "openssl": for logs and bench results. */
const char *sl_aead_name(const struct sl_aead *aead);
/** Bytes of a key as this engine keeps it, a multiple of 64: 576 for our own AES-GCM (of which
 * AES-128 uses 512), 1,024 for IPsec_MB, 64 for libcrypto. */
size_t sl_aead_key_block_len(const struct sl_aead *aead);

/**
 * Expands secret [sl_aead_key_len(alg)] into key. Allocates nothing. Every engine of the same
 * back-end may use the key afterwards, one thread at a time.
 */
void sl_aead_key_init(const struct sl_aead *aead, struct sl_aead_key *key, enum sl_aead_alg alg,
                      const uint8_t *secret);
void sl_aead_key_wipe(const struct sl_aead *aead, struct sl_aead_key *key);

/** Bytes [from, to) of a key block, in whole cache lines, that even a short record reads: to be
 * asked for early by who works on many sessions. to 0: nobody need; else they are so many lines. */
#define SL_AEAD_KEY_LINES 5
struct sl_aead_key_lines {
    uint16_t from, to;
};
struct sl_aead_key_lines sl_aead_key_lines(const struct sl_aead *aead);

/** One AEAD operation, RFC 5116. `in` and `out` may be the same place, and not overlap otherwise.
 */
struct sl_aead_job {
    const struct sl_aead_key *key; /* borrowed */
    enum sl_aead_alg alg;
    bool ok; /* out: the tag verified; always true after a seal */
    uint16_t aad_len;
    uint32_t len; /* of in and out, without the tag */
    const uint8_t *in;
    uint8_t *out;
    uint8_t *tag; /* [sl_aead_tag_len(alg)] open: read; seal: written */
    uint8_t nonce[SL_AEAD_NONCE_LEN];
    uint8_t aad[SL_RECORD_HEADER_LEN + 10 + SL_PEER_CID_MAX + 9];
};

/**
 * Opens or seals jobs [n], n <= SL_BURST, keys and algorithms mixed, prefetching keys ahead. After
 * a failed open `out` holds nothing of the plaintext (zeros). Never allocates, blocks or logs.
 * thread: the one that owns the engine.
 */
void sl_aead_open_burst(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n);
void sl_aead_seal_burst(struct sl_aead *aead, struct sl_aead_job *jobs, unsigned n);

/** The hash of TLS 1.2's PRF. */
enum sl_prf_hash { SL_PRF_SHA256, SL_PRF_SHA384 };

/** The key block split, RFC 5246 6.3. Secrets: wipe after use. */
struct sl_key_material {
    enum sl_aead_alg alg;
    uint8_t client_key[32], server_key[32];
    uint8_t client_iv[12], server_iv[12];
};

/**
 * The key block, RFC 5246 6.3, before it is split: block [len] out, secret. return as below.
 */
int sl_crypto_expand_keys(enum sl_prf_hash hash, const uint8_t master_secret[48],
                          const uint8_t client_random[SL_RANDOM_LEN],
                          const uint8_t server_random[SL_RANDOM_LEN], uint8_t *block,
                          size_t len) SL_MUST_USE;
/**
 * Key expansion, RFC 5246 6.3: PRF(master_secret, "key expansion", server_random client_random).
 * return 0, or -EIO when libcrypto fails. Allocates: not for a worker.
 */
int sl_crypto_derive_keys(enum sl_aead_alg alg, enum sl_prf_hash hash,
                          const uint8_t master_secret[48],
                          const uint8_t client_random[SL_RANDOM_LEN],
                          const uint8_t server_random[SL_RANDOM_LEN],
                          struct sl_key_material *out) SL_MUST_USE;

/**
 * HMAC-SHA256 with a secret that was made ready: what of each message is the same is done once.
 * The key is worth as much as the secret: wipe it. Never allocates, does not fail.
 */
struct sl_mac_key {
    uint32_t inner[8], outer[8]; /* SHA-256 after the secret's block */
};
void sl_mac_key_init(struct sl_mac_key *key, const uint8_t secret[32]);
/** out = HMAC-SHA256(secret, bytes[len]), 32 bytes */
void sl_mac_key_compute(const struct sl_mac_key *key, const void *bytes, size_t len,
                        uint8_t out[32]);

/** The same with another secret each time: created once, then computes without allocating. */
struct sl_mac;
struct sl_mac *sl_mac_create(void);
void sl_mac_destroy(struct sl_mac *mac);
/** out = HMAC-SHA256(secret[32], bytes[len]). return 0, or -EIO. */
int sl_mac_compute(struct sl_mac *mac, const uint8_t secret[32], const void *bytes, size_t len,
                   uint8_t out[32]) SL_MUST_USE;

/** SipHash-2-4 (Aumasson, Bernstein 2012) with a 128-bit key; for hash tables that strangers fill.
 */
uint64_t sl_siphash(const uint8_t key[16], const void *bytes, size_t len);

#endif
