/* Which entries there are, from the start on and after each reload. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "connect_priv.h"

const char connect_dismissed[] = "its connection has been taken out of the configuration";

static bool is_free(const struct sl_connector *connector, unsigned place)
{
    bool is_used = connector->connections[place].is_there;
    for (unsigned i = 0; i < SL_ATTEMPTS_MAX; i++)
        is_used |= connector->attempts[i].state != ATTEMPT_NONE &&
                   connector->attempts[i].connection == place;
    return !is_used;
}

/** The place of the entry of this name, or SL_CONNECTION_PLACES. */
static unsigned find(const struct sl_connector *connector, const char *name)
{
    unsigned place = 0;
    while (place < SL_CONNECTION_PLACES && !(connector->connections[place].is_there &&
                                             strcmp(connector->connections[place].name, name) == 0))
        place++;
    return place;
}

int sl_connector_place(const struct sl_connector *connector,
                       const struct sl_connection_config *connections, unsigned count,
                       uint16_t *places)
{
    unsigned next = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned place = find(connector, connections[i].name);
        if (place == SL_CONNECTION_PLACES) {
            while (next < SL_CONNECTION_PLACES && !is_free(connector, next))
                next++;
            if (next == SL_CONNECTION_PLACES)
                return -EBUSY;
            place = next++;
        }
        places[i] = (uint16_t)place;
    }
    return 0;
}

/** Sessions of one are as good as those of the other. */
static bool leads_alike(const struct sl_connection_config *a, const struct sl_connection_config *b)
{
    return sl_tuple_equal(&a->tuple, &b->tuple) && a->group == b->group &&
           a->vlan_id == b->vlan_id && a->service == b->service &&
           memcmp(&a->next_hop, &b->next_hop, sizeof a->next_hop) == 0 &&
           a->offers_cid == b->offers_cid && a->on_demand == b->on_demand;
}

void connect_dismiss(struct sl_connector *connector, struct attempt *attempt)
{
    attempt->is_dismissed = true;
    if (attempt->state == ATTEMPT_FAILED || !connect_step(attempt, EVENT_HANG_UP))
        return; /* it is over, or asked to end */
    if (attempt->state == ATTEMPT_NONE) {
        connect_fail_request(connector, attempt, connect_dismissed);
        return;
    }
    attempt->is_unsent = true;
    connect_tell(connector, attempt);
}

static void remove_entry(struct sl_connector *connector, unsigned place)
{
    connector->connections[place].is_there = false;
    for (unsigned i = 0; i < SL_ATTEMPTS_MAX; i++)
        if (connector->attempts[i].state != ATTEMPT_NONE &&
            connector->attempts[i].connection == place)
            connect_dismiss(connector, &connector->attempts[i]);
}

static void put_entry(struct sl_connector *connector, unsigned place,
                      const struct sl_connection_config *config, uint64_t now_ns)
{
    struct connection *connection = &connector->connections[place];
    if (connection->is_there && !leads_alike(&connection->config, config))
        remove_entry(connector, place);
    if (!connection->is_there)
        *connection = (struct connection){.is_there = true, .since_ns = now_ns, .next_ns = now_ns};
    connection->config = *config;
    snprintf(connection->name, sizeof connection->name, "%s", config->name);
    connection->config.name = connection->name;
}

void sl_connector_replace(struct sl_connector *connector,
                          const struct sl_connection_config *connections, unsigned count,
                          const uint16_t *places, uint64_t now_ns)
{
    bool stays[SL_CONNECTION_PLACES] = {false};
    assert(count <= SL_CONNECTIONS_MAX);
    for (unsigned i = 0; i < count; i++)
        stays[places[i]] = true;
    for (unsigned place = 0; place < SL_CONNECTION_PLACES; place++)
        if (connector->connections[place].is_there && !stays[place])
            remove_entry(connector, place);
    for (unsigned i = 0; i < count; i++) {
        connector->order[i] = places[i];
        put_entry(connector, places[i], &connections[i], now_ns);
    }
    connector->count = count;
}
