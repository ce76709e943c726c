/** What the consumers shipped with Sluice have in common: arguments, signals, coming and going. */
#ifndef CLIENT_H
#define CLIENT_H

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
