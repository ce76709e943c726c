/** The way of a packet through a worker: the stages as functions over bursts. */
#ifndef STAGES_PRIV_H
#define STAGES_PRIV_H

#include "worker_priv.h"

/* parse.c: stage 1. Frames that end here are counted and ended or answered; the rest stays in
 * frames[0..return). */
unsigned worker_parse_burst(struct sl_worker *w, struct sl_frame **frames, unsigned n,
                            uint64_t now_ns);

/* sift.c: what comes before stage 2. */
/**
 * Ends the datagrams without connection IDs that are worth no more, and asks for the sessions of
 * the others. Both arrays close up; slots [n]: where the sessions of the datagrams are. return how
 * many are left.
 */
unsigned worker_sift_burst(struct sl_worker *w, struct sl_frame **frames, uint32_t *slots,
                           unsigned n, uint64_t now_ns);
/** A ClientHello is paid for, with the worker's time and with a cookie of its prefix's if it has
 * none: SL_DROP_NONE; or why it can't be. */
enum sl_drop worker_pay_hello(struct sl_worker *w, const struct sl_frame *frame,
                              enum hello_kind kind, uint64_t now_ns);
void worker_begin_hello_credit(struct sl_worker *w);
/** At the end of each poll. */
void worker_grow_hello_credit(struct sl_worker *w, uint64_t now_ns);
/** Does the first record of a datagram say which session it belongs to? */
static inline bool worker_has_cid(const struct sl_frame *frame)
{
    return frame->payload_len >= SL_RECORD_HEADER_LEN + SL_OWN_CID_LEN &&
           frame->data[frame->payload_off] == SL_CONTENT_TLS12_CID;
}
static inline bool worker_is_client_hello(const struct sl_record_header *header,
                                          const uint8_t *body)
{
    return header->epoch == 0 && header->type == SL_CONTENT_HANDSHAKE && header->body_len > 0 &&
           body[0] == SL_HANDSHAKE_CLIENT_HELLO;
}
static inline bool worker_is_listened_to(const struct sl_worker *w, uint16_t port)
{
    for (unsigned i = 0; i < w->config.listener_count; i++)
        if (w->config.listeners[i].port == port)
            return true;
    return false;
}

/* find.c: stage 2, for frames parsed; fills w->rx, and runs the stages 3 to 5 when it is full. */
void worker_find_burst(struct sl_worker *w, struct sl_frame **frames, unsigned n, uint64_t now_ns);
uint8_t worker_shard_of(const struct sl_tuple *tuple);
/** Sets a datagram aside for the worker that owns it. */
void worker_give_away(struct sl_worker *w, struct sl_frame *frame, unsigned owner);

/* worker.c */
/** Stages 3 to 5, and an empty w->rx afterwards. */
void worker_finish_rx(struct sl_worker *w, uint64_t now_ns);
/** Stages 7 and 8, and an empty w->tx afterwards. */
void worker_finish_tx(struct sl_worker *w, uint64_t now_ns);

/* open.c, admit.c: stages 3 to 5 over w->rx. */
void worker_open_burst(struct sl_worker *w);
/** Admits and delivers record by record. worker_publish shows what was delivered, once a turn. */
void worker_admit_burst(struct sl_worker *w, uint64_t now_ns);

/* collect.c: stage 6: from consumers' send rings into w->tx; runs 7 and 8 when it is full. */
bool worker_collect(struct sl_worker *w, uint64_t now_ns);

/* entries.c */
/** An entry of a send ring on its way to become a job. */
struct tx_entry {
    struct sl_ring_taken taken;
    struct sl_session *place; /* where its session is, if there is one */
};
/**
 * Messages become jobs of w->tx, and a request, which can only be the last entry, is answered. The
 * entries after one with which the consumer was evicted are lost with its rings.
 */
void worker_handle_entries(struct sl_worker *w, struct worker_consumer *consumer,
                           const struct tx_entry *entries, unsigned n, uint64_t now_ns);
/** Where the message leaves, or the alert that ends its session; NULL: nothing leaves. */
const struct sl_path *worker_path_of_entry(const struct worker_consumer *consumer,
                                           const struct tx_entry *entry);
/** The entry's message ends, and its consumer hears of it. */
void worker_refuse_entry(struct sl_worker *w, struct worker_consumer *consumer,
                         const struct tx_entry *entry, enum sl_drop drop, uint64_t now_ns);
/** An entry that no producer writes. The rings are lost with their consumer. */
void worker_evict_malformed(struct sl_worker *w, struct worker_consumer *consumer);

