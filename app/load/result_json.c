/* Everything as JSON; sluice-load(1) names the keys. */
#include <ctype.h>
#include <stdio.h>

#include "machine.h"
#include "result.h"

/** In lower case: "HANDSHAKES_BEGUN" is "handshakes_begun". */
static const char *lower(const char *name, char *out, size_t out_len)
{
    size_t i = 0;
    for (; name[i] != '\0' && i + 1 < out_len; i++)
        out[i] = (char)tolower((unsigned char)name[i]);
    out[i] = '\0';
    return out;
}

static void write_machine(struct json *json)
{
    struct machine machine;
    machine_read(&machine);
    json_begin(json, "machine");
    json_text(json, "processor", machine.processor);
    json_count(json, "cores", machine.cores);
    json_text(json, "kernel", machine.kernel);
    json_text(json, "host", machine.host);
    json_end(json);
}

/** As the scenario file has it: groups, keys. */
static void write_scenario(struct json *json, const struct plan *plan)
{
    const char *group = "";
    json_begin(json, "scenario");
    for (unsigned i = 0; i < plan_option_count; i++) {
        const struct plan_option *option = &plan_options[i];
        size_t len = strcspn(option->path, ".");
        if (strncmp(group, option->path, len + 1) != 0) {
            char name[PLAN_PATH_MAX];
            snprintf(name, sizeof name, "%.*s", (int)len, option->path);
            if (*group != '\0')
                json_end(json);
            json_begin(json, name);
            group = option->path;
        }
        const char *text = plan->texts[i] != NULL ? plan->texts[i] : option->preset;
        value_write_json(json, option->path + len + 1, option->kind,
                         (const char *)plan + option->offset, text);
    }
    json_end(json);
    json_end(json);
}

