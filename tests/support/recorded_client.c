/*
 * recorded_client make FILE WORKERS COUNT KIND   writes a file of COUNT sessions, as they would
 * have been recorded at the test gateway with so many workers: each from a port of its own. KIND:
 * cid, plain (no connection IDs), v6 (with, over IPv6). recorded_client send FILE COUNT   plays the
 * clients of the file: one record after another, COUNT for each session, and the last of each
 * session once more. Prints `SENT records, ANSWERED datagrams, READABLE datagrams`: of those, how
 * many open under a key that is in the file.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sl_preload.h"
#include "sl_record.h"

/* A veth has room for 256 packets until the kernel's thread comes to them. */
#define ROUND_APART_US 5000
#define SERVER_PORT 4433
#define FIRST_PORT 20000
#define SESSIONS_MAX 4096
#define WORKERS_MAX 32
#define PAYLOAD_LEN 64
/** The handshake's records of epoch 1 were recorded elsewhere. */
#define FIRST_NUMBER 1

static void die(const char *what)
{
    fprintf(stderr, "recorded_client: %s\n", what);
    exit(2);
}

static void fill_random(void *at, size_t len)
{
    FILE *file = fopen("/dev/urandom", "r");
    if (file == NULL || fread(at, len, 1, file) != 1)
        die("no random numbers");
    fclose(file);
}

static void put_address(struct sl_tuple *tuple, unsigned i, bool is_v6)
{
    if (is_v6) {
        inet_pton(AF_INET6, "2001:db8::2", tuple->remote_ip.bytes);
        inet_pton(AF_INET6, "2001:db8::1", tuple->local_ip.bytes);
    } else {
        tuple->remote_ip = sl_ip_from_v4((const uint8_t[]){198, 18, 0, 2});
        tuple->local_ip = sl_ip_from_v4((const uint8_t[]){198, 18, 0, 1});
    }
    tuple->remote_port = (uint16_t)(FIRST_PORT + i);
    tuple->local_port = SERVER_PORT;
}

/** Layout 0: 4 bits of it, 8 of the shard, 20 of the slot, 32 of the tag. */
static void put_cid(struct sl_preload_session *session, unsigned workers, uint32_t *slots)
{
    uint8_t shard = (uint8_t)sl_wire_rss_hash(&session->tuple);
    uint32_t slot = slots[shard % workers]++, tag;
    fill_random(&tag, sizeof tag);
    sl_store_be64(session->cid, (uint64_t)shard << 52 | (uint64_t)slot << 32 | tag);
    session->cid_len = SL_OWN_CID_LEN;
    session->peer_cid_len = 2;
    memcpy(session->peer_cid, "\xaa\xbb", 2);
}

static int make(const char *path, unsigned workers, unsigned count, const char *kind)
{
    uint32_t slots[WORKERS_MAX] = {0};
    FILE *file = sl_preload_create(path);
    if (file == NULL || workers == 0 || workers > WORKERS_MAX || count > SESSIONS_MAX)
        die("no such file of sessions");
    for (unsigned i = 0; i < count; i++) {
        struct sl_preload_session session = {.alg = (enum sl_aead_alg)(i % SL_AEAD_ALG_COUNT)};
        put_address(&session.tuple, i, strcmp(kind, "v6") == 0);
        fill_random(session.client_key, sizeof session.client_key);
        fill_random(session.client_iv, sizeof session.client_iv);
        if (strcmp(kind, "plain") != 0)
            put_cid(&session, workers, slots);
        if (sl_preload_write_session(file, &session) != 0)
            die("the file can't be written");
    }
    return fclose(file);
}

struct client {
    struct sl_epoch epoch; /* both directions under the client's key */
    int fd;
};

static int open_socket(const struct sl_tuple *tuple)
{
    struct sockaddr_in6 from = {.sin6_family = AF_INET6, .sin6_port = htons(tuple->remote_port)};
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(tuple->local_port)};
    memcpy(&from.sin6_addr, tuple->remote_ip.bytes, 16);
    memcpy(&to.sin6_addr, tuple->local_ip.bytes, 16);
    int fd = socket(AF_INET6, SOCK_DGRAM, 0), no = 0;
    if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) != 0 ||
        bind(fd, (struct sockaddr *)&from, sizeof from) != 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("recorded_client");
        exit(2);
    }
    return fd;
}

