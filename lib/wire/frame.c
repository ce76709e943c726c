/* Frames in: Ethernet, VLAN, ARP, IPv4, IPv6, ICMP, UDP, each length checked against the one around
 * it. */
#include "wire_priv.h"

/** What stands behind the IP headers. */
struct ip_payload {
    const uint8_t *at; /* [len] */
    uint32_t len;
    uint8_t protocol;
    uint8_t hop_limit;
    bool is_v6;
};

/** Software verification is wanted, and the port has not done it. */
static bool must_verify(const struct sl_frame *frame, enum sl_rx_checksum policy)
{
    return policy == SL_RX_CHECKSUM_REQUIRE && !(frame->flags & SL_FRAME_RX_L4_CHECKSUM_GOOD);
}

static bool is_marked_bad(const struct sl_frame *frame, enum sl_rx_checksum policy)
{
    return policy != SL_RX_CHECKSUM_IGNORE && (frame->flags & SL_FRAME_RX_L4_CHECKSUM_BAD);
}

static bool is_l4_sum_good(const struct sl_frame *frame, struct ip_payload l4)
{
    const struct sl_tuple *tuple = &frame->path.tuple;
    uint64_t sum = 0;
    if (l4.protocol != PROTOCOL_ICMP4)
        sum = wire_pseudo_sum(&tuple->remote_ip, &tuple->local_ip, l4.protocol, l4.len);
    return sl_wire_checksum_fold(sl_wire_checksum_add(sum, l4.at, l4.len)) == 0;
}

/** RFC 768. */
static enum sl_drop parse_udp(struct sl_frame *frame, struct ip_payload l4,
                              enum sl_rx_checksum policy)
{
    if (l4.len < SL_UDP_HEADER_LEN)
        return SL_DROP_UDP_LENGTH;
    frame->path.tuple.remote_port = sl_load_be16(l4.at);
    frame->path.tuple.local_port = sl_load_be16(l4.at + 2);
    uint16_t len = sl_load_be16(l4.at + 4);
    bool has_checksum = sl_load_be16(l4.at + 6) != 0;
    if (len < SL_UDP_HEADER_LEN || len > l4.len)
        return SL_DROP_UDP_LENGTH;
    if (frame->path.tuple.remote_port == 0 ||
        !wire_is_source_possible(&frame->path.tuple.remote_ip, l4.is_v6))
        return SL_DROP_BAD_SOURCE;
    l4.len = len;
    if (is_marked_bad(frame, policy))
        return SL_DROP_UDP_CHECKSUM;
    if (!has_checksum) {
        if (l4.is_v6 && policy != SL_RX_CHECKSUM_IGNORE) /* RFC 8200 8.1 */
            return SL_DROP_UDP_CHECKSUM;
    } else if (must_verify(frame, policy) && !is_l4_sum_good(frame, l4)) {
        return SL_DROP_UDP_CHECKSUM;
    }
    frame->payload_off = (uint16_t)(l4.at + SL_UDP_HEADER_LEN - frame->data);
    frame->payload_len = (uint16_t)(len - SL_UDP_HEADER_LEN);
    frame->kind = SL_PACKET_UDP;
    return SL_DROP_NONE;
}

/** ICMP is answered by us, never by a NIC's word: its checksum is always looked at. */
static enum sl_drop parse_icmp(struct sl_frame *frame, struct ip_payload l4, uint8_t request,
                               enum sl_packet_kind kind)
{
    if (l4.len < ICMP_HEADER_LEN)
        return SL_DROP_TRUNCATED;
    if (l4.at[0] != request || l4.at[1] != 0)
        return SL_DROP_IP_PROTOCOL;
    if (!wire_is_source_possible(&frame->path.tuple.remote_ip, l4.is_v6))
        return SL_DROP_BAD_SOURCE;
    if (!is_l4_sum_good(frame, l4))
        return SL_DROP_UDP_CHECKSUM;
    frame->payload_off = (uint16_t)(l4.at - frame->data);
    frame->payload_len = (uint16_t)l4.len;
    frame->kind = (uint16_t)kind;
    return SL_DROP_NONE;
}

/** RFC 4861 7.1.1. */
static enum sl_drop parse_solicitation(struct sl_frame *frame, struct ip_payload l4)
{
    static const struct sl_ip unspecified;
    if (l4.hop_limit != ND_HOP_LIMIT || l4.at[1] != 0)
        return SL_DROP_IP_PROTOCOL;
    if (!is_l4_sum_good(frame, l4))
        return SL_DROP_UDP_CHECKSUM;
    struct sl_reader r = sl_reader_of(l4.at, l4.len);
    sl_read_bytes(&r, ND_TARGET_OFF);
    const uint8_t *target = sl_read_bytes(&r, 16);
    if (r.failed)
        return SL_DROP_TRUNCATED;
    bool has_source_link = false;
    while (sl_reader_left(&r) > 0) {
        uint8_t type = sl_read_u8(&r);
        uint8_t units = sl_read_u8(&r); /* of 8 bytes */
        sl_read_bytes(&r, (size_t)units * 8 - (units > 0 ? 2 : 0));
        if (r.failed || units == 0)
            return SL_DROP_TRUNCATED;
        has_source_link |= type == ND_OPTION_SOURCE_LINK;
    }
    bool is_probe = memcmp(&frame->path.tuple.remote_ip, &unspecified, 16) == 0;
    if (target[0] == 0xff ||
        (is_probe ? has_source_link : !wire_is_source_possible(&frame->path.tuple.remote_ip, true)))
        return SL_DROP_BAD_SOURCE;
    struct sl_ip asked;
    memcpy(asked.bytes, target, sizeof asked.bytes);
    if (sl_ip_is_v4(&asked)) /* or we would say here who has an IPv4 address of ours */
        return SL_DROP_BAD_SOURCE;
    frame->path.tuple.local_ip = asked;
    frame->payload_off = (uint16_t)(l4.at - frame->data);
    frame->payload_len = (uint16_t)l4.len;
    frame->kind = SL_PACKET_ND_SOLICIT;
    return SL_DROP_NONE;
}

