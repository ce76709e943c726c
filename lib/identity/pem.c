#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "identity_priv.h"

/* Larger than any bundle of root certificates in use, and small enough to read whole. */
#define PEM_FILE_MAX (4 << 20)

bool sl_identity_refuse(char *reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reason, SL_CREDENTIALS_REASON_LEN, format, args);
    va_end(args);
    ERR_clear_error();
    return false;
}

static bool read_whole(struct sl_pem_file *file, FILE *from, const char *what, char *reason)
{
    file->bytes = malloc(PEM_FILE_MAX + 2);
    if (file->bytes == NULL)
        return sl_identity_refuse(reason, "out of memory");
    file->len = fread(file->bytes, 1, PEM_FILE_MAX + 1, from);
    file->bytes[file->len] = 0;
    if (ferror(from))
        return sl_identity_refuse(reason, "%s %s cannot be read: %s", what, file->path,
                                  strerror(errno));
    if (file->len > PEM_FILE_MAX)
        return sl_identity_refuse(reason, "%s %s is larger than %d MiB", what, file->path,
                                  PEM_FILE_MAX >> 20);
    return true;
}

bool sl_pem_open(struct sl_pem_file *file, const char *path, const char *what, char *reason)
{
    *file = (struct sl_pem_file){.path = path};
    FILE *from = fopen(path, "re");
    if (from == NULL)
        return sl_identity_refuse(reason, "%s %s cannot be opened: %s", what, path,
                                  strerror(errno));
    /* stdio's own buffer would keep a copy of a key that nobody wipes. */
    setvbuf(from, NULL, _IONBF, 0);
    bool ok = read_whole(file, from, what, reason);
    fclose(from);
    return ok;
}

void sl_pem_close(struct sl_pem_file *file)
{
    if (file->bytes != NULL)
        OPENSSL_cleanse(file->bytes, file->len);
    free(file->bytes);
    file->bytes = NULL;
}

/** Called when a key is encrypted: notes that, and gives no passphrase. */
static int refuse_passphrase(char *out, int out_len, int writing, void *was_asked)
{
    (void)out;
    (void)out_len;
    (void)writing;
    *(bool *)was_asked = true;
    return -1;
}

/** The file is read to its end; libcrypto reports that as an error like any other. */
static bool is_end_of_file(void)
{
    unsigned long error = ERR_peek_last_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static bool read_certificates(BIO *bio, const char *path, X509 **leaf, STACK_OF(X509) * chain,
                              char *reason)
{
    for (X509 *next; (next = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL;) {
        if (*leaf == NULL) {
            *leaf = next;
        } else if (!sk_X509_push(chain, next)) {
            X509_free(next);
            return sl_identity_refuse(reason, "out of memory");
        }
    }
    if (!is_end_of_file())
        return sl_identity_refuse(reason, "certificate file %s holds a malformed certificate",
                                  path);
    if (*leaf == NULL)
        return sl_identity_refuse(reason, "certificate file %s holds no certificate in PEM form",
                                  path);
    ERR_clear_error();
    return true;
}

bool sl_pem_read_certificates(const struct sl_pem_file *file, X509 **leaf, STACK_OF(X509) * *chain,
                              char *reason)
{
    *leaf = NULL;
    *chain = sk_X509_new_null();
    BIO *bio = BIO_new_mem_buf(file->bytes, (int)file->len);
    bool ok = bio != NULL && *chain != NULL
                  ? read_certificates(bio, file->path, leaf, *chain, reason)
                  : sl_identity_refuse(reason, "out of memory");
    BIO_free(bio);
    if (!ok) {
        X509_free(*leaf);
        sk_X509_pop_free(*chain, X509_free);
        *leaf = NULL;
        *chain = NULL;
    }
    return ok;
}

EVP_PKEY *sl_pem_read_key(const struct sl_pem_file *file, char *reason)
{
    bool is_encrypted = false;
    BIO *bio = BIO_new_mem_buf(file->bytes, (int)file->len);
    if (bio == NULL) {
        sl_identity_refuse(reason, "out of memory");
        return NULL;
    }
    ERR_clear_error();
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, &is_encrypted);
    BIO_free(bio);
    if (key != NULL)
        return key;
    if (is_encrypted)
        sl_identity_refuse(reason, "key file %s is encrypted: give one without a passphrase",
                           file->path);
    else if (strstr(file->bytes, "PRIVATE KEY-----") == NULL)
        sl_identity_refuse(reason, "key file %s holds no private key in PEM form", file->path);
    else
        sl_identity_refuse(reason, "key file %s holds a malformed private key", file->path);
    return NULL;
}

STACK_OF(X509_INFO) *
    sl_pem_read_all(const struct sl_pem_file *file, const char *what, char *reason)
{
    bool was_asked = false;
    STACK_OF(X509_INFO) *infos = NULL;
    BIO *bio = BIO_new_mem_buf(file->bytes, (int)file->len);
    if (bio == NULL) {
        sl_identity_refuse(reason, "out of memory");
        return NULL;
    }
    infos = PEM_X509_INFO_read_bio(bio, NULL, refuse_passphrase, &was_asked);
    BIO_free(bio);
    if (infos == NULL)
        sl_identity_refuse(reason, "%s %s holds a malformed certificate or revocation list", what,
                           file->path);
    ERR_clear_error();
    return infos;
}
