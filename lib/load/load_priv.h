/** What the files of one engine share: its struct, and its steps as functions over bursts. */
#ifndef LOAD_PRIV_H
#define LOAD_PRIV_H

#include <stdatomic.h>

#include "arrivals.h"
#include "books.h"
#include "neighbours.h"
#include "overdue.h"
#include "payload.h"
#include "sets.h"
#include "sl_load.h"
#include "sl_message.h"
#include "sl_ring.h"

/** Frames that wait for a port that is full. */
#define OUTBOX_MAX (2 * SL_BURST)
/** Where a message's plaintext stands in a frame to send: all headers fit before it. */
#define TX_PLAIN_OFF SL_LOAD_FRAME_MARGIN
static_assert(SL_ETHER_HEADER_LEN + SL_VLAN_TAG_LEN + SL_IPV6_HEADER_LEN + SL_UDP_HEADER_LEN +
                      SL_RECORD_HEADER_LEN + SL_PEER_CID_MAX + SL_GCM_EXPLICIT_NONCE_LEN <=
                  TX_PLAIN_OFF,
              "the longest headers stand before the plaintext");
/** Clients whose state one turn changes, and messages of the handshaker that it handles. */
#define CLIENTS_PER_TURN SL_BURST
#define MESSAGES_PER_TURN SL_BURST

#define CLIENT_NONE UINT32_MAX

enum client_state {
    CLIENT_WAITING,     /* to connect; in load->waiting */
    CLIENT_HANDSHAKE,   /* its records go to the handshaker; no keys yet */
    CLIENT_KEYED,       /* keys; the server's Finished has not verified */
    CLIENT_ESTABLISHED, /* in load->active */
    CLIENT_DRAINING,    /* sends nothing any more, and waits for echoes; in load->draining */
    CLIENT_CLOSING,     /* over; the handshaker has still to be told; in load->untold */
    CLIENT_GONE,        /* and does not come back */
};

/** One client. What a message's path needs comes first. */
struct client {
    struct load_books books;
    uint32_t source;
    uint8_t state;      /* enum client_state */
    bool comes_back;    /* once closed, it connects again */
    bool has_tried;     /* its first handshake has ended, well or not */
    uint16_t plain_max; /* bytes that a message of its session may have */
    struct sl_path path;
    uint64_t handle; /* of its session, 0: none; its number and how many it has begun */
    uint64_t epoch0_next;
    uint64_t begin_ns;      /* when its handshake was meant to begin */
    uint64_t drained_by_ns; /* until then it waits for echoes */
    uint32_t generation;
    uint8_t own_cid[20];
} __attribute__((aligned(SL_CACHE_LINE)));

/** Frames to send, and empty ones to fill. */
struct outbox {
    struct sl_frame *frames[OUTBOX_MAX];
    unsigned count;
    struct sl_frame *spare[SL_BURST];
    unsigned spare_count;
};

/** Messages on their way out; what is known of each runs in parallel. */
struct tx_burst {
    struct sl_seal_job jobs[SL_BURST];
    struct sl_frame *frames[SL_BURST];
    uint32_t clients[SL_BURST];
    uint64_t intended_ns[SL_BURST];
    unsigned count;
};

/** Records on their way in. */
struct rx_burst {
    struct sl_open_job jobs[SL_BURST] __attribute__((aligned(SL_CACHE_LINE)));
    uint32_t clients[SL_BURST];
    unsigned count;
};

/** What has been ordered, by another thread; read once a turn. */
struct orders {
    _Atomic unsigned phase;      /* enum sl_load_phase */
    _Atomic uint64_t rate_milli; /* this engine's share, in thousandths of a message a second */
    _Atomic unsigned rate_count; /* how often a rate has been ordered */
};

struct sl_load {
    struct sl_load_config config;
    struct sl_load_scenario scenario; /* a copy, its rates this engine's share */
    struct sl_load_link link;
    bool has_link;
    struct load_neighbours neighbours; /* with a link */
    struct sl_aead *aead;
    struct sl_aead_key_lines key_lines;
    struct sl_handshaker *handshaker;
    struct sl_ring *to_handshaker, *from_handshaker;
    struct sl_ring_consumer *handshaker_from[1]; /* its ends of them */
    struct sl_ring_producer *handshaker_to[1];
    bool has_told; /* the handshaker, since it was polled last */

