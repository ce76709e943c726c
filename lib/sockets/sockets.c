/* Creation and end, counters, and the sleep of one who has nothing to do. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sl_labels.h"
#include "sockets_priv.h"

#define NS_PER_S 1000000000ULL

SL_DEFINE_LABELS(sl_socket_counter, SL_SOCKET_COUNTER_LIST)

uint64_t sl_sockets_counter(const struct sl_sockets *sockets, enum sl_socket_counter counter)
{
    assert(counter < SL_SOCKET_COUNTER_COUNT);
    return sockets->counters[counter];
}

void sockets_count_error(struct sl_sockets *sockets, int error, enum sl_socket_counter otherwise)
{
    switch (error) {
    case ECONNREFUSED:
        sockets_count(sockets, SL_SOCKET_REFUSED, 1);
        return;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case ENOPROTOOPT: /* ICMP: protocol unreachable */
    case EACCES:      /* ICMP: forbidden by an administrator */
        sockets_count(sockets, SL_SOCKET_UNREACHABLE, 1);
        return;
    default:
        sockets_count(sockets, otherwise, 1);
    }
}

static int __attribute__((format(printf, 3, 4)))
fail(char *reason, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reason, SOCKETS_REASON_LEN, format, args);
    va_end(args);
    return error;
}

static int check(const struct sl_sockets_config *config, char *reason)
{
    if (config->sources_max < 1 || config->sources_max > SOCKETS_SOURCES_MAX)
        return fail(reason, -EINVAL, "there can be 1 to %u sockets, not %u", SOCKETS_SOURCES_MAX,
                    config->sources_max);
    if (config->frame_room < 1 || config->frame_room > SL_SOCKETS_ROOM_MAX)
        return fail(reason, -EINVAL, "a frame can have room for 1 to %u bytes, not %u",
                    SL_SOCKETS_ROOM_MAX, config->frame_room);
    if (config->frame_count < 1)
        return fail(reason, -EINVAL, "sockets need at least one frame");
    if (config->receive_buffer_len > INT32_MAX || config->send_buffer_len > INT32_MAX)
        return fail(reason, -EINVAL, "a socket's buffer has at most %d bytes", INT32_MAX);
    return 0;
}

static int allocate(struct sl_sockets *sockets)
{
    const struct sl_sockets_config *config = &sockets->config;
    sockets->sources = calloc(config->sources_max, sizeof sockets->sources[0]);
    sockets->ready = calloc(config->sources_max, sizeof sockets->ready[0]);
    if (sockets->sources == NULL || sockets->ready == NULL)
        return -ENOMEM;
    sockets->nowhere = (struct sockets_source){.fd = -1, .group = SOCKETS_NO_GROUP};
    for (unsigned i = 0; i < config->sources_max; i++)
        sockets->sources[i] = sockets->nowhere;
    if (!config->is_unsegmented) {
        sockets->batch.landing = calloc(SOCKETS_BATCH, SOCKETS_MESSAGE_MAX + 1);
        if (sockets->batch.landing == NULL)
            return -ENOMEM;
    }
    return sockets_pool_create(sockets);
}

int sl_sockets_create(const struct sl_sockets_config *config, struct sl_sockets **out, char *reason)
{
    reason[0] = '\0';
    int error = check(config, reason);
    if (error != 0)
        return error;
    struct sl_sockets *sockets = calloc(1, sizeof *sockets);
    if (sockets == NULL)
        return fail(reason, -ENOMEM, "no memory for sockets");
    sockets->config = *config;
    sockets->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (sockets->epoll_fd < 0)
        error = fail(reason, -errno, "can't wait for sockets: %s", strerror(errno));
    else if ((error = allocate(sockets)) != 0)
        fail(reason, error, "no memory for %u sockets and %u frames of %u bytes",
             config->sources_max, config->frame_count, config->frame_room);
    if (error != 0) {
        sl_sockets_destroy(sockets);
        return error;
    }
    *out = sockets;
    return 0;
}

void sl_sockets_destroy(struct sl_sockets *sockets)
{
    if (sockets == NULL)
        return;
    for (unsigned i = 0; sockets->sources != NULL && i < sockets->config.sources_max; i++)
        if (sockets->sources[i].fd >= 0)
            close(sockets->sources[i].fd);
    if (sockets->epoll_fd >= 0)
        close(sockets->epoll_fd);
    sockets_pool_destroy(sockets);
    free(sockets->batch.landing);
    free(sockets->ready);
    free(sockets->sources);
    free(sockets);
}

bool sl_sockets_wait(struct sl_sockets *sockets, uint64_t timeout_ns)
{
    if (sockets->batch.at < sockets->batch.count || sockets->ready_count > 0)
        return true;
    struct pollfd wanted = {.fd = sockets->epoll_fd, .events = POLLIN};
    struct timespec timeout = {(time_t)(timeout_ns / NS_PER_S), (long)(timeout_ns % NS_PER_S)};
    return ppoll(&wanted, 1, &timeout, NULL) != 0; /* interrupted: let the caller look */
}
