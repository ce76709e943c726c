/**
 * Who we are and who a peer is: certificates, keys, trust. RFC 5280.
 * A peer is known by its public key, never by a name it wrote itself.
 */
#ifndef SL_IDENTITY_H
#define SL_IDENTITY_H

#include "sl_base.h"

enum sl_identity_method {
    SL_IDENTITY_NONE = 0,        /* the peer was not asked for a certificate */
    SL_IDENTITY_CERTIFICATE = 1, /* a certificate that the CA file vouches for */
    SL_IDENTITY_FINGERPRINT = 2, /* a certificate with a fingerprint that was expected */
    SL_IDENTITY_PSK = 3,         /* it knows the pre-shared key */
};

/** A verified peer. Part of the ring ABI: the payload of an open event. Host byte order. */
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
    char subject[144];              /* RFC 2253, for people to read, NUL-terminated, may be cut */
};
static_assert(sizeof(struct sl_identity) == 248, "ring ABI");

/** Text of a failure: one sentence that says what to do. */
#define SL_REASON_LEN 256
/** The same where two file names of any length stand in it. */
#define SL_CREDENTIALS_REASON_LEN (SL_REASON_LEN + 2 * 4096)

/** Certificates with their keys, and whom to trust. Immutable once loaded. */
struct sl_credentials;

struct sl_certificate_files {
    const char *certificate_file; /* PEM, leaf first, then its chain */
    const char *key_file;         /* PEM, unencrypted */
};

/**
 * Loads certificates [count] (RSA, ECDSA or Ed25519; at most one of a kind) and, when not NULL, the
 * CA file that clients must be vouched for by.
 * which  out, on failure: what is at fault: certificate index, or SL_CREDENTIALS_CA; *which_is_key
 *        tells the key file from the certificate file.
 * reason [SL_CREDENTIALS_REASON_LEN] out, on failure.
 * return the credentials (caller owns), or NULL. Allocates and reads files: at start-up only.
 */
#define SL_CREDENTIALS_CA (-1)
struct sl_credentials *sl_credentials_load(const struct sl_certificate_files *files, unsigned count,
                                           const char *ca_file, int *which, bool *which_is_key,
                                           char *reason);
void sl_credentials_destroy(struct sl_credentials *credentials);

/** What handshake needs of them; types of libcrypto (X509, EVP_PKEY, STACK_OF(X509), X509_STORE).
 */
unsigned sl_credentials_count(const struct sl_credentials *credentials);
void *sl_credentials_certificate(const struct sl_credentials *credentials, unsigned i); /* X509 * */
void *sl_credentials_key(const struct sl_credentials *credentials, unsigned i); /* EVP_PKEY * */
void *sl_credentials_chain(const struct sl_credentials *credentials,
                           unsigned i);                               /* STACK_OF(X509) * */
void *sl_credentials_trust(const struct sl_credentials *credentials); /* X509_STORE *, or NULL */

/**
 * The same for clients: which certificates and pre-shared keys they have, and how the server is
 * checked. Any of CA file and fingerprints that accepts its certificate suffices. Without either it
 * must know the pre-shared key, unless nothing is to be checked, which has to be said.
 */
struct sl_client_credentials;

struct sl_client_files {
    const struct sl_certificate_files *certificates; /* [certificate_count], of any kinds */
    unsigned certificate_count;
    const char *psk_file;            /* NULL, or lines `identity:key in hex`; RFC 4279 */
    const char *ca_file;             /* NULL, or who vouches for the server; wants server_name */
    const char *server_name;         /* NULL, or what its certificate must be for: a DNS name, which
                                        it is told, too (RFC 6066 3), or an IP address */
    const char *const *fingerprints; /* [fingerprint_count], SHA-256, -384 or -512 of the DER
                                        certificate in hex, colons between bytes or not */
    unsigned fingerprint_count;
    bool trusts_anyone; /* the server is not checked */
};

/** reason [SL_CREDENTIALS_REASON_LEN] out, on failure. return the credentials (caller owns), or
 * NULL. Allocates and reads files: at start-up only. */
struct sl_client_credentials *sl_client_credentials_load(const struct sl_client_files *files,
                                                         char *reason);
void sl_client_credentials_destroy(struct sl_client_credentials *credentials);

struct sl_psk {
    const char *identity; /* at most SL_PSK_IDENTITY_MAX bytes, NUL-terminated */
    const uint8_t *key;   /* [key_len], secret */
    size_t key_len;       /* 1..SL_PSK_KEY_MAX */
};
#define SL_PSK_IDENTITY_MAX 128
#define SL_PSK_KEY_MAX 64

/** What handshake needs of them. */
unsigned sl_client_certificate_count(const struct sl_client_credentials *credentials);
void *sl_client_certificate(const struct sl_client_credentials *credentials,
                            unsigned i);                                          /* X509 * */
void *sl_client_key(const struct sl_client_credentials *credentials, unsigned i); /* EVP_PKEY * */
void *sl_client_chain(const struct sl_client_credentials *credentials,
                      unsigned i); /* STACK_OF(X509) * */
unsigned sl_client_psk_count(const struct sl_client_credentials *credentials);
const struct sl_psk *sl_client_psk(const struct sl_client_credentials *credentials, unsigned i);
void *sl_client_trust(const struct sl_client_credentials *credentials); /* X509_STORE *, or NULL */
const char *sl_client_server_name(const struct sl_client_credentials *credentials); /* or NULL */
bool sl_client_trusts_anyone(const struct sl_client_credentials *credentials);
/** There is a way to check a server's certificate, or none is wanted. */
bool sl_client_takes_certificates(const struct sl_client_credentials *credentials);
/** One of the fingerprints is the certificate's (X509 *). */
bool sl_client_knows_fingerprint(const struct sl_client_credentials *credentials, const void *x509);

/**
 * Fills method, certificate_sha256, public_key_sha256 and subject from a verified certificate
 * (X509 *), or for none (NULL). return 0, or -EINVAL when the key can't be encoded.
 */
int sl_identity_from_certificate(struct sl_identity *identity, const void *x509) SL_MUST_USE;

#endif
