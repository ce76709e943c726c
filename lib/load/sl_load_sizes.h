/** How long messages are: one length, a range, or a list of both by weight. */
#ifndef SL_LOAD_SIZES_H
#define SL_LOAD_SIZES_H

#include "sl_base.h"
#include "sl_identity.h"

#define SL_LOAD_SIZES_MAX 16
#define SL_LOAD_SIZE_MIN 16 /* what a message has to carry */
#define SL_LOAD_SIZE_MAX SL_RECORD_PLAINTEXT_MAX
#define SL_LOAD_WEIGHT_MAX 1000000
/** As long as sl_load_sizes_print may make a text, its end included. */
#define SL_LOAD_SIZES_TEXT_LEN (SL_LOAD_SIZES_MAX * sizeof "16384-16384:1000000")

struct sl_load_size {
    uint32_t min, max; /* bytes of plaintext, all from min to max alike */
    uint32_t weight;
    uint32_t below; /* this one and all before it have this of 2^32 draws */
};

/** A plain value. sizes[count - 1].below is not read: the last one has what is left. */
struct sl_load_sizes {
    struct sl_load_size sizes[SL_LOAD_SIZES_MAX];
    unsigned count; /* at least 1 */
};

/**
 * Reads "64", "64-1350", "64:7,512:4,1350:1" (each SIZE or MIN-MAX, with a weight or 1) or "imix",
 * which is the latter: the weights of the Simple IMIX of 40, 576 and 1500 bytes of IP, at plaintext
 * lengths that any suite, connection ID and address family carries within those 1500 (how to write
 * a mix down: RFC 6985).
 *
 * return 0, or -EINVAL and reason [SL_REASON_LEN]: a sentence that says what is wanted.
 */
int sl_load_sizes_parse(struct sl_load_sizes *sizes, const char *text, char *reason) SL_MUST_USE;

/** In the same words: out [SL_LOAD_SIZES_TEXT_LEN]. Parsed again it is the same. */
void sl_load_sizes_print(const struct sl_load_sizes *sizes, char *out);

uint32_t sl_load_sizes_longest(const struct sl_load_sizes *sizes);
double sl_load_sizes_mean(const struct sl_load_sizes *sizes);

/** The length that 64 random bits draw. */
static inline uint32_t sl_load_sizes_draw(const struct sl_load_sizes *sizes, uint64_t random)
{
    const struct sl_load_size *size = sizes->sizes;
    const struct sl_load_size *last = size + sizes->count - 1;
    while (size < last && (uint32_t)random >= size->below)
        size++;
    return size->min + (uint32_t)((random >> 32) * (size->max - size->min + 1) >> 32);
}

#endif
