#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <openssl/err.h>

#include "handshake_priv.h"

/** One write for a line, so that the lines of several threads do not mix. */
static void log_key(const SSL *ssl, const char *line)
{
    const struct handshake *handshake = SSL_get_app_data(ssl);
    struct iovec parts[] = {{(void *)(uintptr_t)line, strlen(line)}, {(void *)(uintptr_t) "\n", 1}};
    ssize_t written = writev(handshake->owner->keylog_fd, parts, 2);
    (void)written; /* a debugging aid: a full disk must not end handshakes */
}

bool sl_handshake_refuse(char *reason, const char *what)
{
    unsigned long error = ERR_peek_last_error();
    const char *text = error != 0 ? ERR_reason_error_string(error) : NULL;
    snprintf(reason, SL_REASON_LEN, "%s: %s", what, text != NULL ? text : "libssl gave no reason");
    ERR_clear_error();
    return false;
}

/** The system's openssl.cnf may have its own opinion: whatever matters is set here. */
static bool set_protocol(SSL_CTX *ctx, const char *suites, char *reason)
{
    SSL_CTX_clear_options(ctx, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_NO_EXTENDED_MASTER_SECRET);
    SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_NO_COMPRESSION);
    SSL_CTX_clear_options(ctx, SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_security_level(ctx, 2);
    if (SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) == 1 &&
        SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION) == 1 &&
        SSL_CTX_set_cipher_list(ctx, suites) == 1 &&
        SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384:P-521") == 1)
        return true;
    return sl_handshake_refuse(reason, "libssl refuses DTLS 1.2 with the suites that are needed");
}

SSL_CTX *sl_handshake_make_context(const struct sl_handshaker *handshaker, const SSL_METHOD *method,
                                   const char *suites, char *reason)
{
    SSL_CTX *ctx = SSL_CTX_new(method);
    if (ctx == NULL) {
        sl_handshake_refuse(reason, "libssl cannot be started");
        return NULL;
    }
    if (handshaker->keylog_fd >= 0)
        SSL_CTX_set_keylog_callback(ctx, log_key);
    if (set_protocol(ctx, suites, reason))
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

/** Whoever can read the file, or has it open since he could, reads all sessions. */
static bool is_private(int fd, const char *path, char *reason)
{
    struct stat info;
    const char *what = NULL;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        what = "is no ordinary file; name another";
    else if (info.st_uid != geteuid())
        what = "belongs to another user; name another, or remove it";
    else if ((info.st_mode & 077) != 0)
        what = "is open to other users; remove it, or `chmod 600` it if none of them has read it";
    if (what != NULL)
        snprintf(reason, SL_REASON_LEN, "key log file %s %s", path, what);
    return what == NULL;
}

static bool open_keylog(struct sl_handshaker *handshaker, char *reason)
{
    const char *path = handshaker->config.keylog_file;
    handshaker->keylog_fd = -1;
    if (path == NULL)
        return true;
    /* Neither through a link that somebody laid there, nor into a pipe, whose reader is waited for.
     */
    int fd = open(
        path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0)
        snprintf(reason, SL_REASON_LEN, "key log file %s cannot be written: %s", path,
                 strerror(errno));
    else if (is_private(fd, path, reason))
        handshaker->keylog_fd = fd;
    else
        close(fd);
    return handshaker->keylog_fd >= 0;
}

bool sl_handshake_make_contexts(struct sl_handshaker *handshaker, char *reason)
{
    const struct sl_handshaker_config *config = &handshaker->config;
    handshaker->bio_method = sl_handshake_make_bio_method();
    if (handshaker->bio_method == NULL)
        return sl_handshake_refuse(reason, "libssl cannot be started");
    if (config->roles.service_count == 0 && config->roles.client_count == 0) {
        snprintf(reason, SL_REASON_LEN, "a handshaker is to be a server, a client, or both");
        return false;
    }
    if (!open_keylog(handshaker, reason))
        return false;
    handshaker->roles = sl_handshake_roles_create(handshaker, &config->roles, reason);
    return handshaker->roles != NULL;
}
