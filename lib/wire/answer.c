/* ARP, neighbour discovery and echo requests turned into their answers, in place. */
#include "wire_priv.h"

/**
 * Ethernet header of an answer, back to the sender on its VLAN. A tag that the port took off is put
 * back, which needs room before the frame. return the new layer-3 header, or NULL.
 */
static uint8_t *turn_ethernet(struct sl_frame *frame, const uint8_t *own_mac)
{
    const uint16_t vlan_id = frame->path.hop.vlan_id;
    uint8_t *l3 = frame->data + frame->l3_off;
    uint16_t type = sl_load_be16(l3 - 2);
    uint16_t header_len =
        (uint16_t)(SL_ETHER_HEADER_LEN + (vlan_id != SL_VLAN_NONE ? SL_VLAN_TAG_LEN : 0));
    if (header_len > frame->l3_off + frame->headroom)
        return NULL;
    int grown = header_len - frame->l3_off;
    frame->data -= grown;
    frame->headroom = (uint16_t)(frame->headroom - grown);
    frame->len = (uint16_t)(frame->len + grown);
    frame->payload_off = (uint16_t)(frame->payload_off + grown);
    frame->l3_off = header_len;

    struct sl_writer w = sl_writer_of(frame->data, header_len);
    wire_write_ethernet(&w, &frame->path.hop, own_mac, type);
    return l3;
}

/** The frame ends where its packet does; tailroom grows by what is cut off. */
static void set_len(struct sl_frame *frame, uint16_t len)
{
    frame->tailroom = (uint16_t)(frame->tailroom + frame->len - len);
    frame->len = len;
    frame->flags = 0;
}

static void answer_arp(struct sl_frame *frame, uint8_t *arp, const uint8_t *own_mac)
{
    uint8_t target[4];
    memcpy(target, arp + 24, 4);
    arp[7] = 2;
    memcpy(arp + 18, arp + 8, 10); /* the sender becomes the target */
    memcpy(arp + 8, own_mac, SL_ETHER_ADDR_LEN);
    memcpy(arp + 14, target, 4);
    set_len(frame, (uint16_t)(frame->l3_off + ARP_LEN));
}

/** The message follows an IP header of ip_len bytes: options are not sent back, above all no route
 * (RFC 7126 4.3). */
static void drop_options(struct sl_frame *frame, unsigned ip_len)
{
    uint16_t payload_off = (uint16_t)(frame->l3_off + ip_len);
    memmove(frame->data + payload_off, frame->data + frame->payload_off, frame->payload_len);
    frame->payload_off = payload_off;
}

static void answer_echo4(struct sl_frame *frame, uint8_t *ip)
{
    drop_options(frame, SL_IPV4_HEADER_LEN);
    uint8_t *icmp = frame->data + frame->payload_off;
    const struct sl_tuple *tuple = &frame->path.tuple;
    icmp[0] = ICMP4_ECHO_REPLY;
    icmp[2] = icmp[3] = 0;
    uint16_t sum = sl_wire_checksum_fold(sl_wire_checksum_add(0, icmp, frame->payload_len));
    memcpy(icmp + 2, &sum, sizeof sum);

    ip[0] = 0x45;
    sl_store_be16(ip + 2, (uint16_t)(SL_IPV4_HEADER_LEN + frame->payload_len));
    ip[8] = HOP_LIMIT;
    ip[10] = ip[11] = 0;
    memcpy(ip + 12, tuple->local_ip.bytes + 12, 4);
    memcpy(ip + 16, tuple->remote_ip.bytes + 12, 4);
    sum = sl_wire_checksum_fold(sl_wire_checksum_add(0, ip, SL_IPV4_HEADER_LEN));
    memcpy(ip + 10, &sum, sizeof sum);
    set_len(frame, (uint16_t)(frame->payload_off + frame->payload_len));
}

