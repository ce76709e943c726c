/** Registration: hello, reply, and the memory that comes with it. docs/ring-protocol.md */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "consumer_priv.h"

#define TIMEOUT_S 5

/** The reply and its descriptors, closed when they have been used or not. */
struct answer {
    struct sl_ring_reply reply;
    int fds[SL_RING_REPLY_FDS_MAX];
    unsigned fd_count;
};

/** What a call on the socket failed with; a gateway that ends meanwhile is one that is not there.
 */
static int failure(int error)
{
    if (error == EAGAIN)
        return -ETIMEDOUT;
    return error == EPIPE || error == ECONNRESET ? -ECONNREFUSED : -error;
}

/** A socket whose connect, send and receive end after TIMEOUT_S with EAGAIN. */
static int open_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval timeout = {.tv_sec = TIMEOUT_S};
    if (strlen(path) >= sizeof address.sun_path)
        return -ENOENT;
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0 &&
        connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int error = errno;
    close(fd);
    if (error == EPROTOTYPE) /* a socket of another kind: not a gateway's */
        return -EPROTO;
    return failure(error);
}

static int say_hello(int socket, const char *service)
{
    struct sl_ring_hello hello = {.magic = SL_RING_MAGIC, .abi_version = SL_RING_ABI_VERSION};
    strcpy(hello.service, service);
    return send(socket, &hello, sizeof hello, MSG_NOSIGNAL) == sizeof hello ? 0 : failure(errno);
}

static void take_fds(struct msghdr *message, struct answer *answer)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        answer->fd_count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(answer->fds, CMSG_DATA(c), answer->fd_count * sizeof(int));
    }
}

static int hear_reply(int socket, struct answer *answer)
{
    union {
        struct cmsghdr header; /* for its alignment */
        char bytes[CMSG_SPACE(SL_RING_REPLY_FDS_MAX * sizeof(int))];
    } control;
    struct iovec iov = {&answer->reply, sizeof answer->reply};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t len = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (len < 0)
        return failure(errno);
    take_fds(&message, answer);
    if (len == 0) /* it ended, or did not like us, before it answered */
        return -ECONNREFUSED;
    if (message.msg_flags & MSG_CTRUNC)
        return -EMFILE;
    bool is_whole = len == sizeof answer->reply && !(message.msg_flags & MSG_TRUNC);
    return is_whole && answer->reply.magic == SL_RING_MAGIC ? 0 : -EPROTO;
}

/** The reply's status as an errno; with 0 its numbers are sound. */
static int check_reply(const struct answer *answer)
{
    const struct sl_ring_reply *reply = &answer->reply;
    static const int errors[] = {
        [SL_RING_STATUS_OK] = 0,           [SL_RING_STATUS_ABI] = -EPROTO,
        [SL_RING_STATUS_SERVICE] = -ENXIO, [SL_RING_STATUS_FULL] = -EUSERS,
        [SL_RING_STATUS_MEMORY] = -ENOMEM,
    };
    if (reply->status >= sizeof errors / sizeof *errors)
        return -EPROTO;
    if (reply->status != SL_RING_STATUS_OK)
        return errors[reply->status];
    bool is_sound = reply->abi_version == SL_RING_ABI_VERSION && reply->worker_count >= 1 &&
                    reply->worker_count <= SL_RING_WORKERS_MAX &&
                    reply->ring_size >= SL_RING_SIZE_MIN && reply->ring_size <= SL_RING_SIZE_MAX &&
                    (reply->ring_size & (reply->ring_size - 1)) == 0 &&
                    answer->fd_count == 2 + 2 * reply->worker_count;
    return is_sound ? 0 : -EPROTO;
}

static int map_region(struct sluice_region *region, int fd, size_t len, int protection)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return -errno;
    if (status.st_size < (off_t)len)
        return -EPROTO;
    void *at = mmap(NULL, len, protection, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return -errno;
    *region = (struct sluice_region){at, len};
    return 0;
}

