/* Consumers of this worker: attached and detached, which sessions they serve, what they are told.
 */
#include <assert.h>

#include "sessions_priv.h"

/** A session holds its consumer's key: index in the low bits, a serial number above, never 0. */
#define KEY_INDEX_BITS 6
#define KEY_SERIAL_MAX (UINT32_MAX >> KEY_INDEX_BITS)
static_assert(SL_CONSUMERS_MAX == 1 << KEY_INDEX_BITS, "the key's low bits are an index");

/**
 * Two consumers at once differ by their index, and one and its successors by the serial number.
 * When that comes round, after 2^26 registrations, the sweep has long found all who held the old
 * key.
 */
static uint32_t next_key(struct sl_worker *w, uint32_t index)
{
    w->consumer_serial = w->consumer_serial % KEY_SERIAL_MAX + 1;
    return w->consumer_serial << KEY_INDEX_BITS | index;
}

void worker_attach(struct sl_worker *w, struct sl_attachment *attachment)
{
    struct worker_consumer *consumer = &w->consumers[attachment->consumer];
    assert(consumer->attachment == NULL);
    *consumer = (struct worker_consumer){
        .attachment = attachment,
        .key = next_key(w, attachment->consumer),
    };
    if (attachment->consumer >= w->consumer_count)
        w->consumer_count = attachment->consumer + 1;
    w->tell_left = sl_session_table_capacity(w->table);
}

/** Its sessions notice by the key, each when it is next looked at. */
void worker_detach(struct sl_worker *w, struct sl_attachment *attachment)
{
    struct worker_consumer *consumer = &w->consumers[attachment->consumer];
    if (consumer->attachment != attachment)
        return;
    consumer->key = 0;
    consumer->detach_pending = true;
    w->reports_pending = true;
    w->tell_left = sl_session_table_capacity(w->table);
}

void worker_evict(struct sl_worker *w, struct worker_consumer *consumer)
{
    if (consumer->is_evicted)
        return;
    worker_count(w, SL_COUNTER_EVICTIONS, 1);
    consumer->is_evicted = true;
    consumer->evict_pending = true;
    consumer->key = 0;
    w->reports_pending = true;
}

static bool is_serving(const struct worker_consumer *consumer)
{
    return consumer->key != 0;
}

/** The next consumer of the service in turn. */
static struct worker_consumer *assign(struct sl_worker *w, const struct sl_session *session)
{
    for (unsigned i = 0; i < w->consumer_count; i++) {
        unsigned at = (w->next_assignment + i) % w->consumer_count;
        struct worker_consumer *consumer = &w->consumers[at];
        if (is_serving(consumer) && consumer->attachment->service == session->service) {
            w->next_assignment = at + 1;
            return consumer;
        }
    }
    return NULL;
}

bool worker_tell(struct sl_worker *w, struct worker_consumer *consumer, uint8_t kind,
                 uint16_t detail, uint64_t session, uint64_t time_ns, const void *payload,
                 uint32_t payload_len)
{
    struct sl_ring_label label = sl_ring_label(kind, (uint8_t)w->config.index, detail);
    w->consumer_news = true;
    return worker_write_entry(w, consumer, label, session, time_ns, payload, payload_len);
}

/** Identity and chain in one entry; without the chain where the ring could never hold both. */
static bool write_open(struct sl_worker *w, struct worker_consumer *consumer,
                       const struct sl_session *session, const struct sl_opened *opened)
{
    const struct sl_peer_chain *chain = w->chains[sl_handle_slot(session->handle)];
    struct sl_ring_producer *ring = &consumer->attachment->receive;
    uint32_t len = (uint32_t)sizeof *opened + (chain != NULL ? chain->len : 0);
    if (chain == NULL || sizeof(struct sl_ring_entry) + len > sl_ring_entry_max(ring->size))
        return worker_tell(w, consumer, SL_RING_OPEN, 0, session->handle, session->last_active_ns,
                           opened, sizeof *opened);
    struct sl_ring_entry *entry = sl_ring_reserve(ring, len);
    if (entry == NULL) {
        if (ring->corrupt)
            worker_evict(w, consumer);
        return false;
    }
    entry->kind = SL_RING_OPEN;
    entry->worker = (uint8_t)w->config.index;
    entry->session = session->handle;
    entry->time_ns = session->last_active_ns;
    sl_ring_fill(entry, opened, sizeof *opened);
    memcpy((uint8_t *)(entry + 1) + sizeof *opened, chain->bytes, chain->len);
    sl_ring_commit(ring, entry, len);
    w->consumer_news = true;
    consumer->has_news = true;
    return true;
}

static bool tell_open(struct sl_worker *w, struct sl_session *session,
                      struct worker_consumer *consumer)
{
    const struct sl_tuple *tuple = &session->path.tuple;
    struct sl_opened opened = {.identity = w->identities[sl_handle_slot(session->handle)]};
    struct sl_identity *identity = &opened.identity;
    /* Where it is now: one who takes a session over has not heard of its moves. */
    identity->remote_ip = tuple->remote_ip;
    identity->local_ip = tuple->local_ip;
    identity->remote_port = tuple->remote_port;
    identity->local_port = tuple->local_port;
    worker_describe_attempt(w, session, consumer, &opened);
    if (!write_open(w, consumer, session, &opened))
        return false;
    session->flags |= SESSION_OPEN_TOLD;
    return true;
}

