#include <assert.h>
#include <errno.h>

#include "session_priv.h"

#define GENERATION_SHIFT (SL_HANDLE_SLOT_BITS + SL_HANDLE_WORKER_BITS)

size_t sl_session_table_memory_len(uint32_t sessions_max, size_t epoch_len)
{
    return sl_arena_cost(sizeof(struct sl_session_table)) +
           sl_arena_cost(sizeof(struct sl_session) * sessions_max) +
           sl_arena_cost(epoch_len * sessions_max) +
           sl_arena_cost(sizeof(uint64_t) * sessions_max) +
           sl_arena_cost(sizeof(struct index_place) * session_index_places(sessions_max));
}

static void free_slot_append(struct sl_session_table *table, uint32_t slot)
{
    struct sl_session *session = &table->places.sessions[slot];
    session->next_free = SL_SLOT_NONE;
    session->previous_free = table->last_free;
    if (table->first_free == SL_SLOT_NONE)
        table->first_free = slot;
    else
        table->places.sessions[table->last_free].next_free = slot;
    table->last_free = slot;
}

static void free_slot_remove(struct sl_session_table *table, uint32_t slot)
{
    const struct sl_session *session = &table->places.sessions[slot];
    if (session->previous_free == SL_SLOT_NONE)
        table->first_free = session->next_free;
    else
        table->places.sessions[session->previous_free].next_free = session->next_free;
    if (session->next_free == SL_SLOT_NONE)
        table->last_free = session->previous_free;
    else
        table->places.sessions[session->next_free].previous_free = session->previous_free;
}

/**
 * Somewhere in the lower half of what a handle has room for, and elsewhere in each process: a
 * handle that a consumer has kept from the gateway before must not name somebody else's session.
 */
static uint64_t first_generation(const struct sl_session_table *table)
{
    const uint64_t no_tag = UINT64_MAX; /* the tags of connection IDs count from 0 */
    return sl_siphash(table->tag_key, &no_tag, sizeof no_tag) >> (GENERATION_SHIFT + 1);
}

struct sl_session_table *sl_session_table_create(struct sl_arena *arena, uint32_t sessions_max,
                                                 size_t epoch_len, unsigned worker,
                                                 const uint8_t seed[32])
{
    assert(sessions_max > 0 && sessions_max <= SL_SESSIONS_MAX);
    uint32_t places = session_index_places(sessions_max);
    struct sl_session_table *table = sl_arena_take(arena, sizeof *table);
    if (table == NULL)
        return NULL;
    table->places.sessions = sl_arena_take(arena, sizeof *table->places.sessions * sessions_max);
    table->places.epochs = sl_arena_take(arena, epoch_len * sessions_max);
    table->generations = sl_arena_take(arena, sizeof *table->generations * sessions_max);
    table->index = sl_arena_take(arena, sizeof *table->index * places);
    if (table->places.sessions == NULL || table->places.epochs == NULL ||
        table->generations == NULL || table->index == NULL)
        return NULL;

    table->places.capacity = sessions_max;
    table->places.epoch_len = epoch_len;
    table->index_mask = places - 1;
    table->worker = worker;
    memcpy(table->index_key, seed, 16);
    memcpy(table->tag_key, seed + 16, 16);
    uint64_t generation = first_generation(table);
    table->first_free = table->last_free = SL_SLOT_NONE;
    for (uint32_t i = 0; i < places; i++)
        table->index[i].slot = SL_SLOT_NONE;
    for (uint32_t slot = 0; slot < sessions_max; slot++) {
        table->generations[slot] = generation;
        free_slot_append(table, slot);
    }
    return table;
}

const struct sl_session_places *sl_session_table_places(const struct sl_session_table *table)
{
    return &table->places;
}

uint32_t sl_session_table_capacity(const struct sl_session_table *table)
{
    return table->places.capacity;
}

/** Layout 0. The tag is a PRF of a counter. */
static void cid_write(struct sl_session_table *table, uint8_t cid[SL_OWN_CID_LEN], uint8_t shard,
                      uint32_t slot)
{
    uint64_t counter = table->tag_counter++;
    uint64_t tag = sl_siphash(table->tag_key, &counter, sizeof counter) & 0xffffffff;
    sl_store_be64(cid, (uint64_t)shard << 52 | (uint64_t)slot << 32 | tag);
}

