/* sluice-ctl: asks a running gateway over its control socket, and prints what it says. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/sluice/control.sock"
#define PATIENCE_S 5

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char usage[] = "usage: sluice-ctl [-s SOCKET] COMMAND\n"
                            "\n"
                            "  stats [--json]  counters of every stage and drop reason\n"
                            "  consumers       programs that are registered\n"
                            "  access          who may come in, by prefix\n"
                            "  forged          sessions whose keys have met forged records\n"
                            "  certificates    when they end; authorities, OCSP responses, lists, too\n"
                            "  reload          read the configuration again\n"
                            "  connections     sessions that the gateway itself begins\n"
                            "  reconnect NAME  one of them: anew, now\n"
                            "  version         the gateway's version\n"
                            "\n"
                            "  -s, --socket SOCKET  control socket (" DEFAULT_SOCKET ")\n"
                            "  -h, --help           this text\n"
                            "      --version        the version of sluice-ctl\n";

/** They are asked as they are typed. */
static const char *const plain_commands[] = {"consumers",    "connections", "access",
                                             "certificates", "reload",      "version", "forged"};

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        fprintf(stderr, "sluice-ctl: %s: path too long for a Unix socket\n", path);
        return -1;
    }
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = PATIENCE_S};
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (fd >= 0) /* connect waits as well, when a gateway hangs */
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int error = errno;
    if (error == ENOENT || error == ECONNREFUSED)
        fprintf(stderr,
                "sluice-ctl: no gateway listens on %s; is it running, and is this its "
                "control_socket?\n",
                path);
    else if (error == EACCES)
        fprintf(stderr,
                "sluice-ctl: %s is not open to this user; be root, the gateway's user, or in its "
                "control_group\n",
                path);
    else
        fprintf(stderr, "sluice-ctl: can't connect to %s: %s\n", path, strerror(error));
    if (fd >= 0)
        close(fd);
    return -1;
}

static int ask(const char *socket_path, const char *command)
{
    char buffer[4096];
    int fd = connect_to(socket_path);
    if (fd < 0)
        return EXIT_FAILED;
    int len = snprintf(buffer, sizeof buffer, "%s\n", command);
    /* Who is turned away may find the connection closed already, and the answer in it. */
    bool is_sent = send(fd, buffer, (size_t)len, MSG_NOSIGNAL) == len || errno == EPIPE;
    bool is_error = false, is_first = true;
    ssize_t got = 0;
    while (is_sent && !is_error && (got = read(fd, buffer, sizeof buffer)) > 0) {
        if (is_first && got >= 6 && memcmp(buffer, "error:", 6) == 0)
            is_error = true;
        is_first = false;
        fwrite(buffer, 1, (size_t)got, is_error ? stderr : stdout);
    }
    close(fd);
    if (got < 0 || is_first) {
        fprintf(stderr, "sluice-ctl: the gateway did not answer on %s\n", socket_path);
        return EXIT_FAILED;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "sluice-ctl: can't write to standard output\n");
        return EXIT_FAILED;
    }
    return is_error ? EXIT_FAILED : EXIT_OK;
}

static bool is_plain_command(const char *word)
{
    for (unsigned i = 0; i < sizeof plain_commands / sizeof plain_commands[0]; i++)
        if (strcmp(word, plain_commands[i]) == 0)
            return true;
    return false;
}

static int misuse(const char *word)
{
    if (word == NULL)
        fputs("sluice-ctl: a command is needed\n", stderr);
    else if (strcmp(word, "reconnect") == 0)
        fputs("sluice-ctl: reconnect needs one NAME; `sluice-ctl connections` has them\n", stderr);
    else if (strcmp(word, "stats") != 0 && !is_plain_command(word))
        fprintf(stderr, "sluice-ctl: unknown command: %s\n", word);
    else
        fprintf(stderr, "sluice-ctl: %s stands alone; stats may have --json\n", word);
    fputs(usage, stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"socket", required_argument, NULL, 's'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    const char *socket_path = DEFAULT_SOCKET;
    bool as_json = false;
    int option;
    while ((option = getopt_long(argc, argv, "s:h", options, NULL)) != -1) {
        switch (option) {
        case 's':
            socket_path = optarg;
            break;
        case 'j':
            as_json = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_OK;
        case 'v':
            puts("sluice-ctl " SLUICE_VERSION);
            return EXIT_OK;
        default:
            fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if (!as_json && optind == argc - 2 && strcmp(argv[optind], "reconnect") == 0) {
        char line[64];
        snprintf(line, sizeof line, "reconnect %s", argv[optind + 1]);
        return ask(socket_path, line);
    }
    const char *command = optind == argc - 1 ? argv[optind] : "";
    if (strcmp(command, "stats") == 0)
        return ask(socket_path, as_json ? "stats json" : "stats");
    if (!as_json && is_plain_command(command))
        return ask(socket_path, command);
    return misuse(optind < argc ? argv[optind] : NULL);
}
