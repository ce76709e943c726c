/** What the files of one worker share: its struct, and the stages as functions over bursts. */
#ifndef WORKER_PRIV_H
#define WORKER_PRIV_H

#include "sl_next_hop.h"
#include "sl_session.h"
#include "sl_worker.h"

/** Frames that wait for a transmit queue that is full: at most two bursts for each group. */
#define OUTBOX_MAX (2 * SL_BURST)
/** The clock hand passes one slot in this time, and at most SWEEP_SLOTS_MAX in a turn. */
#define SWEEP_SLOT_NS 16000ULL
#define SWEEP_SLOTS_MAX 32
/** How long a closed session waits to tell a consumer whose ring stays full. */
#define CLOSE_EVENT_PATIENCE_NS (5ULL * 1000000000ULL)
/** A last flight is asked for, and an address candidate told, at most this often. */
#define REPEAT_INTERVAL_NS (100ULL * 1000000ULL)
/** The longest protected record. */
#define SCRATCH_LEN SL_RECORD_PROTECTED_MAX
/** Bytes to an unconfirmed address for each byte that came from it; RFC 9146 6, RFC 9000 8. */
#define AMPLIFICATION_LIMIT 3
/** Where a message's plaintext stands in a frame to send: all headers fit before it. */
#define TX_PLAIN_OFF 128
static_assert(SL_ETHER_HEADER_LEN + SL_VLAN_TAG_LEN + SL_IPV6_HEADER_LEN + SL_UDP_HEADER_LEN +
                      SL_RECORD_HEADER_LEN + SL_PEER_CID_MAX + SL_GCM_EXPLICIT_NONCE_LEN <=
                  TX_PLAIN_OFF,
              "the longest headers stand before the plaintext");
/** Messages and bytes that one consumer may have sent in one turn (deficit round robin). */
#define COLLECT_QUANTUM 16384
/** Quiet send rings that are looked at in a turn, in rotation. */
#define QUIET_RINGS_PER_TURN 4
/** Requests for the MAC of a next hop before it is given up: two seconds. */
#define NEXT_HOP_ATTEMPTS 10
/** How long an answer is believed: RFC 4861 10, REACHABLE_TIME. */
#define NEXT_HOP_BELIEVED_NS (30ULL * 1000000000ULL)
/** Messages of one other thread that are handled in a turn. */
#define MESSAGES_PER_TURN SL_BURST

/** Source prefixes whose rates are known at once; a power of two, times SL_BUCKET_WAYS. */
#define PREFIX_SETS 4096

/** The worker's bits in sl_session.flags. */
enum session_flag {
    SESSION_OPEN_TOLD = 1 << 0,       /* its consumer has had the open event */
    SESSION_HAS_CANDIDATE = 1 << 1,   /* candidate holds an address */
    SESSION_MOVED_PENDING = 1 << 2,   /* a moved event is still to be told */
    SESSION_TELL_HANDSHAKER = 1 << 3, /* `closed` is still to be sent */
    SESSION_TELL_CONSUMER = 1 << 4,   /* the close event is still to be told */
    SESSION_WAS_ESTABLISHED = 1 << 5, /* counts in the gauge of sessions, else of half-open ones */
    SESSION_KEEPS_TUPLE = 1 << 6,     /* has our CID, yet its client may still repeat flight 5 */
    SESSION_HOP_UNKNOWN = 1 << 7,     /* preloaded, and nothing came from its address yet */
};

/** A consumer as this worker sees it. */
struct worker_consumer {
    struct sl_attachment *attachment; /* NULL: none at this index */
    uint32_t key;                     /* what sessions of it hold; 0 is nobody's */
    int64_t deficit;                  /* bytes it may still send in this turn */
    bool is_evicted;                  /* misbehaved; waits to be detached */
    bool is_quiet;                    /* its send ring was empty when last looked at */
    bool has_news;                    /* its receive ring was written in this turn */
    bool detach_pending;              /* `detached` is still to be told */
    bool evict_pending;
};

/** Stages 2 to 5: records of a burst. jobs and records run in parallel. */
struct rx_record {
    struct sl_frame *frame;
    struct sl_session *session;
    uint64_t handle; /* the session's when it was found: it may have ended since */
};
struct rx_burst {
    /* [count].header is that of the record being looked at; it stays while those before it are
     * opened and delivered, as only open_later writes behind count. */
    struct sl_open_job jobs[SL_BURST] __attribute__((aligned(SL_CACHE_LINE)));
    struct rx_record records[SL_BURST];
    unsigned count;
};

