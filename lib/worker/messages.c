/* Messages to and from the handshakers and control. */
#include <assert.h>
#include <stddef.h>

#include "sessions_priv.h"
#include "stages_priv.h"

static struct sl_ring_producer *handshaker_of(const struct sl_worker *w, uint64_t handle)
{
    return w->config.to_handshaker[sl_handle_slot(handle) % w->config.handshaker_count];
}

static void count_forwarded(struct sl_worker *w, bool was_sent)
{
    if (was_sent)
        worker_count(w, SL_COUNTER_TO_HANDSHAKE, 1);
    else
        worker_drop(w, SL_DROP_HANDSHAKE_FULL);
}

/** A record for the thread of its handshake. */
static enum sl_drop check_forward(struct sl_worker *w, struct sl_session *session, uint32_t len,
                                  uint64_t now_ns)
{
    if (len > SL_MESSAGE_BYTES_MAX)
        return SL_DROP_HANDSHAKE_TOO_BIG;
    return worker_admit_record(w, session, handshaker_of(w, session->handle), now_ns);
}

void worker_forward_record(struct sl_worker *w, struct sl_session *session, const uint8_t *record,
                           uint32_t len, uint64_t now_ns)
{
    enum sl_drop drop = check_forward(w, session, len, now_ns);
    if (drop != SL_DROP_NONE) {
        worker_drop(w, drop);
        return;
    }
    struct sl_message_record body = {
        .path = session->path,
        .service = session->service,
        .own_cid_len = SL_OWN_CID_LEN,
        .path_payload_max = worker_path_payload_max(w, &session->path),
        .bytes_len = (uint16_t)len,
    };
    memcpy(body.own_cid, session->own_cid, SL_OWN_CID_LEN);
    count_forwarded(w, sl_message_send(handshaker_of(w, session->handle), SL_MESSAGE_RECORD,
                                       session->handle, &body,
                                       offsetof(struct sl_message_record, bytes), record, len));
}

void worker_forward_plaintext(struct sl_worker *w, struct sl_session *session, uint8_t type,
                              const uint8_t *plain, uint32_t len, uint64_t now_ns)
{
    enum sl_drop drop = check_forward(w, session, len, now_ns);
    if (drop != SL_DROP_NONE) {
        worker_drop(w, drop);
        return;
    }
    struct sl_message_plaintext body = {
        .epoch = session->epoch->number, .type = type, .bytes_len = (uint16_t)len};
    count_forwarded(w, sl_message_send(handshaker_of(w, session->handle), SL_MESSAGE_PLAINTEXT,
                                       session->handle, &body,
                                       offsetof(struct sl_message_plaintext, bytes), plain, len));
}

bool worker_post_data(struct sl_worker *w, const struct sl_session *session, bool is_close,
                      const uint8_t *bytes, uint32_t len)
{
    struct sl_message_data body = {.is_close = is_close, .bytes_len = (uint16_t)len};
    return sl_message_send(handshaker_of(w, session->handle), SL_MESSAGE_WRITE, session->handle,
                           &body, offsetof(struct sl_message_data, bytes), bytes, len);
}

void worker_ask_repeat(struct sl_worker *w, struct sl_session *session, uint64_t now_ns)
{
    if (session->is_preloaded) /* its last flight is nobody's */
        return;
    if (session->last_repeat_ns != 0 && now_ns - session->last_repeat_ns < REPEAT_INTERVAL_NS)
        return;
    if (sl_message_send(handshaker_of(w, session->handle), SL_MESSAGE_REPEAT, session->handle, NULL,
                        0, NULL, 0))
        session->last_repeat_ns = now_ns;
}

bool worker_tell_closed(struct sl_worker *w, const struct sl_session *session)
{
    if (!sl_message_send(handshaker_of(w, session->handle), SL_MESSAGE_CLOSED, session->handle,
                         NULL, 0, NULL, 0))
        return false;
    w->chains[sl_handle_slot(session->handle)] = NULL; /* its owner frees it when it hears this */
    return true;
}

bool worker_tell_connect(struct sl_worker *w, const struct sl_session *session,
                         const struct sl_message_begin *begin)
{
    struct sl_message_connect body = {
        .path = session->path,
        .path_payload_max = worker_path_payload_max(w, &session->path),
        .offers_cid = begin->offers_cid,
        .own_cid_len = SL_OWN_CID_LEN,
        .client = begin->connection,
        .timeout_ms = begin->handshake_timeout_ms,
    };
    memcpy(body.own_cid, session->own_cid, SL_OWN_CID_LEN);
    return sl_message_send(handshaker_of(w, session->handle), SL_MESSAGE_CONNECT, session->handle,
                           &body, sizeof body, NULL, 0);
}

