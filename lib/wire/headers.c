/* Headers out: Ethernet, VLAN, IP, UDP before a payload that stands in place. */
#include "wire_priv.h"

void wire_write_ethernet(struct sl_writer *w, const struct sl_hop *hop, const uint8_t *own_mac,
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

void wire_put_any_headers(struct sl_frame *frame, uint8_t *payload, unsigned payload_len,
                          const struct sl_path *path, const uint8_t *own_mac,
                          struct sl_wire_unsummed *unsummed)
{
    if (wire_is_plain_ipv4(path)) {
        wire_put_plain_headers(frame, payload, payload_len, path, own_mac, frame->flags, unsummed);
        return;
    }
    const struct sl_tuple *tuple = &path->tuple;
    bool is_v4 = sl_ip_is_v4(&tuple->local_ip);
    uint16_t headers_len = sl_wire_headers_len(path);
    uint16_t udp_len = (uint16_t)(SL_UDP_HEADER_LEN + payload_len);
    struct sl_writer w = sl_writer_of(payload - headers_len, headers_len);
    frame->data = w.at;
    frame->len = (uint16_t)(headers_len + payload_len);
    wire_write_ethernet(&w, &path->hop, own_mac, is_v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
    frame->l3_off = (uint16_t)(w.at - frame->data);
    if (is_v4)
        write_ipv4(&w, tuple, udp_len, frame->flags & SL_FRAME_TX_IP_CHECKSUM);
    else
        write_ipv6(&w, tuple, udp_len);
    uint8_t *udp = w.at;
    uint64_t pseudo_sum =
        wire_pseudo_sum(&tuple->local_ip, &tuple->remote_ip, PROTOCOL_UDP, udp_len);
    uint16_t sum = (uint16_t)~sl_wire_checksum_fold(pseudo_sum);
    sl_write_be16(&w, tuple->local_port);
    sl_write_be16(&w, tuple->remote_port);
    sl_write_be16(&w, udp_len);
    sl_write_be16(&w, 0);
    if (frame->flags & SL_FRAME_TX_UDP_CHECKSUM)
        memcpy(udp + 6, &sum, sizeof sum);
    *unsummed = (struct sl_wire_unsummed){udp, udp_len, pseudo_sum};
}

void sl_wire_write_headers(struct sl_frame *frame, const struct sl_path *path,
                           const uint8_t own_mac[SL_ETHER_ADDR_LEN])
{
    struct sl_wire_unsummed unsummed;
    frame->payload_off = sl_wire_headers_len(path);
    sl_wire_put_headers(frame, frame->data + frame->payload_off, frame->payload_len, path, own_mac,
                        &unsummed);
    if (!(frame->flags & SL_FRAME_TX_UDP_CHECKSUM))
        sl_wire_sum_udp_burst(&unsummed, 1);
}
