/**
 * What a server's handshakes cost its handshake thread, of P-256 keys: microseconds each, with
 * everything that thread does for a session, its end included.
 *
 * handshake.full.us            the server signs
 * handshake.resumed.us         the client brings a ticket, RFC 5077
 * handshake.mutual.full.us     the client shows a certificate of an authority, too
 * handshake.mutual.resumed.us  it has, and brings a ticket
 *
 * The client is sluice-load's engine, the server a worker and a handshaker of the gateway's; the
 * wire between them is an array, and all of them take turns on one core. Timed are the turns of the
 * handshaker in which it has something to do, and nothing else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "handshake_files.h"
#include "sl_load.h"
#include "sl_worker.h"

#define FRAMES 1024
#define FRAME_ROOM 2048
#define LINK_MTU 1500
#define SERVER_PORT 4433
#define CLIENTS 16
#define HANDSHAKES 200
#define HANDSHAKES_QUICK 100
#define TURNS_MAX 10000000
#define TICKET_LIFETIME_S 7200

static const uint8_t client_ip[4] = {198, 18, 0, 2}, server_ip[4] = {198, 18, 0, 1};
static const uint8_t client_mac[SL_ETHER_ADDR_LEN] = {2, 0, 0, 0, 0, 1};
static const uint8_t server_mac[SL_ETHER_ADDR_LEN] = {2, 0, 0, 0, 0, 2};

/** Frames on their way to one end. */
struct queue {
    struct sl_frame *frames[FRAMES];
    unsigned count;
};

/** Both ends have their frames from here. */
struct wire {
    struct sl_frame *frames; /* [FRAMES] */
    uint8_t *room;           /* [FRAMES][FRAME_ROOM] */
    struct queue empty, to_server, to_client;
};

struct server {
    struct sl_credentials *credentials;
    struct sl_trust *trust; /* NULL: anybody */
    struct sl_ring *to_handshaker, *from_handshaker, *to_control, *from_control;
    struct sl_ring_consumer *from_worker;
    struct sl_ring_producer *to_worker;
    struct sl_handshaker *handshaker;
    void *worker_memory;
    struct sl_worker *worker;
    uint64_t ns; /* of the handshaker's */
};

/** A server, and clients that come, go and come again. */
struct bench {
    const char *key;
    bool resumes;
    struct wire wire;
    struct server server;
    struct sl_load_scenario scenario;
    struct sl_client_credentials *credentials;
    struct sl_client_config client;
    struct sl_load *load;
};

static void fail(const char *what)
{
    fprintf(stderr, "handshake_bench: %s\n", what);
    exit(1);
}

/* The wire. */

static void push(struct queue *queue, struct sl_frame **frames, unsigned n)
{
    if (queue->count + n > FRAMES)
        fail("more frames than there are");
    memcpy(queue->frames + queue->count, frames, n * sizeof *frames);
    queue->count += n;
}

/** The oldest first. */
static unsigned pull(struct queue *queue, struct sl_frame **frames, unsigned n)
{
    if (n > queue->count)
        n = queue->count;
    memcpy(frames, queue->frames, n * sizeof *frames);
    queue->count -= n;
    memmove(queue->frames, queue->frames + n, queue->count * sizeof *frames);
    return n;
}

static void give_back(void *arg, struct sl_frame **frames, unsigned n)
{
    struct wire *wire = arg;
    push(&wire->empty, frames, n);
}

static unsigned take(void *arg, struct sl_frame **frames, unsigned n)
{
    struct wire *wire = arg;
    n = pull(&wire->empty, frames, n);
    for (unsigned i = 0; i < n; i++)
        *frames[i] = (struct sl_frame){
            .data = wire->room + (size_t)(frames[i] - wire->frames) * FRAME_ROOM,
            .tailroom = FRAME_ROOM,
            .segs = 1,
        };
    return n;
}

static unsigned client_receive(void *arg, struct sl_frame **frames, unsigned n)
{
    struct wire *wire = arg;
    return pull(&wire->to_client, frames, n);
}

