/**
 * Messages for an echo server, several in flight, each proved to come back whole. What both test
 * clients do once their handshake is over; knows no protocol.
 */
#ifndef ECHO_LOAD_H
#define ECHO_LOAD_H

#include <stddef.h>
#include <stdint.h>

#define ECHO_SIZE_MAX 1350
#define ECHO_WINDOW_MAX 256

/** What carries the messages; `arg` is the caller's own. */
struct echo_transport {
    void *arg;
    /** return 0, or -errno: the connection is of no more use. */
    int (*send)(void *arg, const void *data, size_t len);
    /** Waits up to timeout_ms for one message. return its length, 0 on a timeout, -EPIPE when the
     * server closed the connection, or another -errno. */
    int (*receive)(void *arg, void *data, size_t len, int timeout_ms);
    /** Called before message `rebind` is sent; may be NULL. */
    void (*rebind)(void *arg);
};

struct echo_plan {
    unsigned messages;
    unsigned size_min, size_max; /* every size in between comes up equally often */
    unsigned window;             /* messages in flight, 1..ECHO_WINDOW_MAX */
    unsigned rebind;             /* number of a message, or 0: never */
    int resend_ms;               /* after which a message without its echo is sent again */
    unsigned tries;              /* times that a message is sent */
};

struct echo_result {
    unsigned equal;     /* echoes that were what was sent */
    unsigned different; /* messages that were never sent */
    unsigned repeated;  /* echoes of an echo's message sent twice */
    unsigned resent;
    uint64_t elapsed_ms;
};

/** Message `number` of a plan. buffer [ECHO_SIZE_MAX]. return its length. */
size_t echo_message(const struct echo_plan *plan, unsigned number, uint8_t *buffer);

/**
 * Sends all messages and collects their echoes; stops at the first message that is not an echo.
 * return 0 when all came back equal; -EBADMSG, -ETIMEDOUT, or what the transport said.
 */
int echo_run(const struct echo_plan *plan, const struct echo_transport *transport,
             struct echo_result *result);

#endif
