/** What the files of lib/control share. */
#ifndef CONTROL_PRIV_H
#define CONTROL_PRIV_H

#include "sl_control.h"

#define CLIENTS_MAX 16
#define COMMAND_MAX 64
#define CLIENT_PATIENCE_NS (5ULL * 1000000000ULL)
/* After an accept that failed for want of descriptors or memory. */
#define LISTEN_AGAIN_NS 100000000ULL
#define REASON_LEN 256

/** One connection: reads a line, then writes the answer as the client takes it. */
struct control_client {
    int fd; /* -1: free */
    uint64_t since_ns;
    char command[COMMAND_MAX];
    size_t command_len;
    char *answer; /* NULL while reading */
    size_t answer_len;
    size_t answer_sent;
};

/** What SIGUSR1 prints, as far as it is not yet written. */
struct control_print {
    char *text; /* NULL: nothing */
    size_t len;
    size_t written;
};

struct sl_control {
    struct sl_control_config config;
    int listen_fd;
    uint64_t listen_again_ns; /* not 0: the listener is left alone until then */
    int signal_fd;
    int epoll_fd;
    struct control_client clients[CLIENTS_MAX];
    struct control_print print;
    uint64_t refusals;        /* of peers, since the start */
    uint64_t refusal_said_ns; /* not 0: when the log last heard of one */
};

/* listen.c: the listening socket, or -errno and the reason. */
int control_listen(const struct sl_control_config *config, char *reason);

/* peers.c: whether this connection may ask; says some of those that may not. */
bool control_admits(struct sl_control *control, int fd, uint64_t now_ns);

/* control.c: answer: also there; or NULL. */
void control_reload(struct sl_control *control, FILE *answer);

/* print.c */
/** Statistics as they are now; nothing where the last ones still wait to be written. */
void control_print_stats(struct sl_control *control);
/** Writes as much as standard error takes at once. */
void control_print_more(struct sl_control *control);
void control_print_end(struct sl_control *control);

/* clients.c */
void control_accept(struct sl_control *control, uint64_t now_ns);
/** Looks at the listener again, if it was left alone for long enough. */
void control_listen_again(struct sl_control *control, uint64_t now_ns);
void control_serve(struct sl_control *control, struct control_client *client);
void control_close_client(struct control_client *client);
/** Closes those who take too long. */
void control_expire_clients(struct sl_control *control, uint64_t now_ns);

#endif
