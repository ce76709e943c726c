/**
 * A DTLS 1.2 echo server with connection IDs (RFC 9146) on Mbed TLS 3.6: up to 256 clients on one
 * socket, who are found by connection ID, or else by address. Options are NAME=VALUE;
 * mbedtls_server_settings.c lists them.
 *
 * Output is lines, for scripts and people: READY; SESSION for each handshake, with what was
 * negotiated; REFUSED with the reason. It ends on SIGTERM or when its life is over, with SERVED and
 * all counters. Exit status: 0; 2 usage; 4 on purpose, after `exit_after` messages.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/timing.h>

#include "mbedtls_server_settings.h"

enum state { FREE, HANDSHAKE, ESTABLISHED };

#define SESSIONS_MAX 256 /* the first byte of a connection ID is the session's number */

static struct session {
    mbedtls_ssl_context ssl;
    mbedtls_timing_delay_context timer;
    enum state state;
    bool is_resumed;
    struct sockaddr_storage address;
    socklen_t address_len;
    uint8_t cid[MBEDTLS_SSL_CID_IN_LEN_MAX];
    unsigned long messages;
} sessions[SESSIONS_MAX];

static struct settings settings;
static int server_fd = -1;

/** The datagram that is being read; `len` 0: its session has taken it. */
static struct {
    uint8_t data[65536];
    size_t len;
    struct sockaddr_storage from;
    socklen_t from_len;
    struct session *session;
} datagram;

static struct {
    unsigned long handshakes, resumed, refused, closed, messages, echoed, cid_records, moves;
} served;

static volatile sig_atomic_t is_over;

static void end(int signal_number)
{
    (void)signal_number;
    is_over = 1;
}

static int bio_send(void *arg, const unsigned char *data, size_t len)
{
    const struct session *session = arg;
    ssize_t sent = sendto(server_fd, data, len, 0, (const struct sockaddr *)&session->address,
                          session->address_len);
    return sent >= 0 ? (int)sent : (int)len; /* as if it was lost on the way */
}

static int bio_receive(void *arg, unsigned char *data, size_t len)
{
    (void)arg;
    size_t got = datagram.len < len ? datagram.len : len;
    if (got == 0)
        return MBEDTLS_ERR_SSL_WANT_READ;
    memcpy(data, datagram.data, got);
    datagram.len = 0;
    return (int)got;
}

static void note_resumed(void)
{
    datagram.session->is_resumed = true;
}

static void open_socket(void)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *at = NULL;
    int room = 4 << 20;
    if (getaddrinfo(settings.host, settings.port, &hints, &at) != 0) {
        fputs("bad host or port\n", stderr);
        exit(2);
    }
    server_fd = socket(at->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server_fd < 0 || bind(server_fd, at->ai_addr, at->ai_addrlen) != 0) {
        perror("bind");
        exit(2);
    }
    setsockopt(server_fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    freeaddrinfo(at);
}

static bool is_from(const struct session *session)
{
    return session->address_len == datagram.from_len &&
           memcmp(&session->address, &datagram.from, datagram.from_len) == 0;
}

/** Type, version, record number, connection ID, length. RFC 9146 4. */
static bool is_cid_record(void)
{
    return datagram.len >= 13 + settings.cid_len && datagram.data[0] == MBEDTLS_SSL_MSG_CID;
}

/** Not what opens a connection: a handshake message in epoch 0. */
static bool is_foreign(void)
{
    return datagram.len < 13 || datagram.data[0] != MBEDTLS_SSL_MSG_HANDSHAKE ||
           datagram.data[3] != 0 || datagram.data[4] != 0;
}

static struct session *find_session(void)
{
    if (is_cid_record() && settings.cid_len > 0) {
        struct session *session = &sessions[datagram.data[11]];
        bool is_same = session->state != FREE &&
                       memcmp(session->cid, datagram.data + 11, settings.cid_len) == 0;
        return is_same ? session : NULL;
    }
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (sessions[i].state != FREE && is_from(&sessions[i]))
            return &sessions[i];
    return NULL;
}

static void set_up(struct session *session)
{
    mbedtls_ssl_context *ssl = &session->ssl;
    mbedtls_ssl_init(ssl);
    need("session", mbedtls_ssl_setup(ssl, &settings.config));
    mbedtls_ssl_set_timer_cb(ssl, &session->timer, mbedtls_timing_set_delay,
                             mbedtls_timing_get_delay);
    mbedtls_ssl_set_bio(ssl, session, bio_send, bio_receive, NULL);
    mbedtls_ssl_set_mtu(ssl, 1400);
    need("client's address",
         mbedtls_ssl_set_client_transport_id(ssl, (const unsigned char *)&session->address,
                                             session->address_len));
    if (settings.wants_cid)
        need("cid",
             mbedtls_ssl_set_cid(ssl, MBEDTLS_SSL_CID_ENABLED, session->cid, settings.cid_len));
}

