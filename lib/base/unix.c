#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sl_unix.h"

void sl_unix_make_folder(const struct sockaddr_un *address)
{
    struct sockaddr_un folder = *address;
    char *slash = strrchr(folder.sun_path, '/');
    if (slash == NULL || slash == folder.sun_path)
        return;
    *slash = '\0';
    mkdir(folder.sun_path, 0755);
}

int sl_unix_free_address(const struct sockaddr_un *address, int type)
{
    struct stat status;
    if (lstat(address->sun_path, &status) != 0)
        return 0;
    if (!S_ISSOCK(status.st_mode))
        return -EEXIST;
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int connected = connect(fd, (const struct sockaddr *)address, sizeof *address);
    int error = errno;
    close(fd);
    if (connected != 0 && error == EACCES)
        return -EACCES;
    if (connected == 0 || error != ECONNREFUSED)
        return -EADDRINUSE;
    return unlink(address->sun_path) == 0 || errno == ENOENT ? 0 : -errno;
}
