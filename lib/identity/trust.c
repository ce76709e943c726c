#include <stdlib.h>

#include "identity_priv.h"

static bool check_prefix(const char *prefix, char *reason)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    size_t len = strlen(prefix);
    return (len <= SL_NODE_ID_PREFIX_MAX && strspn(prefix, allowed) == len) ||
           sl_identity_refuse(reason,
                              "%.64s is no prefix of node ids: at most %d letters, digits, '_', "
                              "'-' and '.' are possible",
                              prefix, SL_NODE_ID_PREFIX_MAX);
}

/** What is given makes sense together. */
static bool check_rules(const struct sl_trust_rules *rules, struct sl_trust_fault *fault,
                        char *reason)
{
    bool has_peers = rules->peers.fingerprint_count + rules->peers.node_id_count > 0;
    bool has_expected = rules->expected.fingerprint_count + rules->expected.node_id_count > 0;
    fault->rule = SL_TRUST_NODE_ID_PREFIX;
    if (rules->node_id_prefix != NULL && !check_prefix(rules->node_id_prefix, reason))
        return false;
    fault->rule = SL_TRUST_CRL_FILE;
    if (rules->crl_file != NULL && rules->ca_file == NULL)
        return sl_identity_refuse(
            reason, "CRL file %s is given without the CA file of its authorities", rules->crl_file);
    fault->rule = SL_TRUST_RULES;
    if (rules->ca_file == NULL && !has_peers && !has_expected && !rules->anonymous)
        return sl_identity_refuse(reason, "nobody is trusted: give a CA file, fingerprints or node "
                                          "ids, or say that anonymous peers are");
    return true;
}

static bool read_peers(struct sl_peers *out, const struct sl_peer_list *list, const char *prefix,
                       const enum sl_trust_rule rules[2], struct sl_trust_fault *fault,
                       char *reason)
{
    out->fingerprints = calloc(list->fingerprint_count + 1UL, sizeof *out->fingerprints);
    out->node_ids = calloc(list->node_id_count + 1UL, sizeof *out->node_ids);
    if (out->fingerprints == NULL || out->node_ids == NULL)
        return sl_identity_refuse(reason, "out of memory");
    fault->rule = rules[0];
    for (unsigned i = fault->index = 0; i < list->fingerprint_count; fault->index = ++i)
        if (!sl_fingerprint_parse(&out->fingerprints[i], list->fingerprints[i], reason))
            return false;
    fault->rule = rules[1];
    for (unsigned i = fault->index = 0; i < list->node_id_count; fault->index = ++i)
        if (!sl_node_id_parse(&out->node_ids[i], list->node_ids[i], prefix, reason))
            return false;
    out->fingerprint_count = list->fingerprint_count;
    out->node_id_count = list->node_id_count;
    return true;
}

static bool load_store(struct sl_trust *trust, const struct sl_trust_rules *rules,
                       struct sl_trust_fault *fault, char *reason)
{
    bool is_crl_file = false;
    bool ok = sl_authorities_load(&trust->authorities, rules->ca_file, rules->crl_file,
                                  &is_crl_file, reason);
    fault->rule = is_crl_file ? SL_TRUST_CRL_FILE : SL_TRUST_CA_FILE;
    return ok;
}

/* The domain: every part with its length before it, so that no two trusts are the same text. */

static bool add(EVP_MD_CTX *digest, const void *bytes, size_t len)
{
    uint64_t length = len;
    return EVP_DigestUpdate(digest, &length, sizeof length) && EVP_DigestUpdate(digest, bytes, len);
}

static bool add_authorities(EVP_MD_CTX *digest, X509_STORE *store)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
    bool ok = true;
    for (int i = 0; ok && i < sk_X509_OBJECT_num(objects); i++) {
        X509 *authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        uint8_t hash[32];
        ok = authority == NULL ||
             (X509_digest(authority, EVP_sha256(), hash, NULL) && add(digest, hash, sizeof hash));
    }
    return ok;
}

