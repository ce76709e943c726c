/* A call that is on no list: the kernel sends SIGSYS to the thread. What is said must not need a
 * call, a lock or memory that the thread may not have. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hardening_priv.h"

#define NUMBERS_MAX 512
#define NAME_LEN 32

static char names[NUMBERS_MAX][NAME_LEN]; /* libseccomp allocates when it is asked */
static __thread enum sl_thread_kind own_kind;

struct line {
    char text[512];
    size_t len;
};

static void append(struct line *line, const char *text)
{
    while (*text != '\0' && line->len < sizeof line->text)
        line->text[line->len++] = *text++;
}

static void append_number(struct line *line, unsigned number)
{
    char digits[12], *at = digits + sizeof digits - 1;
    *at = '\0';
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    append(line, at);
}

static void explain(int signal, siginfo_t *info, void *context)
{
    static const char *const kinds[SL_THREAD_KINDS] = {"worker", "handshake", "events", "control"};
    struct line line = {.len = 0};
    unsigned number = (unsigned)info->si_syscall;
    (void)context;
    append(&line, "error seccomp: a thread of kind ");
    append(&line, kinds[own_kind]);
    append(&line, " asked for system call ");
    append(&line, number < NUMBERS_MAX ? names[number] : "");
    append(&line, " (");
    append_number(&line, number);
    append(&line, "), which is not on its list, and this process ends; `seccomp: log` lets it run, "
                  "and the kernel's log names them: please report this line\n");
    (void)!write(STDERR_FILENO, line.text, line.len);
    /* As the signal would have ended it: the handler is gone since it was called. */
    syscall(SYS_tgkill, getpid(), gettid(), signal);
}

int hardening_violations_explain(void)
{
    const struct sigaction action = {.sa_sigaction = explain,
                                     .sa_flags = (int)(SA_SIGINFO | SA_RESETHAND | SA_NODEFER)};
    for (int number = 0; number < NUMBERS_MAX; number++) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
        snprintf(names[number], NAME_LEN, "%s", name != NULL ? name : "");
        free(name);
    }
    return sigaction(SIGSYS, &action, NULL) == 0 ? 0 : -errno;
}

void hardening_thread_is(enum sl_thread_kind kind)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGSYS);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    own_kind = kind;
}
