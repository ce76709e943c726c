/* What is given up for good: privileges to come, dumps, capabilities. */
#include <cap-ng.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "hardening_priv.h"

static int fail(char *reason, int error, const char *what)
{
    snprintf(reason, SL_HARDENING_REASON_LEN, "%s: %s", what, strerror(-error));
    return error;
}

/** Of programs that would be started from here: none is, and none would gain by it. */
static void empty_bounding_set(void)
{
    if (capng_get_caps_process() != 0 || !capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
        return; /* who was started without privileges has none to bound */
    capng_clear(CAPNG_SELECT_BOUNDS);
    (void)capng_apply(CAPNG_SELECT_BOUNDS);
}

/** Neither by the kernel, nor by a debugger of the same user. prctl(2), core(5) */
static int set_dumps(bool core_dumps)
{
    const struct rlimit none = {0, 0};
    if (core_dumps) /* which a change of the user ends */
        return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 ? 0 : -errno;
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return -errno;
    return 0;
}

int sl_hardening_begin(const struct sl_hardening_config *config, struct sl_hardening **out,
                       char *reason)
{
    struct sl_hardening *hardening = calloc(1, sizeof *hardening);
    if (hardening == NULL)
        return fail(reason, -ENOMEM, "can't give up privileges");
    hardening->config = *config;
    pthread_mutex_init(&hardening->loading, NULL);
    const char *step = "can't give up new privileges";
    int error = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : -errno;
    if (error == 0) {
        empty_bounding_set();
        step = "can't give up core dumps";
        error = set_dumps(config->core_dumps);
    }
    if (error == 0) {
        step = "can't build the lists of system calls; `seccomp: off` goes without";
        error = hardening_filters_build(hardening);
    }
    if (error == 0)
        error = hardening_violations_explain();
    if (error != 0) {
        sl_hardening_destroy(hardening);
        return fail(reason, error, step);
    }
    *out = hardening;
    return 0;
}

void sl_hardening_destroy(struct sl_hardening *hardening)
{
    if (hardening == NULL)
        return;
    hardening_filters_free(hardening);
    pthread_mutex_destroy(&hardening->loading);
    free(hardening);
}

/** libcap-ng's idea of the calling thread's capabilities: none, or what the control thread keeps.
 */
static void choose_capabilities(const struct sl_hardening *hardening, bool is_control)
{
    (void)capng_get_caps_process();
    bool has = capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN) == 1;
    capng_clear(CAPNG_SELECT_CAPS);
    if (is_control && hardening->config.network_admin && has)
        (void)capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN);
}

/** With the capabilities that are chosen, and no others. */
static int become(const struct sl_hardening_user *user, char *reason)
{
    int result = capng_change_id((int)user->uid, (int)user->gid, CAPNG_INIT_SUPP_GRP);
    if (result == 0)
        return 0;
    snprintf(reason, SL_HARDENING_REASON_LEN,
             "can't become user '%s': %s; start as root, or as that user without `user`",
             user->name, errno != 0 ? strerror(errno) : "libcap-ng refuses");
    return errno != 0 ? -errno : -EPERM;
}

int sl_hardening_change_user(const struct sl_hardening *hardening,
                             const struct sl_hardening_user *user, char *reason)
{
    choose_capabilities(hardening, true);
    int error = become(user, reason);
    if (error != 0)
        return error;
    error = set_dumps(hardening->config.core_dumps);
    return error != 0 ? fail(reason, error, "can't give up core dumps") : 0;
}

int sl_hardening_enter_helper(const struct sl_hardening_user *user, char *reason)
{
    int error = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : -errno;
    if (error != 0)
        return fail(reason, error, "can't give up new privileges");
    empty_bounding_set();
    (void)capng_get_caps_process();
    capng_clear(CAPNG_SELECT_CAPS);
    if (user != NULL && (error = become(user, reason)) != 0)
        return error;
    if (user == NULL && capng_apply(CAPNG_SELECT_CAPS) != 0)
        return fail(reason, -EPERM, "can't give up capabilities");
    error = set_dumps(false); /* after the change of the user, which may undo it */
    return error != 0 ? fail(reason, error, "can't give up core dumps") : 0;
}

int sl_hardening_enter_thread(struct sl_hardening *hardening, enum sl_thread_kind kind)
{
    choose_capabilities(hardening, kind == SL_THREAD_CONTROL);
    if (capng_apply(CAPNG_SELECT_CAPS) != 0)
        return -EPERM;
    hardening_thread_is(kind);
    return hardening_filter_load(hardening, kind);
}
