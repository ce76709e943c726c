/* The Internet checksum, RFC 1071, and which loop computes it here. */
#include "wire_priv.h"

/** Measured: up to here the call through a pointer costs what the wider loop brings. */
enum { WIDE_WORTHWHILE = 64 };

typedef uint64_t checksum_loop(const uint8_t *bytes, size_t len);

static checksum_loop choose_and_sum;

/** Chosen at the first sum; whoever finds it not chosen yet comes to the same choice. */
static checksum_loop *chosen = choose_and_sum;

static inline uint64_t load32(const uint8_t *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/** 32-bit words summed in 64 bits, four sums side by side. */
uint64_t wire_checksum_scalar(const uint8_t *bytes, size_t len)
{
    uint64_t a = 0, b = 0, c = 0, d = 0;
    for (; len >= 16; bytes += 16, len -= 16) {
        a += load32(bytes);
        b += load32(bytes + 4);
        c += load32(bytes + 8);
        d += load32(bytes + 12);
    }
    for (; len >= 2; bytes += 2, len -= 2) {
        uint16_t word;
        memcpy(&word, bytes, sizeof word);
        a += word;
    }
    if (len > 0)
        b += *bytes; /* padded with a zero behind it; the machine is little-endian */
    return a + b + c + d;
}

static checksum_loop *loop_of(const char *name)
{
    if (strcmp(name, "avx512") == 0 && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw"))
        return wire_checksum_avx512;
    if (strcmp(name, "avx2") == 0 && __builtin_cpu_supports("avx2"))
        return wire_checksum_avx2;
    if (strcmp(name, "sse") == 0)
        return wire_checksum_sse;
    return strcmp(name, "scalar") == 0 ? wire_checksum_scalar : NULL;
}

bool sl_wire_checksum_use(const char *name)
{
    static const char *const best_first[] = {"avx512", "avx2", "sse"};
    checksum_loop *loop = name != NULL ? loop_of(name) : NULL;
    for (unsigned i = 0; name == NULL && loop == NULL; i++)
        loop = loop_of(best_first[i]); /* the last one always runs */
    if (loop != NULL)
        __atomic_store_n(&chosen, loop, __ATOMIC_RELAXED); /* code, which is there: no order */
    return loop != NULL;
}

static uint64_t choose_and_sum(const uint8_t *bytes, size_t len)
{
    sl_wire_checksum_use(NULL);
    return __atomic_load_n(&chosen, __ATOMIC_RELAXED)(bytes, len);
}

uint64_t sl_wire_checksum_add(uint64_t sum, const uint8_t *bytes, size_t len)
{
    if (len < WIDE_WORTHWHILE)
        return sum + wire_checksum_scalar(bytes, len);
    return sum + __atomic_load_n(&chosen, __ATOMIC_RELAXED)(bytes, len);
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
