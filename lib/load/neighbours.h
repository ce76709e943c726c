/**
 * What a port has instead of a kernel's address resolution: it answers for the addresses that
 * clients send from (ARP, neighbour solicitations, echo requests), and finds the MAC of the next
 * hop, the server itself or a router. RFC 826, RFC 4861 7.2. Frames in, frames out, the time an
 * argument.
 *
 * One thread. No clock, no allocation.
 */
#ifndef LOAD_NEIGHBOURS_H
#define LOAD_NEIGHBOURS_H

#include "sl_wire.h"

#define LOAD_IP_RANGES_MAX 8
#define LOAD_ASK_EVERY_NS 200000000ULL
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

enum load_next_hop { LOAD_NEXT_HOP_ASKED_FOR, LOAD_NEXT_HOP_KNOWN, LOAD_NEXT_HOP_GIVEN_UP };

struct load_neighbours {
    struct load_neighbours_config config;
    enum load_next_hop next_hop;
    struct sl_ip asker; /* one of the clients' addresses, of the next hop's family */
    unsigned asked;     /* requests made */
    uint64_t due_ns;    /* when the next is */
    uint8_t next_mac[SL_ETHER_ADDR_LEN];
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

/**
 * Writes a request for the next hop if one is due: at once, then every LOAD_ASK_EVERY_NS.
 * After the last one's time without an answer it is given up, for good.
 *
 * frame  empty, with room for SL_WIRE_NEIGHBOUR_REQUEST_MAX bytes.
 * return true: it is to be sent. false: nothing is due, and the frame is as it was.
 */
bool load_ask_for_next_hop(struct load_neighbours *neighbours, struct sl_frame *frame,
                           uint64_t now_ns) SL_MUST_USE;
/** When it is to be called next; UINT64_MAX: no more. */
uint64_t load_next_ask_ns(const struct load_neighbours *neighbours);

/**
 * Looks whether a frame is the answer that is waited for. The first one counts.
 * frame  received, of a kind that sl_wire_parse_frame drops; not written.
 * return whether it was.
 */
bool load_hear_neighbour(struct load_neighbours *neighbours, const struct sl_frame *frame);

/** mac [SL_ETHER_ADDR_LEN] out, when it is KNOWN. */
enum load_next_hop load_next_hop_of(const struct load_neighbours *neighbours, uint8_t *mac);
/** One sentence on a next hop that was given up, that says what to do.
 * reason [LOAD_NEIGHBOURS_REASON_LEN] */
void load_explain_next_hop(const struct load_neighbours *neighbours, char *reason);

#endif
