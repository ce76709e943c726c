/*
 * Stage 6: messages from the consumers' send rings, by deficit round robin (Shreedhar, Varghese
 * 1995). An entry is copied into the frame it will leave in, and only then looked at.
 */
#include <errno.h>

#include "worker_priv.h"

/** Room that sealing needs behind the plaintext. */
#define TX_TAIL (1 + SL_AEAD_TAG_LEN)

static uint16_t refuse_reason_of(enum sl_drop drop)
{
    switch (drop) {
    case SL_DROP_SEND_HANDLE:
        return SL_REFUSE_HANDLE;
    case SL_DROP_SEND_CLOSING:
        return SL_REFUSE_CLOSING;
    case SL_DROP_SEND_TOO_LARGE:
        return SL_REFUSE_TOO_LARGE;
    case SL_DROP_SEND_AMPLIFY:
        return SL_REFUSE_UNCONFIRMED;
    default:
        return SL_REFUSE_NO_BUFFER;
    }
}

static void refuse(struct sl_worker *w, struct worker_consumer *consumer, uint64_t session,
                   enum sl_drop drop, uint64_t now_ns)
{
    worker_drop(w, drop);
    if (!worker_tell(w, consumer, SL_RING_REFUSED, refuse_reason_of(drop), session, now_ns, NULL,
                     0))
        worker_count(w, SL_COUNTER_EVENTS_LOST, 1);
}

/** The consumer's own session of this handle, or NULL and the reason to refuse. */
static struct sl_session *own_session(struct sl_worker *w, const struct worker_consumer *consumer,
                                      uint64_t handle, enum sl_drop *drop)
{
    struct sl_session *session = sl_session_of_handle(w->table, handle);
    if (session == NULL || session->consumer != consumer->key) {
        *drop = SL_DROP_SEND_HANDLE;
        return NULL;
    }
    if (session->state != SL_SESSION_ESTABLISHED) {
        *drop = SL_DROP_SEND_CLOSING;
        return NULL;
    }
    return session;
}

/** A frame of the path's group that holds the plaintext: the one it was copied to, or another. */
static struct sl_frame *frame_for(struct sl_worker *w, struct sl_frame *frame,
                                  const struct sl_path *path, uint32_t len)
{
    if (path->hop.group == frame->group)
        return frame;
    struct sl_frame *other = worker_take_frame(w, path->hop.group);
    if (other == NULL)
        return NULL;
    if (other->tailroom < TX_PLAIN_OFF + len + TX_TAIL) {
        worker_keep_frame(w, other);
        return NULL;
    }
    memcpy(other->data + TX_PLAIN_OFF, frame->data + TX_PLAIN_OFF, len);
    return other;
}

/** One message becomes a job of the burst; the frame is used up, or the reason comes back. */
static enum sl_drop prepare(struct sl_worker *w, const struct worker_consumer *consumer,
                            struct sl_frame *copied, uint64_t handle, uint32_t len, bool *used,
                            uint64_t now_ns)
{
    enum sl_drop drop = SL_DROP_NONE;
    struct sl_session *session = own_session(w, consumer, handle, &drop);
    if (session == NULL)
        return drop;
    uint32_t sealed_len = sl_record_sealed_len(session->epoch, len);
    bool is_candidate = session->flags & SESSION_HAS_CANDIDATE;
    if (len > session->epoch->plain_max ||
        sealed_len >
            worker_path_payload_max(w, is_candidate ? &session->candidate : &session->path))
        return SL_DROP_SEND_TOO_LARGE;

    struct tx_message *message = &w->tx.messages[w->tx.count];
    drop = worker_pick_path(session, sealed_len, &message->path);
    if (drop != SL_DROP_NONE)
        return drop;
    struct sl_frame *frame = frame_for(w, copied, &message->path, len);
    if (frame == NULL)
        return SL_DROP_SEND_NO_BUFFER;
    *used = frame == copied;
    message->frame = frame;
    message->session = session;
    message->handle = handle;
    uint8_t *plain = frame->data + TX_PLAIN_OFF;
    w->tx.jobs[w->tx.count++] = (struct sl_seal_job){
        .epoch = session->epoch,
        .plain = plain,
        .plain_len = len,
        .type = SL_CONTENT_APPLICATION_DATA,
        .record = plain - sl_record_body_off(session->epoch),
    };
    session->last_active_ns = now_ns;
    return SL_DROP_NONE;
}

/**
 * The candidate address becomes the session's. RFC 9146 6: the consumer's own check succeeded, of
 * the address it names. If that is not the candidate any more, the consumer will hear of the other.
 */
static void confirm_move(struct sl_worker *w, struct sl_session *session,
                         const struct sl_ring_moved *checked, uint64_t now_ns)
{
    const struct sl_tuple *candidate = &session->candidate.tuple;
    if (!(session->flags & SESSION_HAS_CANDIDATE) || checked->port != candidate->remote_port ||
        memcmp(&checked->ip, &candidate->remote_ip, sizeof checked->ip) != 0)
        return;
    worker_move(w, session, &session->candidate);
    session->flags &= (uint8_t)~SESSION_HAS_CANDIDATE;
    session->flags |= SESSION_MOVED_PENDING;
    worker_tell_moved(w, session, now_ns);
}

