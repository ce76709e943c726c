/**
 * Our own AES-GCM for processors with VAES and VPCLMULQDQ: NIST SP 800-38D, and Gueron, Kounavis,
 * "Intel Carry-Less Multiplication Instruction and its Usage for Computing the GCM Mode". A record
 * is encrypted and hashed in one pass over it, its last blocks wholly in registers.
 *
 * gcm_key.c expands keys; gcm_sum.h, gcm_body.h, gcm_tags.h and gcm_burst.h are the kernel, over
 * vectors of any width; gcm_vaes512.c and gcm_vaes256.c compile it for one width each, with a way
 * of its own for short records: gcm_short512.h, gcm_short256.h.
 */
#ifndef GCM_H
#define GCM_H

#include "sl_crypto.h"

#define GCM_BLOCK_LEN 16
/* Five vectors of 64 bytes: text, additional data (the longest is 55 bytes) and the lengths. */
#define GCM_POWERS 20
#define GCM_ROUNDS_128 10
#define GCM_ROUNDS_256 14

/**
 * An expanded key. What a short record needs stands together: the low powers, the round keys.
 *
 * power[GCM_POWERS - e] is H^e in the form that gcm_key.c says, so that blocks in the order of the
 * record meet falling powers in the order of memory.
 */
struct gcm_key {
    uint8_t power[GCM_POWERS][GCM_BLOCK_LEN] __attribute__((aligned(64)));
    uint8_t round[GCM_ROUNDS_256 + 1][GCM_BLOCK_LEN]; /* an AES-128 key ends behind [10] */
};
/* Up to eight blocks of text, additional data and lengths meet the powers from here on. */
#define GCM_KEY_SHORT_OFF 192
static_assert(GCM_KEY_SHORT_OFF == (GCM_POWERS - 8) * GCM_BLOCK_LEN, "where H^8 stands");
#define GCM_KEY_LEN_128 512 /* in whole cache lines */
static_assert(offsetof(struct gcm_key, round[GCM_ROUNDS_128 + 1]) <= GCM_KEY_LEN_128, "they fit");

/** One of the kernels. Engines of all of them understand the same keys. */
struct gcm_kernel {
    const char *name;
    /* Jobs of other algorithms are left alone. return how many those are. */
    unsigned (*open_burst)(struct sl_aead_job *jobs, unsigned n);
    unsigned (*seal_burst)(struct sl_aead_job *jobs, unsigned n);
};

/** What this processor, and the operating system on it, can run: NULL when it can't. */
const struct gcm_kernel *gcm_kernel_vaes512(void);
const struct gcm_kernel *gcm_kernel_vaes256(void);

/** key_len 16 or 32. */
void gcm_key_init(struct gcm_key *key, const uint8_t *secret, unsigned key_len);

#endif
