#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "control_priv.h"

#define POLL_MS 10
#define EVENTS_MAX 8
#define LOG_LINE_LEN 4096

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
}

static sigset_t handled_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    return set;
}

void sl_control_block_signals(void)
{
    sigset_t set = handled_signals();
    sigaddset(&set, SIGPIPE);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static bool watch(struct sl_control *control, int fd, void *tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};
    return fd < 0 || epoll_ctl(control->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

int sl_control_create(const struct sl_control_config *config, struct sl_control **out, char *reason)
{
    struct sl_control *control = calloc(1, sizeof *control);
    if (control == NULL) {
        snprintf(reason, REASON_LEN, "out of memory");
        return -ENOMEM;
    }
    control->config = *config;
    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        control->clients[i].fd = -1;
    control->listen_fd = control_listen(config, reason);
    if (control->listen_fd < 0) {
        int error = control->listen_fd;
        free(control);
        return error;
    }
    sigset_t set = handled_signals();
    control->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    control->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (control->signal_fd < 0 || control->epoll_fd < 0 ||
        !watch(control, control->listen_fd, &control->listen_fd) ||
        !watch(control, control->signal_fd, &control->signal_fd) ||
        !watch(control, config->target.fd, NULL)) {
        int error = errno;
        snprintf(reason, REASON_LEN, "can't watch signals and sockets: %s", strerror(error));
        sl_control_destroy(control);
        return -error;
    }
    *out = control;
    return 0;
}

void sl_control_destroy(struct sl_control *control)
{
    if (control == NULL)
        return;
    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        if (control->clients[i].fd >= 0)
            control_close_client(&control->clients[i]);
    control_print_end(control);
    unlink(control->config.socket_path);
    close(control->listen_fd);
    if (control->signal_fd >= 0)
        close(control->signal_fd);
    if (control->epoll_fd >= 0)
        close(control->epoll_fd);
    free(control);
}

/** The log has it in either case: an operator may have asked, or a program. */
static void log_lines(const struct sl_control *control, const char *text)
{
    static const char error[] = "error: ";
    const bool is_refused = strncmp(text, error, strlen(error)) == 0;
    void (*log)(const char *line) = is_refused ? control->config.warn : control->config.log;
    char line[LOG_LINE_LEN];
    if (is_refused)
        text += strlen(error);
    for (size_t len; *text != '\0'; text += len + (text[len] == '\n')) {
        len = strcspn(text, "\n");
        snprintf(line, sizeof line, "%s%.*s", is_refused ? "reload refused: " : "", (int)len, text);
        log(line);
    }
}

void control_reload(struct sl_control *control, FILE *answer)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return;
    control->config.target.reload(control->config.target.arg, out);
    if (fclose(out) == 0) {
        log_lines(control, text);
        if (answer != NULL)
            fputs(text, answer);
    }
    free(text);
}

/** true when a signal asks to stop. */
static bool handle_signals(struct sl_control *control)
{
    struct signalfd_siginfo info;
    bool stop = false;
    while (read(control->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGUSR1)
            control_print_stats(control);
        else if (info.ssi_signo == SIGHUP)
            control_reload(control, NULL);
        else
            stop = true;
    }
    return stop;
}

/** One turn of the loop: waits a moment, serves whoever is there, polls the target. */
static bool turn(struct sl_control *control)
{
    struct epoll_event events[EVENTS_MAX];
    bool stop = false;
    int n = epoll_wait(control->epoll_fd, events, EVENTS_MAX, POLL_MS);
    uint64_t now_ns = now();
    for (int i = 0; i < n; i++) {
        void *tag = events[i].data.ptr;
        if (tag == &control->listen_fd)
            control_accept(control, now_ns);
        else if (tag == &control->signal_fd)
            stop |= handle_signals(control);
        else if (tag != NULL && ((struct control_client *)tag)->fd >= 0)
            control_serve(control, tag);
    }
    control_print_more(control);
    control_expire_clients(control, now_ns);
    control_listen_again(control, now_ns);
    control->config.target.poll(control->config.target.arg, now_ns);
    return stop;
}

int sl_control_run(struct sl_control *control)
{
    const struct sl_control_target *target = &control->config.target;
    while (!turn(control))
        ;
    control->config.log("stopping: closing all sessions");
    target->stop(target->arg);
    uint64_t deadline = now() + (uint64_t)control->config.stop_ms * 1000000ULL;
    while (!target->is_stopped(target->arg) && now() < deadline)
        turn(control);
    return target->is_stopped(target->arg) ? 0 : 1;
}
