/*
 * The end of a connection, without waiting for it. close(2) ends what still waits in a socket, and
 * so the descriptors that the other side has sent: one of a TCP connection that is to linger sleeps
 * there for as long as its maker wishes.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "registry_priv.h"

static unsigned under_way; /* atomic: the threads outlive the registry that began them */

static void *close_socket(void *socket)
{
    close((int)(intptr_t)socket);
    __atomic_fetch_sub(&under_way, 1, __ATOMIC_RELAXED);
    return NULL;
}

void registry_close_elsewhere(int socket)
{
    pthread_t thread;
    void *arg = (void *)(intptr_t)socket;
    __atomic_fetch_add(&under_way, 1, __ATOMIC_RELAXED);
    if (pthread_create(&thread, NULL, close_socket, arg) == 0)
        pthread_detach(thread);
    else
        close_socket(arg);
}

/** A message shows by the credentials for which there is no room: even one that has no bytes. */
static bool holds_message(int socket)
{
    struct msghdr message = {.msg_control = NULL};
    int on = 1;
    setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    ssize_t len = recvmsg(socket, &message, MSG_PEEK | MSG_DONTWAIT);
    return len < 0 ? errno != EAGAIN : (message.msg_flags & MSG_CTRUNC) != 0;
}

void registry_hang_up(struct sl_registry *registry, int socket)
{
    epoll_ctl(registry->epoll_fd, EPOLL_CTL_DEL, socket, NULL); /* it may live on for a while */
    shutdown(socket, SHUT_RDWR); /* the other side sees the end now, and can add nothing */
    if (holds_message(socket))
        registry_close_elsewhere(socket);
    else
        close(socket);
}

bool registry_hangs_up_too_many(void)
{
    return __atomic_load_n(&under_way, __ATOMIC_RELAXED) >= HANG_UPS_MAX;
}
