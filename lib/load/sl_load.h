/**
 * The load generator's engine: all that one core of it owns. Many DTLS clients of one server, their
 * handshakes, what they send and what comes back. Frames in, frames out, the time an argument: no
 * thread, no clock, no DPDK, no socket. docs/load-testing.md says how it is used.
 *
 * One thread calls everything on one engine, but for the orders and the statistics, which another
 * thread gives and reads.
 */
#ifndef SL_LOAD_H
#define SL_LOAD_H

#include "sl_base.h"
#include "sl_handshake.h"
#include "sl_histogram.h"
#include "sl_load_sizes.h"
#include "sl_wire.h"

/* What a run does: the scenario, the same for all engines. */

enum sl_load_arrivals { SL_LOAD_CONSTANT, SL_LOAD_POISSON };

/**
 * Addresses and ports that clients send from. A source is one of them: number s has the address
 * first_ip + s / port_count and the port first_port + s % port_count.
 */
struct sl_load_sources {
    struct sl_ip first_ip; /* all zero: the kernel's choice; sockets only */
    uint32_t ip_count;
    uint16_t first_port; /* 0: the kernel's choice; sockets only */
    uint32_t port_count;
};

/* clang-format off */
/** What is sent beside the good traffic, to see what it costs: name, and what it is. What is no
 * session's comes from false addresses, or from clients' own sockets where there are sockets. */
#define SL_LOAD_FLOOD_LIST(X)                                                                      \
    X(HELLO,     "hello",     "ClientHellos without a cookie")                                     \
    X(RANDOM,    "random",    "random bytes, half of them a DTLS record by their first")           \
    X(FORGED,    "forged",    "records of living sessions that no key has sealed")                 \
    X(REPLAY,    "replay",    "records that were sent before")                                     \
    X(WRONG_CID, "cid",       "records with connection IDs that nobody has")                       \
    X(TRUNCATED, "truncated", "records cut off; past the kernel also packets shorter than their headers say") \
    X(FRAGMENT,  "fragment",  "ClientHellos in pieces that never become whole; past the kernel also IP fragments")
/* clang-format on */

enum sl_load_flood {
#define X(name, word, text) SL_LOAD_FLOOD_##name,
    SL_LOAD_FLOOD_LIST(X)
#undef X
        SL_LOAD_FLOOD_COUNT,
};
const char *sl_load_flood_name(enum sl_load_flood flood); /* "hello" */
const char *sl_load_flood_text(enum sl_load_flood flood);

/**
 * Whether packets with false source addresses may be sent to an address: to loopback, and to the
 * prefixes that are for benchmarks and documentation. RFC 2544 C.2.2 (198.18.0.0/15), RFC 5180 8
 * (2001:2::/48), RFC 5737, RFC 3849, RFC 9637.
 */
bool sl_load_may_be_flooded(const struct sl_ip *ip);

struct sl_load_scenario {
    struct sl_ip server_ip;
    uint16_t server_port;
    struct sl_load_sources sources; /* at least as many as clients */

    uint32_t clients;
    double connect_rate;         /* handshakes begun a second; 0: as many as may be in flight */
    uint32_t connects_in_flight; /* handshakes at once */
    bool is_storm; /* a session ends as soon as it is established, and its client connects anew */
    double churn_rate; /* sessions a second that end, and begin anew */
    bool resumes;      /* a client that connects again resumes its session, where it has a ticket */
    bool offers_cid;   /* RFC 9146 */
    uint8_t cid_len;   /* 0..20, of the connection IDs that the server is to send */

    double data_rate;     /* messages a second of all clients together; 0: none */
    double data_rate_max; /* that may be ordered later; below data_rate: none */
    enum sl_load_arrivals arrivals;
    struct sl_load_sizes sizes; /* of the plaintext */
    bool expects_echo;      /* else the server swallows what it gets, and nothing is lost or late */
    uint64_t late_after_ns; /* an answer that comes later than so is late */
    double rebind_rate;     /* clients a second that go on from another source */
    uint64_t active_ns, idle_ns; /* all clients talk, then are silent, in turn; idle_ns 0: never */
    double flood_rates[SL_LOAD_FLOOD_COUNT]; /* packets a second, in RUN */
    struct sl_load_sources false_sources;    /* of floods; not for sockets, which have none */
    uint64_t seed;                           /* of sizes, arrivals, and what floods send */
};

/* Where the frames go. */

/** A frame's tailroom is to have this before the longest IP packet: headers are written into it. */
#define SL_LOAD_FRAME_MARGIN 128

