/**
 * Addresses of a peer. IPv4 addresses are kept IPv4-mapped (::ffff:a.b.c.d), so that one code path
 * serves both families. Ports are in host byte order. All structs are free of padding that would
 * make a memcmp lie.
 */
#ifndef SL_ADDRESS_H
#define SL_ADDRESS_H

#include <assert.h>
#ifdef __SSE4_1__
#include <smmintrin.h>
#endif
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "sl_protocol.h"

struct sl_ip {
    uint8_t bytes[16];
};

/** Seen from the gateway: local is ours. The protocol is always UDP. */
struct sl_tuple {
    struct sl_ip remote_ip;
    struct sl_ip local_ip;
    uint16_t remote_port;
    uint16_t local_port;
};

#define SL_VLAN_NONE 0xffff

/** Where frames to the peer go: the next hop on a port group. */
struct sl_hop {
    uint8_t mac[SL_ETHER_ADDR_LEN];
    uint16_t vlan_id; /* 0..4094, or SL_VLAN_NONE */
    uint16_t group;   /* port group */
};

struct sl_path {
    struct sl_tuple tuple;
    struct sl_hop hop;
};

static_assert(sizeof(struct sl_tuple) == 36, "a tuple is compared and hashed as bytes");
static_assert(sizeof(struct sl_hop) == 10, "a hop is compared as bytes");
static_assert(sizeof(struct sl_path) == 46, "a path is copied as bytes");

/** By sixteen bytes where the processor can, as every record that opens passes here. */
static inline bool sl_tuple_equal(const struct sl_tuple *a, const struct sl_tuple *b)
{
#ifdef __SSE4_1__
    const __m128i *x = (const __m128i *)(const void *)a, *y = (const __m128i *)(const void *)b;
    __m128i difference =
        _mm_or_si128(_mm_xor_si128(_mm_loadu_si128(x), _mm_loadu_si128(y)),
                     _mm_xor_si128(_mm_loadu_si128(x + 1), _mm_loadu_si128(y + 1)));
    return memcmp(&a->remote_port, &b->remote_port, 4) == 0 &&
           _mm_testz_si128(difference, difference);
#else
    return memcmp(a, b, sizeof *a) == 0;
#endif
}

static inline bool sl_ip_is_v4(const struct sl_ip *ip)
{
    static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return memcmp(ip->bytes, prefix, sizeof prefix) == 0;
}

/** The mapped form of four bytes in network order. */
static inline struct sl_ip sl_ip_from_v4(const uint8_t *bytes)
{
    struct sl_ip ip = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}};
    memcpy(ip.bytes + 12, bytes, 4);
    return ip;
}

#endif
