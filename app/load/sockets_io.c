/* Kernel UDP sockets for an engine: one for each source. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "port.h"
#include "sl_sockets.h"

#define FRAME_COUNT 4096
#define UDP_OVER_IP_LEN (SL_IPV6_HEADER_LEN + SL_UDP_HEADER_LEN)
/** What other networks carry as well, and so the most that is used where it suffices. */
#define MTU_USUAL 1500

static unsigned io_receive(void *arg, struct sl_frame **frames, unsigned n)
{
    return sl_sockets_receive(arg, frames, n);
}

static unsigned io_transmit(void *arg, struct sl_frame **frames, unsigned n)
{
    return sl_sockets_transmit(arg, frames, n);
}

static unsigned io_take(void *arg, struct sl_frame **frames, unsigned n)
{
    return sl_sockets_take(arg, frames, n);
}

static void io_free(void *arg, struct sl_frame **frames, unsigned n)
{
    sl_sockets_free(arg, frames, n);
}

static int io_open_source(void *arg, uint32_t source, struct sl_tuple *tuple)
{
    int error = sl_sockets_open(arg, source, tuple);
    if (error == 0)
        *tuple = *sl_sockets_tuple(arg, source);
    return error;
}

static void io_close_source(void *arg, uint32_t source)
{
    sl_sockets_close(arg, source);
}

static void wait_for_frames(void *arg, uint64_t timeout_ns)
{
    (void)sl_sockets_wait(arg, timeout_ns);
}

static unsigned count(void *arg, struct sl_stat *stats)
{
    static_assert(SL_SOCKET_COUNTER_COUNT <= PORT_STATS_MAX, "there is a place for each");
    sl_sockets_count_overruns(arg);
    for (unsigned i = 0; i < SL_SOCKET_COUNTER_COUNT; i++)
        stats[i] = (struct sl_stat){"sockets", sl_socket_counter_name(i), sl_socket_counter_text(i),
                                    sl_sockets_counter(arg, i)};
    return SL_SOCKET_COUNTER_COUNT;
}

static void close_sockets(void *arg)
{
    sl_sockets_destroy(arg);
}

static socklen_t make_address(const struct sl_ip *ip, uint16_t port, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (sl_ip_is_v4(ip)) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)out;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        memcpy(&v4->sin_addr, ip->bytes + 12, 4);
        return sizeof *v4;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    memcpy(&v6->sin6_addr, ip->bytes, 16);
    return sizeof *v6;
}

/** Of the way to the server, as the kernel knows it. return bytes, or -errno: there is none. */
static int path_mtu(const struct sl_load_scenario *scenario)
{
    struct sockaddr_storage address;
    socklen_t len = make_address(&scenario->server_ip, scenario->server_port, &address);
    bool is_v4 = sl_ip_is_v4(&scenario->server_ip);
    int mtu = 0, fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t mtu_len = sizeof mtu;
    if (fd < 0)
        return -errno;
    int result = connect(fd, (struct sockaddr *)&address, len);
    if (result == 0)
        result = getsockopt(fd, is_v4 ? IPPROTO_IP : IPPROTO_IPV6, is_v4 ? IP_MTU : IPV6_MTU, &mtu,
                            &mtu_len);
    result = result == 0 ? mtu : -errno;
    close(fd);
    return result;
}

/** As large as messages need, the usual one where that suffices, and no larger than the path's. */
static int choose_mtu(const struct sl_load_scenario *scenario, uint16_t *mtu, char *reason)
{
    uint32_t wanted =
        sl_load_sizes_longest(&scenario->sizes) + SL_RECORD_OVERHEAD_MAX + UDP_OVER_IP_LEN;
    int path = path_mtu(scenario);
    if (path < 0) {
        snprintf(reason, SL_REASON_LEN, "there is no way to the server: %s", strerror(-path));
        return path;
    }
    uint32_t chosen = wanted > MTU_USUAL ? wanted : MTU_USUAL;
    chosen = chosen < (uint32_t)path ? chosen : (uint32_t)path;
    *mtu = (uint16_t)(chosen < UINT16_MAX ? chosen : UINT16_MAX);
    return 0;
}

int sockets_port_open(const struct sl_load_scenario *scenario, unsigned index, unsigned count_all,
                      struct port *port, char *reason)
{
    uint64_t sources = (uint64_t)scenario->sources.ip_count * scenario->sources.port_count;
    struct sl_sockets *sockets;
    memset(port, 0, sizeof *port);
    int error = choose_mtu(scenario, &port->mtu, reason);
    if (error != 0)
        return error;
    uint32_t room = (uint32_t)port->mtu + SL_LOAD_FRAME_MARGIN;
    struct sl_sockets_config config = {
        .sources_max = (unsigned)(sources / count_all + (index < sources % count_all)),
        .frame_count = FRAME_COUNT,
        .frame_room = room < SL_SOCKETS_ROOM_MAX ? room : SL_SOCKETS_ROOM_MAX,
    };
    error = sl_sockets_create(&config, &sockets, reason);
    if (error != 0)
        return error;
    port->arg = sockets;
    port->io = (struct sl_load_io){.arg = sockets,
                                   .receive = io_receive,
                                   .transmit = io_transmit,
                                   .take = io_take,
                                   .free = io_free,
                                   .open_source = io_open_source,
                                   .close_source = io_close_source};
    port->wait = wait_for_frames;
    port->count = count;
    port->close = close_sockets;
    return 0;
}
