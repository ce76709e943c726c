/* Headers out: Ethernet, VLAN, IP, UDP before a payload that stands in place. */
#include <assert.h>

#include "wire_priv.h"

#define PLAIN_IPV4_LEN (SL_ETHER_HEADER_LEN + SL_IPV4_HEADER_LEN + SL_UDP_HEADER_LEN)

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

static inline uint8_t *udp_of(const struct sl_frame *frame)
{
    return frame->data + frame->payload_off - SL_UDP_HEADER_LEN;
}

void sl_wire_sum_udp_burst(struct sl_frame *const *frames, unsigned n)
{
    struct wire_piece pieces[SL_BURST];
    assert(n <= SL_BURST);
    for (unsigned i = 0; i < n; i++) {
        const struct sl_frame *frame = frames[i];
        const uint8_t *udp = udp_of(frame);
        bool is_v4 = udp - frame->data - frame->l3_off == SL_IPV4_HEADER_LEN;
        uint16_t udp_len = (uint16_t)(SL_UDP_HEADER_LEN + frame->payload_len);
        /* The addresses stand right before the UDP header; what else RFC 768 and RFC 8200 8.1 put
         * into the pseudo-header is added as words. */
        size_t addresses_len = is_v4 ? 2 * 4 : 2 * 16;
        pieces[i].bytes = udp - addresses_len;
        pieces[i].len = addresses_len + udp_len;
        pieces[i].sum = (uint64_t)__builtin_bswap16(PROTOCOL_UDP) + __builtin_bswap16(udp_len);
    }
    wire_checksum_burst(pieces, n);
    for (unsigned i = 0; i < n; i++) {
        uint16_t checksum = sl_wire_checksum_fold(pieces[i].sum);
        if (checksum == 0)
            checksum = 0xffff; /* RFC 768: 0 would mean that there is none */
        memcpy(udp_of(frames[i]) + 6, &checksum, sizeof checksum);
    }
}

/* Loads and stores in the machine's order, which is little-endian: what is first on the wire stands
 * in the low bits. */
static inline uint64_t load16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/** In two pieces: put together in memory, they would have to be written there before. */
static inline uint64_t load_mac(const uint8_t *mac)
{
    return wire_load32(mac) | load16(mac + 4) << 32;
}

static inline void store64(uint8_t *at, uint64_t value)
{
    memcpy(at, &value, sizeof value);
}

static inline uint64_t swap16(unsigned value)
{
    return __builtin_bswap16((uint16_t)value);
}

/**
 * What write_any writes for IPv4 without a VLAN tag, the way of nearly all frames, in 8-byte words
 * made in registers.
 */
static inline void write_plain_ipv4(uint8_t *at, const struct sl_path *path, const uint8_t *own_mac,
                                    unsigned udp_len, unsigned flags)
{
    const struct sl_tuple *tuple = &path->tuple;
    const uint64_t to = load_mac(path->hop.mac), from = load_mac(own_mac);
    const uint64_t source = wire_load32(tuple->local_ip.bytes + 12);
    const uint64_t destination = wire_load32(tuple->remote_ip.bytes + 12);
    const uint64_t version = 0x0045, dont_fragment = 0x0040; /* ID 0: RFC 6864 4.1 */
    const uint64_t ttl_protocol = HOP_LIMIT | PROTOCOL_UDP << 8;
    const uint64_t ip_len = swap16(SL_IPV4_HEADER_LEN + udp_len);
    const uint64_t addresses = source + destination;
    uint64_t ip_sum = 0, udp_sum = 0;
    if (!(flags & SL_FRAME_TX_IP_CHECKSUM))
        ip_sum = sl_wire_checksum_fold(version + dont_fragment + ttl_protocol + ip_len + addresses);
    if (flags & SL_FRAME_TX_UDP_CHECKSUM)
        udp_sum =
            0xffff ^ sl_wire_checksum_fold(swap16(PROTOCOL_UDP) + swap16(udp_len) + addresses);
    store64(at, to | from << 48);
    store64(at + 8, from >> 16 | swap16(ETHERTYPE_IPV4) << 32 | version << 48);
    store64(at + 16, ip_len | dont_fragment << 32 | ttl_protocol << 48);
    store64(at + 24, ip_sum | source << 16 | destination << 48);
    store64(at + 32, destination >> 16 | swap16(tuple->local_port) << 16 |
                         swap16(tuple->remote_port) << 32 | swap16(udp_len) << 48);
    at[40] = (uint8_t)udp_sum;
    at[41] = (uint8_t)(udp_sum >> 8);
}

/** Any other: IPv6, and both with a VLAN tag. */
static __attribute__((noinline)) void write_any(struct sl_frame *frame, const struct sl_path *path,
                                                const uint8_t *own_mac, uint16_t headers_len)
{
    const struct sl_tuple *tuple = &path->tuple;
    bool is_v4 = sl_ip_is_v4(&tuple->local_ip);
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
}

void sl_wire_put_unsummed_headers(struct sl_frame *frame, uint8_t *payload, uint16_t payload_len,
                                  const struct sl_path *path,
                                  const uint8_t own_mac[SL_ETHER_ADDR_LEN])
{
    uint16_t headers_len = sl_wire_headers_len(path);
    frame->data = payload - headers_len;
    frame->len = (uint16_t)(headers_len + payload_len);
    frame->payload_off = headers_len;
    frame->payload_len = payload_len;
    if (headers_len != PLAIN_IPV4_LEN) {
        write_any(frame, path, own_mac, headers_len);
        return;
    }
    frame->l3_off = SL_ETHER_HEADER_LEN;
    write_plain_ipv4(payload - PLAIN_IPV4_LEN, path, own_mac,
                     SL_UDP_HEADER_LEN + (unsigned)payload_len, frame->flags);
}

void sl_wire_write_headers(struct sl_frame *frame, const struct sl_path *path,
                           const uint8_t own_mac[SL_ETHER_ADDR_LEN])
{
    sl_wire_put_unsummed_headers(frame, frame->data + sl_wire_headers_len(path), frame->payload_len,
                                 path, own_mac);
    if (!(frame->flags & SL_FRAME_TX_UDP_CHECKSUM))
        sl_wire_sum_udp_burst(&frame, 1);
}