static enum sl_drop parse_not_udp(struct sl_frame *frame, struct ip_payload l4)
{
    if (l4.protocol == PROTOCOL_ICMP4 && !l4.is_v6)
        return parse_icmp(frame, l4, ICMP4_ECHO_REQUEST, SL_PACKET_ECHO4);
    if (l4.protocol != PROTOCOL_ICMP6 || !l4.is_v6)
        return SL_DROP_IP_PROTOCOL;
    if (l4.len >= ICMP_HEADER_LEN && l4.at[0] == ICMP6_SOLICITATION)
        return parse_solicitation(frame, l4);
    return parse_icmp(frame, l4, ICMP6_ECHO_REQUEST, SL_PACKET_ECHO6);
}

/** RFC 791 3.1: all 16-bit words of a header add up to all ones. */
static bool is_header_sum_good(const uint8_t *header, unsigned len)
{
    return sl_wire_checksum_fold(sl_wire_checksum_add(0, header, len)) == 0;
}

/** RFC 791 3.1. Ethernet padding behind the packet is tolerated. header [left] */
static inline enum sl_drop parse_ipv4(struct sl_frame *frame, const uint8_t *header, size_t left,
                                      enum sl_rx_checksum policy)
{
    if (left < SL_IPV4_HEADER_LEN)
        return SL_DROP_TRUNCATED;
    unsigned header_len = (header[0] & 0x0f) * 4u;
    unsigned total_len = sl_load_be16(header + 2);
    if (header[0] >> 4 != 4 || header_len < SL_IPV4_HEADER_LEN || total_len < header_len)
        return SL_DROP_IP_HEADER;
    if (total_len > left)
        return SL_DROP_TRUNCATED;
    if (frame->flags & SL_FRAME_RX_IP_CHECKSUM_BAD)
        return SL_DROP_IP_HEADER;
    if (!(frame->flags & SL_FRAME_RX_IP_CHECKSUM_GOOD) && !is_header_sum_good(header, header_len))
        return SL_DROP_IP_HEADER;
    if (sl_load_be16(header + 6) & 0x3fff)
        return SL_DROP_IP_FRAGMENT;
    frame->path.tuple.remote_ip = sl_ip_from_v4(header + 12);
    frame->path.tuple.local_ip = sl_ip_from_v4(header + 16);
    struct ip_payload l4 = {
        .at = header + header_len,
        .len = total_len - header_len,
        .protocol = header[9],
        .hop_limit = header[8],
    };
    return l4.protocol == PROTOCOL_UDP ? parse_udp(frame, l4, policy) : parse_not_udp(frame, l4);
}

/** Unknown options whose type says so are skipped; others refuse the packet. RFC 8200 4.2. */
static bool are_options_harmless(struct sl_reader options)
{
    while (sl_reader_left(&options) > 0) {
        uint8_t type = sl_read_u8(&options);
        if (type & IPV6_OPTION_ACTION_MASK)
            return false;
        if (type != IPV6_OPTION_PAD1)
            sl_read_vector(&options, 1);
        if (options.failed)
            return false;
    }
    return true;
}

/**
 * Steps over hop-by-hop (only in front) and destination options, RFC 8200 4.1. A fragment, more
 * headers than anyone needs, or options that may not be skipped end it.
 */
static enum sl_drop skip_extensions(struct ip_payload *l4)
{
    struct sl_reader r = sl_reader_of(l4->at, l4->len);
    for (unsigned i = 0; i < IPV6_EXTENSIONS_MAX; i++) {
        if (l4->protocol == IPV6_FRAGMENT)
            return SL_DROP_IP_FRAGMENT;
        if (l4->protocol != IPV6_DESTINATION && !(i == 0 && l4->protocol == IPV6_HOP_BY_HOP))
            return SL_DROP_NONE;
        l4->protocol = sl_read_u8(&r);
        size_t len = (size_t)sl_read_u8(&r) * 8 + 6;
        const uint8_t *options = sl_read_bytes(&r, len);
        if (options == NULL)
            return SL_DROP_TRUNCATED;
        if (!are_options_harmless(sl_reader_of(options, len)))
            return SL_DROP_IP_PROTOCOL;
        l4->at = r.at;
        l4->len = (uint32_t)sl_reader_left(&r);
    }
    return SL_DROP_IP_PROTOCOL;
}