static struct session *begin_session(void)
{
    size_t i = 0;
    while (i < SESSIONS_MAX && sessions[i].state != FREE)
        i++;
    if (i == SESSIONS_MAX || is_foreign())
        return NULL;
    struct session *session = &sessions[i];
    session->state = HANDSHAKE;
    session->is_resumed = false;
    session->address = datagram.from;
    session->address_len = datagram.from_len;
    session->messages = 0;
    mbedtls_ctr_drbg_random(&settings.random, session->cid, sizeof session->cid);
    session->cid[0] = (uint8_t)i;
    set_up(session);
    return session;
}

static void end_session(struct session *session)
{
    mbedtls_ssl_free(&session->ssl);
    session->state = FREE;
}

static void establish(struct session *session)
{
    uint8_t cid[MBEDTLS_SSL_CID_OUT_LEN_MAX];
    size_t cid_len = 0;
    int is_on = 0;
    session->state = ESTABLISHED;
    served.handshakes++;
    served.resumed += session->is_resumed;
    mbedtls_ssl_set_mtu(&session->ssl, 0); /* it was for the handshake's fragments only */
    mbedtls_ssl_get_peer_cid(&session->ssl, &is_on, cid, &cid_len);
    printf("SESSION %s, ", mbedtls_ssl_get_ciphersuite(&session->ssl));
    if (is_on)
        printf("connection IDs: %zu bytes from the client, %zu to it\n", settings.cid_len, cid_len);
    else
        printf("no connection ID\n");
}

/** return whether the session is established now. */
static bool shake_hands(struct session *session)
{
    char text[128];
    int error = mbedtls_ssl_handshake(&session->ssl);
    if (error == MBEDTLS_ERR_SSL_WANT_READ || error == MBEDTLS_ERR_SSL_WANT_WRITE)
        return false;
    if (error == 0) {
        establish(session);
        return true;
    }
    if (error != MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED) {
        mbedtls_strerror(error, text, sizeof text);
        printf("REFUSED %s\n", text);
        served.refused++;
    }
    end_session(session);
    return false;
}

/** The client is wherever an authentic record came from last. */
static void note_address(struct session *session)
{
    served.moves += !is_from(session);
    session->address = datagram.from;
    session->address_len = datagram.from_len;
}

/** return whether the session goes on. */
static bool answer(struct session *session, const uint8_t *data, size_t len)
{
    served.messages++;
    session->messages++;
    if (settings.exit_after && served.messages >= settings.exit_after)
        _exit(4);
    if (!settings.swallow || served.messages % settings.swallow != 0)
        served.echoed += mbedtls_ssl_write(&session->ssl, data, len) == (int)len;
    if (!settings.close_after || session->messages < settings.close_after)
        return true;
    served.closed++;
    return false;
}

/** What a datagram brought to an established session. return whether it goes on. */
static bool take_data(struct session *session)
{
    static uint8_t data[MBEDTLS_SSL_IN_CONTENT_LEN];
    int got;
    while ((got = mbedtls_ssl_read(&session->ssl, data, sizeof data)) > 0) {
        note_address(session);
        if (!answer(session, data, (size_t)got))
            return false;
    }
    if (got == MBEDTLS_ERR_SSL_CLIENT_RECONNECT)
        session->state = HANDSHAKE;
    return got == MBEDTLS_ERR_SSL_WANT_READ || got == MBEDTLS_ERR_SSL_CLIENT_RECONNECT;
}

/** One datagram, or a timer, for one session. */
static void run(struct session *session)
{
    datagram.session = session;
    if (session->state == HANDSHAKE && !shake_hands(session))
        return;
    if (!take_data(session)) {
        mbedtls_ssl_close_notify(&session->ssl);
        end_session(session);
    } else if (session->state == HANDSHAKE) {
        shake_hands(session);
    }
}

static bool receive(void)
{
    datagram.from_len = sizeof datagram.from;
    ssize_t got = recvfrom(server_fd, datagram.data, sizeof datagram.data, 0,
                           (struct sockaddr *)&datagram.from, &datagram.from_len);
    if (got <= 0)
        return got == 0 || errno == EINTR;
    datagram.len = (size_t)got;
    served.cid_records += is_cid_record();
    struct session *session = find_session();
    if (session == NULL)
        session = begin_session();
    if (session != NULL)
        run(session);
    datagram.len = 0;
    return true;
}

static void run_timers(void)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (sessions[i].state == HANDSHAKE)
            run(&sessions[i]);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    settings_make(&settings, argc, argv, note_resumed);
    open_socket();
    signal(SIGTERM, end);
    signal(SIGALRM, end);
    alarm(settings.life_s);
    puts("READY");
    while (!is_over) {
        struct pollfd readable = {.fd = server_fd, .events = POLLIN};
        poll(&readable, 1, 20);
        run_timers();
        for (unsigned i = 0; i < 64 && receive(); i++)
            ;
    }
    printf("SERVED handshakes=%lu resumed=%lu refused=%lu closed=%lu messages=%lu echoed=%lu "
           "cid_records=%lu moves=%lu\n",
           served.handshakes, served.resumed, served.refused, served.closed, served.messages,
           served.echoed, served.cid_records, served.moves);
    return 0;
}