static unsigned client_transmit(void *arg, struct sl_frame **frames, unsigned n)
{
    struct wire *wire = arg;
    push(&wire->to_server, frames, n);
    return n;
}

static unsigned server_take(void *arg, unsigned group, struct sl_frame **frames, unsigned n)
{
    (void)group;
    return take(arg, frames, n);
}

static unsigned server_transmit(void *arg, unsigned group, struct sl_frame **frames, unsigned n)
{
    struct wire *wire = arg;
    (void)group;
    push(&wire->to_client, frames, n);
    return n;
}

static unsigned hand_over(void *arg, unsigned worker, struct sl_frame **frames, unsigned n)
{
    (void)arg, (void)worker, (void)frames, (void)n;
    fail("a frame for another worker");
    return 0;
}

static void wire_create(struct wire *wire)
{
    wire->frames = bench_alloc(FRAMES * sizeof *wire->frames);
    wire->room = bench_alloc((size_t)FRAMES * FRAME_ROOM);
    for (unsigned i = 0; i < FRAMES; i++)
        wire->empty.frames[wire->empty.count++] = &wire->frames[i];
}

/* The server. */

static void load_server_files(struct server *server, const struct handshake_files *files,
                              bool is_mutual)
{
    const struct sl_certificate_files own = {.certificate_file =
                                                 files->certificates[HANDSHAKE_SERVER],
                                             .key_file = files->keys[HANDSHAKE_SERVER]};
    const struct sl_trust_rules rules = {.ca_file = files->authority};
    struct sl_certificate_fault certificate_fault;
    struct sl_trust_fault trust_fault;
    char reason[SL_CREDENTIALS_REASON_LEN];
    server->credentials = sl_credentials_load(&own, 1, &certificate_fault, reason);
    if (server->credentials != NULL && is_mutual)
        server->trust = sl_trust_load(&rules, &trust_fault, reason);
    if (server->credentials == NULL || (is_mutual && server->trust == NULL))
        fail(reason);
}

static void create_handshaker(struct server *server)
{
    const struct sl_handshake_service service = {.name = "bench", .trust = server->trust};
    server->from_worker = sl_ring_consumer_of(server->to_handshaker);
    server->to_worker = sl_ring_producer_of(server->from_handshaker);
    const struct sl_handshaker_config config = {
        .roles = {.credentials = server->credentials, .services = &service, .service_count = 1},
        .worker_count = 1,
        .from_worker = &server->from_worker,
        .to_worker = &server->to_worker,
        .handshakes_max = 4 * CLIENTS,
        .last_flights_max = 4096,
        .first_timeout_ms = 10000,
        .handshake_timeout_ms = 60000,
        .connection_ids = true,
        .ticket_lifetime_s = TICKET_LIFETIME_S,
        .ticket_root = {1},
        .ticket_root_ns = bench_now_ns(),
    };
    char reason[SL_REASON_LEN];
    server->handshaker = sl_handshaker_create(&config, reason);
    if (server->handshaker == NULL)
        fail(reason);
}

static void create_worker(struct server *server, struct wire *wire)
{
    static const uint8_t shard_owner[SL_SHARDS];
    const uint64_t hour_ns = 3600ULL * 1000000000ULL;
    struct sl_worker_config config = {
        .worker_count = 1,
        .shard_owner = shard_owner,
        .io = {wire, give_back, server_take, server_transmit, hand_over},
        .crypto = SL_CRYPTO_AUTO,
        .sessions_max = 1024,
        .half_open_max = 4 * CLIENTS,
        .idle_timeout_ns = hour_ns,
        .handshake_timeout_ns = hour_ns,
        .group_count = 1,
        .groups = {{.vlan_id = SL_VLAN_NONE,
                    .mtu = LINK_MTU,
                    .rx_checksum = SL_RX_CHECKSUM_AUTO,
                    .address_count = 1,
                    .addresses = {sl_ip_from_v4(server_ip)}}},
        .listener_count = 1,
        .listeners = {{SERVER_PORT, 0}},
        .service_count = 1,
        .handshaker_count = 1,
        .to_handshaker = {sl_ring_producer_of(server->to_handshaker)},
        .from_handshaker = {sl_ring_consumer_of(server->from_handshaker)},
        .to_control = sl_ring_producer_of(server->to_control),
        .from_control = sl_ring_consumer_of(server->from_control),
        .cookie_root = {2},
        .random_seed = {3},
    };
    memcpy(config.groups[0].mac, server_mac, sizeof server_mac);
    struct sl_arena arena;
    const size_t len = sl_worker_memory_len(&config);
    server->worker_memory = bench_alloc(len);
    sl_arena_init(&arena, server->worker_memory, len);
    server->worker = sl_worker_create(&config, &arena);
    if (server->worker == NULL)
        fail("no worker");
}

