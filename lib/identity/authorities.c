#include <openssl/err.h>

#include "identity_priv.h"

/** What is read of the two files; borrows from infos. */
struct reading {
    const char *ca_path, *crl_path;
    STACK_OF(X509_INFO) * ca_infos, *crl_infos;
    unsigned crl_count;
    char *reason;
};

static STACK_OF(X509_INFO) * read_file(const char *path, const char *what, char *reason)
{
    struct sl_pem_file file;
    STACK_OF(X509_INFO) *infos = NULL;
    if (sl_pem_open(&file, path, what, reason))
        infos = sl_pem_read_all(&file, what, reason);
    sl_pem_close(&file);
    return infos;
}

/** Adds what is in one file to the store, and counts it. */
static bool add_all(X509_STORE *store, STACK_OF(X509_INFO) * infos, bool takes_certificates,
                    unsigned *certificates, unsigned *crls)
{
    bool ok = true;
    for (int i = 0; ok && i < sk_X509_INFO_num(infos); i++) {
        X509_INFO *info = sk_X509_INFO_value(infos, i);
        if (info->x509 != NULL && takes_certificates) {
            ok = X509_STORE_add_cert(store, info->x509);
            ++*certificates;
        }
        if (ok && info->crl != NULL) {
            ok = X509_STORE_add_crl(store, info->crl);
            ++*crls;
        }
    }
    return ok;
}

static bool fill(X509_STORE *store, struct reading *r, bool *is_crl_file)
{
    unsigned certificates = 0, crls = 0;
    if (!add_all(store, r->ca_infos, true, &certificates, &r->crl_count))
        return sl_identity_refuse(
            r->reason, "CA file %s holds a certificate or revocation list that cannot be used",
            r->ca_path);
    if (certificates == 0)
        return sl_identity_refuse(r->reason, "CA file %s holds no certificate in PEM form",
                                  r->ca_path);
    if (r->crl_path == NULL)
        return true;
    *is_crl_file = true;
    if (!add_all(store, r->crl_infos, false, NULL, &crls))
        return sl_identity_refuse(r->reason, "CRL file %s holds a list that cannot be used",
                                  r->crl_path);
    if (crls == 0)
        return sl_identity_refuse(r->reason, "CRL file %s holds no revocation list in PEM form",
                                  r->crl_path);
    r->crl_count += crls;
    return true;
}

/** A chain ends in one that has signed itself: without one nobody would ever be taken. */
static bool has_root(const struct reading *r)
{
    for (int i = 0; i < sk_X509_INFO_num(r->ca_infos); i++) {
        X509 *authority = sk_X509_INFO_value(r->ca_infos, i)->x509;
        if (authority != NULL && X509_self_signed(authority, 0) == 1)
            return true;
    }
    return sl_identity_refuse(r->reason,
                              "CA file %s holds no authority that has signed itself: the root of "
                              "those in it is needed, too",
                              r->ca_path);
}

/** How good a revocation list is for an authority; the best one counts. */
enum list_state { LIST_NONE, LIST_FORGED, LIST_ENDED, LIST_GOOD };

static enum list_state look_at(X509_CRL *crl, X509 *authority)
{
    if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(authority)) != 0)
        return LIST_NONE;
    if (X509_CRL_verify(crl, X509_get0_pubkey(authority)) != 1)
        return LIST_FORGED;
    const ASN1_TIME *end = X509_CRL_get0_nextUpdate(crl);
    return end != NULL && X509_cmp_current_time(end) < 0 ? LIST_ENDED : LIST_GOOD;
}

static enum list_state best_of(STACK_OF(X509_INFO) * infos, X509 *authority, enum list_state best)
{
    for (int i = 0; i < sk_X509_INFO_num(infos); i++) {
        X509_CRL *crl = sk_X509_INFO_value(infos, i)->crl;
        enum list_state state = crl != NULL ? look_at(crl, authority) : LIST_NONE;
        best = state > best ? state : best;
    }
    return best;
}

/** Where lists are there, each authority has one that is its own and has not ended. */
static bool has_list(const struct reading *r, X509 *authority)
{
    char name[128] = "";
    X509_NAME_oneline(X509_get_subject_name(authority), name, sizeof name);
    switch (best_of(r->crl_infos, authority, best_of(r->ca_infos, authority, LIST_NONE))) {
    case LIST_NONE:
        return sl_identity_refuse(r->reason,
                                  "authority %s of CA file %s has no revocation list: when there "
                                  "are lists, each authority needs one",
                                  name, r->ca_path);
    case LIST_FORGED:
        return sl_identity_refuse(r->reason,
                                  "the revocation list of authority %s of CA file %s is not signed "
                                  "by it",
                                  name, r->ca_path);
    case LIST_ENDED:
        return sl_identity_refuse(r->reason,
                                  "the revocation list of authority %s of CA file %s has expired: "
                                  "get a new one from the authority",
                                  name, r->ca_path);
    case LIST_GOOD:
        break;
    }
    return true;
}

static bool check_lists(X509_STORE *store, const struct reading *r)
{
    if (r->crl_count == 0)
        return true;
    for (int i = 0; i < sk_X509_INFO_num(r->ca_infos); i++) {
        X509 *authority = sk_X509_INFO_value(r->ca_infos, i)->x509;
        if (authority != NULL && !has_list(r, authority))
            return false;
    }
    return X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) == 1 ||
           sl_identity_refuse(r->reason, "out of memory");
}

static bool load(X509_STORE *store, struct reading *r, bool *is_crl_file)
{
    *is_crl_file = false;
    r->ca_infos = read_file(r->ca_path, "CA file", r->reason);
    if (r->ca_infos == NULL)
        return false;
    if (r->crl_path != NULL) {
        *is_crl_file = true;
        r->crl_infos = read_file(r->crl_path, "CRL file", r->reason);
        if (r->crl_infos == NULL)
            return false;
        *is_crl_file = false;
    }
    if (!fill(store, r, is_crl_file) || !check_lists(store, r))
        return false;
    *is_crl_file = false;
    return has_root(r);
}

X509_STORE *sl_authorities_load(const char *ca_path, const char *crl_path, bool *is_crl_file,
                                char *reason)
{
    struct reading r = {.ca_path = ca_path, .crl_path = crl_path, .reason = reason};
    X509_STORE *store = X509_STORE_new();
    bool ok =
        store != NULL ? load(store, &r, is_crl_file) : sl_identity_refuse(reason, "out of memory");
    sk_X509_INFO_pop_free(r.ca_infos, X509_INFO_free);
    sk_X509_INFO_pop_free(r.crl_infos, X509_INFO_free);
    ERR_clear_error();
    if (ok) {
        /* Else the first lookup sorts it, while other threads look into it: chain.c. */
        sk_X509_OBJECT_sort(X509_STORE_get0_objects(store));
        return store;
    }
    X509_STORE_free(store);
    return NULL;
}
