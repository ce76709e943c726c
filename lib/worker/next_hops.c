/*
 * How frames get to servers that the gateway begins sessions with. A network card gives the answer
 * to a worker's request to any worker, so each next hop is one worker's to ask for, and the others
 * hand its answers over.
 */
#include "sessions_priv.h"
#include "stages_priv.h"

void worker_init_next_hops(struct sl_worker *w)
{
    for (unsigned i = 0; i < w->config.next_hop_count; i++) {
        const struct sl_worker_next_hop *place = &w->config.next_hops[i];
        const struct sl_group *group = &w->config.groups[place->group];
        struct sl_next_hop_config config = {.ip = place->ip,
                                            .asker = place->asker,
                                            .vlan_id = group->vlan_id,
                                            .attempts = NEXT_HOP_ATTEMPTS,
                                            .believed_ns = NEXT_HOP_BELIEVED_NS};
        memcpy(config.mac, group->mac, sizeof config.mac);
        sl_next_hop_init(&w->next_hops[i], &config);
    }
}

/** Control hears what became of a next hop, for each attempt that waits for it. */
static void settle(struct sl_worker *w, uint32_t index)
{
    uint8_t mac[SL_ETHER_ADDR_LEN] = {0};
    const bool is_known = sl_next_hop_of(&w->next_hops[index], mac) == SL_NEXT_HOP_KNOWN;
    for (unsigned i = 0; i < SL_ATTEMPTS_MAX; i++) {
        struct worker_attempt *attempt = &w->attempts[i];
        if (attempt->number == 0 || attempt->seeks != index)
            continue;
        attempt->seeks = NEXT_HOP_NONE;
        attempt->hop = (struct sl_message_hop){.attempt = attempt->number, .is_known = is_known};
        memcpy(attempt->hop.mac, mac, sizeof mac);
        worker_tell_attempt(w, attempt, NEWS_HOP);
    }
}

void worker_find_hop(struct sl_worker *w, const struct sl_message_find_hop *message,
                     uint64_t now_ns)
{
    assert(message->next_hop < w->config.next_hop_count);
    struct sl_next_hop *hop = &w->next_hops[message->next_hop];
    uint8_t ignored[SL_ETHER_ADDR_LEN];
    worker_take_attempt(w, message->attempt)->seeks = message->next_hop;
    sl_next_hop_seek(hop, now_ns);
    if (sl_next_hop_of(hop, ignored) == SL_NEXT_HOP_KNOWN)
        settle(w, message->next_hop);
    else
        w->seeks_hops = true;
}

/** Sends a request, or gives the next hop up. It waits where there is no buffer. */
static void ask(struct sl_worker *w, uint32_t index, uint64_t now_ns)
{
    struct sl_next_hop *hop = &w->next_hops[index];
    struct sl_frame *frame = worker_take_frame(w, w->config.next_hops[index].group);
    uint8_t ignored[SL_ETHER_ADDR_LEN];
    if (frame == NULL)
        return;
    const bool is_written = sl_next_hop_ask(hop, frame, now_ns);
    if (sl_next_hop_of(hop, ignored) == SL_NEXT_HOP_GIVEN_UP)
        settle(w, index);
    if (!is_written)
        worker_keep_frame(w, frame);
    else if (!worker_queue_frame(w, frame))
        worker_discard_frame(w, frame); /* the next request comes soon */
}

bool worker_ask_next_hops(struct sl_worker *w, uint64_t now_ns)
{
    bool is_busy = false;
    w->seeks_hops = false;
    for (uint32_t i = 0; i < w->config.next_hop_count; i++) {
        const uint64_t due_ns = sl_next_hop_due_ns(&w->next_hops[i]);
        if (due_ns <= now_ns && !worker_has_backlog(w)) {
            ask(w, i, now_ns);
            is_busy = true;
        }
        w->seeks_hops |= due_ns != UINT64_MAX;
    }
    return is_busy;
}

/** The index of the next hop whose answer the frame may be, or NEXT_HOP_NONE. */
static uint32_t find(const struct sl_worker *w, const struct sl_frame *frame)
{
    struct sl_neighbour found;
    if (w->config.next_hop_count == 0 || !sl_wire_parse_neighbour_answer(frame, &found))
        return NEXT_HOP_NONE;
    for (uint32_t i = 0; i < w->config.next_hop_count; i++)
        if (w->config.next_hops[i].group == frame->group &&
            memcmp(&w->config.next_hops[i].ip, &found.ip, sizeof found.ip) == 0)
            return i;
    return NEXT_HOP_NONE;
}

/** The frame has come to whom it is for. */
static void hear(struct sl_worker *w, struct sl_frame *frame, uint32_t index, uint64_t now_ns)
{
    const bool is_awaited =
        index != NEXT_HOP_NONE && sl_next_hop_hear(&w->next_hops[index], frame, now_ns);
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
    const uint32_t index = find(w, frame);
    if (index == NEXT_HOP_NONE)
        return false;
    const unsigned owner = index % w->config.worker_count;
    frame->kind = SL_PACKET_NEIGHBOUR;
    if (owner == w->config.index)
        hear(w, frame, index, now_ns);
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
            hear(w, frames[i], find(w, frames[i]), now_ns);
        else
            frames[rest++] = frames[i];
    }
    return rest;
}
