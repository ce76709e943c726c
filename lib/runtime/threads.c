/* Starts and ends the threads. Each worker has an lcore of EAL's; handshakers run where the process
 * may run. Signals are blocked in all of them: the program blocked them before EAL began. */
#include <errno.h>
#include <time.h>

#include <rte_alarm.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "runtime_priv.h"

/** That a thread may take until it runs. */
#define ENTER_MS 20000

bool runtime_thread_enter(struct sl_runtime *runtime, enum sl_thread_kind kind, int *entered)
{
    int error = 0;
    if (runtime->config.hardening != NULL)
        error = sl_hardening_enter_thread(runtime->config.hardening, kind);
    /* pairs with the acquire-load in wait_for */
    __atomic_store_n(entered, error == 0 ? ENTERED : error, __ATOMIC_RELEASE);
    return error == 0;
}

static void enter_events(void *arg)
{
    struct sl_runtime *runtime = arg;
    (void)!runtime_thread_enter(runtime, SL_THREAD_EVENTS, &runtime->events_entered);
}

static int wait_for(struct sl_runtime *runtime, const char *name, const int *entered)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    int state = ENTERED_NOT_YET;
    for (unsigned ms = 0; ms < ENTER_MS && state == ENTERED_NOT_YET; ms++) {
        /* pairs with the release-store in runtime_thread_enter */
        state = __atomic_load_n(entered, __ATOMIC_ACQUIRE);
        if (state == ENTERED_NOT_YET)
            nanosleep(&moment, NULL);
    }
    if (state == ENTERED)
        return 0;
    return runtime_fail(runtime, state < 0 ? state : -ETIMEDOUT,
                        "a %s thread can't give up its privileges: %s; `seccomp: off` does without "
                        "a filter",
                        name, strerror(state < 0 ? -state : ETIMEDOUT));
}

static int wait_for_threads(struct sl_runtime *runtime)
{
    int error = wait_for(runtime, "DPDK", &runtime->events_entered);
    for (unsigned h = 0; h < runtime->handshaker_count && error == 0; h++)
        error = wait_for(runtime, "handshake", &runtime->handshakers[h].entered);
    for (unsigned w = 0; w < runtime->worker_count && error == 0; w++)
        error = wait_for(runtime, "worker", &runtime->workers[w].entered);
    return error;
}

int runtime_threads_launch(struct sl_runtime *runtime)
{
    /* DPDK makes its own thread before there is anything to enter: an alarm is what runs there. */
    int alarm = rte_eal_alarm_set(1, enter_events, runtime);
    if (alarm != 0)
        return runtime_fail(runtime, alarm, "DPDK can't set an alarm: %s", strerror(-alarm));
    for (unsigned h = 0; h < runtime->handshaker_count; h++) {
        struct runtime_handshaker *self = &runtime->handshakers[h];
        int error = pthread_create(&self->thread, NULL, runtime_handshaker_main, self);
        if (error != 0)
            return runtime_fail(runtime, -error,
                                "can't start a thread: %s; raise the limit of them",
                                strerror(error));
        self->is_launched = true;
    }
    for (unsigned w = 0; w < runtime->worker_count; w++) {
        struct runtime_worker *self = &runtime->workers[w];
        int error = rte_eal_remote_launch(runtime_worker_main, self, self->lcore);
        if (error != 0)
            return runtime_fail(runtime, error, "core %u is not ready for worker %u", self->lcore,
                                w);
        self->is_launched = true;
    }
    return wait_for_threads(runtime);
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
