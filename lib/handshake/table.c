#include <stdlib.h>

#include "parts_priv.h"

/* Open addressing, at most half full. Handles come from our own workers: no keyed hash needed. */

bool sl_handshake_init_table(struct table *table, size_t objects_max)
{
    size_t size = 16;
    while (size < 2 * objects_max)
        size *= 2;
    table->slots = calloc(size, sizeof *table->slots);
    table->mask = size - 1;
    return table->slots != NULL;
}

void sl_handshake_wipe_table(struct table *table)
{
    free(table->slots);
    table->slots = NULL;
}

static size_t home_of(const struct table *table, uint64_t handle)
{
    return (size_t)((handle * 0x9e3779b97f4a7c15ULL) >> 32) & table->mask;
}

/** Where the handle is, or the free slot at which its search ends. */
static size_t slot_of(const struct table *table, uint64_t handle)
{
    size_t at = home_of(table, handle);
    while (table->slots[at].object != NULL && table->slots[at].handle != handle)
        at = (at + 1) & table->mask;
    return at;
}

void *sl_handshake_find(const struct table *table, uint64_t handle)
{
    return table->slots[slot_of(table, handle)].object;
}

void sl_handshake_insert(struct table *table, uint64_t handle, void *object)
{
    size_t at = slot_of(table, handle);
    assert(table->slots[at].object == NULL);
    table->slots[at] = (struct table_slot){handle, object};
}

void sl_handshake_remove(struct table *table, uint64_t handle)
{
    size_t hole = slot_of(table, handle);
    table->slots[hole].object = NULL;
    /* Whoever stands behind the hole and could stand in it moves up, so that no search ends early.
     */
    for (size_t at = (hole + 1) & table->mask; table->slots[at].object != NULL;
         at = (at + 1) & table->mask) {
        size_t home = home_of(table, table->slots[at].handle);
        if (((at - home) & table->mask) < ((at - hole) & table->mask))
            continue;
        table->slots[hole] = table->slots[at];
        table->slots[at].object = NULL;
        hole = at;
    }
}
