/* Where packets with false source addresses may go. */
#include "load_priv.h"

struct prefix {
    uint8_t bytes[16];
    unsigned bits;
};

/** Of IPv4 in the mapped form, whose first 96 bits all of them have. */
#define V4(a, b, c, d, prefix_bits)                                                                \
    {                                                                                              \
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}, 96 + (prefix_bits)                 \
    }

static const struct prefix reserved[] = {
    V4(127, 0, 0, 0, 8),                                     /* loopback, RFC 1122 */
    V4(198, 18, 0, 0, 15),                                   /* RFC 2544 C.2.2 */
    V4(192, 0, 2, 0, 24),                                    /* RFC 5737 3 */
    V4(198, 51, 100, 0, 24),                                 /* RFC 5737 3 */
    V4(203, 0, 113, 0, 24),                                  /* RFC 5737 3 */
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128}, /* loopback, RFC 4291 */
    {{0x20, 0x01, 0, 0x02}, 48},                             /* RFC 5180 8 */
    {{0x20, 0x01, 0x0d, 0xb8}, 32},                          /* RFC 3849 4 */
    {{0x3f, 0xff}, 20},                                      /* RFC 9637 3 */
};

static bool begins_with(const struct sl_ip *ip, const struct prefix *prefix)
{
    const unsigned whole = prefix->bits / 8, rest = prefix->bits % 8;
    if (memcmp(ip->bytes, prefix->bytes, whole) != 0)
        return false;
    return rest == 0 || (ip->bytes[whole] ^ prefix->bytes[whole]) >> (8 - rest) == 0;
}

bool load_is_reserved(const struct sl_ip *first, const struct sl_ip *last)
{
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (begins_with(first, &reserved[i]) && begins_with(last, &reserved[i]))
            return true;
    return false;
}

bool sl_load_may_be_flooded(const struct sl_ip *ip)
{
    return load_is_reserved(ip, ip);
}
