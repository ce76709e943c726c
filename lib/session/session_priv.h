/** What table.c and index.c share. */
#ifndef SESSION_PRIV_H
#define SESSION_PRIV_H

#include "sl_session.h"

/** One place of the 5-tuple index: open addressing, linear probing. slot SL_SLOT_NONE: empty. */
struct index_place {
    uint32_t hash;
    uint32_t slot;
};

struct sl_session_table {
    struct sl_session_places places;
    uint64_t *generations;     /* [capacity] of the handle given out last */
    struct index_place *index; /* [index_mask + 1] */
    uint32_t first_free;       /* free slots, oldest first, so that a slot rests before reuse */
    uint32_t last_free;
    uint32_t index_mask;
    unsigned worker;
    uint64_t tag_counter;
    uint8_t index_key[16];
    uint8_t tag_key[16];
};

/** Places in the index for a table of this capacity: a power of two, at most half full. */
uint32_t session_index_places(uint32_t capacity);

#endif
