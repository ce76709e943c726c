/* Handshake threads: they poll, so that a worker never has to wake them, and nap when idle. */
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "runtime_priv.h"

#define MESSAGES_PER_POLL 64

static uint64_t thread_cpu_ns(void)
{
    struct timespec spent;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return (uint64_t)spent.tv_sec * 1000000000ULL + (uint64_t)spent.tv_nsec;
}

void *runtime_handshaker_main(void *arg)
{
    struct runtime_handshaker *self = arg;
    char name[16];
    snprintf(name, sizeof name, "sluice-hs%u", self->index);
    pthread_setname_np(pthread_self(), name);
    runtime_nap_prepare();
    if (!runtime_thread_enter(self->runtime, SL_THREAD_HANDSHAKE, &self->entered))
        return NULL;
    while (!runtime_must_quit(self->runtime))
        if (!sl_handshaker_poll(self->handshaker, clock_kernel_ns(), MESSAGES_PER_POLL))
            runtime_nap();
    return NULL;
}

/** A copy of the lookup program for each thread, so that none waits for another's. */
static int create_lookup(struct runtime_handshaker *self, unsigned h)
{
    const struct sl_lookup_programs *programs = self->runtime->config.lookup;
    if (programs == NULL)
        return 0;
    self->lookup = sl_lookup_create(sl_lookup_to(programs, h), sl_lookup_from(programs, h));
    if (self->lookup == NULL)
        return runtime_fail(self->runtime, -ENOMEM, "out of memory");
    self->ask = sl_lookup_of(self->lookup);
    return 0;
}

int runtime_handshakers_create(struct sl_runtime *runtime)
{
    for (unsigned h = 0; h < runtime->config.handshaker_count; h++) {
        struct runtime_handshaker *self = &runtime->handshakers[h];
        self->runtime = runtime;
        self->index = h;
        for (unsigned w = 0; w < runtime->worker_count; w++) {
            self->from_worker[w] = sl_ring_consumer_of(runtime->workers[w].to_handshaker[h]);
            self->to_worker[w] = sl_ring_producer_of(runtime->workers[w].from_handshaker[h]);
        }
        if (create_lookup(self, h) != 0)
            return -1;
        struct sl_handshaker_config config = runtime->config.handshaker;
        config.cpu_ns = thread_cpu_ns;
        if (getrandom(config.prefix_key, sizeof config.prefix_key, 0) !=
            (ssize_t)sizeof config.prefix_key)
            return runtime_fail(runtime, -EIO, "the kernel has no random numbers");
        config.lookup = self->lookup != NULL ? &self->ask : NULL;
        config.worker_count = runtime->worker_count;
        config.from_worker = self->from_worker;
        config.to_worker = self->to_worker;
        self->handshaker = sl_handshaker_create(&config, runtime->reason);
        explicit_bzero(config.ticket_root, sizeof config.ticket_root);
        if (self->handshaker == NULL)
            return -1;
        runtime->handshaker_count = h + 1;
    }
    return 0;
}

void runtime_handshakers_destroy(struct sl_runtime *runtime)
{
    for (unsigned h = 0; h < runtime->handshaker_count; h++)
        sl_handshaker_destroy(runtime->handshakers[h].handshaker);
    for (unsigned h = 0; h < runtime->config.handshaker_count; h++)
        sl_lookup_destroy(runtime->handshakers[h].lookup);
    runtime->handshaker_count = 0;
}

bool sl_runtime_has_replaced_roles(const struct sl_runtime *runtime)
{
    for (unsigned h = 0; h < runtime->handshaker_count; h++)
        if (!sl_handshaker_has_replaced_roles(runtime->handshakers[h].handshaker))
            return false;
    return true;
}

/** For all handshakers, or for none. */
static int make_roles(const struct sl_runtime *runtime,
                      const struct sl_handshake_roles_config *config,
                      struct sl_handshake_roles **made, char *reason)
{
    unsigned count = 0;
    for (; count < runtime->handshaker_count; count++) {
        made[count] =
            sl_handshake_roles_create(runtime->handshakers[count].handshaker, config, reason);
        if (made[count] == NULL)
            break;
    }
    if (count == runtime->handshaker_count)
        return 0;
    while (count > 0)
        sl_handshake_roles_destroy(made[--count]);
    return -EINVAL;
}

int sl_runtime_replace_roles(struct sl_runtime *runtime,
                             const struct sl_handshake_roles_config *roles,
                             const struct sl_connection_config *connections, char *reason)
{
    struct sl_handshake_roles *made[SL_HANDSHAKERS_MAX];
    struct sl_client_config clients[SL_CONNECTION_PLACES] = {0};
    uint16_t places[SL_CONNECTIONS_MAX];
    struct sl_handshake_roles_config config = *roles;
    runtime->reason = reason;
    if (!sl_runtime_has_replaced_roles(runtime))
        return runtime_fail(runtime, -EBUSY,
                            "a handshake thread has not taken the last certificates yet");
    if (sl_connector_place(runtime->connector, connections, roles->client_count, places) != 0)
        return runtime_fail(runtime, -EBUSY,
                            "sessions of connections that are gone have not ended yet; try again");
    for (unsigned i = 0; i < roles->client_count; i++)
        clients[places[i]] = roles->clients[i];
    config.clients = clients;
    config.client_count = SL_CONNECTION_PLACES;
    const int error = make_roles(runtime, &config, made, reason);
    if (error != 0)
        return error;
    for (unsigned h = 0; h < runtime->handshaker_count; h++) {
        bool is_taken = sl_handshaker_replace_roles(runtime->handshakers[h].handshaker, made[h]);
        assert(is_taken); /* only this thread gives them any */
        (void)is_taken;
    }
    sl_connector_replace(runtime->connector, connections, roles->client_count, places,
                         clock_kernel_ns());
    return 0;
}
