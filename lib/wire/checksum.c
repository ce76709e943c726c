/* The Internet checksum, RFC 1071: 32-bit words summed in 64 bits, four sums side by side. */
#include "wire_priv.h"

/** Measured: below this the change over to AVX2 costs what it brings. */
enum { AVX2_WORTHWHILE = 256 };

static inline uint64_t load32(const uint8_t *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

uint64_t sl_wire_checksum_add(uint64_t sum, const uint8_t *bytes, size_t len)
{
    if (len >= AVX2_WORTHWHILE && __builtin_cpu_supports("avx2")) {
        size_t whole = len - len % WIRE_AVX2_STEP;
        sum += wire_checksum_add_avx2(bytes, whole);
        bytes += whole;
        len -= whole;
    }
    uint64_t a = 0, b = 0, c = 0, d = 0;
    for (; len >= 16; bytes += 16, len -= 16) {
        a += load32(bytes);
        b += load32(bytes + 4);
        c += load32(bytes + 8);
        d += load32(bytes + 12);
    }
    sum += a + b + c + d;
    for (; len >= 2; bytes += 2, len -= 2) {
        uint16_t word;
        memcpy(&word, bytes, sizeof word);
        sum += word;
    }
    if (len > 0)
        sum += *bytes; /* padded with a zero behind it; the machine is little-endian */
    return sum;
}

uint16_t sl_wire_checksum_fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

uint64_t wire_pseudo_sum(const struct sl_ip *a, const struct sl_ip *b, uint8_t protocol,
                         uint32_t len)
{
    uint8_t tail[8] = {0};
    uint64_t sum = 0;
    struct sl_writer w = sl_writer_of(tail, sizeof tail);
    sl_write_be32(&w, len);
    sl_write_be32(&w, protocol);
    sum = sl_wire_checksum_add(sum, tail, sizeof tail);
    /* Of a mapped address only the last four bytes count. */
    unsigned skip = sl_ip_is_v4(a) ? 12 : 0;
    sum = sl_wire_checksum_add(sum, a->bytes + skip, 16 - skip);
    return sl_wire_checksum_add(sum, b->bytes + skip, 16 - skip);
}
