#include <errno.h>

#include "consumer_priv.h"

/**
 * A message to the worker that has the session. A handle that names no worker goes to the first
 * one, which refuses it as it refuses every handle it does not know.
 */
static int queue(struct sluice *sluice, enum sl_ring_kind kind, sluice_session session,
                 const void *data, uint32_t len)
{
    uint8_t worker = sl_ring_session_worker(session);
    struct sl_ring_producer *ring = &sluice->links[worker < sluice->worker_count ? worker : 0].send;
    if (sluice->ended)
        return -EPIPE;
    struct sl_ring_entry *entry = sl_ring_reserve(ring, len);
    if (entry == NULL && !ring->corrupt) {
        sl_ring_publish(ring); /* or who only sends and tries again would wait for ever */
        return -EAGAIN;
    }
    if (entry == NULL) {
        sluice->ended = true;
        return -EPIPE;
    }
    entry->kind = (uint8_t)kind;
    entry->worker = worker;
    entry->session = session;
    sl_ring_fill(entry, data, len);
    sl_ring_commit(ring, entry, len);
    return 0;
}

SLUICE_API int sluice_send(struct sluice *sluice, sluice_session session, const void *data,
                           size_t len)
{
    if (len > sluice->payload_max)
        return -EMSGSIZE;
    return queue(sluice, SL_RING_SEND, session, data, (uint32_t)len);
}

SLUICE_API int sluice_confirm_move(struct sluice *sluice, sluice_session session,
                                   const uint8_t address[16], uint16_t port)
{
    struct sl_ring_moved checked = {.port = port};
    memcpy(&checked.ip, address, sizeof checked.ip);
    return queue(sluice, SL_RING_CONFIRM_MOVE, session, &checked, sizeof checked);
}

SLUICE_API int sluice_close_session(struct sluice *sluice, sluice_session session)
{
    return queue(sluice, SL_RING_CLOSE_SESSION, session, NULL, 0);
}

SLUICE_API int sluice_flush(struct sluice *sluice)
{
    for (unsigned i = 0; i < sluice->worker_count; i++)
        sl_ring_publish(&sluice->links[i].send);
    return sluice->ended ? -EPIPE : 0;
}

SLUICE_API size_t sluice_payload_max(const struct sluice *sluice)
{
    return sluice->payload_max;
}
