/*
 * Stage 6: which of the consumers' send rings are read, and how far: deficit round robin
 * (Shreedhar, Varghese 1995), in two passes over a burst of one ring's. What decides about an entry
 * is copied and checked, and the session it names asked for; then entries.c does what the entries
 * ask for.
 */
#include "sessions_priv.h"
#include "stages_priv.h"

/** How far before an entry is read its lines are asked for; beyond the ring they are not read. */
#define RING_AHEAD_LEN 512

static bool is_ready(struct sl_worker *w, struct worker_consumer *consumer)
{
    struct sl_ring_consumer *ring = &consumer->attachment->send;
    if (sl_ring_is_ready(ring))
        return true;
    if (ring->corrupt) /* its index is out of range */
        worker_evict(w, consumer);
    return false;
}

/** Entries come in order, but between others' lines, so that the processor does not notice. */
static inline __attribute__((always_inline)) void prefetch_ahead(const struct sl_ring_taken *taken)
{
    __builtin_prefetch(taken->payload + RING_AHEAD_LEN);
    __builtin_prefetch(taken->payload + RING_AHEAD_LEN + SL_CACHE_LINE);
}

/**
 * 1. Takes entries up to the consumer's deficit, and asks for the sessions they name. A request
 * other than to send is the last of a burst.
 * has_more: false, when the ring has no more. return how many.
 */
static unsigned take_entries(struct sl_worker *w, struct worker_consumer *consumer,
                             struct tx_entry *entries, unsigned max, bool *has_more)
{
    struct sl_ring_consumer *ring = &consumer->attachment->send;
    const struct sl_session_places places = *w->places;
    const struct sl_session *asked_for = NULL; /* of a run of messages to one session, once */
    int64_t deficit = consumer->deficit;
    struct tx_entry *entry = entries, *const end = entries + max;
    while (entry < end && deficit > 0) {
        if (sl_ring_take(ring, &entry->taken) != 1) {
            *has_more = false;
            break;
        }
        prefetch_ahead(&entry->taken);
        entry->place = sl_session_place_of_handle(&places, entry->taken.session);
        if (entry->place != asked_for && entry->place != NULL)
            sl_session_prefetch_send(&places, entry->place);
        asked_for = entry->place;
        deficit -= SL_RING_ALIGN + (int64_t)entry->taken.payload_len;
        if (entry++->taken.kind != SL_RING_SEND)
            break;
    }
    consumer->deficit = deficit;
    return (unsigned)(entry - entries);
}

/** How many entries may wait in a ring that is ready, as far as its index was read; max at most. */
static unsigned waiting_in(const struct sl_ring_consumer *ring, unsigned max)
{
    uint64_t most = (ring->head - ring->tail) / SL_RING_ALIGN;
    return most < max ? (unsigned)most : max;
}

/** How many of n messages find room, to whatever ports they go. */
static unsigned room_for(struct sl_worker *w, unsigned n, uint64_t now_ns)
{
    unsigned least = n;
    for (unsigned group = 0; group < w->config.group_count; group++) {
        unsigned room = worker_have_room(w, group, n, now_ns);
        least = room < least ? room : least;
    }
    return least;
}

/**
 * Where a port is short, entries come one by one: a message for that port waits in its ring, and so
 * does what stands behind it there; when that takes too long it is refused. return how many were
 * handled, 0 or 1.
 */
static __attribute__((noinline)) unsigned handle_alone(struct sl_worker *w,
                                                       struct worker_consumer *consumer,
                                                       const struct tx_entry *entry, bool *has_more,
                                                       uint64_t now_ns)
{
    const struct sl_path *path = worker_path_of_entry(consumer, entry);
    const bool has_room = path == NULL || worker_have_room(w, path->hop.group, 1, now_ns) > 0;
    if (!has_room && !worker_is_given_up(w, path->hop.group, now_ns)) {
        sl_ring_put_back(&consumer->attachment->send, &entry->taken);
        *has_more = false;
        return 0;
    }
    if (has_room || entry->taken.kind != SL_RING_SEND) /* a session may end without its alert */
        worker_handle_entries(w, consumer, entry, 1, now_ns);
    else
        worker_refuse_entry(w, consumer, entry,
                            worker_is_blocked(w, path->hop.group) ? SL_DROP_SEND_PORT
                                                                  : SL_DROP_SEND_NO_BUFFER,
                            now_ns);
    return 1;
}

/** Serves one burst of a consumer's. false when its ring is empty, waits for a port, or is lost
 * with its consumer. */
static bool collect_burst(struct sl_worker *w, struct worker_consumer *consumer, unsigned *budget,
                          uint64_t now_ns)
{
    struct tx_entry entries[SL_BURST];
    const struct sl_ring_consumer *ring = &consumer->attachment->send;
    unsigned room = SL_BURST - w->tx.count;
    if (!is_ready(w, consumer))
        return false;
    unsigned wanted = waiting_in(ring, room < *budget ? room : *budget);
    unsigned max = room_for(w, wanted, now_ns);
    bool has_more = true;
    unsigned n = take_entries(w, consumer, entries, max > 0 ? max : 1, &has_more);
    if (max > 0)
        worker_handle_entries(w, consumer, entries, n, now_ns);
    else if (n > 0)
        n = handle_alone(w, consumer, entries, &has_more, now_ns);
    if (ring->corrupt && !consumer->is_evicted)
        worker_evict_malformed(w, consumer);
    *budget -= n;
    if (w->tx.count == SL_BURST)
        worker_finish_tx(w, now_ns);
    return has_more && !consumer->is_evicted;
}

/** Serves one consumer up to its deficit. return true when it is to be served first next time. */
static bool collect_from(struct sl_worker *w, struct worker_consumer *consumer, unsigned *budget,
                         uint64_t now_ns)
{
    if (consumer->deficit <= 0)
        consumer->deficit += COLLECT_QUANTUM;
    bool has_more = true;
    while (has_more && *budget > 0 && consumer->deficit > 0)
        has_more = collect_burst(w, consumer, budget, now_ns);
    if (!consumer->is_evicted)
        sl_ring_release(&consumer->attachment->send);
    if (!has_more) {
        consumer->is_quiet = true;
        consumer->deficit = 0;
    }
    return has_more && consumer->deficit > 0;
}

/** A few of the quiet rings are looked at again. */
static void rouse_quiet(struct sl_worker *w)
{
    for (unsigned i = 0; i < QUIET_RINGS_PER_TURN && i < w->consumer_count; i++) {
        w->next_quiet = (w->next_quiet + 1) % w->consumer_count;
        w->consumers[w->next_quiet].is_quiet = false;
    }
}

bool worker_collect(struct sl_worker *w, uint64_t now_ns)
{
    if (w->consumer_count == 0 || worker_is_stuck(w, now_ns))
        return false;
    rouse_quiet(w);
    unsigned budget = SL_BURST;
    for (unsigned i = 0; i < w->consumer_count && budget > 0; i++) {
        struct worker_consumer *consumer = &w->consumers[w->next_consumer % w->consumer_count];
        if (consumer->key != 0 && !consumer->is_quiet && collect_from(w, consumer, &budget, now_ns))
            break;
        w->next_consumer = (w->next_consumer + 1) % w->consumer_count;
    }
    if (w->tx.count > 0)
        worker_finish_tx(w, now_ns);
    return budget < SL_BURST;
}
