#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

#define FRAME_ROOM 2176 /* as an mbuf of the gateway's pool */
#define FRAME_HEADROOM 128
#define TX_FRAMES 512
#define CID_LEN 8
#define PEER_CID_LEN 5
/* The receive ring is drained in the loop; the send ring holds a whole pass. */
#define RECEIVE_RING_SIZE (1UL << 20)
#define SEND_RING_SIZE (8UL << 20)

static const uint8_t own_mac[SL_ETHER_ADDR_LEN] = {2, 0, 0, 0, 0, 0xfe};
static const uint8_t peer_mac[SL_ETHER_ADDR_LEN] = {2, 0, 0, 0, 0, 1};
static const uint16_t own_port = 4433;

/** A client: where it is, and its half of the session. */
struct client {
    struct sl_path path; /* from the gateway's side: remote is the client */
    uint64_t handle;
    struct sl_epoch epoch;
};

struct rig {
    struct sl_worker *worker;
    struct sl_aead *aead;
    uint8_t shard_owner[SL_SHARDS];
    struct sl_ring *to_handshaker, *from_handshaker, *to_control, *from_control;
    void *worker_memory;
    uint32_t client_count;
    struct client *clients;
    uint32_t next_client;
    uint8_t *payload;

    struct sl_frame *frames; /* [RIG_FEED_MAX], then [TX_FRAMES] */
    uint8_t *buffers;
    uint32_t fed, received;
    struct sl_frame *spare[TX_FRAMES]; /* frames to send, not in use */
    uint32_t spare_count;
    uint64_t transmitted;
    uint8_t last_sent[FRAME_ROOM];
    uint16_t last_sent_len;
    bool keeps_last;

    struct sl_attachment attachment;
    struct sl_ring_consumer consumer_receive;
    struct sl_ring_producer consumer_send;
    struct sl_ring_producer_words *producer_words; /* [2] */
    struct sl_ring_consumer_words *consumer_words; /* [2] */
    uint8_t *receive_data, *send_data;
    uint64_t delivered;
};

static void fail(const char *what)
{
    fprintf(stderr, "worker bench: %s\n", what);
    exit(1);
}

static uint8_t *buffer_of(struct rig *rig, const struct sl_frame *frame)
{
    return rig->buffers + (size_t)(frame - rig->frames) * FRAME_ROOM;
}

static void reset_frame(struct rig *rig, struct sl_frame *frame)
{
    *frame = (struct sl_frame){
        .data = buffer_of(rig, frame) + FRAME_HEADROOM,
        .headroom = FRAME_HEADROOM,
        .tailroom = FRAME_ROOM - FRAME_HEADROOM,
        .segs = 1,
    };
}

static void free_frames(void *arg, struct sl_frame **frames, unsigned n)
{
    struct rig *rig = arg;
    for (unsigned i = 0; i < n; i++)
        if (frames[i] - rig->frames >= RIG_FEED_MAX)
            rig->spare[rig->spare_count++] = frames[i];
}

static unsigned take_frames(void *arg, unsigned group, struct sl_frame **frames, unsigned n)
{
    struct rig *rig = arg;
    unsigned taken = 0;
    (void)group;
    for (; taken < n && rig->spare_count > 0; taken++) {
        frames[taken] = rig->spare[--rig->spare_count];
        reset_frame(rig, frames[taken]);
    }
    return taken;
}

static unsigned transmit(void *arg, unsigned group, struct sl_frame **frames, unsigned n)
{
    struct rig *rig = arg;
    (void)group;
    if (rig->keeps_last) {
        rig->last_sent_len = frames[n - 1]->len;
        memcpy(rig->last_sent, frames[n - 1]->data, rig->last_sent_len);
    }
    rig->transmitted += n;
    free_frames(rig, frames, n);
    return n;
}

static unsigned hand_over(void *arg, unsigned worker, struct sl_frame **frames, unsigned n)
{
    (void)arg, (void)worker, (void)frames, (void)n;
    fail("a frame for another worker");
    return 0;
}

