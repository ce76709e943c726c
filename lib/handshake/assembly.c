#include <stdlib.h>

#include "assembly_priv.h"

bool sl_handshake_read_fragment(struct sl_reader *record, struct fragment *out)
{
    if (sl_reader_left(record) == 0)
        return false;
    out->type = sl_read_u8(record);
    out->msg_len = sl_read_be24(record);
    out->msg_seq = sl_read_be16(record);
    out->off = sl_read_be24(record);
    out->len = sl_read_be24(record);
    out->bytes = sl_read_bytes(record, out->len);
    if (out->off > out->msg_len || out->len > out->msg_len - out->off)
        record->failed = true;
    return !record->failed;
}

static void write_header(uint8_t *out, const struct fragment *fragment)
{
    struct sl_writer w = sl_writer_of(out, SL_HANDSHAKE_HEADER_LEN);
    sl_write_u8(&w, fragment->type);
    sl_write_be24(&w, fragment->msg_len);
    sl_write_be16(&w, fragment->msg_seq);
    sl_write_be24(&w, 0);
    sl_write_be24(&w, fragment->msg_len);
}

/** In steps, so that contradictions about the length cause few allocations: at most seven. */
static uint32_t room_for(uint32_t msg_len)
{
    uint32_t room = 256;
    while (room < msg_len)
        room *= 2;
    return room;
}

static uint32_t bits_len(uint32_t room)
{
    return room / 8 + 1;
}

size_t sl_handshake_assembly_size(uint32_t msg_len)
{
    const uint32_t room = room_for(msg_len);
    return SL_HANDSHAKE_HEADER_LEN + (size_t)room + bits_len(room);
}

static bool make_room(struct assembly *assembly, uint32_t msg_len)
{
    if (sl_handshake_has_room(assembly, msg_len))
        return true;
    sl_handshake_wipe_assembly(assembly);
    assembly->message = malloc(sl_handshake_assembly_size(msg_len));
    if (assembly->message == NULL)
        return false;
    assembly->room = room_for(msg_len);
    assembly->have = assembly->message + SL_HANDSHAKE_HEADER_LEN + assembly->room;
    return true;
}

static bool begin(struct assembly *assembly, const struct fragment *fragment)
{
    if (!make_room(assembly, fragment->msg_len))
        return false;
    memset(assembly->have, 0, bits_len(fragment->msg_len));
    write_header(assembly->message, fragment);
    assembly->len = fragment->msg_len;
    assembly->missing = fragment->msg_len;
    assembly->has_begun = true;
    return true;
}

/** Same type, length and sequence as the message begun. */
static bool agrees(const struct assembly *assembly, const struct fragment *fragment)
{
    uint8_t header[SL_HANDSHAKE_HEADER_LEN];
    write_header(header, fragment);
    return memcmp(header, assembly->message, sizeof header) == 0;
}

/** The fragment has other bytes than the message begun, where both have some. */
static bool contradicts(const struct assembly *assembly, const struct fragment *fragment)
{
    const uint8_t *body = assembly->message + SL_HANDSHAKE_HEADER_LEN;
    for (uint32_t i = 0; i < fragment->len; i++) {
        uint32_t at = fragment->off + i;
        if ((assembly->have[at / 8] & 1U << at % 8) && body[at] != fragment->bytes[i])
            return true;
    }
    return false;
}

bool sl_handshake_add_fragment(struct assembly *assembly, const struct fragment *fragment)
{
    if (sl_handshake_is_whole(assembly))
        return true;
    /* A forged fragment may have been first: whoever disagrees with it is believed in turn, and
     * the client's retransmission wins in the end. */
    bool goes_on =
        assembly->has_begun && agrees(assembly, fragment) && !contradicts(assembly, fragment);
    if (!goes_on && !begin(assembly, fragment))
        return false;
    uint8_t *body = assembly->message + SL_HANDSHAKE_HEADER_LEN;
    for (uint32_t i = 0; i < fragment->len && assembly->missing > 0; i++) {
        uint32_t at = fragment->off + i;
        uint8_t bit = (uint8_t)(1U << (at % 8));
        if (assembly->have[at / 8] & bit)
            continue;
        assembly->have[at / 8] |= bit;
        body[at] = fragment->bytes[i];
        assembly->missing--;
    }
    return true;
}

void sl_handshake_wipe_assembly(struct assembly *assembly)
{
    free(assembly->message);
    *assembly = (struct assembly){0};
}
