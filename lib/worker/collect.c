/*
 * Stage 6: messages from the consumers' send rings, by deficit round robin (Shreedhar, Varghese
 * 1995), in two passes over a burst of one ring's: what decides about an entry is copied and
 * checked, and the session it names asked for; then a message is copied into the frame it will
 * leave in, and becomes a job.
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

/** How far before an entry is read its lines are asked for; beyond the ring they are not read. */
#define RING_AHEAD_LEN 512
/** How much of a long payload is asked for. The consumer may say any length; frames hold less. */
#define PREFETCHED_PAYLOAD_LEN 1536

/** An entry of a send ring on its way to become a job. */
struct tx_entry {
    struct sl_ring_taken taken;
    struct sl_session *place; /* where its session is, if there is one */
};

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

/** Is there, at the place that the handle names, a session of this consumer's that may send? */
static inline bool may_send(const struct sl_session *session, uint64_t handle,
                            const struct worker_consumer *consumer)
{
    return session != NULL && session->state == SL_SESSION_ESTABLISHED &&
           session->handle == handle && session->consumer == consumer->key;
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
    const struct sl_path *path = &session->path;
    if (session->flags & SESSION_HAS_CANDIDATE) {
        path = &session->candidate;
        enum sl_drop drop = charge_candidate(w, session, len);
        if (drop != SL_DROP_NONE)
            return drop;
    } else if (len >= session->send_limit) {
        return session->flags & SESSION_HOP_UNKNOWN ? SL_DROP_SEND_HOP : SL_DROP_SEND_TOO_LARGE;
    }
    struct sl_frame *frame = worker_take_frame(w, path->hop.group);
    assert(frame != NULL); /* frames_for has seen it */
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

static void finish_tx(struct sl_worker *w, uint64_t now_ns)
{
    worker_seal_burst(w);
    worker_write_headers_burst(w);
    worker_checksum_burst(w);
    worker_send_burst(w, now_ns);
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

/** An entry that no producer writes. The rings are lost with their consumer. */
static void evict_malformed(struct sl_worker *w, struct worker_consumer *consumer)
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
        evict_malformed(w, consumer);
        return SL_DROP_NONE;
    }
    finish_tx(w, now_ns);
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

static bool is_ready(struct sl_worker *w, struct worker_consumer *consumer)
{
    struct sl_ring_consumer *ring = &consumer->attachment->send;
    if (sl_ring_is_ready(ring))
        return true;
    if (ring->corrupt) /* its index is out of range */
        worker_evict(w, consumer);
    return false;
}

/** Entries come in order, but between others' lines, so that the processor does not notice. */
static inline __attribute__((always_inline)) void prefetch_ahead(const struct sl_ring_taken *taken)
{
    __builtin_prefetch(taken->payload + RING_AHEAD_LEN);
    __builtin_prefetch(taken->payload + RING_AHEAD_LEN + SL_CACHE_LINE);
}

/**
 * 1. Takes entries up to the consumer's deficit, and asks for the sessions they name. A request
 * other than to send is the last of a burst.
 * has_more: false, when the ring has no more. return how many.
 */
static unsigned take_entries(struct sl_worker *w, struct worker_consumer *consumer,
                             struct tx_entry *entries, unsigned max, bool *has_more)
{
    struct sl_ring_consumer *ring = &consumer->attachment->send;
    const struct sl_session_places places = *w->places;
    const struct sl_session *asked_for = NULL; /* of a run of messages to one session, once */
    int64_t deficit = consumer->deficit;
    struct tx_entry *entry = entries, *const end = entries + max;
    while (entry < end && deficit > 0) {
        if (sl_ring_take(ring, &entry->taken) != 1) {
            *has_more = false;
            break;
        }
        prefetch_ahead(&entry->taken);
        entry->place = sl_session_place_of_handle(&places, entry->taken.session);
        if (entry->place != asked_for && entry->place != NULL)
            sl_session_prefetch_send(&places, entry->place);
        asked_for = entry->place;
        deficit -= SL_RING_ALIGN + (int64_t)entry->taken.payload_len;
        if (entry++->taken.kind != SL_RING_SEND)
            break;
    }
    consumer->deficit = deficit;
    return (unsigned)(entry - entries);
}

/** A long payload comes in order, which the processor notices by itself, but late. */
static void prefetch_payload(const struct sl_ring_taken *taken)
{
    const uint32_t len =
        taken->payload_len < PREFETCHED_PAYLOAD_LEN ? taken->payload_len : PREFETCHED_PAYLOAD_LEN;
    for (uint32_t at = SL_CACHE_LINE; at < len; at += SL_CACHE_LINE)
        __builtin_prefetch(taken->payload + at);
}

/** 2. Messages become jobs, and a request, which can only be the last, is answered. The entries
 * after one with which the consumer was evicted are lost with its rings. */
static void handle_entries(struct sl_worker *w, struct worker_consumer *consumer,
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

/** How many entries may wait in a ring that is ready, as far as its index was read; max at most. */
static unsigned waiting_in(const struct sl_ring_consumer *ring, unsigned max)
{
    uint64_t most = (ring->head - ring->tail) / SL_RING_ALIGN;
    return most < max ? (unsigned)most : max;
}

/** How many of n messages, to whatever ports, find frames to leave in. */
static unsigned frames_for(struct sl_worker *w, unsigned n)
{
    for (unsigned group = 0; group < w->config.group_count; group++)
        n = worker_have_frames(w, group, n);
    return n;
}

/** Serves one burst of a consumer's. false when its ring is empty, or lost with its consumer. */
static bool collect_burst(struct sl_worker *w, struct worker_consumer *consumer, unsigned *budget,
                          uint64_t now_ns)
{
    struct tx_entry entries[SL_BURST];
    const struct sl_ring_consumer *ring = &consumer->attachment->send;
    unsigned room = SL_BURST - w->tx.count;
    if (!is_ready(w, consumer))
        return false;
    unsigned wanted = waiting_in(ring, room < *budget ? room : *budget);
    unsigned max = frames_for(w, wanted);
    bool has_more = max > 0; /* without frames the messages wait in their ring */
    unsigned n = take_entries(w, consumer, entries, max, &has_more);
    handle_entries(w, consumer, entries, n, now_ns);
    if (ring->corrupt && !consumer->is_evicted)
        evict_malformed(w, consumer);
    *budget -= n;
    if (w->tx.count == SL_BURST)
        finish_tx(w, now_ns);
    return has_more && !consumer->is_evicted;
}

/** Serves one consumer up to its deficit. return true when it is to be served first next time. */
static bool collect_from(struct sl_worker *w, struct worker_consumer *consumer, unsigned *budget,
                         uint64_t now_ns)
{
    if (consumer->deficit <= 0)
        consumer->deficit += COLLECT_QUANTUM;
    bool has_more = true;
    while (has_more && *budget > 0 && consumer->deficit > 0)
        has_more = collect_burst(w, consumer, budget, now_ns);
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
