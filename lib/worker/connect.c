/* Sessions that the gateway begins: from control's message to the handshaker's, and back what
 * became of them. Between the two they are sessions as all others. */
#include "sessions_priv.h"
#include "stages_priv.h"

struct worker_attempt *worker_take_attempt(struct sl_worker *w, uint32_t number)
{
    struct worker_attempt *attempt = &w->attempts[sl_attempt_index(number)];
    if (attempt->number != number) /* else it has sought its next hop here */
        *attempt = (struct worker_attempt){.number = number, .seeks = NEXT_HOP_NONE};
    return attempt;
}

static struct worker_attempt *attempt_of(struct sl_worker *w, const struct sl_session *session)
{
    struct worker_attempt *attempt = &w->attempts[sl_attempt_index(session->attempt)];
    return session->attempt != 0 && attempt->number == session->attempt ? attempt : NULL;
}

void worker_tell_attempt(struct sl_worker *w, struct worker_attempt *attempt,
                         enum attempt_news news)
{
    attempt->news |= (uint8_t)news;
    w->attempts_news = true;
    w->reports_pending = true;
}

static void fail(struct sl_worker *w, struct worker_attempt *attempt, enum sl_down_cause cause)
{
    attempt->down.cause = (uint8_t)cause;
    worker_tell_attempt(w, attempt, NEWS_DOWN);
}

void worker_begin(struct sl_worker *w, const struct sl_message_begin *message, uint64_t now_ns)
{
    struct worker_attempt *attempt = worker_take_attempt(w, message->attempt);
    attempt->down = (struct sl_message_down){.attempt = message->attempt};
    memcpy(attempt->name, message->name, sizeof attempt->name);
    attempt->replaces = message->replaces;
    attempt->silence_ns = message->silence_ns;
    attempt->request = message->request;
    attempt->consumer = message->consumer > 0 ? w->consumers[message->consumer - 1].key : 0;
    const struct sl_tuple *tuple = &message->path.tuple;
    if (w->is_stopping) {
        fail(w, attempt, SL_DOWN_STOPPING);
        return;
    }
    if (!worker_allows(w, &tuple->remote_ip)) {
        fail(w, attempt, SL_DOWN_DENIED);
        return;
    }
    if (sl_session_find_tuple(w->table, tuple) != NULL) {
        fail(w, attempt, SL_DOWN_TUPLE_TAKEN);
        return;
    }
    struct sl_session *session = sl_session_take(w->table, worker_shard_of(tuple));
    if (session == NULL) {
        fail(w, attempt, SL_DOWN_NO_SLOT);
        return;
    }
    session->path = message->path;
    session->service = message->service;
    session->last_active_ns = now_ns;
    if (!worker_tell_connect(w, session, message)) {
        sl_session_give_back(w->table, session); /* nobody has heard of it */
        fail(w, attempt, SL_DOWN_HANDSHAKER_BUSY);
        return;
    }
    session->attempt = message->attempt;
    session->consumer = attempt->consumer;
    attempt->session = session->handle;
    if (!sl_session_index(w->table, session))
        __builtin_unreachable(); /* nobody has the tuple */
    worker_enter_half_open(w, session);
}

void worker_hang_up(struct sl_worker *w, const struct sl_message_hang_up *message, uint64_t now_ns)
{
    const struct worker_attempt *attempt = &w->attempts[sl_attempt_index(message->attempt)];
    struct sl_session *session = attempt->number == message->attempt
                                     ? sl_session_of_handle(w->table, attempt->session)
                                     : NULL;
    if (session == NULL || session->state == SL_SESSION_CLOSING)
        return; /* `down` is under way */
    if (session->state == SL_SESSION_ESTABLISHED)
        worker_close(w, session, message->reason, true, now_ns);
    else
        worker_abort(w, session, now_ns);
}

void worker_explain_abort(struct sl_worker *w, const struct sl_session *session,
                          const struct sl_message_abort *why)
{
    struct worker_attempt *attempt = attempt_of(w, session);
    if (attempt != NULL)
        attempt->down.abort = *why;
}

void worker_describe_attempt(struct sl_worker *w, const struct sl_session *session,
                             const struct worker_consumer *consumer, struct sl_opened *opened)
{
    const struct worker_attempt *attempt = attempt_of(w, session);
    if (attempt == NULL)
        return;
    memcpy(opened->connection, attempt->name, sizeof opened->connection);
    opened->replaces = attempt->replaces;
    if (attempt->consumer == consumer->key)
        opened->request = attempt->request;
}

void worker_inherit_consumer(struct sl_worker *w, struct sl_session *session)
{
    const struct worker_attempt *attempt = attempt_of(w, session);
    if (attempt == NULL || attempt->replaces == 0)
        return;
    const struct sl_session *old = sl_session_of_handle(w->table, attempt->replaces);
    if (old != NULL && old->state == SL_SESSION_ESTABLISHED)
        session->consumer = old->consumer;
}

