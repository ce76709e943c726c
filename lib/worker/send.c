/* Stages 7 and 8: seal, headers, transmit; and the frames that this takes. */
#include <assert.h>

#include "sessions_priv.h"
#include "stages_priv.h"

unsigned worker_have_frames(struct sl_worker *w, unsigned group, unsigned n)
{
    struct outbox *box = &w->outboxes[group];
    if (box->spare_count < n)
        box->spare_count += w->config.io.take_frames(
            w->config.io.arg, group, box->spare + box->spare_count, SL_BURST - box->spare_count);
    return box->spare_count < n ? box->spare_count : n;
}

static uint32_t ms_of(uint64_t now_ns)
{
    return (uint32_t)(now_ns / 1000000);
}

static void note_shortage(struct sl_worker *w, unsigned group, uint64_t now_ns)
{
    struct outbox *box = &w->outboxes[group];
    if (!box->is_short)
        box->short_since_ms = ms_of(now_ns);
    box->is_short = true;
}

static void note_backlog(struct sl_worker *w, unsigned group, uint64_t now_ns)
{
    struct outbox *box = &w->outboxes[group];
    if (!box->is_filled)
        box->filled_since_ms = ms_of(now_ns);
    box->is_filled = true;
}

unsigned worker_have_room(struct sl_worker *w, unsigned group, unsigned n, uint64_t now_ns)
{
    struct outbox *box = &w->outboxes[group];
    if (box->is_blocked)
        return 0;
    unsigned room = worker_have_frames(w, group, n);
    if (room > 0)
        box->is_short = false;
    else
        note_shortage(w, group, now_ns);
    return room;
}

struct sl_frame *worker_take_frame_anew(struct sl_worker *w, unsigned group)
{
    struct outbox *box = &w->outboxes[group];
    if (worker_have_frames(w, group, 1) == 0)
        return NULL;
    return box->spare[--box->spare_count];
}

void worker_keep_frame(struct sl_worker *w, struct sl_frame *frame)
{
    struct outbox *box = &w->outboxes[frame->group];
    if (box->spare_count < SL_BURST)
        box->spare[box->spare_count++] = frame;
    else
        worker_discard_frame(w, frame);
}

static uint64_t bytes_of(struct sl_frame *const *frames, unsigned n)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < n; i++)
        bytes += frames[i]->len;
    return bytes;
}

/** Transmits what a group has waiting; what the port does not take stays, in order. */
static bool flush_outbox(struct sl_worker *w, unsigned group)
{
    struct outbox *box = &w->outboxes[group];
    unsigned sent = 0;
    uint64_t bytes = 0;
    while (sent < box->count) {
        struct sl_frame **frames = box->frames + sent;
        unsigned n = box->count - sent < SL_BURST ? box->count - sent : SL_BURST;
        bytes += bytes_of(frames, n);
        unsigned taken = w->config.io.transmit(w->config.io.arg, group, frames, n);
        bytes -= bytes_of(frames + taken, n - taken); /* the others are the port's now */
        sent += taken;
        if (taken < n)
            break;
    }
    worker_count(w, SL_COUNTER_TX_BYTES, bytes);
    worker_count(w, SL_COUNTER_TX_FRAMES, sent);
    box->count -= sent;
    if (box->count > 0)
        memmove(box->frames, box->frames + sent, box->count * sizeof box->frames[0]);
    box->is_blocked = box->count > 0;
    box->is_filled &= box->is_blocked;
    if (sent > 0)
        box->is_short = false;
    return sent > 0;
}

bool worker_flush_outboxes(struct sl_worker *w, uint64_t now_ns)
{
    bool sent = false, is_busy = false;
    for (unsigned group = 0; group < w->config.group_count; group++) {
        struct outbox *box = &w->outboxes[group];
        if (box->count == 0)
            continue;
        sent |= flush_outbox(w, group);
        if (box->is_blocked) {
            note_shortage(w, group, now_ns);
            note_backlog(w, group, now_ns);
            is_busy = true;
        }
    }
    if (is_busy)
        worker_count(w, SL_COUNTER_TX_BUSY, 1);
    return sent;
}

bool worker_is_given_up(const struct sl_worker *w, unsigned group, uint64_t now_ns)
{
    const struct outbox *box = &w->outboxes[group];
    return w->config.group_count > 1 && box->is_short &&
           ms_of(now_ns) - box->short_since_ms >= PORT_PATIENCE_MS;
}

