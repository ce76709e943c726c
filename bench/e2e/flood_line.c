/* The line that packets come by, in the worker's own time; and what became of them. */
#include <stdio.h>
#include <stdlib.h>
#include <x86intrin.h>

#include "bench.h"
#include "flood_priv.h"

/** The longest turn, over a burst of ClientHellos with invented cookies, takes 17 us. One longer
 * than this, some 25 us, had the machine do something else meanwhile. */
#define GAP_TICKS 65000
#define SETTLE_TURNS 64

struct flood *flood_create(uint32_t session_count)
{
    struct flood *flood = bench_alloc(sizeof *flood);
    flood->rig = rig_create(session_count);
    rig_drain(flood->rig);
    flood->random = 88172645463325252ULL;
    flood->packets = bench_alloc(sizeof *flood->packets * FLOOD_AHEAD);
    flood->messages = bench_alloc(sizeof *flood->messages * FLOOD_MESSAGES);
    flood->saved = bench_alloc(sizeof *flood->saved * FLOOD_SAVED);
    flood->offered = sl_worker_counters(flood->rig->worker)->events[SL_COUNTER_RX_FRAMES];
    rig_port_stop_clock(flood->rig->port);
    return flood;
}

void flood_destroy(struct flood *flood)
{
    rig_destroy(flood->rig);
    free(flood->packets);
    free(flood->messages);
    free(flood->saved);
    free(flood);
}

static const struct sl_counters *counters(const struct flood *flood)
{
    return sl_worker_counters(flood->rig->worker);
}

static unsigned queued(const struct flood *flood)
{
    return (unsigned)(flood->offered - counters(flood)->events[SL_COUNTER_RX_FRAMES]);
}

/* The consumer. */

static void take_message(struct flood *flood, const struct sl_ring_entry *entry)
{
    uint8_t plain[FLOOD_MESSAGE_LEN];
    uint64_t number = 0;
    if (entry->len == sizeof *entry + FLOOD_MESSAGE_LEN)
        memcpy(&number, entry + 1, sizeof number);
    struct flood_message *message = flood_message_of(flood, number);
    if (number == 0 || message->number != number || message->client->handle != entry->session)
        rig_fail("a consumer got something that was not sent");
    if (message->is_delivered)
        rig_fail("a consumer got a message twice");
    flood_write_message(flood->rig, number, plain);
    if (memcmp(entry + 1, plain, sizeof plain) != 0)
        rig_fail("a consumer got something else than was sent");
    message->is_delivered = true;
    flood->outcome.delivered++;
}

static void take_messages(struct flood *flood)
{
    struct sl_ring_consumer *ring = &flood->rig->consumer_receive;
    const struct sl_ring_entry *entry;
    while ((entry = sl_ring_next(ring)) != NULL)
        if (entry->kind == SL_RING_DATA)
            take_message(flood, entry);
    if (ring->corrupt)
        rig_fail("the receive ring holds what no gateway writes");
    sl_ring_release(ring);
}

/* The line. */

static void look_at_answer(void *arg, const uint8_t *bytes, size_t len)
{
    struct flood *flood = arg;
    const size_t cookie_off =
        sl_wire_headers_len(&flood->rig->clients[0].path) + SL_HELLO_VERIFY_LEN(0);
    flood->outcome.answers++;
    flood->outcome.answer_bytes += len;
    if (len == cookie_off + SL_COOKIE_LEN)
        flood->cookie_tag = bytes[cookie_off];
}

/** The next packets, all at once: so little of the caches is used between turns. */
static void make_ahead(struct flood *flood)
{
    take_messages(flood); /* replays are of what was delivered */
    for (flood->count = 0; flood->count < FLOOD_AHEAD; flood->count++) {
        struct flood_packet *packet = &flood->packets[flood->count];
        if (flood_schedule_next(flood, &packet->due))
            flood_make_good(flood, (uint32_t)(flood_random(flood) >> 32) % flood->rig->client_count,
                            packet);
        else
            flood_make_bad(flood, flood->traffic.kind, packet);
    }
    flood->next = 0;
}

static void copy_burst(struct flood *flood, const struct flood_packet *const *packets, unsigned n)
{
    struct sl_frame *frames[SL_BURST];
    rig_port_take(flood->rig->port, frames, n);
    for (unsigned i = 0; i < n; i++) {
        memcpy(frames[i]->data, packets[i]->bytes, packets[i]->len);
        frames[i]->len = packets[i]->len;
    }
    rig_port_offer(flood->rig->port, frames, n);
    flood->offered += n;
}

static void count_arrival(struct flood_outcome *outcome, const struct flood_packet *packet,
                          bool is_lost)
{
    if (packet->number != 0) {
        outcome->good++;
        outcome->good_lost += is_lost;
    } else {
        outcome->bad++;
        outcome->bad_lost += is_lost;
        outcome->bad_bytes += packet->len;
    }
}