/** RFC 8200 3. header [left] */
static enum sl_drop parse_ipv6(struct sl_frame *frame, const uint8_t *header, size_t left,
                               enum sl_rx_checksum policy)
{
    if (left < SL_IPV6_HEADER_LEN)
        return SL_DROP_TRUNCATED;
    if (header[0] >> 4 != 6)
        return SL_DROP_IP_HEADER;
    uint16_t payload_len = sl_load_be16(header + 4);
    if (payload_len > left - SL_IPV6_HEADER_LEN)
        return SL_DROP_TRUNCATED;
    memcpy(frame->path.tuple.remote_ip.bytes, header + 8, 16);
    memcpy(frame->path.tuple.local_ip.bytes, header + 24, 16);
    if (sl_ip_is_v4(&frame->path.tuple.remote_ip) || sl_ip_is_v4(&frame->path.tuple.local_ip))
        return SL_DROP_BAD_SOURCE; /* mapped addresses never travel, RFC 4291 2.5.5.2 */
    struct ip_payload l4 = {
        .at = header + SL_IPV6_HEADER_LEN,
        .len = payload_len,
        .protocol = header[6],
        .hop_limit = header[7],
        .is_v6 = true,
    };
    if (l4.protocol != PROTOCOL_UDP) {
        enum sl_drop drop = skip_extensions(&l4);
        if (drop != SL_DROP_NONE)
            return drop;
    }
    return l4.protocol == PROTOCOL_UDP ? parse_udp(frame, l4, policy) : parse_not_udp(frame, l4);
}

/** RFC 826: requests for Ethernet and IPv4. A probe (RFC 5227) has sender 0.0.0.0. */
static enum sl_drop parse_arp(struct sl_frame *frame, const uint8_t *arp, size_t left)
{
    static const uint8_t request[8] = {0, 1, 0x08, 0x00, SL_ETHER_ADDR_LEN, 4, 0, 1};
    if (left < ARP_LEN)
        return SL_DROP_TRUNCATED;
    if (memcmp(arp, request, sizeof request) != 0)
        return SL_DROP_IP_PROTOCOL;
    static const uint8_t probe[4] = {0};
    frame->path.tuple.remote_ip = sl_ip_from_v4(arp + 14);
    if (arp[8] & 1 || !(wire_is_source_possible(&frame->path.tuple.remote_ip, false) ||
                        memcmp(arp + 14, probe, sizeof probe) == 0))
        return SL_DROP_BAD_SOURCE;
    frame->path.tuple.local_ip = sl_ip_from_v4(arp + 24);
    frame->payload_off = frame->l3_off;
    frame->payload_len = ARP_LEN;
    frame->kind = SL_PACKET_ARP_REQUEST;
    return SL_DROP_NONE;
}

enum sl_drop sl_wire_parse_frame(struct sl_frame *frame, enum sl_rx_checksum rx_checksum)
{
    if (frame->segs != 1)
        return SL_DROP_SEGMENTED;
    const uint8_t *ether = frame->data;
    size_t l3_off = SL_ETHER_HEADER_LEN;
    if (frame->len < l3_off)
        return SL_DROP_TRUNCATED;
    uint16_t type = sl_load_be16(ether + 2 * SL_ETHER_ADDR_LEN);
    bool is_stripped = frame->flags & SL_FRAME_RX_VLAN_STRIPPED;
    uint16_t vlan_id = is_stripped ? wire_vlan_of(frame->vlan_tci) : SL_VLAN_NONE;
    if (type == ETHERTYPE_VLAN && !is_stripped) {
        l3_off += SL_VLAN_TAG_LEN;
        if (frame->len < l3_off)
            return SL_DROP_TRUNCATED;
        vlan_id = wire_vlan_of(sl_load_be16(ether + SL_ETHER_HEADER_LEN));
        type = sl_load_be16(ether + l3_off - 2);
    }
    if (ether[SL_ETHER_ADDR_LEN] & 1)
        return SL_DROP_BAD_SOURCE;
    memcpy(frame->path.hop.mac, ether + SL_ETHER_ADDR_LEN, SL_ETHER_ADDR_LEN);
    frame->path.hop.vlan_id = vlan_id;
    frame->path.hop.group = frame->group;
    frame->path.tuple.remote_port = 0; /* unless it is UDP */
    frame->path.tuple.local_port = 0;
    frame->l3_off = (uint16_t)l3_off;
    frame->kind = SL_PACKET_NONE;
    const uint8_t *l3 = ether + l3_off;
    size_t left = frame->len - l3_off;
    if (type == ETHERTYPE_IPV4)
        return parse_ipv4(frame, l3, left, rx_checksum);
    if (type == ETHERTYPE_IPV6)
        return parse_ipv6(frame, l3, left, rx_checksum);
    return type == ETHERTYPE_ARP ? parse_arp(frame, l3, left) : SL_DROP_ETHERTYPE;
}
