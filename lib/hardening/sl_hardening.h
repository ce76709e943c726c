/**
 * Takes from a process what it does not need any more: its user, its capabilities, the system calls
 * of each kind of thread, and whatever else would let an intruder go further or a dump hold keys.
 * docs/decisions/privileges.md
 *
 * In this order: sl_hardening_begin while there is one thread; everything that needs privileges;
 * sl_hardening_change_user; then in each thread sl_hardening_enter_thread, in the one that calls
 * sl_hardening_change_user last.
 */
#ifndef SL_HARDENING_H
#define SL_HARDENING_H

#include <sys/types.h>

#include "sl_base.h"

#define SL_HARDENING_REASON_LEN 256

/** Each has a list of system calls of its own. */
enum sl_thread_kind {
    SL_THREAD_WORKER,    /* frames in and out, wakes consumers */
    SL_THREAD_HANDSHAKE, /* libssl, the key log */
    SL_THREAD_EVENTS,    /* what drivers have to be told: DPDK's interrupt thread */
    SL_THREAD_CONTROL,   /* sockets, consumers' memory, files for a reload, the end of the ports */
    SL_THREAD_KINDS,
};

enum sl_seccomp {
    SL_SECCOMP_ENFORCE, /* a call that is not listed ends the process, with a line that names it */
    SL_SECCOMP_LOG,     /* it is done, and the kernel's audit log names it */
    SL_SECCOMP_OFF,
};

struct sl_hardening_config {
    enum sl_seccomp seccomp;
    bool core_dumps;     /* may be made, and debuggers of the same user attach */
    bool network_admin;  /* the control thread keeps CAP_NET_ADMIN, to leave interfaces as found */
    bool foreign_device; /* drivers that nobody has traced: their threads' lists are longer */
};

/** A user to become. */
struct sl_hardening_user {
    const char *name; /* borrowed */
    uid_t uid;
    gid_t gid;
};

struct sl_hardening;

/**
 * No new privileges, no core dumps, an empty bounding set: for this thread and those that it makes.
 * Builds the lists. Once a process; the process's only thread calls it.
 * return 0 and *out (caller owns), or -errno and reason [SL_HARDENING_REASON_LEN].
 */
int sl_hardening_begin(const struct sl_hardening_config *config, struct sl_hardening **out,
                       char *reason) SL_MUST_USE;
/** Frees; what was given up stays so. NULL is allowed. */
void sl_hardening_destroy(struct sl_hardening *hardening);

/** return 0 or -ENOENT. */
int sl_hardening_find_user(const char *name, struct sl_hardening_user *out) SL_MUST_USE;

/**
 * Whether that user could open the file for reading, as the kernel sees it, every folder on the way
 * included. Only root can ask for others. return 0, the -errno of the attempt, or -EAGAIN when it
 * could not be made.
 */
int sl_hardening_can_read(const struct sl_hardening_user *user, const char *path) SL_MUST_USE;
/** Likewise, whether he could run it as a program. */
int sl_hardening_can_run(const struct sl_hardening_user *user, const char *path) SL_MUST_USE;
/** Likewise, whether he could remove what is at the path from its folder. */
int sl_hardening_can_remove(const struct sl_hardening_user *user, const char *path) SL_MUST_USE;

/**
 * All threads become that user, with his groups and no others, and have no capabilities any more;
 * the calling one keeps what is configured. return 0, or -errno and reason.
 */
int sl_hardening_change_user(const struct sl_hardening *hardening,
                             const struct sl_hardening_user *user, char *reason) SL_MUST_USE;

/**
 * For the calling thread, for good: no capabilities (the control thread keeps what is configured),
 * and the system calls of its kind alone. Several may enter at once. return 0 or -errno.
 */
int sl_hardening_enter_thread(struct sl_hardening *hardening, enum sl_thread_kind kind) SL_MUST_USE;

/**
 * For a process that has one thread, and only starts programs: it becomes that user, with his
 * groups and no others (NULL: it stays who it is), without capabilities and without a way back to
 * any, for itself and those programs. No core dumps of either; and whoever is the same user, its
 * programs among them, can neither attach to it nor open what it has open. return 0, or -errno and
 * reason [SL_HARDENING_REASON_LEN]: it is to end then.
 */
int sl_hardening_enter_helper(const struct sl_hardening_user *user, char *reason) SL_MUST_USE;

/**
 * Gives libcrypto a heap for private keys, of len bytes, a power of two: locked into memory where
 * the limit allows it, left out of dumps, between pages that can't be touched. Before any key is
 * loaded; what has no room in it any more fails. return whether it is there.
 */
bool sl_hardening_secure_heap(size_t len);

#endif
