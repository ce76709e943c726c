/**
 * DPDK ports: rte_mbuf bursts to frame descriptors and back, offloads, port groups. The descriptor
 * lives in the mbuf's private area; frames sent come from the queue's own receive pool.
 */
#ifndef SL_PORT_H
#define SL_PORT_H

#include "sl_base.h"

enum sl_port_driver { SL_PORT_AUTO, SL_PORT_AF_XDP, SL_PORT_AF_PACKET, SL_PORT_DPDK };

/** A port group: one network over one DPDK port with several queues, or over one port a queue. */
struct sl_port;

struct sl_port_config {
    unsigned group; /* its index */
    enum sl_port_driver driver;
    const char *interface;      /* af_xdp, af_packet: the kernel's name */
    const char *const *devices; /* dpdk: device names as EAL knows them */
    unsigned device_count;
    unsigned queue_count;       /* one for each worker */
    unsigned frames_per_queue;  /* buffers in each queue's pool */
    const uint8_t *rss_key;     /* [40] */
    const uint8_t *shard_owner; /* [256]: hash % 256 -> queue, for the indirection table */
};

/** What the group turned out to be. */
struct sl_port_info {
    const char *driver; /* "net_af_xdp"; "mixed": its devices have several */
    uint8_t mac[SL_ETHER_ADDR_LEN];
    uint16_t mtu;
    uint16_t tx_flags;    /* SL_FRAME_TX_* that its queues do */
    unsigned queue_count; /* that can receive; workers beyond it get packets by handoff only */
    bool rss;             /* the NIC spreads by the hash asked for */
};

/**
 * Creates and starts the group, brings the interface up, sets promiscuous mode where needed. An
 * interface of the kernel's is one group's at a time, among all programs: the second is refused,
 * -EBUSY, before it has touched anything (where /run can be written: as root).
 * log    called with one line for each thing the operator should know (a fallback, for one).
 * reason [256] on failure: one sentence that says what to do.
 * return 0 and *out, or -errno. Main thread, after rte_eal_init.
 */
int sl_port_create(const struct sl_port_config *config, void (*log)(const char *line),
                   struct sl_port **out, char *reason) SL_MUST_USE;
void sl_port_destroy(struct sl_port *port);
const struct sl_port_info *sl_port_info(const struct sl_port *port);

/** Receives up to n <= SL_BURST frames on a queue. thread: the queue's worker. */
unsigned sl_port_receive(struct sl_port *port, unsigned queue, struct sl_frame **frames,
                         unsigned n);
/** Sends; ownership of the first `return` frames passes. */
unsigned sl_port_transmit(struct sl_port *port, unsigned queue, struct sl_frame **frames,
                          unsigned n);
/** Empty frames from the queue's pool. return how many. */
unsigned sl_port_take(struct sl_port *port, unsigned queue, struct sl_frame **frames, unsigned n);
/** Gives frames of any port back to their pools. Any worker. */
void sl_port_free(struct sl_frame **frames, unsigned n);

/** Port statistics for telemetry: name and value, e.g. "imissed"; return how many were written. */
struct sl_port_stat {
    const char *name;
    const char *text;
    uint64_t value;
};
unsigned sl_port_stats(const struct sl_port *port, struct sl_port_stat *out, unsigned max);

#endif
