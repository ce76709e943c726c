#include <assert.h>
#include <openssl/crypto.h>

#include "sl_message.h"

bool sl_message_send(struct sl_ring_producer *to, enum sl_message_kind kind, uint64_t session,
                     const void *fixed, uint32_t fixed_len, const void *bytes, uint32_t bytes_len)
{
    assert(bytes_len <= SL_MESSAGE_BYTES_MAX);
    struct sl_ring_entry *entry = sl_ring_reserve(to, fixed_len + bytes_len);
    if (entry == NULL)
        return false;
    entry->kind = (uint8_t)kind;
    entry->session = session;
    uint8_t *body = (uint8_t *)(entry + 1);
    if (fixed_len > 0)
        memcpy(body, fixed, fixed_len);
    if (bytes_len > 0)
        memcpy(body + fixed_len, bytes, bytes_len);
    sl_ring_commit(to, entry, fixed_len + bytes_len);
    return true;
}

bool sl_message_receive(struct sl_ring_consumer *from, struct sl_message *out)
{
    const struct sl_ring_entry *entry = sl_ring_next(from);
    if (entry == NULL)
        return false;
    *out = (struct sl_message){
        .kind = (enum sl_message_kind)entry->kind,
        .session = entry->session,
        .body = entry + 1,
        .body_len = entry->len - (uint32_t)sizeof *entry,
    };
    return true;
}

void sl_message_wipe(const struct sl_message *message)
{
    /* The ring is the process's own plain memory; const only says that receivers don't write. The
     * producer does not write here before sl_ring_release. */
    OPENSSL_cleanse((void *)(uintptr_t)message->body, message->body_len);
}

bool sl_message_next_part(struct sl_reader *bytes, struct sl_message_part *out)
{
    if (sl_reader_left(bytes) == 0)
        return false;
    out->type = sl_read_u8(bytes);
    out->epoch = sl_read_u8(bytes);
    out->len = sl_read_be16(bytes);
    out->bytes = sl_read_bytes(bytes, out->len);
    return !bytes->failed;
}
