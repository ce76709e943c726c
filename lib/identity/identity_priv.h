/** What the files of lib/identity share: reading PEM files, certificates with their keys, keys. */
#ifndef SL_IDENTITY_PRIV_H
#define SL_IDENTITY_PRIV_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "shares.h"
#include "sl_identity.h"

/** Writes a sentence to reason [SL_CREDENTIALS_REASON_LEN]. return false, for `return
 * sl_pem_refuse(...)`. */
bool sl_identity_refuse(char *reason, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* identity.c */

/** A name, or a subject, as RFC 2253 has it, cut to out [out_len]. return 0, or -EINVAL. */
int sl_identity_write_name(const X509_NAME *name, char *out, size_t out_len);
int sl_identity_write_subject(const X509 *certificate, char *out, size_t out_len);

/* describe.c */

/** In seconds since 1970; 0: there is none (NULL), or it is malformed. The first second is 1, too.
 */
int64_t sl_identity_time(const ASN1_TIME *moment);
struct sl_certificate;
void sl_certificate_describe(const struct sl_certificate *certificate,
                             struct sl_certificate_info *out);

/* public_key.c */

/** The EC parameters are spelled out instead of naming a curve: refused wherever a key is met. */
bool sl_identity_has_explicit_curve(const EVP_PKEY *key);

/** What node ids are made of. */
struct sl_key_digests {
    uint8_t der[32]; /* SHA-256 of the canonical SubjectPublicKeyInfo */
    uint8_t pem[32]; /* of its PEM text */
};
/** false: the certificate's key has no canonical form. */
bool sl_key_digests_of(const X509 *certificate, struct sl_key_digests *out);

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
/** All certificates, keys and lists of the file; the caller owns them. NULL: what it holds is
 * malformed. `what` as in sl_pem_open. */
STACK_OF(X509_INFO) *
    sl_pem_read_all(const struct sl_pem_file *file, const char *what, char *reason);

/* certificate.c: a certificate of our own. */

struct sl_certificate {
    char *path; /* NULL: out of memory */
    int kind;   /* EVP_PKEY_RSA, EVP_PKEY_EC or EVP_PKEY_ED25519 */
    int curve;  /* NID of an EC key's, else 0 */
    X509 *leaf;
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
    uint8_t *ocsp; /* [ocsp_len], DER; NULL: none */
    size_t ocsp_len;
    char *ocsp_path;
    int64_t ocsp_begin_s, ocsp_end_s; /* since 1970; end 0: never */
};

/** Loads certificate and chain, then the key that belongs to them. What is loaded when one of them
 * fails is the caller's to wipe, too. */
bool sl_certificate_load_leaf(struct sl_certificate *out, const char *path, char *reason);
bool sl_certificate_load_key(struct sl_certificate *out, const struct sl_certificate_files *files,
                             char *reason);
bool sl_certificate_load_ocsp(struct sl_certificate *out, const char *path,
                              char *reason); /* ocsp.c */
/** Of the credentials' [i]. */
const struct sl_certificate *sl_credentials_at(const struct sl_credentials *credentials,
                                               unsigned i);
/** The same certificate, with the same chain, is among these [count]. */
bool sl_certificate_is_among(const struct sl_certificate *certificates, unsigned count,
                             const struct sl_certificate *certificate);
/** It and its chain are valid today. */
bool sl_certificate_is_current(const struct sl_certificate *certificate, char *reason);
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

/* node_id.c */

struct sl_node_id {
    bool is_compatible; /* with other programs: of the PEM text, cut */
    uint8_t digest[32];
};
bool sl_node_id_parse(struct sl_node_id *out, const char *text, const char *prefix, char *reason);
bool sl_node_id_matches(const struct sl_node_id *id, const struct sl_key_digests *key);
void sl_node_id_write(char *out, const struct sl_key_digests *key, const char *prefix,
                      bool is_compatible); /* out [SL_NODE_ID_SIZE] */

/* authorities.c, lists.c, parts.c */

/** An authority; or a revocation list: of its issuer's, the best one, the last to end. */
struct sl_part {
    enum sl_trust_part_kind kind;
    char *path; /* of its file */
    char name[144];
    int64_t begin_s, end_s;  /* since 1970; end_s 0: never */
    uint8_t sha256[32];      /* of its DER */
    bool is_needed;          /* it is the list of an authority of the file */
    enum sl_trust_rule rule; /* that names its file */
};

struct sl_authorities {
    X509_STORE *store; /* NULL: no authorities */
    struct sl_part *parts;
    unsigned part_count;
};

/** The authorities and revocation lists of both files; crl_path may be NULL. Wipe them in any case.
 * *is_crl_file tells which of the files is at fault. */
bool sl_authorities_load(struct sl_authorities *out, const char *ca_path, const char *crl_path,
                         bool *is_crl_file, char *reason);
void sl_authorities_wipe(struct sl_authorities *authorities);

/** What is in the two files. */
struct sl_trust_files {
    const char *ca_path, *crl_path; /* crl_path may be NULL */
    STACK_OF(X509_INFO) * ca_infos, *crl_infos;
};
/** Where lists are there, each authority has one that is its own and has begun. Notes them. */
bool sl_lists_take(struct sl_authorities *out, const struct sl_trust_files *files, char *reason);
/** For all that the files hold. */
bool sl_parts_allocate(struct sl_authorities *out, const struct sl_trust_files *files,
                       char *reason);
bool sl_parts_note_authority(struct sl_authorities *out, const X509 *authority, const char *path,
                             char *reason);
/** is_needed, rule: as in sl_part. */
bool sl_parts_note_list(struct sl_authorities *out, const X509_CRL *list, const char *path,
                        bool is_needed, enum sl_trust_rule rule, char *reason);
void sl_parts_free(struct sl_authorities *authorities);

/* trust.c, trust_check.c */

struct sl_peers {
    struct sl_fingerprint *fingerprints; /* [fingerprint_count] */
    unsigned fingerprint_count;
    struct sl_node_id *node_ids; /* [node_id_count] */
    unsigned node_id_count;
};

struct sl_trust {
    struct shares shares;
    struct sl_authorities authorities;
    struct sl_peers peers, expected;
    bool is_anonymous;
    char node_id_prefix[SL_NODE_ID_PREFIX_MAX + 1];
    uint8_t domain[32];
};

static inline bool sl_peers_are_none(const struct sl_peers *peers)
{
    return peers->fingerprint_count + peers->node_id_count == 0;
}

/** The trust has the compatible form of this key's node id. */
bool sl_trust_has_compatible(const struct sl_trust *trust, const struct sl_key_digests *key);

#endif
