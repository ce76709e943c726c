/*
 * The 5-tuple index: SipHash under a secret key, because strangers choose the tuples; linear
 * probing with the gap closed on removal, so that no tombstones pile up.
 */
#include "session_priv.h"

uint32_t session_index_places(uint32_t capacity)
{
    uint32_t places = 64;
    while (places < 2 * capacity)
        places *= 2;
    return places;
}

uint32_t sl_session_hash_tuple(const struct sl_session_table *table, const struct sl_tuple *tuple)
{
    return (uint32_t)sl_siphash(table->index_key, tuple, sizeof *tuple);
}

struct sl_session *sl_session_find_hashed(struct sl_session_table *table,
                                          const struct sl_tuple *tuple, uint32_t hash)
{
    for (uint32_t at = hash & table->index_mask;; at = (at + 1) & table->index_mask) {
        const struct index_place *place = &table->index[at];
        if (place->slot == SL_SLOT_NONE)
            return NULL;
        struct sl_session *session = &table->places.sessions[place->slot];
        if (place->hash == hash && sl_tuple_equal(&session->path.tuple, tuple))
            return session;
    }
}

void sl_session_prefetch_hashed(const struct sl_session_table *table, const uint32_t *hashes,
                                unsigned n, struct sl_aead_key_lines lines)
{
    for (unsigned i = 0; i < n; i++)
        __builtin_prefetch(&table->index[hashes[i] & table->index_mask]);
    for (unsigned i = 0; i < n; i++) {
        /* Nearly all stand at their home. */
        const struct index_place *place = &table->index[hashes[i] & table->index_mask];
        if (place->slot != SL_SLOT_NONE)
            sl_session_prefetch_slot(&table->places, place->slot, lines);
    }
}

bool sl_session_index(struct sl_session_table *table, struct sl_session *session)
{
    if (sl_session_find_tuple(table, &session->path.tuple) != NULL)
        return false;
    uint32_t hash = sl_session_hash_tuple(table, &session->path.tuple);
    uint32_t at = hash & table->index_mask;
    while (table->index[at].slot != SL_SLOT_NONE)
        at = (at + 1) & table->index_mask;
    table->index[at] = (struct index_place){hash, (uint32_t)(session - table->places.sessions)};
    session->is_indexed = true;
    return true;
}

/** Moves later entries of the run into the gap wherever that brings them nearer to their home. */
static void close_gap(struct sl_session_table *table, uint32_t gap)
{
    uint32_t mask = table->index_mask;
    for (uint32_t at = (gap + 1) & mask; table->index[at].slot != SL_SLOT_NONE;
         at = (at + 1) & mask) {
        uint32_t home = table->index[at].hash & mask;
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            table->index[gap] = table->index[at];
            gap = at;
        }
    }
    table->index[gap].slot = SL_SLOT_NONE;
}

void sl_session_unindex(struct sl_session_table *table, struct sl_session *session)
{
    if (!session->is_indexed)
        return;
    uint32_t slot = (uint32_t)(session - table->places.sessions);
    uint32_t at = sl_session_hash_tuple(table, &session->path.tuple) & table->index_mask;
    while (table->index[at].slot != slot)
        at = (at + 1) & table->index_mask;
    close_gap(table, at);
    session->is_indexed = false;
}