struct worker_consumer *worker_consumer_of(struct sl_worker *w, struct sl_session *session,
                                           enum sl_drop *drop)
{
    struct worker_consumer *consumer = &w->consumers[session->consumer & (SL_CONSUMERS_MAX - 1)];
    if (session->consumer == 0 || consumer->key != session->consumer) {
        session->consumer = 0;
        session->flags &= (uint8_t)~SESSION_OPEN_TOLD;
        consumer = assign(w, session);
        if (consumer == NULL) {
            *drop = SL_DROP_NO_CONSUMER;
            return NULL;
        }
        session->consumer = consumer->key;
        if (session->flags & SESSION_HAS_CANDIDATE)
            session->flags |= SESSION_MOVED_PENDING;
    }
    if (!(session->flags & SESSION_OPEN_TOLD) && !tell_open(w, session, consumer)) {
        *drop = SL_DROP_RING_FULL;
        return NULL;
    }
    return consumer;
}

void worker_tell_moved(struct sl_worker *w, struct sl_session *session, uint64_t now_ns)
{
    enum sl_drop ignored;
    struct worker_consumer *consumer = worker_consumer_of(w, session, &ignored);
    if (consumer == NULL)
        return;
    bool is_candidate = session->flags & SESSION_HAS_CANDIDATE;
    const struct sl_tuple *tuple = is_candidate ? &session->candidate.tuple : &session->path.tuple;
    struct sl_ring_moved moved = {
        .ip = tuple->remote_ip, .port = tuple->remote_port, .confirmed = !is_candidate};
    if (worker_tell(w, consumer, SL_RING_MOVED, 0, session->handle, now_ns, &moved, sizeof moved))
        session->flags &= (uint8_t)~SESSION_MOVED_PENDING;
}

/** True when the consumer has been told, or there is nobody to tell (any more). */
bool worker_tell_close(struct sl_worker *w, struct sl_session *session, uint64_t now_ns)
{
    struct worker_consumer *consumer = &w->consumers[session->consumer & (SL_CONSUMERS_MAX - 1)];
    if (session->consumer == 0 || consumer->key != session->consumer ||
        !(session->flags & SESSION_OPEN_TOLD))
        return true;
    return worker_tell(w, consumer, SL_RING_CLOSE, session->close_reason, session->handle, now_ns,
                       NULL, 0);
}

/** Shows everything written in this turn, then, after one fence for all, wakes those who sleep. */
void worker_publish(struct sl_worker *w, uint64_t now_ns)
{
    if (!w->consumer_news)
        return;
    w->consumer_news = false;
    for (unsigned i = 0; i < w->consumer_count; i++)
        if (w->consumers[i].has_news && w->consumers[i].attachment != NULL)
            sl_ring_publish(&w->consumers[i].attachment->receive);
    /* Pairs with the fence in sl_ring_sleep: either we see its sleeping word, or it our head. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < w->consumer_count; i++) {
        struct worker_consumer *consumer = &w->consumers[i];
        if (!consumer->has_news)
            continue;
        consumer->has_news = false;
        if (consumer->attachment == NULL)
            continue;
        if (sl_attachment_wake(consumer->attachment, now_ns))
            worker_count(w, SL_COUNTER_WAKEUPS, 1);
        else if (consumer->attachment->wake_due) {
            consumer->has_news = true; /* too soon after the last one: again in a later turn */
            w->consumer_news = true;
        }
    }
}

static bool report(struct sl_worker *w, enum sl_message_kind kind, uint32_t index)
{
    struct sl_message_consumer body = {.consumer = index};
    return sl_message_send(w->config.to_control, kind, w->config.index, &body, sizeof body, NULL,
                           0);
}

/** That it reads no rules but these. */
static bool report_admission(struct sl_worker *w)
{
    struct sl_message_admission body = {.rules = w->admission};
    return sl_message_send(w->config.to_control, SL_MESSAGE_ADMISSION_TAKEN, w->config.index, &body,
                           sizeof body, NULL, 0);
}

void worker_tell_usage(struct sl_worker *w, const struct sl_session *session, enum sl_usage usage,
                       bool is_closed)
{
    struct sl_message_usage body = {.usage = (uint8_t)usage, .is_closed = is_closed};
    if (worker_note_attempt_usage(w, session, &body))
        return;
    if (sl_message_send(w->config.to_control, SL_MESSAGE_USAGE, session->handle, &body, sizeof body,
                        NULL, 0))
        w->reports_pending = true; /* to be flushed; what did not fit has been counted */
}

/** What control must hear of is told again until its ring takes it. */
void worker_report_to_control(struct sl_worker *w)
{
    bool all_told = true;
    for (unsigned i = 0; i < w->consumer_count; i++) {
        struct worker_consumer *consumer = &w->consumers[i];
        if (consumer->evict_pending)
            all_told &= !(consumer->evict_pending = !report(w, SL_MESSAGE_EVICT, i));
        if (!consumer->detach_pending)
            continue;
        if (report(w, SL_MESSAGE_DETACHED, i))
            *consumer = (struct worker_consumer){.attachment = NULL};
        else
            all_told = false;
    }
    if (w->admission_pending)
        all_told &= !(w->admission_pending = !report_admission(w));
    if (w->stopped_pending)
        all_told &= !(w->stopped_pending = !report(w, SL_MESSAGE_STOPPED, 0));
    if (w->attempts_news)
        all_told &= worker_report_attempts(w);
    if (w->is_listing)
        all_told &= worker_list_more(w);
    w->reports_pending = !all_told;
    sl_message_flush(w->config.to_control);
}
