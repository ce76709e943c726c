/**
 * Nanoseconds per record of libssl, as a server that has many DTLS 1.2 clients would use it: an SSL
 * for each, AES-128-GCM, handshakes done in memory. peer.libssl.in.LEN.ns is a datagram given to
 * its session and read, peer.libssl.out.LEN.ns a message written until its datagram stands in
 * memory; 64 sessions that take turns in no order, as in pipeline_bench.c, whose keys are the
 * counterpart. Not measured, and so in libssl's favour: finding the session, headers, any copy to a
 * consumer, any port.
 *
 * One SSL_read or SSL_write a record, on a BIO of our own that hands out and takes in datagrams
 * which lie in arrays. (BIO_s_mem would copy each record twice more, and keeps no borders between
 * datagrams.) It answers reads until it is empty; SSL_read is not asked a second time to learn
 * that, and no error queue is touched. Read-ahead and buffers stay with the session, as is the
 * default.
 *
 * Every record is sealed by its client just before, untimed, and read once; what comes out is
 * compared with what went in, outside the spans.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "bench.h"

#define SESSIONS 64
#define RECORDS 4096 /* of one pass; a multiple of a span */
#define RECORD_MAX 1600
#define FLIGHTS_MAX 16
#define DATAGRAMS_MAX 16 /* of a handshake's flight */

/** Datagrams in order; each lies in RECORD_MAX bytes of its own. */
struct wire {
    uint8_t *bytes;
    uint16_t *lens;
    unsigned capacity, begin, end;
};
struct session {
    SSL *server, *client;
};
struct peers {
    struct session sessions[SESSIONS];
    unsigned order[RECORDS]; /* whose the records of a pass are */
    struct wire records;     /* of a pass, all sessions' */
    uint8_t *texts;          /* [RECORDS][RECORD_MAX], as read */
    uint8_t payload[RECORD_MAX];
    uint32_t len;
    struct bench_sum in, out;
};

static void fail(const char *what)
{
    fprintf(stderr, "libssl_bench: %s\n", what);
    exit(1);
}

static struct wire wire_of(unsigned capacity)
{
    return (struct wire){.bytes = bench_alloc((size_t)capacity * RECORD_MAX),
                         .lens = bench_alloc(capacity * sizeof(uint16_t)),
                         .capacity = capacity};
}

/* The BIO: its data is the wire. */
static int wire_read(BIO *bio, char *out, int room)
{
    struct wire *wire = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (wire->begin == wire->end) {
        BIO_set_retry_read(bio);
        return -1;
    }
    int len = wire->lens[wire->begin];
    len = len < room ? len : room;
    memcpy(out, wire->bytes + (size_t)wire->begin++ * RECORD_MAX, (size_t)len);
    return len;
}

static int wire_write(BIO *bio, const char *data, int len)
{
    struct wire *wire = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (wire->end == wire->capacity || len > RECORD_MAX)
        return -1;
    memcpy(wire->bytes + (size_t)wire->end * RECORD_MAX, data, (size_t)len);
    wire->lens[wire->end++] = (uint16_t)len;
    return len;
}

static long wire_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO *bio_on(struct wire *wire)
{
    static BIO_METHOD *method;
    if (method == NULL) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
        BIO_meth_set_read(method, wire_read);
        BIO_meth_set_write(method, wire_write);
        BIO_meth_set_ctrl(method, wire_ctrl);
    }
    BIO *bio = BIO_new(method);
    BIO_set_data(bio, wire);
    BIO_set_init(bio, 1);
    return bio;
}

