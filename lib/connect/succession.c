/* A session is replaced before its key is used up (RFC 9325 4.4), or when an operator wants it:
 * another one is begun beside it, and the consumer, told which one it replaces, moves over. */
#include "connect_priv.h"

void connect_note_usage(struct sl_connector *connector, uint64_t session, uint64_t now_ns)
{
    for (unsigned i = 0; i < SL_ATTEMPTS_MAX; i++) {
        struct attempt *attempt = &connector->attempts[i];
        if (attempt->state == ATTEMPT_UP && attempt->session == session &&
            attempt->successor == 0 && attempt->replace_ns == NEVER && attempt->leave_ns == NEVER)
            attempt->replace_ns = now_ns;
    }
}

bool connect_replace_sessions(struct sl_connector *connector, unsigned connection, uint64_t now_ns)
{
    bool is_any = false;
    for (unsigned i = 0; i < SL_ATTEMPTS_MAX; i++) {
        struct attempt *attempt = &connector->attempts[i];
        if (attempt->state != ATTEMPT_UP || attempt->connection != connection ||
            attempt->successor != 0)
            continue;
        attempt->is_unwanted = true;
        attempt->failures = 0;
        attempt->replace_ns = now_ns;
        is_any = true;
    }
    return is_any;
}

/** Of sessions that consumers have asked for a user has only so many replaced at a time: else they
 * would take the places of others. Half of them are left to those whose keys will not do. */
static bool may_replace(const struct sl_connector *connector, const struct attempt *attempt)
{
    unsigned replaced = 0;
    for (unsigned i = 0; i < SL_ATTEMPTS_MAX; i++) {
        const struct attempt *other = &connector->attempts[i];
        replaced += other->state != ATTEMPT_NONE && other->predecessor != 0 &&
                    other->is_asked_for && other->user == attempt->user;
    }
    return !attempt->is_asked_for ||
           replaced < (attempt->is_unwanted ? REPLACEMENTS_MAX / 2 : REPLACEMENTS_MAX);
}

static void begin_successor(struct sl_connector *connector, struct attempt *attempt)
{
    struct attempt *successor = may_replace(connector, attempt)
                                    ? connect_begin(connector, attempt->connection, attempt)
                                    : NULL;
    if (successor == NULL)
        return;                                      /* again in the next poll */
    successor->is_asked_for = attempt->is_asked_for; /* it is in its user's share from now on */
    successor->user = attempt->user;
    attempt->successor = successor->number;
    attempt->replace_ns = NEVER;
    connect_say(connector, attempt,
                attempt->is_unwanted
                    ? "another session is asked for, and begun beside the one there is"
                    : "the key of its session will not do for long; another is begun");
}

static void leave(const struct sl_connector *connector, struct attempt *attempt)
{
    if (!connect_step(attempt, EVENT_HANG_UP))
        return;
    attempt->is_unsent = true;
    connect_tell(connector, attempt);
}

void connect_succeed(struct sl_connector *connector, struct attempt *attempt, uint64_t now_ns)
{
    if (attempt->state != ATTEMPT_UP)
        return;
    if (now_ns >= attempt->leave_ns)
        leave(connector, attempt);
    else if (now_ns >= attempt->replace_ns)
        begin_successor(connector, attempt);
}

uint64_t connect_take_over(struct sl_connector *connector, struct attempt *attempt, uint64_t now_ns)
{
    struct connection *connection = connect_entry_of(connector, attempt);
    struct attempt *predecessor = connect_attempt_of(connector, attempt->predecessor);
    if (predecessor == NULL)
        return 0;
    predecessor->leave_ns = now_ns + GRACE_NS;
    if (connection->attempt == predecessor->number)
        connection->attempt = attempt->number;
    return predecessor->session;
}

bool connect_part(struct sl_connector *connector, const struct attempt *attempt, uint64_t now_ns)
{
    struct connection *connection = connect_entry_of(connector, attempt);
    struct attempt *predecessor = connect_attempt_of(connector, attempt->predecessor);
    struct attempt *successor = connect_attempt_of(connector, attempt->successor);
    if (successor != NULL)
        successor->predecessor = 0;
    if (predecessor != NULL && attempt->up_ns == 0) { /* it has not been replaced */
        predecessor->successor = 0;
        predecessor->replace_ns =
            now_ns + connect_backoff(connector, &connection->config, predecessor->failures++);
    }
    if (connection->attempt != attempt->number)
        return true;
    if (successor != NULL)
        connection->attempt = successor->number;
    return successor != NULL;
}
