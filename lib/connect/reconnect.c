/* An operator wants sessions anew, and hears what is done about it. */
#include "connect_priv.h"

const char *sl_reconnect_text(enum sl_reconnect outcome)
{
    static const char *const texts[] = {
        [SL_RECONNECT_UNKNOWN] =
            "error: there is no connection of this name; `sluice-ctl connections` has them all",
        [SL_RECONNECT_STOPPING] = "error: the gateway is stopping",
        [SL_RECONNECT_DENIED] = "error: the server's address is denied by the lists of admission",
        [SL_RECONNECT_TRYING] = "trying now",
        [SL_RECONNECT_UNDER_WAY] = "nothing to do: it is being connected already",
        [SL_RECONNECT_UNUSED] = "nothing to do: no consumer has asked for a session",
    };
    return texts[outcome];
}

static bool is_under_way(const struct sl_connector *connector, unsigned place)
{
    bool is_any = false;
    for (unsigned i = 0; i < SL_ATTEMPTS_MAX; i++) {
        const struct attempt *attempt = &connector->attempts[i];
        is_any |= attempt->connection == place &&
                  (attempt->state == ATTEMPT_RESOLVING || attempt->state == ATTEMPT_CONNECTING);
    }
    return is_any;
}

static enum sl_reconnect reconnect(struct sl_connector *connector, unsigned place, uint64_t now_ns)
{
    struct connection *connection = &connector->connections[place];
    if (connector->is_stopping)
        return SL_RECONNECT_STOPPING;
    connection->failures = 0;
    if (connection->next_ns > now_ns)
        connection->next_ns = now_ns;
    if (!connect_allows(connector, &connection->config))
        return SL_RECONNECT_DENIED;
    if (connect_replace_sessions(connector, place, now_ns))
        return SL_RECONNECT_TRYING;
    if (is_under_way(connector, place))
        return SL_RECONNECT_UNDER_WAY;
    return connection->config.on_demand ? SL_RECONNECT_UNUSED : SL_RECONNECT_TRYING;
}

enum sl_reconnect sl_connector_reconnect(struct sl_connector *connector, const char *name,
                                         uint64_t now_ns)
{
    for (unsigned i = 0; i < connector->count; i++)
        if (strcmp(connector->connections[connector->order[i]].name, name) == 0)
            return reconnect(connector, connector->order[i], now_ns);
    return SL_RECONNECT_UNKNOWN;
}
