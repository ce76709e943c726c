/** A consumer registers: hello, its rings, reply. docs/ring-protocol.md */
#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "registry_priv.h"

void registry_close_pending(struct sl_registry *registry, struct registry_pending *pending)
{
    registry_hang_up(registry, pending->fd);
    pending->fd = -1;
}

/** Sends a reply, with descriptors where there are any. Never waits. */
static int send_reply(int socket, const struct sl_ring_reply *reply, const int *fds, unsigned count)
{
    union {
        struct cmsghdr header; /* for its alignment */
        char bytes[CMSG_SPACE(SL_RING_REPLY_FDS_MAX * sizeof(int))];
    } control = {0};
    struct iovec iov = {(void *)(uintptr_t)reply, sizeof *reply};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    if (count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(rights), fds, count * sizeof(int));
    }
    ssize_t sent = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent == (ssize_t)sizeof *reply ? 0 : -EPIPE;
}

/** Is this a hello at all? One of another ABI version counts: it deserves an answer. */
static bool is_hello(const struct sl_ring_hello *hello, ssize_t len)
{
    if (len < (ssize_t)offsetof(struct sl_ring_hello, reserved) || hello->magic != SL_RING_MAGIC)
        return false;
    return hello->abi_version != SL_RING_ABI_VERSION ||
           (len == sizeof *hello && memchr(hello->service, 0, sizeof hello->service) != NULL);
}

static int find_service(const struct sl_registry *registry, const char *name)
{
    for (unsigned i = 0; i < registry->config.service_count; i++)
        if (strcmp(registry->config.services[i], name) == 0)
            return (int)i;
    return -1;
}

static struct registry_consumer *unused_consumer(struct sl_registry *registry)
{
    for (unsigned i = 0; i < SL_CONSUMERS_MAX; i++)
        if (!registry->consumers[i].in_use)
            return &registry->consumers[i];
    return NULL;
}

/** The socket on which a consumer is woken; we never read ours, so it is shut that way. */
static int create_wake_socket(struct registry_consumer *consumer, int *client_end)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return -errno;
    shutdown(ends[0], SHUT_RD);
    consumer->wake_fd = ends[0];
    *client_end = ends[1];
    return 0;
}

/** One user can't take all the places. Those who are leaving still count: their rings are there. */
static bool has_quota(const struct sl_registry *registry, uid_t uid)
{
    unsigned count = 0;
    for (unsigned i = 0; i < SL_CONSUMERS_MAX; i++)
        count += registry->consumers[i].in_use && registry->consumers[i].info.uid == uid;
    return registry->config.per_user == 0 || uid == 0 || count < registry->config.per_user;
}

/** Fills in the slot: who it is, its wake-up socket, its rings. return 0 or -errno. */
static int prepare_consumer(struct sl_registry *registry, struct registry_consumer *consumer,
                            int socket, int service, int *client_end)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || len != sizeof peer)
        return -EPERM;
    if (!has_quota(registry, peer.uid))
        return -EUSERS;
    *consumer = (struct registry_consumer){
        .socket = socket,
        .info = {.consumer = (uint32_t)(consumer - registry->consumers),
                 .service = (uint16_t)service,
                 .pid = peer.pid,
                 .uid = peer.uid},
    };
    int result = create_wake_socket(consumer, client_end);
    if (result != 0)
        return result;
    result = registry_links_create(registry, consumer);
    if (result != 0) {
        close(consumer->wake_fd);
        close(*client_end);
    }
    return result;
}

static struct sl_ring_reply reply_of(const struct sl_registry *registry, enum sl_ring_status status)
{
    return (struct sl_ring_reply){
        .magic = SL_RING_MAGIC,
        .abi_version = SL_RING_ABI_VERSION,
        .status = status,
        .worker_count = registry->config.worker_count,
        .ring_size = registry->config.ring_size,
        .generation = registry->config.generation,
    };
}

/** Hands the descriptors over; ours are closed, the mappings stay. */
static int hand_out(struct sl_registry *registry, struct registry_consumer *consumer,
                    int client_end)
{
    int fds[SL_RING_REPLY_FDS_MAX] = {registry->info_page.fd, client_end};
    unsigned count = 2;
    for (unsigned i = 0; i < registry->config.worker_count; i++) {
        fds[count++] = consumer->links[i].receive.fd;
        fds[count++] = consumer->links[i].send.fd;
    }
    struct sl_ring_reply reply = reply_of(registry, SL_RING_STATUS_OK);
    reply.consumer = consumer->info.consumer;
    int result = send_reply(consumer->socket, &reply, fds, count);
    for (unsigned i = 0; i < registry->config.worker_count; i++) {
        registry_region_close_fd(&consumer->links[i].receive);
        registry_region_close_fd(&consumer->links[i].send);
    }
    close(client_end);
    return result;
}

/** return SL_RING_STATUS_OK: the socket is the consumer's now. Else nothing has changed. */
static enum sl_ring_status admit(struct sl_registry *registry, int socket, int service)
{
    struct registry_consumer *consumer = unused_consumer(registry);
    int client_end = -1;
    if (consumer == NULL)
        return SL_RING_STATUS_FULL;
    int result = prepare_consumer(registry, consumer, socket, service, &client_end);
    if (result != 0)
        return result == -EUSERS ? SL_RING_STATUS_FULL : SL_RING_STATUS_MEMORY;
    if (hand_out(registry, consumer, client_end) != 0 ||
        registry_watch(registry, EPOLL_CTL_MOD, socket, SOURCE_CONSUMER, consumer->info.consumer) !=
            0) {
        registry_consumer_free(registry, consumer);
        return SL_RING_STATUS_MEMORY;
    }
    consumer->in_use = true;
    consumer->attached = registry->config.worker_count;
    for (unsigned i = 0; i < registry->config.worker_count; i++)
        registry->config.attach(registry->config.arg, &consumer->links[i].attachment);
    return SL_RING_STATUS_OK;
}

static enum sl_ring_status answer(struct sl_registry *registry, int socket,
                                  const struct sl_ring_hello *hello)
{
    if (hello->abi_version != SL_RING_ABI_VERSION)
        return SL_RING_STATUS_ABI;
    int service = find_service(registry, hello->service);
    return service < 0 ? SL_RING_STATUS_SERVICE : admit(registry, socket, service);
}

ssize_t registry_receive(int socket, void *out, size_t room)
{
    struct iovec iov = {out, room};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t len = recvmsg(socket, &message, MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC);
    if (len < 0)
        return len;
    if (message.msg_flags & MSG_CTRUNC)
        return 0;
    return recv(socket, out, room, MSG_DONTWAIT | MSG_TRUNC);
}

void registry_join(struct sl_registry *registry, struct registry_pending *pending)
{
    struct sl_ring_hello hello;
    ssize_t len = registry_receive(pending->fd, &hello, sizeof hello);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (!is_hello(&hello, len)) {
        registry_close_pending(registry, pending);
        return;
    }
    enum sl_ring_status status = answer(registry, pending->fd, &hello);
    if (status == SL_RING_STATUS_OK) {
        pending->fd = -1; /* it is the consumer's */
        return;
    }
    struct sl_ring_reply reply = reply_of(registry, status);
    (void)send_reply(pending->fd, &reply, NULL, 0); /* who does not hear it sees the end */
    registry_close_pending(registry, pending);
}
