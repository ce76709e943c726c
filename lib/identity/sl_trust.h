/**
 * Whom we take for a peer: certificate authorities with their revocation lists, fingerprints of
 * certificates, node ids, or anybody; and, beside that, whom we expect. In both roles.
 *
 * A peer is known by its public key. A name in its certificate proves nothing, unless an authority
 * that is trusted has certified it.
 */
#ifndef SL_TRUST_H
#define SL_TRUST_H

#include "sl_base.h"

/**
 * A node id is a prefix and SHA-256 of the DER SubjectPublicKeyInfo in its canonical form, in hex
 * (an EC key on a named curve, its point not compressed: a key has one id, however it is encoded);
 * or, as programs of another kind write it, "dpc-node-" and the first 32 hex digits of SHA-256 of
 * the same key's PEM text, as `openssl pkey -pubout` writes it.
 */
#define SL_NODE_ID_PREFIX "node-"
#define SL_NODE_ID_PREFIX_MAX 15
#define SL_NODE_ID_SIZE 80 /* the longest, its NUL included */

/** Peers by what they hold. */
struct sl_peer_list {
    const char *const *fingerprints; /* [fingerprint_count], SHA-256, -384 or -512 of the DER
                                        certificate in hex, colons between bytes or not; the hash's
                                        name may stand before it, as in SDP: "sha-256 AB:CD.." */
    unsigned fingerprint_count;
    const char *const *node_ids; /* [node_id_count] */
    unsigned node_id_count;
};

/**
 * Any of the ways that takes a peer suffices; then it has to be one of those expected, if there are
 * some. Where only `expected` is given, it is a way, too. A certificate that is taken for its
 * fingerprint or node id may be signed by anybody; its times of validity are looked at all the
 * same.
 */
struct sl_trust_rules {
    const char *ca_file;       /* NULL, or PEM: authorities, and perhaps their revocation lists */
    const char *crl_file;      /* NULL, or PEM: revocation lists; wants ca_file. With lists from
                                  either file each certificate of a chain is checked against them,
                                  and each authority needs one that has begun */
    struct sl_peer_list peers; /* that are taken for what they hold */
    bool anonymous; /* a peer without a certificate; alone, certificates are not looked at either */
    struct sl_peer_list expected;
    const char *node_id_prefix; /* NULL: SL_NODE_ID_PREFIX; a-z, A-Z, 0-9, "_", "-", "." */
};

/** Which of the rules is at fault. */
enum sl_trust_rule {
    SL_TRUST_RULES, /* all of them */
    SL_TRUST_CA_FILE,
    SL_TRUST_CRL_FILE,
    SL_TRUST_FINGERPRINT,
    SL_TRUST_NODE_ID,
    SL_TRUST_EXPECTED_FINGERPRINT,
    SL_TRUST_EXPECTED_NODE_ID,
    SL_TRUST_NODE_ID_PREFIX,
};
struct sl_trust_fault {
    enum sl_trust_rule rule;
    unsigned index; /* of the fingerprint or node id */
};

/** Immutable once loaded, so that any thread may look into it. */
struct sl_trust;

/**
 * reason [SL_CREDENTIALS_REASON_LEN], *fault  out, on failure.
 * return the trust (its caller has one share of it), or NULL. Allocates and reads files.
 */
struct sl_trust *sl_trust_load(const struct sl_trust_rules *rules, struct sl_trust_fault *fault,
                               char *reason);
/** Takes a further share; return trust. NULL is allowed. */
struct sl_trust *sl_trust_share(struct sl_trust *trust);
/** Gives a share back; with the last one the trust is gone. NULL is allowed. */
void sl_trust_destroy(struct sl_trust *trust);

/** A peer is asked for a certificate; and it has to have one. */
bool sl_trust_asks(const struct sl_trust *trust);
bool sl_trust_insists(const struct sl_trust *trust);
/** Certificates of the authorities' are the only ones that are taken. */
bool sl_trust_is_by_authority_alone(const struct sl_trust *trust);
/** A peer of the authorities' has to be one of some that are named. */
bool sl_trust_has_expected(const struct sl_trust *trust);

/** What of a trust ends by itself. */
enum sl_trust_part_kind {
    SL_TRUST_AUTHORITY, /* once it has ended, nobody whom it vouches for is taken */
    SL_TRUST_LIST,      /* revocations: likewise, nobody whom its issuer vouches for */
};
struct sl_trust_part {
    enum sl_trust_part_kind kind;
    const char *file, *name;  /* borrowed from the trust; the authority's, a list's issuer's, as RFC
                                 2253 has it */
    int64_t begins_s, ends_s; /* since 1970; ends_s 0: never */
};
/** Authorities, then lists: how many issuers have one; of those that an issuer has, the one that is
 * good for the longest time is described. NULL has 0. */
unsigned sl_trust_part_count(const struct sl_trust *trust);
void sl_trust_describe_part(const struct sl_trust *trust, unsigned i, struct sl_trust_part *out);
/**
 * Whether no authority's revocation list has ended. Loading does not ask: a gateway that restarts
 * and refuses some is better than one that does not.
 *
 * trust           NULL: it has none.
 * known           [known_count], each may be NULL: those in force; a list of theirs is not asked
 *                 about.
 * *fault, reason  out, when one has; reason [SL_CREDENTIALS_REASON_LEN].
 */
bool sl_trust_is_current(const struct sl_trust *trust, const struct sl_trust *const *known,
                         unsigned known_count, int64_t now_s, struct sl_trust_fault *fault,
                         char *reason);
/** Authorities and revocation lists: X509_STORE *, or NULL. */
void *sl_trust_store(const struct sl_trust *trust);

/**
 * [32]: a digest of all rules but the revocation lists. Two trusts with the same one take the same
 * peers, but for what has been revoked: a session that began under one may be resumed under the
 * other when nothing of its chain has been.
 */
const uint8_t *sl_trust_domain(const struct sl_trust *trust);

/** What became of a peer's certificate. */
struct sl_trust_verdict {
    bool is_trusted;
    bool is_unexpected; /* it would be, but it is none of those expected */
    uint8_t method;     /* enum sl_identity_method, when it is trusted */
};
/**
 * Looks at the certificate of a verification (X509_STORE_CTX *) that libssl has begun, and leaves
 * there what libssl wants: the error, or the chain.
 */
struct sl_trust_verdict sl_trust_check(const struct sl_trust *trust, void *verification);

#endif
