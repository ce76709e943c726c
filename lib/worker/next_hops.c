/*
 * How frames get to servers that the gateway begins sessions with. A network card gives the answer
 * to a worker's request to any worker, so each next hop is one worker's to ask for, and the others
 * hand its answers over.
 */
#include "sessions_priv.h"
#include "stages_priv.h"

static bool is_place_of(const struct worker_next_hop *place, unsigned group, const struct sl_ip *ip)
{
    return place->hop.state != SL_NEXT_HOP_IDLE && place->group == group &&
           memcmp(&place->hop.config.ip, ip, sizeof *ip) == 0;
}

static uint32_t find(const struct sl_worker *w, unsigned group, const struct sl_ip *ip)
{
    for (uint32_t i = 0; i < SL_NEXT_HOPS_MAX; i++)
        if (is_place_of(&w->next_hops[i], group, ip))
            return i;
    return NEXT_HOP_NONE;
}

/** A free place, or one that nobody waits for, or NEXT_HOP_NONE. */
static uint32_t find_room(const struct sl_worker *w)
{
    uint32_t room = NEXT_HOP_NONE;
    for (uint32_t i = 0; i < SL_NEXT_HOPS_MAX; i++) {
        const enum sl_next_hop_state state = w->next_hops[i].hop.state;
        if (state == SL_NEXT_HOP_IDLE)
            return i;
        if (state != SL_NEXT_HOP_ASKED_FOR)
            room = i;
    }
    return room;
}

/** The next hop's place, from now on if need be. */
static uint32_t place_of(struct sl_worker *w, const struct sl_message_find_hop *sought)
{
    const struct sl_group *group = &w->config.groups[sought->group];
    struct sl_next_hop_config config = {.ip = sought->ip,
                                        .asker = sought->asker,
                                        .vlan_id = group->vlan_id,
                                        .attempts = NEXT_HOP_ATTEMPTS,
                                        .believed_ns = NEXT_HOP_BELIEVED_NS};
    uint32_t index = find(w, sought->group, &sought->ip);
    if (index != NEXT_HOP_NONE)
        return index;
    index = find_room(w);
    if (index == NEXT_HOP_NONE)
        return index;
    memcpy(config.mac, group->mac, sizeof config.mac);
    sl_next_hop_init(&w->next_hops[index].hop, &config);
    w->next_hops[index].group = sought->group;
    return index;
}

static void answer(struct sl_worker *w, struct worker_attempt *attempt, const uint8_t *mac)
{
    attempt->seeks = NEXT_HOP_NONE;
    attempt->hop = (struct sl_message_hop){.attempt = attempt->number, .is_known = mac != NULL};
    if (mac != NULL)
        memcpy(attempt->hop.mac, mac, sizeof attempt->hop.mac);
    worker_tell_attempt(w, attempt, NEWS_HOP);
}

/** Control hears what became of a next hop, for each attempt that waits for it. */
static void settle(struct sl_worker *w, uint32_t index)
{
    uint8_t mac[SL_ETHER_ADDR_LEN];
    const bool is_known = sl_next_hop_of(&w->next_hops[index].hop, mac) == SL_NEXT_HOP_KNOWN;
    for (unsigned i = 0; i < SL_ATTEMPTS_MAX; i++)
        if (w->attempts[i].number != 0 && w->attempts[i].seeks == index)
            answer(w, &w->attempts[i], is_known ? mac : NULL);
}

void worker_find_hop(struct sl_worker *w, const struct sl_message_find_hop *message,
                     uint64_t now_ns)
{
    struct worker_attempt *attempt = worker_take_attempt(w, message->attempt);
    const uint32_t index = place_of(w, message);
    uint8_t ignored[SL_ETHER_ADDR_LEN];
    if (index == NEXT_HOP_NONE) {
        answer(w, attempt, NULL);
        return;
    }
    struct sl_next_hop *hop = &w->next_hops[index].hop;
    attempt->seeks = index;
    sl_next_hop_seek(hop, now_ns);
    if (sl_next_hop_of(hop, ignored) == SL_NEXT_HOP_KNOWN)
        settle(w, index);
    else
        w->seeks_hops = true;
}

static void send_request(struct sl_worker *w, struct sl_next_hop *hop, struct sl_frame *frame,
                         uint64_t now_ns)
{
    if (!sl_next_hop_ask(hop, frame, now_ns))
        worker_keep_frame(w, frame);
    else if (!worker_queue_frame(w, frame))
        worker_discard_frame(w, frame); /* the next request comes soon */
}

/** Sends a request, or gives the next hop up. return whether a request could leave. */
static bool ask(struct sl_worker *w, uint32_t index, uint64_t now_ns)
{
    const unsigned group = w->next_hops[index].group;
    struct sl_next_hop *hop = &w->next_hops[index].hop;
    struct sl_frame *frame = worker_is_blocked(w, group) ? NULL : worker_take_frame(w, group);
    uint8_t ignored[SL_ETHER_ADDR_LEN];
    if (frame == NULL)
        sl_next_hop_miss(hop, now_ns);
    else
        send_request(w, hop, frame, now_ns);
    if (sl_next_hop_of(hop, ignored) == SL_NEXT_HOP_GIVEN_UP)
        settle(w, index);
    return frame != NULL;
}

bool worker_ask_next_hops(struct sl_worker *w, uint64_t now_ns)
{
    bool is_busy = false;
    w->seeks_hops = false;
    for (uint32_t i = 0; i < SL_NEXT_HOPS_MAX; i++) {
        const uint64_t due_ns = sl_next_hop_due_ns(&w->next_hops[i].hop);
        if (due_ns <= now_ns)
            is_busy |= ask(w, i, now_ns);
        w->seeks_hops |= due_ns != UINT64_MAX;
    }
    return is_busy;
}

/** The frame has come to whom it is for. */
static void hear(struct sl_worker *w, struct sl_frame *frame, uint64_t now_ns)
{
    struct sl_neighbour found;
    uint32_t index = NEXT_HOP_NONE;
    if (sl_wire_parse_neighbour_answer(frame, &found))
        index = find(w, frame->group, &found.ip);
    const bool is_awaited =
        index != NEXT_HOP_NONE && sl_next_hop_hear(&w->next_hops[index].hop, frame, now_ns);
    worker_count(w, SL_COUNTER_RX_RECORDS, 1);
    if (is_awaited)
        worker_count(w, SL_COUNTER_CONSUMED, 1);
    else
        worker_drop(w, SL_DROP_IP_PROTOCOL);
    worker_end_frame(w, frame);
    if (is_awaited)
        settle(w, index);
}

bool worker_hear_next_hop(struct sl_worker *w, struct sl_frame *frame, uint64_t now_ns)
{
    struct sl_neighbour found;
    if (w->config.connect_ports == 0 || !sl_wire_parse_neighbour_answer(frame, &found))
        return false;
    const unsigned owner = sl_next_hop_worker(&found.ip, w->config.worker_count);
    frame->kind = SL_PACKET_NEIGHBOUR;
    if (owner == w->config.index)
        hear(w, frame, now_ns);
    else
        worker_give_away(w, frame, owner);
    return true;
}

unsigned worker_hear_next_hops(struct sl_worker *w, struct sl_frame **frames, unsigned n,
                               uint64_t now_ns)
{
    unsigned rest = 0;
    for (unsigned i = 0; i < n; i++) {
        if (frames[i]->kind == SL_PACKET_NEIGHBOUR)
            hear(w, frames[i], now_ns);
        else
            frames[rest++] = frames[i];
    }
    return rest;
}