/** Stages 6 to 8: messages of a burst; what is known of each runs in parallel. */
struct tx_burst {
    struct sl_seal_job jobs[SL_BURST];
    struct sl_frame *frames[SL_BURST];
    struct sl_session *sessions[SL_BURST];
    const struct sl_path *paths[SL_BURST]; /* one of the session's; read before it may change */
    unsigned count;
    unsigned sealed_count; /* of them; these come first */
    struct sl_wire_unsummed unsummed[SL_BURST];
    unsigned unsummed_count;
    uint64_t numbers; /* bits that any of the sealed records has in its number */
    unsigned groups;  /* and any path in its group */
};

/** First fragments of ClientHellos; what others hold is not known yet. */
enum hello_kind { HELLO_WITHOUT_COOKIE, HELLO_WITH_COOKIE, HELLO_KINDS, HELLO_NONE = HELLO_KINDS };
/** The worker's time that may be spent on each kind. */
struct hello_credit {
    uint64_t credit_ns[HELLO_KINDS];
    uint64_t questions_ns; /* and on asking whether they may come in */
    uint64_t grown_ns;     /* the time it grew last */
    bool is_crowded;       /* a whole burst came in since: more may wait */
};

/** Frames to send on one group, and empty ones to fill. */
struct outbox {
    struct sl_frame *frames[OUTBOX_MAX];
    unsigned count;
    struct sl_frame *spare[SL_BURST];
    unsigned spare_count;
    bool is_blocked; /* the port did not take everything when last asked */
};

/** What control has still to be told of an attempt. */
enum attempt_news { NEWS_HOP = 1 << 0, NEWS_UP = 1 << 1, NEWS_USAGE = 1 << 2, NEWS_DOWN = 1 << 3 };

/** An attempt of control's to reach a server: lib/connect. */
struct worker_attempt {
    uint32_t number;                    /* 0: none yet at this index */
    uint32_t seeks;                     /* index of the next hop it waits for, or NEXT_HOP_NONE */
    uint64_t session;                   /* handle */
    char name[SL_CONNECTION_NAME_SIZE]; /* of the entry */
    uint8_t news;                       /* enum attempt_news */
    struct sl_message_usage usage;
    uint32_t consumer; /* key of the one who has asked for it, or 0 */
    uint32_t request;  /* under this number */
    bool has_failed;   /* `failed` is still to be told */
    struct sl_ring_failed failed;
    uint64_t replaces; /* the session whose place it takes, or 0 */
    struct sl_message_hop hop;
    struct sl_message_down down;
};
#define NEXT_HOP_NONE UINT32_MAX

struct sl_worker {
    struct sl_worker_config config;
    struct sl_session_table *table;
    const struct sl_session_places *places; /* the table's */
    struct sl_aead *aead;
    struct sl_aead_key_lines key_lines; /* the engine's */
    struct sl_cookie_jar *cookies;
    struct sl_identity *identities; /* [capacity] by slot; cold */
    /* [capacity] by slot: borrowed from the handshaker until it hears `closed`; NULL: none */
    const struct sl_peer_chain **chains;
    uint8_t *scratch; /* [SCRATCH_LEN] */
    struct hello_credit hellos;
    struct rx_burst rx;
    struct tx_burst tx;
    struct outbox outboxes[SL_GROUPS_MAX];
    struct sl_frame *ended[SL_BURST]; /* of the burst that came in, freed when it is done with */
    unsigned ended_count;
    struct sl_frame *away[SL_WORKERS_MAX][SL_BURST]; /* to be handed over */
    unsigned away_count[SL_WORKERS_MAX];
    struct worker_consumer consumers[SL_CONSUMERS_MAX];
    uint32_t consumer_serial;
    unsigned consumer_count;
    unsigned next_consumer; /* whose turn it is first */
    unsigned next_assignment;
    bool consumer_news; /* one has news */
    unsigned next_quiet;
    struct sl_next_hop next_hops[SL_NEXT_HOPS_MAX];
    struct worker_attempt attempts[SL_ATTEMPTS_MAX];
    bool seeks_hops;    /* one is asked for */
    bool has_failures;  /* a consumer has still to be told of one */
    bool attempts_news; /* control has to be told of one */
    uint32_t hand;      /* of the sweep's clock: the slot it visits next */
    uint64_t swept_ns;  /* the time up to which the hand has moved */
    uint32_t half_open;
    uint32_t ending;    /* legacy sessions whose close_notify is not out yet */
    uint32_t stop_left; /* slots the hand still has to pass */
    const struct sl_admission_rules *admission; /* in force; NULL: no limits */
    struct sl_prefix_hasher prefixes;
    struct sl_buckets *hello_buckets, *handshake_buckets; /* by prefix */
    struct sl_prefix_counts *in_flight;                   /* half-open sessions of a prefix */
    uint64_t hellos_full_ns, echoes_full_ns, neighbours_full_ns; /* buckets over all */
    uint32_t recheck_left; /* slots in which sessions may be that it does not allow */
    bool is_stopping, is_stopped;
    bool reports_pending, stopped_pending, admission_pending;
    struct sl_counters counters;
};

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

