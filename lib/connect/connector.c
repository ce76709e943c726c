/* From entries to attempts, and from what workers say back to entries. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "connect_priv.h"

static const struct sl_connection_config *config_of(const struct sl_connector *connector,
                                                    const struct attempt *attempt)
{
    return &connector->connections[attempt->connection].config;
}

void connect_say(const struct sl_connector *connector, const struct attempt *attempt,
                 const char *text)
{
    char line[SL_CONNECT_REASON_LEN + 128];
    snprintf(line, sizeof line, "connection %s: %s", config_of(connector, attempt)->name, text);
    connector->config.log(connector->config.arg, line);
}

static bool send_find_hop(const struct sl_connector *connector, const struct attempt *attempt)
{
    const struct sl_connection_config *config = config_of(connector, attempt);
    const struct sl_message_find_hop body = {.attempt = attempt->number,
                                             .group = config->group,
                                             .ip = config->next_hop,
                                             .asker = config->tuple.local_ip};
    return connector->config.send(connector->config.arg,
                                  sl_next_hop_worker(&body.ip, connector->config.worker_count),
                                  SL_MESSAGE_FIND_HOP, &body, sizeof body);
}

/** The session that it is to replace, if that is still there. */
static uint64_t replaced_by(const struct sl_connector *connector, const struct attempt *attempt)
{
    const struct attempt *other = &connector->attempts[sl_attempt_index(attempt->predecessor)];
    return attempt->predecessor != 0 && other->number == attempt->predecessor ? other->session : 0;
}

static bool send_begin(const struct sl_connector *connector, const struct attempt *attempt)
{
    const struct sl_connection_config *config = config_of(connector, attempt);
    struct sl_message_begin body = {
        .attempt = attempt->number,
        .connection = (uint16_t)attempt->connection,
        .service = config->service,
        .handshake_timeout_ms = config->handshake_timeout_ms,
        .silence_ns = config->silence_ns,
        .offers_cid = config->offers_cid,
        .path = attempt->path,
        .replaces = replaced_by(connector, attempt),
        .consumer = attempt->consumer,
        .request = attempt->request,
    };
    snprintf(body.name, sizeof body.name, "%s", config->name);
    return connector->config.send(connector->config.arg, attempt->worker, SL_MESSAGE_BEGIN, &body,
                                  sizeof body);
}

static bool send_hang_up(const struct sl_connector *connector, const struct attempt *attempt)
{
    const struct sl_message_hang_up body = {
        .attempt = attempt->number,
        .reason = attempt->is_dismissed ? SL_CLOSE_REMOVED : SL_CLOSE_REPLACED,
    };
    return connector->config.send(connector->config.arg, attempt->worker, SL_MESSAGE_HANG_UP, &body,
                                  sizeof body);
}

void connect_tell(const struct sl_connector *connector, struct attempt *attempt)
{
    if (!attempt->is_unsent)
        return;
    if (attempt->state == ATTEMPT_RESOLVING)
        attempt->is_unsent = !send_find_hop(connector, attempt);
    else if (attempt->state == ATTEMPT_CONNECTING)
        attempt->is_unsent = !send_begin(connector, attempt);
    else if (attempt->state == ATTEMPT_LEAVING)
        attempt->is_unsent = !send_hang_up(connector, attempt);
    else if (attempt->state == ATTEMPT_FAILED)
        attempt->is_unsent = !connect_send_failure(connector, attempt);
    else
        attempt->is_unsent = false;
}

/** The entry's next attempt comes after the backoff. */
static void wait_for_next(struct sl_connector *connector, const struct attempt *attempt,
                          uint64_t now_ns)
{
    struct connection *connection = connect_entry_of(connector, attempt);
    const uint64_t wait_ns =
        connect_backoff(connector, config_of(connector, attempt), connection->failures++);
    char text[SL_CONNECT_REASON_LEN + 64];
    connection->attempt = 0;
    connection->since_ns = now_ns;
    connection->next_ns = now_ns + wait_ns;
    if (connector->is_stopping)
        return;
    snprintf(text, sizeof text, "%s; again in %.1f s", connection->reason, (double)wait_ns / 1e9);
    connect_say(connector, attempt, text);
}

