/* Datagrams made of several records: the handshaker's flights, and alerts of our own. */
#include <assert.h>

#include "load_priv.h"

/** A frame with room for a datagram, as a writer; NULL when there is none. */
static struct sl_frame *begin_datagram(struct sl_load *load, struct sl_writer *writer)
{
    struct sl_frame *frame = load_take_frame(load);
    if (frame == NULL) {
        load_drop(load, SL_DROP_SEND_NO_BUFFER);
        return NULL;
    }
    uint16_t room = load_payload_max(load);
    if (room > frame->tailroom - TX_PLAIN_OFF)
        room = (uint16_t)(frame->tailroom - TX_PLAIN_OFF);
    *writer = sl_writer_of(frame->data + TX_PLAIN_OFF, room);
    return frame;
}

static struct sl_record_source source_of(struct sl_load *load, struct client *client)
{
    return (struct sl_record_source){
        .epoch0_next = &client->epoch0_next,
        .epoch = load_has_keys(client) ? load_epoch_of(load, client) : NULL,
    };
}

/** What was written from start on leaves, or why it can't is counted. */
static void end_datagram(struct sl_load *load, const struct client *client, struct sl_frame *frame,
                         uint8_t *start, const struct sl_writer *writer, enum sl_drop drop)
{
    if (drop == SL_DROP_NONE) {
        load_send_datagram(load, &client->path, client->source, frame, start,
                           (uint32_t)(writer->at - start));
        return;
    }
    load_drop(load, drop);
    load_keep_frame(load, frame);
}

void load_send_flight(struct sl_load *load, struct client *client,
                      const struct sl_message_send *send, uint32_t body_len)
{
    const struct sl_record_source source = source_of(load, client);
    struct sl_writer writer;
    struct sl_frame *frame = begin_datagram(load, &writer);
    if (frame == NULL)
        return;
    uint8_t *start = writer.at;
    unsigned sealed;
    enum sl_drop drop =
        sl_message_write_flight(send, body_len, load->aead, &source, &writer, &sealed);
    end_datagram(load, client, frame, start, &writer, drop);
}

void load_send_close_notify(struct sl_load *load, struct client *client)
{
    const uint8_t alert[2] = {SL_ALERT_WARNING, SL_ALERT_CLOSE_NOTIFY};
    const struct sl_record_source source = source_of(load, client);
    assert(source.epoch != NULL); /* of a session that is up */
    struct sl_writer writer;
    struct sl_frame *frame = begin_datagram(load, &writer);
    if (frame == NULL)
        return;
    uint8_t *start = writer.at;
    enum sl_drop drop = sl_record_append(load->aead, &source, &writer, SL_CONTENT_ALERT,
                                         source.epoch->number, alert, sizeof alert);
    end_datagram(load, client, frame, start, &writer, drop);
}