static void server_create(struct server *server, struct wire *wire,
                          const struct handshake_files *files, bool is_mutual)
{
    server->to_handshaker = sl_ring_create(1 << 20);
    server->from_handshaker = sl_ring_create(1 << 20);
    server->to_control = sl_ring_create(1 << 16);
    server->from_control = sl_ring_create(1 << 16);
    load_server_files(server, files, is_mutual);
    create_handshaker(server);
    create_worker(server, wire);
}

static void server_destroy(struct server *server)
{
    sl_worker_destroy(server->worker);
    sl_handshaker_destroy(server->handshaker);
    free(server->worker_memory);
    sl_trust_destroy(server->trust);
    sl_credentials_destroy(server->credentials);
    sl_ring_destroy(server->to_handshaker);
    sl_ring_destroy(server->from_handshaker);
    sl_ring_destroy(server->to_control);
    sl_ring_destroy(server->from_control);
}

static void serve(struct server *server, struct wire *wire)
{
    struct sl_frame *frames[SL_BURST];
    const uint64_t now_ns = bench_now_ns();
    const unsigned n = pull(&wire->to_server, frames, SL_BURST);
    if (n > 0)
        sl_worker_receive(server->worker, frames, n, now_ns);
    sl_worker_turn(server->worker, now_ns);
    const uint64_t begin_ns = bench_now_ns();
    if (sl_handshaker_poll(server->handshaker, begin_ns, 64))
        server->ns += bench_now_ns() - begin_ns;
    sl_worker_turn(server->worker, bench_now_ns());
}

/* The clients. */

static void load_client_files(struct bench *bench, const struct handshake_files *files)
{
    const struct sl_certificate_files own = {.certificate_file =
                                                 files->certificates[HANDSHAKE_CLIENT],
                                             .key_file = files->keys[HANDSHAKE_CLIENT]};
    const struct sl_client_files wanted = {
        .certificates = &own, .certificate_count = 1, .trust = {.anonymous = true}};
    char reason[SL_CREDENTIALS_REASON_LEN];
    bench->credentials = sl_client_credentials_load(&wanted, reason);
    if (bench->credentials == NULL)
        fail(reason);
}

static void create_clients(struct bench *bench)
{
    char reason[SL_REASON_LEN];
    bench->client = (struct sl_client_config){.credentials = bench->credentials,
                                              .tickets = bench->resumes,
                                              .sessions_max = bench->resumes ? 2 * CLIENTS : 0};
    bench->scenario = (struct sl_load_scenario){
        .server_ip = sl_ip_from_v4(server_ip),
        .server_port = SERVER_PORT,
        .sources = {sl_ip_from_v4(client_ip), 1, 10000, 50000},
        .clients = CLIENTS,
        .connects_in_flight = CLIENTS,
        .is_storm = true,
        .resumes = bench->resumes,
        .offers_cid = true,
        .cid_len = SL_OWN_CID_LEN,
        .late_after_ns = 1000000000,
    };
    if (sl_load_sizes_parse(&bench->scenario.sizes, "64", reason) != 0)
        fail(reason);
    struct sl_load_link link = {.vlan_id = SL_VLAN_NONE, .is_memory = true, .has_next_hop = true};
    memcpy(link.mac, client_mac, sizeof link.mac);
    memcpy(link.next_mac, server_mac, sizeof link.next_mac);
    const struct sl_load_config config = {
        .count = 1,
        .scenario = &bench->scenario,
        .io = {&bench->wire, client_receive, client_transmit, take, give_back, NULL, NULL, NULL},
        .link = &link,
        .mtu = LINK_MTU,
        .handshaker = {.roles = {.clients = &bench->client, .client_count = 1},
                       .first_timeout_ms = 10000,
                       .handshake_timeout_ms = 60000},
    };
    bench->load = sl_load_create(&config, reason);
    if (bench->load == NULL)
        fail(reason);
    sl_load_order_phase(bench->load, SL_LOAD_RUN);
}

