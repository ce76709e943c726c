/**
 * Nanoseconds per record of libssl, as a server that has many DTLS 1.2 clients would use it: an SSL
 * for each, AES-128-GCM, handshakes done in memory. peer.libssl.in.LEN.ns is a datagram given to
 * its session and read, peer.libssl.out.LEN.ns a message written until its datagram stands in
 * memory; 64 sessions that take turns in no order. .s1.ns and .s1000.ns: one session, which is the
 * counterpart of pipeline_bench's keys, and a thousand (80 KB of heap each). Not measured,
 * and so in libssl's favour: finding the session, headers, any copy to a consumer, any port.
 *
 * One SSL_read or SSL_write a record, on a BIO of our own that hands out and takes in datagrams
 * which lie in arrays. (BIO_s_mem copies each record once more, and keeps no borders between
 * datagrams; filled with one at a time it was 5 to 20% slower.) It answers reads until it is empty;
 * SSL_read is not asked a second time to learn that, and no error queue is touched. Read-ahead and
 * buffers stay with the session, as is the default.
 *
 * Every record is sealed by its client just before, untimed, and read once; what comes out, into
 * as many places as a span has records, is compared with what went in, outside the spans.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "libssl_peer.h"

#define SESSIONS_MAX 1000
#define RECORDS 4096 /* of one pass; a multiple of a span */
#define RECORD_MAX LIBSSL_DATAGRAM_MAX
#define FLIGHTS_MAX 16
#define DATAGRAMS_MAX 16 /* of a handshake's flight */

struct session {
    SSL *server, *client;
};
struct peers {
    struct session sessions[SESSIONS_MAX];
    unsigned order[RECORDS];    /* whose the records of a pass are */
    struct libssl_wire records; /* of a pass, all sessions' */
    uint8_t *texts;             /* [BENCH_SPAN_ITEMS][RECORD_MAX], as read */
    uint8_t payload[RECORD_MAX];
    uint32_t len;
    struct bench_sum in, out;
};

static void fail(const char *what)
{
    fprintf(stderr, "libssl_bench: %s\n", what);
    exit(1);
}

/** up, down: empty, what the handshake needs; they are so afterwards. */
static void connect_session(struct session *session, SSL_CTX *server, SSL_CTX *client,
                            struct libssl_wire *up, struct libssl_wire *down)
{
    session->server = libssl_end_create(server, up, down);
    session->client = libssl_end_create(client, down, up);
    SSL_set_accept_state(session->server);
    SSL_set_connect_state(session->client);
    int done = 0;
    for (unsigned i = 0; i < FLIGHTS_MAX && done != 2; i++)
        done = (SSL_do_handshake(session->client) == 1) + (SSL_do_handshake(session->server) == 1);
    if (done != 2)
        fail("a handshake failed");
    up->begin = up->end = down->begin = down->end = 0;
}

static void connect_all(struct peers *peers, unsigned count)
{
    SSL_CTX *server = libssl_context_create(DTLS_server_method());
    SSL_CTX *client = libssl_context_create(DTLS_client_method());
    struct libssl_wire up = libssl_wire_create(DATAGRAMS_MAX);
    struct libssl_wire down = libssl_wire_create(DATAGRAMS_MAX);
    libssl_give_certificate(server);
    for (unsigned i = 0; i < count; i++) {
        connect_session(&peers->sessions[i], server, client, &up, &down);
        libssl_end_attach(peers->sessions[i].server, &peers->records, &peers->records);
        libssl_end_attach(peers->sessions[i].client, &peers->records, &peers->records);
    }
    libssl_wire_destroy(&up);
    libssl_wire_destroy(&down);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
}

/** Whose the records of a pass are: of `count` sessions, in no order, always the same. */
static void draw_order(struct peers *peers, unsigned count)
{
    srand(7);
    for (unsigned i = 0; i < RECORDS; i++)
        peers->order[i] = (unsigned)rand() % count;
}

static void write_record(struct peers *peers, SSL *ssl)
{
    if (SSL_write(ssl, peers->payload, (int)peers->len) != (int)peers->len)
        fail("a record could not be written");
}