static struct sl_path path_of(uint32_t client)
{
    const uint8_t local[4] = {198, 18, 0, 1};
    const uint8_t remote[4] = {198, 19, (uint8_t)(client >> 8), (uint8_t)client};
    struct sl_path path = {0};
    path.tuple.local_ip = sl_ip_from_v4(local);
    path.tuple.remote_ip = sl_ip_from_v4(remote);
    path.tuple.local_port = own_port;
    path.tuple.remote_port = (uint16_t)(40000 + (client >> 16));
    memcpy(path.hop.mac, peer_mac, sizeof peer_mac);
    path.hop.vlan_id = SL_VLAN_NONE;
    return path;
}

/** Headers from the client to the gateway before payload_len bytes that stand behind them. */
static void write_client_headers(struct sl_frame *frame, const struct sl_path *path,
                                 uint32_t payload_len)
{
    struct sl_path reverse = *path;
    reverse.tuple.remote_ip = path->tuple.local_ip;
    reverse.tuple.remote_port = path->tuple.local_port;
    reverse.tuple.local_ip = path->tuple.remote_ip;
    reverse.tuple.local_port = path->tuple.remote_port;
    memcpy(reverse.hop.mac, own_mac, sizeof own_mac);
    frame->payload_len = (uint16_t)payload_len;
    sl_wire_write_headers(frame, &reverse, peer_mac);
    frame->tailroom = (uint16_t)(frame->tailroom - frame->len);
}

static void create_worker(struct rig *rig)
{
    rig->to_handshaker = sl_ring_create(1 << 20);
    rig->from_handshaker = sl_ring_create(1 << 20);
    rig->to_control = sl_ring_create(1 << 16);
    rig->from_control = sl_ring_create(1 << 16);
    struct sl_worker_config config = {
        .worker_count = 1,
        .shard_owner = rig->shard_owner,
        .io = {rig, free_frames, take_frames, transmit, hand_over},
        .crypto = SL_CRYPTO_AUTO,
        .sessions_max = rig->client_count,
        .half_open_max = rig->client_count,
        .idle_timeout_ns = 3600ULL * 1000000000ULL,
        .handshake_timeout_ns = 3600ULL * 1000000000ULL,
        .group_count = 1,
        .listener_count = 1,
        .listeners = {{own_port, 0}},
        .service_count = 1,
        .handshaker_count = 1,
        .to_handshaker = {sl_ring_producer_of(rig->to_handshaker)},
        .from_handshaker = {sl_ring_consumer_of(rig->from_handshaker)},
        .to_control = sl_ring_producer_of(rig->to_control),
        .from_control = sl_ring_consumer_of(rig->from_control),
        .cookie_root = {1},
        .random_seed = {2},
    };
    struct sl_group *group = &config.groups[0];
    memcpy(group->mac, own_mac, sizeof own_mac);
    group->vlan_id = SL_VLAN_NONE;
    group->mtu = 1500;
    group->rx_checksum = SL_RX_CHECKSUM_AUTO;
    group->address_count = 1;
    group->addresses[0] = path_of(0).tuple.local_ip;

    size_t len = sl_worker_memory_len(&config);
    struct sl_arena arena;
    rig->worker_memory = bench_alloc(len);
    sl_arena_init(&arena, rig->worker_memory, len);
    rig->worker = sl_worker_create(&config, &arena);
    rig->aead = sl_aead_create(SL_CRYPTO_AUTO);
    if (rig->worker == NULL || rig->aead == NULL)
        fail("no worker");
}

