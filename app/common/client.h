/** What the consumers shipped with Sluice have in common: arguments, signals, coming and going. */
#ifndef CLIENT_H
#define CLIENT_H

#include <getopt.h>
#include <stdbool.h>

#include "sluice.h"

#define CLIENT_EXIT_USAGE 2

struct client {
    const char *program;
    const char *socket_path; /* NULL: the default */
    const char *service;
    bool once; /* end with the gateway instead of waiting for the next one */
    struct sluice *sluice;
};

/** What each of them takes, at the head of a program's own options, which count from CLIENT_OWN. */
enum { CLIENT_ONCE = 256, CLIENT_OWN };
#define CLIENT_OPTIONS                                                                             \
    {"socket", required_argument, NULL, 's'}, {"once", no_argument, NULL, CLIENT_ONCE},            \
        {"help", no_argument, NULL, 'h'},                                                          \
    {                                                                                              \
        "version", no_argument, NULL, 'V'                                                          \
    }
struct client_options {
    const struct option *options; /* ends with zeros, as getopt_long wants it */
    const char *usage;
    void (*take)(void *arg, int option, const char *value); /* one of the program's own */
    void *arg;
};
/** The command line: options and a service. Help and version end the program; so does what is
 * wrong, with the usage on standard error. */
void client_parse(struct client *client, const struct client_options *options, int argc,
                  char **argv);

/** SIGINT and SIGTERM ask for a stop from now on; they are delivered in client_wait only. */
void client_catch_signals(void);
/** Looks, without waiting, whether a stop was asked for. */
bool client_is_stopped(void);

/**
 * Registers; waits for a gateway that is not there, unless `once`. Says on standard error what it
 * waits for, and why it gives up.
 * return 0 and client->sluice; or -errno; -EINTR when stopped meanwhile.
 */
int client_connect(struct client *client);
/** The gateway has ended: says so, and registers at the next one. As client_connect. */
int client_reconnect(struct client *client);

/** Waits for events or signals. return 1: receive, or -EINTR, or -EPIPE. */
int client_wait(struct client *client);

#endif
