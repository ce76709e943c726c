/* The workers: their memory, their rings, and what they ask of ports and of each other. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/random.h>

#include <rte_errno.h>
#include <rte_lcore.h>

#include "runtime_priv.h"

static void free_frames(void *arg, struct sl_frame **frames, unsigned n)
{
    (void)arg;
    sl_port_free(frames, n);
}

static unsigned take_frames(void *arg, unsigned group, struct sl_frame **frames, unsigned n)
{
    struct runtime_worker *self = arg;
    return sl_port_take(self->runtime->ports[group], self->index, frames, n);
}

static unsigned transmit(void *arg, unsigned group, struct sl_frame **frames, unsigned n)
{
    struct runtime_worker *self = arg;
    return sl_port_transmit(self->runtime->ports[group], self->index, frames, n);
}

static unsigned hand_over(void *arg, unsigned worker, struct sl_frame **frames, unsigned n)
{
    struct runtime_worker *self = arg;
    return rte_ring_enqueue_burst(self->runtime->workers[worker].handoff, (void **)frames, n, NULL);
}

static int create_rings(struct sl_runtime *runtime, struct runtime_worker *self)
{
    char name[RTE_RING_NAMESIZE];
    snprintf(name, sizeof name, "sluice_handoff_%u", self->index);
    /* Relaxed tail: a worker that loses its core while it hands over does not hold up the others.
     */
    self->handoff =
        rte_ring_create(name, HANDOFF_LEN, SOCKET_ID_ANY, RING_F_MP_RTS_ENQ | RING_F_SC_DEQ);
    if (self->handoff == NULL)
        return runtime_fail(runtime, -rte_errno, "no memory for worker %u; raise memory_mb",
                            self->index);
    bool complete = (self->to_control = sl_ring_create(CONTROL_RING_SIZE)) != NULL &&
                    (self->from_control = sl_ring_create(CONTROL_RING_SIZE)) != NULL;
    for (unsigned h = 0; h < runtime->config.handshaker_count && complete; h++)
        complete = (self->to_handshaker[h] = sl_ring_create(HANDSHAKE_RING_SIZE)) != NULL &&
                   (self->from_handshaker[h] = sl_ring_create(HANDSHAKE_RING_SIZE)) != NULL;
    if (!complete)
        return runtime_fail(runtime, -ENOMEM, "not enough memory for the rings of worker %u",
                            self->index);
    return 0;
}

static void describe_groups(const struct sl_runtime *runtime, struct sl_worker_config *config)
{
    config->group_count = runtime->config.port_count;
    for (unsigned g = 0; g < config->group_count; g++) {
        const struct sl_port_info *info = sl_port_info(runtime->ports[g]);
        memcpy(config->groups[g].mac, info->mac, sizeof info->mac);
        config->groups[g].mtu = info->mtu;
        config->groups[g].tx_flags = info->tx_flags;
    }
}

static int describe_worker(struct sl_runtime *runtime, struct runtime_worker *self,
                           struct sl_worker_config *config)
{
    *config = runtime->config.worker;
    config->index = self->index;
    config->worker_count = runtime->config.worker_count;
    config->shard_owner = runtime->shard_owner;
    config->io = (struct sl_worker_io){.arg = self,
                                       .free_frames = free_frames,
                                       .take_frames = take_frames,
                                       .transmit = transmit,
                                       .hand_over = hand_over};
    describe_groups(runtime, config);
    config->handshaker_count = runtime->config.handshaker_count;
    for (unsigned h = 0; h < config->handshaker_count; h++) {
        config->to_handshaker[h] = sl_ring_producer_of(self->to_handshaker[h]);
        config->from_handshaker[h] = sl_ring_consumer_of(self->from_handshaker[h]);
    }
    config->to_control = sl_ring_producer_of(self->to_control);
    config->from_control = sl_ring_consumer_of(self->from_control);
    if (getrandom(config->random_seed, sizeof config->random_seed, 0) !=
        (ssize_t)sizeof config->random_seed)
        return runtime_fail(runtime, -EIO, "the kernel has no random numbers");
    return 0;
}

