/* The next hop is asked for before anybody connects, and the network's own questions are answered.
 */
#include <stdio.h>

#include "load_priv.h"

/** Requests for the next hop before it is given up: two seconds. */
#define ATTEMPTS 10

bool load_make_neighbours(struct sl_load *load, char *reason)
{
    static_assert(LOAD_NEIGHBOURS_REASON_LEN <= SL_REASON_LEN, "one buffer for both");
    const struct sl_load_sources *sources = &load->scenario.sources;
    if (!load->has_link)
        return true;
    struct load_neighbours_config config = {
        .vlan_id = load->link.vlan_id,
        .ranges = {{sources->first_ip, sources->ip_count}},
        .range_count = 1,
        .has_next_mac = load->link.has_next_hop,
        .next_ip = load->link.next_ip,
        .attempts = ATTEMPTS,
    };
    memcpy(config.mac, load->link.mac, sizeof config.mac);
    memcpy(config.next_mac, load->link.next_mac, sizeof config.next_mac);
    return load_neighbours_init(&load->neighbours, &config, reason) == 0;
}

static void ask(struct sl_load *load)
{
    struct sl_frame *frame;
    struct sl_next_hop *hop = &load->neighbours.next_hop;
    if (sl_next_hop_due_ns(hop) > load->now_ns || load_outbox_room(load) == 0 ||
        (frame = load_take_frame(load)) == NULL)
        return;
    if (sl_next_hop_ask(hop, frame, load->now_ns))
        load_queue_frame(load, frame);
    else
        load_keep_frame(load, frame);
}

static void give_up(struct sl_load *load)
{
    char why[SL_REASON_LEN];
    if (load->waiting.count == 0)
        return;
    load_explain_next_hop(&load->neighbours, why);
    load_note_failure(load, why);
    load_send_all_home(load);
}

bool load_knows_next_hop(const struct sl_load *load)
{
    uint8_t mac[SL_ETHER_ADDR_LEN];
    return !load->has_link || sl_next_hop_of(&load->neighbours.next_hop, mac) == SL_NEXT_HOP_KNOWN;
}

bool load_is_on_the_net(struct sl_load *load)
{
    if (!load->has_link)
        return true;
    ask(load);
    enum sl_next_hop_state state = sl_next_hop_of(&load->neighbours.next_hop, load->link.next_mac);
    if (state == SL_NEXT_HOP_GIVEN_UP)
        give_up(load);
    return state == SL_NEXT_HOP_KNOWN;
}

uint64_t load_next_hop_due_ns(const struct sl_load *load)
{
    return load->has_link ? sl_next_hop_due_ns(&load->neighbours.next_hop) : UINT64_MAX;
}

/** The answer to one engine's question is news for all: each one passes it on once. */
static bool pass_on(struct sl_load *load, struct sl_frame *frame)
{
    const struct sl_load_io *io = &load->config.io;
    const unsigned next = (load->config.index + 1) % load->config.count;
    return load->config.count > 1 && io->hand_over != NULL && io->hand_over(io->arg, next, frame);
}

bool load_take_neighbour(struct sl_load *load, struct sl_frame *frame, enum sl_drop drop)
{
    load_count(load, SL_LOAD_RX_RECORDS, 1);
    if (drop != SL_DROP_NONE && sl_next_hop_hear(&load->neighbours.next_hop, frame, load->now_ns)) {
        load_count(load, SL_LOAD_CONSUMED, 1);
        return !pass_on(load, frame);
    }
    if (drop == SL_DROP_NONE)
        drop = load_answer_neighbour(&load->neighbours, frame);
    if (drop == SL_DROP_NONE && load_outbox_room(load) == 0)
        drop = SL_DROP_ANSWER_NO_BUFFER;
    if (drop != SL_DROP_NONE) {
        load_drop(load, drop);
        return true;
    }
    load_count(load, SL_LOAD_ANSWERED, 1);
    load_queue_frame(load, frame);
    return false;
}
