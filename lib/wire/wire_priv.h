/** What the files of lib/wire share: numbers of the layers below DTLS, and pseudo-header sums. */
#ifndef WIRE_PRIV_H
#define WIRE_PRIV_H

#include "sl_wire.h"

enum {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_ARP = 0x0806,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_IPV6 = 0x86dd,
    PROTOCOL_ICMP4 = 1,
    PROTOCOL_UDP = 17,
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
    HOP_LIMIT = 64,
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

/** The sum of `len` bytes, at most 2^31; sl_wire_checksum_use says which needs what. */
uint64_t wire_checksum_scalar(const uint8_t *bytes, size_t len);
uint64_t wire_checksum_sse(const uint8_t *bytes, size_t len);
uint64_t wire_checksum_avx2(const uint8_t *bytes, size_t len);
uint64_t wire_checksum_avx512(const uint8_t *bytes, size_t len);

#endif
