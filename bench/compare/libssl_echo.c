/**
 * libssl_echo ADDRESS PORT: a DTLS 1.2 server that sends every message back, on libssl and the
 * kernel's UDP socket, as fast as that reasonably goes. The peer that veth_echo.sh measures beside
 * the gateway. Says "ready" when it listens, and runs until a signal ends it.
 *
 * One thread. recvmmsg takes what is there, up to a burst, straight into the wire that the sessions
 * read from; each datagram's session is found by its sender's address, in a hash table; what
 * libssl writes comes to lie where sendmmsg takes it from. One SSL_read and one SSL_write a record.
 * It sleeps, in recvmmsg, when nothing is there.
 *
 * In its favour: no cookie, no timers (the client's make a lost flight come again), no limit of a
 * client's share, and a session that is closed keeps its memory.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bench.h"
#include "libssl_peer.h"

#define BURST 32
#define OUT_MAX (BURST * 16) /* a flight of a handshake is some datagrams */
#define PEERS_MAX 4096       /* a power of two; half of them are used at most */
#define SOCKET_BUFFER_LEN (8 << 20)

struct peer {
    struct sockaddr_in address;
    SSL *ssl; /* NULL: the place is free */
};
struct server {
    int fd;
    SSL_CTX *context;
    struct peer *peers; /* [PEERS_MAX], open addressing */
    unsigned peer_count;
    struct libssl_wire in, out;
    struct mmsghdr in_headers[BURST], out_headers[OUT_MAX];
    struct iovec in_vectors[BURST], out_vectors[OUT_MAX];
    struct sockaddr_in sources[BURST];
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int socket_on(const char *address, const char *port)
{
    struct sockaddr_in own = {.sin_family = AF_INET,
                              .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), len = SOCKET_BUFFER_LEN;
    if (inet_pton(AF_INET, address, &own.sin_addr) != 1)
        errno = EINVAL, fail(address);
    if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof own) != 0)
        fail("libssl_echo: socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &len, sizeof len);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &len, sizeof len);
    return fd;
}

static void prepare_headers(struct server *server)
{
    for (unsigned i = 0; i < BURST; i++) {
        server->in_vectors[i] = (struct iovec){libssl_wire_at(&server->in, i), LIBSSL_DATAGRAM_MAX};
        server->in_headers[i].msg_hdr = (struct msghdr){
            .msg_name = &server->sources[i], .msg_iov = &server->in_vectors[i], .msg_iovlen = 1};
    }
    for (unsigned i = 0; i < OUT_MAX; i++) {
        server->out_vectors[i].iov_base = libssl_wire_at(&server->out, i);
        server->out_headers[i].msg_hdr = (struct msghdr){.msg_namelen = sizeof(struct sockaddr_in),
                                                         .msg_iov = &server->out_vectors[i],
                                                         .msg_iovlen = 1};
    }
}

static unsigned place_of(const struct sockaddr_in *address)
{
    uint64_t key = (uint64_t)address->sin_addr.s_addr << 16 | address->sin_port;
    return (unsigned)(key * 0x9e3779b97f4a7c15ULL >> 40) % PEERS_MAX;
}

/** The sender's session, a new one when it is a stranger; NULL when there is no room. */
static SSL *find_session(struct server *server, const struct sockaddr_in *address)
{
    unsigned i = place_of(address);
    for (; server->peers[i].ssl != NULL; i = (i + 1) % PEERS_MAX)
        if (server->peers[i].address.sin_addr.s_addr == address->sin_addr.s_addr &&
            server->peers[i].address.sin_port == address->sin_port)
            return server->peers[i].ssl;
    if (server->peer_count == PEERS_MAX / 2)
        return NULL;
    SSL *ssl = libssl_end_create(server->context, &server->in, &server->out);
    SSL_set_accept_state(ssl);
    server->peers[i] = (struct peer){.address = *address, .ssl = ssl};
    server->peer_count++;
    return ssl;
}

/** The datagram that the wire holds is its session's: a message to be echoed, or a handshake. */
static void serve(struct server *server, const struct sockaddr_in *source)
{
    char text[LIBSSL_DATAGRAM_MAX];
    unsigned first = server->out.end;
    SSL *ssl = find_session(server, source);
    if (ssl == NULL)
        return;
    int len = SSL_read(ssl, text, sizeof text);
    if (len > 0)
        (void)SSL_write(ssl, text, len); /* what finds no room is lost, as datagrams may be */
    for (unsigned i = first; i < server->out.end; i++) {
        server->out_vectors[i].iov_len = server->out.lens[i];
        server->out_headers[i].msg_hdr.msg_name = (void *)(uintptr_t)source;
    }
}

static void send_all(struct server *server)
{
    for (unsigned sent = 0; sent < server->out.end;) {
        int count = sendmmsg(server->fd, server->out_headers + sent, server->out.end - sent, 0);
        sent += count > 0 ? (unsigned)count : 1; /* one that can't be sent is lost */
    }
    server->out.end = 0;
}

static void serve_burst(struct server *server)
{
    for (unsigned i = 0; i < BURST; i++)
        server->in_headers[i].msg_hdr.msg_namelen = sizeof(struct sockaddr_in);
    int count = recvmmsg(server->fd, server->in_headers, BURST, MSG_WAITFORONE, NULL);
    if (count < 0 && errno != EINTR)
        fail("libssl_echo: recvmmsg");
    for (int i = 0; i < count; i++) {
        server->in.lens[i] = (uint16_t)server->in_headers[i].msg_len;
        server->in.begin = (unsigned)i;
        server->in.end = server->in.begin + 1;
        serve(server, &server->sources[i]);
    }
    send_all(server);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: libssl_echo ADDRESS PORT\n");
        return 2;
    }
    struct server *server = bench_alloc(sizeof *server);
    server->peers = bench_alloc(PEERS_MAX * sizeof *server->peers);
    server->in = libssl_wire_create(BURST);
    server->out = libssl_wire_create(OUT_MAX);
    server->context = libssl_context_create(DTLS_server_method());
    libssl_give_certificate(server->context);
    server->fd = socket_on(argv[1], argv[2]);
    prepare_headers(server);
    printf("ready\n");
    fflush(stdout);
    for (;;)
        serve_burst(server);
}
