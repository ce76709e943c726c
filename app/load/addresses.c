/* Addresses as people write them. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "values.h"

#define SOURCE_IPS_MAX (1U << 24)

static bool read_ip(const char *text, size_t len, struct sl_ip *ip)
{
    char copy[INET6_ADDRSTRLEN];
    uint8_t v4[4];
    if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len == 0 || len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (inet_pton(AF_INET, copy, v4) == 1) {
        *ip = sl_ip_from_v4(v4);
        return true;
    }
    return inet_pton(AF_INET6, copy, ip->bytes) == 1;
}

bool value_read_ip(const char *text, struct sl_ip *ip)
{
    return read_ip(text, strlen(text), ip);
}

/** Decimal digits only, and nothing behind them. */
static bool read_small(const char *text, size_t len, uint32_t max, uint32_t *value)
{
    *value = 0;
    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *value = *value * 10 + (uint32_t)(text[i] - '0');
    }
    return *value <= max;
}

/** Where the addresses end: at the colon before the ports. IPv6 without brackets has no ports. */
static const char *address_end(const char *text)
{
    const char *bracket = strrchr(text, ']');
    const char *colon = strrchr(text, ':');
    if (bracket != NULL)
        return bracket + strcspn(bracket, ":");
    if (colon != NULL && strchr(text, ':') == colon)
        return colon;
    return text + strlen(text);
}

/** The last 32 bits as a number: ranges lie within them. */
static uint32_t low_word(const struct sl_ip *ip)
{
    uint32_t word;
    memcpy(&word, ip->bytes + 12, sizeof word);
    return ntohl(word);
}

/** return how many addresses from first to last, or 0. */
static uint32_t count_range(const struct sl_ip *first, const struct sl_ip *last)
{
    if (memcmp(first->bytes, last->bytes, 12) != 0 || low_word(last) < low_word(first) ||
        low_word(last) - low_word(first) >= SOURCE_IPS_MAX)
        return 0;
    return low_word(last) - low_word(first) + 1;
}

/**
 * The hosts of a prefix: all of it but, in IPv4 and longer than two addresses, the network's and
 * broadcast address, and in IPv6 the routers' anycast address (RFC 4291 2.6.1).
 */
static uint32_t count_prefix(struct sl_ip *ip, uint32_t prefix_len)
{
    unsigned host_bits = (sl_ip_is_v4(ip) ? 32 : 128) - prefix_len;
    if (host_bits > 24)
        return 0;
    uint32_t mask = host_bits == 0 ? 0 : (1U << host_bits) - 1;
    uint32_t first = low_word(ip) & ~mask, count = mask + 1;
    if (host_bits > 1) {
        first++;
        count -= sl_ip_is_v4(ip) ? 2 : 1;
    }
    first = htonl(first);
    memcpy(ip->bytes + 12, &first, sizeof first);
    return count;
}

/** "ADDR", "ADDR-ADDR", "ADDR/PREFIXLEN" */
static bool read_ips(const char *text, size_t len, struct sl_load_sources *sources)
{
    const char *slash = memchr(text, '/', len), *dash = memchr(text, '-', len);
    const char *mark = slash != NULL ? slash : dash;
    struct sl_ip last;
    uint32_t prefix_len;
    sources->ip_count = 1;
    if (!read_ip(text, mark != NULL ? (size_t)(mark - text) : len, &sources->first_ip))
        return false;
    if (mark == NULL)
        return true;
    size_t rest = len - (size_t)(mark + 1 - text);
    bool is_v4 = sl_ip_is_v4(&sources->first_ip);
    if (slash != NULL) {
        if (!read_small(mark + 1, rest, is_v4 ? 32 : 128, &prefix_len))
            return false;
        sources->ip_count = count_prefix(&sources->first_ip, prefix_len);
    } else {
        if (!read_ip(mark + 1, rest, &last))
            return false;
        sources->ip_count = count_range(&sources->first_ip, &last);
    }
    return true;
}

/** "PORT", "PORT-PORT" */
static bool read_ports(const char *text, struct sl_load_sources *sources)
{
    const char *dash = strchr(text, '-');
    size_t len = dash != NULL ? (size_t)(dash - text) : strlen(text);
    uint32_t first, last;
    if (!read_small(text, len, UINT16_MAX, &first))
        return false;
    last = first;
    if (dash != NULL && !read_small(dash + 1, strlen(dash + 1), UINT16_MAX, &last))
        return false;
    if (first == 0 || last < first)
        return false;
    sources->first_port = (uint16_t)first;
    sources->port_count = last - first + 1;
    return true;
}

bool value_read_sources(const char *text, struct sl_load_sources *sources, char *reason)
{
    struct sl_load_sources read = {.port_count = 1};
    const char *end = address_end(text);
    if (!read_ips(text, (size_t)(end - text), &read) ||
        (*end == ':' && !read_ports(end + 1, &read))) {
        snprintf(reason, VALUE_REASON_LEN,
                 "'%.64s' are no addresses; such are 198.18.0.2, 198.18.0.2-198.18.0.9, "
                 "198.18.0.0/24:1024-65535, [2001:db8::2]:4000",
                 text);
        return false;
    }
    if (read.ip_count == 0) {
        snprintf(reason, VALUE_REASON_LEN,
                 "'%.64s' is no range of 1 to %u addresses that differ in their last 32 bits only",
                 text, SOURCE_IPS_MAX);
        return false;
    }
    *sources = read;
    return true;
}

bool value_split_server(const char *text, char *host, size_t host_len, uint16_t *port, char *reason)
{
    const char *colon = strrchr(text, ':');
    uint32_t number = 0;
    size_t len = colon != NULL ? (size_t)(colon - text) : 0;
    const char *begin = text;
    bool is_bracketed = len > 2 && text[0] == '[' && text[len - 1] == ']';
    if (is_bracketed) {
        begin++;
        len -= 2;
    }
    if (len == 0 || len >= host_len ||
        !read_small(colon + 1, strlen(colon + 1), UINT16_MAX, &number) || number == 0 ||
        (!is_bracketed && (*text == '[' || memchr(text, ':', len) != NULL))) {
        snprintf(reason, VALUE_REASON_LEN,
                 "'%.64s' is not HOST:PORT; such are localhost:4433, 198.18.0.1:4433, "
                 "[2001:db8::1]:4433",
                 text);
        return false;
    }
    memcpy(host, begin, len);
    host[len] = '\0';
    *port = (uint16_t)number;
    return true;
}
