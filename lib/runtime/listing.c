/* Sessions as their workers list them, for an operator who waits for the answer. */
#include "runtime_priv.h"

#define PATIENCE_NS 3000000000ULL

void runtime_take_listed(struct sl_runtime *runtime, const struct runtime_worker *from,
                         const struct sl_message_listed *listed)
{
    struct listing *listing = &runtime->listing;
    if (listing->take == NULL || listed->number != listing->number)
        return; /* nobody has waited so long */
    for (uint32_t i = 0; i < listed->count; i++)
        listing->take(listing->arg, from->index, &listed->each[i]);
    listing->waits_for -= listed->is_last;
}

/** Who does not answer may have a full ring of questions: it is waited for in vain. */
static void ask_all(struct sl_runtime *runtime)
{
    const struct sl_message_list question = {.number = runtime->listing.number};
    for (unsigned w = 0; w < runtime->worker_count; w++) {
        struct sl_ring_producer *to = sl_ring_producer_of(runtime->workers[w].from_control);
        if (sl_message_send(to, SL_MESSAGE_LIST_FORGED, 0, &question, sizeof question, NULL, 0))
            sl_message_flush(to);
    }
}

bool sl_runtime_list_forged(struct sl_runtime *runtime, sl_runtime_take_session *take, void *arg)
{
    const uint64_t give_up_ns = clock_kernel_ns() + PATIENCE_NS;
    struct listing *listing = &runtime->listing;
    *listing = (struct listing){.number = listing->number + 1,
                                .waits_for = runtime->worker_count,
                                .take = take,
                                .arg = arg};
    ask_all(runtime);
    for (uint64_t now_ns; listing->waits_for > 0 && (now_ns = clock_kernel_ns()) < give_up_ns;) {
        sl_runtime_poll(runtime, now_ns); /* nobody else waits for the answer */
        if (listing->waits_for > 0)
            runtime_nap();
    }
    listing->take = NULL;
    return listing->waits_for == 0;
}
