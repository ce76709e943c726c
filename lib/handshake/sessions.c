#include <stdlib.h>

#include <openssl/crypto.h>

#include "kept_priv.h"

bool sl_handshake_init_sessions(struct sessions *sessions, unsigned max)
{
    *sessions = (struct sessions){.max = max};
    if (max == 0)
        return true;
    sessions->kept = calloc(max, sizeof *sessions->kept);
    return sessions->kept != NULL && sl_handshake_init_table(&sessions->by_number, max);
}

static void drop_bytes(struct kept_session *kept)
{
    if (kept->bytes != NULL)
        OPENSSL_cleanse(kept->bytes, kept->len);
    free(kept->bytes);
    kept->bytes = NULL;
}

void sl_handshake_wipe_sessions(struct sessions *sessions)
{
    for (unsigned i = 0; sessions->kept != NULL && i < sessions->max; i++)
        drop_bytes(&sessions->kept[i]);
    free(sessions->kept);
    sessions->kept = NULL;
    sl_handshake_wipe_table(&sessions->by_number);
}

static struct kept_session *find(const struct sessions *sessions, uint64_t number)
{
    return sessions->max > 0 ? sl_handshake_find(&sessions->by_number, number) : NULL;
}

static void forget(struct sessions *sessions, struct kept_session *kept)
{
    if (kept->bytes != NULL)
        sl_handshake_remove(&sessions->by_number, kept->number);
    drop_bytes(kept);
}

/** The place of the oldest, which is forgotten, for another number. */
static struct kept_session *take_place(struct sessions *sessions)
{
    struct kept_session *place = &sessions->kept[sessions->made++ % sessions->max];
    forget(sessions, place);
    return place;
}

void sl_handshake_keep_session(struct sessions *sessions, const struct kept_session *session)
{
    uint8_t *copy = sessions->max > 0 ? malloc(session->len) : NULL;
    if (copy == NULL)
        return;
    memcpy(copy, session->bytes, session->len);
    struct kept_session *place = find(sessions, session->number);
    bool is_new = place == NULL;
    if (is_new)
        place = take_place(sessions);
    else
        drop_bytes(place);
    *place = *session;
    place->bytes = copy;
    if (is_new)
        sl_handshake_insert(&sessions->by_number, place->number, place);
}

const struct kept_session *sl_handshake_find_session(const struct sessions *sessions,
                                                     uint64_t number)
{
    return find(sessions, number);
}

void sl_handshake_forget_session(struct sessions *sessions, uint64_t number)
{
    struct kept_session *kept = find(sessions, number);
    if (kept != NULL)
        forget(sessions, kept);
}
