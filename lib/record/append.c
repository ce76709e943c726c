/** One record more in a datagram of several: flights, alerts. */
#include "record_priv.h"

static enum sl_drop append_plaintext(uint64_t *write_next, struct sl_writer *to, uint8_t type,
                                     const uint8_t *plain, uint16_t len)
{
    uint64_t seq;
    uint8_t *record = sl_write_room(to, (size_t)SL_RECORD_HEADER_LEN + len);
    if (record == NULL)
        return SL_DROP_SEND_TOO_LARGE;
    if (!sl_record_take_number(write_next, &seq))
        return SL_DROP_SEND_SEQ_LIMIT;
    sl_wire_write_record_header(record, type, 0, seq, len);
    memcpy(record + SL_RECORD_HEADER_LEN, plain, len);
    return SL_DROP_NONE;
}

enum sl_drop sl_record_append(struct sl_aead *aead, const struct sl_record_source *source,
                              struct sl_writer *to, uint8_t type, uint16_t epoch,
                              const uint8_t *plain, uint16_t len)
{
    if (epoch == 0)
        return append_plaintext(source->epoch0_next, to, type, plain, len);
    if (source->epoch == NULL || source->epoch->number != epoch)
        return SL_DROP_SEND_STALE;
    uint8_t *record = sl_write_room(to, sl_record_sealed_len(source->epoch, len));
    if (record == NULL)
        return SL_DROP_SEND_TOO_LARGE;
    struct sl_seal_job job = {
        .epoch = source->epoch, .plain = plain, .plain_len = len, .type = type, .record = record};
    sl_record_seal_burst(aead, &job, 1);
    return job.drop;
}
