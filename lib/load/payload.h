/**
 * What a message of the generator carries, so that its echo can be told from anything else: client,
 * number and intended send time, then bytes that depend on nothing but their place.
 */
#ifndef LOAD_PAYLOAD_H
#define LOAD_PAYLOAD_H

#include <assert.h>

#include "sl_base.h"

/**
 * be32 client and length | be32 number | be64 intended send time; then the pattern, from this
 * offset on. The length is there so that a part of a message is not taken for all of it.
 */
#define LOAD_PAYLOAD_MIN 16

struct load_payload {
    uint32_t client;
    uint32_t number; /* the low 32 bits of it */
    uint64_t intended_ns;
};

/** The bytes that stand at each place of the longest payload. */
extern const uint64_t load_pattern[SL_RECORD_PLAINTEXT_MAX / sizeof(uint64_t)];

/** A client in a message of this length, and from it: no two lengths make one out of another. */
static inline uint32_t load_payload_mark(uint32_t client, size_t len)
{
    return client ^ (uint32_t)len << 16;
}

/** out [len], LOAD_PAYLOAD_MIN <= len <= SL_RECORD_PLAINTEXT_MAX; all of it is written. */
static inline void load_write_payload(uint8_t *out, uint32_t len,
                                      const struct load_payload *payload)
{
    assert(len >= LOAD_PAYLOAD_MIN && len <= SL_RECORD_PLAINTEXT_MAX);
    sl_store_be64(out, (uint64_t)load_payload_mark(payload->client, len) << 32 | payload->number);
    sl_store_be64(out + 8, payload->intended_ns);
    memcpy(out + LOAD_PAYLOAD_MIN, (const uint8_t *)load_pattern + LOAD_PAYLOAD_MIN,
           len - LOAD_PAYLOAD_MIN);
}

/**
 * bytes  [len], of any length and content.
 * return false when it is no payload of ours: too short or too long, or a byte of the pattern is
 *        wrong. What the first 16 bytes say has to be checked by whoever knows what was sent; of a
 *        message that was cut they name another client.
 */
static inline bool SL_MUST_USE load_read_payload(const uint8_t *bytes, size_t len,
                                                 struct load_payload *out)
{
    if (len < LOAD_PAYLOAD_MIN || len > SL_RECORD_PLAINTEXT_MAX)
        return false;
    *out = (struct load_payload){load_payload_mark(sl_load_be32(bytes), len),
                                 sl_load_be32(bytes + 4), sl_load_be64(bytes + 8)};
    return memcmp(bytes + LOAD_PAYLOAD_MIN, (const uint8_t *)load_pattern + LOAD_PAYLOAD_MIN,
                  len - LOAD_PAYLOAD_MIN) == 0;
}

#endif
