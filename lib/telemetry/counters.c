#include "sl_labels.h"
#include "sl_telemetry.h"

SL_DEFINE_LABELS(sl_counter, SL_COUNTER_LIST)

void sl_counters_snapshot(struct sl_counters *out, const struct sl_counters *from)
{
    for (unsigned i = 0; i < SL_COUNTER_COUNT; i++)
        out->events[i] = sl_counter_read(&from->events[i]);
    for (unsigned i = 0; i < SL_DROP_COUNT; i++)
        out->drops[i] = sl_counter_read(&from->drops[i]);
    out->sessions = sl_counter_read(&from->sessions);
    out->half_open = sl_counter_read(&from->half_open);
    out->forged_most = sl_counter_read(&from->forged_most);
}

void sl_counters_sum(struct sl_counters *into, const struct sl_counters *add)
{
    for (unsigned i = 0; i < SL_COUNTER_COUNT; i++)
        into->events[i] += add->events[i];
    for (unsigned i = 0; i < SL_DROP_COUNT; i++)
        into->drops[i] += add->drops[i];
    into->sessions += add->sessions;
    into->half_open += add->half_open;
    if (add->forged_most > into->forged_most)
        into->forged_most = add->forged_most;
}
