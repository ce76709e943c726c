/*
 * crowd_client HOST PORT COUNT: many DTLS 1.2 sessions on libssl, one after the other, each from a
 * port of its own. Says "OPEN n" when all are there, keeps their sockets, and counts those to which
 * an alert comes under the session's keys (the gateway's close_notify) until a second passes
 * without. "CLOSED n of COUNT" is its last line; exit status 0 when that is all of them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#define HANDSHAKE_TRIES 40
/* Long: somebody has to send the signal first. */
#define FIRST_WAIT_MS 60000
#define NEXT_WAIT_MS 1000
#define ALERT 21
#define RECORD_HEADER_LEN 13

static bool shake_hands(SSL *ssl)
{
    for (unsigned tries = 0; tries < HANDSHAKE_TRIES; tries++) {
        int result = SSL_connect(ssl);
        if (result == 1)
            return true;
        if (SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ || DTLSv1_handle_timeout(ssl) < 0)
            return false;
    }
    return false;
}

/** return the socket of an established session, or -1. */
static int open_session(SSL_CTX *context, const struct sockaddr_in *server)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)server, sizeof *server) != 0) {
        perror("socket");
        return -1;
    }
    SSL *ssl = SSL_new(context);
    BIO *bio = BIO_new_dgram(fd, BIO_NOCLOSE);
    struct sockaddr_in peer = *server;
    BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, &peer);
    SSL_set_bio(ssl, bio, bio);
    bool is_open = shake_hands(ssl);
    SSL_set_quiet_shutdown(ssl, 1);
    SSL_free(ssl);
    if (!is_open)
        close(fd);
    return is_open ? fd : -1;
}

/** Looks at what waits on a socket. true: an alert, of epoch 1. */
static bool was_closed(int fd)
{
    unsigned char datagram[2048];
    ssize_t len;
    while ((len = recv(fd, datagram, sizeof datagram, MSG_DONTWAIT)) >= 0 || errno == ECONNREFUSED)
        if (len >= RECORD_HEADER_LEN && datagram[0] == ALERT && datagram[4] == 1)
            return true;
    return false;
}

static unsigned count_closed(struct pollfd *sockets, unsigned count)
{
    unsigned closed = 0;
    while (closed < count && poll(sockets, count, closed == 0 ? FIRST_WAIT_MS : NEXT_WAIT_MS) > 0) {
        for (unsigned i = 0; i < count; i++) {
            if (sockets[i].revents == 0 || !was_closed(sockets[i].fd))
                continue;
            close(sockets[i].fd);
            sockets[i].fd = -1; /* poll looks past it */
            closed++;
        }
    }
    return closed;
}

int main(int argc, char **argv)
{
    struct sockaddr_in server = {.sin_family = AF_INET};
    unsigned count = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    if (count == 0 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) {
        fprintf(stderr, "usage: crowd_client HOST PORT COUNT\n");
        return 2;
    }
    server.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
    struct rlimit files = {.rlim_cur = count + 16, .rlim_max = count + 16};
    setrlimit(RLIMIT_NOFILE, &files);
    setvbuf(stdout, NULL, _IOLBF, 0);
    SSL_CTX *context = SSL_CTX_new(DTLS_client_method());
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    struct pollfd *sockets = calloc(count, sizeof *sockets);
    for (unsigned i = 0; i < count; i++) {
        sockets[i] = (struct pollfd){.fd = open_session(context, &server), .events = POLLIN};
        if (sockets[i].fd < 0) {
            printf("FAILED at session %u\n", i);
            return 1;
        }
    }
    printf("OPEN %u\n", count);
    unsigned closed = count_closed(sockets, count);
    printf("CLOSED %u of %u\n", closed, count);
    return closed != count;
}
