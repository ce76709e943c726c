/*
 * flood KIND ADDRESS PORT COUNT: what anybody can send, from 64 ports, as fast as the kernel takes
 * it.
 *   garbage  random bytes
 *   records  record headers of every type, random bodies and connection IDs
 *   hellos   ClientHellos without a cookie, each with another random
 * Prints `SENT datagrams bytes, ANSWERED datagrams bytes, LONGEST ratio`: of an answer to its ask.
 *
 * Not sluice-load: its floods run beside sessions of its own, know connection IDs that live, and
 * nobody looks at what is answered to them. This is somebody who never had a session.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS 64
#define BURST 32
#define LEN_MAX 700
#define COUNT_MAX 2000000

static uint64_t random_state = 1;
static uint64_t sent, sent_bytes, answered, answered_bytes;
static double ratio_max;

static uint64_t random64(void) /* xorshift: the same packets in each run */
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void fill(uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)random64();
}

static size_t make_garbage(uint8_t *out)
{
    size_t len = 1 + random64() % (LEN_MAX - 1);
    fill(out, len);
    return len;
}

static size_t make_record(uint8_t *out)
{
    size_t len = 14 + random64() % (LEN_MAX - 14);
    size_t header_len = 13;
    fill(out, len);
    out[0] = (uint8_t)(20 + random64() % 6);
    memcpy(out + 1, "\xfe\xfd", 2);
    memset(out + 3, 0, 2);
    out[4] = random64() % 2; /* epoch */
    if (out[0] == 25 && len > 21) {
        header_len = 21;
        out[11] &= 0x0f; /* layout 0 */
    }
    out[header_len - 2] = (uint8_t)((len - header_len) >> 8);
    out[header_len - 1] = (uint8_t)(len - header_len);
    return len;
}

/** RFC 6347 4.2.2, 4.2.1: one suite, supported groups, no cookie. */
static size_t make_hello(uint8_t *out)
{
    static const uint8_t behind[] = {0, 0, 0, 2, 0xc0, 0x2b, 1, 0, 0, 8, 0, 10, 0, 4, 0, 2, 0, 23};
    const size_t body_len = 2 + 32 + sizeof behind;
    memset(out, 0, 25);
    memcpy(out, "\x16\xfe\xfd", 3);
    out[12] = (uint8_t)(12 + body_len);
    out[13] = 1;
    out[16] = out[24] = (uint8_t)body_len;
    memcpy(out + 25, "\xfe\xfd", 2);
    fill(out + 27, 32);
    memcpy(out + 59, behind, sizeof behind);
    return 25 + body_len;
}

static const struct kind {
    const char *name;
    size_t (*make)(uint8_t *out);
} kinds[] = {{"garbage", make_garbage}, {"records", make_record}, {"hellos", make_hello}};

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

static int open_socket(const char *address, const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("flood");
        exit(2);
    }
    return fd;
}

/** All asks of a run that can be answered have one length, so each answer is held against it. */
static void take_answers(int fd, size_t asked_len)
{
    uint8_t answer[2048];
    ssize_t len;
    while ((len = recv(fd, answer, sizeof answer, MSG_DONTWAIT)) >= 0) {
        answered++;
        answered_bytes += (uint64_t)len;
        double ratio = (double)len / (double)asked_len;
        ratio_max = ratio > ratio_max ? ratio : ratio_max;
    }
}

static size_t send_burst(int fd, const struct kind *kind)
{
    static uint8_t packets[BURST][LEN_MAX];
    struct iovec parts[BURST];
    struct mmsghdr messages[BURST] = {0};
    for (unsigned i = 0; i < BURST; i++) {
        parts[i] = (struct iovec){packets[i], kind->make(packets[i])};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    int n = sendmmsg(fd, messages, BURST, 0);
    for (int i = 0; i < n; i++)
        sent_bytes += parts[i].iov_len;
    sent += n > 0 ? (uint64_t)n : 0;
    return parts[0].iov_len;
}

int main(int count, char **words)
{
    const struct kind *kind = count == 5 ? find_kind(words[1]) : NULL;
    uint64_t wanted = kind != NULL ? strtoull(words[4], NULL, 10) : 0;
    if (wanted == 0 || wanted > COUNT_MAX) {
        fprintf(stderr, "flood garbage|records|hellos ADDRESS PORT COUNT\n");
        return 2;
    }
    int sockets[SOCKETS];
    for (unsigned i = 0; i < SOCKETS; i++)
        sockets[i] = open_socket(words[2], words[3]);
    size_t len = 0;
    for (uint64_t burst = 0; burst < wanted / BURST; burst++) {
        int fd = sockets[random64() % SOCKETS];
        len = send_burst(fd, kind);
        take_answers(fd, len);
    }
    usleep(300000);
    for (unsigned i = 0; i < SOCKETS; i++)
        take_answers(sockets[i], len);
    printf("SENT %llu %llu, ANSWERED %llu %llu, LONGEST %.3f\n", (unsigned long long)sent,
           (unsigned long long)sent_bytes, (unsigned long long)answered,
           (unsigned long long)answered_bytes, ratio_max);
    return sent == 0;
}
