/** What the files of lib/identity share: reading PEM files, certificates with their keys. */
#ifndef SL_IDENTITY_PRIV_H
#define SL_IDENTITY_PRIV_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "sl_identity.h"

/** Writes a sentence to reason [SL_CREDENTIALS_REASON_LEN]. return false, for `return
 * sl_pem_refuse(...)`. */
bool sl_identity_refuse(char *reason, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** The EC parameters are spelled out instead of naming a curve: refused wherever a key is met. */
bool sl_identity_has_explicit_curve(const EVP_PKEY *key);

/** A file in memory, read whole. */
struct sl_pem_file {
    const char *path; /* borrowed */
    char *bytes;      /* [len], NUL-terminated */
    size_t len;
};

/** `what` names the file's purpose in the reason: "certificate file". Close it in any case. */
bool sl_pem_open(struct sl_pem_file *file, const char *path, const char *what, char *reason);
/** Wipes and frees. */
void sl_pem_close(struct sl_pem_file *file);

/** The first certificate and those behind it; the caller owns both, on success only. */
bool sl_pem_read_certificates(const struct sl_pem_file *file, X509 **leaf, STACK_OF(X509) * *chain,
                              char *reason);
/** NULL and reason on failure; the caller owns the key. */
EVP_PKEY *sl_pem_read_key(const struct sl_pem_file *file, char *reason);
/** A store of all certificates and revocation lists of the file; the caller owns it. */
X509_STORE *sl_pem_read_trust(const struct sl_pem_file *file, char *reason);

/* certificate.c: a certificate of our own. */

struct sl_certificate {
    int kind; /* EVP_PKEY_RSA, EVP_PKEY_EC or EVP_PKEY_ED25519 */
    X509 *leaf;
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
};

/** Loads certificate and chain, then the key that belongs to them. What is loaded when one of them
 * fails is the caller's to wipe, too. */
bool sl_certificate_load_leaf(struct sl_certificate *out, const char *path, char *reason);
bool sl_certificate_load_key(struct sl_certificate *out, const struct sl_certificate_files *files,
                             char *reason);
void sl_certificate_wipe(struct sl_certificate *certificate);

/* psk.c: a file of pre-shared keys. */

struct sl_psk_list {
    struct sl_pem_file file; /* identities and keys stand in its bytes */
    struct sl_psk *psks;     /* [count] */
    unsigned count;
};
/** Wipe it in any case. */
bool sl_psk_load(struct sl_psk_list *out, const char *path, char *reason);
void sl_psk_wipe(struct sl_psk_list *list);

/* fingerprint.c */

struct sl_fingerprint {
    uint8_t len; /* 32, 48, 64: SHA-256, -384, -512 */
    uint8_t bytes[64];
};
bool sl_fingerprint_parse(struct sl_fingerprint *out, const char *text, char *reason);
bool sl_fingerprint_matches(const struct sl_fingerprint *fingerprint, const X509 *certificate);

/** Two hex digits at text, or -1. */
int sl_identity_hex_byte(const char *text);

#endif
