/* What a registered consumer may still say over its socket: that it wants a session. */
#include <errno.h>
#include <sys/socket.h>

#include "registry_priv.h"

static bool is_request(const struct sl_ring_request *request, ssize_t len)
{
    return len == sizeof *request && request->magic == SL_RING_REQUEST_MAGIC &&
           request->request != 0 &&
           memchr(request->connection, 0, sizeof request->connection) != NULL;
}

void registry_hear(struct sl_registry *registry, struct registry_consumer *consumer)
{
    struct sl_ring_request request;
    const ssize_t len = registry_receive(consumer->socket, &request, sizeof request);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (!is_request(&request, len)) {
        registry_leave(registry, consumer);
        return;
    }
    struct sl_ring_answer answer = {.magic = SL_RING_REQUEST_MAGIC,
                                    .request = request.request,
                                    .status = SL_RING_STATUS_SERVICE};
    if (registry->config.request != NULL)
        answer.status = registry->config.request(registry->config.arg, &consumer->info,
                                                 request.connection, request.request);
    if (send(consumer->socket, &answer, sizeof answer, MSG_DONTWAIT | MSG_NOSIGNAL) !=
        (ssize_t)sizeof answer)
        registry_leave(registry, consumer); /* it asks, and does not listen */
}