/** On the NUMA node of the worker's core: mapped while this thread runs there. */
static int map_memory(struct sl_runtime *runtime, struct runtime_worker *self, size_t len)
{
    cpu_set_t before, there = rte_lcore_cpuset(self->lcore);
    bool moved = sched_getaffinity(0, sizeof before, &before) == 0 &&
                 sched_setaffinity(0, sizeof there, &there) == 0;
    int error = memory_map(&self->memory, len);
    if (moved)
        sched_setaffinity(0, sizeof before, &before);
    if (error != 0)
        return runtime_fail(runtime, error,
                            "no memory for the %u sessions of worker %u (%zu MiB); lower sessions",
                            runtime->config.worker.sessions_max, self->index, len >> 20);
    return 0;
}

static int create_worker(struct sl_runtime *runtime, struct runtime_worker *self)
{
    struct sl_worker_config config;
    int error = create_rings(runtime, self);
    if (error == 0)
        error = describe_worker(runtime, self, &config);
    if (error != 0)
        return error;
    size_t len = sl_worker_memory_len(&config);
    error = map_memory(runtime, self, len);
    if (error == 0) {
        struct sl_arena arena;
        sl_arena_init(&arena, self->memory.at, self->memory.len);
        self->worker = sl_worker_create(&config, &arena);
        if (self->worker == NULL && errno == ENOTSUP)
            error = runtime_fail(runtime, -errno,
                                 "this processor can't run the crypto asked for; use crypto: auto");
        else if (self->worker == NULL)
            error = runtime_fail(runtime, -errno, "worker %u can't start: %s", self->index,
                                 strerror(errno));
    }
    explicit_bzero(config.cookie_root, sizeof config.cookie_root);
    explicit_bzero(config.random_seed, sizeof config.random_seed);
    return error;
}

static void say_memory(const struct sl_runtime *runtime)
{
    size_t len = 0;
    enum memory_kind worst = MEMORY_HUGE;
    for (unsigned w = 0; w < runtime->worker_count; w++) {
        const struct memory *memory = &runtime->workers[w].memory;
        len += memory->len;
        if (memory->kind > worst)
            worst = memory->kind;
    }
    runtime_log(runtime, "sessions: room for %u in %zu MiB of %s",
                runtime->worker_count * runtime->config.worker.sessions_max, len >> 20,
                memory_kind_name(worst));
}

int runtime_workers_create(struct sl_runtime *runtime)
{
    unsigned lcore = (unsigned)-1;
    for (unsigned w = 0; w < runtime->config.worker_count; w++) {
        struct runtime_worker *self = &runtime->workers[w];
        self->runtime = runtime;
        self->index = w;
        self->admission = runtime->admission;
        self->lcore = lcore = rte_get_next_lcore(lcore, 1, 0);
        runtime->worker_count = w + 1;
        if (lcore >= RTE_MAX_LCORE)
            return runtime_fail(runtime, -EINVAL, "DPDK has a core for %u of %u workers only", w,
                                runtime->config.worker_count);
        int error = create_worker(runtime, self);
        if (error != 0)
            return error;
    }
    say_memory(runtime);
    return 0;
}

static void destroy_worker(struct runtime_worker *self)
{
    struct sl_frame *frame;
    while (self->handoff != NULL && rte_ring_dequeue(self->handoff, (void **)&frame) == 0)
        sl_port_free(&frame, 1);
    sl_worker_destroy(self->worker);
    if (self->memory.at != NULL)
        explicit_bzero(self->memory.at, self->memory.len); /* keys */
    memory_unmap(&self->memory);
    rte_ring_free(self->handoff);
    sl_ring_destroy(self->to_control);
    sl_ring_destroy(self->from_control);
    for (unsigned h = 0; h < SL_HANDSHAKERS_MAX; h++) {
        sl_ring_destroy(self->to_handshaker[h]);
        sl_ring_destroy(self->from_handshaker[h]);
    }
}

void runtime_workers_destroy(struct sl_runtime *runtime)
{
    for (unsigned w = 0; w < runtime->worker_count; w++)
        destroy_worker(&runtime->workers[w]);
    runtime->worker_count = 0;
}
