#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "gateway.h"

/** In one write: lines of DPDK's threads may come between, and not into one. */
static void put(const char *level, const char *text)
{
    struct timespec now;
    struct tm utc;
    char stamp[32], line[REASON_LEN + 64];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(line, sizeof line, "%s.%03ldZ %s %s\n", stamp, now.tv_nsec / 1000000, level, text);
    fputs(line, stderr);
    fflush(stderr);
}

void log_info(const char *line)
{
    put("info", line);
}

void log_format(const char *format, ...)
{
    char text[REASON_LEN];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put("info", text);
}

void log_warning(const char *line)
{
    put("warning", line);
}

void log_fatal(const char *reason)
{
    put("error", reason);
}
