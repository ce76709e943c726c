/** sluice-echo: sends every message of a service's sessions back to where it came from. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "client.h"

#define BURST 64
/** Bursts between two looks at whether a signal has come: each is a system call. */
#define BURSTS_PER_LOOK 1024

struct echo {
    struct client client;
    bool confirm_moves;
    bool spin;
    uint64_t opened, closed, received, echoed, dropped, refused, moved;
};

static const char usage[] =
    "usage: sluice-echo [options] SERVICE\n"
    "Sends every message of the service's DTLS sessions back to its sender.\n"
    "\n"
    "  -s, --socket PATH   the gateway's consumer_socket (default " SLUICE_DEFAULT_SOCKET ")\n"
    "      --once          end with the gateway instead of waiting for the next one\n"
    "      --confirm-moves believe every new address of a peer at once\n"
    "      --spin          never sleep: a processor for lower latency\n"
    "  -h, --help          show this text\n"
    "  -V, --version       show the version\n";

static void handle(struct echo *echo, const struct sluice_event *event)
{
    int result;
    switch (event->kind) {
    case SLUICE_DATA:
        echo->received++;
        /* A full ring is no reason to wait: messages that come meanwhile would be lost instead. */
        result = sluice_send(echo->client.sluice, event->session, event->data, event->data_len);
        echo->echoed += result == 0;
        echo->dropped += result != 0;
        break;
    case SLUICE_MOVED:
        echo->moved++;
        if (!event->confirmed && echo->confirm_moves)
            (void)sluice_confirm_move(echo->client.sluice, event->session, event->address,
                                      event->port);
        break;
    case SLUICE_OPEN:
        echo->opened++;
        break;
    case SLUICE_CLOSE:
        echo->closed++;
        break;
    case SLUICE_FAILED: /* of a request, and it makes none */
        break;
    case SLUICE_REFUSED:
        echo->refused++;
        break;
    }
}

/** return how many events there were, or -EPIPE. */
static int echo_burst(struct echo *echo)
{
    struct sluice_event events[BURST];
    int count = sluice_receive(echo->client.sluice, events, BURST);
    for (int i = 0; i < count; i++)
        handle(echo, &events[i]);
    if (count > 0)
        sluice_flush(echo->client.sluice);
    return count;
}

/** return 0 when stopped, or -errno. */
static int run(struct echo *echo)
{
    int result = client_connect(&echo->client);
    while (result >= 0) {
        unsigned bursts = 0;
        do
            result = echo_burst(echo);
        while (++bursts < BURSTS_PER_LOOK && (result > 0 || (result == 0 && echo->spin)));
        if (result == 0)
            result = echo->spin ? (client_is_stopped() ? -EINTR : 1) : client_wait(&echo->client);
        else if (client_is_stopped())
            result = -EINTR;
        if (result == -EPIPE)
            result = client_reconnect(&echo->client);
    }
    return result == -EINTR ? 0 : result;
}

enum { CONFIRM_MOVES = CLIENT_OWN, SPIN };

static void take_option(void *arg, int option, const char *value)
{
    struct echo *echo = arg;
    (void)value;
    echo->confirm_moves |= option == CONFIRM_MOVES;
    echo->spin |= option == SPIN;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {CLIENT_OPTIONS,
                                            {"confirm-moves", no_argument, NULL, CONFIRM_MOVES},
                                            {"spin", no_argument, NULL, SPIN},
                                            {0}};
    struct echo echo = {.client = {.program = "sluice-echo"}};
    client_parse(&echo.client, &(struct client_options){options, usage, take_option, &echo}, argc,
                 argv);
    client_catch_signals();
    int result = run(&echo);
    sluice_disconnect(echo.client.sluice);
    printf("sluice-echo: %" PRIu64 " received, %" PRIu64 " echoed, %" PRIu64 " dropped, %" PRIu64
           " refused; sessions: %" PRIu64 " opened, %" PRIu64 " closed, %" PRIu64 " moved\n",
           echo.received, echo.echoed, echo.dropped, echo.refused, echo.opened, echo.closed,
           echo.moved);
    return result == 0 ? 0 : 1;
}
