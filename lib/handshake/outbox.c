#include <stdlib.h>

#include <openssl/crypto.h>

#include "parts_priv.h"

struct pending {
    struct pending *next;
    uint64_t handle;
    enum sl_message_kind kind;
    uint32_t fixed_len;
    uint32_t bytes_len;
    uint8_t body[]; /* the fixed part, then the bytes; may be keys */
};

void sl_handshake_init_outbox(struct outbox *outbox, struct sl_ring_producer *ring)
{
    *outbox = (struct outbox){.ring = ring, .last = &outbox->first};
}

static void remove_first(struct outbox *outbox)
{
    struct pending *first = outbox->first;
    outbox->first = first->next;
    if (outbox->first == NULL)
        outbox->last = &outbox->first;
    OPENSSL_cleanse(first->body, first->fixed_len + first->bytes_len);
    free(first);
}

void sl_handshake_wipe_outbox(struct outbox *outbox)
{
    while (outbox->first != NULL)
        remove_first(outbox);
}

/** A zero-length array has no address worth copying from. */
static void append(uint8_t *to, const void *from, uint32_t len)
{
    if (len > 0)
        memcpy(to, from, len);
}

static bool keep(struct outbox *outbox, const struct pending *header, const void *fixed,
                 const void *bytes)
{
    struct pending *pending = malloc(sizeof *pending + header->fixed_len + header->bytes_len);
    if (pending == NULL)
        return false;
    *pending = *header;
    append(pending->body, fixed, header->fixed_len);
    append(pending->body + header->fixed_len, bytes, header->bytes_len);
    *outbox->last = pending;
    outbox->last = &pending->next;
    return true;
}

bool sl_handshake_post(struct outbox *outbox, enum sl_message_kind kind, uint64_t handle,
                       const void *fixed, uint32_t fixed_len, const void *bytes, uint32_t bytes_len)
{
    struct pending header = {
        .kind = kind, .handle = handle, .fixed_len = fixed_len, .bytes_len = bytes_len};
    /* Nothing overtakes what waits. */
    if (outbox->first == NULL &&
        sl_message_send(outbox->ring, kind, handle, fixed, fixed_len, bytes, bytes_len))
        return true;
    return keep(outbox, &header, fixed, bytes);
}

bool sl_handshake_drain_outbox(struct outbox *outbox)
{
    bool moved = false;
    for (struct pending *first; (first = outbox->first) != NULL; moved = true) {
        if (!sl_message_send(outbox->ring, first->kind, first->handle, first->body,
                             first->fixed_len, first->body + first->fixed_len, first->bytes_len))
            break;
        remove_first(outbox);
    }
    return moved;
}
