#include "sl_ring.h"

void sl_ring_producer_init(struct sl_ring_producer *p, struct sl_ring_producer_words *own,
                           const struct sl_ring_consumer_words *peer, void *data, uint64_t size)
{
    assert(size >= SL_RING_SIZE_MIN && (size & (size - 1)) == 0);
    *p = (struct sl_ring_producer){.own = own, .peer = peer, .data = data, .size = size};
}

/** Loads the consumer's index, once. It may only move forward, and not past what was published. */
static bool load_tail(struct sl_ring_producer *p)
{
    /* Pairs with the release in sl_ring_release: the consumer is done with what it gave back. */
    uint64_t tail = __atomic_load_n(&p->peer->tail, __ATOMIC_ACQUIRE);
    if (tail - p->tail > p->published - p->tail || tail % SL_RING_ALIGN != 0) {
        p->corrupt = true;
        return false;
    }
    p->tail = tail;
    return true;
}

static bool has_room(struct sl_ring_producer *p, uint64_t room)
{
    if (p->head + room - p->tail <= p->size)
        return true;
    return load_tail(p) && p->head + room - p->tail <= p->size;
}

/**
 * How far entries may reach after one that needs room: the data area does not end before, none is
 * too long, and the lines asked for ahead of them are no longer the consumer's.
 */
static uint64_t limit_after(const struct sl_ring_producer *p, uint64_t room)
{
    uint64_t way = ring_rest(p->head, p->size);
    uint64_t longest = sl_ring_entry_max(p->size);
    uint64_t used = p->head - p->tail + RING_AHEAD;
    uint64_t left = used < p->size ? p->size - used : 0;
    way = longest < way ? longest : way;
    way = left < way ? left : way;
    return p->head + (room < way ? way : room);
}

struct sl_ring_entry *ring_reserve_at_edge(struct sl_ring_producer *p, uint32_t payload_len)
{
    uint64_t len = sizeof(struct sl_ring_entry) + (uint64_t)payload_len;
    uint64_t room = ring_room_of(len);
    uint64_t rest = ring_rest(p->head, p->size);
    uint64_t pad = rest < room ? rest : 0;

    p->limit = p->head;
    if (len > sl_ring_entry_max(p->size) || p->corrupt || !has_room(p, pad + room))
        return NULL;
    if (pad > 0) {
        *ring_entry_at(p, p->head) =
            (struct sl_ring_entry){.len = (uint32_t)pad, .kind = SL_RING_PAD};
        p->head += pad;
    }
    p->limit = limit_after(p, room);
    return ring_entry_at(p, p->head);
}

bool sl_ring_has_room(struct sl_ring_producer *p, uint64_t bytes)
{
    return !p->corrupt && has_room(p, bytes);
}

bool sl_ring_is_sleeping(const struct sl_ring_producer *p)
{
    /* Relaxed: the caller's seq_cst fence after the publish orders this load, see sl_ring_sleep. */
    return !p->corrupt && __atomic_load_n(&p->peer->sleeping, __ATOMIC_RELAXED) != 0;
}
