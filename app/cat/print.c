#include "print.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *kind_name(enum sluice_event_kind kind)
{
    static const char *const names[] = {
        [SLUICE_DATA] = "data",   [SLUICE_OPEN] = "open",       [SLUICE_MOVED] = "moved",
        [SLUICE_CLOSE] = "close", [SLUICE_REFUSED] = "refused", [SLUICE_FAILED] = "failed",
    };
    return names[kind];
}

struct address_text {
    char bytes[INET6_ADDRSTRLEN];
};

/** IPv4 where it is mapped. */
static struct address_text address_text(const uint8_t ip[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct address_text text;
    bool is_v4 = memcmp(ip, mapped, sizeof mapped) == 0;
    inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? ip + 12 : ip, text.bytes, sizeof text.bytes);
    return text;
}

static void print_hex(const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        putchar_unlocked(digits[bytes[i] >> 4]);
        putchar_unlocked(digits[bytes[i] & 15]);
    }
}

static bool is_printable(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x7f;
}

static void print_escaped(const void *data, size_t len)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++) {
        if (is_printable(bytes[i]) && bytes[i] != '\\')
            putchar_unlocked(bytes[i]);
        else
            printf("\\x%02x", bytes[i]);
    }
}

static void print_peer_text(const struct sluice_peer *peer)
{
    static const uint8_t none[32];
    printf(" peer=%s port=%u local=%s local_port=%u suite=0x%04x cid_len=%u method=%s",
           address_text(peer->remote_ip).bytes, peer->remote_port,
           address_text(peer->local_ip).bytes, peer->local_port, peer->suite, peer->cid_len,
           sluice_peer_method_name(peer->method));
    if (peer->connection[0] != '\0') {
        fputs(" connection=", stdout);
        print_escaped(peer->connection, strnlen(peer->connection, sizeof peer->connection));
    }
    if (peer->request != 0)
        printf(" request=%u", peer->request);
    if (peer->replaces != 0)
        printf(" replaces=%016" PRIx64, peer->replaces);
    if (memcmp(peer->public_key_sha256, none, sizeof none) != 0) {
        fputs(" public_key_sha256=", stdout);
        print_hex(peer->public_key_sha256, sizeof peer->public_key_sha256);
        fputs(" node_id=", stdout);
        print_escaped(peer->node_id, strnlen(peer->node_id, sizeof peer->node_id));
    }
    if (peer->method == SLUICE_PEER_ANONYMOUS)
        return;
    fputs(" subject=", stdout);
    print_escaped(peer->subject, strnlen(peer->subject, sizeof peer->subject));
}

void print_text(const struct sluice_event *event)
{
    printf("%s session=%016" PRIx64, kind_name(event->kind), event->session);
    switch (event->kind) {
    case SLUICE_DATA:
        printf(" len=%u ", event->data_len);
        print_escaped(event->data, event->data_len);
        break;
    case SLUICE_OPEN:
        print_peer_text(event->peer);
        break;
    case SLUICE_MOVED:
        printf(" address=%s port=%u %s", address_text(event->address).bytes, event->port,
               event->confirmed ? "confirmed" : "candidate");
        break;
    case SLUICE_FAILED:
        printf(" request=%u %s", event->request, event->text);
        break;
    case SLUICE_CLOSE:
    case SLUICE_REFUSED:
        printf(" %s", sluice_reason_text(event->kind, event->reason));
        break;
    }
    putchar_unlocked('\n');
}

/** A JSON string, RFC 8259 7. Bytes from 0x80 on are taken for the characters of that number. */
static void print_json_string(const char *text, size_t len)
{
    putchar_unlocked('"');
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)text[i];
        if (is_printable(byte) && byte != '"' && byte != '\\')
            putchar_unlocked(byte);
        else
            printf("\\u%04x", byte);
    }
    putchar_unlocked('"');
}

static void print_json_hash(const char *name, const uint8_t hash[32])
{
    printf(",\"%s\":\"", name);
    print_hex(hash, 32);
    putchar_unlocked('"');
}

/** How many there are in the peer's verified chain. */
static unsigned certificates_of(const struct sluice_event *event)
{
    const uint8_t *der;
    size_t offset = 0;
    unsigned count = 0;
    while (sluice_peer_certificate(event, &offset, &der) > 0)
        count++;
    return count;
}

static void print_json_peer(const struct sluice_event *event)
{
    const struct sluice_peer *peer = event->peer;
    printf(",\"peer\":{\"method\":\"%s\",\"address\":\"%s\",\"port\":%u,\"local_address\":\"%s\","
           "\"local_port\":%u,\"suite\":%u,\"cid_len\":%u",
           sluice_peer_method_name(peer->method), address_text(peer->remote_ip).bytes,
           peer->remote_port, address_text(peer->local_ip).bytes, peer->local_port, peer->suite,
           peer->cid_len);
    print_json_hash("certificate_sha256", peer->certificate_sha256);
    print_json_hash("public_key_sha256", peer->public_key_sha256);
    fputs(",\"connection\":", stdout);
    print_json_string(peer->connection, strnlen(peer->connection, sizeof peer->connection));
    if (peer->request != 0)
        printf(",\"request\":%u", peer->request);
    if (peer->replaces != 0)
        printf(",\"replaces\":\"%016" PRIx64 "\"", peer->replaces);
    fputs(",\"node_id\":", stdout);
    print_json_string(peer->node_id, strnlen(peer->node_id, sizeof peer->node_id));
    fputs(",\"subject\":", stdout);
    print_json_string(peer->subject, strnlen(peer->subject, sizeof peer->subject));
    printf(",\"certificates\":%u}", certificates_of(event));
}

void print_json(const struct sluice_event *event)
{
    /* A handle has 64 bits, more than a JSON number can hold everywhere: a string. */
    printf("{\"event\":\"%s\",\"session\":\"%016" PRIx64 "\",\"time_ns\":%" PRIu64,
           kind_name(event->kind), event->session, event->time_ns);
    switch (event->kind) {
    case SLUICE_DATA:
        printf(",\"len\":%u,\"hex\":\"", event->data_len);
        print_hex(event->data, event->data_len);
        putchar_unlocked('"');
        break;
    case SLUICE_OPEN:
        print_json_peer(event);
        break;
    case SLUICE_MOVED:
        printf(",\"address\":\"%s\",\"port\":%u,\"confirmed\":%s",
               address_text(event->address).bytes, event->port,
               event->confirmed ? "true" : "false");
        break;
    case SLUICE_FAILED:
        printf(",\"request\":%u,\"reason\":", event->request);
        print_json_string(event->text, strlen(event->text));
        break;
    case SLUICE_CLOSE:
    case SLUICE_REFUSED:
        printf(",\"reason\":%u,\"text\":", event->reason);
        const char *text = sluice_reason_text(event->kind, event->reason);
        print_json_string(text, strlen(text));
        break;
    }
    fputs("}\n", stdout);
}
