/* Addresses as people write them. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "config_priv.h"

/** IPv4 as IPv4-mapped, so that the same address is the same however it is written. */
bool sl_config_parse_ip(const char *text, struct sl_ip *ip)
{
    uint8_t v4[4];
    if (inet_pton(AF_INET, text, v4) == 1) {
        *ip = sl_ip_from_v4(v4);
        return true;
    }
    return inet_pton(AF_INET6, text, ip->bytes) == 1;
}

static bool parse_port(const char *text, uint16_t *port)
{
    const size_t len = strlen(text);
    if (len == 0 || len > 5 || strspn(text, "0123456789") != len)
        return false;
    const unsigned long value = strtoul(text, NULL, 10);
    *port = (uint16_t)value;
    return value > 0 && value <= 65535;
}

bool sl_config_parse_endpoint(const char *text, struct sl_ip *ip, uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    char host[64];
    if (colon == NULL || (size_t)(colon - text) >= sizeof host)
        return false;
    const bool is_v6 = text[0] == '[';
    const size_t len = (size_t)(colon - text);
    if (is_v6 && (len < 3 || text[len - 1] != ']'))
        return false;
    snprintf(host, sizeof host, "%.*s", (int)(is_v6 ? len - 2 : len), is_v6 ? text + 1 : text);
    return parse_port(colon + 1, port) && sl_config_parse_ip(host, ip) &&
           (strchr(host, ':') != NULL) == is_v6;
}

bool config_is_host_ip(const struct sl_ip *ip)
{
    static const uint8_t zeros[15];
    const uint8_t *v4 = ip->bytes + 12;
    if (sl_ip_is_v4(ip))
        return v4[0] != 0 && v4[0] != 127 && v4[0] < 224;
    bool is_low = memcmp(ip->bytes, zeros, 15) == 0 && ip->bytes[15] <= 1;
    return !is_low && ip->bytes[0] != 0xff;
}
