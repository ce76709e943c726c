/**
 * The way to an address on a link, where no kernel finds it: the MAC is asked for, believed for a
 * while, and asked for anew. RFC 826, RFC 4861 7.2. Frames in, frames out, the time an argument.
 *
 * Only the answer to a question is believed: what comes unasked, for another address, from another
 * VLAN or for another station changes nothing.
 *
 * One thread. No clock, no allocation.
 */
#ifndef SL_NEXT_HOP_H
#define SL_NEXT_HOP_H

#include "sl_wire.h"

/** Requests for one address are no less than so far apart. */
#define SL_NEXT_HOP_ASK_EVERY_NS 200000000ULL
#define SL_NEXT_HOP_REASON_LEN 128

struct sl_next_hop_config {
    struct sl_ip ip;                /* whom to ask for: the peer, or the router on the way there */
    struct sl_ip asker;             /* one of the port's own addresses, of the same family */
    uint8_t mac[SL_ETHER_ADDR_LEN]; /* the port's */
    uint16_t vlan_id;               /* or SL_VLAN_NONE */
    unsigned attempts;              /* requests that go out before it is given up; at least 1 */
    uint64_t believed_ns;           /* how long an answer is; UINT64_MAX: for good */
};

enum sl_next_hop_state {
    SL_NEXT_HOP_IDLE, /* nobody has sought it */
    SL_NEXT_HOP_ASKED_FOR,
    SL_NEXT_HOP_KNOWN,
    SL_NEXT_HOP_GIVEN_UP,
};

struct sl_next_hop {
    struct sl_next_hop_config config;
    enum sl_next_hop_state state;
    unsigned asked;         /* requests made since it was sought */
    uint64_t due_ns;        /* the next is not made before */
    uint64_t known_till_ns; /* in KNOWN */
    uint8_t mac[SL_ETHER_ADDR_LEN];
};

void sl_next_hop_init(struct sl_next_hop *hop, const struct sl_next_hop_config *config);
/** The MAC is known without asking, and for good. */
void sl_next_hop_set(struct sl_next_hop *hop, const uint8_t mac[SL_ETHER_ADDR_LEN]);

/** Somebody wants to send there: what is not known, or not believed any more, is asked for from now
 * on; also what was given up. */
void sl_next_hop_seek(struct sl_next_hop *hop, uint64_t now_ns);

/**
 * Writes a request if one is due. After the last one's time without an answer it is given up.
 *
 * frame  empty, with room for SL_WIRE_NEIGHBOUR_REQUEST_MAX bytes.
 * return true: it is to be sent. false: nothing is due, and the frame is as it was.
 */
bool sl_next_hop_ask(struct sl_next_hop *hop, struct sl_frame *frame, uint64_t now_ns) SL_MUST_USE;
/**
 * The request that is due can't leave now. When the next one would be due it counts as made, so
 * that what can't be asked for is given up like what does not answer.
 */
void sl_next_hop_miss(struct sl_next_hop *hop, uint64_t now_ns);
/** When one of the two is to be called next; UINT64_MAX: not before it is sought. */
uint64_t sl_next_hop_due_ns(const struct sl_next_hop *hop);

/**
 * Looks whether a frame is the answer that is waited for. The first one counts.
 * frame  received, of a kind that sl_wire_parse_frame drops; not written.
 * return whether it was.
 */
bool sl_next_hop_hear(struct sl_next_hop *hop, const struct sl_frame *frame, uint64_t now_ns);

/** mac [SL_ETHER_ADDR_LEN] out, when it is KNOWN. */
enum sl_next_hop_state sl_next_hop_of(const struct sl_next_hop *hop, uint8_t *mac);
/** "198.18.0.1 has not answered 3 ARP requests on VLAN 7": of one that was given up.
 * reason [SL_NEXT_HOP_REASON_LEN] */
void sl_next_hop_explain(const struct sl_next_hop *hop, char *reason);

#endif
