/**
 * The load generator's engine by itself: how fast it sends, how exactly in time, how many
 * handshakes it makes on a core, and what memory its clients take. Its port is an array; at the
 * other end of it, while handshakes are made, is libssl, whose time is not counted.
 *
 * load.tx.64.mpps               records of 64 bytes of plaintext, sealed, headers before them
 * load.pacing_error_us          99 of 100 packets, at 100,000 a second, leave no later than that
 * machine.sched_gap_us          the same of a loop that does nothing but read the clock
 * load.pacing_above_gap_us      the difference, round by round
 * load.handshakes_per_second    full ones, P-256, of the client's time
 * load.memory_100k_clients_mib  all of the process's, with so many sessions established
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "libssl_peer.h"
#include "sl_load.h"

#define FRAMES 4096
#define FRAME_ROOM 2048
#define LINK_MTU 1500
#define SERVER_PORT 4433
/** So many clients' keys are sealed under in turn. */
#define TX_CLIENTS 1000
#define TX_RECORDS 4000000
#define HANDSHAKES 1000
#define PACED_RATE 100000
#define PACED 20000
#define MEMORY_CLIENTS 100000
#define FLIGHT_MAX 64
#define REASON_ROOM SL_CREDENTIALS_REASON_LEN
static const char psk[] = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10";
static const char psk_line[] = "bench:0102030405060708090a0b0c0d0e0f10\n";

/** What an engine speaks to. */
struct port {
    struct sl_frame *frames; /* [FRAMES] */
    uint8_t *room;           /* [FRAMES][FRAME_ROOM] */
    struct sl_frame *free[FRAMES];
    unsigned free_count;
    struct sl_frame *inbox[FRAMES];
    unsigned inbox_count;
    SSL_CTX *context;
    SSL **servers; /* [sources]; NULL: a sink */
    struct libssl_wire in, out;
    uint64_t server_ns;
    uint64_t sent;
    uint64_t first_ns; /* of paced packets, the time the first was meant for; 0: they are not */
    struct sl_histogram *errors;
};

/** Clients have the ports of one address, and then those of the next. */
#define PORTS 50000
#define FIRST_PORT 10000
static const uint8_t client_ip[4] = {198, 18, 0, 2}, server_ip[4] = {198, 18, 0, 1};

static void fail(const char *what)
{
    fprintf(stderr, "load_bench: %s\n", what);
    exit(1);
}

/* The port. */

static unsigned take(void *arg, struct sl_frame **frames, unsigned n)
{
    struct port *port = arg;
    unsigned taken = 0;
    while (taken < n && port->free_count > 0)
        frames[taken++] = port->free[--port->free_count];
    return taken;
}

static void give_back(void *arg, struct sl_frame **frames, unsigned n)
{
    struct port *port = arg;
    for (unsigned i = 0; i < n; i++) {
        struct sl_frame *frame = frames[i];
        const size_t at = (size_t)(frame - port->frames);
        frame->data = port->room + at * FRAME_ROOM;
        frame->tailroom = FRAME_ROOM;
        frame->headroom = 0;
        frame->flags = 0;
        frame->segs = 1;
        port->free[port->free_count++] = frame;
    }
}

static unsigned receive(void *arg, struct sl_frame **frames, unsigned n)
{
    struct port *port = arg;
    unsigned taken = port->inbox_count < n ? port->inbox_count : n;
    memcpy(frames, port->inbox, taken * sizeof frames[0]);
    port->inbox_count -= taken;
    memmove(port->inbox, port->inbox + taken, port->inbox_count * sizeof frames[0]);
    return taken;
}

/** The number of the client that the server calls remote. */
static size_t source_of(const struct sl_tuple *tuple)
{
    return (size_t)(tuple->remote_ip.bytes[15] - client_ip[3]) * PORTS + tuple->remote_port -
           FIRST_PORT;
}

static const uint8_t client_mac[SL_ETHER_ADDR_LEN] = {2, 0, 0, 0, 0, 1};
static const uint8_t server_mac[SL_ETHER_ADDR_LEN] = {2, 0, 0, 0, 0, 2};

