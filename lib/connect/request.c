/* Sessions that consumers ask for: one attempt each, and an answer whatever comes of it. */
#include <errno.h>
#include <stdio.h>

#include "connect_priv.h"

static int find(const struct sl_connector *connector, const char *name, uint16_t service)
{
    for (unsigned i = 0; i < connector->count; i++) {
        const unsigned place = connector->order[i];
        const struct sl_connection_config *config = &connector->connections[place].config;
        if (config->on_demand && config->service == service && strcmp(config->name, name) == 0)
            return (int)place;
    }
    return -1;
}

/** A user waits for no more than his share, and has no more than half of what all may have, with
 * what replaces his sessions, however many consumers he has had. */
static bool may_ask(const struct sl_connector *connector, uint32_t user)
{
    unsigned waiting = 0, count = 0;
    for (unsigned i = 0; i < SL_ATTEMPTS_MAX; i++) {
        const struct attempt *attempt = &connector->attempts[i];
        if (attempt->state == ATTEMPT_NONE || !attempt->is_asked_for || attempt->user != user)
            continue;
        waiting += attempt->up_ns == 0 && attempt->predecessor == 0;
        count++;
    }
    static_assert(SL_ATTEMPTS_MAX / 2 - SL_CONNECTIONS_MAX > REPLACEMENTS_MAX, "some are left");
    return waiting < REQUESTS_MAX && count < connect_demand_max(connector) / 2 - REPLACEMENTS_MAX;
}

static void give_to(struct attempt *attempt, const struct sl_connection_asker *asker,
                    uint32_t request)
{
    attempt->consumer = asker->consumer + 1;
    attempt->is_asked_for = true;
    attempt->user = asker->user;
    attempt->request = request;
}

/** Nothing is begun, and the consumer hears why. */
static int deny(struct sl_connector *connector, unsigned place,
                const struct sl_connection_asker *asker, uint32_t request)
{
    struct connection *connection = &connector->connections[place];
    struct attempt *attempt = connect_take_attempt(connector, place);
    if (attempt == NULL)
        return -EBUSY;
    give_to(attempt, asker, request);
    snprintf(connection->reason, sizeof connection->reason, "%s", connect_denied);
    connect_fail_request(connector, attempt, connect_denied);
    return 0;
}

int sl_connector_request(struct sl_connector *connector, const char *name, uint16_t service,
                         const struct sl_connection_asker *asker, uint32_t request)
{
    const int index = find(connector, name, service);
    if (index < 0)
        return -ENOENT;
    if (connector->is_stopping || !may_ask(connector, asker->user))
        return -EBUSY;
    if (!connect_allows(connector, &connector->connections[index].config))
        return deny(connector, (unsigned)index, asker, request);
    struct attempt *attempt = connect_begin(connector, (unsigned)index, NULL);
    if (attempt == NULL)
        return -EBUSY;
    give_to(attempt, asker, request);
    return 0;
}

void sl_connector_forget(struct sl_connector *connector, uint32_t consumer)
{
    for (unsigned i = 0; i < SL_ATTEMPTS_MAX; i++) {
        struct attempt *attempt = &connector->attempts[i];
        if (attempt->state == ATTEMPT_NONE || attempt->consumer != consumer + 1)
            continue;
        attempt->consumer = 0;
        if (attempt->state == ATTEMPT_UP || !connect_step(attempt, EVENT_HANG_UP))
            continue; /* another consumer gets the session */
        attempt->is_unsent = true;
        connect_tell(connector, attempt);
    }
}

void connect_fail_request(struct sl_connector *connector, struct attempt *attempt,
                          const char *reason)
{
    if (attempt->consumer == 0 || attempt->up_ns != 0 || !connect_step(attempt, EVENT_FAIL))
        return;
    snprintf(attempt->reason, sizeof attempt->reason, "%s", reason);
    attempt->is_unsent = true;
    connect_tell(connector, attempt);
}

bool connect_send_failure(const struct sl_connector *connector, const struct attempt *attempt)
{
    struct sl_message_fail body = {.attempt = attempt->number,
                                   .consumer = attempt->consumer - 1,
                                   .failed = {.request = attempt->request}};
    memcpy(body.failed.reason, attempt->reason, sizeof body.failed.reason);
    return connector->config.send(connector->config.arg, attempt->worker, SL_MESSAGE_FAIL, &body,
                                  sizeof body);
}
