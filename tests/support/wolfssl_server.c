/**
 * A DTLS 1.2 echo server on wolfSSL: one client after the other, on one socket. Options are
 * NAME=VALUE: host, port; cert, key (PEM); client_ca (PEM: who must have signed the client's); psk
 * (IDENTITY:KEY in hex); suite; messages, after which a session gets close_notify (0: never).
 *
 * Output is lines, for scripts and people: READY; SESSION or REFUSED for each handshake. It ends on
 * a signal. Exit status 2: usage.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <wolfssl/options.h>

#include <wolfssl/ssl.h>

#define SILENCE_MS 20000 /* after which a client is taken to be gone */

enum option { HOST, PORT, CERT, KEY, CLIENT_CA, PSK, SUITE, MESSAGES, OPTION_COUNT };
static const char *const names[OPTION_COUNT] = {"host",      "port", "cert",  "key",
                                                "client_ca", "psk",  "suite", "messages"};
static const char *values[OPTION_COUNT] = {[HOST] = "127.0.0.1", [PORT] = "4433", [MESSAGES] = "0"};

static void need(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "wolfssl_server: %s\n", what);
    exit(2);
}

static void parse(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const size_t len = strcspn(argv[i], "=");
        int option = 0;
        while (option < OPTION_COUNT &&
               (strlen(names[option]) != len || strncmp(names[option], argv[i], len) != 0))
            option++;
        need(option < OPTION_COUNT && argv[i][len] == '=', argv[i]);
        values[option] = argv[i] + len + 1;
    }
}

static unsigned tell_psk(WOLFSSL *ssl, const char *identity, unsigned char *key, unsigned key_max)
{
    (void)ssl;
    const char *colon = strrchr(values[PSK], ':');
    unsigned len = 0;
    if (strlen(identity) != (size_t)(colon - values[PSK]) ||
        memcmp(identity, values[PSK], strlen(identity)) != 0)
        return 0;
    while (len < key_max && sscanf(colon + 1 + 2 * len, "%2hhx", key + len) == 1)
        len++;
    return len;
}

static WOLFSSL_CTX *make_context(void)
{
    wolfSSL_Init();
    WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfDTLSv1_2_server_method());
    if (values[CERT])
        need(wolfSSL_CTX_use_certificate_chain_file(context, values[CERT]) == WOLFSSL_SUCCESS &&
                 wolfSSL_CTX_use_PrivateKey_file(context, values[KEY], WOLFSSL_FILETYPE_PEM) ==
                     WOLFSSL_SUCCESS,
             "cert, key");
    if (values[CLIENT_CA]) {
        need(wolfSSL_CTX_load_verify_locations(context, values[CLIENT_CA], NULL) == WOLFSSL_SUCCESS,
             "client_ca");
        wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                               NULL);
    }
    if (values[PSK])
        wolfSSL_CTX_set_psk_server_callback(context, tell_psk);
    if (values[SUITE])
        need(wolfSSL_CTX_set_cipher_list(context, values[SUITE]) == WOLFSSL_SUCCESS, "suite");
    return context;
}

static int open_socket(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(values[PORT]))};
    need(inet_pton(AF_INET, values[HOST], &at.sin_addr) == 1, "host");
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    need(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0, "bind");
    return fd;
}

static void serve(WOLFSSL *ssl, int fd)
{
    char data[16384];
    const int messages = atoi(values[MESSAGES]);
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    int served = 0;
    if (wolfSSL_accept(ssl) != WOLFSSL_SUCCESS) {
        printf("REFUSED %s\n",
               wolfSSL_ERR_reason_error_string((unsigned long)wolfSSL_get_error(ssl, -1)));
        return;
    }
    printf("SESSION %s%s\n", wolfSSL_get_cipher_name(ssl),
           wolfSSL_session_reused(ssl) ? ", resumed" : "");
    while (wolfSSL_pending(ssl) > 0 || poll(&readable, 1, SILENCE_MS) > 0) {
        const int got = wolfSSL_read(ssl, data, sizeof data);
        if (got <= 0 || wolfSSL_write(ssl, data, got) != got || ++served == messages)
            break;
    }
    wolfSSL_shutdown(ssl);
    printf("SERVED %d\n", served);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    parse(argc, argv);
    WOLFSSL_CTX *context = make_context();
    const int fd = open_socket();
    printf("READY\n");
    for (;;) {
        struct sockaddr_in client;
        socklen_t client_len = sizeof client;
        char first;
        if (recvfrom(fd, &first, 1, MSG_PEEK, (struct sockaddr *)&client, &client_len) < 0)
            continue;
        WOLFSSL *ssl = wolfSSL_new(context);
        wolfSSL_set_fd(ssl, fd);
        wolfSSL_dtls_set_peer(ssl, &client, client_len);
        serve(ssl, fd);
        wolfSSL_free(ssl);
    }
}
