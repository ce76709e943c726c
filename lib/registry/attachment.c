/** What a worker does with an attachment beside using its rings. */
#include <sys/socket.h>
#include <time.h>

#include "registry_priv.h"

/** Of each span of time, a consumer's wake-ups may take the worker one part in so many. */
#define COST_SHARE 10
/** What wake-ups may cost in advance. */
#define COST_BURST_NS 2000000ULL

/** At most one wake-up in an interval: who takes the gate gives it. */
static bool take_gate(struct sl_wake_gate *gate, uint64_t now_ns)
{
    /* Relaxed: the gate only limits how often; the order of wake-up and sleep is the ring's. */
    uint64_t next = __atomic_load_n(&gate->next_ns, __ATOMIC_RELAXED);
    uint64_t paid = __atomic_load_n(&gate->paid_until_ns, __ATOMIC_RELAXED);
    if ((int64_t)(now_ns - next) < 0 ||
        (int64_t)(paid - now_ns) > (int64_t)(COST_SHARE * COST_BURST_NS))
        return false;
    return __atomic_compare_exchange_n(&gate->next_ns, &next, now_ns + SL_WAKE_INTERVAL_NS, false,
                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static uint64_t thread_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
}

/** Adds up what wake-ups cost; two workers at once may forget the cost of one. */
static void pay(struct sl_wake_gate *gate, uint64_t cost_ns, uint64_t now_ns)
{
    uint64_t paid = __atomic_load_n(&gate->paid_until_ns, __ATOMIC_RELAXED);
    if ((int64_t)(paid - now_ns) < 0)
        paid = now_ns;
    __atomic_store_n(&gate->paid_until_ns, paid + COST_SHARE * cost_ns, __ATOMIC_RELAXED);
}

bool sl_attachment_wake(struct sl_attachment *attachment, uint64_t now_ns)
{
    struct sl_wake_gate *gate = attachment->wake_gate;
    attachment->wake_due = false;
    if (gate == NULL || !sl_ring_is_sleeping(&attachment->receive))
        return false;
    if (!take_gate(gate, now_ns)) {
        attachment->wake_due = true;
        return false;
    }
    /* A socket, not a pipe: a reader that stalls in a page fault holds the pipe's mutex, and even a
     * non-blocking write waits for it. What it costs is up to the consumer all the same: the kernel
     * tells everybody who waits for its end. docs/decisions/wake-by-socket.md */
    uint64_t start = thread_ns();
    bool is_sent = send(attachment->wake_fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
    pay(gate, thread_ns() - start, now_ns);
    return is_sent;
}
