/* Stage 5: plaintext into the consumers' receive rings. worker_publish shows it once a turn. */
#include "worker_priv.h"

/** The consumer that is to have a record, told of what comes before it. */
static struct worker_consumer *settle(struct sl_worker *w, struct sl_session *session,
                                      enum sl_drop *drop, uint64_t now_ns)
{
    struct worker_consumer *consumer = worker_consumer_of(w, session, drop);
    if (consumer != NULL && (session->flags & SESSION_MOVED_PENDING))
        worker_tell_moved(w, session, now_ns);
    return consumer;
}

static inline enum sl_drop deliver_record(struct sl_worker *w, const struct rx_record *record,
                                          const struct sl_open_job *job, uint64_t now_ns)
{
    struct sl_session *session = record->session;
    if (session->handle != record->handle || session->state != SL_SESSION_ESTABLISHED)
        return SL_DROP_CLOSING;
    struct worker_consumer *consumer = worker_settled_consumer_of(w, session);
    if (consumer == NULL || (session->flags & SESSION_MOVED_PENDING)) {
        enum sl_drop drop;
        consumer = settle(w, session, &drop, now_ns);
        if (consumer == NULL)
            return drop;
    }
    bool is_told = worker_write_entry(w, consumer, SL_RING_DATA, 0, session->handle, now_ns,
                                      job->plain, job->plain_len);
    return is_told ? SL_DROP_NONE : SL_DROP_RING_FULL;
}

void worker_deliver_burst(struct sl_worker *w, uint64_t now_ns)
{
    unsigned delivered = 0;
    for (unsigned i = 0; i < w->rx.deliver_count; i++) {
        unsigned at = w->rx.deliver[i];
        enum sl_drop drop = deliver_record(w, &w->rx.records[at], &w->rx.jobs[at], now_ns);
        if (drop == SL_DROP_NONE)
            delivered++;
        else
            worker_drop(w, drop);
    }
    worker_count(w, SL_COUNTER_DELIVERED, delivered);
    w->rx.deliver_count = 0;
}
