/* gnuplot as a child, its script on its standard input. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "outcome.h"

extern char **environ;

/** return the child, or -errno. What it says on standard error is not shown: a font is often not
 * the one that was asked for. */
static int start_gnuplot(int script_fd, pid_t *child)
{
    char *arguments[] = {"gnuplot", NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, script_fd, STDIN_FILENO);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    int error = posix_spawnp(child, "gnuplot", &files, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return -error;
}

static int run_gnuplot(int script_fd, char *error, size_t error_len)
{
    pid_t child;
    int status, result = start_gnuplot(script_fd, &child);
    if (result == -ENOENT) {
        snprintf(error, error_len, "no plot: gnuplot is missing (Debian's package gnuplot-nox)");
        return result;
    }
    if (result != 0) {
        snprintf(error, error_len, "no plot: can't start gnuplot: %s", strerror(-result));
        return result;
    }
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    snprintf(error, error_len, "no plot: gnuplot could not draw it");
    return -EIO;
}

int plot_check(char *error, size_t error_len)
{
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing < 0) {
        snprintf(error, error_len, "no plot: can't open /dev/null: %s", strerror(errno));
        return -errno;
    }
    const int result = run_gnuplot(nothing, error, error_len);
    close(nothing);
    return result;
}

int plot_draw(const struct outcome *outcomes, unsigned count, const char *path, char *error,
              size_t error_len)
{
    FILE *script = tmpfile();
    if (script == NULL) {
        snprintf(error, error_len, "no plot: can't write a temporary file: %s", strerror(errno));
        return -EIO;
    }
    plot_write_script(outcomes, count, path, script);
    int result = -EIO;
    if (fflush(script) != 0 || fseek(script, 0, SEEK_SET) != 0)
        snprintf(error, error_len, "no plot: can't write a temporary file: %s", strerror(errno));
    else
        result = run_gnuplot(fileno(script), error, error_len);
    fclose(script);
    return result;
}
