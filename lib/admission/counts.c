/* Open addressing, at most half full: hashes are places already. */
#include <assert.h>

#include "sl_rate.h"

struct counted {
    uint64_t hash; /* 0: free */
    uint32_t count;
};

struct sl_prefix_counts {
    struct counted *places;
    uint64_t mask;
};

static uint64_t places_for(unsigned max)
{
    uint64_t places = 16;
    while (places < 2ULL * max)
        places *= 2;
    return places;
}

size_t sl_prefix_counts_memory_len(unsigned max)
{
    return sl_arena_cost(sizeof(struct sl_prefix_counts)) +
           sl_arena_cost(sizeof(struct counted) * places_for(max));
}

struct sl_prefix_counts *sl_prefix_counts_create(struct sl_arena *arena, unsigned max)
{
    struct sl_prefix_counts *counts = sl_arena_take(arena, sizeof *counts);
    if (counts == NULL)
        return NULL;
    counts->places = sl_arena_take(arena, sizeof(struct counted) * places_for(max));
    counts->mask = places_for(max) - 1;
    return counts->places != NULL ? counts : NULL;
}

/** Where the hash is, or the free place at which its search ends. */
static uint64_t place_of(const struct sl_prefix_counts *counts, uint64_t hash)
{
    uint64_t at = hash & counts->mask;
    while (counts->places[at].hash != 0 && counts->places[at].hash != hash)
        at = (at + 1) & counts->mask;
    return at;
}

unsigned sl_prefix_count(const struct sl_prefix_counts *counts, uint64_t hash)
{
    return counts->places[place_of(counts, hash)].count;
}

void sl_prefix_count_add(struct sl_prefix_counts *counts, uint64_t hash)
{
    struct counted *place = &counts->places[place_of(counts, hash)];
    place->hash = hash;
    place->count++;
}

/** Whoever stands behind a place that is free now, and could stand in it, moves up, so that no
 * search ends early. */
static void close_up(struct sl_prefix_counts *counts, uint64_t hole)
{
    struct counted *places = counts->places;
    const uint64_t mask = counts->mask;
    for (uint64_t at = (hole + 1) & mask; places[at].hash != 0; at = (at + 1) & mask) {
        uint64_t home = places[at].hash & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        places[hole] = places[at];
        places[at] = (struct counted){.hash = 0};
        hole = at;
    }
}

void sl_prefix_count_remove(struct sl_prefix_counts *counts, uint64_t hash)
{
    const uint64_t at = place_of(counts, hash);
    assert(counts->places[at].count > 0);
    if (--counts->places[at].count > 0)
        return;
    counts->places[at] = (struct counted){.hash = 0};
    close_up(counts, at);
}
