/* A worker's core: receive, stages, send, again. Everything that a packet meets is in lib/worker.
 */
#include <sched.h>

#include <rte_pause.h>

#include "runtime_priv.h"

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

int runtime_worker_main(void *arg)
{
    struct runtime_worker *self = arg;
    bool yields = self->runtime->config.yield_when_idle;
    clock_start(&self->clock);
    while (!runtime_must_quit(self->runtime)) {
        if (runtime_worker_poll(self))
            continue;
        if (yields)
            sched_yield();
        else
            rte_pause();
    }
    return 0;
}
