/* The control socket itself. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control_priv.h"
#include "sl_unix.h"

/** Before listen(2), so that nobody connects under other permissions. */
static int admit_group(const struct sl_control_config *config)
{
    if (!config->has_group)
        return 0;
    if (lchown(config->socket_path, (uid_t)-1, config->group) != 0 ||
        chmod(config->socket_path, 0660) != 0)
        return errno;
    return 0;
}

/** Bound with mode 0600 from its first moment; what else is at the path stays there. */
static int bind_private(const struct sl_control_config *config, const struct sockaddr_un *address)
{
    const int taken = sl_unix_free_address(address, SOCK_STREAM);
    if (taken != 0)
        return taken == -EEXIST ? -EADDRINUSE : taken;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    mode_t before = umask(0177);
    int error = bind(fd, (const struct sockaddr *)address, sizeof *address) != 0 ? errno : 0;
    umask(before);
    bool is_bound = error == 0;
    if (error == 0)
        error = admit_group(config);
    if (error == 0 && listen(fd, CLIENTS_MAX) != 0)
        error = errno;
    if (error == 0)
        return fd;
    if (is_bound)
        unlink(address->sun_path);
    close(fd);
    return -error;
}

int control_listen(const struct sl_control_config *config, char *reason)
{
    const char *path = config->socket_path;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        snprintf(reason, REASON_LEN, "%s: path too long for a Unix socket; choose a shorter one",
                 path);
        return -ENAMETOOLONG;
    }
    strcpy(address.sun_path, path);
    sl_unix_make_folder(&address);
    int fd = bind_private(config, &address);
    if (fd == -EADDRINUSE)
        snprintf(reason, REASON_LEN,
                 "another gateway listens on %s, or it is no socket; stop it, or give this one its "
                 "own control_socket",
                 path);
    else if (fd < 0)
        snprintf(reason, REASON_LEN,
                 "can't listen on %s: %s; check the folder, its permissions and the socket that "
                 "may be in "
                 "it",
                 path, strerror(-fd));
    return fd;
}
