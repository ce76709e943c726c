/* A DTLS 1.2 echo client on libssl: no connection IDs. client.h says what it does. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "client.h"

static SSL *ssl;
static int ssl_fd;
static FILE *keylog;

static void write_keylog(const SSL *of, const char *line)
{
    (void)of;
    fprintf(keylog, "%s\n", line);
    fflush(keylog);
}

static SSL_CTX *make_context(const struct client_options *options)
{
    SSL_CTX *context = SSL_CTX_new(DTLS_client_method());
    SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    bool good = SSL_CTX_load_verify_file(context, options->ca) == 1;
    if (good && options->cert)
        good = SSL_CTX_use_certificate_chain_file(context, options->cert) == 1 &&
               SSL_CTX_use_PrivateKey_file(context, options->key, SSL_FILETYPE_PEM) == 1;
    if (good && options->suite)
        good = SSL_CTX_set_cipher_list(context, options->suite) == 1;
    if (options->keylog && (keylog = fopen(options->keylog, "a")))
        SSL_CTX_set_keylog_callback(context, write_keylog);
    if (good)
        return context;
    ERR_print_errors_fp(stdout);
    SSL_CTX_free(context);
    return NULL;
}

static void set_peer(int fd, BIO *bio)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (getpeername(fd, (struct sockaddr *)&address, &len) == 0)
        BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, &address);
}

static void offer_session(const char *path)
{
    FILE *file = path ? fopen(path, "r") : NULL;
    SSL_SESSION *session = file ? PEM_read_SSL_SESSION(file, NULL, NULL, NULL) : NULL;
    if (session)
        SSL_set_session(ssl, session);
    SSL_SESSION_free(session);
    if (file)
        fclose(file);
}

static void keep_session(const char *path)
{
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file)
        return;
    PEM_write_SSL_SESSION(file, SSL_get_session(ssl));
    fclose(file);
}

static int ossl_connect(const struct client_options *options, int fd)
{
    SSL_CTX *context = make_context(options);
    if (!context)
        return -EPROTO;
    ssl_fd = fd;
    ssl = SSL_new(context);
    BIO *bio = BIO_new_dgram(fd, BIO_NOCLOSE);
    set_peer(fd, bio);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
    DTLS_set_link_mtu(ssl, options->mtu);
    SSL_set1_host(ssl, options->name);
    SSL_set_tlsext_host_name(ssl, options->name);
    offer_session(options->session);
    if (SSL_connect(ssl) != 1) {
        printf("HANDSHAKE FAILED\n");
        ERR_print_errors_fp(stdout);
        return -EPROTO;
    }
    keep_session(options->session);
    printf("HANDSHAKE %s %s, %sno connection ID\n", SSL_get_version(ssl), SSL_get_cipher(ssl),
           SSL_session_reused(ssl) ? "resumed, " : "");
    return 0;
}

static int ossl_send(void *arg, const void *data, size_t len)
{
    (void)arg;
    return SSL_write(ssl, data, (int)len) == (int)len ? 0 : -EIO;
}

static int ossl_receive(void *arg, void *data, size_t len, int timeout_ms)
{
    (void)arg;
    struct pollfd readable = {.fd = ssl_fd, .events = POLLIN};
    if (!SSL_has_pending(ssl) && poll(&readable, 1, timeout_ms) <= 0)
        return 0;
    /* A datagram that holds no record of ours must not make the read wait for the next one. */
    BIO_socket_nbio(ssl_fd, 1);
    int got = SSL_read(ssl, data, (int)len);
    int error = SSL_get_error(ssl, got);
    BIO_socket_nbio(ssl_fd, 0);
    if (got > 0)
        return got;
    if (error == SSL_ERROR_WANT_READ)
        return 0;
    return error == SSL_ERROR_ZERO_RETURN ? -EPIPE : -EIO;
}

static void ossl_close_notify(void)
{
    SSL_shutdown(ssl);
}

int main(int argc, char **argv)
{
    static const struct client_tls tls = {.connect = ossl_connect,
                                          .send = ossl_send,
                                          .receive = ossl_receive,
                                          .close_notify = ossl_close_notify};
    return client_main(argc, argv, &tls);
}
