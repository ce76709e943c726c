#include <arpa/inet.h>
#include <stdio.h>

#include "sl_next_hop.h"

void sl_next_hop_init(struct sl_next_hop *hop, const struct sl_next_hop_config *config)
{
    *hop = (struct sl_next_hop){.config = *config};
}

static void know(struct sl_next_hop *hop, const uint8_t *mac, uint64_t till_ns)
{
    memcpy(hop->mac, mac, sizeof hop->mac);
    hop->known_till_ns = till_ns;
    hop->state = SL_NEXT_HOP_KNOWN;
}

void sl_next_hop_set(struct sl_next_hop *hop, const uint8_t mac[SL_ETHER_ADDR_LEN])
{
    know(hop, mac, UINT64_MAX);
}

void sl_next_hop_seek(struct sl_next_hop *hop, uint64_t now_ns)
{
    if (hop->state == SL_NEXT_HOP_ASKED_FOR ||
        (hop->state == SL_NEXT_HOP_KNOWN && now_ns < hop->known_till_ns))
        return;
    hop->state = SL_NEXT_HOP_ASKED_FOR;
    hop->asked = 0;
    if (hop->due_ns < now_ns)
        hop->due_ns = now_ns;
}

bool sl_next_hop_ask(struct sl_next_hop *hop, struct sl_frame *frame, uint64_t now_ns)
{
    const struct sl_next_hop_config *config = &hop->config;
    if (sl_next_hop_due_ns(hop) > now_ns)
        return false;
    if (hop->asked >= config->attempts) {
        hop->state = SL_NEXT_HOP_GIVEN_UP;
        return false;
    }
    struct sl_neighbour asker = {.ip = config->asker, .vlan_id = config->vlan_id};
    memcpy(asker.mac, config->mac, sizeof asker.mac);
    if (!sl_wire_write_neighbour_request(frame, &asker, &config->ip))
        return false;
    hop->asked++;
    hop->due_ns = now_ns + SL_NEXT_HOP_ASK_EVERY_NS;
    return true;
}

void sl_next_hop_miss(struct sl_next_hop *hop, uint64_t now_ns)
{
    if (sl_next_hop_due_ns(hop) > now_ns)
        return;
    if (hop->asked >= hop->config.attempts) {
        hop->state = SL_NEXT_HOP_GIVEN_UP;
    } else if (now_ns - hop->due_ns >= SL_NEXT_HOP_ASK_EVERY_NS) {
        hop->asked++;
        hop->due_ns = now_ns;
    }
}

uint64_t sl_next_hop_due_ns(const struct sl_next_hop *hop)
{
    return hop->state == SL_NEXT_HOP_ASKED_FOR ? hop->due_ns : UINT64_MAX;
}

static uint64_t later(uint64_t now_ns, uint64_t span_ns)
{
    return span_ns < UINT64_MAX - now_ns ? now_ns + span_ns : UINT64_MAX;
}

bool sl_next_hop_hear(struct sl_next_hop *hop, const struct sl_frame *frame, uint64_t now_ns)
{
    const struct sl_next_hop_config *config = &hop->config;
    struct sl_neighbour found;
    if (hop->state != SL_NEXT_HOP_ASKED_FOR || !sl_wire_parse_neighbour_answer(frame, &found) ||
        found.vlan_id != config->vlan_id || memcmp(&found.ip, &config->ip, sizeof found.ip) != 0)
        return false;
    const bool is_to_us =
        (frame->data[0] & 1) || memcmp(frame->data, config->mac, SL_ETHER_ADDR_LEN) == 0;
    if (!is_to_us || memcmp(found.mac, config->mac, sizeof found.mac) == 0)
        return false;
    know(hop, found.mac, later(now_ns, config->believed_ns));
    return true;
}

enum sl_next_hop_state sl_next_hop_of(const struct sl_next_hop *hop, uint8_t *mac)
{
    if (hop->state == SL_NEXT_HOP_KNOWN)
        memcpy(mac, hop->mac, sizeof hop->mac);
    return hop->state;
}

void sl_next_hop_explain(const struct sl_next_hop *hop, char *reason)
{
    const struct sl_next_hop_config *config = &hop->config;
    const bool is_v4 = sl_ip_is_v4(&config->ip);
    char ip[INET6_ADDRSTRLEN], vlan[32] = "";
    inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? config->ip.bytes + 12 : config->ip.bytes, ip,
              sizeof ip);
    if (config->vlan_id != SL_VLAN_NONE)
        snprintf(vlan, sizeof vlan, " on VLAN %u", config->vlan_id);
    snprintf(reason, SL_NEXT_HOP_REASON_LEN, "%s has not answered %u %s%s", ip, hop->asked,
             is_v4 ? "ARP requests" : "neighbour solicitations", vlan);
}
