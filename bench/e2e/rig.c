#include "rig_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

#define SETTLE_TURNS 256 /* at 32 slots a turn, and 16 us a slot: 130 ms */

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

/** xorshift, Marsaglia 2003. */
static uint32_t next_random(struct rig *rig)
{
    rig->random ^= rig->random << 13;
    rig->random ^= rig->random >> 7;
    rig->random ^= rig->random << 17;
    return (uint32_t)(rig->random >> 32);
}

/** Random bytes, so that no two places have the same ones. */
static uint8_t *make_payload(struct rig *rig)
{
    uint8_t *payload = bench_alloc(PAYLOAD_PLACES + PAYLOAD_LEN_MAX);
    for (unsigned i = 0; i < PAYLOAD_PLACES + PAYLOAD_LEN_MAX; i++)
        payload[i] = (uint8_t)next_random(rig);
    return payload;
}

struct rig *rig_create(uint32_t session_count)
{
    struct rig *rig = bench_alloc(sizeof *rig);
    rig->client_count = rig->busy_count = session_count;
    rig->random = 88172645463325252ULL;
    rig->clients = bench_alloc(sizeof *rig->clients * session_count);
    rig->fed = bench_alloc(sizeof *rig->fed * RIG_FEED_MAX);
    rig->payload = make_payload(rig);
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
    void *const memory[] = {rig->worker_memory, rig->clients,        rig->fed,
                            rig->payload,       rig->producer_words, rig->consumer_words,
                            rig->receive_data,  rig->send_data,      rig};
    for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++)
        free(memory[i]);
}

/** Each client once; from then on any of those in use, in an order that no prefetcher follows. */
static struct client *next_client(struct rig *rig)
{
    if (rig->begun_count < rig->client_count)
        return &rig->clients[rig->begun_count++];
    return &rig->clients[next_random(rig) % rig->busy_count];
}

void rig_use(struct rig *rig, uint32_t session_count)
{
    rig->busy_count = session_count;
}

void rig_receive_into(struct rig *rig, enum rig_buffers buffers)
{
    rig->buffers = buffers;
}

/** Another client's turn, and the next payload. */
static struct fed_frame *next_fed(struct rig *rig, unsigned i, uint32_t payload_len)
{
    struct fed_frame *fed = &rig->fed[i];
    if (payload_len > PAYLOAD_LEN_MAX)
        rig_fail("a payload is too long");
    fed->client = next_client(rig);
    fed->plain = rig->payload + rig->next_payload++ % PAYLOAD_PLACES;
    fed->plain_len = payload_len;
    return fed;
}

static void seal_fed(struct rig *rig, struct fed_frame *fed)
{
    struct sl_frame frame = {.data = fed->bytes, .tailroom = sizeof fed->bytes};
    struct sl_seal_job job = {
        .epoch = &fed->client->epoch,
        .plain = fed->plain,
        .plain_len = fed->plain_len,
        .type = SL_CONTENT_APPLICATION_DATA,
        .record = fed->bytes + sl_wire_headers_len(&fed->client->path),
    };
    if (sl_record_seal_burst(rig->aead, &job, 1) != 1)
        rig_fail("a record could not be sealed");
    rig_write_client_headers(&frame, &fed->client->path, job.record_len);
    fed->len = frame.len;
}

/** What the next turn will copy comes near meanwhile: the way of bytes to the machine is no part of
 * what is measured, whatever the sessions push out of the caches. */
static void prefetch_burst(const struct rig *rig)
{
    for (unsigned i = rig->offered; i < RIG_FEED_MAX && i < rig->offered + SL_BURST; i++)
        for (size_t at = 0; at < rig->fed[i].len; at += SL_CACHE_LINE)
            __builtin_prefetch(rig->fed[i].bytes + at);
}

/** Copies the next burst of what was fed into buffers, to be received. */
static void offer_burst(struct rig *rig)
{
    struct sl_frame *frames[SL_BURST];
    unsigned left = RIG_FEED_MAX - rig->offered, n = left < SL_BURST ? left : SL_BURST;
    rig_port_take(rig->port, frames, n);
    for (unsigned i = 0; i < n; i++) {
        const struct fed_frame *fed = &rig->fed[rig->offered + i];
        memcpy(frames[i]->data, fed->bytes, fed->len);
        frames[i]->len = fed->len;
    }
    rig_port_offer(rig->port, frames, n);
    rig->offered += n;
    prefetch_burst(rig);
}

/** Turns without frames, until the sweep of idle sessions has caught up with the time that feeding
 * took: a gateway's loop never stands still for so long. */
static void settle(struct rig *rig)
{
    for (unsigned turn = 0; turn < SETTLE_TURNS; turn++)
        rig_port_turn(rig->port);
}

static uint64_t delivered(const struct rig *rig)
{
    return sl_worker_counters(rig->worker)->events[SL_COUNTER_DELIVERED];
}

