/**
 * coap_consumer SOCKET SERVICE: answers CoAP requests (RFC 7252) that come over a service's
 * sessions with a line that says who asked, and for what: "psk anna /sensors/1 BODY".
 *
 * A confirmable request is answered in its acknowledgement, another one by a message of its own
 * kind, an empty one (a ping) by a reset. Everything else gets no answer.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "sluice.h"

#define SESSIONS 256
#define URI_PATH 11
#define CONTENT 0x45 /* 2.05 */

enum { CONFIRMABLE, NON_CONFIRMABLE, ACKNOWLEDGEMENT, RESET };

struct request {
    uint8_t type, code;
    uint16_t id;
    const uint8_t *token, *body;
    size_t token_len, body_len;
    char path[128];
};

/* Who is at the other end of a session. */
static struct {
    sluice_session session;
    char who[256];
} known[SESSIONS];
static unsigned known_count;

static void remember(const struct sluice_event *event)
{
    const unsigned slot = known_count++ % SESSIONS;
    known[slot].session = event->session;
    snprintf(known[slot].who, sizeof known[slot].who, "%s %s",
             sluice_peer_method_name(event->peer->method), event->peer->subject);
}

static const char *who_is(sluice_session session)
{
    for (unsigned i = 0; i < SESSIONS; i++) {
        if (known[i].session == session)
            return known[i].who;
    }
    return "nobody";
}

/* A nibble of an option's first byte, and the bytes that may go on with it (RFC 7252 3.1). */
static bool option_number(unsigned nibble, const uint8_t **at, const uint8_t *end, unsigned *out)
{
    const unsigned bytes = nibble == 13 ? 1 : nibble == 14 ? 2 : 0;
    if (nibble == 15 || (size_t)(end - *at) < bytes)
        return false;
    *out = nibble < 13 ? nibble : bytes == 1 ? (*at)[0] + 13u : ((*at)[0] << 8 | (*at)[1]) + 269u;
    *at += bytes;
    return true;
}

static void add_to_path(struct request *request, const uint8_t *part, unsigned len)
{
    const size_t used = strlen(request->path);
    if (used + len + 2 <= sizeof request->path)
        snprintf(request->path + used, sizeof request->path - used, "/%.*s", (int)len,
                 (const char *)part);
}

static bool parse_options(struct request *request, const uint8_t *at, const uint8_t *end)
{
    unsigned option = 0, delta, len;
    while (at < end && *at != 0xff) {
        const uint8_t first = *at++;
        if (!option_number(first >> 4, &at, end, &delta) ||
            !option_number(first & 15, &at, end, &len) || (size_t)(end - at) < len)
            return false;
        option += delta;
        if (option == URI_PATH)
            add_to_path(request, at, len);
        at += len;
    }
    request->body = at < end ? at + 1 : end;
    request->body_len = (size_t)(end - request->body);
    return true;
}

static bool parse(struct request *request, const uint8_t *message, size_t len)
{
    *request = (struct request){0};
    if (len < 4 || message[0] >> 6 != 1 || (message[0] & 15) > 8 || len < 4u + (message[0] & 15))
        return false;
    request->type = message[0] >> 4 & 3;
    request->code = message[1];
    request->id = (uint16_t)(message[2] << 8 | message[3]);
    request->token = message + 4;
    request->token_len = message[0] & 15;
    return parse_options(request, request->token + request->token_len, message + len);
}

static size_t write_header(uint8_t *answer, unsigned type, unsigned code,
                           const struct request *request)
{
    answer[0] = (uint8_t)(1 << 6 | type << 4 | (code != 0 ? request->token_len : 0));
    answer[1] = (uint8_t)code;
    answer[2] = (uint8_t)(request->id >> 8);
    answer[3] = (uint8_t)request->id;
    if (code == 0)
        return 4;
    memcpy(answer + 4, request->token, request->token_len);
    return 4 + request->token_len;
}

static void handle(struct sluice *sluice, const struct sluice_event *event)
{
    struct request request;
    uint8_t answer[512];
    if (event->kind == SLUICE_OPEN)
        remember(event);
    if (event->kind != SLUICE_DATA || !parse(&request, event->data, event->data_len) ||
        request.type > NON_CONFIRMABLE || request.code >= 32)
        return;
    size_t len;
    if (request.code == 0) {
        len = write_header(answer, RESET, 0, &request);
    } else {
        len = write_header(answer, request.type == CONFIRMABLE ? ACKNOWLEDGEMENT : NON_CONFIRMABLE,
                           CONTENT, &request);
        answer[len++] = 0xff;
        const int wanted = snprintf((char *)answer + len, sizeof answer - len, "%s %s %.*s",
                                    who_is(event->session), request.path,
                                    request.body_len < 128 ? (int)request.body_len : 128,
                                    (const char *)request.body);
        len += (size_t)wanted < sizeof answer - len ? (size_t)wanted : sizeof answer - len - 1;
    }
    if (sluice_send(sluice, event->session, answer, len) != 0)
        fprintf(stderr, "coap_consumer: an answer could not be sent\n");
}

static volatile sig_atomic_t stopped;
static void stop(int number)
{
    (void)number;
    stopped = 1;
}

int main(int argc, char **argv)
{
    struct sluice *sluice;
    struct sluice_event events[32];
    if (argc != 3 || sluice_connect(argv[1], argv[2], &sluice) != 0) {
        fprintf(stderr, "usage: coap_consumer SOCKET SERVICE, of a gateway that runs\n");
        return 2;
    }
    signal(SIGTERM, stop);
    while (!stopped && sluice_wait(sluice, 100) >= 0) {
        const int count = sluice_receive(sluice, events, 32);
        if (count < 0)
            break;
        for (int i = 0; i < count; i++)
            handle(sluice, &events[i]);
    }
    sluice_disconnect(sluice);
    return stopped ? 0 : 1;
}
