/**
 * Clients and sources by number: a queue, first in first out, and a set that is walked in turn.
 * Each has room for all numbers there are, and a number is in it once at most. One thread.
 */
#ifndef LOAD_SETS_H
#define LOAD_SETS_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

struct load_queue {
    uint32_t *numbers; /* [size] */
    uint32_t size;
    uint32_t first, count;
};

/** false: no memory. */
bool load_init_queue(struct load_queue *queue, uint32_t size);
void load_wipe_queue(struct load_queue *queue);
static inline void load_push(struct load_queue *queue, uint32_t number)
{
    assert(queue->count < queue->size);
    uint32_t at = queue->first + queue->count++;
    queue->numbers[at < queue->size ? at : at - queue->size] = number;
}
static inline uint32_t load_peek(const struct load_queue *queue)
{
    assert(queue->count > 0);
    return queue->numbers[queue->first];
}
static inline uint32_t load_pop(struct load_queue *queue)
{
    uint32_t number = load_peek(queue);
    queue->first = queue->first + 1 < queue->size ? queue->first + 1 : 0;
    queue->count--;
    return number;
}

struct load_set {
    uint32_t *numbers; /* [count], in no order */
    uint32_t *places;  /* [size]: where a number stands in numbers, or UINT32_MAX */
    uint32_t size;
    uint32_t count;
};

bool load_init_set(struct load_set *set, uint32_t size);
void load_wipe_set(struct load_set *set);
void load_put(struct load_set *set, uint32_t number);
void load_remove(struct load_set *set, uint32_t number);
static inline bool load_has(const struct load_set *set, uint32_t number)
{
    return set->places[number] != UINT32_MAX;
}
/** The next in turn of a set that is not empty; at: in and out, where the turn has come to. */
static inline uint32_t load_next(const struct load_set *set, uint32_t *at)
{
    assert(set->count > 0);
    uint32_t now = *at < set->count ? *at : 0;
    *at = now + 1;
    return set->numbers[now];
}

#endif
