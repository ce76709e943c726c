/** The socket where consumers register. */
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "registry_priv.h"
#include "sl_unix.h"

#define LISTEN_AGAIN_NS 100000000ULL

static int fail(char *reason, const char *path, int error, const char *advice)
{
    snprintf(reason, REASON_LEN, "cannot listen for consumers on %s: %s; %s", path, strerror(error),
             advice);
    return -error;
}

/** Permissions are set before anybody can connect: without listen(2) the kernel refuses them. */
static int bind_and_listen(int fd, const struct sockaddr_un *address, uint32_t mode, char *reason)
{
    const char *path = address->sun_path;
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) != 0)
        return fail(reason, path, errno,
                    "its directory must exist and be writable for the gateway");
    if (chmod(path, (mode_t)mode) != 0 || listen(fd, PENDING_MAX) != 0) {
        int error = errno;
        unlink(path);
        return fail(reason, path, error, "choose another consumer_socket");
    }
    return 0;
}

int registry_listen(const char *path, uint32_t mode, char *reason)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path[0] == '\0' || strlen(path) >= sizeof address.sun_path)
        return fail(reason, path, ENAMETOOLONG, "choose a path of 1 to 107 bytes");
    strcpy(address.sun_path, path);

    sl_unix_make_folder(&address);
    int result = sl_unix_free_address(&address, SOCK_SEQPACKET);
    if (result == -EEXIST)
        return fail(reason, path, EEXIST, "remove the file that is there, which is no socket");
    if (result == -EACCES || result == -EPERM)
        return fail(
            reason, path, -result,
            "a socket is there that this user has no right to: remove it if no gateway uses "
            "it, or choose another path");
    if (result != 0)
        return fail(reason, path, -result, "stop the gateway that uses it, or choose another path");
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail(reason, path, errno, "raise the limit of open files");
    result = bind_and_listen(fd, &address, mode, reason);
    if (result != 0) {
        close(fd);
        return result;
    }
    return fd;
}

int registry_watch(struct sl_registry *registry, int operation, int fd, enum registry_source source,
                   unsigned index)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP,
                                .data.u64 = (uint64_t)source << 32 | index};
    return epoll_ctl(registry->epoll_fd, operation, fd, &event) == 0 ? 0 : -errno;
}

/** Whether the listener is in the epoll set. */
static void set_listening(struct sl_registry *registry, bool on)
{
    struct epoll_event event = {.events = on ? EPOLLIN : 0,
                                .data.u64 = (uint64_t)SOURCE_LISTENER << 32};
    if (on != registry->listening &&
        epoll_ctl(registry->epoll_fd, EPOLL_CTL_MOD, registry->listen_fd, &event) == 0)
        registry->listening = on;
}

static struct registry_pending *free_pending(struct sl_registry *registry)
{
    for (unsigned i = 0; i < PENDING_MAX; i++)
        if (registry->pending[i].fd < 0)
            return &registry->pending[i];
    return NULL;
}

/** Those for whom there is no room wait in the kernel's queue, and the listener stays silent. */
void registry_accept(struct sl_registry *registry, uint64_t now_ns)
{
    struct registry_pending *pending;
    set_listening(registry, true);
    while (!registry_hangs_up_too_many() && (pending = free_pending(registry)) != NULL) {
        int fd = accept4(registry->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0 && errno != EAGAIN) { /* out of descriptors or memory: not at once again */
            registry->listen_again_ns = now_ns + LISTEN_AGAIN_NS;
            set_listening(registry, false);
        }
        if (fd < 0)
            return;
        *pending = (struct registry_pending){fd, now_ns + PENDING_TIMEOUT_NS};
        if (registry_watch(registry, EPOLL_CTL_ADD, fd, SOURCE_PENDING,
                           (unsigned)(pending - registry->pending)) != 0)
            registry_close_pending(registry, pending);
    }
    set_listening(registry, false);
}