static struct bench *bench_create(const char *key, const struct handshake_files *files,
                                  bool is_mutual, bool resumes)
{
    struct bench *bench = bench_alloc(sizeof *bench);
    bench->key = key;
    bench->resumes = resumes;
    wire_create(&bench->wire);
    server_create(&bench->server, &bench->wire, files, is_mutual);
    load_client_files(bench, files);
    create_clients(bench);
    return bench;
}

static void bench_destroy(struct bench *bench)
{
    sl_load_destroy(bench->load);
    sl_client_credentials_destroy(bench->credentials);
    server_destroy(&bench->server);
    free(bench->wire.room);
    free(bench->wire.frames);
    free(bench);
}

static uint64_t count(const struct bench *bench, enum sl_handshake_counter counter)
{
    return sl_handshaker_counter(bench->server.handshaker, counter);
}

/** Runs until so many handshakes more are completed; return how many are. */
static uint64_t run(struct bench *bench, uint64_t handshakes)
{
    const uint64_t from = count(bench, SL_HANDSHAKE_COMPLETED);
    for (unsigned turn = 0; count(bench, SL_HANDSHAKE_COMPLETED) - from < handshakes; turn++) {
        if (turn == TURNS_MAX || count(bench, SL_HANDSHAKE_FAILED) > 0)
            fail("handshakes do not come about");
        sl_load_poll(bench->load, bench_now_ns());
        serve(&bench->server, &bench->wire);
    }
    return count(bench, SL_HANDSHAKE_COMPLETED) - from;
}

static void measure(struct bench *bench, unsigned handshakes)
{
    const uint64_t resumed_before = count(bench, SL_HANDSHAKE_RESUMED);
    bench->server.ns = 0;
    const uint64_t completed = run(bench, handshakes);
    const uint64_t resumed = count(bench, SL_HANDSHAKE_RESUMED) - resumed_before;
    if (resumed != (bench->resumes ? completed : 0))
        fail("not every handshake was of the kind that is measured");
    bench_result((double)bench->server.ns / 1e3 / (double)completed, "%s", bench->key);
}

int main(int argc, char **argv)
{
    const struct bench_options options = bench_begin(argc, argv);
    struct handshake_files files;
    handshake_files_make(&files);
    struct bench *benches[] = {
        bench_create("handshake.full.us", &files, false, false),
        bench_create("handshake.resumed.us", &files, false, true),
        bench_create("handshake.mutual.full.us", &files, true, false),
        bench_create("handshake.mutual.resumed.us", &files, true, true),
    };
    const unsigned count = sizeof benches / sizeof benches[0];
    handshake_files_remove(&files);
    for (unsigned i = 0; i < count; i++)
        run(benches[i], 4 * CLIENTS); /* each has its ticket, and caches are warm */
    for (unsigned round = 0; round < options.rounds; round++)
        for (unsigned i = 0; i < count; i++)
            measure(benches[i], options.is_quick ? HANDSHAKES_QUICK : HANDSHAKES);
    for (unsigned i = 0; i < count; i++)
        bench_destroy(benches[i]);
    return 0;
}
