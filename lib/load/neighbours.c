#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "neighbours.h"

/** Both in mapped form: IPv4 ranges end within their 32 bits, or hold addresses that nobody has. */
static bool is_in_range(const struct load_ip_range *range, const struct sl_ip *ip)
{
    const uint64_t high = sl_load_be64(ip->bytes), low = sl_load_be64(ip->bytes + 8);
    const uint64_t first_high = sl_load_be64(range->first.bytes);
    const uint64_t first_low = sl_load_be64(range->first.bytes + 8);
    const bool borrows = low < first_low;
    return high - first_high == borrows && low - first_low < range->count;
}

static bool is_own_ip(const struct load_neighbours *neighbours, const struct sl_ip *ip)
{
    for (unsigned i = 0; i < neighbours->config.range_count; i++)
        if (is_in_range(&neighbours->config.ranges[i], ip))
            return true;
    return false;
}

static void format_ip(const struct sl_ip *ip, char out[INET6_ADDRSTRLEN])
{
    const bool is_v4 = sl_ip_is_v4(ip);
    inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? ip->bytes + 12 : ip->bytes, out,
              INET6_ADDRSTRLEN);
}

/** One of the clients' addresses, of the next hop's family. NULL: nobody has one. */
static const struct sl_ip *find_asker(const struct load_neighbours_config *config)
{
    for (unsigned i = 0; i < config->range_count; i++) {
        const struct load_ip_range *range = &config->ranges[i];
        if (range->count > 0 && sl_ip_is_v4(&range->first) == sl_ip_is_v4(&config->next_ip))
            return &range->first;
    }
    return NULL;
}

int load_neighbours_init(struct load_neighbours *neighbours,
                         const struct load_neighbours_config *config, char *reason)
{
    assert(config->range_count <= LOAD_IP_RANGES_MAX);
    *neighbours = (struct load_neighbours){.config = *config};
    reason[0] = '\0';
    struct sl_next_hop_config hop = {.ip = config->next_ip,
                                     .vlan_id = config->vlan_id,
                                     .attempts = config->attempts,
                                     .believed_ns = UINT64_MAX};
    memcpy(hop.mac, config->mac, sizeof hop.mac);
    const struct sl_ip *asker = find_asker(config);
    if (asker != NULL)
        hop.asker = *asker;
    sl_next_hop_init(&neighbours->next_hop, &hop);
    if (config->has_next_mac) {
        sl_next_hop_set(&neighbours->next_hop, config->next_mac);
        return 0;
    }
    sl_next_hop_seek(&neighbours->next_hop, 0);
    if (asker != NULL)
        return 0;
    char next_ip[INET6_ADDRSTRLEN];
    format_ip(&config->next_ip, next_ip);
    snprintf(
        reason, LOAD_NEIGHBOURS_REASON_LEN,
        "no client has an IPv%c address, so that nobody can ask for the MAC of %s: give clients "
        "addresses of its family, or name the MAC of the next hop",
        sl_ip_is_v4(&config->next_ip) ? '4' : '6', next_ip);
    return -EINVAL;
}

/** Only ARP requests and solicitations come to group addresses. */
static bool is_own_mac(const struct load_neighbours *neighbours, const struct sl_frame *frame)
{
    if (frame->data[0] & 1)
        return frame->kind == SL_PACKET_ARP_REQUEST || frame->kind == SL_PACKET_ND_SOLICIT;
    return memcmp(frame->data, neighbours->config.mac, SL_ETHER_ADDR_LEN) == 0;
}

enum sl_drop load_answer_neighbour(const struct load_neighbours *neighbours, struct sl_frame *frame)
{
    const struct load_neighbours_config *config = &neighbours->config;
    if (frame->kind == SL_PACKET_UDP || !is_own_mac(neighbours, frame) ||
        frame->path.hop.vlan_id != config->vlan_id ||
        !is_own_ip(neighbours, &frame->path.tuple.local_ip))
        return SL_DROP_NOT_OURS;
    return sl_wire_answer_frame(frame, config->mac);
}

void load_explain_next_hop(const struct load_neighbours *neighbours, char *reason)
{
    char silence[SL_NEXT_HOP_REASON_LEN];
    sl_next_hop_explain(&neighbours->next_hop, silence);
    snprintf(reason, LOAD_NEIGHBOURS_REASON_LEN,
             "%s: if it is in another network, name the router on the way, or the MAC of the next "
             "hop (--next-hop)",
             silence);
}
