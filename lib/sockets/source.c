/* Sources: the socket of each, from its addresses to its end. */
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sockets_priv.h"

/* What the kernel may keep for all sources together, and its bounds for one. It takes the memory
 * only while datagrams wait. */
#define BUFFERS_LEN (256U << 20)
#define BUFFER_LEN_MAX (4U << 20)
#define BUFFER_LEN_MIN (64U << 10)
#define STRANGERS_MAX 1024

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool is_zeros(const struct sl_ip *ip)
{
    static const struct sl_ip zeros;
    return memcmp(ip, &zeros, sizeof zeros) == 0;
}

static socklen_t address_of(const struct sl_ip *ip, uint16_t port, bool is_v4, union address *out)
{
    memset(out, 0, sizeof *out);
    if (is_v4) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(port);
        memcpy(&out->v4.sin_addr, ip->bytes + 12, 4);
        return sizeof out->v4;
    }
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons(port);
    memcpy(&out->v6.sin6_addr, ip->bytes, sizeof ip->bytes);
    return sizeof out->v6;
}

/** What the socket's local address became. */
static int read_local(int fd, struct sl_tuple *tuple)
{
    union address local = {.v6 = {.sin6_family = AF_UNSPEC}};
    socklen_t len = sizeof local;
    if (getsockname(fd, &local.any, &len) != 0)
        return -errno;
    if (local.any.sa_family == AF_INET) {
        tuple->local_ip = sl_ip_from_v4((const uint8_t *)&local.v4.sin_addr);
        tuple->local_port = ntohs(local.v4.sin_port);
    } else {
        memcpy(tuple->local_ip.bytes, &local.v6.sin6_addr, sizeof tuple->local_ip.bytes);
        tuple->local_port = ntohs(local.v6.sin6_port);
    }
    return 0;
}

static int buffer_len(const struct sl_sockets *sockets, unsigned configured)
{
    if (configured != 0)
        return (int)configured;
    unsigned share = BUFFERS_LEN / sockets->config.sources_max;
    share = share < BUFFER_LEN_MAX ? share : BUFFER_LEN_MAX;
    return (int)(share > BUFFER_LEN_MIN ? share : BUFFER_LEN_MIN);
}

/** Best effort: the kernel has limits of its own, and an old one no UDP_GRO. */
static void set_options(const struct sl_sockets *sockets, int fd)
{
    const int receive_len = buffer_len(sockets, sockets->config.receive_buffer_len);
    const int send_len = buffer_len(sockets, sockets->config.send_buffer_len);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_len, sizeof receive_len);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_len, sizeof send_len);
    if (!sockets->config.is_unsegmented)
        setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
}

/** Between bind and connect anybody's datagrams may come in; they are taken out again. */
static void forget_strangers(int fd)
{
    char byte;
    for (unsigned i = 0; i < STRANGERS_MAX && recv(fd, &byte, sizeof byte, 0) >= 0; i++)
        ;
}

static int set_up(struct sl_sockets *sockets, int fd, unsigned number, struct sl_tuple *tuple)
{
    union address local, remote;
    const bool is_v4 = sl_ip_is_v4(&tuple->remote_ip);
    socklen_t local_len = address_of(&tuple->local_ip, tuple->local_port, is_v4, &local);
    socklen_t remote_len = address_of(&tuple->remote_ip, tuple->remote_port, is_v4, &remote);
    set_options(sockets, fd);
    if (bind(fd, &local.any, local_len) != 0 || connect(fd, &remote.any, remote_len) != 0)
        return -errno;
    forget_strangers(fd);
    int error = read_local(fd, tuple);
    if (error != 0)
        return error;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = number};
    return epoll_ctl(sockets->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

int sl_sockets_open(struct sl_sockets *sockets, unsigned number, const struct sl_tuple *tuple)
{
    if (number >= sockets->config.sources_max)
        return -EINVAL;
    struct sockets_source *source = &sockets->sources[number];
    if (source->fd >= 0)
        return -EBUSY;
    const bool is_v4 = sl_ip_is_v4(&tuple->remote_ip);
    if (!is_zeros(&tuple->local_ip) && sl_ip_is_v4(&tuple->local_ip) != is_v4)
        return -EINVAL;
    int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    struct sl_tuple became = *tuple;
    int error = set_up(sockets, fd, number, &became);
    if (error != 0) {
        close(fd);
        return error;
    }
    source->tuple = became;
    source->fd = fd;
    source->overruns = 0;
    source->segment_max = sockets->config.is_unsegmented ? 0 : UINT16_MAX;
    return 0;
}

/** The kernel counts what it drops, in 32 bits. */
static void count_overruns(struct sl_sockets *sockets, struct sockets_source *source)
{
    uint32_t info[SK_MEMINFO_VARS];
    socklen_t len = sizeof info;
    if (getsockopt(source->fd, SOL_SOCKET, SO_MEMINFO, info, &len) != 0 ||
        len <= SK_MEMINFO_DROPS * sizeof info[0])
        return;
    sockets_count(sockets, SL_SOCKET_OVERRUN, info[SK_MEMINFO_DROPS] - source->overruns);
    source->overruns = info[SK_MEMINFO_DROPS];
}

void sl_sockets_count_overruns(struct sl_sockets *sockets)
{
    for (unsigned i = 0; i < sockets->config.sources_max; i++)
        if (sockets->sources[i].fd >= 0)
            count_overruns(sockets, &sockets->sources[i]);
}

void sl_sockets_close(struct sl_sockets *sockets, unsigned number)
{
    if (number >= sockets->config.sources_max || sockets->sources[number].fd < 0)
        return;
    struct sockets_source *source = &sockets->sources[number];
    count_overruns(sockets, source);
    sockets_forget_batch(sockets, number);
    close(source->fd); /* epoll forgets it; a turn it may have left is skipped */
    source->fd = -1;
}

const struct sl_tuple *sl_sockets_tuple(const struct sl_sockets *sockets, unsigned number)
{
    if (number >= sockets->config.sources_max || sockets->sources[number].fd < 0)
        return NULL;
    return &sockets->sources[number].tuple;
}
