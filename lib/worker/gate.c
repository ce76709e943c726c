/* Who may come in. What a session has been given it keeps, until the lists say otherwise. */
#include "worker_priv.h"

void worker_take_admission(struct sl_worker *w, const struct sl_admission_rules *rules)
{
    w->admission = rules;
    w->recheck_left = sl_session_table_capacity(w->table);
    w->admission_pending = true;
    w->reports_pending = true;
}

void worker_recheck(struct sl_worker *w, struct sl_session *session, uint64_t now_ns)
{
    if (session->state == SL_SESSION_FREE || session->state == SL_SESSION_CLOSING)
        return;
    if ((session->flags & SESSION_HAS_CANDIDATE) &&
        !worker_allows(w, &session->candidate.tuple.remote_ip))
        session->flags &= (uint8_t) ~(SESSION_HAS_CANDIDATE | SESSION_MOVED_PENDING);
    if (worker_allows(w, &session->path.tuple.remote_ip))
        return;
    if (session->state == SL_SESSION_ESTABLISHED)
        worker_close(w, session, SL_CLOSE_DENIED, true, now_ns);
    else
        worker_abort(w, session, now_ns);
}
