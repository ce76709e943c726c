/* What happened, in sentences for people. */
#include <stdio.h>

#include "connect_priv.h"
#include "sl_handshake.h"

static_assert(SL_REASON_LEN <= SL_CONNECT_REASON_LEN, "one buffer for both");

static const char *const close_texts[] = {
    [SL_CLOSE_PEER] = "the server closed the session",
    [SL_CLOSE_IDLE] = "the session was idle too long",
    [SL_CLOSE_CONSUMER] = "the consumer closed the session",
    [SL_CLOSE_REPLACED] = "another session has taken its place",
    [SL_CLOSE_LIMIT] = "its keys have reached their usage limit",
    [SL_CLOSE_SHUTDOWN] = "the gateway is stopping",
    [SL_CLOSE_EXPIRED] = "the server's certificate is not valid any more",
    [SL_CLOSE_DENIED] = "the server's address has been denied",
};

static const char *text_of_close(uint8_t reason)
{
    const size_t count = sizeof close_texts / sizeof *close_texts;
    return reason < count && close_texts[reason] != NULL ? close_texts[reason]
                                                         : "the session has ended";
}

void connect_describe_down(const struct sl_message_down *down, char *reason)
{
    const char *text = "the session has ended";
    switch ((enum sl_down_cause)down->cause) {
    case SL_DOWN_NO_SLOT:
        text = "the worker's session table is full; raise sessions";
        break;
    case SL_DOWN_TUPLE_TAKEN:
        text = "another session has the same addresses and ports";
        break;
    case SL_DOWN_HANDSHAKER_BUSY:
        text = "the handshake threads have too much to do";
        break;
    case SL_DOWN_STOPPING:
        text = "the gateway is stopping";
        break;
    case SL_DOWN_DENIED:
        text = connect_denied;
        break;
    case SL_DOWN_CLOSED:
        text = text_of_close(down->close_reason);
        break;
    case SL_DOWN_ABORTED:
        sl_handshake_describe_abort(&down->abort, reason);
        return;
    }
    snprintf(reason, SL_CONNECT_REASON_LEN, "%s", text);
}
