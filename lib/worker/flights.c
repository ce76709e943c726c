/* Datagrams made of several records: flights of the handshakers, and alerts of our own. */
#include "stages_priv.h"

#define ALERT_LEN 2 /* level, description: RFC 5246 7.2 */

/** A frame with room for a datagram on this path, as a writer; NULL when there is no buffer. */
static struct sl_frame *begin_datagram(struct sl_worker *w, const struct sl_path *path,
                                       struct sl_writer *writer)
{
    struct sl_frame *frame = worker_take_frame(w, path->hop.group);
    if (frame == NULL)
        return NULL;
    uint16_t room = worker_path_payload_max(w, path);
    if (room > frame->tailroom - TX_PLAIN_OFF)
        room = (uint16_t)(frame->tailroom - TX_PLAIN_OFF);
    *writer = sl_writer_of(frame->data + TX_PLAIN_OFF, room);
    return frame;
}

void worker_send_flight(struct sl_worker *w, struct sl_session *session,
                        const struct sl_message_send *send, uint32_t body_len)
{
    struct sl_writer writer;
    struct sl_frame *frame = begin_datagram(w, &session->path, &writer);
    if (frame == NULL) {
        worker_drop(w, SL_DROP_SEND_NO_BUFFER);
        return;
    }
    const struct sl_record_source source = {&session->epoch0_next, session->epoch};
    uint8_t *start = writer.at;
    unsigned sealed;
    enum sl_drop drop = sl_message_write_flight(send, body_len, w->aead, &source, &writer, &sealed);
    worker_count(w, SL_COUNTER_TX_RECORDS, sealed);
    if (drop != SL_DROP_NONE) {
        worker_drop(w, drop);
        worker_keep_frame(w, frame);
        return;
    }
    worker_send_datagram(w, frame, &session->path, start, (uint32_t)(writer.at - start));
}

static const struct sl_path *path_of_alert(struct sl_session *session, bool follows_candidate)
{
    const bool is_there =
        follows_candidate && (session->flags & SESSION_HAS_CANDIDATE) &&
        worker_charge_candidate(session, sl_record_sealed_len(session->epoch, ALERT_LEN));
    return is_there ? &session->candidate : &session->path;
}

/** Lost when there is no buffer. */
static void send_warning(struct sl_worker *w, struct sl_session *session, uint8_t description,
                         bool follows_candidate)
{
    if (session->flags & SESSION_HOP_UNKNOWN)
        return; /* nobody has been heard of there */
    const uint8_t alert[ALERT_LEN] = {SL_ALERT_WARNING, description};
    const struct sl_path *path = path_of_alert(session, follows_candidate);
    struct sl_writer writer;
    struct sl_frame *frame = begin_datagram(w, path, &writer);
    if (frame == NULL) {
        worker_drop(w, SL_DROP_SEND_NO_BUFFER);
        return;
    }
    uint8_t *start = writer.at;
    const struct sl_record_source source = {&session->epoch0_next, session->epoch};
    enum sl_drop drop = sl_record_append(w->aead, &source, &writer, SL_CONTENT_ALERT,
                                         session->epoch->number, alert, sizeof alert);
    worker_count(w, SL_COUNTER_TX_RECORDS, drop == SL_DROP_NONE);
    if (drop != SL_DROP_NONE) {
        worker_drop(w, drop);
        worker_keep_frame(w, frame);
        return;
    }
    worker_send_datagram(w, frame, path, start, (uint32_t)(writer.at - start));
}

void worker_send_close_notify(struct sl_worker *w, struct sl_session *session)
{
    send_warning(w, session, SL_ALERT_CLOSE_NOTIFY, true);
}

void worker_refuse_renegotiation(struct sl_worker *w, struct sl_session *session, uint64_t now_ns)
{
    if (session->last_repeat_ns != 0 && now_ns - session->last_repeat_ns < REPEAT_INTERVAL_NS)
        return;
    session->last_repeat_ns = now_ns;
    send_warning(w, session, SL_ALERT_NO_RENEGOTIATION, false);
}
