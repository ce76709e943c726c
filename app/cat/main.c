/** sluice-cat: shows what happens to a service's sessions, and what they send. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "print.h"

#define BURST 64

struct cat {
    struct client client;
    const char *greeting; /* NULL: none */
    const char *wanted;   /* NULL, or the connection that it asks for */
    void (*print)(const struct sluice_event *event);
};

static const char usage[] =
    "usage: sluice-cat [options] SERVICE\n"
    "Prints the events and messages of the service's DTLS sessions. Sends nothing but a greeting.\n"
    "\n"
    "  -s, --socket PATH   the gateway's consumer_socket (default " SLUICE_DEFAULT_SOCKET ")\n"
    "      --greet TEXT    send TEXT on each session that opens\n"
    "      --request NAME  ask for a session with the server of this connection\n"
    "      --json          one JSON object a line; payloads in hexadecimal\n"
    "      --once          end with the gateway instead of waiting for the next one\n"
    "  -h, --help          show this text\n"
    "  -V, --version       show the version\n";

/** What it can't be told is left unsaid: the next one may be. */
static void greet(struct cat *cat, sluice_session session)
{
    const int result =
        sluice_send(cat->client.sluice, session, cat->greeting, strlen(cat->greeting));
    if (result != 0 && result != -EPIPE)
        fprintf(stderr, "sluice-cat: a greeting could not be sent: %s\n", strerror(-result));
}

/** return how many events there were, or -errno: -EPIPE the gateway's end, else of the output. */
static int print_burst(struct cat *cat)
{
    struct sluice_event events[BURST];
    int count = sluice_receive(cat->client.sluice, events, BURST);
    for (int i = 0; i < count; i++) {
        cat->print(&events[i]);
        if (events[i].kind == SLUICE_OPEN && cat->greeting != NULL)
            greet(cat, events[i].session);
    }
    if (count > 0 && (fflush(stdout) != 0 || ferror(stdout))) {
        fprintf(stderr, "sluice-cat: can't write to standard output: %s\n", strerror(errno));
        return -EIO;
    }
    return count;
}

/** return 0, or -errno; told. */
static int request(struct cat *cat)
{
    uint32_t number;
    const int result =
        cat->wanted != NULL ? sluice_request(cat->client.sluice, cat->wanted, &number) : 0;
    if (result == -ENOENT)
        fprintf(stderr, "sluice-cat: service %s has no connection %s that can be asked for\n",
                cat->client.service, cat->wanted);
    else if (result != 0)
        fprintf(stderr, "sluice-cat: connection %s: %s\n", cat->wanted, strerror(-result));
    return result;
}

/** return 0 when stopped, or -errno. */
static int run(struct cat *cat)
{
    int result = client_connect(&cat->client);
    if (result == 0)
        result = request(cat);
    while (result >= 0) {
        result = print_burst(cat);
        if (result == 0)
            result = client_wait(&cat->client);
        else if (client_is_stopped())
            result = -EINTR;
        if (result == -EPIPE)
            result = client_reconnect(&cat->client);
    }
    return result == -EINTR ? 0 : result;
}

enum { JSON = CLIENT_OWN, GREET, REQUEST };

static void take_option(void *arg, int option, const char *value)
{
    struct cat *cat = arg;
    switch (option) {
    case GREET:
        cat->greeting = value;
        break;
    case REQUEST:
        cat->wanted = value;
        break;
    case JSON:
        cat->print = print_json;
        break;
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {CLIENT_OPTIONS,
                                            {"json", no_argument, NULL, JSON},
                                            {"greet", required_argument, NULL, GREET},
                                            {"request", required_argument, NULL, REQUEST},
                                            {0}};
    struct cat cat = {.client = {.program = "sluice-cat"}, .print = print_text};
    client_parse(&cat.client, &(struct client_options){options, usage, take_option, &cat}, argc,
                 argv);
    client_catch_signals();
    int result = run(&cat);
    sluice_disconnect(cat.client.sluice);
    return result == 0 ? 0 : 1;
}
