#include "echo_session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "libssl_peer.h"

#define HANDSHAKE_TRIES 20
#define SOCKET_BUFFER_LEN (4 << 20)

void echo_workspace_init(struct echo_workspace *workspace)
{
    workspace->aead = sl_aead_create(SL_CRYPTO_AUTO);
    if (workspace->aead == NULL) {
        perror("echo_client: no AEAD");
        exit(1);
    }
    for (unsigned i = 0; i < ECHO_LEN_MAX; i++)
        workspace->pattern[i] = (uint8_t)(i * 7 + 1);
    for (unsigned i = 0; i < ECHO_BURST; i++) {
        workspace->vectors[i].iov_base = workspace->datagrams[i];
        workspace->headers[i].msg_hdr =
            (struct msghdr){.msg_iov = &workspace->vectors[i], .msg_iovlen = 1};
    }
}

/** return 0, -ETIMEDOUT, -EPROTO. */
static int shake_hands(SSL *ssl)
{
    for (unsigned tries = 0; tries < HANDSHAKE_TRIES; tries++) {
        errno = 0;
        int result = SSL_connect(ssl);
        if (result == 1)
            return 0;
        int error = SSL_get_error(ssl, result);
        if (error == SSL_ERROR_WANT_READ && DTLSv1_handle_timeout(ssl) >= 0)
            continue;
        fprintf(stderr, "echo_client: SSL_connect: error %d, %s\n", error, strerror(errno));
        ERR_print_errors_fp(stderr);
        return -EPROTO;
    }
    return -ETIMEDOUT;
}

/** The session's keys, from libssl's master secret; its Finished was number 0. return 0, -EIO. */
static int take_keys(struct echo_session *session, const struct sl_aead *aead, const SSL *ssl)
{
    uint8_t secret[48], client_random[SL_RANDOM_LEN], server_random[SL_RANDOM_LEN];
    struct sl_key_material keys;
    SSL_SESSION_get_master_key(SSL_get_session(ssl), secret, sizeof secret);
    SSL_get_client_random(ssl, client_random, sizeof client_random);
    SSL_get_server_random(ssl, server_random, sizeof server_random);
    int error = sl_crypto_derive_keys(SL_AEAD_AES_128_GCM, SL_PRF_SHA256, secret, client_random,
                                      server_random, &keys);
    if (error == 0)
        sl_epoch_init(&session->epoch, aead,
                      &(struct sl_epoch_config){.number = 1,
                                                .alg = SL_AEAD_AES_128_GCM,
                                                .open_key = keys.server_key,
                                                .open_iv = keys.server_iv,
                                                .seal_key = keys.client_key,
                                                .seal_iv = keys.client_iv,
                                                .write_next = 1});
    OPENSSL_cleanse(&keys, sizeof keys);
    OPENSSL_cleanse(secret, sizeof secret);
    return error;
}

static int socket_to(const struct sockaddr_in *server)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), len = SOCKET_BUFFER_LEN;
    if (fd < 0 || connect(fd, (const struct sockaddr *)server, sizeof *server) != 0) {
        perror("echo_client: socket");
        exit(1);
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &len, sizeof len);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &len, sizeof len);
    return fd;
}

int echo_session_open(struct echo_session *session, const struct echo_workspace *workspace,
                      const struct sockaddr_in *server)
{
    *session = (struct echo_session){.fd = socket_to(server)};
    sl_replay_init(&session->echoed);
    SSL_CTX *context = libssl_context_create(DTLS_client_method());
    SSL *ssl = SSL_new(context);
    BIO *bio = BIO_new_dgram(session->fd, BIO_NOCLOSE);
    struct sockaddr_in peer = *server;
    BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, &peer);
    SSL_set_bio(ssl, bio, bio);
    DTLS_set_link_mtu(ssl, 1400);
    int error = shake_hands(ssl);
    if (error == 0)
        error = take_keys(session, workspace->aead, ssl);
    SSL_set_quiet_shutdown(ssl, 1);
    SSL_free(ssl);
    SSL_CTX_free(context);
    if (error != 0)
        close(session->fd);
    return error;
}