/* send.c: stages 7 and 8 over w->tx, frames, outboxes. */
void worker_seal_burst(struct sl_worker *w);
void worker_write_headers_burst(struct sl_worker *w);
/** The UDP checksums, over ciphertext, of what goes to ports that do not compute them. */
void worker_checksum_burst(struct sl_worker *w);
void worker_send_burst(struct sl_worker *w, uint64_t now_ns);
/** How many of n (<= SL_BURST) empty frames the next calls of worker_take_frame will find. */
unsigned worker_have_frames(struct sl_worker *w, unsigned group, unsigned n);
/** The same for messages of consumers, n > 0: there is no room in a port that takes nothing. */
unsigned worker_have_room(struct sl_worker *w, unsigned group, unsigned n, uint64_t now_ns);
struct sl_frame *worker_take_frame_anew(struct sl_worker *w, unsigned group);
static inline struct sl_frame *worker_take_frame(struct sl_worker *w, unsigned group)
{
    /* There is seldom another group, and the place of this one's is known. */
    struct outbox *box = &w->outboxes[0];
    if (group != 0 || box->spare_count == 0)
        return worker_take_frame_anew(w, group);
    struct sl_frame *frame = box->spare[--box->spare_count];
    if (frame == NULL)
        __builtin_unreachable(); /* what the port gave are frames */
    return frame;
}
/** Puts an empty frame back for the next message. */
void worker_keep_frame(struct sl_worker *w, struct sl_frame *frame);
/** Queues a finished frame; false when the group's outbox is full: the caller keeps the frame. */
bool worker_queue_frame(struct sl_worker *w, struct sl_frame *frame) SL_MUST_USE;
bool worker_flush_outboxes(struct sl_worker *w, uint64_t now_ns);
/** The port did not take all that it was given last. */
static inline bool worker_is_blocked(const struct sl_worker *w, unsigned group)
{
    return w->outboxes[group].is_blocked;
}
/** No port takes anything, and all are waited for. */
bool worker_is_stuck(const struct sl_worker *w, uint64_t now_ns);
/** Nobody waits for this port any more, as others would wait with them: it is short for too long,
 * and not the only one. */
bool worker_is_given_up(const struct sl_worker *w, unsigned group, uint64_t now_ns);
/** A port is blocked, and waited for: what it has been given may still leave. */
bool worker_has_backlog(const struct sl_worker *w, uint64_t now_ns);
/** What goes to any port waits for one that is blocked; not for longer than a moment, unless it is
 * the only one. */
bool worker_is_held_up(const struct sl_worker *w, uint64_t now_ns);
/** UDP payload bytes that a datagram on this path may have. */
static inline uint16_t worker_path_payload_max(const struct sl_worker *w,
                                               const struct sl_path *path)
{
    unsigned ip_len = sl_ip_is_v4(&path->tuple.remote_ip) ? SL_IPV4_HEADER_LEN : SL_IPV6_HEADER_LEN;
    return (uint16_t)(w->config.groups[path->hop.group].mtu - ip_len - SL_UDP_HEADER_LEN);
}
/** The session's candidate address: may len more bytes go there? Then they count as sent. */
bool worker_charge_candidate(struct sl_session *session, uint32_t len) SL_MUST_USE;

/** Puts headers before a datagram that stands ready in the frame, and queues it; counts its
 * failure. */
bool worker_send_datagram(struct sl_worker *w, struct sl_frame *frame, const struct sl_path *path,
                          uint8_t *payload, uint32_t payload_len);

/* flights.c: datagrams that handshakers send, and alerts of our own. */
void worker_send_flight(struct sl_worker *w, struct sl_session *session,
                        const struct sl_message_send *send, uint32_t body_len);
/** RFC 5246 7.2.1; to the confirmed address. Lost when there is no buffer: the peer times out. */
void worker_send_close_notify(struct sl_worker *w, struct sl_session *session);
/** RFC 5246 7.2.2; to the session's address, as often as a last flight at most. */
void worker_refuse_renegotiation(struct sl_worker *w, struct sl_session *session, uint64_t now_ns);

/* hello.c: ClientHellos. */
struct hello_answer {
    bool wanted;
    uint64_t record_seq;
    uint16_t msg_seq;
    uint8_t cookie[SL_COOKIE_LEN];
};
void worker_handle_hello(struct sl_worker *w, struct sl_frame *frame,
                         const struct sl_record_header *header, const uint8_t *body,
                         struct hello_answer *answer, uint64_t now_ns);
/** Turns the ClientHello's frame into the HelloVerifyRequest; takes the frame. */
void worker_answer_hello(struct sl_worker *w, struct sl_frame *frame,
                         const struct hello_answer *answer);

#endif
