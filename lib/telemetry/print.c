/* Statistics as text for people and as JSON for programs, both grown from the same lists. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "sl_telemetry.h"

#define NAME_LEN 48

static const char *lower(const char *name, char out[NAME_LEN])
{
    const size_t len = strnlen(name, NAME_LEN - 1);
    for (size_t i = 0; i < len; i++)
        out[i] = (char)tolower((unsigned char)name[i]);
    out[len] = '\0';
    return out;
}

static struct sl_counters total_of(const struct sl_stats *stats)
{
    struct sl_counters total = {.sessions = 0};
    for (unsigned i = 0; i < stats->worker_count; i++)
        sl_counters_sum(&total, &stats->workers[i]);
    return total;
}

static void print_line(FILE *out, const char *name, uint64_t value, const char *text)
{
    char lowered[NAME_LEN];
    fprintf(out, "  %-22s %14" PRIu64 "  %s\n", lower(name, lowered), value, text);
}

static void print_counters_text(FILE *out, const struct sl_counters *c)
{
    for (unsigned i = 0; i < SL_COUNTER_COUNT; i++)
        if (c->events[i] != 0)
            print_line(out, sl_counter_name((enum sl_counter)i), c->events[i],
                       sl_counter_text((enum sl_counter)i));
    bool has_heading = false;
    for (unsigned i = 1; i < SL_DROP_COUNT; i++) {
        if (c->drops[i] == 0)
            continue;
        if (!has_heading)
            fprintf(out, "dropped\n");
        has_heading = true;
        print_line(out, sl_drop_name((enum sl_drop)i), c->drops[i], sl_drop_text((enum sl_drop)i));
    }
}

void sl_stats_print_text(FILE *out, const struct sl_stats *stats)
{
    struct sl_counters total = total_of(stats);
    fprintf(out, "sluice %s, up %" PRIu64 " s, %u worker%s\n", stats->version,
            stats->uptime_ns / 1000000000, stats->worker_count,
            stats->worker_count == 1 ? "" : "s");
    print_line(out, "sessions", total.sessions, "established now");
    print_line(out, "half_open", total.half_open, "handshakes in progress now");
    if (total.forged_most != 0)
        print_line(out, "forged_most", total.forged_most,
                   "most forged records that the key of one session has met");
    print_counters_text(out, &total);
    const char *group = "";
    for (unsigned i = 0; i < stats->other_count; i++) {
        const struct sl_stat *stat = &stats->others[i];
        if (stat->value == 0)
            continue;
        if (strcmp(group, stat->group) != 0)
            fprintf(out, "%s\n", stat->group);
        group = stat->group;
        print_line(out, stat->name, stat->value, stat->text);
    }
}

static void print_json_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void print_json_member(FILE *out, const char *separator, const char *name, uint64_t value)
{
    char lowered[NAME_LEN];
    fputs(separator, out);
    print_json_string(out, lower(name, lowered));
    fprintf(out, ": %" PRIu64, value);
}

static void print_json_counters(FILE *out, const struct sl_counters *c)
{
    fputs("{\"events\": {", out);
    for (unsigned i = 0; i < SL_COUNTER_COUNT; i++)
        print_json_member(out, i > 0 ? ", " : "", sl_counter_name((enum sl_counter)i),
                          c->events[i]);
    fputs("}, \"drops\": {", out);
    for (unsigned i = 1; i < SL_DROP_COUNT; i++)
        print_json_member(out, i > 1 ? ", " : "", sl_drop_name((enum sl_drop)i), c->drops[i]);
    fprintf(out,
            "}, \"sessions\": %" PRIu64 ", \"half_open\": %" PRIu64 ", \"forged_most\": %" PRIu64
            "}",
            c->sessions, c->half_open, c->forged_most);
}

void sl_stats_print_json(FILE *out, const struct sl_stats *stats)
{
    struct sl_counters total = total_of(stats);
    fputs("{\"version\": ", out);
    print_json_string(out, stats->version);
    fprintf(out, ", \"uptime_s\": %" PRIu64 ", \"total\": ", stats->uptime_ns / 1000000000);
    print_json_counters(out, &total);
    fputs(", \"workers\": [", out);
    for (unsigned i = 0; i < stats->worker_count; i++) {
        fputs(i > 0 ? ", " : "", out);
        print_json_counters(out, &stats->workers[i]);
    }
    fputc(']', out);
    const char *group = NULL;
    for (unsigned i = 0; i < stats->other_count; i++) {
        const struct sl_stat *stat = &stats->others[i];
        bool is_new = group == NULL || strcmp(group, stat->group) != 0;
        if (is_new) {
            fputs(group == NULL ? ", " : "}, ", out);
            print_json_string(out, stat->group);
            fputs(": {", out);
            group = stat->group;
        }
        print_json_member(out, is_new ? "" : ", ", stat->name, stat->value);
    }
    fputs(group == NULL ? "}\n" : "}}\n", out);
}
