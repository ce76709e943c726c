/** What the files of lib/wire share: numbers of the layers below DTLS, and pseudo-header sums. */
#ifndef WIRE_PRIV_H
#define WIRE_PRIV_H

#include "sl_wire.h"

enum {
    ETHERTYPE_ARP = 0x0806,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_IPV6 = 0x86dd,
    PROTOCOL_ICMP4 = 1,
    PROTOCOL_ICMP6 = 58,
    IPV6_HOP_BY_HOP = 0,
    IPV6_FRAGMENT = 44,
    IPV6_DESTINATION = 60,
    IPV6_EXTENSIONS_MAX = 4,
    IPV6_OPTION_PAD1 = 0,
    IPV6_OPTION_ACTION_MASK = 0xc0,
    ICMP4_ECHO_REPLY = 0,
    ICMP4_ECHO_REQUEST = 8,
    ICMP6_ECHO_REQUEST = 128,
    ICMP6_ECHO_REPLY = 129,
    ICMP6_SOLICITATION = 135,
    ICMP6_ADVERTISEMENT = 136,
    ND_OPTION_SOURCE_LINK = 1,
    ND_OPTION_TARGET_LINK = 2,
    ND_HOP_LIMIT = 255,
};

#define ARP_LEN 28
#define ICMP_HEADER_LEN 8
#define ND_TARGET_OFF 8
#define ND_SOLICITATION_LEN 24
#define ND_ADVERTISEMENT_LEN 32 /* with the target link-layer address option */

/** Sum of the pseudo-header of UDP or ICMPv6 over addresses in mapped form. RFC 768, RFC 8200 8.1.
 */
uint64_t wire_pseudo_sum(const struct sl_ip *a, const struct sl_ip *b, uint8_t protocol,
                         uint32_t len);

/** Can an honest sender have this address? It is no multicast, unspecified or loopback one. */
static inline bool wire_is_source_possible(const struct sl_ip *ip, bool is_v6)
{
    static const uint8_t zeros[15];
    const uint8_t *b = ip->bytes;
    if (!is_v6)
        return plain_is_source_possible(b[12]);
    if (b[0] == 0xff)
        return false;
    return memcmp(b, zeros, 15) != 0 || b[15] > 1;
}

/** The VLAN of a tag control field; a priority tag (VLAN 0) is none. */
static inline uint16_t wire_vlan_of(uint16_t tci)
{
    uint16_t id = tci & 0x0fff;
    return id != 0 ? id : SL_VLAN_NONE;
}

/** The Ethernet header of a frame to this hop, with its VLAN tag if it has one. */
void wire_write_ethernet(struct sl_writer *w, const struct sl_hop *hop, const uint8_t *own_mac,
                         uint16_t type);

/** One way to sum: see sl_wire_checksum_use, which says which needs what. */
struct wire_loop {
    /** The sum of bytes [len], at most 2^31, not folded. */
    uint64_t (*sum)(const uint8_t *bytes, size_t len);
    /** sl_wire_sum_udp_burst */
    void (*sum_udp_burst)(const struct sl_wire_unsummed *unsummed, unsigned n);
};
extern const struct wire_loop wire_loop_scalar, wire_loop_sse, wire_loop_avx2, wire_loop_avx512;

/** sum  of what stands from the UDP header on. */
static inline void wire_put_udp_sum(const struct sl_wire_unsummed *unsummed, uint64_t sum)
{
    uint16_t checksum = sl_wire_checksum_fold(unsummed->pseudo_sum + sum);
    if (checksum == 0)
        checksum = 0xffff; /* RFC 768: 0 would mean that there is none */
    memcpy(unsummed->udp + 6, &checksum, sizeof checksum);
}

/** What is left for the scalar loop: 32-bit words summed in 64 bits, four sums side by side. */
static inline uint64_t wire_sum_words(const uint8_t *bytes, size_t len)
{
    uint64_t a = 0, b = 0, c = 0, d = 0;
    uint32_t words[4];
    for (; len >= sizeof words; bytes += sizeof words, len -= sizeof words) {
        memcpy(words, bytes, sizeof words);
        a += words[0];
        b += words[1];
        c += words[2];
        d += words[3];
    }
    for (; len >= 2; bytes += 2, len -= 2) {
        uint16_t word;
        memcpy(&word, bytes, sizeof word);
        a += word;
    }
    if (len > 0)
        b += *bytes; /* padded with a zero behind it; the machine is little-endian */
    return a + b + c + d;
}

#endif