/** What the server has written goes to the client that it has been written for. */
static void answer(struct port *port, const struct sl_path *path)
{
    for (; port->out.begin < port->out.end; port->out.begin++) {
        struct sl_frame *frame;
        if (take(port, &frame, 1) == 0)
            fail("no frame is left");
        frame->payload_len = port->out.lens[port->out.begin];
        memcpy(frame->data + sl_wire_headers_len(path), libssl_wire_at(&port->out, port->out.begin),
               frame->payload_len);
        sl_wire_write_headers(frame, path, server_mac);
        port->inbox[port->inbox_count++] = frame;
    }
    port->out.begin = port->out.end = 0;
}

static void serve(struct port *port, struct sl_frame *frame)
{
    if (sl_wire_parse_frame(frame, SL_RX_CHECKSUM_REQUIRE) != SL_DROP_NONE)
        fail("the client's frame is malformed");
    SSL **ssl = &port->servers[source_of(&frame->path.tuple)];
    if (*ssl == NULL) {
        *ssl = libssl_end_create(port->context, &port->in, &port->out);
        SSL_set_accept_state(*ssl);
    }
    port->in.begin = 0, port->in.end = 1;
    port->in.lens[0] = frame->payload_len;
    memcpy(libssl_wire_at(&port->in, 0), frame->data + frame->payload_off, frame->payload_len);
    const int result = SSL_do_handshake(*ssl);
    if (result <= 0 && SSL_get_error(*ssl, result) != SSL_ERROR_WANT_READ)
        fail("the server refuses the handshake");
    answer(port, &frame->path);
    if (result > 0) {
        SSL_free(*ssl);
        *ssl = NULL;
    }
}

/** How much later than they were meant to these packets leave, which come at a constant rate. */
static void note_errors(struct port *port, unsigned n)
{
    const uint64_t now_ns = bench_now_ns();
    for (unsigned i = 0; i < n; i++) {
        const uint64_t meant_ns = port->first_ns + (port->sent + i) * (1000000000 / PACED_RATE);
        sl_histogram_record(port->errors, now_ns > meant_ns ? now_ns - meant_ns : 0);
    }
}

static unsigned transmit(void *arg, struct sl_frame **frames, unsigned n)
{
    struct port *port = arg;
    if (port->servers != NULL) {
        const uint64_t begin_ns = bench_now_ns();
        for (unsigned i = 0; i < n; i++)
            serve(port, frames[i]);
        port->server_ns += bench_now_ns() - begin_ns;
    }
    if (port->first_ns != 0)
        note_errors(port, n);
    port->sent += n;
    give_back(port, frames, n);
    return n;
}

static struct port *port_create(SSL_CTX *context, uint32_t sources)
{
    struct port *port = bench_alloc(sizeof *port);
    port->frames = bench_alloc(FRAMES * sizeof *port->frames);
    port->room = bench_alloc((size_t)FRAMES * FRAME_ROOM);
    for (unsigned i = 0; i < FRAMES; i++) {
        struct sl_frame *frame = &port->frames[i];
        give_back(port, &frame, 1);
    }
    port->context = context;
    port->servers = bench_alloc(sources * sizeof *port->servers);
    port->in = libssl_wire_create(1);
    port->out = libssl_wire_create(FLIGHT_MAX);
    return port;
}

static void port_destroy(struct port *port)
{
    libssl_wire_destroy(&port->in);
    libssl_wire_destroy(&port->out);
    free(port->servers);
    free(port->room);
    free(port->frames);
    free(port);
}

/* Engines. */

static struct sl_load_scenario scenario_of(uint32_t clients)
{
    struct sl_load_scenario scenario = {
        .server_ip = sl_ip_from_v4(server_ip),
        .server_port = SERVER_PORT,
        .sources = {sl_ip_from_v4(client_ip), 1 + clients / PORTS, FIRST_PORT, PORTS},
        .clients = clients,
        .connects_in_flight = 64,
        .offers_cid = true,
        .cid_len = SL_OWN_CID_LEN,
        .late_after_ns = 1000000000,
    };
    char reason[SL_REASON_LEN];
    if (sl_load_sizes_parse(&scenario.sizes, "64", reason) != 0)
        fail(reason);
    return scenario;
}

