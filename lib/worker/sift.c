/*
 * Before anybody is looked for: of the datagrams without a connection ID, those that are no records
 * and the ClientHellos that are too many end here, for the price of a parse. A cookie takes as long
 * as ten records, so ClientHellos have a credit of the worker's time. It grows while the worker
 * keeps up with what comes in; while more frames wait than a poll takes, by one ClientHello a poll.
 */
#include "worker_priv.h"

/** What an answer takes, about. */
#define HELLO_NS 400
/** So many that come at once are looked at, whatever else waits. */
#define HELLOS_AT_ONCE 256

/** Up to the length of the cookie, as far as it can be read; a later fragment is none. */
static enum hello_kind hello_kind_of(const struct sl_record_header *header, const uint8_t *body)
{
    enum { FRAG_OFF = 6, SESSION_ID_LEN = SL_HANDSHAKE_HEADER_LEN + 2 + SL_RANDOM_LEN };
    if (!worker_is_client_hello(header, body) || header->body_len < SESSION_ID_LEN + 2)
        return HELLO_NONE;
    const unsigned cookie_len_off = SESSION_ID_LEN + 1U + body[SESSION_ID_LEN];
    const bool is_later = sl_load_be32(body + FRAG_OFF - 1) << 8 != 0;
    if (is_later || cookie_len_off >= header->body_len)
        return HELLO_NONE;
    return body[cookie_len_off] == SL_COOKIE_LEN ? HELLO_WITH_COOKIE : HELLO_WITHOUT_COOKIE;
}

void worker_begin_hello_credit(struct sl_worker *w)
{
    for (unsigned kind = 0; kind < HELLO_KINDS; kind++)
        w->hellos.credit_ns[kind] = HELLOS_AT_ONCE * HELLO_NS;
}

void worker_grow_hello_credit(struct sl_worker *w, uint64_t now_ns)
{
    struct hello_credit *hellos = &w->hellos;
    const uint64_t grown_ns = hellos->is_crowded ? HELLO_NS : now_ns - hellos->grown_ns;
    for (unsigned kind = 0; kind < HELLO_KINDS; kind++) {
        const uint64_t room_ns = HELLOS_AT_ONCE * HELLO_NS - hellos->credit_ns[kind];
        hellos->credit_ns[kind] += grown_ns < room_ns ? grown_ns : room_ns;
    }
    hellos->grown_ns = now_ns;
    hellos->is_crowded = false;
}

bool worker_spend_hello(struct sl_worker *w, enum hello_kind kind)
{
    if (kind == HELLO_NONE)
        return true;
    if (w->hellos.credit_ns[kind] < HELLO_NS)
        return false;
    w->hellos.credit_ns[kind] -= HELLO_NS;
    return true;
}

enum sl_drop worker_sift(struct sl_worker *w, const struct sl_frame *frame)
{
    struct sl_reader r = sl_reader_of(frame->data + frame->payload_off, frame->payload_len);
    struct sl_record_header header;
    const enum sl_drop drop = sl_wire_parse_record(&r, SL_OWN_CID_LEN, &header);
    if (drop != SL_DROP_NONE)
        return drop;
    const enum hello_kind kind = hello_kind_of(&header, r.at - header.body_len);
    return worker_spend_hello(w, kind) ? SL_DROP_NONE : SL_DROP_HELLO_BUDGET;
}
