#include <openssl/err.h>

#include "identity_priv.h"

struct reading {
    struct sl_trust_files files;
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
    if (!add_all(store, r->files.ca_infos, true, &certificates, &r->crl_count))
        return sl_identity_refuse(
            r->reason, "CA file %s holds a certificate or revocation list that cannot be used",
            r->files.ca_path);
    if (certificates == 0)
        return sl_identity_refuse(r->reason, "CA file %s holds no certificate in PEM form",
                                  r->files.ca_path);
    if (r->files.crl_path == NULL)
        return true;
    *is_crl_file = true;
    if (!add_all(store, r->files.crl_infos, false, NULL, &crls))
        return sl_identity_refuse(r->reason, "CRL file %s holds a list that cannot be used",
                                  r->files.crl_path);
    if (crls == 0)
        return sl_identity_refuse(r->reason, "CRL file %s holds no revocation list in PEM form",
                                  r->files.crl_path);
    r->crl_count += crls;
    return true;
}

/** A chain ends in one that has signed itself: without one nobody would ever be taken. */
static bool has_root(const struct reading *r)
{
    for (int i = 0; i < sk_X509_INFO_num(r->files.ca_infos); i++) {
        X509 *authority = sk_X509_INFO_value(r->files.ca_infos, i)->x509;
        if (authority != NULL && X509_self_signed(authority, 0) == 1)
            return true;
    }
    return sl_identity_refuse(r->reason,
                              "CA file %s holds no authority that has signed itself: the root of "
                              "those in it is needed, too",
                              r->files.ca_path);
}

static bool note_authorities(struct sl_authorities *out, const struct reading *r)
{
    if (!sl_parts_allocate(out, &r->files, r->reason))
        return false;
    for (int i = 0; i < sk_X509_INFO_num(r->files.ca_infos); i++) {
        const X509 *authority = sk_X509_INFO_value(r->files.ca_infos, i)->x509;
        if (authority != NULL &&
            !sl_parts_note_authority(out, authority, r->files.ca_path, r->reason))
            return false;
    }
    return true;
}

static bool take_lists(struct sl_authorities *out, const struct reading *r)
{
    if (r->crl_count == 0)
        return true;
    return sl_lists_take(out, &r->files, r->reason) &&
           (X509_STORE_set_flags(out->store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) ==
                1 ||
            sl_identity_refuse(r->reason, "out of memory"));
}

static bool load(struct sl_authorities *out, struct reading *r, bool *is_crl_file)
{
    struct sl_trust_files *files = &r->files;
    *is_crl_file = false;
    files->ca_infos = read_file(files->ca_path, "CA file", r->reason);
    if (files->ca_infos == NULL)
        return false;
    if (files->crl_path != NULL) {
        *is_crl_file = true;
        files->crl_infos = read_file(files->crl_path, "CRL file", r->reason);
        if (files->crl_infos == NULL)
            return false;
        *is_crl_file = false;
    }
    if (!fill(out->store, r, is_crl_file) || !note_authorities(out, r) || !take_lists(out, r))
        return false;
    *is_crl_file = false;
    return has_root(r);
}

bool sl_authorities_load(struct sl_authorities *out, const char *ca_path, const char *crl_path,
                         bool *is_crl_file, char *reason)
{
    struct reading r = {.files = {.ca_path = ca_path, .crl_path = crl_path}, .reason = reason};
    out->store = X509_STORE_new();
    bool ok = out->store != NULL ? load(out, &r, is_crl_file)
                                 : sl_identity_refuse(reason, "out of memory");
    sk_X509_INFO_pop_free(r.files.ca_infos, X509_INFO_free);
    sk_X509_INFO_pop_free(r.files.crl_infos, X509_INFO_free);
    ERR_clear_error();
    if (ok) /* else the first lookup sorts it, while other threads look into it: chain.c */
        sk_X509_OBJECT_sort(X509_STORE_get0_objects(out->store));
    return ok;
}

void sl_authorities_wipe(struct sl_authorities *authorities)
{
    X509_STORE_free(authorities->store);
    sl_parts_free(authorities);
}
