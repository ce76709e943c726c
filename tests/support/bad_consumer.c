/*
 * A consumer that misbehaves, on the bare protocol of docs/ring-protocol.md.
 *
 * bad_consumer SOCKET SERVICE HOW [HANDLE]
 *   scribble  writes noise over all that it may write
 *   holes     announces entries, and punches holes where they should be
 *   kinds     sends an entry of a kind that there is not
 *   chatter   says something on the socket that is its registration
 *   handles   1,000 times asks to send, confirm a move, or close on HANDLE, another consumer's
 * session deaf      says that it sleeps, fills its end of the wake-up socket, and reads nothing The
 * first four end when the gateway hangs up ("EVICTED"); handles when each send was refused
 * ("REFUSED"); deaf says "DEAF" and stays until it is ended. Exit status 1: none of it in 20 s.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "sl_ring_abi.h"

#define REQUESTS 1000
#define PATIENCE_MS 20000

static struct {
    int socket, wake_fd, send_fds[SL_RING_WORKERS_MAX];
    struct sl_ring_reply reply;
    const uint8_t *receive[SL_RING_WORKERS_MAX];
    uint8_t *send[SL_RING_WORKERS_MAX];
} bad;

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static size_t map_len(void)
{
    return SL_RING_DATA_OFF + bad.reply.ring_size;
}

static void say_hello(const char *path, const char *service)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct sl_ring_hello hello = {.magic = SL_RING_MAGIC, .abi_version = SL_RING_ABI_VERSION};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    snprintf(hello.service, sizeof hello.service, "%s", service);
    bad.socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (connect(bad.socket, (struct sockaddr *)&address, sizeof address) != 0 ||
        send(bad.socket, &hello, sizeof hello, MSG_NOSIGNAL) != sizeof hello)
        die(path);
}

static void take_memory(const int *fds)
{
    bad.wake_fd = fds[1];
    for (unsigned w = 0; w < bad.reply.worker_count; w++) {
        bad.send_fds[w] = fds[3 + 2 * w];
        bad.receive[w] = mmap(NULL, map_len(), PROT_READ, MAP_SHARED, fds[2 + 2 * w], 0);
        bad.send[w] = mmap(NULL, map_len(), PROT_READ | PROT_WRITE, MAP_SHARED, bad.send_fds[w], 0);
        if (bad.receive[w] == MAP_FAILED || bad.send[w] == MAP_FAILED)
            die("mmap");
    }
}

static void register_at(const char *path, const char *service)
{
    union {
        struct cmsghdr header; /* for its alignment */
        char bytes[CMSG_SPACE(SL_RING_REPLY_FDS_MAX * sizeof(int))];
    } control;
    struct iovec iov = {&bad.reply, sizeof bad.reply};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    int fds[SL_RING_REPLY_FDS_MAX];
    say_hello(path, service);
    ssize_t got = recvmsg(bad.socket, &message, 0);
    struct cmsghdr *rights = got == sizeof bad.reply ? CMSG_FIRSTHDR(&message) : NULL;
    if (rights == NULL || bad.reply.status != SL_RING_STATUS_OK)
        die("no registration");
    memcpy(fds, CMSG_DATA(rights), rights->cmsg_len - CMSG_LEN(0));
    take_memory(fds);
}

static bool is_hung_up(int timeout_ms)
{
    struct pollfd p = {.fd = bad.socket, .events = POLLRDHUP};
    return poll(&p, 1, timeout_ms) == 1;
}

static uint64_t *head_of(unsigned worker)
{
    return &((struct sl_ring_client_words *)bad.send[worker])->send.head;
}

/** Entry `number` of a fresh send ring; shown by the next publish. */
static struct sl_ring_entry *entry_at(unsigned worker, uint64_t number)
{
    return (void *)(bad.send[worker] + SL_RING_DATA_OFF + number * SL_RING_ALIGN);
}

