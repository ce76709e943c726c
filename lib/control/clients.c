/* Clients of the control socket: bounded in number, size and time; none of them is waited for. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control_priv.h"

void control_close_client(struct control_client *client)
{
    close(client->fd); /* leaves the epoll set with it */
    free(client->answer);
    memset(client, 0, sizeof *client);
    client->fd = -1;
}

void control_expire_clients(struct sl_control *control, uint64_t now_ns)
{
    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        struct control_client *client = &control->clients[i];
        if (client->fd >= 0 && now_ns - client->since_ns > CLIENT_PATIENCE_NS)
            control_close_client(client);
    }
}

static void set_listening(struct sl_control *control, bool on)
{
    struct epoll_event event = {.events = on ? EPOLLIN : 0, .data.ptr = &control->listen_fd};
    epoll_ctl(control->epoll_fd, EPOLL_CTL_MOD, control->listen_fd, &event);
}

void control_listen_again(struct sl_control *control, uint64_t now_ns)
{
    if (control->listen_again_ns == 0 || now_ns < control->listen_again_ns)
        return;
    control->listen_again_ns = 0;
    set_listening(control, true);
}

void control_accept(struct sl_control *control, uint64_t now_ns)
{
    int fd = accept4(control->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        /* Who knocks stays in the kernel's queue: the loop would turn without a pause. */
        control->listen_again_ns = now_ns + LISTEN_AGAIN_NS;
        set_listening(control, false);
    }
    if (fd < 0)
        return;
    if (!control_admits(control, fd,
                        now_ns)) { /* not a word: nor who is there, nor which version */
        close(fd);
        return;
    }
    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        struct control_client *client = &control->clients[i];
        if (client->fd >= 0)
            continue;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        if (epoll_ctl(control->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
            break;
        client->fd = fd;
        client->since_ns = now_ns;
        return;
    }
    static const char busy[] = "error: too many ask at once; try again\n";
    (void)send(fd, busy, sizeof busy - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

static const char reconnect[] = "reconnect ";

static void prepare_answer(struct sl_control *control, struct control_client *client)
{
    const struct sl_control_target *target = &control->config.target;
    FILE *out = open_memstream(&client->answer, &client->answer_len);
    if (out == NULL)
        return;
    if (strcmp(client->command, "stats") == 0)
        target->print_stats(target->arg, out, false);
    else if (strcmp(client->command, "stats json") == 0)
        target->print_stats(target->arg, out, true);
    else if (strcmp(client->command, "consumers") == 0)
        target->print_consumers(target->arg, out);
    else if (strcmp(client->command, "access") == 0)
        target->print_access(target->arg, out);
    else if (strcmp(client->command, "certificates") == 0)
        target->print_certificates(target->arg, out);
    else if (strcmp(client->command, "forged") == 0)
        target->print_forged(target->arg, out);
    else if (strcmp(client->command, "reload") == 0)
        control_reload(control, out);
    else if (strcmp(client->command, "connections") == 0)
        target->print_connections(target->arg, out);
    else if (strncmp(client->command, reconnect, sizeof reconnect - 1) == 0)
        fprintf(out, "%s\n",
                target->reconnect(target->arg, client->command + sizeof reconnect - 1));
    else if (strcmp(client->command, "version") == 0)
        fprintf(out, "%s\n", control->config.version);
    else
        fprintf(out, "error: unknown command\n");
    if (ftell(out) == 0) /* an answer without a byte would look like none */
        fprintf(out, "none\n");
    if (fclose(out) != 0) {
        free(client->answer);
        client->answer = NULL;
    }
}

/** Reads up to a line's end. true when the command is there whole. */
static bool read_command(struct control_client *client)
{
    ssize_t got = read(client->fd, client->command + client->command_len,
                       COMMAND_MAX - 1 - client->command_len);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got <= 0) {
        control_close_client(client);
        return false;
    }
    client->command_len += (size_t)got;
    client->command[client->command_len] = '\0';
    char *end = strchr(client->command, '\n');
    if (end != NULL)
        *end = '\0';
    else if (client->command_len == COMMAND_MAX - 1)
        control_close_client(client);
    return end != NULL;
}

void control_serve(struct sl_control *control, struct control_client *client)
{
    if (client->answer == NULL) {
        if (!read_command(client))
            return;
        prepare_answer(control, client);
        if (client->answer == NULL) {
            control_close_client(client);
            return;
        }
        struct epoll_event event = {.events = EPOLLOUT, .data.ptr = client};
        epoll_ctl(control->epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
    }
    ssize_t sent = send(client->fd, client->answer + client->answer_sent,
                        client->answer_len - client->answer_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (sent >= 0)
        client->answer_sent += (size_t)sent;
    if (sent < 0 || client->answer_sent == client->answer_len)
        control_close_client(client);
}
