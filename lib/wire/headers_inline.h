/**
 * The headers that nearly every frame out gets, inlined into those who send. Included by sl_wire.h,
 * which says what the functions do.
 */
#ifndef HEADERS_INLINE_H
#define HEADERS_INLINE_H

#include "wire_words.h"

enum { HOP_LIMIT = 64 };

/** A number of 16 bits as a word holds it. */
static inline uint64_t wire_swap16(unsigned value)
{
    return __builtin_bswap16((uint16_t)value);
}

/** As they stand in the header: swapped, both of them change places too. */
static inline uint32_t wire_ports_of(const struct sl_tuple *tuple)
{
    static_assert(offsetof(struct sl_tuple, local_port) ==
                      offsetof(struct sl_tuple, remote_port) + sizeof tuple->remote_port,
                  "read at once");
    return __builtin_bswap32((uint32_t)wire_load32(&tuple->remote_port));
}

/** Any headers; out of line: IPv6, VLAN tags, and what a port is to sum. */
void wire_put_any_headers(struct sl_frame *frame, uint8_t *payload, unsigned payload_len,
                          const struct sl_path *path, const uint8_t *own_mac,
                          struct sl_wire_unsummed *unsummed);

/** IPv4 without a VLAN tag, in words made in registers. */
static inline __attribute__((always_inline)) void
wire_put_plain_ipv4(uint8_t *at, const struct sl_path *path, const uint8_t *own_mac,
                    unsigned udp_len, unsigned flags, struct sl_wire_unsummed *unsummed)
{
    const struct sl_tuple *tuple = &path->tuple;
    const uint64_t source = wire_load32(tuple->local_ip.bytes + 12);
    const uint64_t destination = wire_load32(tuple->remote_ip.bytes + 12);
    const uint64_t version = 0x0045, dont_fragment = 0x0040; /* ID 0: RFC 6864 4.1 */
    const uint64_t ttl_protocol = HOP_LIMIT | PROTOCOL_UDP << 8;
    const uint64_t ip_len = wire_swap16(SL_IPV4_HEADER_LEN + udp_len);
    const uint64_t udp_len_be = wire_swap16(udp_len);
    const uint64_t pseudo_sum = source + destination + wire_swap16(PROTOCOL_UDP) + udp_len_be;
    uint64_t ip_sum = 0, udp_sum = 0;
    if (!(flags & SL_FRAME_TX_IP_CHECKSUM))
        ip_sum = sl_wire_checksum_fold(version + dont_fragment + ttl_protocol + ip_len + source +
                                       destination);
    if (flags & SL_FRAME_TX_UDP_CHECKSUM)
        udp_sum = 0xffff ^ sl_wire_checksum_fold(pseudo_sum);
    /* Each word may run into the fields behind it, which are written next. */
    static_assert(sizeof path->hop >= 8, "read with two bytes more");
    wire_store64(at, wire_load64(&path->hop));
    wire_store32(at + 6, (uint32_t)wire_load32(own_mac));
    wire_store32(at + 8, (uint32_t)wire_load32(own_mac + 2));
    wire_store64(at + 12, wire_swap16(ETHERTYPE_IPV4) | version << 16 | ip_len << 32);
    wire_store64(at + 20, dont_fragment | ttl_protocol << 16 | ip_sum << 32);
    wire_store32(at + 26, (uint32_t)source);
    wire_store32(at + 30, (uint32_t)destination);
    wire_store32(at + 34, wire_ports_of(tuple));
    wire_store32(at + 38, (uint32_t)(udp_len_be | udp_sum << 16));
    unsummed->udp = at + 34;
    unsummed->udp_len = udp_len;
    unsummed->pseudo_sum = pseudo_sum;
}

static inline bool wire_is_plain_ipv4(const struct sl_path *path)
{
    return sl_ip_is_v4(&path->tuple.local_ip) && path->hop.vlan_id == SL_VLAN_NONE;
}

static inline __attribute__((always_inline)) void
wire_put_plain_headers(struct sl_frame *frame, uint8_t *payload, unsigned payload_len,
                       const struct sl_path *path, const uint8_t *own_mac, unsigned flags,
                       struct sl_wire_unsummed *unsummed)
{
    enum { PLAIN_IPV4_LEN = SL_ETHER_HEADER_LEN + SL_IPV4_HEADER_LEN + SL_UDP_HEADER_LEN };
    frame->data = payload - PLAIN_IPV4_LEN;
    frame->len = (uint16_t)(PLAIN_IPV4_LEN + payload_len);
    frame->l3_off = SL_ETHER_HEADER_LEN;
    wire_put_plain_ipv4(frame->data, path, own_mac, SL_UDP_HEADER_LEN + payload_len, flags,
                        unsummed);
}

static inline void sl_wire_put_headers(struct sl_frame *frame, uint8_t *payload,
                                       uint32_t payload_len, const struct sl_path *path,
                                       const uint8_t own_mac[SL_ETHER_ADDR_LEN],
                                       struct sl_wire_unsummed *unsummed)
{
    if (!wire_is_plain_ipv4(path) || frame->flags != 0) {
        wire_put_any_headers(frame, payload, payload_len, path, own_mac, unsummed);
        return;
    }
    wire_put_plain_headers(frame, payload, payload_len, path, own_mac, 0, unsummed);
}

#endif
