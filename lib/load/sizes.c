/** Lists of message lengths as text. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "payload.h"
#include "sl_load_sizes.h"

static_assert(SL_LOAD_SIZE_MIN == LOAD_PAYLOAD_MIN, "the shortest message is all heading");

#define IMIX "64:7,512:4,1350:1"

static int refuse(char *reason, const char *what, const char *at)
{
    snprintf(reason, SL_REASON_LEN,
             "%s at '%.40s'; sizes are SIZE, MIN-MAX or a list as " IMIX
             " (weights behind the colons), or imix",
             what, at);
    return -EINVAL;
}

/** Reads digits up to a limit; *text moves behind them. */
static bool read_number(const char **text, uint32_t max, uint32_t *number)
{
    if (!isdigit((unsigned char)**text))
        return false;
    uint64_t value = 0;
    for (; isdigit((unsigned char)**text) && value <= max; (*text)++)
        value = value * 10 + (uint64_t)(**text - '0');
    *number = (uint32_t)value;
    return value <= max;
}

static bool skip(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;
    return true;
}

/** SIZE or MIN-MAX, with or without :WEIGHT. */
static int parse_size(struct sl_load_size *size, const char **text, char *reason)
{
    const char *begin = *text;
    if (!read_number(text, SL_LOAD_SIZE_MAX, &size->min))
        return refuse(reason, "no length up to 16384", begin);
    size->max = size->min;
    if (skip(text, '-') && !read_number(text, SL_LOAD_SIZE_MAX, &size->max))
        return refuse(reason, "no length up to 16384 ends the range", begin);
    if (size->min < SL_LOAD_SIZE_MIN)
        return refuse(reason, "a message has at least 16 bytes", begin);
    if (size->max < size->min)
        return refuse(reason, "a range that goes down", begin);
    size->weight = 1;
    if (skip(text, ':') &&
        (!read_number(text, SL_LOAD_WEIGHT_MAX, &size->weight) || size->weight == 0))
        return refuse(reason, "no weight from 1 to 1000000", begin);
    return 0;
}

static void share_draws(struct sl_load_sizes *sizes)
{
    uint64_t total = 0, up_to_here = 0;
    for (unsigned i = 0; i < sizes->count; i++)
        total += sizes->sizes[i].weight;
    for (unsigned i = 0; i < sizes->count; i++) {
        up_to_here += sizes->sizes[i].weight;
        sizes->sizes[i].below = (uint32_t)((up_to_here << 32) / total);
    }
}

int sl_load_sizes_parse(struct sl_load_sizes *sizes, const char *text, char *reason)
{
    if (strcmp(text, "imix") == 0)
        text = IMIX;
    *sizes = (struct sl_load_sizes){.count = 0};
    do {
        if (sizes->count == SL_LOAD_SIZES_MAX)
            return refuse(reason, "more than 16 sizes", text);
        const int error = parse_size(&sizes->sizes[sizes->count++], &text, reason);
        if (error != 0)
            return error;
    } while (skip(&text, ','));
    if (*text != '\0')
        return refuse(reason, "not understood", text);
    share_draws(sizes);
    return 0;
}

void sl_load_sizes_print(const struct sl_load_sizes *sizes, char *out)
{
    const char *end = out + SL_LOAD_SIZES_TEXT_LEN;
    for (unsigned i = 0; i < sizes->count; i++) {
        const struct sl_load_size *size = &sizes->sizes[i];
        out += snprintf(out, (size_t)(end - out), "%s%" PRIu32, i > 0 ? "," : "", size->min);
        if (size->max > size->min)
            out += snprintf(out, (size_t)(end - out), "-%" PRIu32, size->max);
        if (sizes->count > 1)
            out += snprintf(out, (size_t)(end - out), ":%" PRIu32, size->weight);
    }
}

uint32_t sl_load_sizes_longest(const struct sl_load_sizes *sizes)
{
    uint32_t longest = 0;
    for (unsigned i = 0; i < sizes->count; i++)
        if (sizes->sizes[i].max > longest)
            longest = sizes->sizes[i].max;
    return longest;
}

double sl_load_sizes_mean(const struct sl_load_sizes *sizes)
{
    double weights = 0, bytes = 0;
    for (unsigned i = 0; i < sizes->count; i++) {
        const struct sl_load_size *size = &sizes->sizes[i];
        weights += size->weight;
        bytes += size->weight * ((double)size->min + size->max) / 2;
    }
    return bytes / weights;
}