/* open.c, admit.c: stages 3 to 5 over w->rx. */
void worker_open_burst(struct sl_worker *w);
/** Admits and delivers record by record. worker_publish shows what was delivered, once a turn. */
void worker_admit_burst(struct sl_worker *w, uint64_t now_ns);
/** Stages 3 to 5, and an empty burst afterwards. */
void worker_finish_rx(struct sl_worker *w, uint64_t now_ns);

/* collect.c: stage 6: from consumers' send rings into w->tx; runs 7 and 8 when it is full. */
bool worker_collect(struct sl_worker *w, uint64_t now_ns);

/* send.c: stages 7 and 8 over w->tx, frames, outboxes. */
void worker_seal_burst(struct sl_worker *w);
void worker_write_headers_burst(struct sl_worker *w);
/** The UDP checksums, over ciphertext, of what goes to ports that do not compute them. */
void worker_checksum_burst(struct sl_worker *w);
void worker_send_burst(struct sl_worker *w, uint64_t now_ns);
/** How many of n (<= SL_BURST) empty frames the next calls of worker_take_frame will find. */
unsigned worker_have_frames(struct sl_worker *w, unsigned group, unsigned n);
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
bool worker_flush_outboxes(struct sl_worker *w);
bool worker_has_backlog(const struct sl_worker *w);
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
void worker_send_close_notify(struct sl_worker *w, struct sl_session *session);

/* hello.c: ClientHellos. */
struct hello_answer {
    bool wanted;
    uint64_t record_seq;
    uint8_t cookie[SL_COOKIE_LEN];
};
void worker_handle_hello(struct sl_worker *w, struct sl_frame *frame,
                         const struct sl_record_header *header, const uint8_t *body,
                         struct hello_answer *answer, uint64_t now_ns);
/** Turns the ClientHello's frame into the HelloVerifyRequest; takes the frame. */
void worker_answer_hello(struct sl_worker *w, struct sl_frame *frame,
                         const struct hello_answer *answer);

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
/** Has libssl send a close_notify; until it has, the session keeps its handle. */
void worker_close_legacy(struct sl_worker *w, struct sl_session *session);
/** It has, or is not waited for any longer. */
void worker_forget_ending(struct sl_worker *w, struct sl_session *session);

/* next_hops.c: how frames get to servers. */
void worker_init_next_hops(struct sl_worker *w);
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
void worker_attempt_is_up(struct sl_worker *w, const struct sl_session *session);
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
/** A handshaker says that it is over with the session. */
void worker_end(struct sl_worker *w, struct sl_session *session, uint64_t now_ns);
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
/** The hand has a slot to pass, or all of them, since everything is to end or other rules hold. */
static inline bool worker_is_sweep_due(const struct sl_worker *w, uint64_t now_ns)
{
    return now_ns - w->swept_ns >= SWEEP_SLOT_NS || w->is_stopping || w->recheck_left > 0;
}
bool worker_sweep(struct sl_worker *w, uint64_t now_ns);
void worker_stop(struct sl_worker *w);

/* worker.c */
/** Ends a frame of the burst that came in. It is freed with the burst: w->rx may still look at it.
 */
static inline void worker_end_frame(struct sl_worker *w, struct sl_frame *frame)
{
    assert(w->ended_count < SL_BURST);
    w->ended[w->ended_count++] = frame;
}
/** Frees a frame of our own that is not sent after all. */
void worker_discard_frame(struct sl_worker *w, struct sl_frame *frame);

static inline void worker_count(struct sl_worker *w, enum sl_counter counter, uint64_t n)
{
    sl_counter_add(&w->counters.events[counter], n);
}

/** One record (or frame without records, or message) ends for this reason. */
static inline void worker_drop(struct sl_worker *w, enum sl_drop drop)
{
    sl_counter_add(&w->counters.drops[drop], 1);
}

#endif
