/*
 * The Toeplitz hash that NICs spread packets with, as Microsoft's RSS defines it: for each bit of
 * the input that is set, the 32 bits of the key from that bit on. By nibbles: 72 tables of 16 words
 * for the 36 bytes of an IPv6 tuple, of which IPv4 uses the first 24.
 */
#include "wire_priv.h"

const uint8_t sl_wire_rss_key[40] = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* The same key as words; a test holds the two together. */
#define KEY_0 0x6d5a56daULL
#define KEY_1 0x255b0ec2ULL
#define KEY_2 0x4167253dULL
#define KEY_3 0x43a38fb0ULL
#define KEY_4 0xd0ca2bcbULL
#define KEY_5 0xae7b30b4ULL
#define KEY_6 0x77cb2da3ULL
#define KEY_7 0x8030f20cULL
#define KEY_8 0x6a42b73bULL
#define KEY_9 0xbeac01faULL

/* The 32 bits of key words a and b from bit s on: what a set bit of the input adds. */
#define BITS(a, b, s) ((uint32_t)(((a) << 32 | (b)) >> (32 - (s))))
#define PICK(v, bit, a, b, s) (((v) >> (3 - (bit)) & 1) * BITS(a, b, (s) + (bit)))
#define WORD(v, a, b, s)                                                                           \
    (PICK(v, 0, a, b, s) ^ PICK(v, 1, a, b, s) ^ PICK(v, 2, a, b, s) ^ PICK(v, 3, a, b, s))
#define NIBBLE(a, b, s)                                                                            \
    {                                                                                              \
        WORD(0, a, b, s), WORD(1, a, b, s), WORD(2, a, b, s), WORD(3, a, b, s), WORD(4, a, b, s),  \
            WORD(5, a, b, s), WORD(6, a, b, s), WORD(7, a, b, s), WORD(8, a, b, s),                \
            WORD(9, a, b, s), WORD(10, a, b, s), WORD(11, a, b, s), WORD(12, a, b, s),             \
            WORD(13, a, b, s), WORD(14, a, b, s), WORD(15, a, b, s)                                \
    }
#define NIBBLES_8(a, b)                                                                            \
    NIBBLE(a, b, 0), NIBBLE(a, b, 4), NIBBLE(a, b, 8), NIBBLE(a, b, 12), NIBBLE(a, b, 16),         \
        NIBBLE(a, b, 20), NIBBLE(a, b, 24), NIBBLE(a, b, 28)

static const uint32_t nibbles[72][16] = {
    NIBBLES_8(KEY_0, KEY_1), NIBBLES_8(KEY_1, KEY_2), NIBBLES_8(KEY_2, KEY_3),
    NIBBLES_8(KEY_3, KEY_4), NIBBLES_8(KEY_4, KEY_5), NIBBLES_8(KEY_5, KEY_6),
    NIBBLES_8(KEY_6, KEY_7), NIBBLES_8(KEY_7, KEY_8), NIBBLES_8(KEY_8, KEY_9),
};

static uint32_t hash_bytes(uint32_t hash, unsigned at, const uint8_t *bytes, unsigned len)
{
    for (unsigned i = 0; i < len; i++) {
        const uint32_t(*pair)[16] = &nibbles[2 * (at + i)];
        hash ^= pair[0][bytes[i] >> 4] ^ pair[1][bytes[i] & 0xf];
    }
    return hash;
}

uint32_t sl_wire_rss_hash(const struct sl_tuple *tuple)
{
    unsigned skip = sl_ip_is_v4(&tuple->remote_ip) ? 12 : 0;
    unsigned len = (unsigned)sizeof(struct sl_ip) - skip;
    uint8_t ports[4];
    sl_store_be16(ports, tuple->remote_port);
    sl_store_be16(ports + 2, tuple->local_port);
    uint32_t hash = hash_bytes(0, 0, tuple->remote_ip.bytes + skip, len);
    hash = hash_bytes(hash, len, tuple->local_ip.bytes + skip, len);
    return hash_bytes(hash, 2 * len, ports, sizeof ports);
}
