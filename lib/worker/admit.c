/*
 * Stages 4 and 5, record by record: what authentic ones may change (the peer's address, timers, the
 * state of the session), and their plaintext into the consumers' receive rings. So whatever a
 * consumer hears stands in the order of the records. The replay window moved when the tag verified
 * (lib/record).
 */
#include "sessions_priv.h"
#include "stages_priv.h"

static void announce_move(struct sl_worker *w, struct sl_session *session, uint64_t now_ns)
{
    session->flags |= SESSION_MOVED_PENDING;
    worker_tell_moved(w, session, now_ns);
}

/** An authentic record from another address than the session's. RFC 9146 6. */
static enum sl_drop admit_address(struct sl_worker *w, struct sl_session *session,
                                  const struct rx_record *record, const struct sl_open_job *job,
                                  uint64_t now_ns)
{
    const struct sl_path *from = &record->frame->path;
    bool is_candidate = session->flags & SESSION_HAS_CANDIDATE;
    if (sl_tuple_equal(&from->tuple, &session->path.tuple)) {
        if (session->flags & SESSION_HOP_UNKNOWN)
            worker_learn_hop(w, session, &from->hop);
        if (is_candidate && job->newer) /* it is still there: the other address was a copy's */
            session->flags &= (uint8_t) ~(SESSION_HAS_CANDIDATE | SESSION_MOVED_PENDING);
        return SL_DROP_NONE;
    }
    if (!worker_allows(w, &from->tuple.remote_ip))
        return SL_DROP_DENIED;
    if (w->config.peer_moves == SL_PEER_MOVES_REFUSE)
        return SL_DROP_PEER_MOVE_REFUSED;
    bool is_known = is_candidate && sl_tuple_equal(&from->tuple, &session->candidate.tuple);
    if (!job->newer && !is_known)
        return SL_DROP_NONE;
    if (w->config.peer_moves == SL_PEER_MOVES_ACCEPT) {
        worker_move(w, session, from);
        announce_move(w, session, now_ns);
        return SL_DROP_NONE;
    }
    if (!is_known) {
        session->candidate = *from;
        session->candidate_received = 0;
        session->candidate_sent = 0;
        session->flags |= SESSION_HAS_CANDIDATE;
        worker_count(w, SL_COUNTER_MOVE_CANDIDATES, 1);
        announce_move(w, session, now_ns);
    }
    session->candidate_received += (uint64_t)job->header.header_len + job->header.body_len;
    return SL_DROP_NONE;
}

static void admit_alert(struct sl_worker *w, struct sl_session *session,
                        const struct sl_open_job *job, uint64_t now_ns)
{
    if (job->plain_len != 2) {
        worker_drop(w, SL_DROP_CONTENT_TYPE);
        return;
    }
    worker_count(w, SL_COUNTER_CONSUMED, 1);
    bool is_close_notify = job->plain[1] == SL_ALERT_CLOSE_NOTIFY;
    if (is_close_notify || job->plain[0] == SL_ALERT_FATAL)
        worker_close(w, session, SL_CLOSE_PEER, is_close_notify, now_ns);
}

/** Renegotiation: a client's ClientHello, or a server's HelloRequest. */
static bool asks_for_more(const struct sl_session *session, const struct sl_open_job *job)
{
    const uint8_t question =
        session->attempt != 0 ? SL_HANDSHAKE_HELLO_REQUEST : SL_HANDSHAKE_CLIENT_HELLO;
    return job->plain_len >= SL_HANDSHAKE_HEADER_LEN && job->plain[0] == question;
}

/** A handshake message in an established session: the peer repeats its Finished, or asks for more.
 */
static void admit_late_handshake(struct sl_worker *w, struct sl_session *session,
                                 const struct sl_open_job *job, uint64_t now_ns)
{
    if (job->plain_len == 0 || job->plain[0] != SL_HANDSHAKE_FINISHED) {
        /* RFC 5246 7.2.2; not for a copy that anybody can send. */
        if (job->drop == SL_DROP_NONE && asks_for_more(session, job))
            worker_refuse_renegotiation(w, session, now_ns);
        worker_drop(w, SL_DROP_RENEGOTIATION);
        return;
    }
    worker_ask_repeat(w, session, now_ns);
    worker_count(w, SL_COUNTER_CONSUMED, 1);
}

static void admit_keyed(struct sl_worker *w, struct sl_session *session,
                        const struct sl_open_job *job, uint64_t now_ns)
{
    /* Data that follows a client's last Finished, as when it resumes, goes the same way: it comes
     * back, to be delivered, when that has verified. */
    if (job->type == SL_CONTENT_HANDSHAKE || job->type == SL_CONTENT_ALERT ||
        job->type == SL_CONTENT_APPLICATION_DATA)
        worker_forward_plaintext(w, session, job->type, job->plain, job->plain_len, now_ns);
    else
        worker_drop(w, SL_DROP_CONTENT_TYPE);
}