static int map_link(struct sluice_link *link, int receive_fd, int send_fd, uint64_t ring_size)
{
    size_t len = SL_RING_DATA_OFF + ring_size;
    int result = map_region(&link->receive_region, receive_fd, len, PROT_READ);
    if (result == 0)
        result = map_region(&link->send_region, send_fd, len, PROT_READ | PROT_WRITE);
    if (result != 0)
        return result;
    const struct sl_ring_gateway_words *theirs = link->receive_region.at;
    struct sl_ring_client_words *ours = link->send_region.at;
    sl_ring_consumer_init(&link->receive, &ours->receive, &theirs->receive,
                          (const uint8_t *)theirs + SL_RING_DATA_OFF, ring_size);
    sl_ring_producer_init(&link->send, &ours->send, &theirs->send,
                          (uint8_t *)ours + SL_RING_DATA_OFF, ring_size);
    return 0;
}

static int map_all(struct sluice *sluice, const struct answer *answer)
{
    const int *fds = answer->fds + 2;
    int result = map_region(&sluice->info_region, answer->fds[0], sizeof *sluice->info, PROT_READ);
    for (unsigned i = 0; result == 0 && i < answer->reply.worker_count; i++)
        result = map_link(&sluice->links[i], fds[2 * i], fds[2 * i + 1], answer->reply.ring_size);
    if (result != 0)
        return result;
    sluice->info = sluice->info_region.at;
    assert(sluice->info != NULL);
    sluice->payload_max = sluice->info->payload_max;
    sluice->generation = answer->reply.generation;
    sluice->worker_count = answer->reply.worker_count;
    return sluice->info->magic == SL_RING_MAGIC ? 0 : -EPROTO;
}

static int watch(struct sluice *sluice, int fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP};
    return epoll_ctl(sluice->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static int set_up(struct sluice *sluice, struct answer *answer)
{
    int result = map_all(sluice, answer);
    if (result != 0)
        return result;
    sluice->wake_fd = answer->fds[1];
    answer->fds[1] = -1;
    sluice->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (sluice->epoll_fd < 0)
        return -errno;
    result = watch(sluice, sluice->socket);
    return result == 0 ? watch(sluice, sluice->wake_fd) : result;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

static int register_at(struct sluice *sluice, const char *path, const char *service)
{
    struct answer answer = {.fd_count = 0};
    sluice->socket = open_socket(path);
    int result = sluice->socket < 0 ? sluice->socket : say_hello(sluice->socket, service);
    if (result == 0)
        result = hear_reply(sluice->socket, &answer);
    if (result == 0)
        result = check_reply(&answer);
    if (result == 0)
        result = set_up(sluice, &answer);
    for (unsigned i = 0; i < answer.fd_count; i++)
        close_fd(answer.fds[i]);
    return result;
}

SLUICE_API int sluice_connect(const char *socket_path, const char *service, struct sluice **out)
{
    if (service[0] == '\0' || strlen(service) >= SL_RING_SERVICE_LEN)
        return -ENXIO;
    struct sluice *sluice = calloc(1, sizeof *sluice);
    if (sluice == NULL)
        return -ENOMEM;
    sluice->socket = sluice->wake_fd = sluice->epoll_fd = -1;
    int result =
        register_at(sluice, socket_path != NULL ? socket_path : SLUICE_DEFAULT_SOCKET, service);
    if (result != 0) {
        sluice_disconnect(sluice);
        return result;
    }
    *out = sluice;
    return 0;
}

static void unmap(struct sluice_region *region)
{
    if (region->at != NULL)
        munmap(region->at, region->len);
}

SLUICE_API void sluice_disconnect(struct sluice *sluice)
{
    if (sluice == NULL)
        return;
    for (unsigned i = 0; i < SL_RING_WORKERS_MAX; i++) {
        unmap(&sluice->links[i].receive_region);
        unmap(&sluice->links[i].send_region);
    }
    unmap(&sluice->info_region);
    close_fd(sluice->epoll_fd);
    close_fd(sluice->wake_fd);
    close_fd(sluice->socket);
    free(sluice);
}
