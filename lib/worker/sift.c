/*
 * Before anybody is looked for: of the datagrams without a connection ID, those that are no records
 * and the ClientHellos that are too many end here, for the price of a parse. A cookie takes as long
 * as ten records, so ClientHellos have a credit of the worker's time. It grows while the worker
 * keeps up with what comes in; while more frames wait than a poll takes, by one ClientHello a poll.
 */
#include "sessions_priv.h"
#include "stages_priv.h"

/** What an answer takes, about. */
#define HELLO_NS 400
/** So many that come at once are looked at, whatever else waits. */
#define HELLOS_AT_ONCE 256
#define CREDIT_MAX_NS (HELLOS_AT_ONCE * HELLO_NS)
/** What it takes to ask the list and for the prefix. */
#define QUESTION_NS 50

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
        w->hellos.credit_ns[kind] = CREDIT_MAX_NS;
    w->hellos.questions_ns = CREDIT_MAX_NS;
}

static void grow(uint64_t *credit_ns, uint64_t by_ns)
{
    const uint64_t room_ns = CREDIT_MAX_NS - *credit_ns;
    *credit_ns += by_ns < room_ns ? by_ns : room_ns;
}

void worker_grow_hello_credit(struct sl_worker *w, uint64_t now_ns)
{
    struct hello_credit *hellos = &w->hellos;
    const uint64_t grown_ns = hellos->is_crowded ? HELLO_NS : now_ns - hellos->grown_ns;
    for (unsigned kind = 0; kind < HELLO_KINDS; kind++)
        grow(&hellos->credit_ns[kind], grown_ns);
    grow(&hellos->questions_ns, grown_ns);
    hellos->grown_ns = now_ns;
    hellos->is_crowded = false;
}

/** Whether the lists and the limits let it through; who hands a frame over has asked for the prefix
 * already. */
static enum sl_drop ask(struct sl_worker *w, const struct sl_frame *frame, enum hello_kind kind,
                        uint64_t now_ns)
{
    const struct sl_ip *remote = &frame->path.tuple.remote_ip;
    if (!worker_allows(w, remote))
        return SL_DROP_DENIED;
    if (kind == HELLO_WITHOUT_COOKIE && !(frame->flags & SL_FRAME_HANDED_OVER) &&
        !worker_admits_hello(w, remote, now_ns))
        return SL_DROP_HELLO_RATE;
    return SL_DROP_NONE;
}

/**
 * What a prefix may not have takes no credit from the others. But asking takes longer than a drop,
 * so without credit nobody asks, and there is a credit for questions, too.
 */
enum sl_drop worker_pay_hello(struct sl_worker *w, const struct sl_frame *frame,
                              enum hello_kind kind, uint64_t now_ns)
{
    struct hello_credit *hellos = &w->hellos;
    if (kind == HELLO_NONE)
        return SL_DROP_NONE;
    if (hellos->credit_ns[kind] < HELLO_NS || hellos->questions_ns < QUESTION_NS)
        return SL_DROP_HELLO_BUDGET;
    if (w->admission != NULL) {
        hellos->questions_ns -= QUESTION_NS;
        const enum sl_drop drop = ask(w, frame, kind, now_ns);
        if (drop != SL_DROP_NONE)
            return drop;
    }
    hellos->credit_ns[kind] -= HELLO_NS;
    return SL_DROP_NONE;
}

/** Whether a datagram without a connection ID is worth looking for anybody: SL_DROP_NONE, or why
 * not. A ClientHello that is has paid. */
static enum sl_drop sift(struct sl_worker *w, const struct sl_frame *frame, uint64_t now_ns)
{
    struct sl_reader r = sl_reader_of(frame->data + frame->payload_off, frame->payload_len);
    struct sl_record_header header;
    const enum sl_drop drop = sl_wire_parse_record(&r, SL_OWN_CID_LEN, &header);
    if (drop != SL_DROP_NONE)
        return drop;
    const enum hello_kind kind = hello_kind_of(&header, r.at - header.body_len);
    if (kind != HELLO_NONE && !worker_is_listened_to(w, frame->path.tuple.local_port))
        return SL_DROP_NO_LISTENER; /* for nothing, where we are the client */
    return worker_pay_hello(w, frame, kind, now_ns);
}

unsigned worker_sift_burst(struct sl_worker *w, struct sl_frame **frames, uint32_t *slots,
                           unsigned n, uint64_t now_ns)
{
    uint32_t hashes[SL_BURST];
    unsigned count = 0, left = 0;
    for (unsigned i = 0; i < n; i++) {
        struct sl_frame *frame = frames[i];
        if (!worker_has_cid(frame)) {
            const enum sl_drop drop = sift(w, frame, now_ns);
            if (drop != SL_DROP_NONE) {
                worker_count(w, SL_COUNTER_RX_RECORDS, 1);
                worker_drop(w, drop);
                worker_end_frame(w, frame);
                continue;
            }
            hashes[count++] = frame->tuple_hash =
                sl_session_hash_tuple(w->table, &frame->path.tuple);
        }
        slots[left] = slots[i];
        frames[left++] = frame;
    }
    sl_session_prefetch_hashed(w->table, hashes, count, w->key_lines);
    return left;
}
