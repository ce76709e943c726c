/* Starts and ends the threads. Each worker has an lcore of EAL's; handshakers run where the process
 * may run. Signals are blocked in all of them: the program blocked them before EAL began. */
#include <stdio.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include "runtime_priv.h"

int runtime_threads_launch(struct sl_runtime *runtime)
{
    for (unsigned h = 0; h < runtime->handshaker_count; h++) {
        struct runtime_handshaker *self = &runtime->handshakers[h];
        int error = pthread_create(&self->thread, NULL, runtime_handshaker_main, self);
        if (error != 0)
            return runtime_fail(runtime, -error,
                                "can't start a thread: %s; raise the limit of them",
                                strerror(error));
        self->is_launched = true;
        char name[16];
        snprintf(name, sizeof name, "sluice-hs%u", h);
        pthread_setname_np(self->thread, name);
    }
    for (unsigned w = 0; w < runtime->worker_count; w++) {
        struct runtime_worker *self = &runtime->workers[w];
        int error = rte_eal_remote_launch(runtime_worker_main, self, self->lcore);
        if (error != 0)
            return runtime_fail(runtime, error, "core %u is not ready for worker %u", self->lcore,
                                w);
        self->is_launched = true;
    }
    return 0;
}

void runtime_threads_join(struct sl_runtime *runtime)
{
    /* pairs with the acquire-load in runtime_must_quit */
    __atomic_store_n(&runtime->quit, true, __ATOMIC_RELEASE);
    for (unsigned w = 0; w < SL_WORKERS_MAX; w++) {
        struct runtime_worker *self = &runtime->workers[w];
        if (self->is_launched)
            rte_eal_wait_lcore(self->lcore);
        self->is_launched = false;
    }
    for (unsigned h = 0; h < SL_HANDSHAKERS_MAX; h++) {
        struct runtime_handshaker *self = &runtime->handshakers[h];
        if (self->is_launched)
            pthread_join(self->thread, NULL);
        self->is_launched = false;
    }
}
