/* Frames out, and the empty ones that they are made of. */
#include "load_priv.h"

unsigned load_have_frames(struct sl_load *load, unsigned n)
{
    struct outbox *box = &load->outbox;
    if (box->spare_count < n)
        box->spare_count += load->config.io.take(load->config.io.arg, box->spare + box->spare_count,
                                                 SL_BURST - box->spare_count);
    return box->spare_count < n ? box->spare_count : n;
}

struct sl_frame *load_take_frame(struct sl_load *load)
{
    if (load_have_frames(load, 1) == 0)
        return NULL;
    return load->outbox.spare[--load->outbox.spare_count];
}

void load_keep_frame(struct sl_load *load, struct sl_frame *frame)
{
    struct outbox *box = &load->outbox;
    if (box->spare_count < SL_BURST)
        box->spare[box->spare_count++] = frame;
    else
        load->config.io.free(load->config.io.arg, &frame, 1);
}

uint16_t load_payload_max(const struct sl_load *load)
{
    const struct sl_ip *ip = &load->scenario.server_ip;
    const unsigned headers =
        (sl_ip_is_v4(ip) ? SL_IPV4_HEADER_LEN : SL_IPV6_HEADER_LEN) + SL_UDP_HEADER_LEN;
    return (uint16_t)(load->config.mtu - headers);
}

/** A frame of payload alone, for a socket. */
static void put_bare(const struct sl_path *path, uint32_t source, struct sl_frame *frame,
                     uint8_t *payload, uint32_t len)
{
    frame->data = payload;
    frame->len = frame->payload_len = (uint16_t)len;
    frame->payload_off = 0;
    frame->kind = SL_PACKET_UDP;
    frame->path.tuple = path->tuple;
    frame->tuple_hash = source;
}

/** return whether its checksum is still to be computed. */
static inline bool put_headers(struct sl_load *load, const struct sl_path *path, uint32_t source,
                               struct sl_frame *frame, uint8_t *payload, uint32_t len,
                               struct sl_wire_unsummed *unsummed)
{
    frame->headroom = frame->tailroom = 0;
    frame->flags = 0;
    if (!load->has_link) {
        put_bare(path, source, frame, payload, len);
        return false;
    }
    frame->flags = load->link.tx_flags;
    sl_wire_put_headers(frame, payload, len, path, load->link.mac, unsummed);
    return !(load->link.tx_flags & SL_FRAME_TX_UDP_CHECKSUM);
}

void load_queue_frame(struct sl_load *load, struct sl_frame *frame)
{
    assert(load->outbox.count < OUTBOX_MAX);
    load->outbox.frames[load->outbox.count++] = frame;
}

void load_queue_datagrams(struct sl_load *load, const struct tx_burst *tx)
{
    struct sl_wire_unsummed unsummed[SL_BURST], *end = unsummed;
    for (unsigned i = 0; i < tx->count; i++) {
        const struct client *client = &load->clients[tx->clients[i]];
        const struct sl_seal_job *job = &tx->jobs[i];
        if (job->drop != SL_DROP_NONE)
            continue;
        if (put_headers(load, &client->path, client->source, tx->frames[i], job->record,
                        job->record_len, end))
            end++;
        tx->frames[i]->flags |= SL_FRAME_TX_MESSAGE;
        load_save_datagram(load, client, job->record, job->record_len);
        load_queue_frame(load, tx->frames[i]);
    }
    sl_wire_sum_udp_burst(unsummed, (unsigned)(end - unsummed));
}

bool load_send_datagram(struct sl_load *load, const struct sl_path *path, uint32_t source,
                        struct sl_frame *frame, uint8_t *payload, uint32_t len)
{
    struct sl_wire_unsummed unsummed;
    if (load_outbox_room(load) == 0)
        load_flush(load);
    if (load_outbox_room(load) == 0) {
        load_drop(load, SL_DROP_SEND_PORT);
        load_keep_frame(load, frame);
        return false;
    }
    if (put_headers(load, path, source, frame, payload, len, &unsummed))
        sl_wire_sum_udp_burst(&unsummed, 1);
    load_queue_frame(load, frame);
    return true;
}

bool load_flush(struct sl_load *load)
{
    struct outbox *box = &load->outbox;
    unsigned sent = 0;
    uint64_t bytes = 0;
    while (sent < box->count) {
        struct sl_frame **frames = box->frames + sent;
        const unsigned n = box->count - sent < SL_BURST ? box->count - sent : SL_BURST;
        for (unsigned i = 0; i < n; i++) /* frames that were taken are the port's */
            bytes += frames[i]->len;
        const unsigned taken = load->config.io.transmit(load->config.io.arg, frames, n);
        for (unsigned i = taken; i < n; i++)
            bytes -= frames[i]->len;
        sent += taken;
        if (taken < n) {
            load_count(load, SL_LOAD_TX_BUSY, 1);
            break;
        }
    }
    box->count -= sent;
    if (box->count > 0 && sent > 0)
        memmove(box->frames, box->frames + sent, box->count * sizeof box->frames[0]);
    load_count(load, SL_LOAD_TX_FRAMES, sent);
    load_count(load, SL_LOAD_TX_BYTES, bytes);
    return sent > 0;
}
