/** sluice-echo: sends every message of a service's sessions back to where it came from. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

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

static int parse(struct echo *echo, int argc, char **argv)
{
    enum { ONCE = 256, CONFIRM_MOVES, SPIN };
    static const struct option options[] = {{"socket", required_argument, NULL, 's'},
                                            {"once", no_argument, NULL, ONCE},
                                            {"confirm-moves", no_argument, NULL, CONFIRM_MOVES},
                                            {"spin", no_argument, NULL, SPIN},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'V'},
                                            {0}};
    for (int option; (option = getopt_long(argc, argv, "s:hV", options, NULL)) != -1;) {
        switch (option) {
        case 's':
            echo->client.socket_path = optarg;
            break;
        case ONCE:
            echo->client.once = true;
            break;
        case CONFIRM_MOVES:
            echo->confirm_moves = true;
            break;
        case SPIN:
            echo->spin = true;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        case 'V':
            printf("sluice-echo %s\n", sluice_version());
            exit(0);
        default:
            return -EINVAL;
        }
    }
    if (optind != argc - 1)
        return -EINVAL;
    echo->client.service = argv[optind];
    return 0;
}

int main(int argc, char **argv)
{
    struct echo echo = {.client = {.program = "sluice-echo"}};
    if (parse(&echo, argc, argv) != 0) {
        fputs(usage, stderr);
        return CLIENT_EXIT_USAGE;
    }
    client_catch_signals();
    int result = run(&echo);
    sluice_disconnect(echo.client.sluice);
    printf("sluice-echo: %" PRIu64 " received, %" PRIu64 " echoed, %" PRIu64 " dropped, %" PRIu64
           " refused; sessions: %" PRIu64 " opened, %" PRIu64 " closed, %" PRIu64 " moved\n",
           echo.received, echo.echoed, echo.dropped, echo.refused, echo.opened, echo.closed,
           echo.moved);
    return result == 0 ? 0 : 1;
}
