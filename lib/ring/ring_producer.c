#include <assert.h>

#include "ring_priv.h"

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

static struct sl_ring_entry *entry_at_head(struct sl_ring_producer *p)
{
    return (struct sl_ring_entry *)(void *)(p->data + (p->head & (p->size - 1)));
}

struct sl_ring_entry *sl_ring_reserve(struct sl_ring_producer *p, uint32_t payload_len)
{
    uint64_t len = sizeof(struct sl_ring_entry) + (uint64_t)payload_len;
    uint64_t room = ring_room_of(len);
    uint64_t rest = ring_rest(p->head, p->size);
    uint64_t pad = rest < room ? rest : 0;

    if (len > sl_ring_entry_max(p->size) || p->corrupt || !has_room(p, pad + room))
        return NULL;
    if (pad > 0) {
        *entry_at_head(p) = (struct sl_ring_entry){.len = (uint32_t)pad, .kind = SL_RING_PAD};
        p->head += pad;
    }
    struct sl_ring_entry *entry = entry_at_head(p);
    *entry = (struct sl_ring_entry){.len = (uint32_t)len};
    return entry;
}

void sl_ring_commit(struct sl_ring_producer *p, struct sl_ring_entry *entry, uint32_t payload_len)
{
    uint32_t len = (uint32_t)sizeof *entry + payload_len;
    assert(entry == entry_at_head(p));
    assert(payload_len <= sl_ring_entry_max(p->size) - sizeof *entry);
    entry->len = len;
    p->head += ring_room_of(len);
}

bool sl_ring_publish(struct sl_ring_producer *p)
{
    if (p->head == p->published || p->corrupt)
        return false;
    /* Pairs with the acquire in the consumer's load_head: entries are written before they show. */
    __atomic_store_n(&p->own->head, p->head, __ATOMIC_RELEASE);
    p->published = p->head;
    return true;
}

bool sl_ring_is_sleeping(const struct sl_ring_producer *p)
{
    /* Relaxed: the caller's seq_cst fence after the publish orders this load, see sl_ring_sleep. */
    return !p->corrupt && __atomic_load_n(&p->peer->sleeping, __ATOMIC_RELAXED) != 0;
}
