/* The supervisor of the lookup program's copies: a process that has nothing of the gateway but its
 * pipes, and no privileges, so that a program that crashes, starts slowly, or obeys a stranger is
 * none of the gateway's business. It lives as long as the gateway does. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lookup_priv.h"

#define BACKOFF_FIRST_S 1
#define BACKOFF_MAX_S 30
#define STEADY_S 60 /* one that ran so long is started at once when it dies */
#define REST_S 3    /* longer than a gateway takes to end */
static_assert(sizeof(struct report) <= PIPE_BUF, "a pipe takes a report whole, or not at all");

static time_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/** A gateway that does not listen does not stop us: what the pipe has no room for is lost. */
static void tell(const struct sl_lookup_programs *programs, const struct report *report)
{
    (void)!write(programs->report_end, report, sizeof *report);
}

static _Noreturn void become_program(const struct sl_lookup_programs *programs,
                                     const struct copy *copy)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (dup2(copy->stdin_end, STDIN_FILENO) < 0 || dup2(copy->stdout_end, STDOUT_FILENO) < 0)
        _exit(126);
    execl(programs->path, programs->path, (char *)NULL);
    tell(programs, &(struct report){.kind = REPORT_CANNOT_RUN, .error = errno});
    _exit(127);
}

/**
 * Ends the line that the copy before may have left in the middle, and makes it one that is no
 * answer. false: there is no room now.
 */
static bool end_line(const struct copy *copy)
{
    static const char mark[] = LOOKUP_END_MARK;
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
        become_program(programs, copy);
    if (pid < 0)
        return;
    copy->pid = pid;
    copy->started_s = now_s();
}

static void start_copies(struct sl_lookup_programs *programs)
{
    for (unsigned i = 0; i < programs->count; i++)
        if (programs->copies[i].pid == 0 && programs->copies[i].due_s <= now_s())
            start_copy(programs, &programs->copies[i]);
}

static void note_death(const struct sl_lookup_programs *programs, struct copy *copy, int status)
{
    bool was_steady = now_s() - copy->started_s >= STEADY_S;
    copy->pid = 0;
    copy->backoff_s = was_steady ? 0 : copy->backoff_s == 0 ? BACKOFF_FIRST_S : 2 * copy->backoff_s;
    if (copy->backoff_s > BACKOFF_MAX_S)
        copy->backoff_s = BACKOFF_MAX_S;
    copy->due_s = now_s() + copy->backoff_s;
    tell(programs,
         &(struct report){.kind = REPORT_ENDED, .status = status, .wait_s = copy->backoff_s});
}

static void reap(struct sl_lookup_programs *programs)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (unsigned i = 0; i < programs->count; i++)
            if (programs->copies[i].pid == pid)
                note_death(programs, &programs->copies[i], status);
}

static _Noreturn void end_programs(const struct sl_lookup_programs *programs)
{
    for (unsigned i = 0; i < programs->count; i++)
        if (programs->copies[i].pid > 0)
            kill(programs->copies[i].pid, SIGTERM);
    _exit(0);
}

/** A signal has come. return whether somebody wants everything of the gateway's to end. */
static bool take_signals(int signals)
{
    struct signalfd_siginfo signal;
    bool ends = false;
    while (read(signals, &signal, sizeof signal) == (ssize_t)sizeof signal)
        ends |= signal.ssi_signo != SIGCHLD;
    return ends;
}

/** A service manager ends all processes at once: the gateway closes its sessions then, and copies
 * that are gone are not started for that moment. If it goes on, so do we. */
static _Noreturn void supervise(struct sl_lookup_programs *programs, int signals)
{
    enum { TURN_MS = 1000 };
    struct pollfd awaited[] = {{.fd = signals, .events = POLLIN}, {.fd = programs->leash_end}};
    for (time_t rest_until_s = 0;;) {
        if (now_s() >= rest_until_s) {
            reap(programs);
            start_copies(programs);
        }
        poll(awaited, 2, TURN_MS);
        if (awaited[1].revents & POLLHUP)
            end_programs(programs);
        if (take_signals(signals))
            rest_until_s = now_s() + REST_S;
    }
}

static bool is_ours(const struct sl_lookup_programs *programs, int fd)
{
    if (fd == programs->leash_end || fd == programs->report_end)
        return true;
    for (unsigned i = 0; i < programs->count; i++)
        if (programs->copies[i].stdin_end == fd || programs->copies[i].stdout_end == fd)
            return true;
    return false;
}

/** Of what the gateway has open, nothing stays but what this is for. */
static void close_others(const struct sl_lookup_programs *programs)
{
    int last = programs->report_end; /* of ours */
    for (unsigned i = 0; i < programs->count; i++)
        if (programs->copies[i].stdout_end > last)
            last = programs->copies[i].stdout_end;
    for (int fd = STDERR_FILENO + 1; fd <= last; fd++)
        if (!is_ours(programs, fd))
            close(fd);
    (void)close_range((unsigned)last + 1, ~0U, 0);
}

/** Out of reach of every signal that can be blocked, but for those of a fault of its own; and of
 * the process group's and the terminal's, where operators send what is for the gateway. */
static int block_signals(void)
{
    static const int faults[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP};
    sigset_t blocked, awaited;
    sigfillset(&blocked);
    for (unsigned i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(&blocked, faults[i]);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    (void)setsid();
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCHLD);
    sigaddset(&awaited, SIGTERM);
    return signalfd(-1, &awaited, SFD_CLOEXEC | SFD_NONBLOCK);
}

void sl_lookup_supervise(struct sl_lookup_programs *programs, const struct sl_hardening_user *user)
{
    struct report report = {.kind = REPORT_READY};
    prctl(PR_SET_NAME, "sluice-lookup");
    close_others(programs);
    int signals = block_signals();
    if (signals < 0)
        snprintf(report.reason, sizeof report.reason, "%s", strerror(errno));
    if (signals < 0 || sl_hardening_enter_helper(user, report.reason) != 0)
        report.kind = REPORT_REFUSED;
    tell(programs, &report);
    if (report.kind == REPORT_REFUSED)
        _exit(1);
    supervise(programs, signals);
}
