/* Statistics on standard error, for SIGUSR1: whoever reads it is not waited for. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "control_priv.h"

/* Where poll says that a pipe has room, it has room for so much (POSIX: PIPE_BUF). */
#define CHUNK_MAX 4096U

static bool has_room(int fd)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    return poll(&room, 1, 0) > 0;
}

static void forget(struct control_print *print)
{
    free(print->text);
    *print = (struct control_print){.text = NULL};
}

void control_print_stats(struct sl_control *control)
{
    const struct sl_control_target *target = &control->config.target;
    struct control_print *print = &control->print;
    if (print->text != NULL)
        return; /* the last ones have not been read yet */
    FILE *out = open_memstream(&print->text, &print->len);
    if (out == NULL)
        return;
    target->print_stats(target->arg, out, false);
    if (fclose(out) != 0)
        forget(print);
}

/* The descriptor stays a blocking one: it is shared with whoever started us. */
void control_print_more(struct sl_control *control)
{
    struct control_print *print = &control->print;
    while (print->text != NULL && has_room(STDERR_FILENO)) {
        size_t left = print->len - print->written;
        ssize_t written =
            write(STDERR_FILENO, print->text + print->written, left < CHUNK_MAX ? left : CHUNK_MAX);
        if (written < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (written > 0)
            print->written += (size_t)written;
        if (written < 0 || print->written == print->len)
            forget(print);
    }
}

void control_print_end(struct sl_control *control)
{
    forget(&control->print);
}