static void publish(unsigned worker, uint64_t count)
{
    __atomic_store_n(head_of(worker), count * SL_RING_ALIGN, __ATOMIC_RELEASE);
}

static void scribble(void)
{
    for (unsigned w = 0; w < bad.reply.worker_count; w++)
        for (size_t i = 0; i < map_len(); i++)
            bad.send[w][i] = (uint8_t)rand();
}

static void punch_holes(void)
{
    for (unsigned w = 0; w < bad.reply.worker_count; w++) {
        if (fallocate(bad.send_fds[w], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                      (off_t)map_len()) != 0)
            die("fallocate");
        publish(w, 4);
    }
}

static void send_unknown_kind(void)
{
    *entry_at(0, 0) = (struct sl_ring_entry){.len = sizeof(struct sl_ring_entry), .kind = 99};
    publish(0, 1);
}

static void chatter(void)
{
    (void)!send(bad.socket, "hello?", 6, MSG_NOSIGNAL);
}

/** Refusals among what the gateway has written to a receive ring that has not wrapped. */
static unsigned count_refusals(unsigned worker)
{
    const struct sl_ring_gateway_words *words = (const void *)bad.receive[worker];
    uint64_t head = __atomic_load_n(&words->receive.head, __ATOMIC_ACQUIRE);
    unsigned count = 0;
    for (uint64_t at = 0; at < head;) {
        const struct sl_ring_entry *entry =
            (const void *)(bad.receive[worker] + SL_RING_DATA_OFF + at);
        count += entry->kind == SL_RING_REFUSED && entry->detail == SL_REFUSE_HANDLE;
        at += (entry->len + SL_RING_ALIGN - 1) / SL_RING_ALIGN * SL_RING_ALIGN;
    }
    return count;
}

static int use_handle_of_another(uint64_t handle)
{
    unsigned worker = sl_ring_session_worker(handle) % bad.reply.worker_count;
    for (unsigned i = 0; i < REQUESTS; i++)
        *entry_at(worker, i) = (struct sl_ring_entry){.len = sizeof(struct sl_ring_entry) +
                                                             sizeof(struct sl_ring_moved),
                                                      .kind = (uint8_t)(SL_RING_SEND + i % 3),
                                                      .session = handle};
    publish(worker, REQUESTS);
    for (unsigned waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms += 10) {
        if (count_refusals(worker) == REQUESTS) {
            printf("REFUSED\n");
            return 0;
        }
        if (is_hung_up(10))
            break;
    }
    printf("%u of %u were refused\n", count_refusals(worker), REQUESTS);
    return 1;
}

static int be_deaf(void)
{
    char noise[4096] = {0};
    for (unsigned w = 0; w < bad.reply.worker_count; w++)
        ((struct sl_ring_client_words *)bad.send[w])->receive.sleeping = 1;
    while (send(bad.wake_fd, noise, sizeof noise, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        continue;
    printf("DEAF\n");
    pause();
    return 0;
}

static int misbehave_until_evicted(void (*misbehave)(void))
{
    for (unsigned waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms += 10) {
        misbehave();
        if (is_hung_up(10)) {
            printf("EVICTED\n");
            return 0;
        }
    }
    printf("still registered\n");
    return 1;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *how;
        void (*misbehave)(void);
    } ways[] = {{"scribble", scribble},
                {"holes", punch_holes},
                {"kinds", send_unknown_kind},
                {"chatter", chatter}};
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 4) {
        fprintf(stderr, "usage: bad_consumer SOCKET SERVICE HOW [HANDLE]\n");
        return 2;
    }
    register_at(argv[1], argv[2]);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(argv[3], ways[i].how) == 0)
            return misbehave_until_evicted(ways[i].misbehave);
    if (strcmp(argv[3], "handles") == 0 && argc == 5)
        return use_handle_of_another(strtoull(argv[4], NULL, 16));
    return strcmp(argv[3], "deaf") == 0 ? be_deaf() : 2;
}