static void attach_consumer(struct rig *rig)
{
    struct sl_attachment *attachment = &rig->attachment;
    rig->producer_words = bench_alloc(2 * sizeof *rig->producer_words);
    rig->consumer_words = bench_alloc(2 * sizeof *rig->consumer_words);
    rig->receive_data = bench_alloc(RECEIVE_RING_SIZE);
    rig->send_data = bench_alloc(SEND_RING_SIZE);
    attachment->wake_fd = -1;
    sl_ring_producer_init(&attachment->receive, &rig->producer_words[0], &rig->consumer_words[0],
                          rig->receive_data, RECEIVE_RING_SIZE);
    sl_ring_consumer_init(&rig->consumer_receive, &rig->consumer_words[0], &rig->producer_words[0],
                          rig->receive_data, RECEIVE_RING_SIZE);
    sl_ring_producer_init(&rig->consumer_send, &rig->producer_words[1], &rig->consumer_words[1],
                          rig->send_data, SEND_RING_SIZE);
    sl_ring_consumer_init(&attachment->send, &rig->consumer_words[1], &rig->producer_words[1],
                          rig->send_data, SEND_RING_SIZE);
    struct sl_message_attach body = {attachment};
    struct sl_ring_producer *to = sl_ring_producer_of(rig->from_control);
    if (!sl_message_send(to, SL_MESSAGE_ATTACH, 0, &body, sizeof body, NULL, 0))
        fail("no room for attach");
    sl_message_flush(to);
    sl_worker_turn(rig->worker, bench_now_ns());
}

/** One frame of a client's, received and answered. */
static void offer(struct rig *rig, const struct client *client, const uint8_t *payload, size_t len)
{
    struct sl_frame *frame = &rig->frames[0];
    reset_frame(rig, frame);
    memcpy(frame->data + sl_wire_headers_len(&client->path), payload, len);
    write_client_headers(frame, &client->path, (uint32_t)len);
    uint64_t now_ns = bench_now_ns();
    sl_worker_receive(rig->worker, &frame, 1, now_ns);
    sl_worker_turn(rig->worker, now_ns);
}

/** A ClientHello with the cookie that the HelloVerifyRequest sent last holds, or without. */
static size_t write_client_hello(struct rig *rig, uint32_t client, bool has_cookie, uint8_t *out,
                                 size_t room)
{
    const size_t cookie_off = SL_RECORD_HEADER_LEN + SL_HANDSHAKE_HEADER_LEN + 2;
    uint16_t udp_off = sl_wire_headers_len(&rig->clients[client].path);
    const uint8_t *cookie = rig->last_sent + udp_off + cookie_off + 1;
    uint8_t cookie_len = 0;
    if (has_cookie)
        cookie_len = cookie[-1];
    uint32_t body_len = (uint32_t)(2 + SL_RANDOM_LEN + 2 + cookie_len + 4 + 2);
    struct sl_writer w = sl_writer_of(out, room);
    sl_wire_write_record_header(sl_write_room(&w, SL_RECORD_HEADER_LEN), SL_CONTENT_HANDSHAKE, 0,
                                has_cookie, (uint16_t)(SL_HANDSHAKE_HEADER_LEN + body_len));
    sl_write_u8(&w, SL_HANDSHAKE_CLIENT_HELLO);
    sl_write_be24(&w, body_len);
    sl_write_be16(&w, has_cookie);
    sl_write_be24(&w, 0);
    sl_write_be24(&w, body_len);
    sl_write_be16(&w, SL_DTLS_VERSION_1_2);
    memset(sl_write_room(&w, SL_RANDOM_LEN), (int)(client & 0xff), SL_RANDOM_LEN);
    sl_write_u8(&w, 0);
    sl_write_u8(&w, cookie_len);
    sl_write_bytes(&w, cookie, cookie_len);
    sl_write_be16(&w, 2);
    sl_write_be16(&w, 0xc02b);
    sl_write_be16(&w, 0x0100);
    return room - sl_writer_left(&w);
}

/** Plays the handshaker: the handle and connection ID of the session that has just begun. */
static void take_session(struct rig *rig, struct client *client, uint8_t own_cid[CID_LEN])
{
    struct sl_ring_consumer *from = sl_ring_consumer_of(rig->to_handshaker);
    struct sl_message message;
    while (sl_message_receive(from, &message)) {
        if (message.kind != SL_MESSAGE_RECORD)
            continue;
        const struct sl_message_record *record = message.body;
        client->handle = message.session;
        memcpy(own_cid, record->own_cid, CID_LEN);
    }
    sl_ring_release(from);
    if (client->handle == 0)
        fail("a ClientHello with a cookie began no session");
}

