#include <errno.h>

#include "consumer_priv.h"

/** A consumer that spins looks at the gateway's socket once in so many empty receives. */
#define IDLE_CHECK 256

static_assert(sizeof(struct sluice_peer) == 376, "the payload of an open event, seen as it is");

/** What an entry tells. false: it is of a kind, or a size, that this version does not know. */
static bool read_entry(const struct sl_ring_entry *entry, struct sluice_event *event)
{
    const void *payload = entry + 1;
    uint32_t len = entry->len - (uint32_t)sizeof *entry;
    *event = (struct sluice_event){
        .kind = (enum sluice_event_kind)entry->kind,
        .session = entry->session,
        .time_ns = entry->time_ns,
    };
    switch (entry->kind) {
    case SL_RING_DATA:
        event->data = payload;
        event->data_len = len;
        return true;
    case SL_RING_OPEN:
        if (len < sizeof *event->peer)
            return false;
        event->peer = payload;
        event->peer_chain = event->peer + 1;
        event->peer_chain_len = len - (uint32_t)sizeof *event->peer;
        return true;
    case SL_RING_MOVED: {
        const struct sl_ring_moved *moved = payload;
        if (len < sizeof *moved)
            return false;
        memcpy(event->address, moved->ip.bytes, sizeof event->address);
        event->port = moved->port;
        event->confirmed = moved->confirmed;
        return true;
    }
    case SL_RING_FAILED: {
        const struct sl_ring_failed *failed = payload;
        event->text = failed->reason;
        if (len < sizeof *failed || memchr(failed->reason, 0, sizeof failed->reason) == NULL)
            return false;
        event->request = failed->request;
        return true;
    }
    case SL_RING_CLOSE:
    case SL_RING_REFUSED:
        event->reason = entry->detail;
        return true;
    default:
        return false;
    }
}

static unsigned read_ring(struct sluice *sluice, struct sl_ring_consumer *ring,
                          struct sluice_event *events, unsigned max)
{
    const struct sl_ring_entry *entry;
    unsigned count = 0;
    while (count < max && (entry = sl_ring_next(ring)) != NULL)
        if (read_entry(entry, &events[count]))
            count++;
    if (ring->corrupt)
        sluice->ended = true;
    return count;
}

/** Takes turns: first each ring its share, from another worker on each time, then what is left. */
static unsigned read_rings(struct sluice *sluice, struct sluice_event *events, unsigned max)
{
    unsigned n = sluice->worker_count, count = 0, share = max / n > 0 ? max / n : 1;
    unsigned first = sluice->next_worker;
    sluice->next_worker = first + 1 < n ? first + 1 : 0;
    for (unsigned i = 0; i < 2 * n && count < max; i++) {
        unsigned worker = (first + i) % n;
        unsigned left = max - count;
        unsigned limit = i < n && share < left ? share : left;
        count += read_ring(sluice, &sluice->links[worker].receive, events + count, limit);
    }
    return count;
}

/** Looks at the gateway's end where that is due: always after a sleep, else once in a while. */
static bool has_ended(struct sluice *sluice, bool was_asleep)
{
    if (!was_asleep && ++sluice->idle_count % IDLE_CHECK != 0)
        return sluice->ended;
    return sluice_gateway_ended(sluice);
}

SLUICE_API int sluice_receive(struct sluice *sluice, struct sluice_event *events, unsigned max)
{
    bool was_asleep = sluice->asleep;
    if (was_asleep)
        sluice_wake_up(sluice);
    for (unsigned i = 0; i < sluice->worker_count; i++)
        sl_ring_release(&sluice->links[i].receive);
    sluice_flush(sluice);
    if (max == 0)
        return sluice->ended ? -EPIPE : 0;
    if (max > INT32_MAX)
        max = INT32_MAX;
    unsigned count = read_rings(sluice, events, max);
    if (count == 0 && has_ended(sluice, was_asleep)) /* with a last word since we looked? */
        count = read_rings(sluice, events, max);
    if (count > 0) {
        sluice->idle_count = 0;
        return (int)count;
    }
    return sluice->ended ? -EPIPE : 0;
}
