/* The lookup program's copies, and their supervisor: a process of its own, which nothing of the
 * gateway but its pipes has, so that a program that crashes, or starts slowly, is none of its
 * threads' business. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sl_lookup.h"

#define BACKOFF_FIRST_S 1
#define BACKOFF_MAX_S 30
#define STEADY_S 60 /* one that ran so long is started at once when it dies */

/** One copy: a pipe in each direction, the ends of the program's side and of ours. */
struct copy {
    int stdin_end, stdout_end; /* the supervisor keeps them: what is on its way survives a death */
    int to, from;
    pid_t pid; /* 0: to be started */
    time_t due_s, started_s;
    unsigned backoff_s;
};

struct sl_lookup_programs {
    const char *path;     /* borrowed */
    int leash, leash_end; /* a pipe: while ours is open the supervisor works. A signal would need
                             privileges that the gateway has given up. */
    unsigned count;
    struct copy copies[];
};

static time_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* The supervisor's process. */

static void become_program(const char *path, const struct copy *copy)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (dup2(copy->stdin_end, STDIN_FILENO) < 0 || dup2(copy->stdout_end, STDOUT_FILENO) < 0)
        _exit(126);
    execl(path, path, (char *)NULL);
    dprintf(STDERR_FILENO, "sluice: %s cannot be run: %s\n", path, strerror(errno));
    _exit(127);
}

/**
 * Ends the line that the copy before may have left in the middle, and makes it one that is no
 * answer. false: there is no room now.
 */
static bool end_line(const struct copy *copy)
{
    static const char mark[] = " died\n";
    struct pollfd room = {.fd = copy->stdout_end, .events = POLLOUT};
    return poll(&room, 1, 0) == 1 && (room.revents & POLLOUT) &&
           write(copy->stdout_end, mark, sizeof mark - 1) == sizeof mark - 1;
}

static void start_copy(const struct sl_lookup_programs *programs, struct copy *copy)
{
    bool is_first = copy->started_s == 0;
    copy->due_s = now_s() + BACKOFF_FIRST_S; /* if it can't be now */
    if (!is_first && !end_line(copy))
        return;
    pid_t pid = fork();
    if (pid == 0)
        become_program(programs->path, copy);
    if (pid < 0)
        return;
    copy->pid = pid;
    copy->started_s = now_s();
}

static void note_death(const struct sl_lookup_programs *programs, struct copy *copy, int status)
{
    bool was_steady = now_s() - copy->started_s >= STEADY_S;
    copy->pid = 0;
    copy->backoff_s = was_steady ? 0 : copy->backoff_s == 0 ? BACKOFF_FIRST_S : 2 * copy->backoff_s;
    if (copy->backoff_s > BACKOFF_MAX_S)
        copy->backoff_s = BACKOFF_MAX_S;
    copy->due_s = now_s() + copy->backoff_s;
    dprintf(STDERR_FILENO, "sluice: %s ended (%s %d); started again in %u s\n", programs->path,
            WIFSIGNALED(status) ? "signal" : "status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), copy->backoff_s);
}

static void reap(struct sl_lookup_programs *programs)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (unsigned i = 0; i < programs->count; i++)
            if (programs->copies[i].pid == pid)
                note_death(programs, &programs->copies[i], status);
}

static void end_programs(const struct sl_lookup_programs *programs)
{
    for (unsigned i = 0; i < programs->count; i++)
        if (programs->copies[i].pid > 0)
            kill(programs->copies[i].pid, SIGTERM);
    _exit(0);
}

/** A signal has come. return whether it says to end. */
static bool take_signals(int signals)
{
    struct signalfd_siginfo signal;
    bool ends = false;
    while (read(signals, &signal, sizeof signal) == (ssize_t)sizeof signal)
        ends |= signal.ssi_signo == SIGTERM;
    return ends;
}

static void supervise(struct sl_lookup_programs *programs, int signals)
{
    enum { TURN_MS = 1000 };
    struct pollfd awaited[] = {{.fd = signals, .events = POLLIN}, {.fd = programs->leash_end}};
    for (;;) {
        for (unsigned i = 0; i < programs->count; i++)
            if (programs->copies[i].pid == 0 && programs->copies[i].due_s <= now_s())
                start_copy(programs, &programs->copies[i]);
        poll(awaited, 2, TURN_MS);
        if (take_signals(signals) || (awaited[1].revents & POLLHUP))
            end_programs(programs);
        reap(programs);
    }
}