    struct client *clients; /* [client_count] */
    uint32_t client_count;
    uint8_t *epochs; /* [client_count] blocks of epoch_len */
    size_t epoch_len;
    uint64_t *windows;       /* [client_count] windows of the books */
    uint32_t window;         /* bits of each */
    uint32_t *source_client; /* [source_count]: who sends, or sent last, from there */
    bool *source_is_open;    /* [source_count] */
    uint32_t source_count;
    struct load_queue free_sources; /* the one that was left longest ago first */
    struct load_queue waiting, untold;
    struct load_set connecting, active, draining;
    uint32_t next_active; /* whose turn it is to send */
    uint32_t next_rebind, next_churn, next_drained;
    uint32_t untried; /* clients whose first handshake has not ended */

    struct load_arrivals connects, churns, rebinds, messages;
    bool connects_run; /* else they begin anew when somebody waits */

    struct orders orders;
    enum sl_load_phase phase;
    uint64_t phase_since_ns; /* 0: it has not been polled yet */
    unsigned rate_count;     /* as in the orders, when they were read last */
    uint64_t rate_milli;     /* of messages, but while all are silent */
    bool is_silent;          /* idle, until all wake */
    _Atomic unsigned done;   /* 1 + the phase that is done, 0: none */
    uint64_t now_ns;

    struct load_overdue overdue;
    struct outbox outbox;
    struct tx_burst tx;
    struct rx_burst rx;
    struct sl_load_stats stats;
    struct sl_load_failure failures[SL_LOAD_FAILURES_MAX];
    _Atomic unsigned failure_count;
    struct load_random random; /* of connection IDs, sizes and floods */
    struct floods *floods;     /* NULL: none */
};

static inline void load_count(struct sl_load *load, enum sl_load_counter counter, uint64_t n)
{
    sl_counter_add(&load->stats.counters[counter], n);
}
static inline void load_drop(struct sl_load *load, enum sl_drop drop)
{
    sl_counter_add(&load->stats.drops[drop], 1);
}

static inline uint32_t load_number_of(const struct sl_load *load, const struct client *client)
{
    return (uint32_t)(client - load->clients);
}
static inline struct sl_epoch *load_epoch_of(const struct sl_load *load,
                                             const struct client *client)
{
    return (struct sl_epoch *)(void *)(load->epochs +
                                       load->epoch_len * load_number_of(load, client));
}
static inline bool load_has_keys(const struct client *client)
{
    return client->state >= CLIENT_KEYED && client->state <= CLIENT_DRAINING;
}
/** The client whose session this is, or NULL. */
static inline struct client *load_client_of(const struct sl_load *load, uint64_t handle)
{
    const uint32_t number = (uint32_t)handle;
    if (number >= load->client_count || load->clients[number].handle != handle)
        return NULL;
    return &load->clients[number];
}

/** Events a second in thousandths, as arrivals want it. */
static inline uint64_t load_rate_of(double rate)
{
    const double milli = rate * 1000 + 0.5;
    return milli < 1 ? 0 : milli < LOAD_RATE_MAX_MILLI ? (uint64_t)milli : LOAD_RATE_MAX_MILLI;
}

/* phases.c: what has been ordered, and when it is done. */

void load_take_orders(struct sl_load *load);
void load_look_whether_done(struct sl_load *load);

/* sources.c: where clients send from. */

/** first + add: an address of a range. */
struct sl_ip load_add_to_ip(const struct sl_ip *first, uint64_t add);
/** The client's source is opened if it is not, and its path made. return 0 or -errno. */
int load_open_source(struct sl_load *load, struct client *client);
/** The client goes on from a source that has not been in use for longest. false: there is none. */
bool load_change_source(struct sl_load *load, struct client *client);
/** Whose frame this is: a datagram that came to a source of ours, from the server. owner: the
 * engine that has the client; client is told where that is this one. */
enum sl_drop load_find_client(struct sl_load *load, const struct sl_frame *frame, uint32_t *client,
                              unsigned *owner) SL_MUST_USE;
void load_close_sources(struct sl_load *load);

/* sessions.c: from the first ClientHello to the last alert. */

/** Begins what is due: handshakes, ends, changes of address. return whether anything was. */
bool load_move_clients(struct sl_load *load);
/** An established session is over. is_ours: we end it, and say so to the server. */
void load_end_session(struct sl_load *load, struct client *client, bool is_ours);
/** Whoever waits waits in vain, for a reason that has been noted. */
void load_send_all_home(struct sl_load *load);
/** The handshake has succeeded, or not. */
void load_establish(struct sl_load *load, struct client *client,
                    const struct sl_message_established *message);