/** Texts are read in turns into as many places as a span has, so that they stay in the cache. */
static uint8_t *text_of(const struct peers *peers, unsigned record)
{
    return peers->texts + (size_t)(record % BENCH_SPAN_ITEMS) * RECORD_MAX;
}

static void read_record(struct peers *peers, SSL *ssl, unsigned record)
{
    if (SSL_read(ssl, text_of(peers, record), RECORD_MAX) != (int)peers->len)
        fail("a record could not be read");
}

/** Whoever is to check what was read, or to write what is to be read, does it from the start. */
static void rewind_records(struct peers *peers)
{
    peers->records.begin = peers->records.end = 0;
}

static void check_texts(struct peers *peers, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        if (memcmp(text_of(peers, i), peers->payload, peers->len) != 0)
            fail("a record is not what was sent");
        memset(text_of(peers, i), 0, peers->len);
    }
}

static bool measure_in(void *arg)
{
    struct peers *peers = arg;
    peers->in = (struct bench_sum){0};
    rewind_records(peers);
    for (unsigned i = 0; i < RECORDS; i++)
        write_record(peers, peers->sessions[peers->order[i]].client);
    for (unsigned done = 0; done < RECORDS;) {
        unsigned from = done, goal = bench_span_goal(done);
        struct bench_span span = bench_span_begin();
        for (; done < goal; done++)
            read_record(peers, peers->sessions[peers->order[done]].server, done);
        bench_span_add(&span, done - from, &peers->in);
        check_texts(peers, from, done);
    }
    return peers->in.items > 0;
}

static bool measure_out(void *arg)
{
    struct peers *peers = arg;
    peers->out = (struct bench_sum){0};
    rewind_records(peers);
    for (unsigned done = 0; done < RECORDS;) {
        unsigned from = done, goal = bench_span_goal(done);
        struct bench_span span = bench_span_begin();
        for (; done < goal; done++)
            write_record(peers, peers->sessions[peers->order[done]].server);
        bench_span_add(&span, done - from, &peers->out);
    }
    for (unsigned i = 0; i < RECORDS; i++) {
        read_record(peers, peers->sessions[peers->order[i]].client, i);
        check_texts(peers, i, i + 1);
    }
    return peers->out.items > 0;
}

static void run_round(struct peers *peers, uint32_t len, const char *suffix, bool is_warm)
{
    peers->len = len;
    bench_measure(measure_in, peers);
    bench_measure(measure_out, peers);
    if (!is_warm)
        return;
    bench_result(bench_sum_ns(&peers->in), "peer.libssl.in.%u%s.ns", len, suffix);
    bench_result(bench_sum_ns(&peers->out), "peer.libssl.out.%u%s.ns", len, suffix);
}

/* How many sessions take turns; --quick measures the first alone. */
static const struct {
    unsigned sessions;
    const char *suffix;
} cases[] = {{64, ""}, {1, ".s1"}, {SESSIONS_MAX, ".s1000"}};

int main(int argc, char **argv)
{
    struct bench_options options = bench_begin(argc, argv);
    unsigned case_count = options.is_quick ? 1 : sizeof cases / sizeof cases[0];
    struct peers *peers = bench_alloc(sizeof *peers);
    peers->records = libssl_wire_create(RECORDS);
    peers->texts = bench_alloc((size_t)BENCH_SPAN_ITEMS * RECORD_MAX);
    for (unsigned i = 0; i < RECORD_MAX; i++)
        peers->payload[i] = (uint8_t)(i * 7 + 1);
    connect_all(peers, options.is_quick ? cases[0].sessions : SESSIONS_MAX);
    for (unsigned round = 0; round < options.rounds + 1; round++) { /* the first warms up */
        for (unsigned i = 0; i < case_count; i++) {
            draw_order(peers, cases[i].sessions);
            run_round(peers, 64, cases[i].suffix, round > 0);
            run_round(peers, 1400, cases[i].suffix, round > 0);
        }
    }
    return 0;
}