/** What is due comes into the queue, or is lost. */
static void arrive(struct flood *flood)
{
    const struct flood_packet *burst[SL_BURST];
    unsigned n = 0, room = flood->traffic.queue_len;
    room -= queued(flood) < room ? queued(flood) : room;
    for (;;) {
        if (flood->next == flood->count) {
            copy_burst(flood, burst, n);
            n = 0;
            make_ahead(flood);
        }
        const struct flood_packet *packet = &flood->packets[flood->next];
        if (packet->due > flood->now)
            break;
        flood->next++;
        count_arrival(&flood->outcome, packet, room == 0);
        if (room == 0)
            continue;
        room--;
        burst[n++] = packet;
        if (n == SL_BURST) {
            copy_burst(flood, burst, n);
            n = 0;
        }
    }
    copy_burst(flood, burst, n);
}

/** A turn of the worker's loop, and time goes on by what it took. */
static void run_turn(struct flood *flood)
{
    struct flood_outcome *outcome = &flood->outcome;
    const bool is_busy = queued(flood) > 0;
    if (rig_is_ring_nearly_full(flood->rig))
        take_messages(flood);
    rig_port_start_clock(flood->rig->port);
    const uint64_t begin = __rdtsc();
    rig_port_turn(flood->rig->port);
    uint64_t took = __rdtsc() - begin;
    rig_port_stop_clock(flood->rig->port);
    if (took > GAP_TICKS) {
        took = is_busy && outcome->busy_turns > 0 ? outcome->busy_ticks / outcome->busy_turns : 0;
        outcome->gaps++;
    }
    flood->now += took;
    outcome->ticks += took;
    outcome->busy_ticks += is_busy ? took : 0;
    outcome->busy_turns += is_busy;
}

static void turn(struct flood *flood)
{
    run_turn(flood);
    rig_port_drain(flood->rig->port, look_at_answer, flood);
}

/** received = delivered + answered + to handshakes + consumed + dropped */
static void check_counters(const struct flood *flood)
{
    const struct sl_counters *all = counters(flood);
    uint64_t ended = all->events[SL_COUNTER_DELIVERED] + all->events[SL_COUNTER_ANSWERED] +
                     all->events[SL_COUNTER_TO_HANDSHAKE] + all->events[SL_COUNTER_CONSUMED];
    for (enum sl_drop drop = SL_DROP_NONE + 1; drop < SL_DROP_COUNT; drop++)
        if (sl_drop_direction(drop) == SL_DIRECTION_RX)
            ended += all->drops[drop];
    if (ended != all->events[SL_COUNTER_RX_RECORDS])
        rig_fail("the worker's counters do not add up");
}

struct flood_outcome flood_run(struct flood *flood, const struct flood_traffic *traffic,
                               uint64_t ticks)
{
    flood->traffic = *traffic;
    flood->next = flood->count = 0;
    flood->outcome = (struct flood_outcome){0};
    flood_schedule_begin(flood);
    while (flood->outcome.ticks < ticks) {
        arrive(flood);
        turn(flood);
    }
    take_messages(flood);
    check_counters(flood);
    return flood->outcome;
}

void flood_settle(struct flood *flood)
{
    for (unsigned turns = 0; turns < SETTLE_TURNS || queued(flood) > 0; turns++)
        turn(flood);
    take_messages(flood);
}

/* Whether the sessions are still there. */

static void send_to_gateway(struct flood *flood, uint32_t client)
{
    struct flood_packet *packet = &flood->packets[0];
    flood_make_good(flood, client, packet);
    copy_burst(flood, &(const struct flood_packet *){packet}, 1);
}

static const uint8_t reply[FLOOD_MESSAGE_LEN] = "from the consumer";

static bool send_from_gateway(struct flood *flood, const struct client *client)
{
    struct sl_ring_producer *ring = &flood->rig->consumer_send;
    struct sl_ring_entry *entry = sl_ring_reserve(ring, sizeof reply);
    if (entry == NULL)
        return false;
    entry->kind = SL_RING_SEND;
    entry->session = client->handle;
    memcpy(entry + 1, reply, sizeof reply);
    sl_ring_commit(ring, entry, sizeof reply);
    sl_ring_publish(ring);
    return true;
}

struct heard {
    struct flood *flood;
    struct client *client;
    bool is_it;
};

static void listen(void *arg, const uint8_t *bytes, size_t len)
{
    struct heard *heard = arg;
    heard->is_it |= rig_opens(heard->flood->rig, heard->client, bytes, len, reply, sizeof reply);
}

static bool is_reached(struct flood *flood, uint32_t index)
{
    struct client *client = &flood->rig->clients[index];
    struct heard heard = {flood, client, false};
    send_to_gateway(flood, index);
    const uint64_t number = flood->message_count;
    if (!send_from_gateway(flood, client))
        return false;
    for (unsigned turns = 0; turns < SETTLE_TURNS && !heard.is_it; turns++) {
        run_turn(flood);
        rig_port_drain(flood->rig->port, listen, &heard);
    }
    take_messages(flood);
    return heard.is_it && flood_message_of(flood, number)->is_delivered;
}

uint32_t flood_count_lost_sessions(struct flood *flood)
{
    uint32_t lost = 0;
    for (uint32_t i = 0; i < flood->rig->client_count; i++)
        lost += !is_reached(flood, i);
    return lost;
}
