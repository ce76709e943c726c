/* Revocation lists: which of them can be used. RFC 5280 5.1.2. */
#include "identity_priv.h"

/** How good a list is for its issuer; the best one counts. */
enum list_state { LIST_NONE, LIST_FORGED, LIST_MALFORMED, LIST_ENDED, LIST_EARLY, LIST_GOOD };

struct choice {
    enum list_state state;
    X509_CRL *list;
    const char *path;
};

/** authority: the issuer, or NULL: only clients show its certificate. The times as libcrypto asks
 * them of a client's chain: what is malformed is no good. */
static enum list_state look_at(X509_CRL *list, const X509_NAME *issuer, X509 *authority)
{
    if (X509_NAME_cmp(X509_CRL_get_issuer(list), issuer) != 0)
        return LIST_NONE;
    if (authority != NULL && X509_CRL_verify(list, X509_get0_pubkey(authority)) != 1)
        return LIST_FORGED;
    const ASN1_TIME *end = X509_CRL_get0_nextUpdate(list);
    int begun = X509_cmp_current_time(X509_CRL_get0_lastUpdate(list));
    int ended = end != NULL ? X509_cmp_current_time(end) : 1;
    if (begun == 0 || ended == 0)
        return LIST_MALFORMED;
    if (begun > 0)
        return LIST_EARLY;
    return ended < 0 ? LIST_ENDED : LIST_GOOD;
}

static bool ends_later(const X509_CRL *list, const X509_CRL *other)
{
    int64_t end_s = sl_identity_time(X509_CRL_get0_nextUpdate(list));
    int64_t other_s = sl_identity_time(X509_CRL_get0_nextUpdate(other));
    return other_s != 0 && (end_s == 0 || end_s > other_s);
}

static void consider(struct choice *best, STACK_OF(X509_INFO) * infos, const char *path,
                     const X509_NAME *issuer, X509 *authority)
{
    for (int i = 0; i < sk_X509_INFO_num(infos); i++) {
        X509_CRL *list = sk_X509_INFO_value(infos, i)->crl;
        enum list_state state = list != NULL ? look_at(list, issuer, authority) : LIST_NONE;
        if (state > best->state ||
            (state == best->state && state != LIST_NONE && ends_later(list, best->list)))
            *best = (struct choice){state, list, path};
    }
}

static struct choice choose(const struct sl_trust_files *files, const X509_NAME *issuer,
                            X509 *authority)
{
    struct choice best = {LIST_NONE, NULL, NULL};
    consider(&best, files->ca_infos, files->ca_path, issuer, authority);
    consider(&best, files->crl_infos, files->crl_path, issuer, authority);
    return best;
}

static bool is_good(const struct sl_trust_files *files, const X509_NAME *issuer,
                    enum list_state state, char *reason)
{
    char name[128] = "";
    X509_NAME_oneline(issuer, name, sizeof name);
    switch (state) {
    case LIST_NONE:
        return sl_identity_refuse(reason,
                                  "authority %s of CA file %s has no revocation list: when there "
                                  "are lists, each authority needs one",
                                  name, files->ca_path);
    case LIST_FORGED:
        return sl_identity_refuse(reason,
                                  "the revocation list of authority %s of CA file %s is not signed "
                                  "by it",
                                  name, files->ca_path);
    case LIST_MALFORMED:
        return sl_identity_refuse(reason,
                                  "the revocation list of authority %s has a malformed time: get "
                                  "another one from the authority",
                                  name);
    case LIST_EARLY:
        return sl_identity_refuse(reason,
                                  "the revocation list of authority %s is not valid yet: is this "
                                  "machine's clock right?",
                                  name);
    case LIST_ENDED: /* sl_trust_is_current asks */
    case LIST_GOOD:
        break;
    }
    return true;
}

static bool note(struct sl_authorities *out, const struct sl_trust_files *files,
                 const struct choice *choice, bool is_needed, char *reason)
{
    enum sl_trust_rule rule = choice->path == files->ca_path ? SL_TRUST_CA_FILE : SL_TRUST_CRL_FILE;
    return sl_parts_note_list(out, choice->list, choice->path, is_needed, rule, reason);
}

static bool take_authority(struct sl_authorities *out, const struct sl_trust_files *files,
                           X509 *authority, char *reason)
{
    const X509_NAME *name = X509_get_subject_name(authority);
    struct choice best = choose(files, name, authority);
    return is_good(files, name, best.state, reason) && note(out, files, &best, true, reason);
}

static bool is_authoritys(const struct sl_trust_files *files, const X509_CRL *list)
{
    for (int i = 0; i < sk_X509_INFO_num(files->ca_infos); i++) {
        X509 *authority = sk_X509_INFO_value(files->ca_infos, i)->x509;
        if (authority != NULL &&
            X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(authority)) == 0)
            return true;
    }
    return false;
}

/** Of an authority between: its certificate comes with a client's, and nobody knows it here. One
 * that has ended may be of no client's; it is for the operator to hear. */
static bool take_other(struct sl_authorities *out, const struct sl_trust_files *files,
                       X509_CRL *list, char *reason)
{
    if (list == NULL || is_authoritys(files, list))
        return true;
    const X509_NAME *name = X509_CRL_get_issuer(list);
    struct choice best = choose(files, name, NULL);
    if (best.list != list)
        return true;
    return is_good(files, name, best.state, reason) && note(out, files, &best, false, reason);
}

static bool take_others(struct sl_authorities *out, const struct sl_trust_files *files,
                        STACK_OF(X509_INFO) * infos, char *reason)
{
    for (int i = 0; i < sk_X509_INFO_num(infos); i++)
        if (!take_other(out, files, sk_X509_INFO_value(infos, i)->crl, reason))
            return false;
    return true;
}

bool sl_lists_take(struct sl_authorities *out, const struct sl_trust_files *files, char *reason)
{
    for (int i = 0; i < sk_X509_INFO_num(files->ca_infos); i++) {
        X509 *authority = sk_X509_INFO_value(files->ca_infos, i)->x509;
        if (authority != NULL && !take_authority(out, files, authority, reason))
            return false;
    }
    return take_others(out, files, files->ca_infos, reason) &&
           take_others(out, files, files->crl_infos, reason);
}
