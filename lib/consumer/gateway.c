/** Is there still a gateway at the other end? */
#include <errno.h>
#include <sys/socket.h>
#include <time.h>

#include "consumer_priv.h"

uint64_t sluice_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static bool is_socket_closed(int socket)
{
    char byte;
    ssize_t len = recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR);
}

bool sluice_gateway_ended(struct sluice *sluice)
{
    if (sluice->ended)
        return true;
    /* Pairs with the release in sl_registry_destroy. */
    uint64_t generation = __atomic_load_n(&sluice->info->generation, __ATOMIC_ACQUIRE);
    uint64_t heartbeat_ns = __atomic_load_n(&sluice->info->heartbeat_ns, __ATOMIC_RELAXED);
    sluice->ended = generation != sluice->generation || is_socket_closed(sluice->socket) ||
                    sluice_now_ns() > heartbeat_ns + SL_RING_HEARTBEAT_STALE_NS;
    return sluice->ended;
}
