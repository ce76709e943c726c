#include <stdlib.h>
#include <string.h>

#include "sets.h"

bool load_init_queue(struct load_queue *queue, uint32_t size)
{
    *queue = (struct load_queue){.size = size};
    queue->numbers = malloc((size > 0 ? size : 1) * sizeof *queue->numbers);
    return queue->numbers != NULL;
}

void load_wipe_queue(struct load_queue *queue)
{
    free(queue->numbers);
    *queue = (struct load_queue){.size = 0};
}

bool load_init_set(struct load_set *set, uint32_t size)
{
    *set = (struct load_set){.size = size};
    set->numbers = malloc((size > 0 ? size : 1) * sizeof *set->numbers);
    set->places = malloc((size > 0 ? size : 1) * sizeof *set->places);
    if (set->numbers == NULL || set->places == NULL) {
        load_wipe_set(set);
        return false;
    }
    memset(set->places, 0xff, size * sizeof *set->places);
    return true;
}

void load_wipe_set(struct load_set *set)
{
    free(set->numbers);
    free(set->places);
    *set = (struct load_set){.size = 0};
}

void load_put(struct load_set *set, uint32_t number)
{
    assert(number < set->size && !load_has(set, number));
    set->places[number] = set->count;
    set->numbers[set->count++] = number;
}

void load_remove(struct load_set *set, uint32_t number)
{
    assert(number < set->size && load_has(set, number));
    uint32_t place = set->places[number], last = set->numbers[--set->count];
    set->numbers[place] = last;
    set->places[last] = place;
    set->places[number] = UINT32_MAX;
}
