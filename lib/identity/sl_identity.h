/**
 * Who we are and who a peer is: certificates, keys, trust. RFC 5280.
 * A peer is known by its public key, never by a name it wrote itself.
 */
#ifndef SL_IDENTITY_H
#define SL_IDENTITY_H

#include "sl_base.h"
#include "sl_chain.h"
#include "sl_psk.h"
#include "sl_trust.h"

/** Of the name of a `connect` entry, its NUL included. */
#define SL_CONNECTION_NAME_SIZE 32

enum sl_identity_method {
    SL_IDENTITY_NONE = 0,        /* anybody: the peer has shown nothing that was looked at */
    SL_IDENTITY_CERTIFICATE = 1, /* a certificate that the CA file vouches for */
    SL_IDENTITY_FINGERPRINT = 2, /* a certificate with a fingerprint that is trusted */
    SL_IDENTITY_PSK = 3,         /* it knows the pre-shared key */
    SL_IDENTITY_NODE_ID = 4,     /* a certificate for a key whose node id is trusted */
};

/** A verified peer. Part of the ring ABI: an open event begins with it. Host byte order. */
struct sl_identity {
    uint8_t method;  /* enum sl_identity_method */
    uint8_t cid_len; /* of our connection ID in use; 0: found by 5-tuple */
    uint16_t suite;  /* TLS cipher suite, its IANA number */
    uint16_t remote_port;
    uint16_t local_port;
    struct sl_ip remote_ip; /* where the peer is, when this is told */
    struct sl_ip local_ip;
    uint8_t certificate_sha256[32]; /* of the DER certificate; zeros without one */
    uint8_t public_key_sha256[32];  /* of the DER SubjectPublicKeyInfo; zeros without one */
    char node_id[SL_NODE_ID_SIZE];  /* of the key, NUL-terminated: in the form in which the trust
                                       has it, else the one with the prefix; "" without a key */
    char subject[144];              /* RFC 2253, for people to read, NUL-terminated, may be cut */
};
static_assert(sizeof(struct sl_identity) == 328, "ring ABI");

/** The payload of an open event. */
struct sl_opened {
    struct sl_identity identity;
    char connection[SL_CONNECTION_NAME_SIZE]; /* the `connect` entry that it came of,
                                                 NUL-terminated; "": the peer began it */
    uint64_t replaces; /* handle of the session of this entry whose place it takes, or 0 */
    uint32_t request;  /* its consumer has asked for it under this number; 0: it has not */
    uint32_t reserved; /* 0 */
};
static_assert(sizeof(struct sl_opened) == 376, "ring ABI");

/** Text of a failure: one sentence that says what to do. */
#define SL_REASON_LEN 256
/** The same where two file names of any length stand in it. */
#define SL_CREDENTIALS_REASON_LEN (SL_REASON_LEN + 2 * 4096)

/** A server's certificates with their keys. Immutable once loaded. */
struct sl_credentials;

struct sl_certificate_files {
    const char *certificate_file; /* PEM, leaf first, then its chain */
    const char *key_file;         /* PEM, unencrypted */
    const char *ocsp_file;        /* NULL, or an OCSP response for it in DER, RFC 6960 4.2.1 */
};

/** Which of a certificate's files is at fault. */
enum sl_certificate_part { SL_CERTIFICATE_LEAF, SL_CERTIFICATE_KEY, SL_CERTIFICATE_OCSP };
struct sl_certificate_fault {
    unsigned index;
    enum sl_certificate_part part;
};

#define SL_CREDENTIALS_MAX 16

/**
 * Loads certificates [count], 1..SL_CREDENTIALS_MAX, of keys of any kind: RSA, ECDSA, Ed25519. An
 * OCSP response has to be about its certificate, to call it good, and to begin before now; who has
 * signed it is the client's business. One that has expired is taken, and shown to nobody.
 * *fault, reason [SL_CREDENTIALS_REASON_LEN]  out, on failure.
 * return the credentials (its caller has one share of them), or NULL. Allocates and reads files.
 */
struct sl_credentials *sl_credentials_load(const struct sl_certificate_files *files, unsigned count,
                                           struct sl_certificate_fault *fault, char *reason);
/**
 * Whether every certificate, and all of its chain, is valid today. Loading does not ask: where
 * keys are pinned nobody looks at the times, and a gateway that restarts is better than one that
 * does not.
 *
 * known           NULL, or those in force; what is among them is not asked about.
 * *index, reason  out, when one is not; reason [SL_CREDENTIALS_REASON_LEN].
 */
bool sl_credentials_are_current(const struct sl_credentials *credentials,
                                const struct sl_credentials *known, unsigned *index, char *reason);
/** Takes a further share; return credentials. NULL is allowed. */
struct sl_credentials *sl_credentials_share(struct sl_credentials *credentials);
/** Gives a share back; with the last one they are gone. NULL is allowed. */
void sl_credentials_destroy(struct sl_credentials *credentials);

