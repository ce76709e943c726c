/* What a session does with messages of its handshake: its epoch from their keys, datagrams from
 * their flights. */
#include "sl_message.h"

void sl_message_init_epoch(const struct sl_message_keys *keys, const struct sl_aead *aead,
                           const uint8_t *own_cid, uint8_t own_cid_len, struct sl_epoch *epoch)
{
    const struct sl_epoch_config config = {
        .number = keys->epoch,
        .alg = (enum sl_aead_alg)keys->alg,
        .open_key = keys->open_key,
        .open_iv = keys->open_iv,
        .seal_key = keys->seal_key,
        .seal_iv = keys->seal_iv,
        .write_next = keys->write_next,
        .forged = keys->forged,
        .own_cid_negotiated = keys->own_cid_negotiated != 0,
        .own_cid_len = own_cid_len,
        .own_cid = own_cid,
        .peer_cid_len = keys->peer_cid_len,
        .peer_cid = keys->peer_cid,
        .plain_max = keys->plain_max,
    };
    sl_epoch_init(epoch, aead, &config);
    epoch->replay = keys->replay;
}

/** A record of a session that libssl keeps. One with keys of the worker's is sealed by it alone. */
static enum sl_drop append_sealed(const struct sl_record_source *source, struct sl_writer *to,
                                  const struct sl_message_part *part)
{
    if (source->epoch != NULL)
        return SL_DROP_SEND_STALE;
    uint8_t *record = sl_write_room(to, part->len);
    if (record == NULL)
        return SL_DROP_SEND_TOO_LARGE;
    memcpy(record, part->bytes, part->len);
    return SL_DROP_NONE;
}

enum sl_drop sl_message_write_flight(const struct sl_message_send *send, uint32_t body_len,
                                     struct sl_aead *aead, const struct sl_record_source *source,
                                     struct sl_writer *to, unsigned *sealed)
{
    const uint32_t bytes_max = body_len - (uint32_t)sizeof *send;
    struct sl_reader parts =
        sl_reader_of(send->bytes, send->bytes_len < bytes_max ? send->bytes_len : bytes_max);
    const uint8_t *start = to->at;
    struct sl_message_part part;
    enum sl_drop drop = SL_DROP_NONE;
    *sealed = 0;
    while (drop == SL_DROP_NONE && sl_message_next_part(&parts, &part)) {
        if (part.epoch == SL_PART_SEALED)
            drop = append_sealed(source, to, &part);
        else
            drop = sl_record_append(aead, source, to, part.type, part.epoch, part.bytes, part.len);
        *sealed += drop == SL_DROP_NONE && part.epoch > 0;
    }
    return drop == SL_DROP_NONE && to->at == start ? SL_DROP_SEND_STALE : drop;
}
