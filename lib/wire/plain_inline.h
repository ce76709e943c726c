/**
 * The way of nearly every frame, inlined into who receives them. Included by sl_wire.h, which says
 * what sl_wire_parse_plain does.
 */
#ifndef PLAIN_INLINE_H
#define PLAIN_INLINE_H

#include "wire_words.h"

/** The headers of a plain datagram from the frame's first byte on. */
enum plain_off {
    PLAIN_SOURCE_MAC = SL_ETHER_ADDR_LEN,
    PLAIN_TYPE = 2 * SL_ETHER_ADDR_LEN, /* and behind it version and length of the IP header */
    PLAIN_IP = SL_ETHER_HEADER_LEN,
    PLAIN_IP_LEN = PLAIN_IP + 2,
    PLAIN_FRAGMENT = PLAIN_IP + 6, /* and behind it time to live and protocol */
    PLAIN_SOURCE = PLAIN_IP + 12,
    PLAIN_DESTINATION = PLAIN_IP + 16,
    PLAIN_PORTS = PLAIN_IP + SL_IPV4_HEADER_LEN,
    PLAIN_UDP_LEN = PLAIN_PORTS + 4,
    PLAIN_PAYLOAD = PLAIN_PORTS + SL_UDP_HEADER_LEN,
};

#define PLAIN_MAC_MASK 0x0000ffffffffffff
#define PLAIN_FROM_GROUP_BIT 0x0001000000000000 /* the sender's MAC, behind, is a group address */

static inline uint64_t sl_wire_mac_word(const uint8_t mac[SL_ETHER_ADDR_LEN])
{
    uint64_t word = 0;
    memcpy(&word, mac, SL_ETHER_ADDR_LEN);
    return word;
}

/** One buffer, and nothing of note about it. */
static inline bool plain_is_frame(const struct sl_frame *frame)
{
    const uint32_t unusual =
        SL_FRAME_RX_VLAN_STRIPPED | SL_FRAME_RX_IP_CHECKSUM_BAD | SL_FRAME_RX_L4_CHECKSUM_BAD;
    static_assert(offsetof(struct sl_frame, flags) == offsetof(struct sl_frame, segs) + 2,
                  "looked at in one word");
    return (wire_load32(&frame->segs) & (unusual << 16 | 0xffff)) == 1;
}

/** RFC 791 3.1: all 16-bit words of a header, here without options, add up to all ones: the number
 * that is 0 when counted to 2^16 - 1. They are never all zeros. */
static inline bool plain_is_sum_good(const uint8_t header[SL_IPV4_HEADER_LEN])
{
    uint64_t sum = wire_load32(header) + wire_load32(header + 4) + wire_load32(header + 8) +
                   wire_load32(header + 12) + wire_load32(header + 16);
    return sum % 0xffff == 0;
}

/** Addresses that no honest sender has begin so: unspecified, loopback, multicast, broadcast. */
static inline bool plain_is_source_possible(uint8_t first)
{
    return first != 0 && first != 127 && first < 224;
}

/** The second half of an address in mapped form; the first half is 0. */
static inline uint64_t plain_mapped(const uint8_t *address)
{
    return wire_load32(address) << 32 | 0xffff0000;
}

static inline void plain_store_ip(struct sl_ip *ip, uint64_t mapped)
{
    wire_store64(ip->bytes, 0);
    wire_store64(ip->bytes + 8, mapped);
}

static inline bool plain_is_ip(const struct sl_ip *ip, uint64_t mapped)
{
    return wire_load64(ip->bytes + 8) == mapped && wire_load64(ip->bytes) == 0;
}

/** Ethernet of this MAC, IPv4 without options, whole, UDP. */
static inline bool plain_are_headers(const uint8_t *data, uint64_t own_mac)
{
    if ((wire_load64(data) & (PLAIN_MAC_MASK | PLAIN_FROM_GROUP_BIT)) != own_mac)
        return false;
    if ((wire_load32(data + PLAIN_TYPE) & 0xffffff) != 0x450008)
        return false;
    return (wire_load32(data + PLAIN_FRAGMENT) & 0xff00ff3f) == PROTOCOL_UDP << 24;
}

/* Reads what it needs where it needs it: kept until later, it would not fit into registers. */
static inline bool sl_wire_parse_plain(struct sl_frame *frame, uint64_t own_mac,
                                       const struct sl_ip *own_ips, unsigned own_ip_count)
{
    const uint8_t *data = frame->data;
    if (!plain_is_frame(frame) || frame->len < PLAIN_PAYLOAD || !plain_are_headers(data, own_mac))
        return false;
    if (!(frame->flags & SL_FRAME_RX_IP_CHECKSUM_GOOD) && !plain_is_sum_good(data + PLAIN_IP))
        return false;
    const uint64_t to = plain_mapped(data + PLAIN_DESTINATION);
    for (unsigned i = 0; !plain_is_ip(&own_ips[i], to);)
        if (++i >= own_ip_count)
            return false;
    const uint32_t ports = sl_load_be32(data + PLAIN_PORTS);
    if (ports >> 16 == 0 || !plain_is_source_possible(data[PLAIN_SOURCE]))
        return false;
    const uint32_t udp_len = sl_load_be32(data + PLAIN_UDP_LEN) >> 16;
    if (udp_len < SL_UDP_HEADER_LEN || udp_len > frame->len - (unsigned)PLAIN_PORTS ||
        udp_len + SL_IPV4_HEADER_LEN != sl_load_be32(data + PLAIN_IP_LEN) >> 16)
        return false;
    struct sl_path *path = &frame->path;
    plain_store_ip(&path->tuple.local_ip, to);
    plain_store_ip(&path->tuple.remote_ip, plain_mapped(data + PLAIN_SOURCE));
    path->tuple.remote_port = (uint16_t)(ports >> 16);
    path->tuple.local_port = (uint16_t)ports;
    static_assert(offsetof(struct sl_hop, vlan_id) == SL_ETHER_ADDR_LEN, "stored as one word");
    wire_store64(path->hop.mac,
                 wire_load64(data + PLAIN_SOURCE_MAC) | (uint64_t)SL_VLAN_NONE << 48);
    path->hop.group = frame->group;
    frame->payload_off = PLAIN_PAYLOAD;
    frame->payload_len = (uint16_t)(udp_len - SL_UDP_HEADER_LEN);
    frame->kind = SL_PACKET_UDP;
    frame->l3_off = PLAIN_IP;
    return true;
}

#endif
