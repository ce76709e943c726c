/* A DPDK port for the engines: a queue for each, and rings for what comes to the wrong one. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

#include <bpf/libbpf.h>
#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_ring.h>

#include "eal.h"
#include "port.h"
#include "sl_port.h"

#define FRAMES_PER_QUEUE 8192
/** Frames that may wait for an engine which another has received. */
#define INBOX_LEN 4096
#define SHARDS 256
#define MEMORY_MB_PER_ENGINE 64
#define MEMORY_MB 128

struct dpdk;

/** One engine's queue. */
struct lane {
    struct dpdk *dpdk;
    unsigned queue;
    struct rte_ring *inbox; /* frames of its clients that came to others' queues */
};

struct dpdk {
    struct sl_port *port;
    uint8_t shard_owner[SHARDS];
    struct sl_load_link link;
    unsigned lane_count;
    struct lane lanes[];
};

static void log_line(const char *line)
{
    fprintf(stderr, "sluice-load: %s\n", line);
}

static unsigned io_receive(void *arg, struct sl_frame **frames, unsigned n)
{
    struct lane *lane = arg;
    const unsigned own = rte_ring_sc_dequeue_burst(lane->inbox, (void **)frames, n, NULL);
    return own + sl_port_receive(lane->dpdk->port, lane->queue, frames + own, n - own);
}

static unsigned io_transmit(void *arg, struct sl_frame **frames, unsigned n)
{
    struct lane *lane = arg;
    return sl_port_transmit(lane->dpdk->port, lane->queue, frames, n);
}

static unsigned io_take(void *arg, struct sl_frame **frames, unsigned n)
{
    struct lane *lane = arg;
    return sl_port_take(lane->dpdk->port, lane->queue, frames, n);
}

static void io_free(void *arg, struct sl_frame **frames, unsigned n)
{
    (void)arg;
    sl_port_free(frames, n);
}

static bool io_hand_over(void *arg, unsigned engine, struct sl_frame *frame)
{
    struct lane *lane = arg;
    return rte_ring_mp_enqueue(lane->dpdk->lanes[engine].inbox, frame) == 0;
}

/** So that the thread has a cache of each pool's. */
static void enter(void *arg)
{
    (void)arg;
    if (rte_thread_register() != 0)
        log_line("DPDK knows no more threads: buffers are taken without a cache, which is slower");
}

static void leave(void *arg)
{
    (void)arg;
    rte_thread_unregister();
}

static unsigned count(void *arg, struct sl_stat *stats)
{
    struct lane *lane = arg;
    struct sl_port_stat port[PORT_STATS_MAX];
    if (lane->queue != 0) /* they are the whole port's */
        return 0;
    const unsigned n = sl_port_stats(lane->dpdk->port, port, PORT_STATS_MAX);
    for (unsigned i = 0; i < n; i++)
        stats[i] = (struct sl_stat){"port", port[i].name, port[i].text, port[i].value};
    return n;
}

static int start_eal(const struct plan *plan, char *reason)
{
    const struct eal_settings settings = {
        .program = "sluice-load",
        .what = "engines",
        .memory_mb = MEMORY_MB + MEMORY_MB_PER_ENGINE * plan->cores,
        .memory_option = "sluice-load",
        .devices = (const char *const *)plan->devices.items,
        .device_count = plan->devices.count,
        .log = log_line,
    };
    char text[EAL_REASON_LEN];
    const int error = eal_start(&settings, text);
    if (error != 0)
        snprintf(reason, SL_REASON_LEN, "%s", text);
    return error;
}

/**
 * An XDP program on the interface is another's: a gateway's, for one, that would receive nothing
 * any more once AF_XDP's set-up had failed and taken its program away.
 */
static int check_interface(const char *name, char *reason)
{
    const unsigned number = if_nametoindex(name);
    uint32_t program = 0;
    if (number == 0 || bpf_xdp_query_id((int)number, 0, &program) != 0 || program == 0)
        return 0; /* one that is not there is told by the port */
    snprintf(
        reason, SL_REASON_LEN,
        "%.15s is in use: it has an XDP program of another one's, a gateway's perhaps. If that is "
        "what a killed program has left: ip link set dev %.15s xdp off",
        name, name);
    return -EBUSY;
}

