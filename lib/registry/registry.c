#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "registry_priv.h"

#define EVENTS_MAX 32

static int refuse(char *reason, int error, const char *text)
{
    snprintf(reason, REASON_LEN, "%s", text);
    return error;
}

static int check_config(const struct sl_registry_config *config, char *reason)
{
    if (config->service_count < 1 || config->service_count > SL_SERVICES_MAX)
        return refuse(reason, -EINVAL, "configure 1 to 64 services");
    for (unsigned i = 0; i < config->service_count; i++) {
        size_t len = strlen(config->services[i]);
        if (len < 1 || len > SL_SERVICE_NAME_MAX)
            return refuse(reason, -EINVAL, "give each service a name of 1 to 31 bytes");
    }
    if (config->worker_count < 1 || config->worker_count > SL_WORKERS_MAX)
        return refuse(reason, -EINVAL, "configure 1 to 32 workers");
    if (config->ring_size < SL_RING_SIZE_MIN || config->ring_size > SL_RING_SIZE_MAX ||
        (config->ring_size & (config->ring_size - 1)) != 0)
        return refuse(reason, -EINVAL, "configure rings of a power of two, 4 KiB to 1 GiB");
    if (config->generation == 0)
        return refuse(reason, -EINVAL, "the generation must not be 0");
    return 0;
}

void sl_registry_set_payload_max(struct sl_registry *registry, uint32_t payload_max)
{
    /* What a send can carry: an entry of the ring at most. */
    uint32_t ring_max =
        sl_ring_entry_max(registry->config.ring_size) - (uint32_t)sizeof(struct sl_ring_entry);
    registry->info->payload_max = payload_max < ring_max ? payload_max : ring_max;
}

static int create_info(struct sl_registry *registry)
{
    const struct sl_registry_config *config = &registry->config;
    int result =
        registry_region_create(&registry->info_page, "sluice-info", SL_RING_DATA_OFF, true);
    if (result != 0)
        return result;
    registry->info = registry->info_page.at;
    *registry->info = (struct sl_ring_info){
        .magic = SL_RING_MAGIC,
        .abi_version = SL_RING_ABI_VERSION,
        .worker_count = config->worker_count,
        .ring_size = config->ring_size,
        .generation = config->generation,
    };
    sl_registry_set_payload_max(registry, config->payload_max);
    return 0;
}

static int set_up(struct sl_registry *registry, char *reason)
{
    int result = create_info(registry);
    if (result != 0) {
        snprintf(reason, REASON_LEN, "cannot create shared memory: %s; allow more of it",
                 strerror(-result));
        return result;
    }
    registry->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (registry->epoll_fd < 0)
        return refuse(reason, -errno,
                      "cannot create an epoll descriptor: raise the limit of files");
    registry->listen_fd =
        registry_listen(registry->config.socket_path, registry->config.socket_mode, reason);
    if (registry->listen_fd < 0)
        return registry->listen_fd;
    result = registry_watch(registry, EPOLL_CTL_ADD, registry->listen_fd, SOURCE_LISTENER, 0);
    if (result != 0)
        return refuse(reason, result, "cannot watch the socket for consumers");
    registry->listening = true;
    return 0;
}