static void tell_worker(struct rig *rig, enum sl_message_kind kind, uint64_t session,
                        const void *body, uint32_t len)
{
    struct sl_ring_producer *to = sl_ring_producer_of(rig->from_handshaker);
    if (!sl_message_send(to, kind, session, body, len, NULL, 0))
        fail("no room for a message");
    sl_message_flush(to);
    sl_worker_turn(rig->worker, bench_now_ns());
}

static void give_keys(struct rig *rig, struct client *client, const uint8_t own_cid[CID_LEN])
{
    struct sl_message_keys keys = {
        .epoch = 1,
        .alg = SL_AEAD_AES_128_GCM,
        .own_cid_negotiated = 1,
        .peer_cid_len = PEER_CID_LEN,
        .peer_cid = {5, 4, 3, 2, 1},
        .open_key = {1},
        .seal_key = {2},
        .open_iv = {3},
        .seal_iv = {4},
    };
    memcpy(keys.open_key + 8, &client->handle, sizeof client->handle);
    memcpy(keys.seal_key + 8, &client->handle, sizeof client->handle);
    struct sl_epoch_config mirrored = {
        .number = 1,
        .alg = SL_AEAD_AES_128_GCM,
        .open_key = keys.seal_key,
        .open_iv = keys.seal_iv,
        .seal_key = keys.open_key,
        .seal_iv = keys.open_iv,
        .own_cid_negotiated = true,
        .own_cid_len = PEER_CID_LEN,
        .own_cid = keys.peer_cid,
        .peer_cid_len = CID_LEN,
        .peer_cid = own_cid,
    };
    struct sl_message_established established = {0};
    sl_epoch_init(&client->epoch, rig->aead, &mirrored);
    tell_worker(rig, SL_MESSAGE_KEYS, client->handle, &keys, sizeof keys);
    tell_worker(rig, SL_MESSAGE_ESTABLISHED, client->handle, &established, sizeof established);
}

static void connect_client(struct rig *rig, uint32_t index)
{
    struct client *client = &rig->clients[index];
    uint8_t hello[256], own_cid[CID_LEN];
    client->path = path_of(index);
    rig->keeps_last = true;
    offer(rig, client, hello, write_client_hello(rig, index, false, hello, sizeof hello));
    offer(rig, client, hello, write_client_hello(rig, index, true, hello, sizeof hello));
    rig->keeps_last = false;
    take_session(rig, client, own_cid);
    give_keys(rig, client, own_cid);
    rig_drain(rig);
}

struct rig *rig_create(uint32_t session_count)
{
    struct rig *rig = bench_alloc(sizeof *rig);
    rig->client_count = session_count;
    rig->clients = bench_alloc(sizeof *rig->clients * session_count);
    rig->payload = bench_alloc(SL_RECORD_PLAINTEXT_MAX);
    rig->frames = bench_alloc(sizeof *rig->frames * (RIG_FEED_MAX + TX_FRAMES));
    rig->buffers = bench_alloc((size_t)FRAME_ROOM * (RIG_FEED_MAX + TX_FRAMES));
    for (unsigned i = 0; i < TX_FRAMES; i++)
        rig->spare[rig->spare_count++] = &rig->frames[RIG_FEED_MAX + i];
    create_worker(rig);
    attach_consumer(rig);
    for (uint32_t i = 0; i < session_count; i++)
        connect_client(rig, i);
    /* The first message of each session brings its open event: not what is measured. */
    for (uint32_t i = 0; i < session_count; i += RIG_FEED_MAX) {
        rig_feed(rig, 1);
        rig_run_in(rig);
    }
    return rig;
}

void rig_destroy(struct rig *rig)
{
    sl_worker_destroy(rig->worker);
    sl_aead_destroy(rig->aead);
    sl_ring_destroy(rig->to_handshaker);
    sl_ring_destroy(rig->from_handshaker);
    sl_ring_destroy(rig->to_control);
    sl_ring_destroy(rig->from_control);
    void *const memory[] = {
        rig->worker_memory,  rig->clients,        rig->payload,      rig->frames,    rig->buffers,
        rig->producer_words, rig->consumer_words, rig->receive_data, rig->send_data, rig};
    for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++)
        free(memory[i]);
}