static int start_port(struct dpdk *dpdk, const struct plan *plan, char *reason)
{
    for (unsigned shard = 0; shard < SHARDS; shard++)
        dpdk->shard_owner[shard] = (uint8_t)(shard % dpdk->lane_count);
    const struct sl_port_config config = {
        .driver = plan->devices.count > 0 ? SL_PORT_DPDK : (enum sl_port_driver)plan->driver,
        .interface = plan->interface,
        .devices = (const char *const *)plan->devices.items,
        .device_count = plan->devices.count,
        .queue_count = dpdk->lane_count,
        .frames_per_queue = FRAMES_PER_QUEUE,
        .rss_key = sl_wire_rss_key,
        .shard_owner = dpdk->shard_owner,
    };
    return sl_port_create(&config, log_line, &dpdk->port, reason);
}

static int make_inboxes(struct dpdk *dpdk, char *reason)
{
    for (unsigned i = 0; i < dpdk->lane_count; i++) {
        char name[RTE_RING_NAMESIZE];
        snprintf(name, sizeof name, "inbox %u", i);
        dpdk->lanes[i] = (struct lane){.dpdk = dpdk, .queue = i};
        dpdk->lanes[i].inbox = rte_ring_create(name, INBOX_LEN, SOCKET_ID_ANY, RING_F_SC_DEQ);
        if (dpdk->lanes[i].inbox == NULL) {
            snprintf(reason, SL_REASON_LEN, "no memory for a ring between engines");
            return -ENOMEM;
        }
    }
    return 0;
}

/** Nothing but these rings joins two processes, or goes nowhere at all. */
static bool is_memory(const char *driver)
{
    return strcmp(driver, "net_ring") == 0 || strcmp(driver, "net_memif") == 0 ||
           strcmp(driver, "net_null") == 0;
}

static void make_link(struct dpdk *dpdk, const struct plan *plan,
                      const struct sl_load_scenario *scenario)
{
    const struct sl_port_info *info = sl_port_info(dpdk->port);
    struct sl_load_link *link = &dpdk->link;
    *link = (struct sl_load_link){
        .vlan_id = plan->vlan > 0 ? (uint16_t)plan->vlan : SL_VLAN_NONE,
        .tx_flags = plan->write_pcap != NULL ? 0 : info->tx_flags, /* a capture wants whole sums */
        .rx_checksum = SL_RX_CHECKSUM_AUTO,
        .is_memory = is_memory(info->driver),
        .has_next_hop = plan->next_hop.is_mac,
        .next_ip = plan->next_hop.is_ip ? plan->next_hop.ip : scenario->server_ip,
    };
    memcpy(link->mac, info->mac, sizeof link->mac);
    memcpy(link->next_mac, plan->next_hop.mac, sizeof link->next_mac);
}

int dpdk_open(const struct plan *plan, const struct sl_load_scenario *scenario, struct dpdk **out,
              char *reason)
{
    struct dpdk *dpdk = calloc(1, sizeof *dpdk + plan->cores * sizeof dpdk->lanes[0]);
    *out = NULL;
    if (dpdk == NULL) {
        snprintf(reason, SL_REASON_LEN, "no memory");
        return -ENOMEM;
    }
    dpdk->lane_count = plan->cores;
    int error = plan->interface != NULL ? check_interface(plan->interface, reason) : 0;
    if (error == 0)
        error = start_eal(plan, reason);
    if (error != 0) {
        free(dpdk);
        return error;
    }
    error = start_port(dpdk, plan, reason);
    if (error == 0)
        error = make_inboxes(dpdk, reason);
    if (error != 0) {
        dpdk_close(dpdk);
        return error;
    }
    make_link(dpdk, plan, scenario);
    *out = dpdk;
    return 0;
}

void dpdk_close(struct dpdk *dpdk)
{
    if (dpdk == NULL)
        return;
    for (unsigned i = 0; i < dpdk->lane_count; i++) {
        struct sl_frame *frame;
        while (dpdk->lanes[i].inbox != NULL &&
               rte_ring_dequeue(dpdk->lanes[i].inbox, (void **)&frame) == 0)
            sl_port_free(&frame, 1);
        rte_ring_free(dpdk->lanes[i].inbox);
    }
    sl_port_destroy(dpdk->port);
    rte_eal_cleanup();
    free(dpdk);
}

void dpdk_port(struct dpdk *dpdk, unsigned index, struct port *port)
{
    struct lane *lane = &dpdk->lanes[index];
    *port = (struct port){
        .io = {.arg = lane,
               .receive = io_receive,
               .transmit = io_transmit,
               .take = io_take,
               .free = io_free,
               .hand_over = dpdk->lane_count > 1 ? io_hand_over : NULL},
        .link = &dpdk->link,
        .mtu = sl_port_info(dpdk->port)->mtu,
        .arg = lane,
        .enter = enter,
        .leave = leave,
        .count = count,
    };
}