int sl_registry_create(const struct sl_registry_config *config, struct sl_registry **out,
                       char *reason)
{
    int result = check_config(config, reason);
    if (result != 0)
        return result;
    struct sl_registry *registry = calloc(1, sizeof *registry);
    if (registry == NULL)
        return refuse(reason, -ENOMEM, "out of memory");
    registry->config = *config;
    registry->epoll_fd = registry->listen_fd = registry->info_page.fd = -1;
    for (unsigned i = 0; i < PENDING_MAX; i++)
        registry->pending[i].fd = -1;
    registry->config.socket_path = registry->socket_path = strdup(config->socket_path);
    result = registry->socket_path == NULL ? refuse(reason, -ENOMEM, "out of memory")
                                           : set_up(registry, reason);
    if (result != 0) {
        sl_registry_destroy(registry);
        return result;
    }
    *out = registry;
    return 0;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void sl_registry_destroy(struct sl_registry *registry)
{
    if (registry == NULL)
        return;
    if (registry->info != NULL) /* pairs with the acquire of consumers that only look at memory */
        __atomic_store_n(&registry->info->generation, 0, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < SL_CONSUMERS_MAX; i++) {
        struct registry_consumer *consumer = &registry->consumers[i];
        if (!consumer->in_use)
            continue;
        if (!consumer->leaving)
            registry_hang_up(registry, consumer->socket);
        registry_consumer_free(registry, consumer);
    }
    for (unsigned i = 0; i < PENDING_MAX; i++)
        if (registry->pending[i].fd >= 0)
            registry_close_pending(registry, &registry->pending[i]);
    if (registry->listen_fd >= 0) {
        unlink(registry->socket_path);
        registry_close_elsewhere(registry->listen_fd); /* some may wait there, and have spoken */
    }
    close_fd(registry->epoll_fd);
    registry_region_destroy(&registry->info_page);
    free(registry->socket_path);
    free(registry);
}

int sl_registry_fd(const struct sl_registry *registry)
{
    return registry->epoll_fd;
}

void registry_leave(struct sl_registry *registry, struct registry_consumer *consumer)
{
    consumer->leaving = true;
    registry_hang_up(registry, consumer->socket);
    for (unsigned i = 0; i < registry->config.worker_count; i++)
        registry->config.detach(registry->config.arg, &consumer->links[i].attachment);
}

void sl_registry_evict(struct sl_registry *registry, uint32_t consumer)
{
    if (consumer < SL_CONSUMERS_MAX && registry->consumers[consumer].in_use &&
        !registry->consumers[consumer].leaving)
        registry_leave(registry, &registry->consumers[consumer]);
}

void sl_registry_detached(struct sl_registry *registry, struct sl_attachment *attachment)
{
    struct registry_consumer *consumer = attachment->registry_private;
    registry_link_destroy(&consumer->links[attachment->worker]);
    if (--consumer->attached == 0)
        registry_consumer_free(registry, consumer);
}

static void handle_event(struct sl_registry *registry, uint64_t tag)
{
    unsigned index = (unsigned)(tag & 0xffffffff);
    if (tag >> 32 == SOURCE_PENDING && registry->pending[index].fd >= 0)
        registry_join(registry, &registry->pending[index]);
    if (tag >> 32 == SOURCE_CONSUMER && registry->consumers[index].in_use &&
        !registry->consumers[index].leaving)
        registry_hear(registry, &registry->consumers[index]);
}

static void end_late_comers(struct sl_registry *registry, uint64_t now_ns)
{
    for (unsigned i = 0; i < PENDING_MAX; i++)
        if (registry->pending[i].fd >= 0 && now_ns >= registry->pending[i].deadline_ns)
            registry_close_pending(registry, &registry->pending[i]);
}

void sl_registry_poll(struct sl_registry *registry, uint64_t now_ns)
{
    struct epoll_event events[EVENTS_MAX];
    __atomic_store_n(&registry->info->heartbeat_ns, now_ns, __ATOMIC_RELAXED);
    int count = epoll_wait(registry->epoll_fd, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++)
        handle_event(registry, events[i].data.u64);
    end_late_comers(registry, now_ns);
    if (now_ns >= registry->listen_again_ns)
        registry_accept(registry, now_ns);
}

unsigned sl_registry_list(const struct sl_registry *registry, struct sl_consumer_info *out)
{
    unsigned count = 0;
    for (unsigned i = 0; i < SL_CONSUMERS_MAX; i++)
        if (registry->consumers[i].in_use && !registry->consumers[i].leaving)
            out[count++] = registry->consumers[i].info;
    return count;
}