struct sl_worker *rig_worker(struct rig *rig)
{
    return rig->worker;
}

/** Sessions in an order that no prefetcher follows, each once in client_count steps. */
static struct client *next_client(struct rig *rig)
{
    return &rig->clients[(rig->next_client++ * 40503ULL) % rig->client_count];
}

void rig_feed(struct rig *rig, uint32_t payload_len)
{
    for (unsigned i = 0; i < RIG_FEED_MAX; i++) {
        struct sl_frame *frame = &rig->frames[i];
        struct client *client = next_client(rig);
        reset_frame(rig, frame);
        struct sl_seal_job job = {
            .epoch = &client->epoch,
            .plain = rig->payload,
            .plain_len = payload_len,
            .type = SL_CONTENT_APPLICATION_DATA,
            .record = frame->data + sl_wire_headers_len(&client->path),
        };
        if (sl_record_seal_burst(rig->aead, &job, 1) != 1)
            fail("a record could not be sealed");
        write_client_headers(frame, &client->path, job.record_len);
    }
    rig->fed = RIG_FEED_MAX;
    rig->received = 0;
    rig->delivered = 0;
}

unsigned rig_receive(struct rig *rig, struct sl_frame *frames[SL_BURST])
{
    uint32_t left = rig->fed - rig->received;
    unsigned n = left < SL_BURST ? left : SL_BURST;
    for (unsigned i = 0; i < n; i++)
        frames[i] = &rig->frames[rig->received + i];
    rig->received += n;
    return n;
}

unsigned rig_drain(struct rig *rig)
{
    unsigned data = 0;
    const struct sl_ring_entry *entry;
    while ((entry = sl_ring_next(&rig->consumer_receive)) != NULL)
        data += entry->kind == SL_RING_DATA;
    sl_ring_release(&rig->consumer_receive);
    rig->delivered += data;
    return data;
}

void rig_run_in(struct rig *rig)
{
    struct sl_frame *frames[SL_BURST];
    unsigned n;
    while ((n = rig_receive(rig, frames)) > 0) {
        uint64_t now_ns = bench_now_ns();
        sl_worker_receive(rig->worker, frames, n, now_ns);
        sl_worker_turn(rig->worker, now_ns);
        rig_drain(rig);
    }
    if (rig->delivered != rig->fed)
        fail("not every record was delivered");
}

void rig_run_port(struct rig *rig)
{
    struct sl_frame *frames[SL_BURST];
    unsigned n;
    uint64_t bytes = 0, now_ns = 0;
    while ((n = rig_receive(rig, frames)) > 0) {
        now_ns |= bench_now_ns();
        for (unsigned i = 0; i < n; i++)
            bytes += frames[i]->len;
        free_frames(rig, frames, n);
        rig_drain(rig);
    }
    if (bytes == 0 || now_ns == 0)
        fail("nothing was received");
}

void rig_send(struct rig *rig, uint32_t payload_len)
{
    for (unsigned i = 0; i < RIG_FEED_MAX; i++) {
        struct sl_ring_entry *entry = sl_ring_reserve(&rig->consumer_send, payload_len);
        if (entry == NULL)
            fail("the send ring is too small");
        entry->kind = SL_RING_SEND;
        entry->session = next_client(rig)->handle;
        memcpy(entry + 1, rig->payload, payload_len);
        sl_ring_commit(&rig->consumer_send, entry, payload_len);
    }
    sl_ring_publish(&rig->consumer_send);
    rig->transmitted = 0;
}

void rig_run_out(struct rig *rig)
{
    for (unsigned turn = 0; rig->transmitted < RIG_FEED_MAX; turn++) {
        sl_worker_turn(rig->worker, bench_now_ns());
        if (turn > 16 * RIG_FEED_MAX)
            fail("not every message was transmitted");
    }
}