struct sl_load_io {
    void *arg;
    /** Frames received, at most n <= SL_BURST; the engine frees them. */
    unsigned (*receive)(void *arg, struct sl_frame **frames, unsigned n);
    /** Sends; ownership of the first `return` frames passes. */
    unsigned (*transmit)(void *arg, struct sl_frame **frames, unsigned n);
    /** Empty frames; return how many, 0..n. */
    unsigned (*take)(void *arg, struct sl_frame **frames, unsigned n);
    void (*free)(void *arg, struct sl_frame **frames, unsigned n);
    /**
     * A frame that came here for another engine's client (NULL: none ever does); that one is to
     * receive it. return whether ownership has passed.
     */
    bool (*hand_over)(void *arg, unsigned engine, struct sl_frame *frame);
    /**
     * A source is about to be used, or no longer (NULL for ports that need not know). tuple: in
     * what it is bound to, out what it got. return 0 or -errno.
     */
    int (*open_source)(void *arg, uint32_t source, struct sl_tuple *tuple);
    void (*close_source)(void *arg, uint32_t source);
};

/** A port of Ethernet frames; without one, frames are the payloads of the source that
 * frame->tuple_hash names. */
struct sl_load_link {
    uint8_t mac[SL_ETHER_ADDR_LEN];
    uint16_t vlan_id;  /* or SL_VLAN_NONE */
    uint16_t tx_flags; /* SL_FRAME_TX_*: what the port does for frames sent */
    enum sl_rx_checksum rx_checksum;
    bool is_memory;    /* nothing leaves this machine: a ring, memif, or null port */
    bool has_next_hop; /* next_mac is known; else it is asked for */
    uint8_t next_mac[SL_ETHER_ADDR_LEN];
    struct sl_ip next_ip; /* whom to ask for: the server, or the router on the way there */
};

/* What is counted. */

/* clang-format off */
#define SL_LOAD_COUNTER_LIST(X)                                                                    \
    X(HANDSHAKES_BEGUN,     "handshakes begun")                                                    \
    X(HANDSHAKES_COMPLETED, "handshakes completed")                                                \
    X(HANDSHAKES_RESUMED,   "of these, resumed from a ticket or session")                          \
    X(HANDSHAKES_WITH_CID,  "of these, whose records carry a connection ID")                       \
    X(HANDSHAKES_FAILED,    "handshakes that failed")                                              \
    X(HANDSHAKES_ABANDONED, "handshakes under way when the run ended")                             \
    X(SESSIONS_ENDED,       "sessions ended by us")                                                \
    X(SESSIONS_CLOSED,      "sessions closed by the server, or unusable")                          \
    X(SENT,                 "messages sent")                                                       \
    X(SENT_BYTES,           "bytes of plaintext in them")                                          \
    X(UNSENT,               "messages due that were not sent when their time ended")               \
    X(ECHOED,               "messages echoed in time")                                             \
    X(ECHOED_BYTES,         "bytes of plaintext in them")                                          \
    X(LATE,                 "messages echoed too late")                                            \
    X(LOST,                 "messages never echoed")                                               \
    X(OVERDUE,              "messages not echoed in time, as soon as that is over: at the end late + lost") \
    X(UNECHOED,             "messages whose echo nobody expects")                                  \
    X(DUPLICATES,           "echoes that came once more")                                          \
    X(REORDERED,            "echoes that came behind one sent later")                              \
    X(CORRUPT,              "data that is not what was sent")                                      \
    X(RECEIVED,             "messages received where no echo is expected")                         \
    X(STRAY,                "echoes of what is no longer, or was never, waited for")               \
    X(REBOUND,              "changes of a client's address or port")                               \
    X(TX_FRAMES,            "datagrams sent")                                                      \
    X(TX_BYTES,             "bytes sent, headers included where the port has them")                \
    X(RX_FRAMES,            "datagrams received")                                                  \
    X(RX_BYTES,             "bytes received")                                                      \
    X(RX_RECORDS,           "records received; a datagram without records counts as one")          \
    X(TO_HANDSHAKE,         "records handed to a handshake")                                       \
    X(CONSUMED,             "records consumed: alerts, repeats, what neighbours told us, answers to floods") \
    X(ANSWERED,             "ARP, neighbour solicitations and echo requests answered")             \
    X(FLOOD_BYTES,          "bytes of UDP payload in packets of floods")                           \
    X(FLOOD_ANSWERS,        "datagrams of the server that answered floods")                        \
    X(FLOOD_ANSWER_BYTES,   "bytes of UDP payload in them")                                        \
    X(HANDED_OVER,          "datagrams handed over to the engine that has the client")             \
    X(TX_BUSY,              "times the port took less than it was given")                          \
    X(SOURCES_FAILED,       "sockets that could not be opened")
/* clang-format on */

enum sl_load_counter {
#define X(name, text) SL_LOAD_##name,
    SL_LOAD_COUNTER_LIST(X)
#undef X
        SL_LOAD_COUNTER_COUNT,
};
const char *sl_load_counter_name(enum sl_load_counter counter); /* "HANDSHAKES_BEGUN" */
const char *sl_load_counter_text(enum sl_load_counter counter);

