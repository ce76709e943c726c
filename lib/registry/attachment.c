/** What a worker does with an attachment beside using its rings. */
#include <sys/socket.h>

#include "registry_priv.h"

/** At most one wake-up in an interval: who takes the gate gives it. */
static bool take_gate(uint64_t *last_wake_ns, uint64_t now_ns)
{
    /* Relaxed: the gate only limits how often; the order of wake-up and sleep is the ring's. */
    uint64_t last = __atomic_load_n(last_wake_ns, __ATOMIC_RELAXED);
    if (last != 0 && (int64_t)(now_ns - last) < (int64_t)SL_WAKE_INTERVAL_NS)
        return false;
    return __atomic_compare_exchange_n(last_wake_ns, &last, now_ns, false, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}

bool sl_attachment_wake(struct sl_attachment *attachment, uint64_t now_ns)
{
    attachment->wake_due = false;
    if (attachment->last_wake_ns == NULL || !sl_ring_is_sleeping(&attachment->receive))
        return false;
    if (!take_gate(attachment->last_wake_ns, now_ns)) {
        attachment->wake_due = true;
        return false;
    }
    /* A socket, not a pipe: a reader that stalls in a page fault holds the pipe's mutex, and even a
     * non-blocking write waits for it. docs/decisions/wake-by-socket.md */
    return send(attachment->wake_fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}
