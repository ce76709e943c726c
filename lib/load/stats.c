/* What an engine counts: names, snapshots, sums; and failures by their sentence. */
#include <stdio.h>

#include "load_priv.h"
#include "sl_labels.h"

SL_DEFINE_LABELS(sl_load_counter, SL_LOAD_COUNTER_LIST)

void sl_load_snapshot_stats(struct sl_load_stats *out, const struct sl_load_stats *from)
{
    /* What ends a message is read before what began it, so that no sum is short. */
    for (unsigned i = SL_LOAD_COUNTER_COUNT; i-- > 0;)
        out->counters[i] = __atomic_load_n(&from->counters[i], __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < SL_DROP_COUNT; i++)
        out->drops[i] = sl_counter_read(&from->drops[i]);
    for (unsigned i = 0; i < SL_LOAD_FLOOD_COUNT; i++)
        out->floods[i] = sl_counter_read(&from->floods[i]);
    out->established = sl_counter_read(&from->established);
    out->connecting = sl_counter_read(&from->connecting);
    sl_histogram_snapshot(&out->latency, &from->latency);
    sl_histogram_snapshot(&out->handshake, &from->handshake);
    sl_histogram_snapshot(&out->pacing, &from->pacing);
}

void sl_load_add_stats(struct sl_load_stats *into, const struct sl_load_stats *add)
{
    for (unsigned i = 0; i < SL_LOAD_COUNTER_COUNT; i++)
        into->counters[i] += add->counters[i];
    for (unsigned i = 0; i < SL_DROP_COUNT; i++)
        into->drops[i] += add->drops[i];
    for (unsigned i = 0; i < SL_LOAD_FLOOD_COUNT; i++)
        into->floods[i] += add->floods[i];
    into->established += add->established;
    into->connecting += add->connecting;
    sl_histogram_merge(&into->latency, &add->latency);
    sl_histogram_merge(&into->handshake, &add->handshake);
    sl_histogram_merge(&into->pacing, &add->pacing);
}

void sl_load_subtract_stats(struct sl_load_stats *later, const struct sl_load_stats *earlier)
{
    for (unsigned i = 0; i < SL_LOAD_COUNTER_COUNT; i++)
        later->counters[i] -= earlier->counters[i];
    for (unsigned i = 0; i < SL_DROP_COUNT; i++)
        later->drops[i] -= earlier->drops[i];
    for (unsigned i = 0; i < SL_LOAD_FLOOD_COUNT; i++)
        later->floods[i] -= earlier->floods[i];
    sl_histogram_subtract(&later->latency, &earlier->latency);
    sl_histogram_subtract(&later->handshake, &earlier->handshake);
    sl_histogram_subtract(&later->pacing, &earlier->pacing);
}

uint64_t sl_load_outstanding(const struct sl_load_stats *stats)
{
    const uint64_t *counters = stats->counters;
    const uint64_t settled = counters[SL_LOAD_ECHOED] + counters[SL_LOAD_LATE] +
                             counters[SL_LOAD_LOST] + counters[SL_LOAD_UNECHOED];
    return counters[SL_LOAD_SENT] > settled ? counters[SL_LOAD_SENT] - settled : 0;
}

void load_note_failure(struct sl_load *load, const char *text)
{
    unsigned count = atomic_load_explicit(&load->failure_count, memory_order_relaxed), at = 0;
    while (at < count && strcmp(load->failures[at].text, text) != 0)
        at++;
    if (at == SL_LOAD_FAILURES_MAX)
        at--;
    if (at < count) {
        sl_counter_add(&load->failures[at].count, 1);
        return;
    }
    const bool is_last = at == SL_LOAD_FAILURES_MAX - 1;
    snprintf(load->failures[at].text, SL_REASON_LEN, "%s", is_last ? "other reasons" : text);
    load->failures[at].count = 1;
    /* Pairs with the acquire in sl_load_failures: a text is whole before it is counted. */
    atomic_store_explicit(&load->failure_count, count + 1, memory_order_release);
}

unsigned sl_load_failures(const struct sl_load *load, struct sl_load_failure *out)
{
    unsigned count = atomic_load_explicit(&load->failure_count, memory_order_acquire);
    for (unsigned i = 0; i < count; i++) {
        memcpy(out[i].text, load->failures[i].text, sizeof out[i].text);
        out[i].count = sl_counter_read(&load->failures[i].count);
    }
    return count;
}

const struct sl_load_stats *sl_load_get_stats(const struct sl_load *load)
{
    return &load->stats;
}

uint32_t sl_load_client_count(const struct sl_load *load)
{
    return load->client_count;
}

struct sl_load_client_result sl_load_read_client(const struct sl_load *load, uint32_t client)
{
    assert(client < load->client_count);
    const struct load_books *books = &load->clients[client].books;
    return (struct sl_load_client_result){.sent = books->sent,
                                          .lost = books->lost,
                                          .late = books->late,
                                          .duplicates = books->duplicates,
                                          .reordered = books->reordered};
}
