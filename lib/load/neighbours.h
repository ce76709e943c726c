/**
 * What a port has instead of a kernel's address resolution: it answers for the addresses that
 * clients send from (ARP, neighbour solicitations, echo requests), and one of them asks for the
 * next hop, the server itself or a router (lib/next_hop).
 *
 * One thread. No clock, no allocation.
 */
#ifndef LOAD_NEIGHBOURS_H
#define LOAD_NEIGHBOURS_H

#include "sl_next_hop.h"

#define LOAD_IP_RANGES_MAX 8
#define LOAD_NEIGHBOURS_REASON_LEN 256

/** first, and count - 1 addresses behind it. */
struct load_ip_range {
    struct sl_ip first;
    uint64_t count;
};

struct load_neighbours_config {
    uint8_t mac[SL_ETHER_ADDR_LEN];                  /* the port's */
    uint16_t vlan_id;                                /* or SL_VLAN_NONE */
    struct load_ip_range ranges[LOAD_IP_RANGES_MAX]; /* the clients' addresses */
    unsigned range_count;
    bool has_next_mac; /* else it is asked for */
    uint8_t next_mac[SL_ETHER_ADDR_LEN];
    struct sl_ip next_ip; /* whom to ask for: the server, or the router on the way there */
    unsigned attempts;    /* requests that go out before it is given up; at least 1 */
};

struct load_neighbours {
    struct load_neighbours_config config;
    struct sl_next_hop next_hop; /* sought from the beginning */
};

/**
 * return 0, or -EINVAL and reason [LOAD_NEIGHBOURS_REASON_LEN]: a next hop that none of the
 * clients' addresses could ask for.
 */
int load_neighbours_init(struct load_neighbours *neighbours,
                         const struct load_neighbours_config *config, char *reason) SL_MUST_USE;

/**
 * Turns a request of the network's into its answer.
 *
 * frame  as sl_wire_parse_frame left it with SL_DROP_NONE.
 * return SL_DROP_NONE: it is the answer, to be sent. Else why there is none; NOT_OURS for datagrams
 *        of UDP, too.
 */
enum sl_drop load_answer_neighbour(const struct load_neighbours *neighbours,
                                   struct sl_frame *frame) SL_MUST_USE;

/** One sentence on a next hop that was given up, that says what to do.
 * reason [LOAD_NEIGHBOURS_REASON_LEN] */
void load_explain_next_hop(const struct load_neighbours *neighbours, char *reason);

#endif
