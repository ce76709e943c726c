#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "consumer_priv.h"

/** How long to sleep at most before the heartbeat is looked at. */
#define SLICE_MS 2000

bool sluice_is_ready(struct sluice *sluice)
{
    bool is_ready = false;
    for (unsigned i = 0; i < sluice->worker_count; i++) {
        struct sl_ring_consumer *ring = &sluice->links[i].receive;
        is_ready |= sl_ring_is_ready(ring);
        sluice->ended |= ring->corrupt;
    }
    return is_ready;
}

static void clear_sleeping(struct sluice *sluice)
{
    for (unsigned i = 0; i < sluice->worker_count; i++)
        sl_ring_wake_up(&sluice->links[i].receive);
    sluice->asleep = false;
}

void sluice_wake_up(struct sluice *sluice)
{
    char bytes[256];
    clear_sleeping(sluice);
    while (read(sluice->wake_fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes)
        continue;
}

SLUICE_API int sluice_fd(const struct sluice *sluice)
{
    return sluice->epoll_fd;
}

SLUICE_API int sluice_prepare_wait(struct sluice *sluice)
{
    bool is_quiet = true;
    sluice_flush(sluice);
    sluice->asleep = true;
    for (unsigned i = 0; i < sluice->worker_count && is_quiet; i++)
        is_quiet = sl_ring_sleep(&sluice->links[i].receive);
    if (is_quiet && !sluice_gateway_ended(sluice))
        return 0;
    clear_sleeping(sluice);
    /* What the gateway left before its end is worth reading. */
    return sluice_is_ready(sluice) ? 1 : -EPIPE;
}

/** The next slice of a wait until deadline_ns; -1 ms for ever, 0 when it has passed. */
static int slice_ms(int timeout_ms, uint64_t deadline_ns)
{
    if (timeout_ms < 0)
        return SLICE_MS;
    uint64_t now_ns = sluice_now_ns();
    if (now_ns >= deadline_ns)
        return 0;
    uint64_t left_ms = (deadline_ns - now_ns + 999999) / 1000000;
    return left_ms < SLICE_MS ? (int)left_ms : SLICE_MS;
}

SLUICE_API int sluice_wait(struct sluice *sluice, int timeout_ms)
{
    uint64_t wait_ns = timeout_ms > 0 ? (uint64_t)timeout_ms * 1000000U : 0;
    uint64_t deadline_ns = sluice_now_ns() + wait_ns;
    for (;;) {
        struct epoll_event event;
        int result = sluice_prepare_wait(sluice);
        if (result != 0)
            return result;
        int slice = slice_ms(timeout_ms, deadline_ns);
        int count = epoll_wait(sluice->epoll_fd, &event, 1, slice);
        int error = count < 0 ? errno : 0;
        sluice_wake_up(sluice);
        if (error != 0)
            return -error;
        if (sluice_is_ready(sluice))
            return 1;
        if (count == 0 && (timeout_ms >= 0 && slice == 0))
            return 0;
    }
}
