#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "live.h"
#include "text.h"

#define LINE_LEN 320

void live_init(struct live *live, FILE *out)
{
    *live = (struct live){.out = out, .is_terminal = out != NULL && isatty(fileno(out))};
}

/** Adds to the text in out; what does not fit is cut. */
static void append(char *out, size_t out_len, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void append(char *out, size_t out_len, const char *format, ...)
{
    size_t len = strlen(out);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(out + len, out_len - len, format, arguments);
    va_end(arguments);
}

void live_format(const struct series_point *p, uint64_t errors, char *out, size_t out_len)
{
    char a[TEXT_LEN], b[TEXT_LEN], c[TEXT_LEN];
    out[0] = '\0';
    append(out, out_len, "%6.1f s %-7s %s sessions, %s handshakes/s", p->at_s, phase_name(p->phase),
           text_count(a, p->established), text_rate(b, (double)p->completed / p->span_s));
    if (p->sent + p->echoed + p->late + p->lost > 0)
        append(out, out_len, ", %s sent/s, %.1f Mbit/s, %s echoed/s, loss %s",
               text_rate(a, (double)p->sent / p->span_s), 8e-6 * (double)p->sent_bytes / p->span_s,
               text_rate(b, (double)p->echoed / p->span_s), text_share(c, series_loss(p)));
    if (p->latency_count > 0)
        append(out, out_len, ", p50 %s, p99 %s", text_ns(a, p->p50_ns), text_ns(b, p->p99_ns));
    else if (p->sent > 0 && p->outstanding > 0)
        append(out, out_len, ", no echoes");
    if (errors > 0)
        append(out, out_len, ", %s errors", text_count(a, errors));
}

/** What fits on a line of the terminal. */
static int columns_of(FILE *out)
{
    struct winsize size;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col < 2)
        return LINE_LEN;
    return size.ws_col - 1;
}

void live_show(struct live *live, const struct series_point *point, uint64_t errors)
{
    char line[LINE_LEN];
    if (live->out == NULL)
        return;
    live_format(point, errors, line, sizeof line);
    if (live->is_terminal)
        fprintf(live->out, "\r%.*s\033[K", columns_of(live->out), line);
    else
        fprintf(live->out, "%s\n", line);
    fflush(live->out);
    live->has_line = live->is_terminal;
}

void live_end_line(struct live *live)
{
    if (live->has_line)
        fputc('\n', live->out);
    live->has_line = false;
}
