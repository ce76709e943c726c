/* Who a user is, and what he could do: tried by a child process that is that user. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hardening_priv.h"

int sl_hardening_find_user(const char *name, struct sl_hardening_user *out)
{
    const struct passwd *entry = getpwnam(name);
    if (entry == NULL)
        return -ENOENT;
    *out = (struct sl_hardening_user){.name = name, .uid = entry->pw_uid, .gid = entry->pw_gid};
    return 0;
}

static int become(const struct sl_hardening_user *user)
{
    if (geteuid() == user->uid)
        return 0;
    if (initgroups(user->name, user->gid) != 0 || setgid(user->gid) != 0 || setuid(user->uid) != 0)
        return EAGAIN;
    return 0;
}

static int try_to_read(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    return fd < 0 ? errno : 0; /* its process ends now */
}

static int try_to_run(const char *path)
{
    return access(path, X_OK) == 0 ? 0 : errno; /* this process's user is the real one, too */
}

/** A folder may be written by him, and yet be one where only owners remove: open(2), O_TMPFILE has
 * no part in that. What the kernel asks of unlink(2) but for the sticky bit. */
static int try_to_remove(const char *path)
{
    char folder[4096] = ".";
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    if (len >= sizeof folder)
        return ENAMETOOLONG;
    if (len > 0) {
        memcpy(folder, path, len);
        folder[len] = '\0';
    }
    return access(folder, W_OK | X_OK) == 0 ? 0 : errno;
}

static int ask_child(const struct sl_hardening_user *user, const char *path,
                     int (*attempt)(const char *path))
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        int error = become(user);
        _exit(error != 0 ? error : attempt(path));
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return -EAGAIN;
    return -WEXITSTATUS(status);
}

int sl_hardening_can_read(const struct sl_hardening_user *user, const char *path)
{
    return ask_child(user, path, try_to_read);
}

int sl_hardening_can_run(const struct sl_hardening_user *user, const char *path)
{
    return ask_child(user, path, try_to_run);
}

int sl_hardening_can_remove(const struct sl_hardening_user *user, const char *path)
{
    return ask_child(user, path, try_to_remove);
}