/** What handshake needs of them; types of libcrypto (X509, EVP_PKEY, STACK_OF(X509)). */
unsigned sl_credentials_count(const struct sl_credentials *credentials);
void *sl_credentials_certificate(const struct sl_credentials *credentials, unsigned i); /* X509 * */
void *sl_credentials_key(const struct sl_credentials *credentials, unsigned i); /* EVP_PKEY * */
void *sl_credentials_chain(const struct sl_credentials *credentials,
                           unsigned i); /* of X509, its stack */

/** For people. Texts are printable, NUL-terminated, and cut where they are longer. */
struct sl_certificate_info {
    const char *file; /* that it was loaded from; borrowed from the credentials */
    char subject[144];
    char names[256]; /* of subjectAltName: DNS names and addresses, commas between them */
    char key[32];    /* "ECDSA P-256", "RSA 2048" */
    int64_t ends_s;  /* since 1970: when the first certificate of it and its chain is not valid any
                        more */
    const char *ocsp_file;              /* likewise borrowed; NULL: there is no OCSP response */
    int64_t ocsp_begins_s, ocsp_ends_s; /* since 1970; end 0: never */
};
void sl_credentials_describe(const struct sl_credentials *credentials, unsigned i,
                             struct sl_certificate_info *out);

/** NID of the curve of an EC key, which a client has to know to verify with it; 0: another kind. */
int sl_credentials_curve(const struct sl_credentials *credentials, unsigned i);
/**
 * The certificates for a server name (RFC 6066 3), at most one for each kind of key: the first of
 * those that have the name in their subjectAltName; where none has it, and without a name (NULL),
 * the first of all. Sets of certificates have bit i for certificate i.
 * among   those that come into question. return the set.
 */
uint32_t sl_credentials_choose(const struct sl_credentials *credentials, const char *name,
                               uint32_t among);
/**
 * The OCSP response for a certificate (X509 *) of these, borrowed; NULL: there is none, or it has
 * expired meanwhile. now_s: seconds since 1970.
 */
const uint8_t *sl_credentials_ocsp(const struct sl_credentials *credentials, const void *x509,
                                   int64_t now_s, size_t *len);

/**
 * The same for clients: which certificates and pre-shared keys they have, and whom they take for
 * the server. Without rules for its certificate it must know the pre-shared key; that nothing is to
 * be checked has to be said, as `anonymous`.
 */
struct sl_client_credentials;

struct sl_client_files {
    const struct sl_certificate_files *certificates; /* [certificate_count], of any kinds */
    unsigned certificate_count;
    const char *psk_file;        /* NULL, or lines `identity:key in hex`; RFC 4279 */
    struct sl_trust_rules trust; /* a CA file alone wants server_name */
    const char *server_name;     /* NULL, or what its certificate must be for: a DNS name, which
                                    it is told, too (RFC 6066 3), or an IP address */
};

/** reason [SL_CREDENTIALS_REASON_LEN] out, on failure. return the credentials (its caller has one
 * share of them), or NULL. Allocates and reads files. */
struct sl_client_credentials *sl_client_credentials_load(const struct sl_client_files *files,
                                                         char *reason);
/** Takes a further share, on any thread; return credentials. */
struct sl_client_credentials *
sl_client_credentials_share(struct sl_client_credentials *credentials);
/** Gives a share back; with the last one they are gone. NULL is allowed. */
void sl_client_credentials_destroy(struct sl_client_credentials *credentials);

struct sl_psk {
    const char *identity; /* at most SL_PSK_IDENTITY_MAX bytes, NUL-terminated */
    const uint8_t *key;   /* [key_len], secret */
    size_t key_len;       /* 1..SL_PSK_KEY_MAX */
};

/** As sl_credentials_describe. */
void sl_client_credentials_describe(const struct sl_client_credentials *credentials, unsigned i,
                                    struct sl_certificate_info *out);
/** As sl_credentials_are_current. */
bool sl_client_credentials_are_current(const struct sl_client_credentials *credentials,
                                       const struct sl_client_credentials *known, char *reason);
/** What handshake needs of them. */
unsigned sl_client_certificate_count(const struct sl_client_credentials *credentials);
void *sl_client_certificate(const struct sl_client_credentials *credentials,
                            unsigned i);                                          /* X509 * */
void *sl_client_key(const struct sl_client_credentials *credentials, unsigned i); /* EVP_PKEY * */
void *sl_client_chain(const struct sl_client_credentials *credentials,
                      unsigned i); /* STACK_OF(X509) * */
unsigned sl_client_psk_count(const struct sl_client_credentials *credentials);
const struct sl_psk *sl_client_psk(const struct sl_client_credentials *credentials, unsigned i);
/** NULL: no certificate is taken, only a pre-shared key. */
struct sl_trust *sl_client_trust(const struct sl_client_credentials *credentials);
const char *sl_client_server_name(const struct sl_client_credentials *credentials); /* or NULL */

/**
 * Fills method, certificate_sha256, public_key_sha256, node_id and subject from a verified
 * certificate (X509 *), or for none (NULL).
 * trust  has the node id's form; NULL: the common prefix.
 * return 0, or -EINVAL when the key can't be encoded.
 */
int sl_identity_from_certificate(struct sl_identity *identity, const void *x509,
                                 const struct sl_trust *trust) SL_MUST_USE;

#endif
