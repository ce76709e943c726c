#include <openssl/crypto.h>

#include "handshake_priv.h"

/* libssl's datagrams become messages of plaintext parts: the worker numbers and seals them. */

struct datagram {
    uint16_t count;
    uint32_t wire_len; /* as the worker will send it */
    bool is_last;      /* it belongs to a last flight */
    struct sl_writer parts;
};

static void begin(struct handshake *handshake, struct datagram *out)
{
    *out = (struct datagram){.parts = sl_writer_of(handshake->owner->send, SL_MESSAGE_BYTES_MAX)};
}

static uint16_t parts_len(const struct handshake *handshake, const struct datagram *out)
{
    return (uint16_t)(out->parts.at - handshake->owner->send);
}

/**
 * What begins a datagram of a last flight: a ticket, ChangeCipherSpec, or something sealed.
 * libssl's timer may be due while it takes the Finished, and then it sends the flight before once
 * more first, in datagrams of its own.
 */
static bool begins_last(uint8_t type, uint8_t epoch, const uint8_t *bytes, size_t len)
{
    return epoch > 0 || type == SL_CONTENT_CHANGE_CIPHER_SPEC ||
           (type == SL_CONTENT_HANDSHAKE && len > 0 && bytes[0] == SL_HANDSHAKE_NEW_SESSION_TICKET);
}

/** Without memory for it the datagram is not kept, and the timer alone sends it again. */
static void keep(struct handshake *handshake, const struct datagram *out,
                 const struct sl_message_send *message)
{
    if (handshake->keeps == KEEPS_FLIGHT || (handshake->keeps == KEEPS_LAST_FLIGHT && out->is_last))
        (void)!sl_handshake_add_datagram(&handshake->flight, message, handshake->owner->send);
}

static void post(struct handshake *handshake, const struct sl_message_send *message,
                 const uint8_t *parts)
{
    handshake->sent_ns = handshake->owner->now_ns;
    if (!sl_handshake_post(sl_handshake_outbox(handshake), SL_MESSAGE_SEND, handshake->handle,
                           message, sizeof *message, parts, message->bytes_len))
        sl_handshake_count(handshake->owner, SL_HANDSHAKE_WORKER_RING_FULL);
}

static void finish(struct handshake *handshake, struct datagram *out)
{
    struct sl_handshaker *handshaker = handshake->owner;
    struct sl_message_send message = {.count = out->count, .bytes_len = parts_len(handshake, out)};
    if (out->count == 0)
        return;
    keep(handshake, out, &message);
    post(handshake, &message, handshaker->send);
    begin(handshake, out);
}

/** What a part takes on the wire; sealed, the client's connection ID comes on top. */
static uint32_t wire_len_of(const struct handshake *handshake, uint8_t epoch, size_t len)
{
    if (epoch == SL_PART_SEALED)
        return (uint32_t)len;
    if (epoch == 0)
        return (uint32_t)(SL_RECORD_HEADER_LEN + len);
    return sl_record_sealed_len(&handshake->keys->wire, (uint32_t)len);
}

/** libssl has no code of its own for every reason for which we refuse a peer. */
static bool is_refusal(const struct handshake *handshake, uint8_t type, const uint8_t *bytes,
                       size_t len)
{
    return handshake->refusal != 0 && type == SL_CONTENT_ALERT && len == 2 &&
           bytes[0] == SL_ALERT_FATAL;
}

static void add(struct handshake *handshake, struct datagram *out, uint8_t type, uint8_t epoch,
                const uint8_t *bytes, size_t len)
{
    const uint8_t refusal[] = {SL_ALERT_FATAL, handshake->refusal};
    if (is_refusal(handshake, type, bytes, len))
        bytes = refusal;
    uint32_t wire_len = wire_len_of(handshake, epoch, len);
    if (out->wire_len + wire_len > handshake->datagram_max || sl_writer_left(&out->parts) < 4 + len)
        finish(handshake, out);
    if (out->count == 0)
        out->is_last = begins_last(type, epoch, bytes, len);
    sl_write_u8(&out->parts, type);
    sl_write_u8(&out->parts, epoch);
    sl_write_be16(&out->parts, (uint16_t)len);
    sl_write_bytes(&out->parts, bytes, len);
    out->wire_len += wire_len;
    out->count++;
}

/** Where libssl seals its Finished in the same breath in which it makes the master secret, as a
 * client does, or has it from a ticket. */
static bool begin_epoch_1(struct handshake *handshake)
{
    if (!sl_handshake_derive_keys(handshake))
        return false;
    if (sl_handshake_send_keys(handshake))
        return true;
    sl_handshake_free_keys(handshake->keys);
    handshake->keys = NULL; /* by which the role sees that it has failed */
    return false;
}

static void add_protected(struct handshake *handshake, struct datagram *out,
                          const struct sl_record_header *header, const uint8_t *body)
{
    if (handshake->keys == NULL && !begin_epoch_1(handshake))
        return;
    struct sl_handshaker *handshaker = handshake->owner;
    struct sl_open_job job = {.epoch = &handshake->keys->inner,
                              .header = *header,
                              .body = (uint8_t *)(uintptr_t)body,
                              .out = handshaker->output};
    if (sl_record_open_burst(handshaker->aead, &job, 1) != 1)
        return;
    add(handshake, out, job.type, 1, job.plain, job.plain_len);
    OPENSSL_cleanse(job.plain, job.plain_len);
}

void sl_handshake_take_output(struct handshake *handshake, const uint8_t *bytes, size_t len)
{
    struct sl_reader datagram = sl_reader_of(bytes, len);
    struct sl_record_header header;
    struct datagram out;
    begin(handshake, &out);
    while (sl_reader_left(&datagram) > 0 &&
           sl_wire_parse_record(&datagram, 0, &header) == SL_DROP_NONE) {
        const uint8_t *body = datagram.at - header.body_len;
        if (header.epoch == 1 && handshake->server.is_legacy)
            add(handshake, &out, header.type, SL_PART_SEALED, body - header.header_len,
                (size_t)header.header_len + header.body_len);
        else if (header.epoch == 1)
            add_protected(handshake, &out, &header, body);
        else if (!handshake->server.drops_hello_verify || header.type != SL_CONTENT_HANDSHAKE)
            add(handshake, &out, header.type, 0, body, header.body_len);
    }
    finish(handshake, &out);
}

void sl_handshake_repeat_flight(struct handshake *handshake)
{
    uint64_t apart_ns = handshake->owner->config.first_timeout_ms * 1000000ULL / 2;
    const struct flight *flight = &handshake->flight;
    if (flight->len == 0 || handshake->owner->now_ns < handshake->sent_ns + apart_ns)
        return;
    struct sl_message_send message;
    const uint8_t *parts;
    for (size_t at = 0; sl_handshake_next_datagram(flight, &at, &message, &parts);)
        post(handshake, &message, parts);
    sl_handshake_count(handshake->owner, SL_HANDSHAKE_RETRANSMITTED);
}
