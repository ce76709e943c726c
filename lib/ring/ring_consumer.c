#include <errno.h>

#include "sl_ring.h"

void sl_ring_consumer_init(struct sl_ring_consumer *c, struct sl_ring_consumer_words *own,
                           const struct sl_ring_producer_words *peer, const void *data,
                           uint64_t size)
{
    assert(size >= SL_RING_SIZE_MIN && (size & (size - 1)) == 0);
    *c = (struct sl_ring_consumer){
        .own = own,
        .peer = peer,
        .data = data,
        .size = size,
        .payload_max = sl_ring_entry_max(size) - (uint32_t)sizeof(struct sl_ring_entry),
    };
}

/** To be called whenever tail or head moves but by an entry. */
static void set_limit(struct sl_ring_consumer *c)
{
    uint64_t end = c->tail + ring_rest(c->tail, c->size);
    c->limit = c->head - c->tail < end - c->tail ? c->head : end;
}

static int become_corrupt(struct sl_ring_consumer *c)
{
    c->corrupt = true;
    c->limit = c->tail;
    return -EBADMSG;
}

/** Loads the producer's index, once. It may be ahead by what the data area holds, and no more. */
static bool load_head(struct sl_ring_consumer *c)
{
    /* Pairs with the release in sl_ring_publish: what it shows has been written. */
    uint64_t head = __atomic_load_n(&c->peer->head, __ATOMIC_ACQUIRE);
    if (head - c->tail > c->size || head % SL_RING_ALIGN != 0) {
        become_corrupt(c);
        return false;
    }
    c->head = head;
    set_limit(c);
    return true;
}

bool ring_is_ready_at_edge(struct sl_ring_consumer *c)
{
    if (c->corrupt)
        return false;
    return c->tail != c->head || (load_head(c) && c->tail != c->head);
}

/** Skips a pad, which reaches from somewhere inside the data area to its end. */
static bool skip_pad(struct sl_ring_consumer *c, struct ring_entry_start start)
{
    uint64_t rest = ring_rest(c->tail, c->size);
    if (start.len != rest || rest == c->size || rest > c->head - c->tail)
        return false;
    c->tail += rest;
    set_limit(c);
    return true;
}

/**
 * Loads and checks the start of the next entry, a pad before it skipped.
 * return 1, 0 or -EBADMSG as sl_ring_take; the entry is not consumed yet.
 */
static int next_start(struct sl_ring_consumer *c, struct ring_entry_start *start)
{
    if (!sl_ring_is_ready(c))
        return c->corrupt ? -EBADMSG : 0;
    set_limit(c);
    *start = ring_load_start(c);
    if (start->kind == SL_RING_PAD) {
        if (!skip_pad(c, *start))
            return become_corrupt(c);
        if (!sl_ring_is_ready(c)) /* a producer that gave up after the pad */
            return c->corrupt ? -EBADMSG : 0;
        *start = ring_load_start(c);
    }
    return ring_is_sound(c, *start) ? 1 : become_corrupt(c);
}

const struct sl_ring_entry *ring_next_at_edge(struct sl_ring_consumer *c)
{
    struct ring_entry_start start;
    if (next_start(c, &start) != 1)
        return NULL;
    const void *entry = ring_words_at_tail(c);
    c->tail += ring_room_of(start.len);
    return entry;
}

int ring_take_at_edge(struct sl_ring_consumer *c, struct sl_ring_taken *taken)
{
    struct ring_entry_start start;
    int result = next_start(c, &start);
    if (result == 1)
        ring_take_sound(c, start, taken);
    return result;
}

void sl_ring_release(struct sl_ring_consumer *c)
{
    if (c->tail == c->released)
        return;
    /* Pairs with the acquire in the producer's load_tail: we have read before it writes again. */
    __atomic_store_n(&c->own->tail, c->tail, __ATOMIC_RELEASE);
    c->released = c->tail;
}

bool sl_ring_sleep(struct sl_ring_consumer *c)
{
    __atomic_store_n(&c->own->sleeping, 1, __ATOMIC_RELAXED);
    /* Pairs with the seq_cst fence between a producer's publish and sl_ring_is_sleeping: of the two
     * loads after the fences at least one sees the other side's store, so no wake-up is lost. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!sl_ring_is_ready(c) && !c->corrupt)
        return true;
    sl_ring_wake_up(c);
    return false;
}

void sl_ring_wake_up(struct sl_ring_consumer *c)
{
    __atomic_store_n(&c->own->sleeping, 0, __ATOMIC_RELAXED);
}
