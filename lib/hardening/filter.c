/* The lists made into filters, and put on threads. seccomp(2). */
#include <errno.h>
#include <unistd.h>

#include "hardening_priv.h"

static int allow(scmp_filter_ctx filter, const struct hardening_rule *rule)
{
    int error = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rule->number, rule->comparison_count,
                                       rule->comparisons);
    return error == -EEXIST ? 0 : error; /* two lists may name it */
}

static int allow_lists(scmp_filter_ctx filter, enum sl_thread_kind kind, bool foreign_device)
{
    struct hardening_list lists[HARDENING_LISTS_MAX];
    unsigned count = hardening_lists(kind, foreign_device, lists);
    int error = 0;
    for (unsigned i = 0; i < count; i++)
        for (size_t k = 0; k < lists[i].count && error == 0; k++)
            error = allow(filter, &lists[i].rules[k]);
    return error;
}

/** Refuses with an error, for callers that have an answer to it. */
static int refuse(scmp_filter_ctx filter, int number, int error)
{
    int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)error), number, 0);
    return result == -EEXIST ? 0 : result; /* it is on a list */
}

/** What depends on the process, or is refused in a way that its caller has an answer to. */
static int add_special(scmp_filter_ctx filter, enum sl_thread_kind kind)
{
    const struct hardening_rule abort_self = {
        .number = SCMP_SYS(tgkill),
        .comparison_count = 1,
        .comparisons = {{.arg = 0, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)getpid()}}};
    int error = allow(filter, &abort_self);
    if (error == 0)
        error = refuse(filter, SCMP_SYS(clone3), ENOSYS); /* then clone, whose flags are seen */
    /* malloc itself looks at vm.overcommit_memory the first time that a thread gives much back, a
     * sanitizer's report at the map of the process: both do well without. */
    if (error == 0 && kind != SL_THREAD_CONTROL)
        error = refuse(filter, SCMP_SYS(openat), EACCES);
    if (error == 0 && kind != SL_THREAD_CONTROL)
        error = refuse(filter, SCMP_SYS(open), EACCES);
    /* libxdp makes the folder of its lock, /run/xdp, whenever it takes it: it is there. */
    if (error == 0 && kind == SL_THREAD_CONTROL)
        error = refuse(filter, SCMP_SYS(mkdir), EEXIST);
    return error;
}

static int set_attributes(scmp_filter_ctx filter)
{
    /* Kernels before 5.16 would slow every load of a filtered thread down, against code of others
     * in the same process; there is none. */
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
    return seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, not a long list */
}

static int build(struct sl_hardening *hardening, enum sl_thread_kind kind)
{
    bool logs = hardening->config.seccomp == SL_SECCOMP_LOG;
    scmp_filter_ctx filter = seccomp_init(logs ? SCMP_ACT_LOG : SCMP_ACT_TRAP);
    if (filter == NULL)
        return -ENOMEM;
    hardening->filters[kind] = filter;
    int error = set_attributes(filter);
    if (error == 0)
        error = allow_lists(filter, kind, hardening->config.foreign_device);
    return error == 0 ? add_special(filter, kind) : error;
}

int hardening_filters_build(struct sl_hardening *hardening)
{
    if (hardening->config.seccomp == SL_SECCOMP_OFF)
        return 0;
    for (unsigned kind = 0; kind < SL_THREAD_KINDS; kind++) {
        int error = build(hardening, (enum sl_thread_kind)kind);
        if (error != 0)
            return error;
    }
    return 0;
}

void hardening_filters_free(struct sl_hardening *hardening)
{
    for (unsigned kind = 0; kind < SL_THREAD_KINDS; kind++)
        if (hardening->filters[kind] != NULL)
            seccomp_release(hardening->filters[kind]);
}

int hardening_filter_load(struct sl_hardening *hardening, enum sl_thread_kind kind)
{
    if (hardening->config.seccomp == SL_SECCOMP_OFF)
        return 0;
    pthread_mutex_lock(&hardening->loading);
    int error = seccomp_load(hardening->filters[kind]);
    pthread_mutex_unlock(&hardening->loading);
    return error;
}
