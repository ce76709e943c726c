/* Servers whose address the lists of admission deny: nothing is begun with them until they allow
 * it.
 */
#include <stdio.h>

#include "connect_priv.h"

const char connect_denied[] = "the server's address is denied by the lists of admission";

bool connect_allows(const struct sl_connector *connector, const struct sl_connection_config *config)
{
    return connector->config.allows == NULL ||
           connector->config.allows(connector->config.arg, &config->tuple.remote_ip);
}

static void say(const struct sl_connector *connector, const struct connection *connection)
{
    char line[SL_CONNECTION_NAME_SIZE + 128];
    snprintf(line, sizeof line, "connection %s: %s", connection->name, connect_denied);
    connector->config.log(connector->config.arg, line);
}

bool connect_may_begin(struct sl_connector *connector, struct connection *connection,
                       uint64_t now_ns)
{
    const bool was_denied = connection->is_denied;
    connection->is_denied = !connect_allows(connector, &connection->config);
    if (connection->is_denied && !was_denied) {
        snprintf(connection->reason, sizeof connection->reason, "%s", connect_denied);
        connection->since_ns = now_ns;
        say(connector, connection);
    }
    return !connection->is_denied;
}
