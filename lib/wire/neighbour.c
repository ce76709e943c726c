/* The side that asks of address resolution: requests out, answers in. */
#include "wire_priv.h"

enum {
    ARP_REPLY = 2,
    ND_SOLICITED = 0x40, /* of the flags of an advertisement */
};

static const uint8_t arp_of_ethernet_ipv4[6] = {0, 1, 0x08, 0x00, SL_ETHER_ADDR_LEN, 4};

static void write_arp(struct sl_writer *w, const struct sl_neighbour *asker,
                      const struct sl_ip *target)
{
    static const uint8_t unknown[SL_ETHER_ADDR_LEN];
    sl_write_bytes(w, arp_of_ethernet_ipv4, sizeof arp_of_ethernet_ipv4);
    sl_write_be16(w, 1); /* request */
    sl_write_bytes(w, asker->mac, SL_ETHER_ADDR_LEN);
    sl_write_bytes(w, asker->ip.bytes + 12, 4);
    sl_write_bytes(w, unknown, sizeof unknown);
    sl_write_bytes(w, target->bytes + 12, 4);
}

/** RFC 4291 2.7.1. */
static struct sl_ip solicited_node(const struct sl_ip *target)
{
    struct sl_ip group = {{0xff, 0x02, [11] = 1, [12] = 0xff}};
    memcpy(group.bytes + 13, target->bytes + 13, 3);
    return group;
}

/** The IPv6 header and the solicitation, with the option that says who asks. */
static void write_solicitation(struct sl_writer *w, const struct sl_neighbour *asker,
                               const struct sl_ip *target)
{
    const struct sl_ip to = solicited_node(target);
    const uint32_t len = ND_SOLICITATION_LEN + 2 + SL_ETHER_ADDR_LEN;
    sl_write_be32(w, 0x60000000);
    sl_write_be16(w, (uint16_t)len);
    sl_write_u8(w, PROTOCOL_ICMP6);
    sl_write_u8(w, ND_HOP_LIMIT);
    sl_write_bytes(w, asker->ip.bytes, sizeof asker->ip.bytes);
    sl_write_bytes(w, to.bytes, sizeof to.bytes);
    uint8_t *icmp = w->at;
    sl_write_u8(w, ICMP6_SOLICITATION);
    sl_write_u8(w, 0);
    sl_write_be16(w, 0); /* the checksum's place */
    sl_write_be32(w, 0);
    sl_write_bytes(w, target->bytes, sizeof target->bytes);
    sl_write_u8(w, ND_OPTION_SOURCE_LINK);
    sl_write_u8(w, 1);
    sl_write_bytes(w, asker->mac, SL_ETHER_ADDR_LEN);
    uint64_t sum = wire_pseudo_sum(&asker->ip, &to, PROTOCOL_ICMP6, len);
    uint16_t checksum = sl_wire_checksum_fold(sl_wire_checksum_add(sum, icmp, len));
    memcpy(icmp + 2, &checksum, sizeof checksum);
}

bool sl_wire_write_neighbour_request(struct sl_frame *frame, const struct sl_neighbour *asker,
                                     const struct sl_ip *target)
{
    const bool is_v4 = sl_ip_is_v4(target);
    const uint32_t room = (uint32_t)frame->len + frame->tailroom;
    if (sl_ip_is_v4(&asker->ip) != is_v4 || room < SL_WIRE_NEIGHBOUR_REQUEST_MAX)
        return false;
    struct sl_hop everyone = {.mac = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
                              .vlan_id = asker->vlan_id};
    if (!is_v4) { /* RFC 2464 7 */
        memset(everyone.mac, 0x33, 2);
        memcpy(everyone.mac + 3, target->bytes + 13, 3);
    }
    struct sl_writer w = sl_writer_of(frame->data, room);
    wire_write_ethernet(&w, &everyone, asker->mac, is_v4 ? ETHERTYPE_ARP : ETHERTYPE_IPV6);
    frame->l3_off = (uint16_t)(w.at - frame->data);
    if (is_v4)
        write_arp(&w, asker, target);
    else
        write_solicitation(&w, asker, target);
    frame->len = (uint16_t)(w.at - frame->data);
    frame->tailroom = (uint16_t)(room - frame->len);
    frame->flags = 0;
    frame->payload_off = (uint16_t)(frame->l3_off + (is_v4 ? 0 : SL_IPV6_HEADER_LEN));
    frame->payload_len = (uint16_t)(frame->len - frame->payload_off);
    return true;
}

/** Of one station, and not zeros. */
static bool is_station(const uint8_t *mac)
{
    static const uint8_t zeros[SL_ETHER_ADDR_LEN];
    return !(mac[0] & 1) && memcmp(mac, zeros, sizeof zeros) != 0;
}

