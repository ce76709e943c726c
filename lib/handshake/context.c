#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "handshake_priv.h"

/* In order of preference; RFC 9325 4.2. */
static const char suites[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                             "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                             "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

static int make_cookie(SSL *ssl, unsigned char *out, unsigned *len)
{
    const struct handshake *handshake = SSL_get_app_data(ssl);
    memcpy(out, handshake->cookie, handshake->cookie_len);
    *len = handshake->cookie_len;
    return 1;
}

/** The worker has verified it; here it only has to be the same. */
static int check_cookie(SSL *ssl, const unsigned char *cookie, unsigned len)
{
    const struct handshake *handshake = SSL_get_app_data(ssl);
    return len == handshake->cookie_len && memcmp(cookie, handshake->cookie, len) == 0;
}

/** One write for a line, so that the lines of several threads do not mix. */
static void log_key(const SSL *ssl, const char *line)
{
    const struct handshake *handshake = SSL_get_app_data(ssl);
    struct iovec parts[] = {{(void *)(uintptr_t)line, strlen(line)}, {(void *)(uintptr_t) "\n", 1}};
    ssize_t written = writev(handshake->owner->keylog_fd, parts, 2);
    (void)written; /* a debugging aid: a full disk must not end handshakes */
}

static bool refuse(char *reason, const char *what)
{
    unsigned long error = ERR_peek_last_error();
    const char *text = error != 0 ? ERR_reason_error_string(error) : NULL;
    snprintf(reason, SL_REASON_LEN, "%s: %s", what, text != NULL ? text : "libssl gave no reason");
    ERR_clear_error();
    return false;
}

static bool use_certificates(SSL_CTX *ctx, const struct sl_credentials *credentials, char *reason)
{
    for (unsigned i = 0; i < sl_credentials_count(credentials); i++)
        if (SSL_CTX_use_cert_and_key(ctx, sl_credentials_certificate(credentials, i),
                                     sl_credentials_key(credentials, i),
                                     sl_credentials_chain(credentials, i), 1) != 1)
            return refuse(reason, "libssl refuses a certificate or its key");
    return true;
}

/** Names in the CertificateRequest, so that a client can choose among its certificates. */
static bool name_authorities(SSL_CTX *ctx, X509_STORE *trust)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(trust);
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        if (authority != NULL && SSL_CTX_add_client_CA(ctx, authority) != 1)
            return false;
    }
    return true;
}

static bool ask_for_certificates(SSL_CTX *ctx, X509_STORE *trust, char *reason)
{
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    if (SSL_CTX_set1_verify_cert_store(ctx, trust) == 1 &&
        SSL_CTX_set_purpose(ctx, X509_PURPOSE_SSL_CLIENT) == 1 && name_authorities(ctx, trust))
        return true;
    return refuse(reason, "libssl refuses the CA file");
}

/** The system's openssl.cnf may have its own opinion: whatever matters is set here. */
static bool set_protocol(SSL_CTX *ctx, const struct sl_handshaker_config *config, char *reason)
{
    SSL_CTX_clear_options(ctx, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_NO_EXTENDED_MASTER_SECRET);
    SSL_CTX_set_options(ctx, SSL_OP_COOKIE_EXCHANGE | SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET |
                                 SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_clear_options(ctx, SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_security_level(ctx, 2);
    SSL_CTX_set_cookie_generate_cb(ctx, make_cookie);
    SSL_CTX_set_cookie_verify_cb(ctx, check_cookie);
    if (SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(ctx, suites) != 1 ||
        SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") != 1)
        return refuse(reason, "libssl refuses DTLS 1.2 with the suites that are needed");
    if (config->connection_ids && !sl_handshake_negotiate_connection_ids(ctx))
        return refuse(reason, "libssl refuses the connection ID extension");
    return true;
}

static bool open_keylog(struct sl_handshaker *handshaker, char *reason)
{
    const char *path = handshaker->config.keylog_file;
    handshaker->keylog_fd = -1;
    if (path == NULL)
        return true;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0 || fchmod(fd, 0600) != 0) {
        snprintf(reason, SL_REASON_LEN, "key log file %s cannot be written: %s", path,
                 strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    handshaker->keylog_fd = fd;
    SSL_CTX_set_keylog_callback(handshaker->ctx, log_key);
    return true;
}

bool sl_handshake_make_context(struct sl_handshaker *handshaker, char *reason)
{
    const struct sl_credentials *credentials = handshaker->config.credentials;
    SSL_CTX *ctx = handshaker->ctx = SSL_CTX_new(DTLS_server_method());
    handshaker->bio_method = sl_handshake_make_bio_method();
    if (ctx == NULL || handshaker->bio_method == NULL)
        return refuse(reason, "libssl cannot be started");
    X509_STORE *trust = sl_credentials_trust(credentials);
    return set_protocol(ctx, &handshaker->config, reason) &&
           use_certificates(ctx, credentials, reason) &&
           (trust == NULL || ask_for_certificates(ctx, trust, reason)) &&
           open_keylog(handshaker, reason);
}
