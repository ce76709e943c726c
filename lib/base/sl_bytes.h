/**
 * Byte reader and writer with bounds. All numbers are big-endian, as on the wire.
 *
 * A reader or writer that would pass its end sets `failed`, moves no further and yields zeros or
 * NULL from then on: a parser reads all its fields and checks `failed` once, before it uses them.
 * Neither owns its bytes. Any thread; no allocation.
 */
#ifndef SL_BYTES_H
#define SL_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sl_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

struct sl_writer {
    uint8_t *at;
    uint8_t *end;
    bool failed;
};

static inline struct sl_reader sl_reader_of(const void *bytes, size_t len)
{
    return (struct sl_reader){(const uint8_t *)bytes, (const uint8_t *)bytes + len, false};
}

/** Bytes not read yet. */
static inline size_t sl_reader_left(const struct sl_reader *r)
{
    return (size_t)(r->end - r->at);
}

/** The next `len` bytes, borrowed from the input, or NULL (and failed) when fewer are left. */
static inline const uint8_t *sl_read_bytes(struct sl_reader *r, size_t len)
{
    if (r->failed || sl_reader_left(r) < len) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *bytes = r->at;
    r->at += len;
    return bytes;
}

static inline uint64_t sl_read_be(struct sl_reader *r, unsigned len)
{
    const uint8_t *bytes = sl_read_bytes(r, len);
    uint64_t value = 0;
    for (unsigned i = 0; bytes != NULL && i < len; i++)
        value = value << 8 | bytes[i];
    return value;
}

static inline uint8_t sl_read_u8(struct sl_reader *r)
{
    return (uint8_t)sl_read_be(r, 1);
}

static inline uint16_t sl_read_be16(struct sl_reader *r)
{
    return (uint16_t)sl_read_be(r, 2);
}

static inline uint32_t sl_read_be24(struct sl_reader *r)
{
    return (uint32_t)sl_read_be(r, 3);
}

static inline uint32_t sl_read_be32(struct sl_reader *r)
{
    return (uint32_t)sl_read_be(r, 4);
}

static inline uint64_t sl_read_be48(struct sl_reader *r)
{
    return sl_read_be(r, 6);
}

/** A vector with a length of one byte (len_len 1) or two (len_len 2) before it, as a reader. */
static inline struct sl_reader sl_read_vector(struct sl_reader *r, unsigned len_len)
{
    size_t len = (size_t)sl_read_be(r, len_len);
    const uint8_t *bytes = sl_read_bytes(r, len);
    return bytes != NULL ? sl_reader_of(bytes, len) : (struct sl_reader){NULL, NULL, true};
}

static inline struct sl_writer sl_writer_of(void *bytes, size_t len)
{
    return (struct sl_writer){(uint8_t *)bytes, (uint8_t *)bytes + len, false};
}

/** Room not written yet. */
static inline size_t sl_writer_left(const struct sl_writer *w)
{
    return (size_t)(w->end - w->at);
}

/** Takes `len` bytes of room to be filled by the caller, or NULL (and failed). */
static inline uint8_t *sl_write_room(struct sl_writer *w, size_t len)
{
    if (w->failed || sl_writer_left(w) < len) {
        w->failed = true;
        return NULL;
    }
    uint8_t *room = w->at;
    w->at += len;
    return room;
}

static inline void sl_write_bytes(struct sl_writer *w, const void *bytes, size_t len)
{
    uint8_t *room = sl_write_room(w, len);
    if (room != NULL && len > 0)
        memcpy(room, bytes, len);
}

static inline void sl_write_be(struct sl_writer *w, uint64_t value, unsigned len)
{
    uint8_t *room = sl_write_room(w, len);
    if (room == NULL)
        return;
    for (unsigned i = 0; i < len; i++)
        room[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
}

static inline void sl_write_u8(struct sl_writer *w, uint8_t value)
{
    sl_write_be(w, value, 1);
}

static inline void sl_write_be16(struct sl_writer *w, uint16_t value)
{
    sl_write_be(w, value, 2);
}

static inline void sl_write_be24(struct sl_writer *w, uint32_t value)
{
    sl_write_be(w, value, 3);
}

static inline void sl_write_be32(struct sl_writer *w, uint32_t value)
{
    sl_write_be(w, value, 4);
}

static inline void sl_write_be48(struct sl_writer *w, uint64_t value)
{
    sl_write_be(w, value, 6);
}

/** Stores and loads at a place whose bounds the caller has checked; for hot loops. */
static inline void sl_store_be16(uint8_t *at, uint16_t value)
{
    value = __builtin_bswap16(value);
    memcpy(at, &value, sizeof value);
}

static inline void sl_store_be64(uint8_t *at, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(at, &value, sizeof value);
}

static inline uint16_t sl_load_be16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap16(value);
}

static inline uint32_t sl_load_be32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap32(value);
}

static inline uint64_t sl_load_be64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap64(value);
}

/** The value of a hexadecimal digit of either case, or -1. */
static inline int sl_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
/** The value of two digits, or -1; the text may end behind the first. */
static inline int sl_hex_byte(const char *text)
{
    const int high = sl_hex_digit(text[0]);
    const int low = high < 0 ? -1 : sl_hex_digit(text[1]);
    return low < 0 ? -1 : high << 4 | low;
}

#endif