static void finish_icmp6(struct sl_frame *frame, uint8_t *ip, uint8_t hop_limit,
                         const struct sl_ip *to)
{
    uint8_t *icmp = frame->data + frame->payload_off;
    const struct sl_ip *from = &frame->path.tuple.local_ip;
    sl_store_be16(ip + 4, frame->payload_len);
    ip[6] = PROTOCOL_ICMP6;
    ip[7] = hop_limit;
    memcpy(ip + 8, from->bytes, 16);
    memcpy(ip + 24, to->bytes, 16);
    icmp[2] = icmp[3] = 0;
    uint64_t sum = wire_pseudo_sum(from, to, PROTOCOL_ICMP6, frame->payload_len);
    uint16_t checksum = sl_wire_checksum_fold(sl_wire_checksum_add(sum, icmp, frame->payload_len));
    memcpy(icmp + 2, &checksum, sizeof checksum);
    set_len(frame, (uint16_t)(frame->payload_off + frame->payload_len));
}

/** RFC 4861 7.2.4: to the asker; to all nodes when it probes with the unspecified address. */
static enum sl_drop answer_solicitation(struct sl_frame *frame, uint8_t *ip, const uint8_t *own_mac)
{
    static const struct sl_ip unspecified;
    static const struct sl_ip all_nodes = {{0xff, 0x02, [15] = 1}};
    static const uint8_t all_nodes_mac[SL_ETHER_ADDR_LEN] = {0x33, 0x33, 0, 0, 0, 1};
    /* Options before it, if any, are dropped: the advertisement follows the IP header. */
    uint16_t len = (uint16_t)(frame->l3_off + SL_IPV6_HEADER_LEN + ND_ADVERTISEMENT_LEN);
    if (len > frame->len + frame->tailroom)
        return SL_DROP_ANSWER_NO_BUFFER;
    bool is_probe = memcmp(&frame->path.tuple.remote_ip, &unspecified, 16) == 0;
    if (is_probe)
        memcpy(frame->data, all_nodes_mac, SL_ETHER_ADDR_LEN);
    frame->tailroom = (uint16_t)(frame->tailroom + frame->len - len);
    frame->len = len;
    frame->payload_off = (uint16_t)(frame->l3_off + SL_IPV6_HEADER_LEN);
    frame->payload_len = ND_ADVERTISEMENT_LEN;

    struct sl_writer w = sl_writer_of(ip + SL_IPV6_HEADER_LEN, ND_ADVERTISEMENT_LEN);
    sl_write_u8(&w, ICMP6_ADVERTISEMENT);
    sl_write_u8(&w, 0);
    sl_write_be16(&w, 0);
    sl_write_be32(&w, is_probe ? 0x20000000 : 0x60000000); /* override; solicited */
    sl_write_bytes(&w, frame->path.tuple.local_ip.bytes, 16);
    sl_write_u8(&w, ND_OPTION_TARGET_LINK);
    sl_write_u8(&w, 1);
    sl_write_bytes(&w, own_mac, SL_ETHER_ADDR_LEN);
    finish_icmp6(frame, ip, ND_HOP_LIMIT, is_probe ? &all_nodes : &frame->path.tuple.remote_ip);
    return SL_DROP_NONE;
}

enum sl_drop sl_wire_answer_frame(struct sl_frame *frame, const uint8_t own_mac[SL_ETHER_ADDR_LEN])
{
    uint8_t *l3 = turn_ethernet(frame, own_mac);
    if (l3 == NULL)
        return SL_DROP_ANSWER_NO_BUFFER;
    switch (frame->kind) {
    case SL_PACKET_ARP_REQUEST:
        answer_arp(frame, l3, own_mac);
        return SL_DROP_NONE;
    case SL_PACKET_ECHO4:
        answer_echo4(frame, l3);
        return SL_DROP_NONE;
    case SL_PACKET_ECHO6:
        drop_options(frame, SL_IPV6_HEADER_LEN);
        frame->data[frame->payload_off] = ICMP6_ECHO_REPLY;
        finish_icmp6(frame, l3, HOP_LIMIT, &frame->path.tuple.remote_ip);
        return SL_DROP_NONE;
    case SL_PACKET_ND_SOLICIT:
        return answer_solicitation(frame, l3, own_mac);
    default:
        return SL_DROP_IP_PROTOCOL;
    }
}
