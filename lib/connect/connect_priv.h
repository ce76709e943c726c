/** What the files of lib/connect share. */
#ifndef CONNECT_PRIV_H
#define CONNECT_PRIV_H

#include "sl_connect.h"

/** A session that stayed up for so long was no failure, whatever ended it. */
#define STEADY_NS (60ULL * 1000000000ULL)

/** Sessions that one user's consumers may wait for. */
#define REQUESTS_MAX 16
/** Of his sessions on demand, those that may be replaced at a time, the old ones still being there.
 * What he may ask for leaves room for them. */
#define REPLACEMENTS_MAX 8U
/** How long a session that was replaced still takes what its server sends there. */
#define GRACE_NS (5ULL * 1000000000ULL)
#define NEVER UINT64_MAX

/** States of an attempt; the table in attempt.c has their transitions. */
enum attempt_state {
    ATTEMPT_NONE,
    ATTEMPT_RESOLVING,  /* its next hop is asked for */
    ATTEMPT_CONNECTING, /* a worker has it */
    ATTEMPT_UP,
    ATTEMPT_LEAVING, /* asked to end */
    ATTEMPT_FAILED,  /* its consumer has still to be told */
    ATTEMPT_STATES,
};
enum attempt_event {
    EVENT_BEGIN,
    EVENT_FOUND,
    EVENT_NOT_FOUND,
    EVENT_UP,
    EVENT_DOWN,
    EVENT_HANG_UP,
    EVENT_FAIL,
    ATTEMPT_EVENTS,
};

struct attempt {
    uint32_t number;
    enum attempt_state state;
    unsigned connection; /* place of its entry */
    unsigned worker;     /* that has it, or will */
    struct sl_path path;
    uint64_t session;  /* handle, once up */
    uint64_t up_ns;    /* when it came up; 0: never */
    bool is_unsent;    /* the state's message has still to be sent */
    uint32_t consumer; /* index of who has asked for it, and 1; 0: nobody */
    bool is_asked_for; /* by a consumer: it, or what it is to replace */
    uint32_t user;     /* then: whose consumer it was, also when that is gone */
    uint32_t request;
    char reason[SL_RING_REASON_LEN]; /* in FAILED */
    uint32_t predecessor; /* number of the attempt whose session it is to replace, or 0 */
    uint32_t successor;   /* of the one that is to replace its session, or 0 */
    uint64_t replace_ns;  /* when another attempt to replace it is due; NEVER */
    bool is_unwanted;     /* an operator wants it replaced */
    unsigned failures;    /* of such attempts, in a row */
    uint64_t leave_ns;    /* when it is to end, having been replaced; NEVER */
    bool is_dismissed; /* its entry is gone, or another one: what becomes of it is nothing to it */
};

/** An entry, and what it has come to. */
struct connection {
    bool is_there;
    struct sl_connection_config config;
    char name[SL_CONNECTION_NAME_SIZE]; /* config's */
    bool is_crowded;                    /* the next attempt is due, and there is none left */
    bool is_denied;                     /* the next attempt is due, and its server not allowed */
    uint32_t attempt;                   /* the number of the one that is under way, or 0 */
    unsigned failures;                  /* in a row */
    uint64_t next_ns;                   /* without one: when the next begins */
    uint64_t since_ns;                  /* of the state */
    uint64_t attempts, opened;
    char reason[SL_CONNECT_REASON_LEN];
};

struct sl_connector {
    struct sl_connector_config config;
    struct connection connections[SL_CONNECTION_PLACES];
    uint16_t order[SL_CONNECTIONS_MAX]; /* places, as the configuration has them */
    unsigned count;
    struct attempt attempts[SL_ATTEMPTS_MAX];
    uint32_t serial; /* of attempts */
    uint64_t random;
    bool is_stopping;
};

/** 64 random bits: splitmix64. */
uint64_t connect_random(struct sl_connector *connector);
static inline struct connection *connect_entry_of(struct sl_connector *connector,
                                                  const struct attempt *attempt)
{
    return &connector->connections[attempt->connection];
}

/** How long to wait after so many failures in a row: any part of a span that doubles. */
uint64_t connect_backoff(struct sl_connector *connector, const struct sl_connection_config *config,
                         unsigned failures);

/**
 * A local port for the tuple: one that no attempt has and, where there is such a one, whose 5-tuple
 * leads to the worker. *worker in: the one wanted; out: the one that owns it. return 0: all taken.
 */
uint16_t connect_choose_port(struct sl_connector *connector, const struct sl_tuple *tuple,
                             unsigned *worker);

/* attempt.c */
struct attempt *connect_attempt_of(struct sl_connector *connector, uint32_t number);
/** For the entry of this index. NULL: there are too many. Its state is NONE until the first step.
 */
struct attempt *connect_take_attempt(struct sl_connector *connector, unsigned connection);
/** How many attempts may be those of consumers who asked. */
unsigned connect_demand_max(const struct sl_connector *connector);
/** The one place that writes an attempt's state. false: the state knows no such event. */
bool connect_step(struct attempt *attempt, enum attempt_event event);

/* denied.c */
extern const char connect_denied[]; /* why nothing is begun */
bool connect_allows(const struct sl_connector *connector,
                    const struct sl_connection_config *config);
/** The entry's next attempt is due. return whether it may begin; if not, that is said, once. */
bool connect_may_begin(struct sl_connector *connector, struct connection *connection,
                       uint64_t now_ns);

/* entries.c */
/** Lets the attempt go, whatever it has come to; who waits for it hears why. */
void connect_dismiss(struct sl_connector *connector, struct attempt *attempt);
extern const char connect_dismissed[]; /* why */

/* succession.c: sessions that are replaced before their keys are used up, or for an operator. */
/** Notes that its key will not do for long. */
void connect_note_usage(struct sl_connector *connector, uint64_t session, uint64_t now_ns);
/** An operator wants others for those of this entry that are up. return whether there are any for
 * which none is under way. */
bool connect_replace_sessions(struct sl_connector *connector, unsigned connection, uint64_t now_ns);
/** What is due for an attempt that is up: to be replaced, or to leave. */
void connect_succeed(struct sl_connector *connector, struct attempt *attempt, uint64_t now_ns);
/** Its session is up, and takes the place of the one that it replaces. return its handle, or 0. */
uint64_t connect_take_over(struct sl_connector *connector, struct attempt *attempt,
                           uint64_t now_ns);
/* request.c: sessions that consumers ask for. */
/** It is over, and had been asked for: whoever did hears why, if it never came up. */
void connect_fail_request(struct sl_connector *connector, struct attempt *attempt,
                          const char *reason);
bool connect_send_failure(const struct sl_connector *connector, const struct attempt *attempt);

/* succession.c, too. */
/** It is over: neither waits for the other any more. return whether its entry has another one. */
bool connect_part(struct sl_connector *connector, const struct attempt *attempt, uint64_t now_ns);

/* connector.c */
/** Begins an attempt; beside the one whose session it is to replace, if there is one. NULL: there
 * are too many. */
struct attempt *connect_begin(struct sl_connector *connector, unsigned connection,
                              struct attempt *predecessor);
/** What its state has to tell its worker; again until the ring takes it. */
void connect_tell(const struct sl_connector *connector, struct attempt *attempt);
void connect_say(const struct sl_connector *connector, const struct attempt *attempt,
                 const char *text);

/* text.c */
void connect_describe_down(const struct sl_message_down *down, char *reason);

#endif