void load_fail(struct sl_load *load, struct client *client, const char *why);
/** What is outstanding is lost: nobody waits for it any longer. */
void load_settle(struct sl_load *load, struct client *client);

/* next_hop.c: what a link has to know before anybody can send on it. */

/** The neighbours of a link; nothing without one. false, and reason [SL_REASON_LEN]. */
bool load_make_neighbours(struct sl_load *load, char *reason);
/** Asks for the next hop while it is not known. return whether clients may send. */
bool load_is_on_the_net(struct sl_load *load);
/** A frame that is no datagram, or could not be parsed, for that reason. return whether it is still
 * ours. */
bool load_take_neighbour(struct sl_load *load, struct sl_frame *frame, enum sl_drop drop);
bool load_knows_next_hop(const struct sl_load *load);
uint64_t load_next_hop_due_ns(const struct sl_load *load);

/* messages.c: to and from the handshaker. */

bool load_tell_connect(struct sl_load *load, struct client *client);
bool load_tell_closed(struct sl_load *load, const struct client *client);
void load_tell_record(struct sl_load *load, struct client *client, const uint8_t *record,
                      uint32_t len);
void load_tell_plaintext(struct sl_load *load, struct client *client, uint8_t type,
                         const uint8_t *plain, uint32_t len);
void load_tell_repeat(struct sl_load *load, const struct client *client);
bool load_serve_handshakes(struct sl_load *load);

/* receive.c */

bool load_receive(struct sl_load *load);

/* send.c: messages. transmit.c: frames. */

bool load_send_messages(struct sl_load *load);
/** A frame to fill: NULL when there is none. */
struct sl_frame *load_take_frame(struct sl_load *load);
unsigned load_have_frames(struct sl_load *load, unsigned n);
void load_keep_frame(struct sl_load *load, struct sl_frame *frame);
/** Sends a datagram that stands in a frame. false: the outbox is full, it was dropped. */
bool load_send_datagram(struct sl_load *load, const struct sl_path *path, uint32_t source,
                        struct sl_frame *frame, uint8_t *payload, uint32_t len);
void load_queue_datagrams(struct sl_load *load, const struct tx_burst *tx);
bool load_flush(struct sl_load *load);
/** A frame with headers, to go as it is; the outbox has room. */
void load_queue_frame(struct sl_load *load, struct sl_frame *frame);
static inline unsigned load_outbox_room(const struct sl_load *load)
{
    return OUTBOX_MAX - load->outbox.count;
}
/** Bytes of UDP payload that a datagram may have. */
uint16_t load_payload_max(const struct sl_load *load);
/** Bytes of plaintext that a message of an established session may have. */
uint16_t load_plain_max(const struct sl_load *load, const struct client *client);

/* floods.c */

/** false, and reason [SL_REASON_LEN]: they may not, or can't, be sent. */
bool load_make_floods(struct sl_load *load, char *reason);
/** All floods begin, at their rates. */
void load_begin_floods(struct sl_load *load);
bool load_send_floods(struct sl_load *load);
/** When the next packet of any is due. */
uint64_t load_next_flood_ns(const struct sl_load *load);
/** Keeps a copy of what was sent, now and then, for floods that send it again. */
void load_save_datagram(struct sl_load *load, const struct client *client, const uint8_t *payload,
                        uint32_t len);

/** Of what the server sends to nobody's address: to one of the false ones, and is counted. false:
 * to another. */
bool load_take_flood_answer(struct sl_load *load, const struct sl_frame *frame);
/** One that came where only a client of ours hears it, and is no part of what that one does. */
void load_count_flood_answer(struct sl_load *load, uint32_t len);

/* reserved.c */

/** All addresses from the first to the last are of one of the prefixes that floods may have to do
 * with. */
bool load_is_reserved(const struct sl_ip *first, const struct sl_ip *last);

/* hello.c */

/** A ClientHello as a client's of ours, without a cookie, its random and connection ID drawn. out
 * [LOAD_HELLO_MAX], record and all. return its length. */
#define LOAD_HELLO_MAX 192
uint32_t load_write_hello(uint8_t *out, struct load_random *random);

/* flights.c: datagrams of several records. */

void load_send_flight(struct sl_load *load, struct client *client,
                      const struct sl_message_send *send, uint32_t body_len);
void load_send_close_notify(struct sl_load *load, struct client *client);

/* stats.c */

/** Counts a failure under its sentence; beyond SL_LOAD_FAILURES_MAX kinds under the last. */
void load_note_failure(struct sl_load *load, const char *text);

#endif
