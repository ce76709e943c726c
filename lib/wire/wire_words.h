/**
 * Words of a frame as they stand, for what is compared or written as a whole: in the machine's
 * order, which is little-endian, so that what is first on the wire is in the low bits. And numbers
 * that they are compared with.
 */
#ifndef WIRE_WORDS_H
#define WIRE_WORDS_H

#include <stdint.h>
#include <string.h>

enum { ETHERTYPE_IPV4 = 0x0800, PROTOCOL_UDP = 17 };

static inline uint64_t wire_load16(const void *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline uint64_t wire_load32(const void *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline uint64_t wire_load64(const void *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline void wire_store32(void *at, uint32_t value)
{
    memcpy(at, &value, sizeof value);
}

static inline void wire_store64(void *at, uint64_t value)
{
    memcpy(at, &value, sizeof value);
}

#endif
