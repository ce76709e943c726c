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

/** false: no client has an address of the next hop's family. */
static bool find_asker(struct load_neighbours *neighbours)
{
    const struct load_neighbours_config *config = &neighbours->config;
    for (unsigned i = 0; i < config->range_count; i++) {
        const struct load_ip_range *range = &config->ranges[i];
        if (range->count == 0 || sl_ip_is_v4(&range->first) != sl_ip_is_v4(&config->next_ip))
            continue;
        neighbours->asker = range->first;
        return true;
    }
    return false;
}

int load_neighbours_init(struct load_neighbours *neighbours,
                         const struct load_neighbours_config *config, char *reason)
{
    assert(config->range_count <= LOAD_IP_RANGES_MAX);
    *neighbours = (struct load_neighbours){.config = *config};
    reason[0] = '\0';
    if (config->has_next_mac) {
        neighbours->next_hop = LOAD_NEXT_HOP_KNOWN;
        memcpy(neighbours->next_mac, config->next_mac, sizeof neighbours->next_mac);
        return 0;
    }
    if (find_asker(neighbours))
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

bool load_ask_for_next_hop(struct load_neighbours *neighbours, struct sl_frame *frame,
                           uint64_t now_ns)
{
    const struct load_neighbours_config *config = &neighbours->config;
    if (load_next_ask_ns(neighbours) > now_ns)
        return false;
    if (neighbours->asked >= config->attempts) {
        neighbours->next_hop = LOAD_NEXT_HOP_GIVEN_UP;
        return false;
    }
    struct sl_neighbour asker = {.ip = neighbours->asker, .vlan_id = config->vlan_id};
    memcpy(asker.mac, config->mac, sizeof asker.mac);
    if (!sl_wire_write_neighbour_request(frame, &asker, &config->next_ip))
        return false;
    neighbours->asked++;
    neighbours->due_ns = now_ns + LOAD_ASK_EVERY_NS;
    return true;
}

uint64_t load_next_ask_ns(const struct load_neighbours *neighbours)
{
    return neighbours->next_hop == LOAD_NEXT_HOP_ASKED_FOR ? neighbours->due_ns : UINT64_MAX;
}

bool load_hear_neighbour(struct load_neighbours *neighbours, const struct sl_frame *frame)
{
    const struct load_neighbours_config *config = &neighbours->config;
    struct sl_neighbour found;
    if (neighbours->next_hop != LOAD_NEXT_HOP_ASKED_FOR ||
        !sl_wire_parse_neighbour_answer(frame, &found) || found.vlan_id != config->vlan_id ||
        memcmp(&found.ip, &config->next_ip, sizeof found.ip) != 0)
        return false;
    const bool is_to_us =
        (frame->data[0] & 1) || memcmp(frame->data, config->mac, SL_ETHER_ADDR_LEN) == 0;
    if (!is_to_us || memcmp(found.mac, config->mac, sizeof found.mac) == 0)
        return false;
    memcpy(neighbours->next_mac, found.mac, sizeof found.mac);
    neighbours->next_hop = LOAD_NEXT_HOP_KNOWN;
    return true;
}

enum load_next_hop load_next_hop_of(const struct load_neighbours *neighbours, uint8_t *mac)
{
    if (neighbours->next_hop == LOAD_NEXT_HOP_KNOWN)
        memcpy(mac, neighbours->next_mac, sizeof neighbours->next_mac);
    return neighbours->next_hop;
}

void load_explain_next_hop(const struct load_neighbours *neighbours, char *reason)
{
    const struct load_neighbours_config *config = &neighbours->config;
    char next_ip[INET6_ADDRSTRLEN], vlan[32] = "";
    format_ip(&config->next_ip, next_ip);
    if (config->vlan_id != SL_VLAN_NONE)
        snprintf(vlan, sizeof vlan, " on VLAN %u", config->vlan_id);
    snprintf(reason, LOAD_NEIGHBOURS_REASON_LEN,
             "%s has not answered %u %s%s: if it is in another network, name the router on the way"
             ", or the MAC of the next hop (--next-hop)",
             next_ip, neighbours->asked,
             sl_ip_is_v4(&config->next_ip) ? "ARP requests" : "neighbour solicitations", vlan);
}