static struct sl_load *engine_create(struct port *port, const struct sl_load_scenario *scenario,
                                     const struct sl_client_config *client)
{
    struct sl_load_link link = {.vlan_id = SL_VLAN_NONE, .is_memory = true, .has_next_hop = true};
    memcpy(link.mac, client_mac, sizeof link.mac);
    memcpy(link.next_mac, server_mac, sizeof link.next_mac);
    const struct sl_load_config config = {
        .count = 1,
        .scenario = scenario,
        .io = {port, receive, transmit, take, give_back, NULL, NULL, NULL},
        .link = &link,
        .mtu = LINK_MTU,
        .handshaker = {.roles = {.clients = client, .client_count = 1},
                       .first_timeout_ms = 10000,
                       .handshake_timeout_ms = 60000},
    };
    char reason[SL_REASON_LEN];
    struct sl_load *load = sl_load_create(&config, reason);
    if (load == NULL)
        fail(reason);
    return load;
}

static void connect_all(struct sl_load *load)
{
    while (!sl_load_is_done(load))
        sl_load_poll(load, bench_now_ns());
    struct sl_load_failure failures[SL_LOAD_FAILURES_MAX];
    if (sl_load_failures(load, failures) > 0)
        fail(failures[0].text);
}

static struct sl_client_credentials *anyone(void)
{
    const struct sl_client_files files = {.trust = {.anonymous = true}};
    char reason[REASON_ROOM];
    struct sl_client_credentials *credentials = sl_client_credentials_load(&files, reason);
    if (credentials == NULL)
        fail(reason);
    return credentials;
}

static SSL_CTX *certified(void)
{
    SSL_CTX *context = libssl_context_create(DTLS_server_method());
    libssl_give_certificate(context);
    return context;
}

/* What is measured. */

struct bench {
    struct sl_client_config client;
    SSL_CTX *context;
};

static void measure_handshakes(const struct bench *bench)
{
    const struct sl_load_scenario scenario = scenario_of(HANDSHAKES);
    struct port *port = port_create(bench->context, HANDSHAKES);
    struct sl_load *load = engine_create(port, &scenario, &bench->client);
    const uint64_t begin_ns = bench_now_ns();
    connect_all(load);
    const uint64_t ns = bench_now_ns() - begin_ns - port->server_ns;
    bench_result(HANDSHAKES / ((double)ns / 1e9), "load.handshakes_per_second");
    sl_load_destroy(load);
    port_destroy(port);
}

/** An engine whose sessions are there, and whose packets go nowhere from now on. */
static struct sl_load *established(const struct bench *bench, struct port **port,
                                   const struct sl_load_scenario *scenario)
{
    *port = port_create(bench->context, scenario->clients);
    struct sl_load *load = engine_create(*port, scenario, &bench->client);
    connect_all(load);
    SSL **servers = (*port)->servers;
    (*port)->servers = NULL;
    free(servers);
    return load;
}

static uint64_t sent_by(const struct sl_load *load)
{
    return sl_load_get_stats(load)->counters[SL_LOAD_SENT];
}

static void measure_sending(struct sl_load *load)
{
    sl_load_order_rate(load, 1e9); /* always more than can be sent */
    sl_load_order_phase(load, SL_LOAD_RUN);
    sl_load_poll(load, bench_now_ns());
    const uint64_t from = sent_by(load), begin_ns = bench_now_ns();
    uint64_t now_ns = begin_ns;
    while (sent_by(load) - from < TX_RECORDS) {
        sl_load_poll(load, now_ns);
        now_ns = bench_now_ns();
    }
    bench_result((double)(sent_by(load) - from) * 1e3 / (double)(now_ns - begin_ns),
                 "load.tx.64.mpps");
    sl_load_order_phase(load, SL_LOAD_CONNECT);
    sl_load_poll(load, bench_now_ns());
}

static double p99_us(const struct sl_histogram *errors)
{
    return (double)sl_histogram_quantile_ns(errors, 0.99) / 1e3;
}

