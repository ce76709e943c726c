/* What of a trust ends by itself: its authorities and their revocation lists. */
#include <stdlib.h>

#include "identity_priv.h"

bool sl_parts_allocate(struct sl_authorities *out, const struct sl_trust_files *files, char *reason)
{
    int most = sk_X509_INFO_num(files->ca_infos) +
               (files->crl_infos != NULL ? sk_X509_INFO_num(files->crl_infos) : 0);
    out->parts = calloc(2 * (size_t)most, sizeof *out->parts); /* one PEM block may hold both */
    return out->parts != NULL || sl_identity_refuse(reason, "out of memory");
}

static const struct sl_part *find(const struct sl_authorities *authorities,
                                  enum sl_trust_part_kind kind, const uint8_t sha256[32])
{
    for (unsigned i = 0; i < authorities->part_count; i++)
        if (authorities->parts[i].kind == kind &&
            memcmp(authorities->parts[i].sha256, sha256, sizeof authorities->parts[i].sha256) == 0)
            return &authorities->parts[i];
    return NULL;
}

/** A malformed end is none that libcrypto waits for: it is over since the first second. */
static int64_t end_of(const ASN1_TIME *end)
{
    int64_t end_s = sl_identity_time(end);
    return end == NULL || end_s != 0 ? end_s : 1;
}

/** Once, where a file holds it twice. */
static bool note(struct sl_authorities *out, const struct sl_part *part, const X509_NAME *name,
                 const char *path, char *reason)
{
    if (find(out, part->kind, part->sha256) != NULL)
        return true;
    struct sl_part *noted = &out->parts[out->part_count++]; /* to be freed, whatever it holds */
    *noted = *part;
    noted->path = strdup(path);
    return (noted->path != NULL &&
            sl_identity_write_name(name, noted->name, sizeof noted->name) == 0) ||
           sl_identity_refuse(reason, "out of memory");
}

bool sl_parts_note_authority(struct sl_authorities *out, const X509 *authority, const char *path,
                             char *reason)
{
    struct sl_part part = {.kind = SL_TRUST_AUTHORITY,
                           .rule = SL_TRUST_CA_FILE,
                           .begin_s = sl_identity_time(X509_get0_notBefore(authority)),
                           .end_s = end_of(X509_get0_notAfter(authority))};
    return (X509_digest(authority, EVP_sha256(), part.sha256, NULL) == 1 ||
            sl_identity_refuse(reason, "out of memory")) &&
           note(out, &part, X509_get_subject_name(authority), path, reason);
}

bool sl_parts_note_list(struct sl_authorities *out, const X509_CRL *list, const char *path,
                        bool is_needed, enum sl_trust_rule rule, char *reason)
{
    struct sl_part part = {.kind = SL_TRUST_LIST,
                           .rule = rule,
                           .is_needed = is_needed,
                           .begin_s = sl_identity_time(X509_CRL_get0_lastUpdate(list)),
                           .end_s = end_of(X509_CRL_get0_nextUpdate(list))};
    return (X509_CRL_digest(list, EVP_sha256(), part.sha256, NULL) == 1 ||
            sl_identity_refuse(reason, "out of memory")) &&
           note(out, &part, X509_CRL_get_issuer(list), path, reason);
}

void sl_parts_free(struct sl_authorities *authorities)
{
    for (unsigned i = 0; i < authorities->part_count; i++)
        free(authorities->parts[i].path);
    free(authorities->parts);
}

unsigned sl_trust_part_count(const struct sl_trust *trust)
{
    return trust != NULL ? trust->authorities.part_count : 0;
}

void sl_trust_describe_part(const struct sl_trust *trust, unsigned i, struct sl_trust_part *out)
{
    assert(i < trust->authorities.part_count);
    const struct sl_part *part = &trust->authorities.parts[i];
    *out = (struct sl_trust_part){.kind = part->kind,
                                  .file = part->path,
                                  .name = part->name,
                                  .begins_s = part->begin_s,
                                  .ends_s = part->end_s};
}

static bool is_known(const struct sl_part *part, const struct sl_trust *const *known,
                     unsigned known_count)
{
    for (unsigned i = 0; i < known_count; i++)
        if (known[i] != NULL && find(&known[i]->authorities, part->kind, part->sha256) != NULL)
            return true;
    return false;
}

bool sl_trust_is_current(const struct sl_trust *trust, const struct sl_trust *const *known,
                         unsigned known_count, int64_t now_s, struct sl_trust_fault *fault,
                         char *reason)
{
    for (unsigned i = 0; trust != NULL && i < trust->authorities.part_count; i++) {
        const struct sl_part *part = &trust->authorities.parts[i];
        if (!part->is_needed || part->end_s == 0 || now_s < part->end_s ||
            is_known(part, known, known_count))
            continue;
        *fault = (struct sl_trust_fault){part->rule, 0};
        return sl_identity_refuse(reason,
                                  "the revocation list of authority %s in file %s has expired: get "
                                  "a new one from the authority",
                                  part->name, part->path);
    }
    return true;
}
