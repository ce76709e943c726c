/*
 * ClientHellos: without a valid cookie they are answered and forgotten; with one, a slot is taken.
 * RFC 6347 4.2.1, 4.2.8.
 */
#include <assert.h>

#include "sessions_priv.h"
#include "stages_priv.h"

static bool is_half_open(const struct sl_session *session)
{
    return session->state == SL_SESSION_HANDSHAKE || session->state == SL_SESSION_KEYED;
}

static bool has_random(const struct sl_session *session, const struct sl_client_hello *hello)
{
    return memcmp(session->client_random, hello->random, SL_RANDOM_LEN) == 0;
}

static uint16_t service_of(const struct sl_worker *w, uint16_t port)
{
    for (unsigned i = 0; i < w->config.listener_count; i++)
        if (w->config.listeners[i].port == port)
            return w->config.listeners[i].service;
    return 0;
}

/** A slot for a client that has shown its address. Our numbers go on from its (RFC 6347 4.2.1). */
static struct sl_session *begin_session(struct sl_worker *w, const struct sl_frame *frame,
                                        const struct sl_client_hello *hello, enum sl_drop *drop,
                                        uint64_t now_ns)
{
    if (w->half_open >= w->config.half_open_max) {
        *drop = SL_DROP_HALF_OPEN_LIMIT;
        return NULL;
    }
    *drop = worker_admit_handshake(w, &frame->path.tuple.remote_ip, now_ns);
    if (*drop != SL_DROP_NONE)
        return NULL;
    struct sl_session *session = sl_session_take(w->table, worker_shard_of(&frame->path.tuple));
    if (session == NULL) {
        *drop = SL_DROP_TABLE_FULL;
        return NULL;
    }
    session->path = frame->path;
    session->service = service_of(w, frame->path.tuple.local_port);
    session->last_active_ns = now_ns;
    session->epoch0_next = hello->record_seq;
    memcpy(session->client_random, hello->random, SL_RANDOM_LEN);
    worker_enter_half_open(w, session);
    return session;
}

/**
 * The session that a ClientHello with a valid cookie speaks to, where its 5-tuple is in use: the
 * one there, a handshake beside it, or none when it is a repetition.
 */
static struct sl_session *session_beside(struct sl_worker *w, struct sl_session *current,
                                         const struct sl_frame *frame,
                                         const struct sl_client_hello *hello, enum sl_drop *drop,
                                         uint64_t now_ns)
{
    if (has_random(current, hello)) {
        if (is_half_open(current))
            return current;
        *drop = SL_DROP_HELLO_DUPLICATE;
        return NULL;
    }
    if (is_half_open(current)) { /* gave up its first attempt */
        worker_abort(w, current, now_ns);
        struct sl_session *session = begin_session(w, frame, hello, drop, now_ns);
        if (session != NULL && !sl_session_index(w->table, session))
            __builtin_unreachable(); /* the abort has just freed the tuple */
        return session;
    }
    struct sl_session *successor = sl_session_successor(w->table, current);
    if (successor != NULL && has_random(successor, hello))
        return successor;
    if (successor != NULL)
        worker_abort(w, successor, now_ns);
    struct sl_session *session = begin_session(w, frame, hello, drop, now_ns);
    if (session != NULL)
        sl_session_link_successor(w->table, current, session);
    return session;
}

/** A later fragment of a ClientHello is kept only for a handshake that has a slot. */
static void handle_later_fragment(struct sl_worker *w, const struct sl_frame *frame,
                                  const struct sl_record_header *header, const uint8_t *body,
                                  uint64_t now_ns)
{
    struct sl_session *session =
        sl_session_find_hashed(w->table, &frame->path.tuple, frame->tuple_hash);
    if (session != NULL && session->successor != SL_SLOT_NONE)
        session = sl_session_successor(w->table, session);
    if (session == NULL || session->state != SL_SESSION_HANDSHAKE) {
        worker_drop(w, SL_DROP_HELLO_FRAGMENT);
        return;
    }
    worker_forward_record(w, session, body - header->header_len,
                          (uint32_t)header->header_len + header->body_len, now_ns);
}

/** Wants an answer with a cookie. It is no longer than the least that parses as a first fragment.
 */
static_assert(SL_HELLO_VERIFY_LEN(SL_COOKIE_LEN) <= SL_CLIENT_HELLO_START_LEN,
              "an answer to a spoofed address may not be longer than what came from there");
static enum sl_drop ask_for_cookie(struct sl_worker *w, const struct sl_frame *frame,
                                   const struct sl_client_hello *hello,
                                   const struct sl_session *current, struct hello_answer *answer,
                                   uint64_t now_ns)
{
    if (current != NULL && has_random(current, hello))
        return SL_DROP_HELLO_DUPLICATE; /* a late copy; its handshake goes on */
    if (worker_is_blocked(w, frame->group) || answer->wanted)
        return SL_DROP_ANSWER_NO_BUFFER;
    if (hello->cookie_len == SL_COOKIE_LEN) { /* it was wrong */
        enum sl_drop drop = worker_pay_hello(w, frame, HELLO_WITHOUT_COOKIE, now_ns);
        if (drop != SL_DROP_NONE)
            return drop;
    }
    answer->wanted = true;
    answer->record_seq = hello->record_seq;
    answer->msg_seq = hello->msg_seq;
    sl_cookie_make(w->cookies, &frame->path.tuple, hello, now_ns, answer->cookie);
    return SL_DROP_NONE;
}

