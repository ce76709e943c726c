#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "series.h"

const char *phase_name(enum phase phase)
{
    static const char *const names[] = {
        [PHASE_CONNECT] = "connect", [PHASE_WARMUP] = "warm-up", [PHASE_RUN] = "run",
        [PHASE_DRAIN] = "drain",     [PHASE_CLOSE] = "close",
    };
    return names[phase];
}

uint64_t series_errors(const struct sl_load_stats *stats)
{
    uint64_t errors = stats->counters[SL_LOAD_HANDSHAKES_FAILED] +
                      stats->counters[SL_LOAD_SESSIONS_CLOSED] + stats->counters[SL_LOAD_CORRUPT] +
                      stats->counters[SL_LOAD_SOURCES_FAILED];
    for (unsigned d = 0; d < SL_DROP_COUNT; d++)
        errors += d != SL_DROP_CLOSING ? stats->drops[d] : 0; /* that is the answer to a close */
    return errors;
}

struct series_point series_point_of(const struct sl_load_stats *earlier,
                                    const struct sl_load_stats *later)
{
    static _Thread_local struct sl_load_stats between; /* too large for the stack */
    between = *later;
    sl_load_subtract_stats(&between, earlier);
    const struct sl_histogram *latency = &between.latency;
    return (struct series_point){
        .completed = between.counters[SL_LOAD_HANDSHAKES_COMPLETED],
        .failed = between.counters[SL_LOAD_HANDSHAKES_FAILED],
        .sent = between.counters[SL_LOAD_SENT],
        .sent_bytes = between.counters[SL_LOAD_SENT_BYTES],
        .echoed = between.counters[SL_LOAD_ECHOED],
        .late = between.counters[SL_LOAD_LATE],
        .lost = between.counters[SL_LOAD_LOST],
        .overdue = between.counters[SL_LOAD_OVERDUE],
        .established = between.established,
        .outstanding = sl_load_outstanding(later),
        .errors = series_errors(&between),
        .latency_count = sl_histogram_count(latency),
        .p50_ns = (double)sl_histogram_quantile_ns(latency, 0.5),
        .p99_ns = (double)sl_histogram_quantile_ns(latency, 0.99),
        .p999_ns = (double)sl_histogram_quantile_ns(latency, 0.999),
        .max_ns = (double)sl_histogram_max_ns(latency),
    };
}

double series_loss(const struct series_point *point)
{
    uint64_t all = point->overdue + point->echoed;
    return all == 0 ? 0 : (double)point->overdue / (double)all;
}

bool series_add(struct series *series, const struct series_point *point)
{
    if (series->count == series->room) {
        size_t room = series->room == 0 ? 128 : 2 * series->room;
        struct series_point *points = realloc(series->points, room * sizeof *points);
        if (points == NULL)
            return false;
        series->points = points;
        series->room = room;
    }
    series->points[series->count++] = *point;
    return true;
}

void series_free(struct series *series)
{
    free(series->points);
    memset(series, 0, sizeof *series);
}

double series_interval(double run_s)
{
    double interval = run_s / 100;
    return interval < 0.1 ? 0.1 : interval > 1 ? 1 : interval;
}

static void write_row(const struct series_point *p, FILE *out)
{
    fprintf(out, "%.3f,%s,%" PRIu64 ",%.1f,%" PRIu64 ",%.1f,%.1f,%.1f", p->at_s,
            phase_name(p->phase), p->established, (double)p->completed / p->span_s, p->failed,
            (double)p->sent / p->span_s, 8e-6 * (double)p->sent_bytes / p->span_s,
            (double)p->echoed / p->span_s);
    fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%.4f",
            p->sent, p->echoed, p->late, p->lost, p->overdue, p->outstanding, 100 * series_loss(p));
    if (p->latency_count > 0)
        fprintf(out, ",%.2f,%.2f,%.2f,%.2f", p->p50_ns / 1e3, p->p99_ns / 1e3, p->p999_ns / 1e3,
                p->max_ns / 1e3);
    else
        fputs(",,,,", out);
    fprintf(out, ",%" PRIu64 "\n", p->errors);
}

void series_write_csv(const struct series *series, FILE *out)
{
    fputs("time_s,phase,sessions,handshakes_per_s,handshakes_failed,sent_per_s,sent_mbit_per_s,"
          "echoed_per_s,sent,echoed,late,lost,overdue,outstanding,loss_percent,p50_us,p99_us,p99_9_"
          "us,"
          "max_us,errors\n",
          out);
    for (size_t i = 0; i < series->count; i++)
        write_row(&series->points[i], out);
}