void worker_fail_request(struct sl_worker *w, const struct sl_message_fail *message)
{
    struct worker_attempt *attempt = worker_take_attempt(w, message->attempt);
    attempt->down = (struct sl_message_down){.attempt = message->attempt};
    attempt->consumer = w->consumers[message->consumer].key;
    attempt->failed = message->failed;
    attempt->has_failed = true;
    w->has_failures = true;
}

/** False when its ring is full: again in a later turn. */
static bool tell_failure(struct sl_worker *w, struct worker_attempt *attempt, uint64_t now_ns)
{
    struct worker_consumer *consumer = &w->consumers[attempt->consumer & (SL_CONSUMERS_MAX - 1)];
    if (attempt->consumer == 0 || consumer->key != attempt->consumer)
        return true; /* it is gone */
    return worker_tell(w, consumer, SL_RING_FAILED, 0, 0, now_ns, &attempt->failed,
                       sizeof attempt->failed);
}

void worker_tell_failures(struct sl_worker *w, uint64_t now_ns)
{
    w->has_failures = false;
    for (unsigned i = 0; i < SL_ATTEMPTS_MAX; i++) {
        struct worker_attempt *attempt = &w->attempts[i];
        if (!attempt->has_failed)
            continue;
        attempt->has_failed = !tell_failure(w, attempt, now_ns);
        if (attempt->has_failed)
            w->has_failures = true;
        else
            worker_tell_attempt(w, attempt, NEWS_DOWN);
    }
}

bool worker_note_attempt_usage(struct sl_worker *w, const struct sl_session *session,
                               const struct sl_message_usage *usage)
{
    struct worker_attempt *attempt = attempt_of(w, session);
    if (attempt == NULL)
        return false;
    attempt->usage = *usage;
    worker_tell_attempt(w, attempt, NEWS_USAGE);
    return true;
}

void worker_attempt_is_up(struct sl_worker *w, const struct sl_session *session, uint64_t now_ns)
{
    struct worker_attempt *attempt = attempt_of(w, session);
    if (attempt == NULL)
        return;
    attempt->heard_ns = now_ns;
    worker_tell_attempt(w, attempt, NEWS_UP);
}

bool worker_has_vanished(struct sl_worker *w, const struct sl_session *session, uint64_t now_ns)
{
    struct worker_attempt *attempt = attempt_of(w, session);
    if (attempt == NULL || attempt->silence_ns == 0)
        return false;
    if (session->epoch->replay.newest != attempt->heard) {
        attempt->heard = session->epoch->replay.newest;
        attempt->heard_ns = now_ns;
    }
    return now_ns - attempt->heard_ns > attempt->silence_ns;
}

void worker_attempt_is_down(struct sl_worker *w, const struct sl_session *session)
{
    struct worker_attempt *attempt = attempt_of(w, session);
    if (attempt == NULL)
        return;
    attempt->down.close_reason = session->close_reason;
    fail(w, attempt, session->flags & SESSION_WAS_ESTABLISHED ? SL_DOWN_CLOSED : SL_DOWN_ABORTED);
}

static bool send_news(struct sl_worker *w, const struct worker_attempt *attempt,
                      enum attempt_news news)
{
    struct sl_ring_producer *to = w->config.to_control;
    const struct sl_message_up up = {.attempt = attempt->number};
    if (news == NEWS_HOP)
        return sl_message_send(to, SL_MESSAGE_HOP, 0, &attempt->hop, sizeof attempt->hop, NULL, 0);
    if (news == NEWS_UP)
        return sl_message_send(to, SL_MESSAGE_UP, attempt->session, &up, sizeof up, NULL, 0);
    if (news == NEWS_USAGE)
        return sl_message_send(to, SL_MESSAGE_USAGE, attempt->session, &attempt->usage,
                               sizeof attempt->usage, NULL, 0);
    return sl_message_send(to, SL_MESSAGE_DOWN, attempt->session, &attempt->down,
                           sizeof attempt->down, NULL, 0);
}

/** In the order in which they came about. */
static bool report(struct sl_worker *w, struct worker_attempt *attempt)
{
    for (unsigned news = NEWS_HOP; news <= NEWS_DOWN; news <<= 1) {
        if (!(attempt->news & news))
            continue;
        if (!send_news(w, attempt, (enum attempt_news)news))
            return false;
        attempt->news &= (uint8_t)~news;
    }
    return true;
}

bool worker_report_attempts(struct sl_worker *w)
{
    bool all_told = true;
    for (unsigned i = 0; i < SL_ATTEMPTS_MAX && all_told; i++)
        if (w->attempts[i].news != 0)
            all_told = report(w, &w->attempts[i]);
    w->attempts_news = !all_told;
    return all_told;
}
