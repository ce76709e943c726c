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

/** The ring is full; or its consumer's index is none, and it is worth nothing any more. */
static enum sl_drop refuse(struct sl_worker *w, struct worker_consumer *consumer)
{
    if (consumer->attachment->receive.corrupt)
        worker_evict(w, consumer);
    return SL_DROP_RING_FULL;
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
    struct sl_ring_producer *ring = &consumer->attachment->receive;
    struct sl_ring_entry *entry = sl_ring_reserve(ring, job->plain_len);
    if (entry == NULL)
        return refuse(w, consumer);
    entry->kind = SL_RING_DATA;
    entry->worker = (uint8_t)w->config.index;
    entry->session = session->handle;
    entry->time_ns = now_ns;
    memcpy(entry + 1, job->plain, job->plain_len);
    sl_ring_commit(ring, entry, job->plain_len);
    consumer->has_news = true;
    return SL_DROP_NONE;
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
    w->consumer_news |= delivered > 0;
    worker_count(w, SL_COUNTER_DELIVERED, delivered);
    w->rx.deliver_count = 0;
}