static void write_histogram(struct json *json, const char *key, const struct sl_histogram *h)
{
    static const struct {
        const char *key;
        double q;
    } quantiles[] = {
        {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99_9", 0.999}, {"p99_99", 0.9999}};
    json_begin(json, key);
    json_count(json, "count", sl_histogram_count(h));
    if (sl_histogram_count(h) > 0) {
        json_number(json, "min", (double)sl_histogram_min_ns(h) / 1e3);
        json_number(json, "mean", sl_histogram_mean_ns(h) / 1e3);
        for (unsigned i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++)
            json_number(json, quantiles[i].key,
                        (double)sl_histogram_quantile_ns(h, quantiles[i].q) / 1e3);
        json_number(json, "max", (double)sl_histogram_max_ns(h) / 1e3);
    }
    json_end(json);
}

/** The time within which each share of all came, a row for each cell that has any. */
static void write_curve(struct json *json, const char *key, const struct sl_histogram *h)
{
    struct sl_histogram_cell cell;
    uint64_t below = 0, count = sl_histogram_count(h);
    json_begin_array(json, key);
    for (unsigned at = 0; sl_histogram_next_cell(h, &at, &cell);) {
        below += cell.count;
        double upper = (double)(cell.upper_ns < h->max_ns ? cell.upper_ns : h->max_ns);
        json_begin_row(json);
        json_number(json, "us", upper / 1e3);
        json_number(json, "share", (double)below / (double)count);
        json_end_row(json);
    }
    json_end_array(json);
}

static void write_handshakes(struct json *json, const struct result *result)
{
    const uint64_t *counters = result->total.counters;
    json_begin(json, "handshakes");
    json_count(json, "begun", counters[SL_LOAD_HANDSHAKES_BEGUN]);
    json_count(json, "completed", counters[SL_LOAD_HANDSHAKES_COMPLETED]);
    json_count(json, "resumed", counters[SL_LOAD_HANDSHAKES_RESUMED]);
    json_count(json, "with_cid", counters[SL_LOAD_HANDSHAKES_WITH_CID]);
    json_count(json, "failed", counters[SL_LOAD_HANDSHAKES_FAILED]);
    write_histogram(json, "time_us", &result->total.handshake);
    write_curve(json, "time_curve", &result->total.handshake);
    json_end(json);
}

static double a_second(uint64_t count, double seconds)
{
    return seconds > 0 ? (double)count / seconds : 0;
}

static void write_messages(struct json *json, const struct result *result)
{
    const uint64_t *counters = result->total.counters;
    const uint64_t *measured = result->measured.counters;
    uint64_t sent = counters[SL_LOAD_SENT];
    uint64_t gone = counters[SL_LOAD_LOST] + counters[SL_LOAD_LATE];
    json_begin(json, "messages");
    json_count(json, "sent", sent);
    json_count(json, "echoed", counters[SL_LOAD_ECHOED]);
    json_count(json, "late", counters[SL_LOAD_LATE]);
    json_count(json, "lost", counters[SL_LOAD_LOST]);
    json_count(json, "outstanding", sl_load_outstanding(&result->total));
    json_number(json, "loss", sent > 0 ? (double)gone / (double)sent : 0);
    json_number(json, "sent_per_s", a_second(measured[SL_LOAD_SENT], result->measured_s));
    json_number(json, "echoed_per_s", a_second(measured[SL_LOAD_ECHOED], result->measured_s));
    json_number(json, "sent_mbit_per_s",
                8e-6 * a_second(measured[SL_LOAD_SENT_BYTES], result->measured_s));
    json_count(json, "reordered", counters[SL_LOAD_REORDERED]);
    json_count(json, "duplicates", counters[SL_LOAD_DUPLICATES]);
    write_histogram(json, "latency_us", &result->measured.latency);
    write_histogram(json, "pacing_us", &result->measured.pacing);
    write_curve(json, "latency_curve", &result->measured.latency);
    json_end(json);
}

static void write_spread(struct json *json, const char *key, const struct spread *spread)
{
    json_begin(json, key);
    json_count(json, "clients", spread->touched);
    json_number(json, "median", spread->median);
    json_number(json, "p99", spread->p99);
    json_number(json, "worst", spread->worst);
    json_end(json);
}

static void write_clients(struct json *json, const struct client_spread *spread)
{
    json_begin(json, "clients");
    json_count(json, "sending", spread->clients);
    write_spread(json, "lost", &spread->lost);
    write_spread(json, "late", &spread->late);
    write_spread(json, "reordered", &spread->reordered);
    write_spread(json, "duplicates", &spread->duplicates);
    json_end(json);
}

static void write_counters(struct json *json, const struct result *result)
{
    char name[64];
    json_begin(json, "counters");
    for (unsigned i = 0; i < SL_LOAD_COUNTER_COUNT; i++)
        json_count(json, lower(sl_load_counter_name(i), name, sizeof name),
                   result->total.counters[i]);
    json_end(json);
    json_begin(json, "floods");
    for (unsigned i = 0; i < SL_LOAD_FLOOD_COUNT; i++)
        if (result->total.floods[i] > 0)
            json_count(json, sl_load_flood_name(i), result->total.floods[i]);
    json_end(json);
    json_begin(json, "drops");
    for (unsigned d = 1; d < SL_DROP_COUNT; d++)
        if (result->total.drops[d] > 0)
            json_count(json, lower(sl_drop_name(d), name, sizeof name), result->total.drops[d]);
    json_end(json);
    if (result->port_stat_count > 0) {
        json_begin(json, result->port_stats[0].group);
        for (unsigned i = 0; i < result->port_stat_count; i++)
            json_count(json, lower(result->port_stats[i].name, name, sizeof name),
                       result->port_stats[i].value);
        json_end(json);
    }
    json_begin_array(json, "failures");
    for (unsigned i = 0; i < result->failure_count; i++) {
        json_begin_row(json);
        json_count(json, "count", result->failures[i].count);
        json_text(json, "text", result->failures[i].text);
        json_end_row(json);
    }
    json_end_array(json);
}

static void write_trials(struct json *json, const struct search_result *search)
{
    static const char *const outcomes[] = {[SL_LOAD_TRIAL_PASSED] = "passed",
                                           [SL_LOAD_TRIAL_FAILED] = "failed",
                                           [SL_LOAD_TRIAL_LIMITED] = "limited"};
    json_begin_array(json, "trials");
    for (unsigned i = 0; i < search->search.trial_count; i++) {
        const struct sl_load_trial *trial = &search->search.trials[i];
        const struct trial *more = &search->trials[i];
        json_begin_row(json);
        json_number(json, "rate", trial->rate);
        json_number(json, "sent_per_s", trial->offered);
        json_count(json, "sent", more->sent);
        json_count(json, "echoed", more->echoed);
        json_count(json, "late", more->late);
        json_count(json, "lost", more->lost);
        json_number(json, "loss", trial->loss);
        json_number(json, "p50_us", more->p50_ns / 1e3);
        json_number(json, "p99_us", more->p99_ns / 1e3);
        json_text(json, "outcome", outcomes[trial->outcome]);
        json_end_row(json);
    }
    json_end_array(json);
}

static void write_search(struct json *json, const struct search_result *search)
{
    static const char *const ends[] = {
        [SL_LOAD_SEARCH_RUNNING] = "running",     [SL_LOAD_SEARCH_FOUND] = "found",
        [SL_LOAD_SEARCH_GENERATOR] = "generator", [SL_LOAD_SEARCH_CEILING] = "ceiling",
        [SL_LOAD_SEARCH_NONE] = "none",           [SL_LOAD_SEARCH_UNSETTLED] = "unsettled"};
    const double rate = search->search.passed;
    if (search->search.trial_count == 0)
        return;
    json_begin(json, "search");
    json_text(json, "end", ends[search->search.end]);
    json_number(json, "rate", rate);
    json_number(json, "failed_rate", search->search.failed);
    json_number(json, "failure_bound", sl_load_search_failure_bound(&search->search, rate));
    json_text(json, "sentence", search->sentence);
    write_trials(json, search);
    json_end(json);
}

static void write_latencies(struct json *json, const struct series_point *point)
{
    json_number(json, "p50_us", point->p50_ns / 1e3);
    json_number(json, "p99_us", point->p99_ns / 1e3);
    json_number(json, "p99_9_us", point->p999_ns / 1e3);
    json_number(json, "max_us", point->max_ns / 1e3);
}

static void write_series(struct json *json, const struct series *series)
{
    json_begin_array(json, "series");
    for (size_t i = 0; i < series->count; i++) {
        const struct series_point *point = &series->points[i];
        json_begin_row(json);
        json_number(json, "time_s", point->at_s);
        json_number(json, "span_s", point->span_s);
        json_text(json, "phase", phase_name(point->phase));
        json_count(json, "sessions", point->established);
        json_count(json, "handshakes", point->completed);
        json_count(json, "handshakes_failed", point->failed);
        json_count(json, "sent", point->sent);
        json_count(json, "sent_bytes", point->sent_bytes);
        json_count(json, "echoed", point->echoed);
        json_count(json, "late", point->late);
        json_count(json, "lost", point->lost);
        json_count(json, "overdue", point->overdue);
        json_count(json, "outstanding", point->outstanding);
        json_count(json, "errors", point->errors);
        if (point->latency_count > 0)
            write_latencies(json, point);
        json_end_row(json);
    }
    json_end_array(json);
}

void result_write_json(const struct plan *plan, const struct result *result, FILE *out)
{
    static const char *const ends[] = {[END_COMPLETE] = "complete",
                                       [END_INTERRUPT] = "interrupt",
                                       [END_NO_SESSION] = "no session"};
    struct json json = {.out = out};
    json_begin(&json, NULL);
    json_text(&json, "program", "sluice-load");
    json_text(&json, "version", SLUICE_VERSION);
    json_count(&json, "format", 1);
    json_text(&json, "began", result->began);
    json_text(&json, "end", ends[result->end]);
    json_count(&json, "exit_status", (uint64_t)result->exit_status);
    json_begin_array(&json, "sentences");
    for (unsigned i = 0; i < result->sentence_count; i++)
        json_text(&json, NULL, result->sentences[i]);
    json_end_array(&json);
    write_machine(&json);
    write_scenario(&json, plan);
    json_begin(&json, "seconds");
    json_number(&json, "connect", result->connect_s);
    json_number(&json, "run", result->run_s);
    json_number(&json, "measured", result->measured_s);
    json_number(&json, "whole", result->whole_s);
    json_end(&json);
    write_handshakes(&json, result);
    write_messages(&json, result);
    write_clients(&json, &result->spread);
    write_counters(&json, result);
    write_search(&json, &result->search);
    write_series(&json, &result->series);
    json_end(&json);
}
