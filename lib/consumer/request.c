/* A session that this consumer asks for: a request and an answer over the socket of its
 * registration. */
#include <errno.h>
#include <sys/socket.h>

#include "consumer_priv.h"

/** return 0 or -errno; the socket's calls end after some seconds (connect.c). */
static int ask(struct sluice *sluice, const struct sl_ring_request *request,
               struct sl_ring_answer *answer)
{
    if (send(sluice->socket, request, sizeof *request, MSG_NOSIGNAL) != (ssize_t)sizeof *request)
        return errno == EAGAIN ? -ETIMEDOUT : -EPIPE;
    ssize_t len;
    while ((len = recv(sluice->socket, answer, sizeof *answer, 0)) < 0 && errno == EINTR)
        continue;
    if (len < 0)
        return errno == EAGAIN ? -ETIMEDOUT : -EPIPE;
    bool is_it = len == sizeof *answer && answer->magic == SL_RING_REQUEST_MAGIC &&
                 answer->request == request->request;
    return is_it ? 0 : -EPIPE;
}

SLUICE_API int sluice_request(struct sluice *sluice, const char *connection, uint32_t *request)
{
    struct sl_ring_request question = {.magic = SL_RING_REQUEST_MAGIC};
    struct sl_ring_answer answer;
    if (connection[0] == '\0' || strlen(connection) >= sizeof question.connection)
        return -ENOENT;
    if (sluice->ended)
        return -EPIPE;
    strcpy(question.connection, connection);
    sluice->request = sluice->request % UINT32_MAX + 1;
    question.request = sluice->request;
    const int result = ask(sluice, &question, &answer);
    if (result != 0) { /* a late answer would be taken for another one's */
        sluice->ended = true;
        return result;
    }
    *request = question.request;
    switch (answer.status) {
    case SL_RING_STATUS_OK:
        return 0;
    case SL_RING_STATUS_SERVICE:
        return -ENOENT;
    default:
        return -EBUSY;
    }
}