/** An attempt is over, for this reason. */
static void end(struct sl_connector *connector, struct attempt *attempt, const char *reason,
                uint64_t now_ns)
{
    struct connection *connection = connect_entry_of(connector, attempt);
    const bool was_replaced = attempt->leave_ns != NEVER;
    if (attempt->is_dismissed) {
        connect_fail_request(connector, attempt, connect_dismissed);
        return;
    }
    if (!was_replaced)
        snprintf(connection->reason, sizeof connection->reason, "%s", reason);
    if (attempt->up_ns != 0 && now_ns - attempt->up_ns >= STEADY_NS)
        connection->failures = 0;
    connect_fail_request(connector, attempt, reason);
    if (!connect_part(connector, attempt, now_ns))
        wait_for_next(connector, attempt, now_ns);
    else if (!was_replaced)
        connect_say(connector, attempt, reason);
}

struct attempt *connect_begin(struct sl_connector *connector, unsigned connection,
                              struct attempt *predecessor)
{
    const struct sl_connection_config *config = &connector->connections[connection].config;
    struct attempt *attempt = connect_take_attempt(connector, connection);
    if (attempt == NULL)
        return NULL;
    attempt->path.tuple = config->tuple;
    attempt->path.hop = (struct sl_hop){.vlan_id = config->vlan_id, .group = config->group};
    if (!connect_step(attempt, EVENT_BEGIN))
        return NULL;
    attempt->predecessor = predecessor != NULL ? predecessor->number : 0;
    attempt->is_unsent = true;
    connector->connections[connection].attempts++;
    connect_tell(connector, attempt);
    return attempt;
}

/** After a reload that keeps more entries up than the sessions on demand leave room for. */
static void say_crowded(struct sl_connector *connector, unsigned index)
{
    static const char text[] = "waits until sessions that consumers have asked for end: there are "
                               "too many of them";
    struct connection *connection = &connector->connections[index];
    char line[SL_CONNECT_REASON_LEN + 128];
    if (connection->is_crowded)
        return;
    connection->is_crowded = true;
    snprintf(connection->reason, sizeof connection->reason, "%s", text);
    snprintf(line, sizeof line, "connection %s %s", connection->config.name, text);
    connector->config.log(connector->config.arg, line);
}

/** The entry has no attempt under way, and waits no longer. */
static void begin(struct sl_connector *connector, unsigned index, uint64_t now_ns)
{
    const struct attempt *attempt = connect_begin(connector, index, NULL);
    if (attempt == NULL) {
        say_crowded(connector, index);
        return;
    }
    connector->connections[index].attempt = attempt->number;
    connector->connections[index].is_crowded = false;
    connector->connections[index].since_ns = now_ns;
}

void sl_connector_poll(struct sl_connector *connector, uint64_t now_ns)
{
    for (unsigned i = 0; i < SL_ATTEMPTS_MAX; i++)
        if (connector->attempts[i].state != ATTEMPT_NONE)
            connect_tell(connector, &connector->attempts[i]);
    if (connector->is_stopping)
        return;
    for (unsigned i = 0; i < SL_ATTEMPTS_MAX; i++)
        connect_succeed(connector, &connector->attempts[i], now_ns);
    for (unsigned i = 0; i < connector->count; i++) {
        struct connection *connection = &connector->connections[connector->order[i]];
        if (!connection->config.on_demand && connection->attempt == 0 &&
            now_ns >= connection->next_ns && connect_may_begin(connector, connection, now_ns))
            begin(connector, connector->order[i], now_ns);
    }
}

static void explain_silence(const struct sl_connection_config *config, char *reason)
{
    const struct sl_ip *ip = &config->next_hop;
    const bool is_v4 = sl_ip_is_v4(ip);
    char text[INET6_ADDRSTRLEN];
    inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? ip->bytes + 12 : ip->bytes, text, sizeof text);
    snprintf(reason, SL_CONNECT_REASON_LEN,
             "%s does not answer %s; where it is in another network, next_hop has to name the "
             "router on the way",
             text, is_v4 ? "ARP requests" : "neighbour solicitations");
}

/** The worker that it goes to: the one that has the session that it replaces, or in turn. */
static unsigned worker_for(struct sl_connector *connector, const struct attempt *attempt)
{
    const struct attempt *predecessor = connect_attempt_of(connector, attempt->predecessor);
    return predecessor != NULL ? predecessor->worker
                               : attempt->connection % connector->config.worker_count;
}

