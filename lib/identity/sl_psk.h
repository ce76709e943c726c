/**
 * Pre-shared keys, RFC 4279. A client names its key by an identity: any bytes, of which a server
 * takes at most SL_PSK_IDENTITY_MAX.
 */
#ifndef SL_PSK_H
#define SL_PSK_H

#include "sl_base.h"

#define SL_PSK_IDENTITY_MAX 128
#define SL_PSK_KEY_MAX 64
#define SL_PSK_TEXT_SIZE 144 /* of an identity that is written down, its NUL included */

/** A server's keys by identity. Immutable once loaded, so that any thread may look into them. */
struct sl_psks;

/**
 * Reads lines `identity:key in hex`.
 * reason [SL_CREDENTIALS_REASON_LEN] out, on failure.
 * return the keys (the caller has one share of them), or NULL. Allocates and reads a file.
 */
struct sl_psks *sl_psks_load(const char *path, char *reason);
/** Takes a further share; return psks. NULL is allowed. */
struct sl_psks *sl_psks_share(struct sl_psks *psks);
/** Gives a share back; with the last one the keys are wiped. NULL is allowed. */
void sl_psks_destroy(struct sl_psks *psks);

/** One key, secret: to be wiped. */
struct sl_psk_secret {
    bool is_known;   /* somebody's, and not an invented one: nothing that a peer may notice */
    uint8_t key_len; /* 1..SL_PSK_KEY_MAX; 0: none */
    uint8_t key[SL_PSK_KEY_MAX];
};

/**
 * The key of identity [len]; where nobody has it, one that nobody knows, as long as one of the
 * file's. The work is the same: what a client can measure does not tell which of the two it was.
 * false: libcrypto has no random bytes to give.
 */
bool sl_psks_find(const struct sl_psks *psks, const uint8_t *identity, size_t len,
                  struct sl_psk_secret *out) SL_MUST_USE;
/** A key that nobody knows. false: as above. */
bool sl_psk_invent(size_t key_len, struct sl_psk_secret *out) SL_MUST_USE;

/**
 * Writes the identity [len] as text, NUL-terminated: printable ASCII as it is, a backslash and
 * everything else as \xHH, so that no two identities have the same text. false: it has no room
 * [room].
 */
bool sl_psk_write_identity(char *out, size_t room, const uint8_t *identity, size_t len) SL_MUST_USE;

#endif
