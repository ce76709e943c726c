/**
 * The sessions that the gateway itself begins: what a `connect` entry of the configuration asks for
 * is kept up, over failures and closes, by attempts that follow each other with a backoff. Knows no
 * thread and no clock: messages of workers in, messages to workers out, the time an argument.
 *
 * For each entry: the next hop is found, the session begun, kept; when it ends, another attempt
 * follows after a random part of a span that doubles with each failure, and not before the server's
 * address is allowed. Each attempt has a local
 * port of its own, so that no two sessions, of now or of just now, share a 5-tuple.
 *
 * A session whose key has sent three quarters of what it may, or that an operator wants replaced,
 * is replaced: another one is begun beside it, and when that is up, the old one stays for a while
 * for what is under way, and is closed.
 *
 * One thread, control's. Allocates at creation only.
 */
#ifndef SL_CONNECT_H
#define SL_CONNECT_H

#include "sl_base.h"
#include "sl_message.h"

#define SL_CONNECTIONS_MAX 64
/** Places of entries, those whose last sessions have not ended included. */
#define SL_CONNECTION_PLACES (2 * SL_CONNECTIONS_MAX)
#define SL_CONNECT_REASON_LEN 320

/** A `connect` entry. */
struct sl_connection_config {
    const char *name;
    struct sl_tuple tuple; /* local_port 0: each attempt takes one */
    uint16_t group;
    uint16_t vlan_id;                        /* the group's */
    uint16_t service;                        /* whose consumers get the sessions */
    struct sl_ip next_hop;                   /* the server itself, or the router on the way there */
    uint64_t backoff_min_ns, backoff_max_ns; /* spans of the first failure, and of the last */
    uint32_t handshake_timeout_ms;
    uint64_t silence_ns; /* as in sl_message_begin */
    bool offers_cid;     /* RFC 9146 */
    bool on_demand;      /* sessions are begun for consumers who ask, and for nobody else */
};

struct sl_connector_config {
    unsigned connection_count; /* 0..SL_CONNECTIONS_MAX; the i-th gets place i */
    const struct sl_connection_config *connections; /* borrowed for the call, names too */
    uint16_t first_port, last_port; /* local UDP ports for attempts, both included */
    unsigned worker_count;
    const uint8_t *shard_owner; /* [256], the workers' */
    uint64_t seed; /* of backoff and ports; not secret, yet different in each gateway */
    /** false: the worker's ring is full; asked again in the next poll. */
    bool (*send)(void *arg, unsigned worker, enum sl_message_kind kind, const void *body,
                 uint32_t body_len);
    /** May this address be spoken to now? NULL: all may. */
    bool (*allows)(void *arg, const struct sl_ip *remote);
    void (*log)(void *arg, const char *line);
    void *arg;
};

struct sl_connector;

/** return NULL: out of memory. shard_owner is borrowed. */
struct sl_connector *sl_connector_create(const struct sl_connector_config *config);
void sl_connector_destroy(struct sl_connector *connector);

/**
 * Where entries are to stand. One that there is keeps its place, by its name; a new one gets one
 * that no session comes from any more. SL_MESSAGE_BEGIN names the place, so the handshakers'
 * clients stand there too, before sl_connector_replace. places [count] out: each less than
 * SL_CONNECTION_PLACES. return 0; -EBUSY: too many sessions of entries that are gone have not ended
 * yet.
 */
int sl_connector_place(const struct sl_connector *connector,
                       const struct sl_connection_config *connections, unsigned count,
                       uint16_t *places) SL_MUST_USE;
/**
 * These are the entries [count] from now on, at the places that sl_connector_place has given. The
 * sessions of one that is gone, or that leads elsewhere (another server, way there, service, or
 * kind), are closed, and who waits for one hears it; one that has only other times goes on.
 * Borrowed for the call.
 */
void sl_connector_replace(struct sl_connector *connector,
                          const struct sl_connection_config *connections, unsigned count,
                          const uint16_t *places, uint64_t now_ns);

/** Begins what is due; at least every 100 ms. */
void sl_connector_poll(struct sl_connector *connector, uint64_t now_ns);
/** A worker's message: hop, up, down and usage. Others, and those of attempts that are gone, change
 * nothing. */
void sl_connector_receive(struct sl_connector *connector, const struct sl_message *message,
                          uint64_t now_ns);
/**
 * A consumer asks for a session of its own with the server of an on_demand entry of its service. It
 * gets the open event with its number, or the reason why there is none; nothing is tried twice.
 * return 0; -ENOENT: there is no such entry; -EBUSY: its user's consumers wait for too many (16) or
 * have too many, or everybody does.
 */
struct sl_connection_asker {
    uint32_t consumer; /* its index */
    uint32_t user;     /* who runs it */
};
int sl_connector_request(struct sl_connector *connector, const char *name, uint16_t service,
                         const struct sl_connection_asker *asker, uint32_t request) SL_MUST_USE;
/** A consumer is gone: what it has asked for is not begun any more. */
void sl_connector_forget(struct sl_connector *connector, uint32_t consumer);

/** What an operator's wish comes to. */
enum sl_reconnect {
    SL_RECONNECT_UNKNOWN, /* there is no entry of this name */
    SL_RECONNECT_STOPPING,
    SL_RECONNECT_DENIED, /* the server is: nothing is begun until it is allowed, then at once */
    SL_RECONNECT_TRYING,
    SL_RECONNECT_UNDER_WAY, /* it goes on as it is */
    SL_RECONNECT_UNUSED,    /* on demand, and nobody has a session */
};
/** For the operator; "error: .." where nothing comes of it. */
const char *sl_reconnect_text(enum sl_reconnect outcome);
/**
 * The entry of this name: if it waits for its backoff to end, it tries at once; a session of its
 * own that is up is replaced, as one whose key will not do for long, each one if consumers have
 * asked for several, a few of a user's at a time; what is under way goes on.
 */
enum sl_reconnect sl_connector_reconnect(struct sl_connector *connector, const char *name,
                                         uint64_t now_ns) SL_MUST_USE;
/** From now on nothing is begun any more; the workers close what there is. */
void sl_connector_stop(struct sl_connector *connector);

enum sl_connection_state {
    SL_CONNECTION_WAITING, /* for its next attempt */
    SL_CONNECTION_RESOLVING,
    SL_CONNECTION_CONNECTING,
    SL_CONNECTION_UP,
    SL_CONNECTION_LEAVING,
    SL_CONNECTION_ON_DEMAND, /* consumers ask; each has sessions of its own */
    SL_CONNECTION_DENIED,    /* nothing is begun while the server's address is denied */
};
const char *sl_connection_state_name(enum sl_connection_state state);

struct sl_connection_info {
    const char *name;
    struct sl_tuple tuple; /* local_port 0: none in use */
    enum sl_connection_state state;
    uint64_t since_ns;
    uint64_t next_ns;   /* WAITING: when the next attempt begins */
    uint64_t session;   /* UP: its handle */
    uint64_t attempts;  /* begun */
    uint64_t opened;    /* of them, that were established */
    const char *reason; /* of the last failure or end; "" when there was none */
};
/** out [SL_CONNECTIONS_MAX], in the order of the configuration; names and reasons are borrowed.
 * return how many. */
unsigned sl_connector_list(struct sl_connector *connector, struct sl_connection_info *out);

#endif