/** Its queue is full, and somebody still waits for that. */
static bool is_waited_for(const struct sl_worker *w, unsigned group, uint64_t now_ns)
{
    return worker_is_blocked(w, group) && !worker_is_given_up(w, group, now_ns);
}

bool worker_has_backlog(const struct sl_worker *w, uint64_t now_ns)
{
    for (unsigned group = 0; group < w->config.group_count; group++)
        if (is_waited_for(w, group, now_ns))
            return true;
    return false;
}

/** A port that takes a frame now and then is waited for by those who send there, not by others. */
static bool holds_up_others(const struct sl_worker *w, unsigned group, uint64_t now_ns)
{
    const struct outbox *box = &w->outboxes[group];
    const bool is_for_long = w->config.group_count > 1 && box->is_filled &&
                             ms_of(now_ns) - box->filled_since_ms >= PORT_PATIENCE_MS;
    return box->is_blocked && !is_for_long;
}

bool worker_is_held_up(const struct sl_worker *w, uint64_t now_ns)
{
    for (unsigned group = 0; group < w->config.group_count; group++)
        if (holds_up_others(w, group, now_ns))
            return true;
    return false;
}

bool worker_is_stuck(const struct sl_worker *w, uint64_t now_ns)
{
    for (unsigned group = 0; group < w->config.group_count; group++)
        if (!is_waited_for(w, group, now_ns))
            return false;
    return true;
}

/** Queues a finished frame; false when the group's outbox is full: the caller keeps the frame. */
static inline bool queue_frame(struct sl_worker *w, struct sl_frame *frame)
{
    struct outbox *box = &w->outboxes[frame->group];
    if (box->count == OUTBOX_MAX)
        flush_outbox(w, frame->group);
    if (box->count == OUTBOX_MAX)
        return false;
    box->frames[box->count++] = frame;
    return true;
}

bool worker_queue_frame(struct sl_worker *w, struct sl_frame *frame)
{
    return queue_frame(w, frame);
}

bool worker_charge_candidate(struct sl_session *session, uint32_t len)
{
    if (session->candidate_sent + len > AMPLIFICATION_LIMIT * session->candidate_received)
        return false;
    session->candidate_sent += len;
    return true;
}

/** Messages whose key has no number left go behind the others, which keep their order. */
static __attribute__((noinline)) void put_unsealed_last(struct tx_burst *tx)
{
    const struct tx_burst before = *tx;
    unsigned sealed = 0, unsealed = tx->sealed_count;
    for (unsigned i = 0; i < before.count; i++) {
        unsigned to = before.jobs[i].drop == SL_DROP_NONE ? sealed++ : unsealed++;
        tx->jobs[to] = before.jobs[i];
        tx->frames[to] = before.frames[i];
        tx->sessions[to] = before.sessions[i];
        tx->paths[to] = before.paths[i];
    }
}

void worker_seal_burst(struct sl_worker *w)
{
    struct tx_burst *tx = &w->tx;
    tx->sealed_count = sl_record_seal_burst(w->aead, tx->jobs, tx->count);
    if (tx->sealed_count < tx->count)
        put_unsealed_last(tx);
}

/**
 * The frame's data begins where its headers will; the payload stands behind them already. Of the
 * room around it nobody asks any more. return whether its checksum is to be computed: unsummed.
 */
static inline bool put_headers(const struct sl_group *groups, struct sl_frame *frame,
                               const struct sl_path *path, uint8_t *payload, uint32_t payload_len,
                               struct sl_wire_unsummed *unsummed)
{
    const struct sl_group *group = &groups[path->hop.group];
    const unsigned flags = group->tx_flags;
    frame->headroom = frame->tailroom = 0;
    frame->flags = (uint16_t)flags;
    sl_wire_put_headers(frame, payload, payload_len, path, group->mac, unsummed);
    return !(flags & SL_FRAME_TX_UDP_CHECKSUM);
}

void worker_write_headers_burst(struct sl_worker *w)
{
    struct tx_burst *tx = &w->tx;
    struct sl_wire_unsummed *unsummed = tx->unsummed;
    uint64_t numbers = 0;
    unsigned groups = 0;
    for (unsigned i = 0, n = tx->sealed_count; i < n; i++) {
        const struct sl_seal_job *job = &tx->jobs[i];
        const struct sl_path *path = tx->paths[i];
        numbers |= job->seq;
        groups |= path->hop.group;
        if (put_headers(w->config.groups, tx->frames[i], path, job->record, job->record_len,
                        unsummed))
            unsummed++;
    }
    tx->unsummed_count = (unsigned)(unsummed - tx->unsummed);
    tx->numbers = numbers;
    tx->groups = groups;
}

