/** What one worker owns: its struct, the parts of that, and how it counts. */
#ifndef WORKER_PRIV_H
#define WORKER_PRIV_H

#include "sl_next_hop.h"
#include "sl_session.h"
#include "sl_worker.h"

/** Frames that wait for a transmit queue that is full: at most two bursts for each group. */
#define OUTBOX_MAX (2 * SL_BURST)
/** The clock hand passes one slot in this time, and at most SWEEP_SLOTS_MAX in a turn. */
#define SWEEP_SLOT_NS 16000ULL
/** The same while somebody new waits to hear of sessions that have no consumer. */
#define SWEEP_SLOT_HURRIED_NS 1000ULL
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
/** How long a port that takes nothing, or has no frames, is waited for: longer than a busy machine
 * keeps a driver's thread from its core. */
#define PORT_PATIENCE_MS 100U
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
    uint32_t short_since_ms, filled_since_ms; /* the time, without its upper half */
    struct sl_frame *spare[SL_BURST];
    unsigned spare_count;
    bool is_blocked; /* the port did not take everything when last asked */
    bool is_short;   /* it has neither taken anything nor had an empty frame since short_since_ms */
    bool is_filled;  /* it was blocked at filled_since_ms, and never empty since */
};

/** What control has still to be told of an attempt. */
enum attempt_news { NEWS_HOP = 1 << 0, NEWS_UP = 1 << 1, NEWS_USAGE = 1 << 2, NEWS_DOWN = 1 << 3 };

/** An attempt of control's to reach a server: lib/connect. */
struct worker_attempt {
    uint32_t number;     /* 0: none yet at this index */
    uint32_t seeks;      /* place of the next hop it waits for, or NEXT_HOP_NONE */
    uint64_t session;    /* handle */
    uint64_t silence_ns; /* after which its server is gone; 0: never */
    uint64_t heard;      /* the server's highest record number, when looked at last */
    uint64_t heard_ns;   /* since when it is no other */
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

/** A neighbour whose MAC was sought. */
struct worker_next_hop {
    struct sl_next_hop hop; /* IDLE: the place is free */
    uint16_t group;
};

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
    struct worker_next_hop next_hops[SL_NEXT_HOPS_MAX];
    struct worker_attempt attempts[SL_ATTEMPTS_MAX];
    bool seeks_hops;    /* one is asked for */
    bool has_failures;  /* a consumer has still to be told of one */
    bool attempts_news; /* control has to be told of one */
    uint32_t hand;      /* of the sweep's clock: the slot it visits next */
    uint64_t swept_ns;  /* the time up to which the hand has moved */
    uint32_t half_open; /* handshakes that clients have begun; our own are not among them */
    uint32_t ending;    /* legacy sessions whose close_notify is not out yet */
    uint32_t tell_left; /* slots in which sessions may be that another consumer is to have */
    uint32_t stop_left; /* slots the hand still has to pass */
    const struct sl_admission_rules *admission; /* in force; NULL: no limits */
    struct sl_prefix_hasher prefixes;
    struct sl_buckets *hello_buckets, *handshake_buckets; /* by prefix */
    struct sl_prefix_counts *in_flight;                   /* half-open sessions of a prefix */
    uint64_t hellos_full_ns, echoes_full_ns, neighbours_full_ns; /* buckets over all */
    uint32_t recheck_left;    /* slots in which sessions may be that it does not allow */
    uint32_t listing, listed; /* number of control's question; slots before are told of */
    bool is_listing;
    bool is_stopping, is_stopped;
    bool reports_pending, stopped_pending, admission_pending;
    struct sl_counters counters;
};

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

/** How near the limit of forged records (RFC 9325 4.4) any session has come. */
static inline void worker_note_forged(struct sl_worker *w, uint64_t forged)
{
    if (forged > w->counters.forged_most)
        __atomic_store_n(&w->counters.forged_most, forged, __ATOMIC_RELAXED);
}
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
