#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "sl_access.h"

#define V4_OFF 96 /* bits before an IPv4 address in its mapped form */

/** Zeros behind the first len bits. return whether there was anything else. */
static bool cut(struct sl_ip *ip, unsigned len)
{
    uint8_t rest = 0;
    for (unsigned i = 0; i < sizeof ip->bytes; i++) {
        unsigned kept = len > 8 * i ? len - 8 * i : 0;
        uint8_t mask = kept >= 8 ? 0xff : (uint8_t)(0xff00 >> kept);
        rest |= ip->bytes[i] & (uint8_t)~mask;
        ip->bytes[i] &= mask;
    }
    return rest != 0;
}

struct sl_prefix sl_prefix_of(const struct sl_ip *ip, unsigned v4_len, unsigned v6_len)
{
    struct sl_prefix prefix = {.ip = *ip, .is_v4 = sl_ip_is_v4(ip)};
    prefix.len = (uint8_t)(prefix.is_v4 ? V4_OFF + v4_len : v6_len);
    cut(&prefix.ip, prefix.len);
    return prefix;
}

/** The bits behind the slash; digits and nothing else. */
static bool parse_len(const char *text, unsigned max, unsigned *len)
{
    if (text[0] == '\0' || strlen(text) > 3 || strspn(text, "0123456789") != strlen(text))
        return false;
    *len = (unsigned)strtoul(text, NULL, 10);
    return *len <= max;
}

enum sl_prefix_error sl_prefix_parse(const char *text, struct sl_prefix *out)
{
    char address[INET6_ADDRSTRLEN + 1];
    size_t address_len = strcspn(text, "/");
    if (address_len >= sizeof address)
        return SL_PREFIX_ADDRESS;
    memcpy(address, text, address_len);
    address[address_len] = '\0';

    uint8_t v4[4];
    bool is_dotted = inet_pton(AF_INET, address, v4) == 1;
    if (is_dotted)
        out->ip = sl_ip_from_v4(v4);
    else if (inet_pton(AF_INET6, address, out->ip.bytes) != 1)
        return SL_PREFIX_ADDRESS;
    unsigned bits = is_dotted ? 32 : 128, len = bits;
    if (text[address_len] == '/' && !parse_len(text + address_len + 1, bits, &len))
        return SL_PREFIX_LENGTH;
    if (is_dotted)
        len += V4_OFF;
    out->len = (uint8_t)len;
    out->is_v4 = len >= V4_OFF && sl_ip_is_v4(&out->ip);
    return cut(&out->ip, len) ? SL_PREFIX_HOST_BITS : SL_PREFIX_SOUND;
}

void sl_prefix_print(const struct sl_prefix *prefix, char *text)
{
    char address[INET6_ADDRSTRLEN];
    unsigned len = prefix->len;
    if (prefix->is_v4) {
        inet_ntop(AF_INET, prefix->ip.bytes + 12, address, sizeof address);
        len -= V4_OFF;
    } else {
        inet_ntop(AF_INET6, prefix->ip.bytes, address, sizeof address);
    }
    if (prefix->len == 128)
        snprintf(text, SL_PREFIX_TEXT_LEN, "%s", address);
    else
        snprintf(text, SL_PREFIX_TEXT_LEN, "%s/%u", address, len);
}
