#include "consumer_priv.h"

static const char *close_text(uint16_t reason)
{
    static const char *const texts[] = {
        [SL_CLOSE_PEER] = "the peer closed the session",
        [SL_CLOSE_IDLE] = "the session was idle too long",
        [SL_CLOSE_CONSUMER] = "the consumer closed the session",
        [SL_CLOSE_REPLACED] = "the peer began a new session from the same address",
        [SL_CLOSE_LIMIT] = "the session's keys have reached their usage limit",
        [SL_CLOSE_SHUTDOWN] = "the gateway is stopping",
        [SL_CLOSE_REASSIGNED] = "the session went to another consumer of the service",
    };
    bool is_known = reason < sizeof texts / sizeof *texts && texts[reason] != NULL;
    return is_known ? texts[reason] : "unknown reason";
}

SLUICE_API const char *sluice_reason_text(enum sluice_event_kind kind, uint16_t reason)
{
    if (kind == SLUICE_CLOSE)
        return close_text(reason);
    if (kind == SLUICE_REFUSED && reason > SL_DROP_NONE && reason < SL_DROP_COUNT)
        return sl_drop_text((enum sl_drop)reason);
    return "unknown reason";
}

SLUICE_API const char *sluice_version(void)
{
    return SLUICE_VERSION;
}
