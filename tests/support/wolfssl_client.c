/* A DTLS 1.2 echo client on wolfSSL: no connection IDs, which Debian's has not. client.h says what
 * it does. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <wolfssl/options.h>

#include <wolfssl/ssl.h>

#include "client.h"

static struct {
    int fd;
    WOLFSSL *ssl;
    const char *psk; /* IDENTITY:KEY in hex, or NULL */
} client;

static int fail(const char *what, int error)
{
    char text[80];
    wolfSSL_ERR_error_string_n((unsigned long)error, text, sizeof text);
    printf("HANDSHAKE FAILED: %s: %s\n", what, text);
    return -EPROTO;
}

static unsigned tell_psk(WOLFSSL *ssl, const char *hint, char *identity, unsigned identity_max,
                         unsigned char *key, unsigned key_max)
{
    (void)ssl;
    (void)hint;
    const char *colon = strrchr(client.psk, ':');
    snprintf(identity, identity_max, "%.*s", (int)(colon - client.psk), client.psk);
    unsigned len = 0;
    while (len < key_max && sscanf(colon + 1 + 2 * len, "%2hhx", key + len) == 1)
        len++;
    return len;
}

static WOLFSSL_CTX *make_context(const struct client_options *options)
{
    WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfDTLSv1_2_client_method());
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER,
                           NULL); /* Debian's takes anybody otherwise */
    bool good = wolfSSL_CTX_load_verify_locations(context, options->ca, NULL) == WOLFSSL_SUCCESS;
    if (good && options->cert)
        good = wolfSSL_CTX_use_certificate_chain_file(context, options->cert) == WOLFSSL_SUCCESS &&
               wolfSSL_CTX_use_PrivateKey_file(context, options->key, WOLFSSL_FILETYPE_PEM) ==
                   WOLFSSL_SUCCESS;
    if (good && options->psk) {
        client.psk = options->psk;
        wolfSSL_CTX_set_psk_client_callback(context, tell_psk);
    }
    if (good && options->suite)
        good = wolfSSL_CTX_set_cipher_list(context, options->suite) == WOLFSSL_SUCCESS;
    if (good)
        return context;
    wolfSSL_CTX_free(context);
    return NULL;
}

static void offer_session(const char *path)
{
    unsigned char bytes[8192];
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file)
        return;
    const size_t len = fread(bytes, 1, sizeof bytes, file);
    const unsigned char *at = bytes;
    fclose(file);
    WOLFSSL_SESSION *session = wolfSSL_d2i_SSL_SESSION(NULL, &at, (long)len);
    if (session)
        wolfSSL_set_session(client.ssl, session);
    wolfSSL_SESSION_free(session);
}

static void keep_session(const char *path)
{
    unsigned char bytes[8192], *at = bytes;
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file)
        return;
    WOLFSSL_SESSION *session = wolfSSL_get1_session(client.ssl);
    if (wolfSSL_i2d_SSL_SESSION(session, NULL) <= (int)sizeof bytes)
        fwrite(bytes, 1, (size_t)wolfSSL_i2d_SSL_SESSION(session, &at), file);
    wolfSSL_SESSION_free(session);
    fclose(file);
}

static int shake_hands(void)
{
    struct pollfd readable = {.fd = client.fd, .events = POLLIN};
    for (;;) {
        const int result = wolfSSL_connect(client.ssl);
        const int error = wolfSSL_get_error(client.ssl, result);
        if (result == WOLFSSL_SUCCESS)
            return 0;
        if (error != WOLFSSL_ERROR_WANT_READ)
            return fail("connect", error);
        const int timeout_ms = wolfSSL_dtls_get_current_timeout(client.ssl) * 1000;
        if (poll(&readable, 1, timeout_ms) == 0 &&
            wolfSSL_dtls_got_timeout(client.ssl) != WOLFSSL_SUCCESS)
            return fail("timeout", wolfSSL_get_error(client.ssl, -1));
    }
}

static int wolf_connect(const struct client_options *options, int fd)
{
    wolfSSL_Init();
    WOLFSSL_CTX *context = make_context(options);
    if (!context)
        return fail("options", 0);
    client.fd = fd;
    client.ssl = wolfSSL_new(context);
    wolfSSL_set_fd(client.ssl, fd);
    wolfSSL_set_dtls_fd_connected(client.ssl, fd);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    wolfSSL_dtls_set_using_nonblock(client.ssl, 1);
    wolfSSL_UseSNI(client.ssl, WOLFSSL_SNI_HOST_NAME, options->name,
                   (unsigned short)strlen(options->name));
    wolfSSL_UseSessionTicket(client.ssl);
    if (!options->psk)
        wolfSSL_check_domain_name(client.ssl, options->name);
    offer_session(options->session);
    if (shake_hands() != 0)
        return -EPROTO;
    keep_session(options->session);
    printf("HANDSHAKE %s %s, %sno connection ID\n", wolfSSL_get_version(client.ssl),
           wolfSSL_get_cipher_name(client.ssl),
           wolfSSL_session_reused(client.ssl) ? "resumed, " : "");
    return 0;
}

static int wolf_send(void *arg, const void *data, size_t len)
{
    (void)arg;
    return wolfSSL_write(client.ssl, data, (int)len) == (int)len ? 0 : -EIO;
}

static int wolf_receive(void *arg, void *data, size_t len, int timeout_ms)
{
    (void)arg;
    struct pollfd readable = {.fd = client.fd, .events = POLLIN};
    if (wolfSSL_pending(client.ssl) == 0 && poll(&readable, 1, timeout_ms) <= 0)
        return 0;
    const int got = wolfSSL_read(client.ssl, data, (int)len);
    if (got > 0)
        return got;
    const int error = wolfSSL_get_error(client.ssl, got);
    if (error == WOLFSSL_ERROR_WANT_READ)
        return 0;
    return error == WOLFSSL_ERROR_ZERO_RETURN ? -EPIPE : -EIO;
}

static void wolf_close_notify(void)
{
    wolfSSL_shutdown(client.ssl);
}

int main(int argc, char **argv)
{
    static const struct client_tls tls = {.connect = wolf_connect,
                                          .send = wolf_send,
                                          .receive = wolf_receive,
                                          .close_notify = wolf_close_notify};
    return client_main(argc, argv, &tls);
}
