#include "client.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "options, all NAME=VALUE:\n"
    "  host port        of the server: an IPv4 or IPv6 address, a UDP port\n"
    "  ca               certificates to trust, PEM\n"
    "  cert key         own certificate and key, PEM (default: none)\n"
    "  name             that the server's certificate must carry (default localhost)\n"
    "  cid              connection ID to offer, in hex; off: none (default off)\n"
    "  suite            the only cipher suite to offer, in the library's spelling\n"
    "  messages         to send and have echoed (default 5)\n"
    "  size             of each: N, or MIN-MAX to go through all sizes (default 32)\n"
    "  window           messages in flight (default 1)\n"
    "  rebind           number of the message before which the local port changes\n"
    "  close            notify, silent, or wait: until the server closes (default notify)\n"
    "  close_wait_ms    how long to wait for that (default 10000)\n"
    "  resend_ms tries  a lost message is sent again (default 400, 10)\n"
    "  mtu              largest datagram of a handshake (default 1400)\n"
    "  keylog           file for the secrets, for tshark\n";

static struct addrinfo *server;
static int client_fd = -1;
static const struct client_tls *client_tls;

static const char *option(int argc, char **argv, const char *name, const char *otherwise)
{
    size_t len = strlen(name);
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], name, len) == 0 && argv[i][len] == '=')
            return argv[i] + len + 1;
    }
    return otherwise;
}

static unsigned number(int argc, char **argv, const char *name, unsigned otherwise)
{
    const char *text = option(argc, argv, name, NULL);
    return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static int known(const char *argument)
{
    const char *equals = strchr(argument, '=');
    static const char *const names[] = {"host",   "port",   "ca",    "cert",          "key",
                                        "name",   "cid",    "suite", "messages",      "size",
                                        "window", "rebind", "close", "close_wait_ms", "resend_ms",
                                        "tries",  "mtu",    "keylog"};
    for (size_t i = 0; equals && i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == (size_t)(equals - argument) &&
            strncmp(names[i], argument, strlen(names[i])) == 0)
            return 1;
    }
    return 0;
}

static int parse_options(int argc, char **argv, struct client_options *out)
{
    for (int i = 1; i < argc; i++) {
        if (!known(argv[i]))
            return -EINVAL;
    }
    *out = (struct client_options){
        .host = option(argc, argv, "host", "127.0.0.1"),
        .port = option(argc, argv, "port", "4444"),
        .ca = option(argc, argv, "ca", NULL),
        .cert = option(argc, argv, "cert", NULL),
        .key = option(argc, argv, "key", NULL),
        .name = option(argc, argv, "name", "localhost"),
        .cid = option(argc, argv, "cid", "off"),
        .suite = option(argc, argv, "suite", NULL),
        .keylog = option(argc, argv, "keylog", NULL),
        .plan = {.messages = number(argc, argv, "messages", 5),
                 .window = number(argc, argv, "window", 1),
                 .rebind = number(argc, argv, "rebind", 0),
                 .resend_ms = (int)number(argc, argv, "resend_ms", 400),
                 .tries = number(argc, argv, "tries", 10)},
        .close_wait_ms = (int)number(argc, argv, "close_wait_ms", 10000),
        .mtu = number(argc, argv, "mtu", 1400),
    };
    const char *size = option(argc, argv, "size", "32");
    if (sscanf(size, "%u-%u", &out->plan.size_min, &out->plan.size_max) == 1)
        out->plan.size_max = out->plan.size_min;
    const char *end = option(argc, argv, "close", "notify");
    out->close = strcmp(end, "silent") == 0 ? CLIENT_CLOSE_SILENT
                 : strcmp(end, "wait") == 0 ? CLIENT_CLOSE_WAIT
                                            : CLIENT_CLOSE_NOTIFY;
    bool sane = out->ca && out->plan.size_min >= 1 && out->plan.size_min <= out->plan.size_max &&
                out->plan.size_max <= ECHO_SIZE_MAX && out->plan.window >= 1 &&
                out->plan.window <= ECHO_WINDOW_MAX && !out->cert == !out->key;
    return sane ? 0 : -EINVAL;
}

static int open_socket(void)
{
    int fd = socket(server->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, server->ai_addr, server->ai_addrlen) != 0) {
        perror("connect");
        exit(2);
    }
    return fd;
}

/* dup2 keeps the number, so that whoever holds the descriptor follows without being told. */
static void rebind_socket(void *arg)
{
    (void)arg;
    int fresh = open_socket(); /* while the old one is open, so the port differs */
    if (dup2(fresh, client_fd) < 0) {
        perror("dup2");
        exit(2);
    }
    close(fresh);
    printf("REBOUND to another local port\n");
    if (client_tls->rebind)
        client_tls->rebind(client_fd);
}

static void wait_for_close(const struct client_options *options)
{
    char data[16384];
    struct timespec start, now;
    int got = 0;
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        got = client_tls->receive(NULL, data, sizeof data, 100);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (got >= 0 && (now.tv_sec - start.tv_sec) * 1000 < options->close_wait_ms);
    printf(got == -EPIPE ? "CLOSED by the server\n" : "NOT CLOSED by the server\n");
    if (got != -EPIPE)
        exit(1);
}

static int finish(const struct client_options *options, int error, const struct echo_result *result)
{
    printf("ECHOED %u of %u equal, %u different, %u resent, %u repeated, %llu ms\n", result->equal,
           options->plan.messages, result->different, result->resent, result->repeated,
           (unsigned long long)result->elapsed_ms);
    if (error) {
        printf("FAILED: %s\n",
               error == -EPIPE ? "the server closed the connection" : strerror(-error));
        return 1;
    }
    if (options->close == CLIENT_CLOSE_WAIT)
        wait_for_close(options);
    if (options->close == CLIENT_CLOSE_NOTIFY)
        client_tls->close_notify();
    return 0;
}

int client_main(int argc, char **argv, const struct client_tls *tls)
{
    struct client_options options;
    struct echo_result result;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (parse_options(argc, argv, &options) != 0) {
        fputs(usage, stderr);
        return 2;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    if (getaddrinfo(options.host, options.port, &hints, &server) != 0) {
        fprintf(stderr, "bad host or port\n");
        return 2;
    }
    client_tls = tls;
    client_fd = open_socket();
    if (tls->connect(&options, client_fd) != 0)
        return 3;
    const struct echo_transport transport = {
        .send = tls->send, .receive = tls->receive, .rebind = rebind_socket};
    int error = echo_run(&options.plan, &transport, &result);
    return finish(&options, error, &result);
}
