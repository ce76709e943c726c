/* How sessions begin and end, and the clock hand that ends those nobody hears of. */
#include "sessions_priv.h"
#include "stages_priv.h"

/** What we have begun ourselves takes nothing of what is there for clients. */
static bool is_own(const struct sl_session *session)
{
    return session->attempt != 0;
}

void worker_enter_half_open(struct sl_worker *w, const struct sl_session *session)
{
    sl_counter_add(&w->counters.half_open, 1);
    if (is_own(session))
        return;
    w->half_open++;
    sl_prefix_count_add(w->in_flight, sl_prefix_hash(&w->prefixes, &session->path.tuple.remote_ip));
}

void worker_leave_half_open(struct sl_worker *w, const struct sl_session *session)
{
    sl_counter_add(&w->counters.half_open, UINT64_MAX);
    if (is_own(session))
        return;
    w->half_open--;
    sl_prefix_count_remove(w->in_flight,
                           sl_prefix_hash(&w->prefixes, &session->path.tuple.remote_ip));
}

static void gauge_sessions(struct sl_worker *w, int change)
{
    sl_counter_add(&w->counters.sessions, (uint64_t)(int64_t)change);
}

/** Gives the slot back once everybody who has to know it has been told. */
static void finish_close(struct sl_worker *w, struct sl_session *session, uint64_t patience_ns,
                         uint64_t now_ns)
{
    if (session->is_ending && now_ns - session->closing_since_ns >= CLOSE_EVENT_PATIENCE_NS)
        worker_forget_ending(w, session);
    if ((session->flags & SESSION_TELL_HANDSHAKER) && !session->is_ending &&
        worker_tell_closed(w, session))
        session->flags &= (uint8_t)~SESSION_TELL_HANDSHAKER;
    if ((session->flags & SESSION_TELL_CONSUMER)) {
        bool is_told = worker_tell_close(w, session, now_ns);
        if (!is_told && now_ns - session->closing_since_ns >= patience_ns) {
            worker_count(w, SL_COUNTER_EVENTS_LOST, 1);
            is_told = true;
        }
        if (is_told)
            session->flags &= (uint8_t)~SESSION_TELL_CONSUMER;
    }
    if (!(session->flags & (SESSION_TELL_HANDSHAKER | SESSION_TELL_CONSUMER)))
        sl_session_give_back(w->table, session);
}

/** Takes a session out of everything that leads packets to it. A handshake beside it lives on. */
static void begin_close(struct sl_worker *w, struct sl_session *session, uint8_t tell,
                        uint64_t now_ns)
{
    if (session->flags & SESSION_WAS_ESTABLISHED)
        gauge_sessions(w, -1);
    else
        worker_leave_half_open(w, session);
    worker_attempt_is_down(w, session);
    struct sl_session *successor = sl_session_successor(w->table, session);
    bool was_indexed = session->is_indexed;
    sl_session_unindex(w->table, session);
    sl_session_unlink(w->table, session);
    if (successor != NULL && was_indexed && !sl_session_index(w->table, successor))
        __builtin_unreachable(); /* the tuple has just been freed */
    session->state = SL_SESSION_CLOSING;
    session->flags |= tell;
    session->closing_since_ns = now_ns;
    finish_close(w, session, CLOSE_EVENT_PATIENCE_NS, now_ns);
}

void worker_close(struct sl_worker *w, struct sl_session *session, uint8_t reason,
                  bool close_notify, uint64_t now_ns)
{
    session->close_reason = reason;
    if (close_notify && session->state == SL_SESSION_LEGACY)
        worker_close_legacy(w, session);
    else if (close_notify)
        worker_send_close_notify(w, session);
    worker_count(w, SL_COUNTER_SESSIONS_CLOSED, 1);
    uint8_t tell = SESSION_TELL_CONSUMER;
    if (!session->is_preloaded)
        tell |= SESSION_TELL_HANDSHAKER;
    begin_close(w, session, tell, now_ns);
}

void worker_abort(struct sl_worker *w, struct sl_session *session, uint64_t now_ns)
{
    begin_close(w, session, SESSION_TELL_HANDSHAKER, now_ns);
}