void rig_feed(struct rig *rig, uint32_t payload_len)
{
    rig_drain(rig);
    for (unsigned i = 0; i < RIG_FEED_MAX; i++)
        seal_fed(rig, next_fed(rig, i, payload_len));
    rig->done = rig->offered = rig->checked = 0;
    rig->delivered_before = delivered(rig);
    settle(rig);
    while (rig->buffers == RIG_BUFFERS_ROTATING && rig->offered < RIG_FEED_MAX)
        offer_burst(rig);
}

/** Is it what was fed next? */
static void check_delivered(struct rig *rig, const struct sl_ring_entry *entry)
{
    if (rig->checked == RIG_FEED_MAX)
        rig_fail("more was delivered than fed");
    const struct fed_frame *fed = &rig->fed[rig->checked++];
    if (entry->session != fed->client->handle || entry->len != sizeof *entry + fed->plain_len ||
        memcmp(entry + 1, fed->plain, fed->plain_len) != 0)
        rig_fail("a consumer got something else than was fed");
}

void rig_drain(struct rig *rig)
{
    const struct sl_ring_entry *entry;
    while ((entry = sl_ring_next(&rig->consumer_receive)) != NULL) {
        if (entry->kind == SL_RING_DATA)
            check_delivered(rig, entry);
    }
    if (rig->consumer_receive.corrupt)
        rig_fail("the receive ring holds what no gateway writes");
    sl_ring_release(&rig->consumer_receive);
}

bool rig_is_ring_nearly_full(const struct rig *rig)
{
    const struct sl_ring_producer *ring = &rig->attachment.receive;
    return ring->head - rig->consumer_receive.tail > ring->size - SL_BURST * FRAME_MAX;
}

unsigned rig_run_in(struct rig *rig, unsigned until)
{
    for (unsigned turn = 0; rig->done < until; turn++) {
        if (rig_is_ring_nearly_full(rig))
            rig_drain(rig);
        if (rig->offered < RIG_FEED_MAX)
            offer_burst(rig);
        rig_port_turn(rig->port);
        rig->done = (unsigned)(delivered(rig) - rig->delivered_before);
        if (turn > RIG_FEED_MAX)
            rig_fail("not every record was delivered");
    }
    return rig->done;
}

unsigned rig_run_port_in(struct rig *rig, unsigned until)
{
    for (unsigned turn = 0; rig->done < until; turn++) {
        if (rig->offered < RIG_FEED_MAX)
            offer_burst(rig);
        rig->done += rig_port_pass_in(rig->port);
        if (turn > RIG_FEED_MAX)
            rig_fail("not every frame was received");
    }
    return rig->done;
}

void rig_send(struct rig *rig, uint32_t payload_len)
{
    rig_drain(rig);
    settle(rig);
    for (unsigned i = 0; i < RIG_FEED_MAX; i++) {
        const struct fed_frame *fed = next_fed(rig, i, payload_len);
        struct sl_ring_entry *entry = sl_ring_reserve(&rig->consumer_send, payload_len);
        if (entry == NULL)
            rig_fail("the send ring is too small");
        entry->kind = SL_RING_SEND;
        entry->session = fed->client->handle;
        memcpy(entry + 1, fed->plain, payload_len);
        sl_ring_commit(&rig->consumer_send, entry, payload_len);
    }
    sl_ring_publish(&rig->consumer_send);
    rig->done = rig->checked = 0;
}

static unsigned run_out(struct rig *rig, unsigned until, rig_look *look)
{
    for (unsigned turn = 0; rig->done < until; turn++) {
        rig_port_turn(rig->port);
        rig->done += rig_port_drain(rig->port, look, rig);
        if (turn > 16 * RIG_FEED_MAX)
            rig_fail("not every message was transmitted");
    }
    return rig->done;
}

unsigned rig_run_out(struct rig *rig, unsigned until)
{
    return run_out(rig, until, NULL);
}

void rig_begin(struct rig *rig)
{
    rig->done = 0;
}

unsigned rig_run_port_out(struct rig *rig, unsigned until)
{
    while (rig->done < until) {
        rig_port_pass_out(rig->port);
        rig->done += rig_port_drain(rig->port, NULL, NULL);
    }
    return rig->done;
}

static void check_next(void *arg, const uint8_t *bytes, size_t len)
{
    struct rig *rig = arg;
    if (rig->checked == RIG_FEED_MAX)
        rig_fail("more was transmitted than sent");
    rig_check_frame(rig, &rig->fed[rig->checked++], bytes, len);
}

void rig_check_out(struct rig *rig)
{
    run_out(rig, RIG_FEED_MAX, check_next);
    if (rig->checked != RIG_FEED_MAX)
        rig_fail("not every frame that was transmitted could be checked");
}
