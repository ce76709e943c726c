/** Rings within one process. */
#include <errno.h>
#include <stdlib.h>

#include "sl_ring.h"

struct sl_ring {
    struct sl_ring_producer producer __attribute__((aligned(SL_RING_INDEX_ALIGN)));
    struct sl_ring_consumer consumer __attribute__((aligned(SL_RING_INDEX_ALIGN)));
    struct sl_ring_producer_words producer_words;
    struct sl_ring_consumer_words consumer_words;
    uint8_t data[] __attribute__((aligned(SL_RING_INDEX_ALIGN)));
};

struct sl_ring *sl_ring_create(uint64_t size)
{
    if (size < SL_RING_SIZE_MIN || (size & (size - 1)) != 0 || size > SIZE_MAX / 2) {
        errno = EINVAL;
        return NULL;
    }
    struct sl_ring *ring = aligned_alloc(SL_RING_INDEX_ALIGN, sizeof *ring + size);
    if (ring == NULL)
        return NULL;
    sl_dump_leave_out(ring, sizeof *ring + size); /* keys and plaintext pass through */
    memset(ring, 0, sizeof *ring + size);         /* no page fault later, on a worker */
    sl_ring_producer_init(&ring->producer, &ring->producer_words, &ring->consumer_words, ring->data,
                          size);
    sl_ring_consumer_init(&ring->consumer, &ring->consumer_words, &ring->producer_words, ring->data,
                          size);
    return ring;
}

void sl_ring_destroy(struct sl_ring *ring)
{
    if (ring != NULL && ring->producer.head != ring->consumer.tail)
        explicit_bzero(ring->data, ring->producer.size); /* keys, perhaps, that nobody has taken */
    free(ring);
}

struct sl_ring_producer *sl_ring_producer_of(struct sl_ring *ring)
{
    return &ring->producer;
}

struct sl_ring_consumer *sl_ring_consumer_of(struct sl_ring *ring)
{
    return &ring->consumer;
}
