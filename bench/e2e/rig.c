#include "rig_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

void rig_fail(const char *what)
{
    fprintf(stderr, "worker bench: %s\n", what);
    exit(1);
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
        .io = rig_port_io(rig->port),
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
    rig_port_serve(rig->port, rig->worker);
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
    rig_port_turn(rig->port);
}

struct rig *rig_create(uint32_t session_count)
{
    struct rig *rig = bench_alloc(sizeof *rig);
    rig->client_count = rig->busy_count = session_count;
    rig->clients = bench_alloc(sizeof *rig->clients * session_count);
    rig->payload = bench_alloc(SL_RECORD_PLAINTEXT_MAX);
    rig->port = rig_port_open();
    create_worker(rig);
    attach_consumer(rig);
    for (uint32_t i = 0; i < session_count; i++)
        rig_connect_client(rig, i);
    /* The first message of each session brings its open event: not what is measured. */
    for (uint32_t i = 0; i < session_count; i += RIG_FEED_MAX) {
        rig_feed(rig, 1);
        rig_run_in(rig, RIG_FEED_MAX);
    }
    return rig;
}

void rig_destroy(struct rig *rig)
{
    sl_worker_destroy(rig->worker);
    rig_port_close(rig->port);
    sl_aead_destroy(rig->aead);
    sl_ring_destroy(rig->to_handshaker);
    sl_ring_destroy(rig->from_handshaker);
    sl_ring_destroy(rig->to_control);
    sl_ring_destroy(rig->from_control);
    void *const memory[] = {
        rig->worker_memory,  rig->clients,      rig->payload,   rig->producer_words,
        rig->consumer_words, rig->receive_data, rig->send_data, rig};
    for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++)
        free(memory[i]);
}

/** Sessions in an order that no prefetcher follows, each once in busy_count steps. */
static struct client *next_client(struct rig *rig)
{
    return &rig->clients[(rig->next_client++ * 40503ULL) % rig->busy_count];
}

void rig_use(struct rig *rig, uint32_t session_count)
{
    rig->busy_count = session_count;
}

void rig_feed(struct rig *rig, uint32_t payload_len)
{
    for (unsigned i = 0; i < RIG_FEED_MAX; i++) {
        struct sl_frame *frame = rig_port_take(rig->port);
        struct client *client = next_client(rig);
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
        rig_port_offer(rig->port, frame);
    }
    rig->done = 0;
}

void rig_drain(struct rig *rig)
{
    const struct sl_ring_entry *entry;
    while ((entry = sl_ring_next(&rig->consumer_receive)) != NULL)
        rig->done += entry->kind == SL_RING_DATA;
    sl_ring_release(&rig->consumer_receive);
}

unsigned rig_run_in(struct rig *rig, unsigned until)
{
    for (unsigned turn = 0; rig->done < until; turn++) {
        rig_port_turn(rig->port);
        rig_drain(rig);
        if (turn > RIG_FEED_MAX)
            rig_fail("not every record was delivered");
    }
    return rig->done;
}

unsigned rig_run_port(struct rig *rig, unsigned until)
{
    for (unsigned turn = 0; rig->done < until; turn++) {
        rig->done += rig_port_pass(rig->port);
        rig_drain(rig);
        if (turn > RIG_FEED_MAX)
            rig_fail("not every frame was received");
    }
    return rig->done;
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
    rig->done = 0;
}

unsigned rig_run_out(struct rig *rig, unsigned until)
{
    for (unsigned turn = 0; rig->done < until; turn++) {
        rig_port_turn(rig->port);
        rig->done += rig_port_drain(rig->port, NULL);
        if (turn > 16 * RIG_FEED_MAX)
            rig_fail("not every message was transmitted");
    }
    return rig->done;
}