/** The first record of a datagram has paid already; one behind it, which no client sends, has not.
 * A later fragment finds a handshake whose first one has, or nothing.
 */
static enum sl_drop pay(struct sl_worker *w, const struct sl_frame *frame,
                        const struct sl_record_header *header, const uint8_t *body,
                        const struct sl_client_hello *hello, uint64_t now_ns)
{
    if (hello->frag_off > 0 || body - header->header_len == frame->data + frame->payload_off)
        return SL_DROP_NONE;
    return worker_pay_hello(
        w, frame, hello->cookie_len == SL_COOKIE_LEN ? HELLO_WITH_COOKIE : HELLO_WITHOUT_COOKIE,
        now_ns);
}

void worker_handle_hello(struct sl_worker *w, struct sl_frame *frame,
                         const struct sl_record_header *header, const uint8_t *body,
                         struct hello_answer *answer, uint64_t now_ns)
{
    struct sl_client_hello hello;
    enum sl_drop drop = SL_DROP_NO_LISTENER; /* where we are the client, nobody is served */
    if (worker_is_listened_to(w, frame->path.tuple.local_port))
        drop = sl_wire_parse_client_hello(header, body, &hello);
    if (drop == SL_DROP_NONE && w->is_stopping)
        drop = SL_DROP_SHUTDOWN;
    else if (drop == SL_DROP_NONE)
        drop = pay(w, frame, header, body, &hello, now_ns);
    if (drop != SL_DROP_NONE) {
        worker_drop(w, drop);
        return;
    }
    if (hello.frag_off > 0) {
        handle_later_fragment(w, frame, header, body, now_ns);
        return;
    }
    struct sl_session *current =
        sl_session_find_hashed(w->table, &frame->path.tuple, frame->tuple_hash);
    if (hello.cookie_len == 0 || !sl_cookie_check(w->cookies, &frame->path.tuple, &hello, now_ns)) {
        drop = ask_for_cookie(w, frame, &hello, current, answer, now_ns);
        if (drop != SL_DROP_NONE)
            worker_drop(w, drop);
        return;
    }
    if (current != NULL && !has_random(current, &hello) && (current->flags & SESSION_KEEPS_TUPLE)) {
        worker_leave_tuple(w, current);
        current = NULL;
    }
    struct sl_session *session;
    if (current != NULL) {
        session = session_beside(w, current, frame, &hello, &drop, now_ns);
    } else {
        session = begin_session(w, frame, &hello, &drop, now_ns);
        if (session != NULL && !sl_session_index(w->table, session))
            __builtin_unreachable(); /* nobody holds the tuple */
    }
    if (session == NULL)
        worker_drop(w, drop);
    else
        worker_forward_record(w, session, body - header->header_len,
                              (uint32_t)header->header_len + header->body_len, now_ns);
}

void worker_answer_hello(struct sl_worker *w, struct sl_frame *frame,
                         const struct hello_answer *answer)
{
    const struct sl_path path = frame->path;
    uint8_t *end = frame->data + frame->len + frame->tailroom;
    uint8_t *start = frame->data - frame->headroom;
    uint16_t headers_len = sl_wire_headers_len(&path);
    uint16_t payload_len = SL_HELLO_VERIFY_LEN(SL_COOKIE_LEN);

    /* The headers are as long as those that came, unless the port took a VLAN tag off. */
    uint8_t *data = frame->data;
    if (data + headers_len + payload_len > end)
        data = start;
    if (data + headers_len + payload_len > end) {
        worker_drop(w, SL_DROP_ANSWER_NO_BUFFER);
        worker_end_frame(w, frame);
        return;
    }
    frame->headroom = (uint16_t)(data - start);
    frame->data = data;
    frame->flags = w->config.groups[frame->group].tx_flags;
    frame->payload_len = payload_len;
    sl_wire_write_hello_verify(data + headers_len, answer->record_seq, answer->msg_seq,
                               answer->cookie, SL_COOKIE_LEN);
    sl_wire_write_headers(frame, &path, w->config.groups[frame->group].mac);
    frame->tailroom = (uint16_t)(end - data - frame->len);
    if (worker_queue_frame(w, frame)) {
        worker_count(w, SL_COUNTER_ANSWERED, 1);
        worker_count(w, SL_COUNTER_HELLO_VERIFY, 1);
    } else {
        worker_drop(w, SL_DROP_ANSWER_NO_BUFFER);
        worker_end_frame(w, frame);
    }
}
