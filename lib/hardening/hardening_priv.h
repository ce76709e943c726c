/** What the files of lib/hardening share. */
#ifndef HARDENING_PRIV_H
#define HARDENING_PRIV_H

#include <pthread.h>
#include <seccomp.h>

#include "sl_hardening.h"

/** A call that is allowed; with comparisons, only when all of them hold for its arguments. */
struct hardening_rule {
    int number;
    unsigned comparison_count;
    struct scmp_arg_cmp comparisons[2];
};

struct hardening_list {
    const struct hardening_rule *rules;
    size_t count;
};

/** Lists that a kind of thread is allowed together. */
#define HARDENING_LISTS_MAX 4

struct sl_hardening {
    struct sl_hardening_config config;
    pthread_mutex_t loading; /* libseccomp, one thread at a time */
    scmp_filter_ctx filters[SL_THREAD_KINDS];
};

/* lists.c: return how many, into lists [HARDENING_LISTS_MAX]. */
unsigned hardening_lists(enum sl_thread_kind kind, bool foreign_device,
                         struct hardening_list *lists);

/* filter.c */
/** return 0 or -errno. */
int hardening_filters_build(struct sl_hardening *hardening) SL_MUST_USE;
void hardening_filters_free(struct sl_hardening *hardening);
/** The calling thread's. return 0 or -errno. */
int hardening_filter_load(struct sl_hardening *hardening, enum sl_thread_kind kind) SL_MUST_USE;

/* violation.c */
/** From then on a refused call ends the process with a line. return 0 or -errno. */
int hardening_violations_explain(void) SL_MUST_USE;
/** Of which kind the calling thread is. */
void hardening_thread_is(enum sl_thread_kind kind);

#endif
