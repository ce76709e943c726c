/** What the files of lib/port share: the group, its queues, and how devices become part of it. */
#ifndef PORT_PRIV_H
#define PORT_PRIV_H

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "sl_port.h"

#define PORT_QUEUES_MAX 32
/** DPDK ports of one group. */
#define PORT_DEVICES_MAX 64
/** Receive queues that one worker serves: more than one where the interface has more than workers.
 */
#define PORT_LANES_MAX 16
#define PORT_REASON_LEN 256
/** Ethernet header and one VLAN tag. */
#define PORT_L2_LEN 18U
/** What the kernel keeps for itself before a frame on af_xdp (XDP_PACKET_HEADROOM). */
#define PORT_XDP_HEADROOM 256
/**
 * The longest data room on af_xdp: object header, mbuf and descriptor beside it must fit a page,
 * and DPDK pads objects whose size is an even number of cache lines.
 */
#define PORT_XDP_ROOM_MAX 3712
#define PORT_ROOM_MIN RTE_MBUF_DEFAULT_BUF_SIZE
#define PORT_RELAY_LEN 1024
#define PORT_BURST 32
#define PORT_DESCRIPTORS 1024
/** Of the hash: what it needs for UDP over IPv6 (and IPv4), and the longest of any card. */
#define PORT_RSS_KEY_LEN 40
#define PORT_RSS_KEY_MAX 64
/** The private area of each mbuf. A multiple of the cache line keeps the data aligned. */
#define PORT_PRIV_SIZE RTE_ALIGN_CEIL(sizeof(struct sl_frame), RTE_CACHE_LINE_SIZE)

/** One queue of a DPDK port. */
struct port_lane {
    uint16_t port_id;
    uint16_t queue_id;
};

/** What one worker polls. Hot. */
struct port_queue {
    struct rte_mempool *pool;
    uint16_t group;
    uint16_t index;
    uint16_t rx_count;
    uint16_t rx_next;
    bool has_tx;
    struct port_lane tx;       /* when has_tx */
    struct rte_ring *relay;    /* what workers without a transmit queue send; NULL: nobody does */
    struct port_queue *sender; /* when !has_tx: who sends for this queue */
    struct rte_mbuf *held[PORT_BURST]; /* taken from the relay, not yet accepted by the port */
    unsigned held_count;
    struct port_lane rx[PORT_LANES_MAX];
} __rte_cache_aligned;

/** One DPDK port of the group. */
struct port_device {
    uint16_t port_id;
    bool is_plugged; /* by us: to be unplugged */
    bool is_started;
    bool is_promiscuous;         /* by us: to be ended */
    uint16_t rx_count, tx_count; /* queues it gets */
    uint16_t first, stride;      /* its queue i is worker first + i * stride's */
    uint8_t rss_key[PORT_RSS_KEY_MAX];
};

struct sl_port {
    struct sl_port_config config;
    struct sl_port_info info;
    void (*log)(const char *line);
    char *reason; /* [PORT_REASON_LEN], while sl_port_create runs */
    char driver[32];
    int claim;            /* the lock on the kernel's interface; -1: none */
    bool was_promiscuous; /* the kernel's interface, before us */
    bool is_perhaps_busy; /* the last failure may be one of a moment */
    uint16_t room;        /* data room of the pools, headroom included */
    uint16_t room_extra;  /* bytes of it that the driver needs beside a frame */
    struct port_device devices[PORT_DEVICES_MAX];
    unsigned device_count;
    struct rte_mempool *pools[PORT_QUEUES_MAX];
    struct rte_ring *relays[PORT_QUEUES_MAX];
    struct port_queue queues[PORT_QUEUES_MAX];
};

/** Writes the sentence to port->reason; returns error. */
int port_fail(struct sl_port *port, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void port_log(const struct sl_port *port, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* claim.c: who has the kernel's interface. */
/** Makes it this port's alone while it lives, or refuses. Who is killed leaves no claim. */
int port_claim(struct sl_port *port);
void port_unclaim(struct sl_port *port);

/* interface.c: the kernel's network interface. */
struct port_interface {
    uint16_t mtu;
    uint16_t rx_queues, tx_queues;
    uint8_t mac[SL_ETHER_ADDR_LEN];
};
/** Reads it and brings it up. */
int port_interface_open(struct sl_port *port, struct port_interface *out);
/** Which privileges of those that the driver needs are missing: names in text; false: none. */
bool port_privileges_missing(bool af_xdp, char *text, size_t text_len);

/* attach.c: configuration to DPDK ports in port->devices. */
int port_attach_xdp(struct sl_port *port, const struct port_interface *interface);
int port_attach_packet(struct sl_port *port, const struct port_interface *interface);
int port_attach_devices(struct sl_port *port);
/** Stops and closes all, and unplugs what was plugged in here. */
void port_detach_all(struct sl_port *port);

/* pool.c: the data room for an MTU, a pool for each queue. */
int port_pools_create(struct sl_port *port);
void port_pools_destroy(struct sl_port *port);

/* device.c: queues, offloads, start. */
int port_device_start(struct sl_port *port, struct port_device *device);
void port_device_stop(struct port_device *device);

/* frames.c: what waits in relays is sent, as far as the ports take it. No worker runs any more. */
void port_flush_relays(struct sl_port *port);

/* rss.c */
/** Asks for the hash in conf, which points to device->rss_key afterwards. */
void port_rss_configure(const struct sl_port *port, struct port_device *device,
                        const struct rte_eth_dev_info *dev, struct rte_eth_conf *conf);
/** After the start: fills the indirection table; true when the port says it does as asked. */
bool port_rss_check(const struct sl_port *port, const struct port_device *device,
                    const struct rte_eth_dev_info *dev);

#endif