void worker_end(struct sl_worker *w, struct sl_session *session,
                const struct sl_message_abort *abort, uint64_t now_ns)
{
    const bool is_limit = abort->cause == SL_ABORT_FORGERIES;
    switch (session->state) {
    case SL_SESSION_ESTABLISHED: /* has nothing to do with it any more */
        break;
    case SL_SESSION_LEGACY:
        worker_close(w, session, is_limit ? SL_CLOSE_LIMIT : SL_CLOSE_PEER, false, now_ns);
        break;
    case SL_SESSION_CLOSING:
        worker_forget_ending(w, session);
        finish_close(w, session, CLOSE_EVENT_PATIENCE_NS, now_ns);
        break;
    default:
        worker_abort(w, session, now_ns);
    }
}

/** Of what a consumer may send: a message that is no shorter than this does not fit the path. */
static void set_send_limit(const struct sl_worker *w, struct sl_session *session)
{
    if (session->state == SL_SESSION_LEGACY) {
        session->send_limit = (uint16_t)(worker_legacy_payload_max(w, session) + 1);
        return;
    }
    const unsigned path_max = worker_path_payload_max(w, &session->path);
    const unsigned around = sl_record_sealed_len(session->epoch, 0);
    unsigned limit = path_max < around ? 0 : path_max - around + 1;
    if (limit > session->epoch->plain_max + 1U)
        limit = session->epoch->plain_max + 1U;
    session->send_limit = (uint16_t)limit;
}

void worker_establish(struct sl_worker *w, struct sl_session *session,
                      const struct sl_message_established *established, uint64_t now_ns)
{
    const unsigned before = established->is_legacy ? SL_SESSION_HANDSHAKE : SL_SESSION_KEYED;
    if (session->state != before)
        return;
    session->state = established->is_legacy ? SL_SESSION_LEGACY : SL_SESSION_ESTABLISHED;
    session->flags |= SESSION_WAS_ESTABLISHED;
    session->last_active_ns = now_ns;
    session->expires_ns = established->expires_ns;
    set_send_limit(w, session);
    w->identities[sl_handle_slot(session->handle)] = established->identity;
    w->chains[sl_handle_slot(session->handle)] = established->chain;
    worker_leave_half_open(w, session);
    gauge_sessions(w, 1);
    worker_count(w, SL_COUNTER_SESSIONS_OPENED, 1);

    /* The old session of a client that restarted; closing it gives its 5-tuple to this one. */
    struct sl_session *predecessor = sl_session_predecessor(w->table, session);
    if (predecessor != NULL)
        worker_close(w, predecessor, SL_CLOSE_REPLACED, false, now_ns);
    if (session->has_cid)
        session->flags |= SESSION_KEEPS_TUPLE;
    worker_attempt_is_up(w, session, now_ns);
    worker_inherit_consumer(w, session);
    enum sl_drop ignored;
    worker_consumer_of(w, session, &ignored);
}

void worker_establish_preloaded(struct sl_worker *w, struct sl_session *session, uint64_t now_ns)
{
    session->state = SL_SESSION_ESTABLISHED;
    session->flags |= SESSION_WAS_ESTABLISHED | SESSION_HOP_UNKNOWN;
    session->is_preloaded = true;
    session->last_active_ns = now_ns;
    session->send_limit = 0;
    w->identities[sl_handle_slot(session->handle)] = (struct sl_identity){
        .method = SL_IDENTITY_NONE, .cid_len = session->has_cid ? SL_OWN_CID_LEN : 0};
    gauge_sessions(w, 1);
    worker_count(w, SL_COUNTER_SESSIONS_PRELOADED, 1);
}

void worker_learn_hop(struct sl_worker *w, struct sl_session *session, const struct sl_hop *hop)
{
    session->path.hop = *hop;
    session->flags &= (uint8_t)~SESSION_HOP_UNKNOWN;
    set_send_limit(w, session);
}

void worker_move(struct sl_worker *w, struct sl_session *session, const struct sl_path *path)
{
    worker_leave_tuple(w, session);
    session->path = *path;
    session->flags &= (uint8_t)~SESSION_HOP_UNKNOWN;
    set_send_limit(w, session);
    worker_count(w, SL_COUNTER_MOVED, 1);
}