static bool parse_arp_reply(struct sl_reader *r, struct sl_neighbour *out)
{
    const uint8_t *arp = sl_read_bytes(r, ARP_LEN);
    if (arp == NULL || memcmp(arp, arp_of_ethernet_ipv4, sizeof arp_of_ethernet_ipv4) != 0 ||
        sl_load_be16(arp + 6) != ARP_REPLY || !is_station(arp + 8))
        return false;
    memcpy(out->mac, arp + 8, SL_ETHER_ADDR_LEN);
    out->ip = sl_ip_from_v4(arp + 14);
    return wire_is_source_possible(&out->ip, false);
}

/** Options up to the message's end; any without a length spoils it all. return the MAC that one of
 * them tells, or NULL. */
static const uint8_t *read_target_link(struct sl_reader *options)
{
    const uint8_t *mac = NULL;
    while (sl_reader_left(options) > 0) {
        const uint8_t type = sl_read_u8(options);
        const uint8_t units = sl_read_u8(options); /* of 8 bytes */
        if (units == 0)
            return NULL;
        const uint8_t *value = sl_read_bytes(options, units * 8U - 2);
        if (value == NULL)
            return NULL;
        if (type == ND_OPTION_TARGET_LINK && units == 1)
            mac = value;
    }
    return mac;
}

/** The message [len] behind an IPv6 header. */
static bool parse_advertisement(const uint8_t *icmp, uint32_t len, bool is_to_group,
                                struct sl_neighbour *out)
{
    struct sl_reader r = sl_reader_of(icmp, len);
    const uint8_t type = sl_read_u8(&r), code = sl_read_u8(&r);
    sl_read_be16(&r); /* the checksum */
    const uint8_t flags = sl_read_u8(&r);
    sl_read_be24(&r);
    const uint8_t *target = sl_read_bytes(&r, sizeof out->ip.bytes);
    if (r.failed || type != ICMP6_ADVERTISEMENT || code != 0 ||
        (is_to_group && (flags & ND_SOLICITED)))
        return false;
    memcpy(out->ip.bytes, target, sizeof out->ip.bytes);
    const uint8_t *mac = read_target_link(&r);
    if (mac == NULL || !is_station(mac))
        return false;
    memcpy(out->mac, mac, SL_ETHER_ADDR_LEN);
    return wire_is_source_possible(&out->ip, true) && !sl_ip_is_v4(&out->ip);
}

/** Without extension headers, which nobody has reason to send here. */
static bool parse_ipv6_answer(struct sl_reader *r, struct sl_neighbour *out)
{
    const uint8_t *header = sl_read_bytes(r, SL_IPV6_HEADER_LEN);
    if (header == NULL || header[0] >> 4 != 6 || header[6] != PROTOCOL_ICMP6 ||
        header[7] != ND_HOP_LIMIT)
        return false;
    const uint32_t len = sl_load_be16(header + 4);
    const uint8_t *icmp = sl_read_bytes(r, len);
    struct sl_ip from, to;
    memcpy(from.bytes, header + 8, sizeof from.bytes);
    memcpy(to.bytes, header + 24, sizeof to.bytes);
    if (icmp == NULL || !wire_is_source_possible(&from, true) || sl_ip_is_v4(&from) ||
        sl_ip_is_v4(&to)) /* mapped addresses never travel, RFC 4291 2.5.5.2 */
        return false;
    const uint64_t sum = wire_pseudo_sum(&from, &to, PROTOCOL_ICMP6, len);
    if (sl_wire_checksum_fold(sl_wire_checksum_add(sum, icmp, len)) != 0)
        return false;
    return parse_advertisement(icmp, len, to.bytes[0] == 0xff, out);
}

bool sl_wire_parse_neighbour_answer(const struct sl_frame *frame, struct sl_neighbour *out)
{
    if (frame->segs != 1)
        return false;
    struct sl_reader r = sl_reader_of(frame->data, frame->len);
    sl_read_bytes(&r, SL_ETHER_ADDR_LEN);
    const uint8_t *sender = sl_read_bytes(&r, SL_ETHER_ADDR_LEN);
    uint16_t type = sl_read_be16(&r);
    struct sl_neighbour found = {.vlan_id = SL_VLAN_NONE};
    if (frame->flags & SL_FRAME_RX_VLAN_STRIPPED) {
        found.vlan_id = wire_vlan_of(frame->vlan_tci);
    } else if (type == ETHERTYPE_VLAN) {
        found.vlan_id = wire_vlan_of(sl_read_be16(&r));
        type = sl_read_be16(&r);
    }
    if (r.failed || sender[0] & 1)
        return false;
    const bool is_answer = type == ETHERTYPE_ARP    ? parse_arp_reply(&r, &found)
                           : type == ETHERTYPE_IPV6 ? parse_ipv6_answer(&r, &found)
                                                    : false;
    if (is_answer)
        *out = found;
    return is_answer;
}
