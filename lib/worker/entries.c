/*
 * Stage 6: what a consumer's entries ask for. A message is copied into the frame it will leave in,
 * and becomes a job of the burst; other requests are answered.
 */
#include <assert.h>

#include "sessions_priv.h"
#include "stages_priv.h"

/** Room that sealing needs behind the plaintext. */
#define TX_TAIL (1 + SL_AEAD_TAG_LEN)
/** Payloads up to here are copied in pieces. An entry's payload begins at a multiple of a piece
 * within a room that ends at one. */
#define SHORT_PAYLOAD_MAX 256
#define PAYLOAD_PIECE 32
static_assert(sizeof(struct sl_ring_entry) % PAYLOAD_PIECE == 0 &&
                  SL_RING_ALIGN % PAYLOAD_PIECE == 0 && SHORT_PAYLOAD_MAX % PAYLOAD_PIECE == 0,
              "whole pieces stay within the entry's room and the frame's");

/** How much of a long payload is asked for. The consumer may say any length; frames hold less. */
#define PREFETCHED_PAYLOAD_LEN 1536

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
    case SL_DROP_SEND_HOP:
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

void worker_refuse_entry(struct sl_worker *w, struct worker_consumer *consumer,
                         const struct tx_entry *entry, enum sl_drop drop, uint64_t now_ns)
{
    worker_count(w, SL_COUNTER_COLLECTED, 1);
    refuse(w, consumer, entry->taken.session, drop, now_ns);
}

/** Is there, at the place that the handle names, a session of this consumer's that may send? */
static inline bool may_send(const struct sl_session *session, uint64_t handle,
                            const struct worker_consumer *consumer)
{
    return session != NULL && session->state == SL_SESSION_ESTABLISHED &&
           session->handle == handle && session->consumer == consumer->key;
}

/** Where messages to the session's peer leave; NULL: nobody has been heard of there. */
static inline const struct sl_path *path_of(const struct sl_session *session)
{
    if (!(session->flags & (SESSION_HAS_CANDIDATE | SESSION_HOP_UNKNOWN)))
        return &session->path;
    return session->flags & SESSION_HAS_CANDIDATE ? &session->candidate : NULL;
}

const struct sl_path *worker_path_of_entry(const struct worker_consumer *consumer,
                                           const struct tx_entry *entry)
{
    const uint8_t kind = entry->taken.kind;
    if ((kind != SL_RING_SEND && kind != SL_RING_CLOSE_SESSION) ||
        !may_send(entry->place, entry->taken.session, consumer))
        return NULL;
    return path_of(entry->place);
}

static bool is_legacy(const struct sl_session *session, uint64_t handle,
                      const struct worker_consumer *consumer)
{
    return session != NULL && session->state == SL_SESSION_LEGACY && session->handle == handle &&
           session->consumer == consumer->key;
}

static enum sl_drop why_it_may_not(const struct sl_session *session, uint64_t handle,
                                   const struct worker_consumer *consumer)
{
    bool is_its = session != NULL && sl_session_has_handle(session, handle) &&
                  session->consumer == consumer->key;
    return is_its ? SL_DROP_SEND_CLOSING : SL_DROP_SEND_HANDLE;
}

static __attribute__((noinline)) bool copy_long(const struct sl_frame *frame, uint8_t *to,
                                                const struct sl_ring_taken *taken)
{
    if (TX_PLAIN_OFF + taken->payload_len + TX_TAIL > frame->tailroom)
        return false;
    memcpy(to, taken->payload, taken->payload_len);
    return true;
}

/**
 * The payload into a frame, behind the room for headers. Most are short: pieces of a fixed length,
 * which may read on to the end of the entry's room, take less than a call of memcpy. false: the
 * frame is too small.
 */
static inline bool copy_payload(const struct sl_frame *frame, uint8_t *to,
                                const struct sl_ring_taken *taken, uint32_t len)
{
    const uint8_t *from = taken->payload, *end = from + len;
    if (len > SHORT_PAYLOAD_MAX)
        return copy_long(frame, to, taken);
    if (frame->tailroom < TX_PLAIN_OFF + SHORT_PAYLOAD_MAX + TX_TAIL)
        return copy_long(frame, to, taken);
    do /* of an entry without a payload one piece is room too */
        memcpy(to, from, PAYLOAD_PIECE);
    while (to += PAYLOAD_PIECE, (from += PAYLOAD_PIECE) < end);
    return true;
}

/** May a message of this length go to the candidate address? Then it counts as sent. */
static enum sl_drop charge_candidate(struct sl_worker *w, struct sl_session *session, uint32_t len)
{
    const struct sl_epoch *epoch = session->epoch;
    const uint32_t sealed_len = sl_record_sealed_len(epoch, len);
    if (len > epoch->plain_max || sealed_len > worker_path_payload_max(w, &session->candidate))
        return SL_DROP_SEND_TOO_LARGE;
    return worker_charge_candidate(session, sealed_len) ? SL_DROP_NONE : SL_DROP_SEND_AMPLIFY;
}

static inline void add_job(struct tx_burst *tx, struct sl_session *session,
                           const struct sl_path *path, struct sl_frame *frame, uint8_t *plain,
                           uint32_t len)
{
    struct sl_epoch *epoch = session->epoch;
    struct sl_seal_job *job = &tx->jobs[tx->count];
    tx->frames[tx->count] = frame;
    tx->sessions[tx->count] = session;
    tx->paths[tx->count++] = path;
    job->epoch = epoch;
    job->plain = plain;
    job->plain_len = len;
    job->type = SL_CONTENT_APPLICATION_DATA;
    job->record = plain - sl_record_body_off(epoch);
}

