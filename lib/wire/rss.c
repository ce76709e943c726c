/*
 * Microsoft's Toeplitz hash over addresses and ports, as network cards compute it for RSS
 * ("Verifying the RSS Hash Calculation", Windows driver documentation). Slides a 64-bit window over
 * the key.
 */
#include "wire_priv.h"

const uint8_t sl_wire_rss_key[40] = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/** Hash of input bytes [len] that stand at byte `at` of the whole input; at + len <= 36. */
static uint32_t toeplitz(const uint8_t *input, unsigned len, unsigned at)
{
    uint32_t hash = 0;
    for (unsigned i = 0; i < len; i++) {
        /* Bits 0..39 of the key from this byte on: eight windows of 32. */
        uint64_t key = 0;
        for (unsigned k = 0; k < 5; k++)
            key =
                key << 8 | (at + i + k < sizeof sl_wire_rss_key ? sl_wire_rss_key[at + i + k] : 0);
        for (unsigned bit = 0; bit < 8; bit++) {
            uint32_t mask = 0u - (input[i] >> (7 - bit) & 1u);
            hash ^= (uint32_t)(key >> (8 - bit)) & mask;
        }
    }
    return hash;
}

uint32_t sl_wire_rss_hash(const struct sl_tuple *tuple)
{
    unsigned skip = sl_ip_is_v4(&tuple->remote_ip) ? 12 : 0;
    unsigned ip_len = 16 - skip;
    uint8_t ports[4];
    sl_store_be16(ports, tuple->remote_port);
    sl_store_be16(ports + 2, tuple->local_port);
    return toeplitz(tuple->remote_ip.bytes + skip, ip_len, 0) ^
           toeplitz(tuple->local_ip.bytes + skip, ip_len, ip_len) ^
           toeplitz(ports, sizeof ports, 2 * ip_len);
}
