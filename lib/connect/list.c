#include "connect_priv.h"

const char *sl_connection_state_name(enum sl_connection_state state)
{
    static const char *const names[] = {
        [SL_CONNECTION_WAITING] = "waiting",       [SL_CONNECTION_RESOLVING] = "resolving",
        [SL_CONNECTION_CONNECTING] = "connecting", [SL_CONNECTION_UP] = "up",
        [SL_CONNECTION_LEAVING] = "leaving",       [SL_CONNECTION_ON_DEMAND] = "on demand",
        [SL_CONNECTION_DENIED] = "denied",
    };
    return names[state];
}

static enum sl_connection_state state_of(const struct attempt *attempt)
{
    static const enum sl_connection_state states[ATTEMPT_STATES] = {
        [ATTEMPT_NONE] = SL_CONNECTION_WAITING,
        [ATTEMPT_RESOLVING] = SL_CONNECTION_RESOLVING,
        [ATTEMPT_CONNECTING] = SL_CONNECTION_CONNECTING,
        [ATTEMPT_UP] = SL_CONNECTION_UP,
        [ATTEMPT_LEAVING] = SL_CONNECTION_LEAVING,
        [ATTEMPT_FAILED] = SL_CONNECTION_WAITING,
    };
    return attempt != NULL ? states[attempt->state] : SL_CONNECTION_WAITING;
}

static enum sl_connection_state state_in_all(const struct connection *connection,
                                             const struct attempt *attempt)
{
    if (connection->config.on_demand)
        return SL_CONNECTION_ON_DEMAND;
    return attempt == NULL && connection->is_denied ? SL_CONNECTION_DENIED : state_of(attempt);
}

unsigned sl_connector_list(struct sl_connector *connector, struct sl_connection_info *out)
{
    for (unsigned i = 0; i < connector->count; i++) {
        const struct connection *connection = &connector->connections[connector->order[i]];
        const struct sl_connection_config *config = &connection->config;
        const struct attempt *attempt = connect_attempt_of(connector, connection->attempt);
        out[i] = (struct sl_connection_info){
            .name = config->name,
            .tuple = attempt != NULL ? attempt->path.tuple : config->tuple,
            .state = state_in_all(connection, attempt),
            .since_ns = connection->since_ns,
            .next_ns = connection->next_ns,
            .session = attempt != NULL && attempt->state == ATTEMPT_UP ? attempt->session : 0,
            .attempts = connection->attempts,
            .opened = connection->opened,
            .reason = connection->reason,
        };
    }
    return connector->count;
}
