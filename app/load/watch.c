#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "watch.h"

#define LOOK_NS 20000000ULL
#define SAME_SIGNAL_NS 100000000ULL
#define LINE_NS 1000000000ULL
/** An interval shorter than this has no rate worth a point. */
#define POINT_MIN_NS 10000000ULL

struct watch *watch_create(struct engines *engines, struct series *series, double interval_s,
                           FILE *out, char *reason)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    struct watch *watch = calloc(1, sizeof *watch);
    int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (watch == NULL || fd < 0) {
        snprintf(reason, SETTINGS_REASON_LEN, "can't wait for signals: %s",
                 watch == NULL ? "no memory" : strerror(errno));
        free(watch);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    watch->engines = engines;
    watch->series = series;
    watch->signal_fd = fd;
    watch->interval_ns = (uint64_t)(1e9 * interval_s);
    live_init(&watch->live, out);
    watch->begin_ns = watch->point_ns = watch->line_ns = watch->answer_ns = engines_now_ns();
    return watch;
}

void watch_destroy(struct watch *watch)
{
    if (watch == NULL)
        return;
    live_end_line(&watch->live);
    close(watch->signal_fd);
    free(watch);
}

double watch_seconds(const struct watch *watch)
{
    return (double)(engines_now_ns() - watch->begin_ns) / 1e9;
}

static struct series_point point_since(const struct watch *watch, const struct sl_load_stats *since,
                                       uint64_t since_ns, uint64_t now_ns)
{
    struct series_point point = series_point_of(since, &watch->now);
    point.at_s = (double)(now_ns - watch->begin_ns) / 1e9;
    point.span_s = (double)(now_ns - since_ns) / 1e9;
    point.phase = watch->phase;
    return point;
}

static void add_point(struct watch *watch, uint64_t now_ns)
{
    struct series_point point = point_since(watch, &watch->point, watch->point_ns, now_ns);
    /* Without memory for it the point is missing; what is measured goes on. */
    if (series_add(watch->series, &point)) {
        watch->point = watch->now;
        watch->point_ns = now_ns;
    }
}

static void show_line(struct watch *watch, uint64_t now_ns)
{
    struct series_point point = point_since(watch, &watch->line, watch->line_ns, now_ns);
    live_show(&watch->live, &point, series_errors(&watch->now));
    watch->line = watch->now;
    watch->line_ns = now_ns;
}

/** Reads the counters, and sees what comes back. */
static void look(struct watch *watch, uint64_t now_ns)
{
    uint64_t answers = watch->now.counters[SL_LOAD_ECHOED] + watch->now.counters[SL_LOAD_LATE];
    engines_read_stats(watch->engines, &watch->now);
    const uint64_t *counters = watch->now.counters;
    if (counters[SL_LOAD_ECHOED] + counters[SL_LOAD_LATE] != answers) {
        watch->answer_ns = now_ns;
        watch->sent_at_answer = counters[SL_LOAD_SENT];
    }
    if (now_ns >= watch->point_ns + watch->interval_ns)
        add_point(watch, now_ns);
    if (now_ns >= watch->line_ns + LINE_NS)
        show_line(watch, now_ns);
}

void watch_begin_phase(struct watch *watch, enum phase phase)
{
    uint64_t now_ns = engines_now_ns();
    look(watch, now_ns);
    if (now_ns >= watch->point_ns + POINT_MIN_NS)
        add_point(watch, now_ns);
    watch->phase = phase;
}

/** return whether a signal came within so long. One that follows another at once is the same wish:
 * timeout(1) sends to the process and then to its group. */
static bool wait_for_signal(struct watch *watch, uint64_t timeout_ns)
{
    struct signalfd_siginfo info;
    struct pollfd poll_fd = {.fd = watch->signal_fd, .events = POLLIN};
    struct timespec timeout = {.tv_nsec = (long)timeout_ns};
    if (ppoll(&poll_fd, 1, &timeout, NULL) <= 0 ||
        read(watch->signal_fd, &info, sizeof info) != sizeof info)
        return false;
    uint64_t now_ns = engines_now_ns();
    bool is_another = now_ns >= watch->signal_ns + SAME_SIGNAL_NS;
    watch->signal_ns = now_ns;
    return is_another;
}

enum wake watch_until(struct watch *watch, uint64_t until_ns, bool until_done)
{
    for (;;) {
        uint64_t now_ns = engines_now_ns();
        bool is_done = until_done && engines_are_done(watch->engines);
        look(watch, now_ns);
        if (is_done)
            return WAKE_DONE;
        if (now_ns >= until_ns)
            return WAKE_TIME;
        uint64_t left_ns = until_ns - now_ns;
        if (wait_for_signal(watch, left_ns < LOOK_NS ? left_ns : LOOK_NS))
            return WAKE_SIGNAL;
    }
}
