/**
 * What the test clients have in common: options, the socket, the order of things. A client is a
 * `struct client_tls`: a handshake, messages, a close, over a datagram socket made here.
 *
 * Options are NAME=VALUE; client.c lists them. Output is one line a step, for scripts and people.
 * Exit status: 0 all as asked; 1 an echo differed or was lost; 2 usage; 3 the handshake failed.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "echo_load.h"

enum client_close {
    CLIENT_CLOSE_NOTIFY, /* send close_notify and end */
    CLIENT_CLOSE_SILENT, /* end without a word */
    CLIENT_CLOSE_WAIT,   /* stay until the server sends close_notify */
};

struct client_options {
    const char *host, *port;
    uint16_t local_port;
    const char *ca, *cert, *key; /* PEM files; cert and key may be NULL: anonymous */
    const char *name;            /* that the server's certificate must carry */
    const char *cid;             /* hex, "" to ask for none in return, "off" not to offer any */
    const char *suite;           /* in the library's own spelling, or NULL: its defaults */
    const char *psk;             /* IDENTITY:KEY in hex, or NULL; not of openssl_client */
    const char *keylog;          /* file to append secrets to, or NULL */
    const char *session;         /* file: resumed from if it is there, and kept in; or NULL */
    struct echo_plan plan;
    enum client_close close;
    int close_wait_ms;
    unsigned mtu;
};

struct client_tls {
    /** return 0; -EPROTO: refused or failed, a sentence is printed. fd is connected. */
    int (*connect)(const struct client_options *options, int fd);
    int (*send)(void *arg, const void *data, size_t len);
    int (*receive)(void *arg, void *data, size_t len, int timeout_ms);
    void (*close_notify)(void);
};

int client_main(int argc, char **argv, const struct client_tls *tls);

#endif
