/* What control asks about sessions, a few slots in each turn: a table is long, and packets wait. */
#include "sessions_priv.h"

#define SLOTS_PER_TURN 64

void worker_list_forged(struct sl_worker *w, const struct sl_message_list *question)
{
    w->listing = question->number;
    w->listed = 0;
    w->is_listing = true;
    w->reports_pending = true;
}

static uint64_t forged_of(const struct sl_session *session)
{
    if (session->state == SL_SESSION_KEYED || session->state == SL_SESSION_ESTABLISHED)
        return session->epoch->forged;
    return session->state == SL_SESSION_LEGACY ? session->forged : 0;
}

static void add(struct sl_message_listed *answer, const struct sl_session *session)
{
    answer->each[answer->count++] =
        (struct sl_listed_session){.handle = session->handle,
                                   .forged = forged_of(session),
                                   .remote_ip = session->path.tuple.remote_ip,
                                   .remote_port = session->path.tuple.remote_port};
}

bool worker_list_more(struct sl_worker *w)
{
    const uint32_t capacity = sl_session_table_capacity(w->table);
    struct sl_message_listed answer = {.number = w->listing};
    uint32_t slot = w->listed;
    for (unsigned n = 0; n < SLOTS_PER_TURN && slot < capacity && answer.count < SL_LISTED_MAX;
         n++, slot++) {
        const struct sl_session *session = sl_session_at(w->table, slot);
        if (forged_of(session) > 0)
            add(&answer, session);
    }
    answer.is_last = slot >= capacity;
    if ((answer.count > 0 || answer.is_last) &&
        !sl_message_send(w->config.to_control, SL_MESSAGE_LISTED, w->config.index, &answer,
                         sizeof answer, NULL, 0))
        return false; /* the same slots in the next turn */
    w->listed = slot;
    w->is_listing = !answer.is_last;
    return !w->is_listing;
}
