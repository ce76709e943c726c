#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

char *text_count(char *out, uint64_t count)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, count);
    char *to = out;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return out;
}

char *text_rate(char *out, double rate)
{
    if (rate > 0 && rate < 9.95)
        snprintf(out, TEXT_LEN, "%.1f", rate);
    else
        text_count(out, rate > 0 ? (uint64_t)(rate + 0.5) : 0);
    return out;
}

char *text_ns(char *out, double ns)
{
    static const struct {
        double ns;
        const char *name;
    } units[] = {{1, "ns"}, {1e3, "us"}, {1e6, "ms"}, {1e9, "s"}};
    unsigned u = 0;
    while (u < 3 && ns >= 999.5 * units[u].ns)
        u++;
    double value = ns / units[u].ns;
    int decimals = u == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    snprintf(out, TEXT_LEN, "%.*f %s", decimals, value, units[u].name);
    return out;
}

char *text_share(char *out, double share)
{
    double percent = 100 * share;
    if (percent > 0 && percent < 0.001)
        snprintf(out, TEXT_LEN, "< 0.001 %%");
    else if (percent < 100 && percent > 99.999)
        snprintf(out, TEXT_LEN, "> 99.999 %%");
    else
        snprintf(out, TEXT_LEN, "%.3f %%", percent);
    return out;
}