/** Sends the records of the jobs. return how many the kernel took. */
static unsigned send_sealed(const struct echo_session *session, struct echo_workspace *workspace,
                            const struct sl_seal_job *jobs, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        workspace->vectors[i].iov_len = jobs[i].record_len;
    int sent = sendmmsg(session->fd, workspace->headers, count, MSG_DONTWAIT);
    return sent > 0 ? (unsigned)sent : 0;
}

void echo_session_close(struct echo_session *session, struct echo_workspace *workspace)
{
    static const uint8_t close_notify[] = {1, 0};
    struct sl_seal_job job = {.epoch = &session->epoch,
                              .plain = close_notify,
                              .plain_len = sizeof close_notify,
                              .type = SL_CONTENT_ALERT,
                              .record = workspace->datagrams[0]};
    if (sl_record_seal_burst(workspace->aead, &job, 1) == 1)
        (void)send_sealed(session, workspace, &job, 1);
    close(session->fd);
    sl_epoch_wipe(&session->epoch, sizeof session->epoch);
}

unsigned echo_session_send(struct echo_session *session, struct echo_workspace *workspace,
                           unsigned count)
{
    struct sl_seal_job jobs[ECHO_BURST];
    for (unsigned i = 0; i < count; i++) {
        uint64_t number = session->sent++;
        memcpy(workspace->plains[i], &number, sizeof number);
        memcpy(workspace->plains[i] + sizeof number, workspace->pattern,
               session->len - sizeof number);
        jobs[i] = (struct sl_seal_job){.epoch = &session->epoch,
                                       .plain = workspace->plains[i],
                                       .plain_len = session->len,
                                       .type = SL_CONTENT_APPLICATION_DATA,
                                       .record = workspace->datagrams[i]};
    }
    if (sl_record_seal_burst(workspace->aead, jobs, count) != count)
        return 0;
    return send_sealed(session, workspace, jobs, count);
}

/** What was opened is a message of ours, which has not come back before. */
static bool take_echo(struct echo_session *session, struct echo_workspace *workspace,
                      const struct sl_open_job *job)
{
    uint64_t number = UINT64_MAX;
    bool newer;
    if (job->drop == SL_DROP_NONE && job->type != SL_CONTENT_APPLICATION_DATA)
        return false; /* a handshake's last flight once more */
    if (job->drop == SL_DROP_NONE && job->plain_len == session->len &&
        memcmp(job->plain + sizeof number, workspace->pattern, session->len - sizeof number) == 0)
        memcpy(&number, job->plain, sizeof number);
    if (number < session->sent && sl_replay_admit(&session->echoed, number, &newer) == SL_DROP_NONE)
        return true;
    workspace->is_foreign = true;
    return false;
}

/** jobs [ECHO_BURST]: the records of datagrams received. return how many, without epoch 0's. */
static unsigned parse_received(struct echo_session *session, struct echo_workspace *workspace,
                               unsigned datagram_count, struct sl_open_job *jobs)
{
    unsigned count = 0;
    for (unsigned i = 0; i < datagram_count; i++) {
        struct sl_open_job *job = &jobs[count];
        struct sl_reader r = sl_reader_of(workspace->datagrams[i], workspace->headers[i].msg_len);
        *job = (struct sl_open_job){.epoch = &session->epoch};
        if (sl_wire_parse_record(&r, 0, &job->header) != SL_DROP_NONE) {
            workspace->is_foreign = true;
            continue;
        }
        job->body = workspace->datagrams[i] + job->header.header_len;
        count += job->header.epoch == session->epoch.number;
    }
    return count;
}

unsigned echo_session_receive(struct echo_session *session, struct echo_workspace *workspace)
{
    struct sl_open_job jobs[ECHO_BURST];
    unsigned echoes = 0;
    for (unsigned i = 0; i < ECHO_BURST; i++)
        workspace->vectors[i].iov_len = ECHO_DATAGRAM_MAX;
    int received = recvmmsg(session->fd, workspace->headers, ECHO_BURST, MSG_DONTWAIT, NULL);
    if (received <= 0)
        return 0;
    unsigned count = parse_received(session, workspace, (unsigned)received, jobs);
    if (count > 0)
        sl_record_open_burst(workspace->aead, jobs, count);
    for (unsigned i = 0; i < count; i++)
        echoes += take_echo(session, workspace, &jobs[i]);
    return echoes;
}
