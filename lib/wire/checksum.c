/* The Internet checksum, RFC 1071, and which loop computes it here. */
#include "wire_priv.h"

/** Measured: up to here the call through a pointer costs what the wider loop brings. */
enum { WIDE_WORTHWHILE = 64 };

static void sum_udp_burst(const struct sl_wire_unsummed *unsummed, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        wire_put_udp_sum(&unsummed[i], wire_sum_words(unsummed[i].udp, unsummed[i].udp_len));
}

const struct wire_loop wire_loop_scalar = {wire_sum_words, sum_udp_burst};

static const struct wire_loop *loop_of(const char *name)
{
    if (strcmp(name, "avx512") == 0 && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("bmi2"))
        return &wire_loop_avx512;
    if (strcmp(name, "avx2") == 0 && __builtin_cpu_supports("avx2"))
        return &wire_loop_avx2;
    if (strcmp(name, "sse") == 0)
        return &wire_loop_sse;
    return strcmp(name, "scalar") == 0 ? &wire_loop_scalar : NULL;
}

/** Chosen at the first sum; whoever finds it not chosen yet comes to the same choice. */
static const struct wire_loop *chosen;

bool sl_wire_checksum_use(const char *name)
{
    static const char *const best_first[] = {"avx512", "avx2", "sse"}; /* the last always runs */
    const unsigned count = sizeof best_first / sizeof best_first[0];
    const struct wire_loop *loop = name != NULL ? loop_of(name) : NULL;
    for (unsigned i = 0; name == NULL && loop == NULL && i < count; i++)
        loop = loop_of(best_first[i]);
    if (loop != NULL)
        __atomic_store_n(&chosen, loop, __ATOMIC_RELAXED); /* constants and code: no order */
    return loop != NULL;
}

static const struct wire_loop *chosen_loop(void)
{
    const struct wire_loop *loop = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
    if (loop != NULL)
        return loop;
    sl_wire_checksum_use(NULL);
    return chosen_loop();
}

void sl_wire_sum_udp_burst(const struct sl_wire_unsummed *unsummed, unsigned n)
{
    if (n > 0)
        chosen_loop()->sum_udp_burst(unsummed, n);
}

uint64_t sl_wire_checksum_add(uint64_t sum, const uint8_t *bytes, size_t len)
{
    if (len < WIDE_WORTHWHILE)
        return sum + wire_sum_words(bytes, len);
    return sum + chosen_loop()->sum(bytes, len);
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