/** The message is for a session that libssl keeps, or for none. */
static __attribute__((noinline)) enum sl_drop
prepare_otherwise(struct sl_worker *w, const struct worker_consumer *consumer,
                  const struct tx_entry *entry, uint64_t now_ns)
{
    struct sl_session *session = entry->place;
    if (!is_legacy(session, entry->taken.session, consumer))
        return why_it_may_not(session, entry->taken.session, consumer);
    return worker_write_legacy(w, session, entry->taken.payload, entry->taken.payload_len, now_ns);
}

/** One message becomes a job of the burst, or the reason comes back. */
static inline enum sl_drop prepare(struct sl_worker *w, const struct worker_consumer *consumer,
                                   const struct tx_entry *entry, uint64_t now_ns)
{
    struct sl_session *session = entry->place;
    uint32_t len = entry->taken.payload_len;
    if (!may_send(session, entry->taken.session, consumer))
        return prepare_otherwise(w, consumer, entry, now_ns);
    const struct sl_path *path = path_of(session);
    if (path == NULL)
        return SL_DROP_SEND_HOP;
    if (path == &session->candidate) {
        enum sl_drop drop = charge_candidate(w, session, len);
        if (drop != SL_DROP_NONE)
            return drop;
    } else if (len >= session->send_limit) {
        return SL_DROP_SEND_TOO_LARGE;
    }
    struct sl_frame *frame = worker_take_frame(w, path->hop.group);
    assert(frame != NULL); /* collect.c has seen it */
    uint8_t *plain = frame->data + TX_PLAIN_OFF;
    if (!copy_payload(frame, plain, &entry->taken, len)) {
        worker_keep_frame(w, frame);
        return SL_DROP_SEND_TOO_LARGE;
    }
    session->last_active_ns = now_ns;
    add_job(&w->tx, session, path, frame, plain, len);
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

static bool is_well_formed(const struct sl_ring_taken *taken)
{
    switch (taken->kind) {
    case SL_RING_SEND:
    case SL_RING_CLOSE_SESSION:
        return true;
    case SL_RING_CONFIRM_MOVE:
        return taken->payload_len == sizeof(struct sl_ring_moved);
    default:
        return false;
    }
}

void worker_evict_malformed(struct sl_worker *w, struct worker_consumer *consumer)
{
    worker_drop(w, SL_DROP_SEND_MALFORMED);
    worker_evict(w, consumer);
}

/** Requests other than to send. They keep their place in the order of what was sent before. */
static __attribute__((noinline)) enum sl_drop handle_request(struct sl_worker *w,
                                                             struct worker_consumer *consumer,
                                                             const struct tx_entry *entry,
                                                             uint64_t now_ns)
{
    if (!is_well_formed(&entry->taken)) {
        worker_evict_malformed(w, consumer);
        return SL_DROP_NONE;
    }
    worker_finish_tx(w, now_ns);
    struct sl_session *session = entry->place;
    if (!may_send(session, entry->taken.session, consumer) &&
        !is_legacy(session, entry->taken.session, consumer))
        return why_it_may_not(session, entry->taken.session, consumer);
    if (entry->taken.kind == SL_RING_CONFIRM_MOVE) {
        struct sl_ring_moved checked;
        memcpy(&checked, entry->taken.payload, sizeof checked);
        confirm_move(w, session, &checked, now_ns);
    } else {
        worker_close(w, session, SL_CLOSE_CONSUMER, true, now_ns);
    }
    return SL_DROP_NONE;
}

/** A long payload comes in order, which the processor notices by itself, but late. */
static void prefetch_payload(const struct sl_ring_taken *taken)
{
    const uint32_t len =
        taken->payload_len < PREFETCHED_PAYLOAD_LEN ? taken->payload_len : PREFETCHED_PAYLOAD_LEN;
    for (uint32_t at = SL_CACHE_LINE; at < len; at += SL_CACHE_LINE)
        __builtin_prefetch(taken->payload + at);
}

void worker_handle_entries(struct sl_worker *w, struct worker_consumer *consumer,
                           const struct tx_entry *entries, unsigned n, uint64_t now_ns)
{
    const bool has_request = n > 0 && entries[n - 1].taken.kind != SL_RING_SEND;
    const struct tx_entry *entry = entries, *const end = entries + n - has_request;
    const struct sl_aead_key_lines lines = w->key_lines;
    const struct sl_session *asked_for = NULL;
    for (; entry < end; entry++) {
        if (entry->taken.payload_len > SHORT_PAYLOAD_MAX && entry + 1 < end)
            prefetch_payload(&entry[1].taken);
        enum sl_drop drop = prepare(w, consumer, entry, now_ns);
        if (drop != SL_DROP_NONE) {
            refuse(w, consumer, entry->taken.session, drop, now_ns);
            if (!consumer->is_evicted)
                continue;
            entry++;
            break;
        }
        if (entry->place != asked_for && entry->place->epoch != NULL)
            sl_epoch_prefetch_seal_key(entry->place->epoch, lines);
        asked_for = entry->place;
    }
    worker_count(w, SL_COUNTER_COLLECTED, (uint64_t)(entry - entries));
    if (has_request && !consumer->is_evicted) {
        enum sl_drop drop = handle_request(w, consumer, end, now_ns);
        if (drop != SL_DROP_NONE)
            refuse(w, consumer, end->taken.session, drop, now_ns);
    }
}
