#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"

#define RETRY_MS 200
#define WAIT_S 2 /* at most, before the gateway's heartbeat is looked at again */

static volatile sig_atomic_t stopped;
static sigset_t unblocked; /* the mask outside: in force while we wait */

static __attribute__((noreturn)) void refuse(const char *usage)
{
    fputs(usage, stderr);
    exit(CLIENT_EXIT_USAGE);
}

void client_parse(struct client *client, const struct client_options *options, int argc,
                  char **argv)
{
    for (int option; (option = getopt_long(argc, argv, "s:hV", options->options, NULL)) != -1;) {
        switch (option) {
        case 's':
            client->socket_path = optarg;
            break;
        case CLIENT_ONCE:
            client->once = true;
            break;
        case 'h':
            fputs(options->usage, stdout);
            exit(0);
        case 'V':
            printf("%s %s\n", client->program, sluice_version());
            exit(0);
        case '?':
            refuse(options->usage);
        default:
            options->take(options->arg, option, optarg);
        }
    }
    if (optind != argc - 1)
        refuse(options->usage);
    client->service = argv[optind];
}

static void on_stop(int number)
{
    (void)number;
    stopped = 1;
}

void client_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_stop};
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigprocmask(SIG_BLOCK, &stops, &unblocked);
    sigdelset(&unblocked, SIGINT);
    sigdelset(&unblocked, SIGTERM);
}

/** Signals come in here and nowhere else, so none is lost between a look and a wait. */
static int poll_with_signals(struct pollfd *fds, nfds_t count, struct timespec timeout)
{
    return ppoll(fds, count, &timeout, &unblocked);
}

bool client_is_stopped(void)
{
    poll_with_signals(NULL, 0, (struct timespec){0});
    return stopped;
}

static const char *socket_of(const struct client *client)
{
    return client->socket_path != NULL ? client->socket_path : SLUICE_DEFAULT_SOCKET;
}

static bool is_absence(int error)
{
    return error == -ENOENT || error == -ECONNREFUSED || error == -ETIMEDOUT;
}

static const char *advice_on(int error)
{
    switch (-error) {
    case ENOENT:
    case ECONNREFUSED:
        return "no gateway listens there; start it, or name its consumer_socket with -s";
    case ETIMEDOUT:
        return "the gateway does not answer";
    case EACCES:
        return "permission denied; join the group that consumer_socket belongs to";
    case ENXIO:
        return "the gateway has no such service; see `listeners` in its configuration";
    case EPROTO:
        return "what listens there is no gateway of this version; use programs of one version";
    case EUSERS:
        return "the gateway has no room for another consumer, or not of this user; stop one";
    default:
        return strerror(-error);
    }
}

static void say(const struct client *client, const char *what, const char *advice)
{
    fprintf(stderr, "%s: %s service %s at %s: %s\n", client->program, what, client->service,
            socket_of(client), advice);
}

int client_connect(struct client *client)
{
    bool has_said = false;
    for (;;) {
        int result = sluice_connect(client->socket_path, client->service, &client->sluice);
        if (result == 0) {
            fprintf(stderr, "%s: registered for service %s\n", client->program, client->service);
            return 0;
        }
        if (client_is_stopped())
            return -EINTR;
        if (client->once || !is_absence(result)) {
            say(client, "can't register for", advice_on(result));
            return result;
        }
        if (!has_said)
            say(client, "waiting for", advice_on(result));
        has_said = true;
        poll_with_signals(NULL, 0, (struct timespec){.tv_nsec = RETRY_MS * 1000000L});
    }
}

int client_reconnect(struct client *client)
{
    sluice_disconnect(client->sluice);
    client->sluice = NULL;
    fprintf(stderr, "%s: the gateway has ended, or dropped this program\n", client->program);
    return client->once ? -EPIPE : client_connect(client);
}

int client_wait(struct client *client)
{
    int result = sluice_prepare_wait(client->sluice);
    if (result == 0) {
        struct pollfd p = {.fd = sluice_fd(client->sluice), .events = POLLIN};
        poll_with_signals(&p, 1, (struct timespec){.tv_sec = WAIT_S});
        result = 1;
    }
    return stopped ? -EINTR : result;
}
