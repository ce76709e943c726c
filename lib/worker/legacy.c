/*
 * Sessions that libssl keeps on a handshake thread, for clients that know no AEAD: their records go
 * there as during the handshake, their data goes and comes by message. No connection ID, no move.
 */
#include "sessions_priv.h"
#include "stages_priv.h"

/** Around a message: header, IV, padding and HMAC-SHA1 of AES-CBC; RFC 5246 6.2.3.2, RFC 7366. */
#define LEGACY_OVERHEAD_MAX (SL_RECORD_HEADER_LEN + 16 + 16 + 20)

unsigned worker_legacy_payload_max(const struct sl_worker *w, const struct sl_session *session)
{
    const unsigned path_max = worker_path_payload_max(w, &session->path);
    const unsigned payload_max =
        path_max < LEGACY_OVERHEAD_MAX ? 0 : path_max - LEGACY_OVERHEAD_MAX;
    return payload_max < SL_MESSAGE_BYTES_MAX ? payload_max : SL_MESSAGE_BYTES_MAX;
}

enum sl_drop worker_write_legacy(struct sl_worker *w, struct sl_session *session,
                                 const uint8_t *bytes, uint32_t len, uint64_t now_ns)
{
    if (len >= session->send_limit)
        return SL_DROP_SEND_TOO_LARGE;
    if (!worker_post_data(w, session, false, bytes, len))
        return SL_DROP_SEND_NO_BUFFER;
    session->last_active_ns = now_ns;
    return SL_DROP_NONE;
}

void worker_deliver_later(struct sl_worker *w, struct sl_session *session,
                          const struct sl_message_data *data, uint64_t now_ns)
{
    enum sl_drop ignored;
    const bool is_legacy = session->state == SL_SESSION_LEGACY;
    if (!is_legacy && session->state != SL_SESSION_ESTABLISHED)
        return;
    if (!is_legacy && data->is_close) {
        worker_close(w, session, SL_CLOSE_PEER, true, now_ns);
        return;
    }
    session->last_active_ns = now_ns;
    struct worker_consumer *consumer = worker_consumer_of(w, session, &ignored);
    bool is_told = consumer != NULL && worker_tell(w, consumer, SL_RING_DATA, 0, session->handle,
                                                   now_ns, data->bytes, data->bytes_len);
    if (is_legacy)
        worker_count(w, is_told ? SL_COUNTER_LEGACY_DELIVERED : SL_COUNTER_LEGACY_LOST, 1);
    else
        worker_count(w, is_told ? SL_COUNTER_EARLY_DELIVERED : SL_COUNTER_EARLY_LOST, 1);
}

void worker_take_forged(struct sl_worker *w, struct sl_session *session,
                        const struct sl_message_forged *forged)
{
    session->forged = forged->forged;
    worker_note_forged(w, forged->forged);
}

void worker_close_legacy(struct sl_worker *w, struct sl_session *session)
{
    session->is_ending = worker_post_data(w, session, true, NULL, 0);
    w->ending += session->is_ending;
}

void worker_forget_ending(struct sl_worker *w, struct sl_session *session)
{
    w->ending -= session->is_ending;
    session->is_ending = false;
}