static void begin(struct client *client, const struct sl_aead *aead,
                  const struct sl_preload_session *session)
{
    struct sl_epoch_config config = {
        .number = 1,
        .alg = session->alg,
        .open_key = session->client_key,
        .open_iv = session->client_iv,
        .seal_key = session->client_key,
        .seal_iv = session->client_iv,
        .write_next = FIRST_NUMBER,
        .own_cid_negotiated = session->peer_cid_len > 0,
        .own_cid_len = session->peer_cid_len,
        .own_cid = session->peer_cid,
        .peer_cid_len = session->cid_len,
        .peer_cid = session->cid,
    };
    sl_epoch_init(&client->epoch, aead, &config);
    client->fd = open_socket(&session->tuple);
}

/** return the record's length, sent `copies` times. */
static void send_record(struct client *client, struct sl_aead *aead, unsigned copies)
{
    static const uint8_t payload[PAYLOAD_LEN] = "recorded";
    uint8_t record[PAYLOAD_LEN + SL_RECORD_OVERHEAD_MAX];
    struct sl_seal_job job = {.epoch = &client->epoch,
                              .plain = payload,
                              .plain_len = sizeof payload,
                              .type = SL_CONTENT_APPLICATION_DATA,
                              .record = record};
    if (sl_record_seal_burst(aead, &job, 1) != 1)
        die("a record can't be sealed");
    for (unsigned i = 0; i < copies; i++)
        if (send(client->fd, record, job.record_len, 0) < 0)
            die("a record can't be sent");
}

static bool opens(struct client *client, struct sl_aead *aead, uint8_t *datagram, size_t len)
{
    struct sl_reader reader = sl_reader_of(datagram, len);
    struct sl_open_job job = {.epoch = &client->epoch};
    if (sl_wire_parse_record(&reader, client->epoch.own_cid_len, &job.header) != SL_DROP_NONE)
        die("an answer is no record");
    job.body = datagram + job.header.header_len;
    return sl_record_open_burst(aead, &job, 1) == 1;
}

/** Waits a little for the first answer that is not there. */
static void take_answers(struct client *client, struct sl_aead *aead, int patience_ms,
                         unsigned *answered, unsigned *readable)
{
    uint8_t datagram[2048];
    struct pollfd ready = {.fd = client->fd, .events = POLLIN};
    while (poll(&ready, 1, patience_ms) == 1) {
        ssize_t len = recv(client->fd, datagram, sizeof datagram, 0);
        if (len < 0)
            die("the gateway's port is closed");
        *answered += 1;
        *readable += opens(client, aead, datagram, (size_t)len);
    }
}

static int play(const char *path, unsigned records)
{
    char error[512];
    struct sl_aead *aead = sl_aead_create(SL_CRYPTO_OPENSSL);
    struct client *clients = calloc(SESSIONS_MAX, sizeof *clients);
    struct sl_preload_reader *reader = sl_preload_open(path, error, sizeof error);
    struct sl_preload_session session;
    unsigned count = 0, answered = 0, readable = 0;
    int result = -1;
    if (aead == NULL || clients == NULL || reader == NULL)
        die("no file of sessions, or no memory");
    while (count < SESSIONS_MAX &&
           (result = sl_preload_read(reader, &session, error, sizeof error)) == 1)
        begin(&clients[count++], aead, &session);
    if (result != 0)
        die(error);
    sl_preload_close(reader);
    for (unsigned r = 0; r < records; r++) {
        for (unsigned i = 0; i < count; i++) {
            send_record(&clients[i], aead, r + 1 == records ? 2 : 1);
            take_answers(&clients[i], aead, 0, &answered, &readable);
        }
        usleep(ROUND_APART_US);
    }
    usleep(300000);
    for (unsigned i = 0; i < count; i++)
        take_answers(&clients[i], aead, 20, &answered, &readable);
    printf("SENT %u, ANSWERED %u, READABLE %u\n", (records + 1) * count, answered, readable);
    for (unsigned i = 0; i < count; i++)
        close(clients[i].fd);
    free(clients);
    sl_aead_destroy(aead);
    return 0;
}

int main(int count, char **words)
{
    if (count == 6 && strcmp(words[1], "make") == 0)
        return make(words[2], (unsigned)atoi(words[3]), (unsigned)atoi(words[4]), words[5]);
    if (count == 4 && strcmp(words[1], "send") == 0)
        return play(words[2], (unsigned)atoi(words[3]));
    fprintf(stderr, "recorded_client make FILE WORKERS COUNT cid|plain|v6\n"
                    "recorded_client send FILE COUNT\n");
    return 2;
}
