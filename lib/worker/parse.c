/* Stage 1: headers, whether the frame is for us at all, and answers that need no state. */
#include "sessions_priv.h"
#include "stages_priv.h"

static bool is_own_address(const struct sl_group *group, const struct sl_ip *ip)
{
    for (unsigned i = 0; i < group->address_count; i++)
        if (memcmp(&group->addresses[i], ip, sizeof *ip) == 0)
            return true;
    return false;
}

/** By a listener, or it is one of those that the gateway begins sessions from. */
static inline bool is_open(const struct sl_worker *w, uint16_t port)
{
    return worker_is_listened_to(w, port) ||
           (uint16_t)(port - w->config.connect_port) < w->config.connect_ports;
}

static inline bool is_dtls(const struct sl_frame *frame)
{
    return frame->payload_len > 0 && sl_wire_is_dtls(frame->data[frame->payload_off]);
}

/** Only ARP requests and solicitations come to group addresses. */
static bool is_own_mac(const struct sl_group *group, const struct sl_frame *frame)
{
    bool to_group = frame->data[0] & 1;
    if (to_group)
        return frame->kind == SL_PACKET_ARP_REQUEST || frame->kind == SL_PACKET_ND_SOLICIT;
    return memcmp(frame->data, group->mac, SL_ETHER_ADDR_LEN) == 0;
}

/** Is a well-formed packet meant for this gateway? */
static enum sl_drop check_destination(const struct sl_worker *w, const struct sl_group *group,
                                      const struct sl_frame *frame)
{
    if (!is_own_mac(group, frame) || frame->path.hop.vlan_id != group->vlan_id ||
        !is_own_address(group, &frame->path.tuple.local_ip))
        return SL_DROP_NOT_OURS;
    if (frame->kind != SL_PACKET_UDP)
        return SL_DROP_NONE;
    if (!is_open(w, frame->path.tuple.local_port))
        return SL_DROP_NO_LISTENER;
    return is_dtls(frame) ? SL_DROP_NONE : SL_DROP_NOT_DTLS;
}

/** ARP, neighbour discovery, echo: turned around in place. Strangers wait for nobody. */
static enum sl_drop answer(struct sl_worker *w, struct sl_frame *frame, uint64_t now_ns)
{
    if (worker_is_blocked(w, frame->group))
        return SL_DROP_ANSWER_NO_BUFFER;
    enum sl_drop drop = worker_admit_answer(w, frame, now_ns);
    if (drop == SL_DROP_NONE)
        drop = sl_wire_answer_frame(frame, w->config.groups[frame->group].mac);
    if (drop != SL_DROP_NONE)
        return drop;
    return worker_queue_frame(w, frame) ? SL_DROP_NONE : SL_DROP_ANSWER_NO_BUFFER;
}

/** Any frame. true: a datagram for us; false: it ended here, counted or answered, or is another
 * worker's. */
static __attribute__((noinline)) bool parse_any(struct sl_worker *w, const struct sl_group *group,
                                                struct sl_frame *frame, uint64_t now_ns)
{
    enum sl_drop drop = sl_wire_parse_frame(frame, group->rx_checksum);
    if (drop == SL_DROP_IP_PROTOCOL && worker_hear_next_hop(w, frame, now_ns))
        return false;
    if (drop == SL_DROP_NONE)
        drop = check_destination(w, group, frame);
    if (drop == SL_DROP_NONE && frame->kind == SL_PACKET_UDP)
        return true;
    worker_count(w, SL_COUNTER_RX_RECORDS, 1);
    if (drop == SL_DROP_NONE)
        drop = answer(w, frame, now_ns);
    if (drop == SL_DROP_NONE) {
        worker_count(w, SL_COUNTER_ANSWERED, 1);
    } else {
        worker_drop(w, drop);
        worker_end_frame(w, frame);
    }
    return false;
}

/** Of no frame. */
#define NO_MAC UINT64_MAX

/** Most frames to this group may be plain. */
static bool may_be_plain(const struct sl_group *group)
{
    return group->vlan_id == SL_VLAN_NONE && group->rx_checksum != SL_RX_CHECKSUM_REQUIRE &&
           group->address_count > 0;
}

/** To be asked of frames to a group that may have plain ones. */
static inline bool parse_plain(const struct sl_worker *w, const struct sl_group *group,
                               uint64_t own_mac, struct sl_frame *frame)
{
    return sl_wire_parse_plain(frame, own_mac, group->addresses, group->address_count) &&
           is_open(w, frame->path.tuple.local_port) && is_dtls(frame);
}

unsigned worker_parse_burst(struct sl_worker *w, struct sl_frame **frames, unsigned n,
                            uint64_t now_ns)
{
    struct sl_frame **live = frames, **const end = frames + n;
    const struct sl_group *group = w->config.groups;
    unsigned at = SL_GROUPS_MAX; /* that of no frame */
    uint64_t own_mac = 0;
    for (struct sl_frame **next = frames; next < end; next++) {
        struct sl_frame *frame = *next;
        if (frame->group != at) { /* nearly always the first one's */
            at = frame->group;
            group = &w->config.groups[at];
            own_mac = may_be_plain(group) ? sl_wire_mac_word(group->mac) : NO_MAC;
        }
        if (parse_plain(w, group, own_mac, frame) || parse_any(w, group, frame, now_ns))
            *live++ = frame;
    }
    return (unsigned)(live - frames);
}
