/* The gateway's side of the lookup program's copies: their pipes, and what their supervisor tells.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lookup_priv.h"

#define LINE_LEN 1024

static bool make_pipe(int *read_end, int *write_end)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    *read_end = ends[0];
    *write_end = ends[1];
    return true;
}

static bool does_not_wait(int end)
{
    return fcntl(end, F_SETFL, O_NONBLOCK) == 0;
}

static bool make_pipes(struct sl_lookup_programs *programs)
{
    if (!make_pipe(&programs->leash_end, &programs->leash) ||
        !make_pipe(&programs->reports, &programs->report_end) ||
        !does_not_wait(programs->report_end))
        return false;
    for (unsigned i = 0; i < programs->count; i++) {
        struct copy *copy = &programs->copies[i];
        if (!make_pipe(&copy->stdin_end, &copy->to) || !make_pipe(&copy->from, &copy->stdout_end) ||
            !does_not_wait(copy->to) || !does_not_wait(copy->from))
            return false;
    }
    return true;
}

static void close_end(int *end)
{
    if (*end >= 0)
        close(*end);
    *end = -1;
}

/** The ends that are the supervisor's. */
static void close_theirs(struct sl_lookup_programs *programs)
{
    close_end(&programs->leash_end);
    close_end(&programs->report_end);
    for (unsigned i = 0; i < programs->count; i++) {
        close_end(&programs->copies[i].stdin_end);
        close_end(&programs->copies[i].stdout_end);
    }
}

static bool refuse(char *reason, const char *why)
{
    snprintf(reason, SL_REASON_LEN, "the lookup program cannot be started: %.200s", why);
    return false;
}

/** Waits for the supervisor's first word. */
static bool is_ready(struct sl_lookup_programs *programs, char *reason)
{
    struct report report;
    bool has_said = read(programs->reports, &report, sizeof report) == (ssize_t)sizeof report;
    if (!has_said)
        return refuse(reason, "its supervisor has ended");
    if (report.kind != REPORT_READY)
        return refuse(reason, report.reason);
    return does_not_wait(programs->reports) || refuse(reason, strerror(errno));
}

static bool start(struct sl_lookup_programs *programs, const struct sl_hardening_user *user,
                  char *reason)
{
    if (!make_pipes(programs))
        return refuse(reason, strerror(errno));
    pid_t supervisor = fork();
    if (supervisor < 0)
        return refuse(reason, strerror(errno));
    if (supervisor == 0)
        sl_lookup_supervise(programs, user);
    close_theirs(programs);
    if (is_ready(programs, reason))
        return true;
    waitpid(supervisor, NULL, 0);
    return false;
}

struct sl_lookup_programs *sl_lookup_start(const char *program, unsigned count,
                                           const struct sl_hardening_user *user, char *reason)
{
    struct sl_lookup_programs *programs =
        calloc(1, sizeof *programs + count * sizeof programs->copies[0]);
    if (programs == NULL) {
        snprintf(reason, SL_REASON_LEN, "out of memory");
        return NULL;
    }
    programs->path = program;
    programs->count = count;
    programs->leash = programs->leash_end = programs->reports = programs->report_end = -1;
    for (unsigned i = 0; i < count; i++) {
        struct copy *copy = &programs->copies[i];
        copy->stdin_end = copy->stdout_end = copy->to = copy->from = -1;
    }
    if (start(programs, user, reason))
        return programs;
    sl_lookup_stop(programs);
    return NULL;
}

void sl_lookup_stop(struct sl_lookup_programs *programs)
{
    if (programs == NULL)
        return;
    close_theirs(programs);
    close_end(&programs->leash);
    close_end(&programs->reports);
    for (unsigned i = 0; i < programs->count; i++) {
        close_end(&programs->copies[i].to);
        close_end(&programs->copies[i].from);
    }
    free(programs);
}

static void say_end(const struct sl_lookup_programs *programs, const struct report *report,
                    void (*say)(const char *line))
{
    char line[LINE_LEN];
    bool is_signal = WIFSIGNALED(report->status);
    snprintf(line, sizeof line, "lookup program %.768s ended (%s %d); started again in %u s",
             programs->path, is_signal ? "signal" : "status",
             is_signal ? WTERMSIG(report->status) : WEXITSTATUS(report->status), report->wait_s);
    say(line);
}

static void say_what_cannot_run(const struct sl_lookup_programs *programs, int error,
                                void (*say)(const char *line))
{
    char line[LINE_LEN];
    snprintf(line, sizeof line, "lookup program %.768s cannot be run: %s", programs->path,
             strerror(error));
    say(line);
}

void sl_lookup_watch(struct sl_lookup_programs *programs, void (*say)(const char *line))
{
    struct report report;
    ssize_t len = -1;
    while (!programs->is_lost &&
           (len = read(programs->reports, &report, sizeof report)) == (ssize_t)sizeof report) {
        if (report.kind == REPORT_CANNOT_RUN)
            say_what_cannot_run(programs, report.error, say);
        if (report.kind != REPORT_ENDED)
            continue;
        programs->ends++;
        say_end(programs, &report, say);
    }
    if (len != 0)
        return;
    programs->is_lost = true;
    say("LOOKUP PROGRAM: its supervisor has been ended. Copies that run go on; none is started "
        "again, and whose copy ends gets no pre-shared key any more: restart the gateway");
}

uint64_t sl_lookup_ends(const struct sl_lookup_programs *programs)
{
    return programs->ends;
}

bool sl_lookup_is_lost(const struct sl_lookup_programs *programs)
{
    return programs->is_lost;
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
