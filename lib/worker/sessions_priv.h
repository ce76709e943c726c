/** How sessions begin and end, and who is told of it: handshakers, consumers, control. */
#ifndef SESSIONS_PRIV_H
#define SESSIONS_PRIV_H

#include "worker_priv.h"

/* messages.c: to and from the other threads. */
bool worker_receive_messages(struct sl_worker *w, uint64_t now_ns);
void worker_forward_record(struct sl_worker *w, struct sl_session *session, const uint8_t *record,
                           uint32_t len, uint64_t now_ns);
void worker_forward_plaintext(struct sl_worker *w, struct sl_session *session, uint8_t type,
                              const uint8_t *plain, uint32_t len, uint64_t now_ns);
/** To the handshaker that keeps a legacy session; false: its ring is full. */
bool worker_post_data(struct sl_worker *w, const struct sl_session *session, bool is_close,
                      const uint8_t *bytes, uint32_t len) SL_MUST_USE;
void worker_ask_repeat(struct sl_worker *w, struct sl_session *session, uint64_t now_ns);
bool worker_tell_closed(struct sl_worker *w, const struct sl_session *session);
/** Begins the handshake as a client; false: the handshaker's ring is full. */
bool worker_tell_connect(struct sl_worker *w, const struct sl_session *session,
                         const struct sl_message_begin *begin) SL_MUST_USE;
void worker_flush_messages(struct sl_worker *w);

/* legacy.c: sessions that libssl keeps. */
unsigned worker_legacy_payload_max(const struct sl_worker *w, const struct sl_session *session);
/** A consumer's message. return SL_DROP_NONE when it is on its way to libssl. */
enum sl_drop worker_write_legacy(struct sl_worker *w, struct sl_session *session,
                                 const uint8_t *bytes, uint32_t len, uint64_t now_ns);
/** What libssl has opened, or what came before the Finished had verified. */
void worker_deliver_later(struct sl_worker *w, struct sl_session *session,
                          const struct sl_message_data *data, uint64_t now_ns);
/** It has met a forged record. */
void worker_take_forged(struct sl_worker *w, struct sl_session *session,
                        const struct sl_message_forged *forged);
/** Has libssl send a close_notify; until it has, the session keeps its handle. */
void worker_close_legacy(struct sl_worker *w, struct sl_session *session);
/** It has, or is not waited for any longer. */
void worker_forget_ending(struct sl_worker *w, struct sl_session *session);

/* next_hops.c: how frames get to servers. */
void worker_find_hop(struct sl_worker *w, const struct sl_message_find_hop *message,
                     uint64_t now_ns);
/** Asks for those that are due. */
bool worker_ask_next_hops(struct sl_worker *w, uint64_t now_ns);
/** Takes the frame where it is an answer that a worker may wait for, and counts it. */
bool worker_hear_next_hop(struct sl_worker *w, struct sl_frame *frame, uint64_t now_ns);
/** Of frames that were handed over, takes those that are such answers; the rest stays in
 * frames[0..return). */
unsigned worker_hear_next_hops(struct sl_worker *w, struct sl_frame **frames, unsigned n,
                               uint64_t now_ns);

/* connect.c: sessions that the gateway begins. */
struct worker_attempt *worker_take_attempt(struct sl_worker *w, uint32_t number);
void worker_begin(struct sl_worker *w, const struct sl_message_begin *message, uint64_t now_ns);
void worker_hang_up(struct sl_worker *w, const struct sl_message_hang_up *message, uint64_t now_ns);
void worker_tell_attempt(struct sl_worker *w, struct worker_attempt *attempt,
                         enum attempt_news news);
/** Why a handshake that is aborted next has failed. */
void worker_explain_abort(struct sl_worker *w, const struct sl_session *session,
                          const struct sl_message_abort *why);
void worker_attempt_is_up(struct sl_worker *w, const struct sl_session *session, uint64_t now_ns);
/** It is one of ours, and its server has said nothing for as long as it may; asked for by the hand.
 */
bool worker_has_vanished(struct sl_worker *w, const struct sl_session *session, uint64_t now_ns);
void worker_attempt_is_down(struct sl_worker *w, const struct sl_session *session);
/** Fills in of which entry the session comes, and which other one it replaces, if any. */
void worker_describe_attempt(struct sl_worker *w, const struct sl_session *session,
                             const struct worker_consumer *consumer, struct sl_opened *opened);
/** The consumer of the session that this one replaces, where that is still open, is this one's. */
void worker_inherit_consumer(struct sl_worker *w, struct sl_session *session);
/** Tells the consumer who has asked for it that there is no session, and then control. */
void worker_fail_request(struct sl_worker *w, const struct sl_message_fail *message);
void worker_tell_failures(struct sl_worker *w, uint64_t now_ns);
/** Control hears of it, for it begins another session. false: the session's peer began it. */
bool worker_note_attempt_usage(struct sl_worker *w, const struct sl_session *session,
                               const struct sl_message_usage *usage);
/** return whether control has been told of all. */
bool worker_report_attempts(struct sl_worker *w);

/* consumers.c: attachments, assignment, events. */
void worker_attach(struct sl_worker *w, struct sl_attachment *attachment);
void worker_detach(struct sl_worker *w, struct sl_attachment *attachment);
void worker_evict(struct sl_worker *w, struct worker_consumer *consumer);
/** Who serves the session: assigned on first use; its open event told first. NULL: nobody can now;
 * *drop says why. */
struct worker_consumer *worker_consumer_of(struct sl_worker *w, struct sl_session *session,
                                           enum sl_drop *drop);
