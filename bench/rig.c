#include "rig_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

void rig_fail(const char *what)
{
    fprintf(stderr, "worker bench: %s\n", what);
    exit(1);
}

static uint8_t *buffer_of(struct rig *rig, const struct sl_frame *frame)
{
    return rig->buffers + (size_t)(frame - rig->frames) * FRAME_ROOM;
}

void rig_reset_frame(struct rig *rig, struct sl_frame *frame)
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
        rig_reset_frame(rig, frames[taken]);
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
    rig_fail("a frame for another worker");
    return 0;
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
        .listeners = {{OWN_PORT, 0}},
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
    memcpy(group->mac, rig_own_mac, sizeof rig_own_mac);
    group->vlan_id = SL_VLAN_NONE;
    group->mtu = 1500;
    group->rx_checksum = SL_RX_CHECKSUM_AUTO;
    group->address_count = 1;
    group->addresses[0] = rig_path_of(0).tuple.local_ip;

    size_t len = sl_worker_memory_len(&config);
    struct sl_arena arena;
    rig->worker_memory = bench_alloc(len);
    sl_arena_init(&arena, rig->worker_memory, len);
    rig->worker = sl_worker_create(&config, &arena);
    rig->aead = sl_aead_create(SL_CRYPTO_AUTO);
    if (rig->worker == NULL || rig->aead == NULL)
        rig_fail("no worker");
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
        rig_fail("no room for attach");
    sl_message_flush(to);
    sl_worker_turn(rig->worker, bench_now_ns());
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
        rig_connect_client(rig, i);
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
        rig_reset_frame(rig, frame);
        struct sl_seal_job job = {
            .epoch = &client->epoch,
            .plain = rig->payload,
            .plain_len = payload_len,
            .type = SL_CONTENT_APPLICATION_DATA,
            .record = frame->data + sl_wire_headers_len(&client->path),
        };
        if (sl_record_seal_burst(rig->aead, &job, 1) != 1)
            rig_fail("a record could not be sealed");
        rig_write_client_headers(frame, &client->path, job.record_len);
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
        rig_fail("not every record was delivered");
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
        rig_fail("nothing was received");
}

void rig_send(struct rig *rig, uint32_t payload_len)
{
    for (unsigned i = 0; i < RIG_FEED_MAX; i++) {
        struct sl_ring_entry *entry = sl_ring_reserve(&rig->consumer_send, payload_len);
        if (entry == NULL)
            rig_fail("the send ring is too small");
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
            rig_fail("not every message was transmitted");
    }
}
