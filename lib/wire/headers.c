/* Headers out: Ethernet, VLAN, IP, UDP before a payload that stands in place. */
#include "wire_priv.h"

uint16_t sl_wire_headers_len(const struct sl_path *path)
{
    unsigned ip_len = sl_ip_is_v4(&path->tuple.local_ip) ? SL_IPV4_HEADER_LEN : SL_IPV6_HEADER_LEN;
    unsigned vlan_len = path->hop.vlan_id != SL_VLAN_NONE ? SL_VLAN_TAG_LEN : 0;
    return (uint16_t)(SL_ETHER_HEADER_LEN + vlan_len + ip_len + SL_UDP_HEADER_LEN);
}

static void write_ethernet(struct sl_writer *w, const struct sl_hop *hop, const uint8_t *own_mac,
                           uint16_t type)
{
    sl_write_bytes(w, hop->mac, SL_ETHER_ADDR_LEN);
    sl_write_bytes(w, own_mac, SL_ETHER_ADDR_LEN);
    if (hop->vlan_id != SL_VLAN_NONE) {
        sl_write_be16(w, ETHERTYPE_VLAN);
        sl_write_be16(w, hop->vlan_id);
    }
    sl_write_be16(w, type);
}

static void write_ipv4(struct sl_writer *w, const struct sl_tuple *tuple, uint16_t udp_len,
                       bool port_sums)
{
    uint8_t *header = w->at;
    sl_write_be16(w, 0x4500);
    sl_write_be16(w, (uint16_t)(SL_IPV4_HEADER_LEN + udp_len));
    sl_write_be32(w, 0x00004000); /* ID 0, don't fragment: RFC 6864 4.1 */
    sl_write_u8(w, HOP_LIMIT);
    sl_write_u8(w, PROTOCOL_UDP);
    sl_write_be16(w, 0);
    sl_write_bytes(w, tuple->local_ip.bytes + 12, 4);
    sl_write_bytes(w, tuple->remote_ip.bytes + 12, 4);
    if (!port_sums) {
        uint16_t sum = sl_wire_checksum_fold(sl_wire_checksum_add(0, header, SL_IPV4_HEADER_LEN));
        memcpy(header + 10, &sum, sizeof sum);
    }
}

static void write_ipv6(struct sl_writer *w, const struct sl_tuple *tuple, uint16_t udp_len)
{
    sl_write_be32(w, 0x60000000);
    sl_write_be16(w, udp_len);
    sl_write_u8(w, PROTOCOL_UDP);
    sl_write_u8(w, HOP_LIMIT);
    sl_write_bytes(w, tuple->local_ip.bytes, 16);
    sl_write_bytes(w, tuple->remote_ip.bytes, 16);
}

/** What a port needs to complete the checksum. */
static void put_pseudo_sum(uint8_t *udp, const struct sl_tuple *tuple, uint16_t udp_len)
{
    uint16_t sum = (uint16_t)~sl_wire_checksum_fold(
        wire_pseudo_sum(&tuple->local_ip, &tuple->remote_ip, PROTOCOL_UDP, udp_len));
    memcpy(udp + 6, &sum, sizeof sum);
}

void sl_wire_sum_udp(struct sl_frame *frame)
{
    uint8_t *udp = frame->data + frame->payload_off - SL_UDP_HEADER_LEN;
    bool is_v4 = udp - frame->data - frame->l3_off == SL_IPV4_HEADER_LEN;
    uint16_t udp_len = (uint16_t)(SL_UDP_HEADER_LEN + frame->payload_len);
    /* The addresses stand right before the UDP header; what else RFC 768 and RFC 8200 8.1 put into
     * the pseudo-header is added as words. */
    size_t addresses_len = is_v4 ? 2 * 4 : 2 * 16;
    uint64_t sum = (uint64_t)__builtin_bswap16(PROTOCOL_UDP) + __builtin_bswap16(udp_len);
    sum = sl_wire_checksum_add(sum, udp - addresses_len, addresses_len + udp_len);
    uint16_t checksum = sl_wire_checksum_fold(sum);
    if (checksum == 0)
        checksum = 0xffff; /* RFC 768: 0 would mean that there is none */
    memcpy(udp + 6, &checksum, sizeof checksum);
}

void sl_wire_write_unsummed_headers(struct sl_frame *frame, const struct sl_path *path,
                                    const uint8_t own_mac[SL_ETHER_ADDR_LEN])
{
    const struct sl_tuple *tuple = &path->tuple;
    bool is_v4 = sl_ip_is_v4(&tuple->local_ip);
    uint16_t headers_len = sl_wire_headers_len(path);
    uint16_t udp_len = (uint16_t)(SL_UDP_HEADER_LEN + frame->payload_len);
    struct sl_writer w = sl_writer_of(frame->data, headers_len);
    write_ethernet(&w, &path->hop, own_mac, is_v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
    frame->l3_off = (uint16_t)(w.at - frame->data);
    if (is_v4)
        write_ipv4(&w, tuple, udp_len, frame->flags & SL_FRAME_TX_IP_CHECKSUM);
    else
        write_ipv6(&w, tuple, udp_len);
    uint8_t *udp = w.at;
    sl_write_be16(&w, tuple->local_port);
    sl_write_be16(&w, tuple->remote_port);
    sl_write_be16(&w, udp_len);
    sl_write_be16(&w, 0);
    if (frame->flags & SL_FRAME_TX_UDP_CHECKSUM)
        put_pseudo_sum(udp, tuple, udp_len);
    frame->payload_off = headers_len;
    frame->len = (uint16_t)(headers_len + frame->payload_len);
}

void sl_wire_write_headers(struct sl_frame *frame, const struct sl_path *path,
                           const uint8_t own_mac[SL_ETHER_ADDR_LEN])
{
    sl_wire_write_unsummed_headers(frame, path, own_mac);
    if (!(frame->flags & SL_FRAME_TX_UDP_CHECKSUM))
        sl_wire_sum_udp(frame);
}
