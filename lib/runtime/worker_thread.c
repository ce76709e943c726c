/* A worker's core: receive, stages, send, again. Everything that a packet meets is in lib/worker.
 */
#include <sched.h>

#include <rte_pause.h>

#include "runtime_priv.h"

/** Empty turns, about 30 us of them, before a worker that yields naps. */
#define YIELDS_MAX 64

/** Frames that came in on this worker's queue of each port. */
static bool receive(struct runtime_worker *self, uint64_t now_ns)
{
    bool busy = false;
    for (unsigned group = 0; group < self->runtime->config.port_count; group++) {
        struct sl_frame *frames[SL_BURST];
        unsigned n = sl_port_receive(self->runtime->ports[group], self->index, frames, SL_BURST);
        if (n == 0)
            continue;
        sl_worker_receive(self->worker, frames, n, now_ns);
        busy = true;
    }
    return busy;
}

/** Frames that other workers received and this one owns. */
static bool take_over(struct runtime_worker *self, uint64_t now_ns)
{
    struct sl_frame *frames[SL_BURST];
    unsigned n = rte_ring_sc_dequeue_burst(self->handoff, (void **)frames, SL_BURST, NULL);
    if (n > 0)
        sl_worker_take_over(self->worker, frames, n, now_ns);
    return n > 0;
}

bool runtime_worker_poll(struct runtime_worker *self)
{
    uint64_t now_ns = clock_now(&self->clock);
    bool busy = receive(self, now_ns);
    busy |= take_over(self, now_ns);
    busy |= sl_worker_turn(self->worker, now_ns);
    return busy;
}

/**
 * `idle: yield` after an empty turn: others first, and soon a nap. Not yields alone: they never let
 * the processor idle, and upset the kernel's fair shares: docs/decisions/idle-naps.md
 */
static void give_way(unsigned empty_turns)
{
    if (empty_turns < YIELDS_MAX)
        sched_yield();
    else
        runtime_nap();
}

int runtime_worker_main(void *arg)
{
    struct runtime_worker *self = arg;
    bool yields = self->runtime->config.yield_when_idle;
    unsigned empty_turns = 0;
    clock_start(&self->clock);
    runtime_nap_prepare();
    if (!runtime_thread_enter(self->runtime, SL_THREAD_WORKER, &self->entered))
        return 0;
    while (!runtime_must_quit(self->runtime)) {
        if (runtime_worker_poll(self))
            empty_turns = 0;
        else if (yields)
            give_way(empty_turns++);
        else
            rte_pause();
    }
    return 0;
}