static void sweep_established(struct sl_worker *w, struct sl_session *session, uint64_t now_ns)
{
    if (now_ns - session->last_active_ns > w->config.idle_timeout_ns ||
        worker_has_vanished(w, session, now_ns)) {
        worker_count(w, SL_COUNTER_SESSIONS_EXPIRED, 1);
        worker_close(w, session, SL_CLOSE_IDLE, true, now_ns);
        return;
    }
    if (session->expires_ns != 0 && now_ns >= session->expires_ns) {
        worker_close(w, session, SL_CLOSE_EXPIRED, true, now_ns);
        return;
    }
    enum sl_drop ignored;
    if (worker_consumer_of(w, session, &ignored) != NULL &&
        (session->flags & SESSION_MOVED_PENDING))
        worker_tell_moved(w, session, now_ns);
}

/** The handshaker knows more, and mostly says it before the hand comes by. */
static const struct sl_message_abort timed_out = {.cause = SL_ABORT_TIMED_OUT};

static void sweep_slot(struct sl_worker *w, struct sl_session *session, uint64_t now_ns)
{
    switch (session->state) {
    case SL_SESSION_FREE:
        break;
    case SL_SESSION_HANDSHAKE:
    case SL_SESSION_KEYED:
        if (w->is_stopping) {
            worker_abort(w, session, now_ns);
        } else if (now_ns - session->last_active_ns > w->config.handshake_timeout_ns) {
            worker_count(w, SL_COUNTER_HANDSHAKES_EXPIRED, 1);
            worker_explain_abort(w, session, &timed_out);
            worker_abort(w, session, now_ns);
        }
        break;
    case SL_SESSION_ESTABLISHED:
    case SL_SESSION_LEGACY:
        if (w->is_stopping)
            worker_close(w, session, SL_CLOSE_SHUTDOWN, true, now_ns);
        else
            sweep_established(w, session, now_ns);
        break;
    default:
        finish_close(w, session, w->is_stopping ? 0 : CLOSE_EVENT_PATIENCE_NS, now_ns);
    }
}

/** How many slots the hand moves on in this turn. */
static unsigned slots_due(struct sl_worker *w, uint64_t now_ns)
{
    if (w->is_stopping)
        return worker_is_held_up(w, now_ns) ? 0 : SWEEP_SLOTS_MAX;
    if (w->recheck_left > 0) /* whoever is denied does not stay until his alert finds room */
        return SWEEP_SLOTS_MAX;
    const uint64_t slot_ns = worker_sweep_slot_ns(w);
    uint64_t due = (now_ns - w->swept_ns) / slot_ns;
    if (w->swept_ns == 0 || due > SWEEP_SLOTS_MAX) {
        due = SWEEP_SLOTS_MAX;
        w->swept_ns = now_ns;
        return (unsigned)due;
    }
    w->swept_ns += due * slot_ns;
    return (unsigned)due;
}

bool worker_sweep(struct sl_worker *w, uint64_t now_ns)
{
    uint32_t capacity = sl_session_table_capacity(w->table);
    for (unsigned due = slots_due(w, now_ns); due > 0; due--) {
        struct sl_session *session = sl_session_at(w->table, w->hand);
        if (w->recheck_left > 0) {
            worker_recheck(w, session, now_ns);
            w->recheck_left--;
        }
        sweep_slot(w, session, now_ns);
        w->tell_left -= w->tell_left > 0;
        w->hand = w->hand + 1 < capacity ? w->hand + 1 : 0;
        if (w->is_stopping && w->stop_left > 0)
            w->stop_left--;
    }
    if (w->is_stopping && !w->is_stopped && w->stop_left == 0 && w->ending == 0 &&
        !worker_has_backlog(w, now_ns)) {
        w->is_stopped = true;
        w->stopped_pending = true;
        w->reports_pending = true;
    }
    return w->recheck_left > 0 || (w->is_stopping && !w->is_stopped);
}

/** Two rounds of the hand: one closes, the other finishes what had somebody still to be told. */
void worker_stop(struct sl_worker *w)
{
    w->is_stopping = true;
    w->stop_left = 2 * sl_session_table_capacity(w->table);
}