static void give_up(struct sl_connector *connector, struct attempt *attempt, bool is_known,
                    uint64_t now_ns)
{
    char reason[SL_CONNECT_REASON_LEN];
    if (!connect_step(attempt, EVENT_NOT_FOUND))
        return;
    if (is_known)
        snprintf(reason, sizeof reason, "all local ports are taken; widen connect_ports");
    else
        explain_silence(config_of(connector, attempt), reason);
    end(connector, attempt, reason, now_ns);
}

static void take_hop(struct sl_connector *connector, struct attempt *attempt,
                     const struct sl_message_hop *hop, uint64_t now_ns)
{
    if (attempt->state != ATTEMPT_RESOLVING)
        return;
    uint16_t port = 0;
    attempt->worker = worker_for(connector, attempt);
    if (hop->is_known)
        port = connect_choose_port(connector, &attempt->path.tuple, &attempt->worker);
    if (port == 0) {
        give_up(connector, attempt, hop->is_known, now_ns);
        return;
    }
    if (!connect_step(attempt, EVENT_FOUND))
        return;
    attempt->path.tuple.local_port = port;
    memcpy(attempt->path.hop.mac, hop->mac, sizeof hop->mac);
    attempt->is_unsent = true;
    if (attempt->predecessor == 0)
        connect_entry_of(connector, attempt)->since_ns = now_ns;
    connect_tell(connector, attempt);
}

static void take_up(struct sl_connector *connector, struct attempt *attempt, uint64_t session,
                    uint64_t now_ns)
{
    struct connection *connection = connect_entry_of(connector, attempt);
    char text[96];
    if (!connect_step(attempt, EVENT_UP))
        return;
    attempt->session = session;
    attempt->up_ns = now_ns;
    const uint64_t replaced = connect_take_over(connector, attempt, now_ns);
    connection->since_ns = now_ns;
    connection->opened++;
    if (replaced != 0)
        snprintf(text, sizeof text, "up: session %016" PRIx64 ", instead of %016" PRIx64, session,
                 replaced);
    else
        snprintf(text, sizeof text, "up: session %016" PRIx64, session);
    connect_say(connector, attempt, text);
}

static void take_down(struct sl_connector *connector, struct attempt *attempt,
                      const struct sl_message_down *down, uint64_t now_ns)
{
    char reason[SL_CONNECT_REASON_LEN];
    const bool was_failed = attempt->state == ATTEMPT_FAILED;
    if (!connect_step(attempt, EVENT_DOWN) || was_failed)
        return;
    connect_describe_down(down, reason);
    end(connector, attempt, reason, now_ns);
}

void sl_connector_receive(struct sl_connector *connector, const struct sl_message *message,
                          uint64_t now_ns)
{
    const enum sl_message_kind kind = message->kind;
    if (kind == SL_MESSAGE_USAGE)
        connect_note_usage(connector, message->session, now_ns);
    if (kind != SL_MESSAGE_HOP && kind != SL_MESSAGE_UP && kind != SL_MESSAGE_DOWN)
        return;
    /* each of the bodies begins with it */
    struct attempt *attempt = connect_attempt_of(connector, *(const uint32_t *)message->body);
    if (attempt == NULL)
        return;
    if (kind == SL_MESSAGE_HOP)
        take_hop(connector, attempt, message->body, now_ns);
    else if (kind == SL_MESSAGE_UP)
        take_up(connector, attempt, message->session, now_ns);
    else
        take_down(connector, attempt, message->body, now_ns);
}

void sl_connector_stop(struct sl_connector *connector)
{
    connector->is_stopping = true;
}

struct sl_connector *sl_connector_create(const struct sl_connector_config *config)
{
    uint16_t places[SL_CONNECTIONS_MAX];
    assert(config->connection_count <= SL_CONNECTIONS_MAX && config->worker_count > 0);
    static_assert(SL_ATTEMPTS_MAX >= 2 * SL_CONNECTIONS_MAX, "each entry finds an attempt");
    struct sl_connector *connector = calloc(1, sizeof *connector);
    if (connector == NULL)
        return NULL;
    connector->config = *config;
    connector->random = config->seed;
    for (uint16_t i = 0; i < config->connection_count; i++)
        places[i] = i;
    sl_connector_replace(connector, config->connections, config->connection_count, places, 0);
    return connector;
}

void sl_connector_destroy(struct sl_connector *connector)
{
    free(connector);
}
