/**
 * The frame descriptor: one datagram in a buffer of somebody else's pool.
 *
 * It lives as long as the buffer (in the mbuf's private area; in tests, on the heap). Whoever ends
 * a frame returns it through the worker's `free` output to the pool it came from. A worker sees
 * descriptors only; `handle` is the port's business.
 */
#ifndef SL_FRAME_H
#define SL_FRAME_H

#include <stdint.h>

#include "sl_address.h"

/** What a port knows about a received frame, and what it is asked to do with one to send. */
enum sl_frame_flag {
    SL_FRAME_RX_IP_CHECKSUM_GOOD = 1 << 0,
    SL_FRAME_RX_IP_CHECKSUM_BAD = 1 << 1,
    SL_FRAME_RX_L4_CHECKSUM_GOOD = 1 << 2,
    SL_FRAME_RX_L4_CHECKSUM_BAD = 1 << 3,
    SL_FRAME_RX_VLAN_STRIPPED = 1 << 4, /* vlan_tci holds the tag that was in the frame */
    SL_FRAME_TX_IP_CHECKSUM = 1 << 5,   /* the port fills in the IPv4 header checksum */
    SL_FRAME_TX_UDP_CHECKSUM = 1 << 6,  /* the port completes the UDP checksum */
    SL_FRAME_HANDED_OVER = 1 << 7,      /* came from another worker, already parsed */
    SL_FRAME_TX_MESSAGE = 1 << 8,       /* holds application data alone: for who records it */
};

enum sl_packet_kind {
    SL_PACKET_NONE,
    SL_PACKET_UDP,
    SL_PACKET_ARP_REQUEST,
    SL_PACKET_ND_SOLICIT,
    SL_PACKET_ECHO4,
    SL_PACKET_ECHO6,
    SL_PACKET_NEIGHBOUR, /* the worker's: the answer of a next hop, on its way to who asked */
};

struct sl_frame {
    uint8_t *data;     /* the first byte of the Ethernet header */
    uint16_t len;      /* bytes from data */
    uint16_t headroom; /* bytes free before data */
    uint16_t tailroom; /* bytes free after data + len */
    uint16_t segs;     /* buffers the frame is spread over; only 1 is served */
    uint16_t flags;    /* enum sl_frame_flag */
    uint16_t vlan_tci;
    uint16_t group; /* port group it came from or goes to */
    uint16_t queue; /* queue of that group */
    void *handle;   /* the port's buffer */

    /* Filled in by sl_wire_parse_frame; travels along on a handoff. */
    uint16_t payload_off; /* of the UDP payload (or ICMP message), from data */
    uint16_t payload_len;
    uint16_t kind;       /* enum sl_packet_kind */
    uint16_t l3_off;     /* of the IP or ARP header, from data */
    struct sl_path path; /* remote is the sender */
    /* The worker's: of path.tuple, where it looks for a session by that. Of frames of kernel
     * sockets (lib/sockets): the source, whose socket it came from or goes to. */
    uint32_t tuple_hash;
};

#endif