/** One record that did not open. A replay is authentic, for what follows from it. */
static void admit_failure(struct sl_worker *w, struct sl_session *session,
                          const struct sl_open_job *job, uint64_t now_ns)
{
    if (job->drop == SL_DROP_AUTH)
        worker_note_forged(w, session->epoch->forged);
    if (job->drop == SL_DROP_AUTH && sl_epoch_is_forgery_limit_reached(session->epoch)) {
        worker_drop(w, SL_DROP_FORGERY_LIMIT);
        if (session->state == SL_SESSION_ESTABLISHED)
            worker_close(w, session, SL_CLOSE_LIMIT, true, now_ns);
        else
            worker_abort(w, session, now_ns); /* nobody has been told of it yet */
        return;
    }
    if (job->drop == SL_DROP_REPLAY && job->type == SL_CONTENT_HANDSHAKE) {
        /* A Finished with its old number: our answer is lost, or its first copy was. */
        if (session->state == SL_SESSION_ESTABLISHED)
            admit_late_handshake(w, session, job, now_ns);
        else
            admit_keyed(w, session, job, now_ns);
        return;
    }
    worker_drop(w, job->drop);
}

/** The consumer that is to have a record, told of what comes before it; NULL: it was dropped. */
static struct worker_consumer *settle(struct sl_worker *w, struct sl_session *session,
                                      uint64_t now_ns)
{
    enum sl_drop drop;
    struct worker_consumer *consumer = worker_consumer_of(w, session, &drop);
    if (consumer == NULL)
        worker_drop(w, drop);
    else if (session->flags & SESSION_MOVED_PENDING)
        worker_tell_moved(w, session, now_ns);
    return consumer;
}

/** return the consumer that is to have its plaintext; NULL: none, and it has been counted. */
static __attribute__((noinline)) struct worker_consumer *
admit_record(struct sl_worker *w, const struct rx_record *record, const struct sl_open_job *job,
             uint64_t now_ns)
{
    struct sl_session *session = record->session;
    if (session->handle != record->handle || session->state == SL_SESSION_CLOSING) {
        worker_drop(w, SL_DROP_CLOSING); /* an earlier record of the burst ended it */
        return NULL;
    }
    if (job->drop != SL_DROP_NONE) {
        admit_failure(w, session, job, now_ns);
        return NULL;
    }
    if (session->state == SL_SESSION_KEYED) {
        admit_keyed(w, session, job, now_ns);
        return NULL;
    }
    enum sl_drop drop = admit_address(w, session, record, job, now_ns);
    if (drop != SL_DROP_NONE) {
        worker_drop(w, drop);
        return NULL;
    }
    session->last_active_ns = now_ns;
    if (job->type != SL_CONTENT_HANDSHAKE)
        worker_leave_tuple(w, session); /* the client has our last flight */
    switch (job->type) {
    case SL_CONTENT_APPLICATION_DATA:
        return settle(w, session, now_ns);
    case SL_CONTENT_ALERT:
        admit_alert(w, session, job, now_ns);
        return NULL;
    case SL_CONTENT_HANDSHAKE:
        admit_late_handshake(w, session, job, now_ns);
        return NULL;
    default:
        worker_drop(w, SL_DROP_CONTENT_TYPE);
        return NULL;
    }
}

/**
 * The same for a record as nearly all are: data from the session's address, with nothing to be told
 * before it. NULL: it is another one.
 */
static inline struct worker_consumer *admit_ordinary(struct sl_worker *w,
                                                     const struct rx_record *record,
                                                     const struct sl_open_job *job, uint64_t now_ns)
{
    struct sl_session *session = record->session;
    struct worker_consumer *consumer = &w->consumers[session->consumer & (SL_CONSUMERS_MAX - 1)];
    bool is_ordinary = session->handle == record->handle && job->drop == SL_DROP_NONE &&
                       job->type == SL_CONTENT_APPLICATION_DATA &&
                       session->state == SL_SESSION_ESTABLISHED &&
                       session->flags == (SESSION_WAS_ESTABLISHED | SESSION_OPEN_TOLD) &&
                       session->consumer == consumer->key &&
                       sl_tuple_equal(&record->frame->path.tuple, &session->path.tuple);
    if (!is_ordinary)
        return NULL;
    session->last_active_ns = now_ns;
    return consumer;
}

void worker_admit_burst(struct sl_worker *w, uint64_t now_ns)
{
    const struct sl_ring_label label = sl_ring_label(SL_RING_DATA, (uint8_t)w->config.index, 0);
    const struct rx_record *const end = w->rx.records + w->rx.count;
    const struct sl_open_job *job = w->rx.jobs;
    unsigned delivered = 0;
    for (const struct rx_record *record = w->rx.records; record < end; record++, job++) {
        struct worker_consumer *consumer = admit_ordinary(w, record, job, now_ns);
        if (consumer == NULL && (consumer = admit_record(w, record, job, now_ns)) == NULL)
            continue;
        if (worker_write_entry(w, consumer, label, record->handle, now_ns, job->plain,
                               job->plain_len))
            delivered++;
        else
            worker_drop(w, SL_DROP_RING_FULL);
    }
    worker_count(w, SL_COUNTER_DELIVERED, delivered);
    w->consumer_news |= delivered > 0;
}
