#include "handshake_files.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

struct holder {
    EVP_PKEY *key;
    X509 *certificate;
};

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "handshake_bench: %s\n", what);
    exit(1);
}

static void name(X509 *certificate, const char *common_name)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    need(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)common_name,
                                    -1, -1, 0) == 1,
         "no name for a certificate");
}

/** issuer: NULL, it is an authority and signs itself. */
static struct holder make(const char *common_name, long serial, const struct holder *issuer)
{
    struct holder made = {EVP_EC_gen("P-256"), X509_new()};
    need(made.key != NULL && made.certificate != NULL, "no memory for a certificate");
    const struct holder *signer = issuer != NULL ? issuer : &made;
    X509_set_version(made.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), serial);
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), 24 * 3600);
    X509_set_pubkey(made.certificate, made.key);
    name(made.certificate, common_name);
    X509_set_issuer_name(made.certificate, X509_get_subject_name(signer->certificate));
    X509_EXTENSION *constraints = X509V3_EXT_conf_nid(
        NULL, NULL, NID_basic_constraints, issuer != NULL ? "CA:FALSE" : "critical,CA:TRUE");
    need(constraints != NULL && X509_add_ext(made.certificate, constraints, -1) == 1 &&
             X509_sign(made.certificate, signer->key, EVP_sha256()) > 0,
         "no certificate");
    X509_EXTENSION_free(constraints);
    return made;
}

static void drop(struct holder *holder)
{
    EVP_PKEY_free(holder->key);
    X509_free(holder->certificate);
}

static FILE *create(const char *path)
{
    FILE *file = fopen(path, "w");
    need(file != NULL, "a certificate can't be written");
    return file;
}

static void write_certificate(const char *path, X509 *certificate)
{
    FILE *file = create(path);
    need(PEM_write_X509(file, certificate) == 1 && fclose(file) == 0,
         "a certificate can't be written");
}

static void write_key(const char *path, EVP_PKEY *key)
{
    FILE *file = create(path);
    need(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(file) == 0,
         "a key can't be written");
}

void handshake_files_make(struct handshake_files *files)
{
    static const char *const names[] = {"server", "client"};
    snprintf(files->folder, sizeof files->folder, "/tmp/handshake-bench-XXXXXX");
    need(mkdtemp(files->folder) != NULL, "no folder for certificates");
    struct holder authority = make("authority", 1, NULL);
    snprintf(files->authority, sizeof files->authority, "%.40s/authority", files->folder);
    write_certificate(files->authority, authority.certificate);
    for (int i = HANDSHAKE_SERVER; i <= HANDSHAKE_CLIENT; i++) {
        struct holder leaf = make(names[i], 2 + i, &authority);
        snprintf(files->certificates[i], HANDSHAKE_PATH_MAX, "%.40s/%s", files->folder, names[i]);
        snprintf(files->keys[i], HANDSHAKE_PATH_MAX, "%.40s/%s.key", files->folder, names[i]);
        write_certificate(files->certificates[i], leaf.certificate);
        write_key(files->keys[i], leaf.key);
        drop(&leaf);
    }
    drop(&authority);
}

void handshake_files_remove(const struct handshake_files *files)
{
    unlink(files->authority);
    for (int i = HANDSHAKE_SERVER; i <= HANDSHAKE_CLIENT; i++) {
        unlink(files->certificates[i]);
        unlink(files->keys[i]);
    }
    rmdir(files->folder);
}
