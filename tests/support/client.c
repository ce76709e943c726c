#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const struct {
    const char *name, *otherwise, *help;
} options_known[] = {
    {"host", "127.0.0.1", "of the server: an IPv4 or IPv6 address"},
    {"port", "4433", "of the server, UDP"},
    {"local_port", "0", "to send from; 0: any"},
    {"ca", NULL, "certificates to trust, PEM"},
    {"cert", NULL, "own certificate, PEM"},
    {"key", NULL, "its key, PEM"},
    {"name", "localhost", "that the server's certificate must carry"},
    {"cid", "off", "connection ID to offer, in hex; empty: none for us; off: no offer"},
    {"suite", NULL, "the only cipher suite to offer, in the library's spelling"},
    {"psk", NULL, "pre-shared key, IDENTITY:KEY in hex (mbedtls_client)"},
    {"messages", "5", "to send and have echoed"},
    {"size", "32", "of each: N, or MIN-MAX to go through all sizes"},
    {"window", "1", "messages in flight"},
    {"rebind", "0", "number of the message before which the local port changes; 0: never"},
    {"close", "notify", "notify; silent; or wait, until the server closes"},
    {"close_wait_ms", "10000", "how long to wait for that"},
    {"resend_ms", "400", "a message without its echo is sent again after this"},
    {"tries", "10", "how often a message is sent at most"},
    {"mtu", "1400", "largest datagram of a handshake"},
    {"keylog", NULL, "file for the secrets, for tshark"},
    {"session", NULL, "file to resume a session from, if it is there, and to keep the next one in"},
};
static const size_t options_known_count = sizeof options_known / sizeof options_known[0];

static struct addrinfo *server;
static int client_fd = -1;

static int usage(void)
{
    fputs("options, all NAME=VALUE:\n", stderr);
    for (size_t i = 0; i < options_known_count; i++)
        fprintf(stderr, "  %-14s %s (%s)\n", options_known[i].name, options_known[i].help,
                options_known[i].otherwise ? options_known[i].otherwise : "none");
    return 2;
}

static bool is_option(const char *argument, const char *name)
{
    size_t len = strlen(name);
    return strncmp(argument, name, len) == 0 && argument[len] == '=';
}

static bool all_known(int argc, char **argv)
{
    int known = 0;
    for (int i = 1; i < argc; i++) {
        for (size_t k = 0; k < options_known_count; k++)
            known += is_option(argv[i], options_known[k].name);
    }
    return known == argc - 1;
}

static const char *option(int argc, char **argv, const char *name)
{
    for (int i = argc - 1; i > 0; i--) { /* the last one given counts */
        if (is_option(argv[i], name))
            return argv[i] + strlen(name) + 1;
    }
    for (size_t k = 0; k < options_known_count; k++) {
        if (strcmp(options_known[k].name, name) == 0)
            return options_known[k].otherwise;
    }
    return NULL;
}

static unsigned number(int argc, char **argv, const char *name)
{
    return (unsigned)strtoul(option(argc, argv, name), NULL, 10);
}

static int parse_options(int argc, char **argv, struct client_options *out)
{
    if (!all_known(argc, argv))
        return -EINVAL;
    *out = (struct client_options){
        .host = option(argc, argv, "host"),
        .port = option(argc, argv, "port"),
        .local_port = (uint16_t)number(argc, argv, "local_port"),
        .ca = option(argc, argv, "ca"),
        .cert = option(argc, argv, "cert"),
        .key = option(argc, argv, "key"),
        .name = option(argc, argv, "name"),
        .cid = option(argc, argv, "cid"),
        .suite = option(argc, argv, "suite"),
        .psk = option(argc, argv, "psk"),
        .keylog = option(argc, argv, "keylog"),
        .session = option(argc, argv, "session"),
        .plan = {.messages = number(argc, argv, "messages"),
                 .window = number(argc, argv, "window"),
                 .rebind = number(argc, argv, "rebind"),
                 .resend_ms = (int)number(argc, argv, "resend_ms"),
                 .tries = number(argc, argv, "tries")},
        .close_wait_ms = (int)number(argc, argv, "close_wait_ms"),
        .mtu = number(argc, argv, "mtu"),
    };
    const char *size = option(argc, argv, "size");
    if (sscanf(size, "%u-%u", &out->plan.size_min, &out->plan.size_max) == 1)
        out->plan.size_max = out->plan.size_min;
    const char *end = option(argc, argv, "close");
    out->close = strcmp(end, "silent") == 0 ? CLIENT_CLOSE_SILENT
                 : strcmp(end, "wait") == 0 ? CLIENT_CLOSE_WAIT
                                            : CLIENT_CLOSE_NOTIFY;
    bool sane = out->ca && out->plan.size_min >= 1 && out->plan.size_min <= out->plan.size_max &&
                out->plan.size_max <= ECHO_SIZE_MAX && out->plan.window >= 1 &&
                out->plan.window <= ECHO_WINDOW_MAX && !out->cert == !out->key;
    return sane ? 0 : -EINVAL;
}

static int open_socket(uint16_t local_port)
{
    int fd = socket(server->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 local = {.sin6_family = (sa_family_t)server->ai_family,
                                 .sin6_port = htons(local_port)}; /* as in sockaddr_in */
    if (fd < 0 || bind(fd, (struct sockaddr *)&local, server->ai_addrlen) != 0 ||
        connect(fd, server->ai_addr, server->ai_addrlen) != 0) {
        perror("connect");
        exit(2);
    }
    return fd;
}

/* dup2 keeps the number, so that whoever holds the descriptor follows without being told. */
static void rebind_socket(void *arg)
{
    (void)arg;
    int fresh = open_socket(0); /* while the old one is open, so the port differs */
    if (dup2(fresh, client_fd) < 0) {
        perror("dup2");
        exit(2);
    }
    close(fresh);
    printf("REBOUND to another local port\n");
}

static void wait_for_close(const struct client_options *options, const struct client_tls *tls)
{
    char data[16384];
    struct timespec start, now;
    int got = 0;
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        got = tls->receive(NULL, data, sizeof data, 100);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (got >= 0 && (now.tv_sec - start.tv_sec) * 1000 < options->close_wait_ms);
    printf(got == -EPIPE ? "CLOSED by the server\n" : "NOT CLOSED by the server\n");
    if (got != -EPIPE)
        exit(1);
}

static int finish(const struct client_options *options, const struct client_tls *tls, int error,
                  const struct echo_result *result)
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
        wait_for_close(options, tls);
    if (options->close == CLIENT_CLOSE_NOTIFY)
        tls->close_notify();
    return 0;
}

int client_main(int argc, char **argv, const struct client_tls *tls)
{
    struct client_options options;
    struct echo_result result;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (parse_options(argc, argv, &options) != 0)
        return usage();
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    if (getaddrinfo(options.host, options.port, &hints, &server) != 0) {
        fprintf(stderr, "bad host or port\n");
        return 2;
    }
    client_fd = open_socket(options.local_port);
    if (tls->connect(&options, client_fd) != 0)
        return 3;
    const struct echo_transport transport = {
        .send = tls->send, .receive = tls->receive, .rebind = rebind_socket};
    int error = echo_run(&options.plan, &transport, &result);
    return finish(&options, tls, error, &result);
}