static void give_certificate(SSL_CTX *context)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 24 * 3600);
    X509_set_pubkey(certificate, key);
    if (X509_sign(certificate, key, EVP_sha256()) == 0 ||
        SSL_CTX_use_certificate(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey(context, key) != 1)
        fail("no certificate");
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static SSL_CTX *context_of(const SSL_METHOD *method)
{
    SSL_CTX *context = SSL_CTX_new(method);
    if (SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-GCM-SHA256") != 1)
        fail("no context");
    SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET);
    return context;
}

static SSL *end_of(SSL_CTX *context, struct wire *in, struct wire *out)
{
    SSL *ssl = SSL_new(context);
    SSL_set_bio(ssl, bio_on(in), bio_on(out));
    DTLS_set_link_mtu(ssl, 1500);
    return ssl;
}

/** From now on it reads from this and writes to that. */
static void attach(SSL *ssl, struct wire *in, struct wire *out)
{
    BIO_set_data(SSL_get_rbio(ssl), in);
    BIO_set_data(SSL_get_wbio(ssl), out);
}

static void connect_session(struct session *session, SSL_CTX *server, SSL_CTX *client)
{
    struct wire up = wire_of(DATAGRAMS_MAX), down = wire_of(DATAGRAMS_MAX);
    session->server = end_of(server, &up, &down);
    session->client = end_of(client, &down, &up);
    SSL_set_accept_state(session->server);
    SSL_set_connect_state(session->client);
    int done = 0;
    for (unsigned i = 0; i < FLIGHTS_MAX && done != 2; i++)
        done = (SSL_do_handshake(session->client) == 1) + (SSL_do_handshake(session->server) == 1);
    if (done != 2)
        fail("a handshake failed");
    free(up.bytes), free(up.lens), free(down.bytes), free(down.lens);
}

static void connect_all(struct peers *peers)
{
    SSL_CTX *server = context_of(DTLS_server_method()), *client = context_of(DTLS_client_method());
    give_certificate(server);
    for (unsigned i = 0; i < SESSIONS; i++) {
        connect_session(&peers->sessions[i], server, client);
        attach(peers->sessions[i].server, &peers->records, &peers->records);
        attach(peers->sessions[i].client, &peers->records, &peers->records);
    }
    SSL_CTX_free(server);
    SSL_CTX_free(client);
}

static void write_record(struct peers *peers, SSL *ssl)
{
    if (SSL_write(ssl, peers->payload, (int)peers->len) != (int)peers->len)
        fail("a record could not be written");
}

static void read_record(struct peers *peers, SSL *ssl, unsigned record)
{
    uint8_t *text = peers->texts + (size_t)record * RECORD_MAX;
    if (SSL_read(ssl, text, RECORD_MAX) != (int)peers->len)
        fail("a record could not be read");
}

/** Whoever is to check what was read, or to write what is to be read, does it from the start. */
static void rewind_records(struct peers *peers)
{
    peers->records.begin = peers->records.end = 0;
}

static void check_texts(struct peers *peers)
{
    for (unsigned i = 0; i < RECORDS; i++)
        if (memcmp(peers->texts + (size_t)i * RECORD_MAX, peers->payload, peers->len) != 0)
            fail("a record is not what was sent");
    memset(peers->texts, 0, (size_t)RECORDS * RECORD_MAX);
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
    }
    check_texts(peers);
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
    for (unsigned i = 0; i < RECORDS; i++)
        read_record(peers, peers->sessions[peers->order[i]].client, i);
    check_texts(peers);
    return peers->out.items > 0;
}

static void run_round(struct peers *peers, uint32_t len, bool is_warm)
{
    peers->len = len;
    bench_measure(measure_in, peers);
    bench_measure(measure_out, peers);
    if (!is_warm)
        return;
    bench_result(bench_sum_ns(&peers->in), "peer.libssl.in.%u.ns", len);
    bench_result(bench_sum_ns(&peers->out), "peer.libssl.out.%u.ns", len);
}

int main(int argc, char **argv)
{
    struct bench_options options = bench_begin(argc, argv);
    struct peers *peers = bench_alloc(sizeof *peers);
    peers->records = wire_of(RECORDS);
    peers->texts = bench_alloc((size_t)RECORDS * RECORD_MAX);
    for (unsigned i = 0; i < RECORD_MAX; i++)
        peers->payload[i] = (uint8_t)(i * 7 + 1);
    srand(7);
    for (unsigned i = 0; i < RECORDS; i++)
        peers->order[i] = (unsigned)rand() % SESSIONS;
    connect_all(peers);
    for (unsigned round = 0; round < options.rounds + 1; round++) { /* the first warms up */
        run_round(peers, 64, round > 0);
        run_round(peers, 1400, round > 0);
    }
    return 0;
}