/** Written by the engine alone, read by anybody at any time through sl_load_snapshot_stats. */
struct sl_load_stats {
    uint64_t counters[SL_LOAD_COUNTER_COUNT];
    uint64_t drops[SL_DROP_COUNT];        /* of what was received, or could not be sent */
    uint64_t floods[SL_LOAD_FLOOD_COUNT]; /* packets sent */
    uint64_t established;                 /* gauge: sessions now */
    uint64_t connecting;                  /* gauge: handshakes in flight now */
    struct sl_histogram latency;   /* ns from the intended time of sending to the echo, late ones
                                      included */
    struct sl_histogram handshake; /* ns from the intended begin to the server's Finished */
    struct sl_histogram pacing;    /* ns from the intended time of sending to when it was sealed */
};
void sl_load_snapshot_stats(struct sl_load_stats *out, const struct sl_load_stats *from);
/** Adds what another engine counted. */
void sl_load_add_stats(struct sl_load_stats *into, const struct sl_load_stats *add);
/** What happened between two snapshots; the gauges are the later one's. */
void sl_load_subtract_stats(struct sl_load_stats *later, const struct sl_load_stats *earlier);
/** Messages that may still be echoed: sent - echoed - late - lost - unechoed. */
uint64_t sl_load_outstanding(const struct sl_load_stats *stats);

/** Why handshakes failed or sessions were lost: a sentence, and how often. */
#define SL_LOAD_FAILURES_MAX 16
struct sl_load_failure {
    char text[SL_REASON_LEN];
    uint64_t count;
};

/** One client's messages, over all of its sessions. */
struct sl_load_client_result {
    uint64_t sent;
    uint64_t lost;
    uint64_t late;
    uint64_t duplicates;
    uint64_t reordered;
};

/* The engine. */

/**
 * In order; each begins when it is ordered. CONNECT: handshakes. RUN: handshakes as the scenario
 * wants them, data, everything. DRAIN: nothing new, answers are waited for. CLOSE: close_notify to
 * every session.
 */
enum sl_load_phase { SL_LOAD_CONNECT, SL_LOAD_RUN, SL_LOAD_DRAIN, SL_LOAD_CLOSE };

/** A session whose keys are known, for who records it; borrowed. */
struct sl_load_session {
    struct sl_tuple tuple; /* the client's view: local is the client */
    enum sl_aead_alg alg;
    const uint8_t *seal_key, *seal_iv; /* what the client seals with; secret */
    uint8_t own_cid_len, peer_cid_len; /* of records to the client, and from it; 0: none */
    const uint8_t *own_cid, *peer_cid;
};

struct sl_load_config {
    unsigned index, count; /* this engine among all: it has every count-th client and source, and
                              its share of every rate */
    const struct sl_load_scenario *scenario; /* borrowed */
    struct sl_load_io io;
    const struct sl_load_link *link; /* copied; NULL: sockets */
    uint16_t mtu;                    /* IP packet bytes */
    enum sl_crypto_backend crypto;
    struct sl_handshaker_config handshaker; /* client role; its rings are filled in here */
    uint8_t random_seed[32];                /* of connection IDs */
    void (*tell_session)(void *arg, const struct sl_load_session *session); /* NULL: nobody asks */
    void *tell_arg;
};

struct sl_load;

/** return the engine, or NULL and reason [SL_REASON_LEN]. Allocates; nothing later does, but for
 * handshakes. */
struct sl_load *sl_load_create(const struct sl_load_config *config, char *reason);
void sl_load_destroy(struct sl_load *load);

/** One turn: at most a burst received and a burst sent, what handshakes want. return whether there
 * was anything to do. now_ns is monotonic, and the same clock's in all engines. */
bool sl_load_poll(struct sl_load *load, uint64_t now_ns);
/** When a turn is due even if nothing comes in; now_ns or earlier: at once. Orders, and sessions
 * that wait for echoes, are looked at after SL_LOAD_NAP_MAX_NS at the latest. */
#define SL_LOAD_NAP_MAX_NS 1000000ULL
uint64_t sl_load_next_due(const struct sl_load *load, uint64_t now_ns);

/** Orders; any thread. */
void sl_load_order_phase(struct sl_load *load, enum sl_load_phase phase);
/** Messages a second of all engines together, from now on in RUN, and whenever it begins; what was
 * due before and could not be sent is forgotten. */
void sl_load_order_rate(struct sl_load *load, double data_rate);
/** The phase that was ordered last has nothing left to do: every client has been connected or has
 * failed; no answer is waited for; every session is closed. RUN goes on until another is ordered.
 */
bool sl_load_is_done(const struct sl_load *load);

/** Any thread. */
const struct sl_load_stats *sl_load_get_stats(const struct sl_load *load);
/** What failed so far; return how many kinds are in out [SL_LOAD_FAILURES_MAX]. Any thread. */
unsigned sl_load_failures(const struct sl_load *load, struct sl_load_failure *out);
/** Clients of this engine, and one's result: not while the engine runs on another thread. */
uint32_t sl_load_client_count(const struct sl_load *load);
struct sl_load_client_result sl_load_read_client(const struct sl_load *load, uint32_t client);

#endif