static bool is_ours(const struct sl_lookup_programs *programs, int fd)
{
    if (fd == programs->leash_end)
        return true;
    for (unsigned i = 0; i < programs->count; i++)
        if (programs->copies[i].stdin_end == fd || programs->copies[i].stdout_end == fd)
            return true;
    return false;
}

/** Of what the gateway has open, nothing stays but what this is for. */
static void close_others(const struct sl_lookup_programs *programs)
{
    long max = sysconf(_SC_OPEN_MAX);
    for (int fd = STDERR_FILENO + 1; fd < (max > 0 && max < 65536 ? (int)max : 65536); fd++)
        if (!is_ours(programs, fd))
            close(fd);
}

static void become_supervisor(struct sl_lookup_programs *programs, pid_t gateway)
{
    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCHLD);
    sigaddset(&awaited, SIGTERM);
    sigaddset(&awaited, SIGINT); /* of a terminal: the gateway ends, and then we do */
    sigaddset(&awaited, SIGPIPE);
    sigprocmask(SIG_SETMASK, &awaited, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_SET_NAME, "sluice-lookup");
    if (getppid() != gateway)
        _exit(0); /* it has ended already */
    close_others(programs);
    int signals = signalfd(-1, &awaited, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals >= 0)
        supervise(programs, signals);
    _exit(1);
}

/* The gateway's. */

static bool make_pipe(int *read_end, int *write_end)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    *read_end = ends[0];
    *write_end = ends[1];
    return true;
}

static bool make_pipes(struct copy *copy)
{
    return make_pipe(&copy->stdin_end, &copy->to) && make_pipe(&copy->from, &copy->stdout_end) &&
           fcntl(copy->to, F_SETFL, O_NONBLOCK) == 0 && fcntl(copy->from, F_SETFL, O_NONBLOCK) == 0;
}

static void close_end(int *end)
{
    if (*end >= 0)
        close(*end);
    *end = -1;
}

static bool start(struct sl_lookup_programs *programs)
{
    if (!make_pipe(&programs->leash_end, &programs->leash))
        return false;
    for (unsigned i = 0; i < programs->count; i++)
        if (!make_pipes(&programs->copies[i]))
            return false;
    pid_t gateway = getpid(), supervisor = fork();
    if (supervisor == 0)
        become_supervisor(programs, gateway);
    close_end(&programs->leash_end);
    for (unsigned i = 0; i < programs->count; i++) {
        close_end(&programs->copies[i].stdin_end);
        close_end(&programs->copies[i].stdout_end);
    }
    return supervisor > 0;
}

struct sl_lookup_programs *sl_lookup_start(const char *program, unsigned count, char *reason)
{
    struct sl_lookup_programs *programs =
        calloc(1, sizeof *programs + count * sizeof programs->copies[0]);
    if (programs == NULL) {
        snprintf(reason, SL_REASON_LEN, "out of memory");
        return NULL;
    }
    programs->path = program;
    programs->count = count;
    programs->leash = programs->leash_end = -1;
    for (unsigned i = 0; i < count; i++) {
        struct copy *copy = &programs->copies[i];
        copy->stdin_end = copy->stdout_end = copy->to = copy->from = -1;
    }
    if (start(programs))
        return programs;
    snprintf(reason, SL_REASON_LEN, "the lookup program cannot be started: %s", strerror(errno));
    sl_lookup_stop(programs);
    return NULL;
}

void sl_lookup_stop(struct sl_lookup_programs *programs)
{
    if (programs == NULL)
        return;
    close_end(&programs->leash_end);
    close_end(&programs->leash);
    for (unsigned i = 0; i < programs->count; i++) {
        close_end(&programs->copies[i].stdin_end);
        close_end(&programs->copies[i].stdout_end);
        close_end(&programs->copies[i].to);
        close_end(&programs->copies[i].from);
    }
    free(programs);
}

int sl_lookup_to(const struct sl_lookup_programs *programs, unsigned i)
{
    assert(i < programs->count);
    return programs->copies[i].to;
}

int sl_lookup_from(const struct sl_lookup_programs *programs, unsigned i)
{
    assert(i < programs->count);
    return programs->copies[i].from;
}
