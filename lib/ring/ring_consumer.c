#include <assert.h>
#include <errno.h>

#include "ring_priv.h"

void sl_ring_consumer_init(struct sl_ring_consumer *c, struct sl_ring_consumer_words *own,
                           const struct sl_ring_producer_words *peer, const void *data,
                           uint64_t size)
{
    assert(size >= SL_RING_SIZE_MIN && (size & (size - 1)) == 0);
    *c = (struct sl_ring_consumer){.own = own, .peer = peer, .data = data, .size = size};
}

/** Loads the producer's index, once. It may be ahead by what the data area holds, and no more. */
static bool load_head(struct sl_ring_consumer *c)
{
    /* Pairs with the release in sl_ring_publish: what it shows has been written. */
    uint64_t head = __atomic_load_n(&c->peer->head, __ATOMIC_ACQUIRE);
    if (head - c->tail > c->size || head % SL_RING_ALIGN != 0) {
        c->corrupt = true;
        return false;
    }
    c->head = head;
    return true;
}

bool sl_ring_is_ready(struct sl_ring_consumer *c)
{
    if (c->corrupt)
        return false;
    return c->tail != c->head || (load_head(c) && c->tail != c->head);
}

/**
 * Copies the header at the tail in four loads that the compiler may not repeat: what is checked is
 * what is used, whatever the producer writes meanwhile.
 */
static void copy_header(const struct sl_ring_consumer *c, struct sl_ring_entry *header)
{
    const uint64_t *from = (const uint64_t *)(const void *)(c->data + (c->tail & (c->size - 1)));
    uint64_t words[sizeof *header / sizeof *from];
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        words[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    memcpy(header, words, sizeof words);
}

/** Can a producer have written this (copied) header here? Not a pad. */
static bool is_sound(const struct sl_ring_consumer *c, const struct sl_ring_entry *header)
{
    uint64_t room = ring_room_of(header->len);
    return header->kind != SL_RING_PAD && header->len >= sizeof *header &&
           header->len <= sl_ring_entry_max(c->size) && room <= c->head - c->tail &&
           room <= ring_rest(c->tail, c->size);
}

/** Skips a pad, which reaches from somewhere inside the data area to its end. */
static bool skip_pad(struct sl_ring_consumer *c, const struct sl_ring_entry *header)
{
    uint64_t rest = ring_rest(c->tail, c->size);
    if (header->len != rest || rest == c->size || rest > c->head - c->tail)
        return false;
    c->tail += rest;
    return true;
}

/**
 * Copies the header of the next entry, a pad before it skipped, and checks it.
 * return 1, 0 or -EBADMSG as sl_ring_copy_next; the entry is not consumed yet.
 */
static int next_header(struct sl_ring_consumer *c, struct sl_ring_entry *header)
{
    if (!sl_ring_is_ready(c))
        return c->corrupt ? -EBADMSG : 0;
    copy_header(c, header);
    if (header->kind == SL_RING_PAD) {
        if (!skip_pad(c, header))
            goto corrupt;
        if (!sl_ring_is_ready(c)) /* a producer that gave up after the pad */
            return c->corrupt ? -EBADMSG : 0;
        copy_header(c, header);
    }
    if (is_sound(c, header))
        return 1;
corrupt:
    c->corrupt = true;
    return -EBADMSG;
}

const struct sl_ring_entry *sl_ring_next(struct sl_ring_consumer *c)
{
    struct sl_ring_entry header;
    if (next_header(c, &header) != 1)
        return NULL;
    const uint8_t *entry = c->data + (c->tail & (c->size - 1));
    c->tail += ring_room_of(header.len);
    return (const struct sl_ring_entry *)(const void *)entry;
}

int sl_ring_copy_next(struct sl_ring_consumer *c, struct sl_ring_entry *header, uint8_t *payload,
                      uint32_t payload_max, uint32_t *payload_len)
{
    int result = next_header(c, header);
    if (result != 1)
        return result;
    *payload_len = header->len - (uint32_t)sizeof *header;
    if (*payload_len > payload_max)
        result = -EMSGSIZE;
    else if (*payload_len > 0)
        memcpy(payload, c->data + (c->tail & (c->size - 1)) + sizeof *header, *payload_len);
    c->tail += ring_room_of(header->len);
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
