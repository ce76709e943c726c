/* Which local port an attempt takes. */
#include "connect_priv.h"
#include "sl_wire.h"

/** By any attempt, whatever its addresses: also one that is still on its way out. */
static bool is_taken(const struct sl_connector *connector, uint16_t port)
{
    for (unsigned i = 0; i < SL_ATTEMPTS_MAX; i++)
        if (connector->attempts[i].state != ATTEMPT_NONE &&
            connector->attempts[i].path.tuple.local_port == port)
            return true;
    return false;
}

static unsigned owner_of(const struct sl_connector *connector, const struct sl_tuple *tuple)
{
    return connector->config.shard_owner[(uint8_t)sl_wire_rss_hash(tuple)];
}

uint16_t connect_choose_port(struct sl_connector *connector, const struct sl_tuple *tuple,
                             unsigned *worker)
{
    const struct sl_connector_config *config = &connector->config;
    const unsigned count = config->last_port - config->first_port + 1U;
    const unsigned start = (unsigned)(connect_random(connector) % count);
    struct sl_tuple candidate = *tuple;
    uint16_t other = 0;
    for (unsigned i = 0; i < count; i++) {
        candidate.local_port = (uint16_t)(config->first_port + (start + i) % count);
        if (is_taken(connector, candidate.local_port))
            continue;
        if (owner_of(connector, &candidate) == *worker)
            return candidate.local_port;
        other = other == 0 ? candidate.local_port : other;
    }
    candidate.local_port = other;
    *worker = owner_of(connector, &candidate);
    return other;
}
