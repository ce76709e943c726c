/**
 * The control thread's loop: the control socket that operators speak to, signals, and whatever the
 * gateway has to be polled for. Knows nothing of what it controls but a few calls.
 *
 * The socket's protocol: one connection a command: a line "stats", "stats json", "consumers",
 * "connections", "reconnect NAME", "access", "certificates", "forged", "reload" or "version" in;
 * the answer out, then the end. An answer has a byte at least
 * ("none" when there is nothing to say). An unknown command, or one too many at once, is answered
 * with "error: ...". Only root, the user that the process runs as, and members of a group that is
 * named get an answer: the kernel says who connected (SO_PEERCRED, unix(7)). Others see the end at
 * once, and the log says so, one line in ten seconds.
 */
#ifndef SL_CONTROL_H
#define SL_CONTROL_H

#include <signal.h>
#include <stdio.h>
#include <sys/types.h>

#include "sl_base.h"

/** What is controlled. All calls come from the thread that runs sl_control_run. */
struct sl_control_target {
    void *arg;
    int fd;                                   /* poll when readable; -1: none */
    void (*poll)(void *arg, uint64_t now_ns); /* at least every 10 ms */
    void (*print_stats)(void *arg, FILE *out, bool as_json);
    void (*print_consumers)(void *arg, FILE *out);
    void (*print_connections)(void *arg, FILE *out);
    /** return the answer; "error: .." where nothing comes of it. */
    const char *(*reconnect)(void *arg, const char *name);
    void (*print_access)(void *arg, FILE *out);
    void (*print_certificates)(void *arg, FILE *out);
    void (*print_forged)(void *arg, FILE *out);
    /** Reads the configuration again, and says in lines, which are logged too, what came of it;
     * what it refuses begins with "error: ", and has changed nothing. */
    void (*reload)(void *arg, FILE *out);
    void (*stop)(void *arg); /* begin to stop; poll goes on */
    bool (*is_stopped)(void *arg);
};

struct sl_control_config {
    const char *socket_path; /* mode 0600; a stale one is replaced, a live one refused */
    bool has_group;          /* its members may ask too: the socket is the group's, mode 0660 */
    gid_t group;
    const char *version;
    unsigned stop_ms; /* how long to wait for is_stopped after a signal */
    void (*log)(const char *line);
    void (*warn)(const char *line); /* of what somebody has to see to: a reload that is refused */
    struct sl_control_target target;
};

struct sl_control;

/** Blocks SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGPIPE in the calling thread: before other threads
 * exist.
 */
void sl_control_block_signals(void);

/** return 0 and *out, or -errno and reason[256]: one sentence that says what to do. */
int sl_control_create(const struct sl_control_config *config, struct sl_control **out,
                      char *reason) SL_MUST_USE;
void sl_control_destroy(struct sl_control *control);

/**
 * Serves until SIGTERM or SIGINT; SIGHUP reloads; SIGUSR1 prints
 * statistics to standard error, as fast as it is read: a signal that comes before the last
 * statistics are written whole prints nothing more. return 0 when the target stopped, 1 when it did
 * not within stop_ms.
 */
int sl_control_run(struct sl_control *control);

#endif
