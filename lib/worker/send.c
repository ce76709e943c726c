/* Stages 7 and 8: seal, headers, transmit; and the frames that this takes. */
#include <assert.h>

#include "worker_priv.h"

unsigned worker_have_frames(struct sl_worker *w, unsigned group, unsigned n)
{
    struct outbox *box = &w->outboxes[group];
    if (box->spare_count < n)
        box->spare_count += w->config.io.take_frames(
            w->config.io.arg, group, box->spare + box->spare_count, SL_BURST - box->spare_count);
    return box->spare_count < n ? box->spare_count : n;
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
    return sent > 0;
}

bool worker_flush_outboxes(struct sl_worker *w)
{
    bool sent = false;
    for (unsigned group = 0; group < w->config.group_count; group++)
        if (w->outboxes[group].count > 0)
            sent |= flush_outbox(w, group);
    if (worker_has_backlog(w))
        worker_count(w, SL_COUNTER_TX_BUSY, 1);
    return sent;
}

bool worker_has_backlog(const struct sl_worker *w)
{
    for (unsigned group = 0; group < w->config.group_count; group++)
        if (w->outboxes[group].is_blocked)
            return true;
    return false;
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

void worker_seal_burst(struct sl_worker *w)
{
    sl_record_seal_burst(w->aead, w->tx.jobs, w->tx.count);
}

/**
 * The frame's data begins where its headers will; the payload stands behind them already. Of the
 * room around it nobody asks any more.
 */
static inline void write_headers(struct sl_worker *w, struct sl_frame *frame,
                                 const struct sl_path *path, uint8_t *payload, uint32_t payload_len)
{
    const struct sl_group *group = &w->config.groups[path->hop.group];
    frame->headroom = frame->tailroom = 0;
    frame->flags = group->tx_flags;
    sl_wire_put_unsummed_headers(frame, payload, (uint16_t)payload_len, path, group->mac);
}

static inline void queue_or_drop(struct sl_worker *w, struct sl_frame *frame)
{
    if (!queue_frame(w, frame)) {
        worker_drop(w, SL_DROP_SEND_PORT);
        worker_discard_frame(w, frame);
    }
}

void worker_write_headers_burst(struct sl_worker *w)
{
    for (unsigned i = 0; i < w->tx.count; i++) {
        const struct sl_seal_job *job = &w->tx.jobs[i];
        const struct tx_message *message = &w->tx.messages[i];
        if (job->drop == SL_DROP_NONE)
            write_headers(w, message->frame, message->path, job->record, job->record_len);
    }
}

static inline bool is_sum_wanted(const struct sl_frame *frame)
{
    return !(frame->flags & SL_FRAME_TX_UDP_CHECKSUM);
}

void worker_checksum_burst(struct sl_worker *w)
{
    struct sl_frame *frames[SL_BURST];
    unsigned n = 0;
    for (unsigned i = 0; i < w->tx.count; i++) {
        frames[n] = w->tx.messages[i].frame;
        n += w->tx.jobs[i].drop == SL_DROP_NONE && is_sum_wanted(frames[n]);
    }
    sl_wire_sum_udp_burst(frames, n);
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
    unsigned sealed = 0;
    for (unsigned i = 0; i < w->tx.count; i++) {
        const struct sl_seal_job *job = &w->tx.jobs[i];
        struct sl_frame *frame = w->tx.messages[i].frame;
        if (job->drop == SL_DROP_NONE) {
            sealed++;
            queue_or_drop(w, frame);
        } else {
            worker_drop(w, job->drop);
            worker_keep_frame(w, frame);
        }
    }
    worker_count(w, SL_COUNTER_TX_RECORDS, sealed);
}

/** What sealing has done to a session's key, or could not do with it. */
static void look_at_key(struct sl_worker *w, unsigned i, uint64_t now_ns)
{
    const struct sl_seal_job *job = &w->tx.jobs[i];
    const struct tx_message *message = &w->tx.messages[i];
    struct sl_session *session = message->session;
    enum sl_usage usage = sl_epoch_seal_usage(job->epoch);
    if (job->drop == SL_DROP_NONE && usage == SL_USAGE_FINE)
        return; /* as it was before: it never becomes less */
    if (session->handle != message->handle || session->state != SL_SESSION_ESTABLISHED)
        return;
    if (job->drop == SL_DROP_SEND_SEQ_LIMIT)
        worker_close(w, session, SL_CLOSE_LIMIT, false, now_ns);
    else
        note_usage(w, session, usage, now_ns);
}

void worker_send_burst(struct sl_worker *w, uint64_t now_ns)
{
    queue_sealed(w);
    for (unsigned i = 0; i < w->tx.count; i++)
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
    write_headers(w, frame, path, payload, payload_len);
    if (is_sum_wanted(frame))
        sl_wire_sum_udp_burst(&frame, 1);
    queue_or_drop(w, frame);
    return true;
}
