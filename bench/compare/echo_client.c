/**
 * echo_client KEY ADDRESS PORT SECONDS LEN..: how many messages of LEN bytes a second a DTLS 1.2
 * echo server sends back. Prints "KEY.LEN.kpps VALUE", thousands a second, for each LEN, in this
 * order.
 *
 * SESSIONS sessions that have each up to WINDOW messages in flight: a new one follows an echo, so
 * the server always has work, and nothing is lost as long as the buffers on the way hold that many.
 * A session that has heard nothing for a while takes what it waits for as lost, and begins again;
 * more than one in a hundred lost is no result. A message counts when it has come back, once, byte
 * for byte.
 *
 * Counting begins after a fifth of the time. Between two looks at a session that found nothing the
 * client does not sleep: it has a core of its own. Exit status 1, after a sentence, when a session
 * could not be opened, nothing came, too much was lost, or something came that was never sent.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "echo_session.h"

#define SESSIONS 16
#define WINDOW 32
/* Long: where real-time threads are many, the kernel takes each core from them for 50 ms a second.
 */
#define LOST_AFTER_NS 400000000ULL
#define SILENCE_NS 200000000ULL
#define LOST_PERCENT_MAX 1

struct client {
    struct echo_workspace workspace;
    struct echo_session sessions[SESSIONS];
    uint64_t echoes, lost;         /* of all time */
    uint64_t looks, looks_in_vain; /* at a session's socket */
};

static void fail(const char *what)
{
    fprintf(stderr, "echo_client: %s\n", what);
    exit(1);
}

static void serve_session(struct client *client, struct echo_session *session, uint64_t now_ns)
{
    unsigned echoes = echo_session_receive(session, &client->workspace);
    client->echoes += echoes;
    client->looks++;
    client->looks_in_vain += echoes == 0;
    /* An echo may be of a message that was taken as lost. */
    session->in_flight -= echoes < session->in_flight ? echoes : session->in_flight;
    if (echoes > 0) {
        session->progress_ns = now_ns;
    } else if (now_ns - session->progress_ns > LOST_AFTER_NS) {
        client->lost += session->in_flight;
        session->in_flight = 0;
        session->progress_ns = now_ns;
    }
    if (session->in_flight < WINDOW)
        session->in_flight +=
            echo_session_send(session, &client->workspace, WINDOW - session->in_flight);
}

static void serve_until(struct client *client, uint64_t end_ns)
{
    for (uint64_t now_ns = bench_now_ns(); now_ns < end_ns; now_ns = bench_now_ns())
        for (unsigned i = 0; i < SESSIONS; i++)
            serve_session(client, &client->sessions[i], now_ns);
    if (client->workspace.is_foreign)
        fail("something came that is no echo");
}

/** What is still on its way comes back, so that the next length begins with empty queues. */
static void drain(struct client *client)
{
    uint64_t silent_since_ns = bench_now_ns();
    while (bench_now_ns() - silent_since_ns < SILENCE_NS)
        for (unsigned i = 0; i < SESSIONS; i++)
            if (echo_session_receive(&client->sessions[i], &client->workspace) > 0)
                silent_since_ns = bench_now_ns();
    for (unsigned i = 0; i < SESSIONS; i++)
        client->sessions[i].in_flight = 0;
}

static double measure_kpps(struct client *client, uint32_t len, double seconds)
{
    uint64_t begin_ns = bench_now_ns();
    for (unsigned i = 0; i < SESSIONS; i++) {
        client->sessions[i].len = len;
        client->sessions[i].progress_ns = begin_ns;
    }
    serve_until(client, begin_ns + (uint64_t)(seconds * 1e9 / 5));
    client->echoes = client->lost = client->looks = client->looks_in_vain = 0;
    begin_ns = bench_now_ns();
    serve_until(client, begin_ns + (uint64_t)(seconds * 1e9));
    uint64_t took_ns = bench_now_ns() - begin_ns, echoes = client->echoes;
    drain(client);
    if (echoes == 0)
        fail("nothing came back");
    if (client->lost * 100 > echoes * LOST_PERCENT_MAX)
        fail("too much was lost");
    return (double)echoes * 1e6 / (double)took_ns;
}

int main(int argc, char **argv)
{
    struct sockaddr_in server = {.sin_family = AF_INET};
    double seconds = argc > 5 ? strtod(argv[4], NULL) : 0;
    if (seconds <= 0 || inet_pton(AF_INET, argv[2], &server.sin_addr) != 1) {
        fprintf(stderr, "usage: echo_client KEY ADDRESS PORT SECONDS LEN..\n");
        return 2;
    }
    server.sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
    struct client *client = bench_alloc(sizeof *client);
    echo_workspace_init(&client->workspace);
    for (unsigned i = 0; i < SESSIONS; i++)
        if (echo_session_open(&client->sessions[i], &client->workspace, &server) != 0)
            fail("a handshake failed");
    for (int i = 5; i < argc; i++) {
        uint32_t len = (uint32_t)strtoul(argv[i], NULL, 10);
        if (len < ECHO_LEN_MIN || len > ECHO_LEN_MAX)
            fail("a message has 8 to 1400 bytes");
        bench_result(measure_kpps(client, len, seconds), "%s.%u.kpps", argv[1], len);
        bench_result(100.0 * (double)client->looks_in_vain / (double)client->looks,
                     "%s.%u.client_idle_percent", argv[1], len);
    }
    for (unsigned i = 0; i < SESSIONS; i++)
        echo_session_close(&client->sessions[i], &client->workspace);
    sl_aead_destroy(client->workspace.aead);
    return 0;
}