void worker_checksum_burst(struct sl_worker *w)
{
    sl_wire_sum_udp_burst(w->tx.unsummed, w->tx.unsummed_count);
}

static inline void queue_or_drop(struct sl_worker *w, struct sl_frame *frame)
{
    if (!queue_frame(w, frame)) {
        worker_drop(w, SL_DROP_SEND_PORT);
        worker_discard_frame(w, frame);
    }
}

/** Counts and tells, once each, how far a key has been used; closes the session where wanted. */
static void note_usage(struct sl_worker *w, struct sl_session *session, enum sl_usage usage,
                       uint64_t now_ns)
{
    if (usage == (enum sl_usage)session->usage)
        return;
    session->usage = (uint8_t)usage;
    worker_count(w, usage == SL_USAGE_LIMIT ? SL_COUNTER_USAGE_LIMITS : SL_COUNTER_USAGE_WARNINGS,
                 1);
    bool is_to_close = usage == SL_USAGE_LIMIT && w->config.close_at_usage_limit;
    worker_tell_usage(w, session, usage, is_to_close);
    if (is_to_close)
        worker_close(w, session, SL_CLOSE_LIMIT, true, now_ns);
}

static void queue_sealed(struct sl_worker *w)
{
    const struct tx_burst *tx = &w->tx;
    const unsigned n = tx->sealed_count;
    struct outbox *box = &w->outboxes[0];
    if (tx->groups == 0 && box->count + n <= OUTBOX_MAX) { /* as it nearly always is */
        memcpy(box->frames + box->count, tx->frames, n * sizeof box->frames[0]);
        box->count += n;
    } else {
        for (unsigned i = 0; i < n; i++)
            queue_or_drop(w, tx->frames[i]);
    }
    worker_count(w, SL_COUNTER_TX_RECORDS, n);
}

static void drop_unsealed(struct sl_worker *w)
{
    for (unsigned i = w->tx.sealed_count; i < w->tx.count; i++) {
        worker_drop(w, w->tx.jobs[i].drop);
        worker_keep_frame(w, w->tx.frames[i]);
    }
}

/** What sealing has done to a session's key, or could not do with it. */
static void look_at_key(struct sl_worker *w, unsigned i, uint64_t now_ns)
{
    const struct sl_seal_job *job = &w->tx.jobs[i];
    struct sl_session *session = w->tx.sessions[i];
    enum sl_usage usage = sl_epoch_seal_usage(job->epoch);
    if (job->drop == SL_DROP_NONE && usage == SL_USAGE_FINE)
        return; /* as it was before: it never becomes less */
    if (session->state != SL_SESSION_ESTABLISHED)
        return; /* closed for an earlier message; none begins while a burst is sent */
    if (job->drop == SL_DROP_SEND_SEQ_LIMIT)
        worker_close(w, session, SL_CLOSE_LIMIT, false, now_ns);
    else
        note_usage(w, session, usage, now_ns);
}

void worker_send_burst(struct sl_worker *w, uint64_t now_ns)
{
    queue_sealed(w);
    drop_unsealed(w);
    bool is_any_key_old =
        !sl_seal_usage_is_surely_fine(w->tx.numbers) || w->tx.sealed_count < w->tx.count;
    for (unsigned i = 0; is_any_key_old && i < w->tx.count; i++)
        look_at_key(w, i, now_ns);
    w->tx.count = 0;
}

bool worker_send_datagram(struct sl_worker *w, struct sl_frame *frame, const struct sl_path *path,
                          uint8_t *payload, uint32_t payload_len)
{
    if (payload_len > worker_path_payload_max(w, path)) {
        worker_drop(w, SL_DROP_SEND_TOO_LARGE);
        worker_keep_frame(w, frame);
        return false;
    }
    struct sl_wire_unsummed unsummed;
    if (put_headers(w->config.groups, frame, path, payload, payload_len, &unsummed))
        sl_wire_sum_udp_burst(&unsummed, 1);
    queue_or_drop(w, frame);
    return true;
}
