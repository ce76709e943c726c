/** Sealed memory for rings. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "registry_priv.h"

static int map_and_seal(struct registry_region *region, size_t len, int seals)
{
    if (ftruncate(region->fd, (off_t)len) != 0)
        return -errno;
    void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, region->fd, 0);
    if (at == MAP_FAILED)
        return -errno;
    region->at = at;
    region->len = len;
    sl_dump_leave_out(at, len); /* plaintext of sessions */
    /* A consumer may punch holes; in a huge page that would cost the worker far more. Kernels
     * without huge pages for shared memory refuse the advice, and need none. */
    (void)madvise(at, len, MADV_NOHUGEPAGE);
    /* All of it present at once: no page fault later on a worker, and a lack of memory is an error
     * here and no signal there. */
    if (madvise(at, len, MADV_POPULATE_WRITE) != 0)
        return errno == EFAULT ? -ENOMEM : -errno;
    return fcntl(region->fd, F_ADD_SEALS, seals) == 0 ? 0 : -errno;
}

int registry_region_create(struct registry_region *region, const char *name, size_t len,
                           bool read_only)
{
    int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    *region = (struct registry_region){.fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (region->fd < 0)
        return -errno;
    int result = map_and_seal(region, len, read_only ? seals | F_SEAL_FUTURE_WRITE : seals);
    if (result != 0)
        registry_region_destroy(region);
    return result;
}

void registry_region_close_fd(struct registry_region *region)
{
    if (region->fd >= 0)
        close(region->fd);
    region->fd = -1;
}

void registry_region_destroy(struct registry_region *region)
{
    registry_region_close_fd(region);
    if (region->at != NULL)
        munmap(region->at, region->len);
    region->at = NULL;
}

static void init_attachment(struct registry_consumer *consumer, struct registry_link *link,
                            unsigned worker, uint64_t ring_size)
{
    struct sl_ring_gateway_words *ours = link->receive.at;
    struct sl_ring_client_words *theirs = link->send.at;
    link->attachment = (struct sl_attachment){
        .consumer = consumer->info.consumer,
        .service = consumer->info.service,
        .worker = (uint16_t)worker,
        .wake_fd = consumer->wake_fd,
        .wake_gate = &consumer->wake_gate,
        .registry_private = consumer,
    };
    sl_ring_producer_init(&link->attachment.receive, &ours->receive, &theirs->receive,
                          (uint8_t *)ours + SL_RING_DATA_OFF, ring_size);
    sl_ring_consumer_init(&link->attachment.send, &ours->send, &theirs->send,
                          (uint8_t *)theirs + SL_RING_DATA_OFF, ring_size);
}

static int create_link(struct registry_consumer *consumer, struct registry_link *link,
                       unsigned worker, uint64_t ring_size)
{
    size_t len = SL_RING_DATA_OFF + ring_size;
    int result = registry_region_create(&link->receive, "sluice-receive", len, true);
    if (result == 0)
        result = registry_region_create(&link->send, "sluice-send", len, false);
    if (result == 0)
        init_attachment(consumer, link, worker, ring_size);
    return result;
}

int registry_links_create(struct sl_registry *registry, struct registry_consumer *consumer)
{
    unsigned count = registry->config.worker_count;
    consumer->links = aligned_alloc(SL_RING_INDEX_ALIGN, count * sizeof *consumer->links);
    if (consumer->links == NULL)
        return -ENOMEM;
    memset(consumer->links, 0, count * sizeof *consumer->links);
    for (unsigned i = 0; i < count; i++)
        consumer->links[i].receive.fd = consumer->links[i].send.fd = -1;
    for (unsigned i = 0; i < count; i++) {
        int result = create_link(consumer, &consumer->links[i], i, registry->config.ring_size);
        if (result != 0) {
            registry_links_destroy(registry, consumer);
            return result;
        }
    }
    return 0;
}

void registry_link_destroy(struct registry_link *link)
{
    registry_region_destroy(&link->receive);
    registry_region_destroy(&link->send);
}

void registry_links_destroy(struct sl_registry *registry, struct registry_consumer *consumer)
{
    for (unsigned i = 0; i < registry->config.worker_count; i++)
        registry_link_destroy(&consumer->links[i]);
    free(consumer->links);
    consumer->links = NULL;
}

void registry_consumer_free(struct sl_registry *registry, struct registry_consumer *consumer)
{
    registry_links_destroy(registry, consumer);
    close(consumer->wake_fd);
    consumer->in_use = false;
}