static bool add_peers(EVP_MD_CTX *digest, const struct sl_peers *peers)
{
    bool ok = add(digest, &peers->fingerprint_count, sizeof peers->fingerprint_count);
    for (unsigned i = 0; ok && i < peers->fingerprint_count; i++)
        ok = add(digest, peers->fingerprints[i].bytes, peers->fingerprints[i].len);
    ok = ok && add(digest, &peers->node_id_count, sizeof peers->node_id_count);
    for (unsigned i = 0; ok && i < peers->node_id_count; i++)
        ok = add(digest, peers->node_ids[i].digest, sizeof peers->node_ids[i].digest);
    return ok;
}

static bool make_domain(struct sl_trust *trust, char *reason)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool ok =
        digest != NULL && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) &&
        (trust->authorities.store == NULL || add_authorities(digest, trust->authorities.store)) &&
        add_peers(digest, &trust->peers) && add_peers(digest, &trust->expected) &&
        add(digest, &trust->is_anonymous, sizeof trust->is_anonymous) &&
        add(digest, trust->node_id_prefix, sizeof trust->node_id_prefix) &&
        EVP_DigestFinal_ex(digest, trust->domain, NULL);
    EVP_MD_CTX_free(digest);
    return ok || sl_identity_refuse(reason, "out of memory");
}

static bool load(struct sl_trust *trust, const struct sl_trust_rules *rules,
                 struct sl_trust_fault *fault, char *reason)
{
    static const enum sl_trust_rule trusted[] = {SL_TRUST_FINGERPRINT, SL_TRUST_NODE_ID};
    static const enum sl_trust_rule expected[] = {SL_TRUST_EXPECTED_FINGERPRINT,
                                                  SL_TRUST_EXPECTED_NODE_ID};
    if (!check_rules(rules, fault, reason))
        return false;
    const char *prefix = rules->node_id_prefix != NULL ? rules->node_id_prefix : SL_NODE_ID_PREFIX;
    memcpy(trust->node_id_prefix, prefix, strlen(prefix));
    trust->is_anonymous = rules->anonymous;
    return read_peers(&trust->peers, &rules->peers, prefix, trusted, fault, reason) &&
           read_peers(&trust->expected, &rules->expected, prefix, expected, fault, reason) &&
           (rules->ca_file == NULL || load_store(trust, rules, fault, reason)) &&
           make_domain(trust, reason);
}

struct sl_trust *sl_trust_load(const struct sl_trust_rules *rules, struct sl_trust_fault *fault,
                               char *reason)
{
    *fault = (struct sl_trust_fault){SL_TRUST_RULES, 0};
    struct sl_trust *trust = calloc(1, sizeof *trust);
    if (trust == NULL) {
        sl_identity_refuse(reason, "out of memory");
        return NULL;
    }
    shares_init(&trust->shares);
    if (load(trust, rules, fault, reason))
        return trust;
    sl_trust_destroy(trust);
    return NULL;
}

struct sl_trust *sl_trust_share(struct sl_trust *trust)
{
    if (trust != NULL)
        shares_take(&trust->shares);
    return trust;
}

static void free_peers(struct sl_peers *peers)
{
    free(peers->fingerprints);
    free(peers->node_ids);
}

void sl_trust_destroy(struct sl_trust *trust)
{
    if (trust == NULL || !shares_give_back(&trust->shares))
        return;
    free_peers(&trust->peers);
    free_peers(&trust->expected);
    sl_authorities_wipe(&trust->authorities);
    free(trust);
}

bool sl_trust_asks(const struct sl_trust *trust)
{
    return trust->authorities.store != NULL || !sl_peers_are_none(&trust->peers) ||
           !sl_peers_are_none(&trust->expected);
}

bool sl_trust_insists(const struct sl_trust *trust)
{
    return !trust->is_anonymous || !sl_peers_are_none(&trust->expected);
}

bool sl_trust_is_by_authority_alone(const struct sl_trust *trust)
{
    return trust->authorities.store != NULL && sl_peers_are_none(&trust->peers);
}

bool sl_trust_has_expected(const struct sl_trust *trust)
{
    return !sl_peers_are_none(&trust->expected);
}

void *sl_trust_store(const struct sl_trust *trust)
{
    return trust->authorities.store;
}

const uint8_t *sl_trust_domain(const struct sl_trust *trust)
{
    return trust->domain;
}