/** Writes an entry to the consumer's receive ring; false when that is full, or worth nothing any
 * more: then the consumer is evicted. */
bool worker_tell(struct sl_worker *w, struct worker_consumer *consumer, uint8_t kind,
                 uint16_t detail, uint64_t session, uint64_t time_ns, const void *payload,
                 uint32_t payload_len);
/** The same, inlined, for what every record passes; who calls it sets consumer_news. */
static inline __attribute__((always_inline)) bool
worker_write_entry(struct sl_worker *w, struct worker_consumer *consumer,
                   struct sl_ring_label label, uint64_t session, uint64_t time_ns,
                   const void *payload, uint32_t payload_len)
{
    struct sl_ring_producer *ring = &consumer->attachment->receive;
    if (!sl_ring_write(ring, label, session, time_ns, payload, payload_len)) {
        if (ring->corrupt)
            worker_evict(w, consumer);
        return false;
    }
    consumer->has_news = true;
    return true;
}
void worker_tell_moved(struct sl_worker *w, struct sl_session *session, uint64_t now_ns);
bool worker_tell_close(struct sl_worker *w, struct sl_session *session, uint64_t now_ns);
void worker_publish(struct sl_worker *w, uint64_t now_ns);
void worker_report_to_control(struct sl_worker *w);
void worker_tell_usage(struct sl_worker *w, const struct sl_session *session, enum sl_usage usage,
                       bool is_closed);

/* gate.c: who may come in. */
static inline bool worker_allows(const struct sl_worker *w, const struct sl_ip *remote)
{
    return w->admission == NULL || sl_access_allows(w->admission->access, remote);
}
size_t worker_gate_memory_len(const struct sl_worker_config *config);
/** false: the arena is too small. */
bool worker_make_gate(struct sl_worker *w, struct sl_arena *arena);
/** Whether a ClientHello without a valid cookie may be answered; then it counts. */
bool worker_admits_hello(struct sl_worker *w, const struct sl_ip *remote, uint64_t now_ns);
/** Whether an address that has shown its cookie may begin a handshake: SL_DROP_NONE, and it counts;
 * else why not. */
enum sl_drop worker_admit_handshake(struct sl_worker *w, const struct sl_ip *remote,
                                    uint64_t now_ns);
/** Whether ARP, neighbour discovery or an echo request may be answered. */
enum sl_drop worker_admit_answer(struct sl_worker *w, const struct sl_frame *frame,
                                 uint64_t now_ns);
/** Whether one more record of this handshake may wait for its thread, behind all that wait. */
enum sl_drop worker_admit_record(struct sl_worker *w, struct sl_session *session,
                                 struct sl_ring_producer *to, uint64_t now_ns);
/** From now on; sessions that began before are looked at by the sweep. */
void worker_take_admission(struct sl_worker *w, const struct sl_admission_rules *rules);
/** A session of this slot ends when the lists do not allow its address any more. */
void worker_recheck(struct sl_worker *w, struct sl_session *session, uint64_t now_ns);

/* lifecycle.c: how sessions begin and end. */
void worker_establish(struct sl_worker *w, struct sl_session *session,
                      const struct sl_message_established *established, uint64_t now_ns);
void worker_close(struct sl_worker *w, struct sl_session *session, uint8_t reason,
                  bool close_notify, uint64_t now_ns);
/* list.c */
void worker_list_forged(struct sl_worker *w, const struct sl_message_list *question);
/** Tells control of some slots, while it is listing. return whether all were told. */
bool worker_list_more(struct sl_worker *w);

/** A handshaker says that it is over with the session, and why. */
void worker_end(struct sl_worker *w, struct sl_session *session,
                const struct sl_message_abort *abort, uint64_t now_ns);
/** Ends a handshake without a word to the peer. A handshaker that ended it waits to hear of it. */
void worker_abort(struct sl_worker *w, struct sl_session *session, uint64_t now_ns);
/**
 * A session with our CID needs its 5-tuple only while its client may not have our last flight, and
 * so repeats its own, in epoch 0.
 */
static inline void worker_leave_tuple(struct sl_worker *w, struct sl_session *session)
{
    if (session->flags & SESSION_KEEPS_TUPLE) {
        session->flags &= (uint8_t)~SESSION_KEEPS_TUPLE;
        sl_session_unindex(w->table, session);
    }
}
/** The session is at another address from now on. */
void worker_move(struct sl_worker *w, struct sl_session *session, const struct sl_path *path);
/** A session that was preloaded is established; its hop is found out by what comes first. */
void worker_establish_preloaded(struct sl_worker *w, struct sl_session *session, uint64_t now_ns);
/** An authentic record from the session's address: this is how to get there. */
void worker_learn_hop(struct sl_worker *w, struct sl_session *session, const struct sl_hop *hop);
/** A session that is half open from now on, or not any more; its address has not changed. */
void worker_enter_half_open(struct sl_worker *w, const struct sl_session *session);
void worker_leave_half_open(struct sl_worker *w, const struct sl_session *session);
static inline uint64_t worker_sweep_slot_ns(const struct sl_worker *w)
{
    return w->tell_left > 0 ? SWEEP_SLOT_HURRIED_NS : SWEEP_SLOT_NS;
}
/** The hand has a slot to pass, or all of them, since everything is to end or other rules hold. */
static inline bool worker_is_sweep_due(const struct sl_worker *w, uint64_t now_ns)
{
    return now_ns - w->swept_ns >= worker_sweep_slot_ns(w) || w->is_stopping || w->recheck_left > 0;
}
bool worker_sweep(struct sl_worker *w, uint64_t now_ns);
void worker_stop(struct sl_worker *w);

#endif
