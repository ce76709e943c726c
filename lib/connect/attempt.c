#include "connect_priv.h"

/** An empty cell is a refusal: the message came too late, or means another attempt. */
#define REFUSES 0
#define TO(state) ((state) + 1)

static const uint8_t table[ATTEMPT_STATES][ATTEMPT_EVENTS] = {
    [ATTEMPT_NONE] = {[EVENT_BEGIN] = TO(ATTEMPT_RESOLVING), [EVENT_FAIL] = TO(ATTEMPT_FAILED)},
    [ATTEMPT_RESOLVING] = {[EVENT_FOUND] = TO(ATTEMPT_CONNECTING),
                           [EVENT_NOT_FOUND] = TO(ATTEMPT_NONE),
                           [EVENT_HANG_UP] = TO(ATTEMPT_NONE)},
    [ATTEMPT_CONNECTING] = {[EVENT_UP] = TO(ATTEMPT_UP),
                            [EVENT_DOWN] = TO(ATTEMPT_NONE),
                            [EVENT_HANG_UP] = TO(ATTEMPT_LEAVING)},
    [ATTEMPT_UP] = {[EVENT_DOWN] = TO(ATTEMPT_NONE), [EVENT_HANG_UP] = TO(ATTEMPT_LEAVING)},
    [ATTEMPT_LEAVING] = {[EVENT_DOWN] = TO(ATTEMPT_NONE)},
    [ATTEMPT_FAILED] = {[EVENT_DOWN] = TO(ATTEMPT_NONE), [EVENT_HANG_UP] = TO(ATTEMPT_NONE)},
};

bool connect_step(struct attempt *attempt, enum attempt_event event)
{
    const uint8_t cell = table[attempt->state][event];
    if (cell == REFUSES)
        return false;
    attempt->state = (enum attempt_state)(cell - 1);
    return true;
}

struct attempt *connect_attempt_of(struct sl_connector *connector, uint32_t number)
{
    struct attempt *attempt = &connector->attempts[sl_attempt_index(number)];
    return number != 0 && attempt->number == number && attempt->state != ATTEMPT_NONE ? attempt
                                                                                      : NULL;
}

unsigned connect_demand_max(const struct sl_connector *connector)
{
    unsigned kept_up = 0;
    for (unsigned i = 0; i < connector->count; i++)
        kept_up += !connector->connections[connector->order[i]].config.on_demand;
    static_assert(2 * SL_CONNECTIONS_MAX < SL_ATTEMPTS_MAX, "some are left for who asks");
    return SL_ATTEMPTS_MAX - 2 * kept_up;
}

/** What consumers ask for leaves each entry that is kept up an attempt, and one to replace it. */
static bool has_room(const struct sl_connector *connector, unsigned connection)
{
    if (!connector->connections[connection].config.on_demand)
        return true;
    unsigned count = 0;
    for (unsigned i = 0; i < SL_ATTEMPTS_MAX; i++) {
        const struct attempt *attempt = &connector->attempts[i];
        count += attempt->state != ATTEMPT_NONE &&
                 connector->connections[attempt->connection].config.on_demand;
    }
    return count < connect_demand_max(connector);
}

struct attempt *connect_take_attempt(struct sl_connector *connector, unsigned connection)
{
    const bool may_take = has_room(connector, connection);
    for (unsigned i = 0; may_take && i < SL_ATTEMPTS_MAX; i++) {
        const uint32_t number = ++connector->serial;
        struct attempt *attempt = &connector->attempts[sl_attempt_index(number)];
        if (number == 0 || attempt->state != ATTEMPT_NONE)
            continue;
        *attempt = (struct attempt){
            .number = number, .connection = connection, .replace_ns = NEVER, .leave_ns = NEVER};
        return attempt;
    }
    return NULL;
}