/** return the 99th percentile in microseconds. */
static double measure_pacing(struct sl_load *load, struct port *port)
{
    static struct sl_histogram errors;
    memset(&errors, 0, sizeof errors);
    sl_load_order_rate(load, PACED_RATE);
    sl_load_order_phase(load, SL_LOAD_RUN);
    port->errors = &errors;
    port->sent = 0;
    port->first_ns = bench_now_ns();
    sl_load_poll(load, port->first_ns); /* from now on; the first leaves at once */
    while (port->sent < PACED)
        sl_load_poll(load, bench_now_ns());
    port->first_ns = 0;
    sl_load_order_phase(load, SL_LOAD_CONNECT);
    sl_load_poll(load, bench_now_ns());
    return p99_us(&errors);
}

/** The same of who only reads the clock. */
static double measure_clock(void)
{
    static struct sl_histogram errors;
    memset(&errors, 0, sizeof errors);
    const uint64_t begin_ns = bench_now_ns();
    for (uint64_t tick = 0; tick < PACED;) {
        const uint64_t now_ns = bench_now_ns();
        for (; tick < PACED && begin_ns + tick * (1000000000 / PACED_RATE) <= now_ns; tick++)
            sl_histogram_record(&errors, now_ns - begin_ns - tick * (1000000000 / PACED_RATE));
    }
    return p99_us(&errors);
}

static void measure_rates(const struct bench *bench, unsigned rounds)
{
    struct sl_load_scenario scenario = scenario_of(TX_CLIENTS);
    struct port *port;
    struct sl_load *load = established(bench, &port, &scenario);
    for (unsigned round = 0; round < rounds; round++) {
        measure_sending(load);
        const double floor_us = measure_clock(), error_us = measure_pacing(load, port);
        bench_result(floor_us, "machine.sched_gap_us");
        bench_result(error_us, "load.pacing_error_us");
        bench_result(error_us - floor_us, "load.pacing_above_gap_us");
    }
    sl_load_destroy(load);
    port_destroy(port);
}

/* Memory: with a pre-shared key, or the server's half alone would take a minute. */

static unsigned find_psk(SSL *ssl, const char *identity, unsigned char *out, unsigned room)
{
    (void)ssl, (void)identity;
    if (room < sizeof psk - 1)
        return 0;
    memcpy(out, psk, sizeof psk - 1);
    return sizeof psk - 1;
}

static struct sl_client_credentials *with_psk(void)
{
    char path[] = "/tmp/load-bench-XXXXXX", reason[REASON_ROOM];
    const int fd = mkstemp(path);
    if (fd < 0 || write(fd, psk_line, sizeof psk_line - 1) != sizeof psk_line - 1)
        fail(strerror(errno));
    close(fd);
    const struct sl_client_files files = {.psk_file = path};
    struct sl_client_credentials *credentials = sl_client_credentials_load(&files, reason);
    unlink(path);
    if (credentials == NULL)
        fail(reason);
    return credentials;
}

static double resident_mib(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL || fscanf(file, "%*u %lu", &pages) != 1)
        fail("/proc/self/statm cannot be read");
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static void measure_memory(void)
{
    const struct sl_load_scenario scenario = scenario_of(MEMORY_CLIENTS);
    struct sl_client_credentials *credentials = with_psk();
    struct bench bench = {{.credentials = credentials, .plain_psk = true},
                          libssl_context_create(DTLS_server_method())};
    struct port *port;
    if (SSL_CTX_set_cipher_list(bench.context, "PSK-AES128-GCM-SHA256") != 1)
        fail("libssl has no such suite");
    SSL_CTX_set_psk_server_callback(bench.context, find_psk);
    struct sl_load *load = established(&bench, &port, &scenario);
    malloc_trim(0); /* of what libssl's servers have left */
    bench_result(resident_mib(), "load.memory_100k_clients_mib");
    sl_load_destroy(load);
    port_destroy(port);
    SSL_CTX_free(bench.context);
    sl_client_credentials_destroy(credentials);
}

int main(int argc, char **argv)
{
    const struct bench_options options = bench_begin(argc, argv);
    struct sl_client_credentials *credentials = anyone();
    struct bench bench = {{.credentials = credentials}, certified()};
    for (unsigned round = 0; round < options.rounds; round++)
        measure_handshakes(&bench);
    measure_rates(&bench, options.rounds);
    if (!options.is_quick)
        measure_memory();
    SSL_CTX_free(bench.context);
    sl_client_credentials_destroy(credentials);
    return 0;
}
