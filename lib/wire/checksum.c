/* The Internet checksum, RFC 1071, and which loop computes it here. */
#include "wire_priv.h"

/** Measured: up to here the call through a pointer costs what the wider loop brings. */
enum { WIDE_WORTHWHILE = 64 };

typedef void checksum_loop(struct wire_piece *pieces, unsigned n);

static checksum_loop choose_and_sum;

/** Chosen at the first sum; whoever finds it not chosen yet comes to the same choice. */
static checksum_loop *chosen = choose_and_sum;

void wire_checksum_scalar(struct wire_piece *pieces, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        pieces[i].sum += wire_sum_words(pieces[i].bytes, pieces[i].len);
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

static void choose_and_sum(struct wire_piece *pieces, unsigned n)
{
    sl_wire_checksum_use(NULL);
    wire_checksum_burst(pieces, n);
}

void wire_checksum_burst(struct wire_piece *pieces, unsigned n)
{
    __atomic_load_n(&chosen, __ATOMIC_RELAXED)(pieces, n);
}

uint64_t sl_wire_checksum_add(uint64_t sum, const uint8_t *bytes, size_t len)
{
    if (len < WIDE_WORTHWHILE)
        return sum + wire_sum_words(bytes, len);
    struct wire_piece piece = {bytes, len, sum};
    wire_checksum_burst(&piece, 1);
    return piece.sum;
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
