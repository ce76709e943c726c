/* Stage 5: plaintext into the consumers' receive rings. worker_publish shows it once a turn. */
#include "worker_priv.h"

static enum sl_drop deliver_record(struct sl_worker *w, const struct rx_record *record,
                                   const struct sl_open_job *job, uint64_t now_ns)
{
    struct sl_session *session = record->session;
    if (session->handle != record->handle || session->state != SL_SESSION_ESTABLISHED)
        return SL_DROP_CLOSING;
    enum sl_drop drop;
    struct worker_consumer *consumer = worker_consumer_of(w, session, &drop);
    if (consumer == NULL)
        return drop;
    if (session->flags & SESSION_MOVED_PENDING)
        worker_tell_moved(w, session, now_ns);
    if (!worker_tell(w, consumer, SL_RING_DATA, 0, session->handle, now_ns, job->plain,
                     job->plain_len))
        return SL_DROP_RING_FULL;
    return SL_DROP_NONE;
}

void worker_deliver_burst(struct sl_worker *w, uint64_t now_ns)
{
    for (unsigned i = 0; i < w->rx.deliver_count; i++) {
        unsigned at = w->rx.deliver[i];
        enum sl_drop drop = deliver_record(w, &w->rx.records[at], &w->rx.jobs[at], now_ns);
        if (drop == SL_DROP_NONE)
            worker_count(w, SL_COUNTER_DELIVERED, 1);
        else
            worker_drop(w, drop);
    }
    w->rx.deliver_count = 0;
}