/** Makes a session of a free slot, without a connection ID. */
static struct sl_session *begin(struct sl_session_table *table, uint32_t slot)
{
    struct sl_session *session = &table->places.sessions[slot];
    free_slot_remove(table, slot);
    memset(session, 0, sizeof *session);
    session->handle = ++table->generations[slot] << GENERATION_SHIFT |
                      (uint64_t)table->worker << SL_HANDLE_SLOT_BITS | slot;
    session->state = SL_SESSION_HANDSHAKE;
    session->successor = SL_SLOT_NONE;
    session->predecessor = SL_SLOT_NONE;
    session->next_free = session->previous_free = SL_SLOT_NONE;
    return session;
}

struct sl_session *sl_session_take(struct sl_session_table *table, uint8_t shard)
{
    uint32_t slot = table->first_free;
    if (slot == SL_SLOT_NONE)
        return NULL;
    struct sl_session *session = begin(table, slot);
    cid_write(table, session->own_cid, shard, slot);
    return session;
}

int sl_session_take_cid(struct sl_session_table *table, const uint8_t cid[SL_OWN_CID_LEN],
                        struct sl_session **out)
{
    const struct sl_cid_fields fields = sl_cid_parse(cid);
    if (fields.layout != 0)
        return -EINVAL;
    if (fields.slot >= table->places.capacity)
        return -ERANGE;
    if (table->places.sessions[fields.slot].state != SL_SESSION_FREE)
        return -EEXIST;
    *out = begin(table, fields.slot);
    memcpy((*out)->own_cid, cid, SL_OWN_CID_LEN);
    return 0;
}

void sl_session_give_back(struct sl_session_table *table, struct sl_session *session)
{
    assert(session->state != SL_SESSION_FREE);
    uint32_t slot = sl_handle_slot(session->handle);
    sl_session_unindex(table, session);
    sl_session_unlink(table, session);
    if (session->epoch != NULL)
        sl_epoch_wipe(session->epoch, table->places.epoch_len);
    memset(session, 0, sizeof *session);
    free_slot_append(table, slot);
}

struct sl_session *sl_session_at(struct sl_session_table *table, uint32_t slot)
{
    assert(slot < table->places.capacity);
    return &table->places.sessions[slot];
}

struct sl_session *sl_session_of_handle(struct sl_session_table *table, uint64_t handle)
{
    uint32_t slot = sl_handle_slot(handle);
    if (slot >= table->places.capacity ||
        !sl_session_has_handle(&table->places.sessions[slot], handle))
        return NULL;
    return &table->places.sessions[slot];
}

struct sl_epoch *sl_session_take_epoch(struct sl_session_table *table, struct sl_session *session)
{
    assert(session->epoch == NULL);
    session->epoch =
        sl_session_epoch_at(&table->places, (uint32_t)(session - table->places.sessions));
    return session->epoch;
}

void sl_session_link_successor(struct sl_session_table *table, struct sl_session *session,
                               struct sl_session *successor)
{
    assert(session->successor == SL_SLOT_NONE && successor->predecessor == SL_SLOT_NONE);
    session->successor = (uint32_t)(successor - table->places.sessions);
    successor->predecessor = (uint32_t)(session - table->places.sessions);
}

struct sl_session *sl_session_successor(struct sl_session_table *table,
                                        const struct sl_session *session)
{
    return session->successor != SL_SLOT_NONE ? &table->places.sessions[session->successor] : NULL;
}

struct sl_session *sl_session_predecessor(struct sl_session_table *table,
                                          const struct sl_session *session)
{
    return session->predecessor != SL_SLOT_NONE ? &table->places.sessions[session->predecessor]
                                                : NULL;
}

void sl_session_unlink(struct sl_session_table *table, struct sl_session *session)
{
    struct sl_session *successor = sl_session_successor(table, session);
    if (successor != NULL)
        successor->predecessor = SL_SLOT_NONE;
    struct sl_session *predecessor = sl_session_predecessor(table, session);
    if (predecessor != NULL)
        predecessor->successor = SL_SLOT_NONE;
    session->successor = SL_SLOT_NONE;
    session->predecessor = SL_SLOT_NONE;
}