static void finish_tx(struct sl_worker *w, uint64_t now_ns)
{
    worker_seal_burst(w);
    worker_write_headers_burst(w);
    worker_checksum_burst(w);
    worker_send_burst(w, now_ns);
}

/** Requests other than to send. They keep their place in the order of what was sent before. */
static enum sl_drop handle_request(struct sl_worker *w, const struct worker_consumer *consumer,
                                   const struct sl_ring_entry *entry, const uint8_t *payload,
                                   uint64_t now_ns)
{
    enum sl_drop drop = SL_DROP_NONE;
    finish_tx(w, now_ns);
    struct sl_session *session = own_session(w, consumer, entry->session, &drop);
    if (session == NULL)
        return drop;
    if (entry->kind == SL_RING_CONFIRM_MOVE) {
        struct sl_ring_moved checked;
        memcpy(&checked, payload, sizeof checked);
        confirm_move(w, session, &checked, now_ns);
    } else {
        worker_close(w, session, SL_CLOSE_CONSUMER, true, now_ns);
    }
    return SL_DROP_NONE;
}

static bool is_well_formed(const struct sl_ring_entry *entry, uint32_t len)
{
    switch (entry->kind) {
    case SL_RING_SEND:
    case SL_RING_CLOSE_SESSION:
        return true;
    case SL_RING_CONFIRM_MOVE:
        return len == sizeof(struct sl_ring_moved);
    default:
        return false;
    }
}

/** Takes one entry. false when the ring is empty, or lost with its consumer. */
static bool collect_one(struct sl_worker *w, struct worker_consumer *consumer, uint64_t now_ns)
{
    struct sl_ring_consumer *ring = &consumer->attachment->send;
    if (!sl_ring_is_ready(ring)) {
        if (ring->corrupt)
            worker_evict(w, consumer);
        return false;
    }
    struct sl_frame *frame = worker_take_frame(w, 0);
    if (frame == NULL)
        return false; /* the message waits in its ring */
    struct sl_ring_entry entry;
    uint32_t len = 0;
    int got = sl_ring_copy_next(ring, &entry, frame->data + TX_PLAIN_OFF,
                                frame->tailroom - (TX_PLAIN_OFF + TX_TAIL), &len);
    enum sl_drop drop = SL_DROP_NONE;
    bool used = false;
    if (got == -EMSGSIZE) {
        drop = SL_DROP_SEND_TOO_LARGE;
    } else if (got == -EBADMSG || (got > 0 && !is_well_formed(&entry, len))) {
        worker_drop(w, SL_DROP_SEND_MALFORMED);
        worker_evict(w, consumer);
    } else if (got > 0 && entry.kind == SL_RING_SEND) {
        worker_count(w, SL_COUNTER_COLLECTED, 1);
        drop = prepare(w, consumer, frame, entry.session, len, &used, now_ns);
    } else if (got > 0) {
        drop = handle_request(w, consumer, &entry, frame->data + TX_PLAIN_OFF, now_ns);
    }
    consumer->deficit -= SL_RING_ALIGN + (int64_t)len;
    if (drop != SL_DROP_NONE)
        refuse(w, consumer, entry.session, drop, now_ns);
    if (!used)
        worker_keep_frame(w, frame);
    return !consumer->is_evicted && got != 0;
}

/** Serves one consumer up to its deficit. return true when it is to be served first next time. */
static bool collect_from(struct sl_worker *w, struct worker_consumer *consumer, unsigned *budget,
                         uint64_t now_ns)
{
    if (consumer->deficit <= 0)
        consumer->deficit += COLLECT_QUANTUM;
    bool has_more = true;
    while (*budget > 0 && consumer->deficit > 0) {
        has_more = collect_one(w, consumer, now_ns);
        if (!has_more)
            break;
        (*budget)--;
        if (w->tx.count == SL_BURST)
            finish_tx(w, now_ns);
    }
    if (!consumer->is_evicted)
        sl_ring_release(&consumer->attachment->send);
    if (!has_more) {
        consumer->is_quiet = true;
        consumer->deficit = 0;
    }
    return has_more && consumer->deficit > 0;
}

/** A few of the quiet rings are looked at again. */
static void rouse_quiet(struct sl_worker *w)
{
    for (unsigned i = 0; i < QUIET_RINGS_PER_TURN && i < w->consumer_count; i++) {
        w->next_quiet = (w->next_quiet + 1) % w->consumer_count;
        w->consumers[w->next_quiet].is_quiet = false;
    }
}

bool worker_collect(struct sl_worker *w, uint64_t now_ns)
{
    if (w->consumer_count == 0 || worker_has_backlog(w))
        return false;
    rouse_quiet(w);
    unsigned budget = SL_BURST;
    for (unsigned i = 0; i < w->consumer_count && budget > 0; i++) {
        struct worker_consumer *consumer = &w->consumers[w->next_consumer % w->consumer_count];
        if (consumer->key != 0 && !consumer->is_quiet && collect_from(w, consumer, &budget, now_ns))
            break;
        w->next_consumer = (w->next_consumer + 1) % w->consumer_count;
    }
    if (w->tx.count > 0)
        finish_tx(w, now_ns);
    return budget < SL_BURST;
}
