/** What the gateway's side of the lookup programs and their supervisor share. */
#ifndef LOOKUP_PRIV_H
#define LOOKUP_PRIV_H

#include <sys/types.h>
#include <time.h>

#include "sl_lookup.h"

/** What the supervisor says behind a copy that has ended: no answer, nor the end of one. */
#define LOOKUP_END_MARK " died\n"

/** One copy: a pipe in each direction, the ends of the program's side and of ours. */
struct copy {
    int stdin_end, stdout_end; /* the supervisor keeps them: what is on its way survives a death */
    int to, from;
    pid_t pid; /* 0: to be started */
    time_t due_s, started_s;
    unsigned backoff_s;
};

struct sl_lookup_programs {
    const char *path;        /* borrowed */
    int leash, leash_end;    /* a pipe: while ours is open the supervisor works. A signal would need
                                privileges that the gateway has given up. */
    int reports, report_end; /* a pipe: while theirs is open there is a supervisor */
    bool is_lost;            /* there is none */
    uint64_t ends;           /* of copies */
    unsigned count;
    struct copy copies[];
};

enum report_kind {
    REPORT_READY,      /* it has given up what it has to, and begins */
    REPORT_REFUSED,    /* it could not, and ends; reason */
    REPORT_CANNOT_RUN, /* the program; error */
    REPORT_ENDED,      /* a copy; status, wait_s */
};

/** What the supervisor tells the gateway, in one write each: pipe(7), PIPE_BUF. */
struct report {
    enum report_kind kind;
    int error;       /* an errno */
    int status;      /* as waitpid(2) has it */
    unsigned wait_s; /* until it is started again */
    char reason[SL_HARDENING_REASON_LEN];
};

/** In a process of its own, whose only thread calls it. user: to become, or NULL. */
_Noreturn void sl_lookup_supervise(struct sl_lookup_programs *programs,
                                   const struct sl_hardening_user *user);

#endif
