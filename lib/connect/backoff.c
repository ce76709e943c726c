/* When to try again: full jitter, so that those whom one event cut off do not all come back at
 * once. M. Brooker, "Exponential Backoff And Jitter", 2015. */
#include "connect_priv.h"

uint64_t connect_random(struct sl_connector *connector)
{
    uint64_t z = connector->random += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

uint64_t connect_backoff(struct sl_connector *connector, const struct sl_connection_config *config,
                         unsigned failures)
{
    uint64_t span_ns = config->backoff_min_ns;
    for (; failures > 0 && span_ns < config->backoff_max_ns; failures--)
        span_ns *= 2;
    if (span_ns > config->backoff_max_ns)
        span_ns = config->backoff_max_ns;
    return connect_random(connector) % (span_ns + 1);
}