void worker_flush_messages(struct sl_worker *w)
{
    for (unsigned i = 0; i < w->config.handshaker_count; i++)
        sl_message_flush(w->config.to_handshaker[i]);
}

static void take_keys(struct sl_worker *w, struct sl_session *session,
                      const struct sl_message_keys *keys)
{
    if (session->state != SL_SESSION_HANDSHAKE)
        return;
    sl_message_init_epoch(keys, w->aead, session->own_cid, SL_OWN_CID_LEN,
                          sl_session_take_epoch(w->table, session));
    session->has_cid = keys->own_cid_negotiated != 0;
    session->state = SL_SESSION_KEYED;
}

static void handle_from_handshaker(struct sl_worker *w, const struct sl_message *message,
                                   uint64_t now_ns)
{
    struct sl_session *session = sl_session_of_handle(w->table, message->session);
    if (session != NULL && session->state == SL_SESSION_CLOSING && !session->is_ending)
        session = NULL;
    switch (message->kind) {
    case SL_MESSAGE_KEYS:
        if (session != NULL)
            take_keys(w, session, message->body);
        sl_message_wipe(message);
        break;
    case SL_MESSAGE_SEND:
        if (session != NULL)
            worker_send_flight(w, session, message->body, message->body_len);
        else
            worker_drop(w, SL_DROP_SEND_STALE);
        break;
    case SL_MESSAGE_ESTABLISHED:
        if (session != NULL)
            worker_establish(w, session, message->body, now_ns);
        break;
    case SL_MESSAGE_DELIVER:
        if (session != NULL)
            worker_deliver_later(w, session, message->body, now_ns);
        break;
    case SL_MESSAGE_FORGED:
        if (session != NULL)
            worker_take_forged(w, session, message->body);
        break;
    case SL_MESSAGE_ABORT:
        if (session != NULL) {
            worker_explain_abort(w, session, message->body);
            worker_end(w, session, message->body, now_ns);
        }
        break;
    default:
        assert(false && "a handshaker sends nothing else");
    }
}

static void handle_from_control(struct sl_worker *w, const struct sl_message *message,
                                uint64_t now_ns)
{
    const struct sl_message_attach *attach = message->body;
    const struct sl_message_admission *admission = message->body;
    switch (message->kind) {
    case SL_MESSAGE_ATTACH:
        worker_attach(w, attach->attachment);
        break;
    case SL_MESSAGE_DETACH:
        worker_detach(w, attach->attachment);
        break;
    case SL_MESSAGE_ADMISSION:
        worker_take_admission(w, admission->rules);
        break;
    case SL_MESSAGE_LIST_FORGED:
        worker_list_forged(w, message->body);
        break;
    case SL_MESSAGE_STOP:
        worker_stop(w);
        break;
    case SL_MESSAGE_FIND_HOP:
        worker_find_hop(w, message->body, now_ns);
        break;
    case SL_MESSAGE_BEGIN:
        worker_begin(w, message->body, now_ns);
        break;
    case SL_MESSAGE_FAIL:
        worker_fail_request(w, message->body);
        break;
    case SL_MESSAGE_HANG_UP:
        worker_hang_up(w, message->body, now_ns);
        break;
    default:
        assert(false && "control sends nothing else");
    }
}

static __attribute__((noinline)) void
receive_from_handshaker(struct sl_worker *w, struct sl_ring_consumer *from, uint64_t now_ns)
{
    struct sl_message message;
    /* Their flights wait with everybody else while the transmit queue is full. */
    for (unsigned n = 0; n < MESSAGES_PER_TURN && !worker_is_held_up(w, now_ns) &&
                         sl_message_receive(from, &message);
         n++)
        handle_from_handshaker(w, &message, now_ns);
    sl_ring_release(from);
}

static void receive_from_control(struct sl_worker *w, struct sl_ring_consumer *from,
                                 uint64_t now_ns)
{
    struct sl_message message;
    for (unsigned n = 0; n < MESSAGES_PER_TURN && sl_message_receive(from, &message); n++)
        handle_from_control(w, &message, now_ns);
    sl_ring_release(from);
}

bool worker_receive_messages(struct sl_worker *w, uint64_t now_ns)
{
    bool any = false;
    for (unsigned i = 0; i < w->config.handshaker_count; i++) {
        struct sl_ring_consumer *from = w->config.from_handshaker[i];
        if (!sl_ring_is_ready(from) || worker_is_held_up(w, now_ns))
            continue;
        receive_from_handshaker(w, from, now_ns);
        any = true;
    }
    if (sl_ring_is_ready(w->config.from_control)) {
        receive_from_control(w, w->config.from_control, now_ns);
        any = true;
    }
    return any;
}
