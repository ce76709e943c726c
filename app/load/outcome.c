#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "machine.h"
#include "outcome.h"
#include "sl_yaml.h"
#include "text.h"

static void copy_point(const struct series_point *from, struct outcome_point *to)
{
    bool has_latency = from->latency_count > 0;
    *to = (struct outcome_point){
        .at_s = from->at_s,
        .phase = phase_name(from->phase)[0],
        .sent = (double)from->sent / from->span_s,
        .echoed = (double)from->echoed / from->span_s,
        .handshakes = (double)from->completed / from->span_s,
        .handshakes_failed = (double)from->failed / from->span_s,
        .loss = series_loss(from),
        .p50_us = has_latency ? from->p50_ns / 1e3 : NAN,
        .p99_us = has_latency ? from->p99_ns / 1e3 : NAN,
        .p999_us = has_latency ? from->p999_ns / 1e3 : NAN,
    };
}

static bool copy_steps(const struct sl_histogram *h, struct outcome *outcome)
{
    struct sl_histogram_cell cell;
    uint64_t below = 0, count = sl_histogram_count(h);
    outcome->steps = calloc(SL_HISTOGRAM_CELLS, sizeof *outcome->steps);
    if (outcome->steps == NULL)
        return false;
    for (unsigned at = 0; sl_histogram_next_cell(h, &at, &cell);) {
        below += cell.count;
        double upper = (double)(cell.upper_ns < h->max_ns ? cell.upper_ns : h->max_ns);
        outcome->steps[outcome->step_count++] =
            (struct outcome_step){upper / 1e3, (double)below / (double)count};
    }
    return true;
}

/** What was asked for in a line. */
static void make_title(struct outcome *outcome, const char *server, double clients, double rate,
                       const char *size, double storm, bool finds_max)
{
    char count[TEXT_LEN], pace[TEXT_LEN];
    int len = snprintf(outcome->title, OUTCOME_TEXT_LEN, "%.80s: %s client%s", server,
                       text_rate(count, clients), clients == 1 ? "" : "s");
    char *rest = outcome->title + len;
    size_t room = OUTCOME_TEXT_LEN - (size_t)len;
    if (finds_max)
        snprintf(rest, room, ", the highest rate at %.40s bytes", size);
    else if (rate > 0)
        snprintf(rest, room, ", %s messages a second of %.40s bytes", text_rate(pace, rate), size);
    else if (storm > 0)
        snprintf(rest, room, ", %s handshakes a second", text_rate(pace, storm));
}

bool outcome_of_result(const struct plan *plan, const struct result *result,
                       struct outcome *outcome)
{
    const char *size = plan->texts[plan_option_named("size") - plan_options];
    struct machine machine;
    memset(outcome, 0, sizeof *outcome);
    snprintf(outcome->name, sizeof outcome->name, "this run");
    make_title(outcome, plan->server, plan->clients, plan->rate, size != NULL ? size : "64",
               plan->storm, plan->finds_max);
    machine_read(&machine);
    snprintf(outcome->about, sizeof outcome->about, "%.80s; %.40s; sluice-load %s; %s",
             machine.processor, machine.kernel, SLUICE_VERSION, result->began);
    outcome->has_data = result->total.counters[SL_LOAD_SENT] > 0;
    outcome->points = calloc(result->series.count + 1, sizeof *outcome->points);
    if (outcome->points == NULL ||
        !copy_steps(outcome->has_data ? &result->measured.latency : &result->total.handshake,
                    outcome)) {
        outcome_wipe(outcome);
        return false;
    }
    for (size_t i = 0; i < result->series.count; i++)
        copy_point(&result->series.points[i], &outcome->points[outcome->point_count++]);
    return true;
}

void outcome_wipe(struct outcome *outcome)
{
    free(outcome->points);
    free(outcome->steps);
    if (outcome->document != NULL)
        sl_yaml_unload(outcome->document);
    free(outcome->document);
    memset(outcome, 0, sizeof *outcome);
}

const char *outcome_text(const struct outcome *outcome, const char *path)
{
    unsigned line;
    const yaml_node_t *node = sl_yaml_find(outcome->document, path, &line);
    return node != NULL && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value
                                                          : NULL;
}

double outcome_number(const struct outcome *outcome, const char *path)
{
    const char *text = outcome_text(outcome, path);
    char *end;
    double value = text != NULL ? strtod(text, &end) : NAN;
    return text != NULL && *text != '\0' && *end == '\0' ? value : NAN;
}

/** Entries of the list at a path; 0 when there is none. */
static size_t list_len(const struct outcome *outcome, const char *path)
{
    unsigned line;
    const yaml_node_t *node = sl_yaml_find(outcome->document, path, &line);
    if (node == NULL || node->type != YAML_SEQUENCE_NODE)
        return 0;
    return (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
}

static double number_in(const struct outcome *outcome, const char *list, size_t i, const char *key)
{
    char path[96];
    snprintf(path, sizeof path, "%s[%zu].%s", list, i, key);
    return outcome_number(outcome, path);
}

static void read_point(const struct outcome *outcome, size_t i, struct outcome_point *point)
{
    char path[96];
    double span = number_in(outcome, "series", i, "span_s");
    double gone = number_in(outcome, "series", i, "overdue");
    double echoed = number_in(outcome, "series", i, "echoed");
    snprintf(path, sizeof path, "series[%zu].phase", i);
    const char *phase = outcome_text(outcome, path);
    *point = (struct outcome_point){
        .at_s = number_in(outcome, "series", i, "time_s"),
        .phase = phase != NULL ? phase[0] : 'r',
        .sent = number_in(outcome, "series", i, "sent") / span,
        .echoed = echoed / span,
        .handshakes = number_in(outcome, "series", i, "handshakes") / span,
        .handshakes_failed = number_in(outcome, "series", i, "handshakes_failed") / span,
        .loss = gone > 0 ? gone / (gone + echoed) : 0,
        .p50_us = number_in(outcome, "series", i, "p50_us"),
        .p99_us = number_in(outcome, "series", i, "p99_us"),
        .p999_us = number_in(outcome, "series", i, "p99_9_us"),
    };
}

static bool read_lists(struct outcome *outcome)
{
    const char *steps = outcome->has_data ? "messages.latency_curve" : "handshakes.time_curve";
    size_t points = list_len(outcome, "series"), step_count = list_len(outcome, steps);
    outcome->points = calloc(points + 1, sizeof *outcome->points);
    outcome->steps = calloc(step_count + 1, sizeof *outcome->steps);
    if (outcome->points == NULL || outcome->steps == NULL)
        return false;
    for (; outcome->point_count < points; outcome->point_count++)
        read_point(outcome, outcome->point_count, &outcome->points[outcome->point_count]);
    for (; outcome->step_count < step_count; outcome->step_count++)
        outcome->steps[outcome->step_count] =
            (struct outcome_step){number_in(outcome, steps, outcome->step_count, "us"),
                                  number_in(outcome, steps, outcome->step_count, "share")};
    return true;
}

/** The file's name without folder and ending. */
static void name_after(const char *path, char *name)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    size_t len = strlen(base);
    if (len > 5 && strcmp(base + len - 5, ".json") == 0)
        len -= 5;
    snprintf(name, OUTCOME_TEXT_LEN, "%.*s", (int)len, base);
}

static const char *text_or(const char *text, const char *otherwise)
{
    return text != NULL ? text : otherwise;
}

static double above_zero(double value)
{
    return value > 0 ? value : 0;
}

static void read_head(struct outcome *outcome)
{
    const char *finds_max = outcome_text(outcome, "scenario.search.find_max");
    make_title(outcome, text_or(outcome_text(outcome, "scenario.server.address"), "a server"),
               above_zero(outcome_number(outcome, "scenario.clients.count")),
               above_zero(outcome_number(outcome, "scenario.data.rate")),
               text_or(outcome_text(outcome, "scenario.data.size"), "?"),
               above_zero(outcome_number(outcome, "scenario.handshake.storm")),
               finds_max != NULL && strcmp(finds_max, "true") == 0);
    snprintf(outcome->about, sizeof outcome->about, "%.80s; %.40s; sluice-load %.20s; %.40s",
             text_or(outcome_text(outcome, "machine.processor"), "unknown processor"),
             text_or(outcome_text(outcome, "machine.kernel"), "unknown kernel"),
             text_or(outcome_text(outcome, "version"), "?"),
             text_or(outcome_text(outcome, "began"), "?"));
    outcome->has_data = outcome_number(outcome, "messages.sent") > 0;
}

/** A run's JSON is YAML too. */
#define RUN_FILE_MAX (64U << 20)

bool outcome_read(const char *path, struct outcome *outcome, char *error, size_t error_len)
{
    struct sl_yaml_errors errors = {
        .path = path, .what = "run", .text = error, .text_len = error_len};
    memset(outcome, 0, sizeof *outcome);
    struct sl_yaml *document = malloc(sizeof *document);
    if (document == NULL || !sl_yaml_load(document, RUN_FILE_MAX, &errors)) {
        free(document);
        return false;
    }
    outcome->document = document;
    name_after(path, outcome->name);
    const char *program = outcome_text(outcome, "program");
    if (program == NULL || strcmp(program, "sluice-load") != 0)
        sl_yaml_fail(&errors, 1, "not what sluice-load --json writes");
    else if (outcome_number(outcome, "format") != 1)
        sl_yaml_fail(&errors, 1, "written in a format that this version does not know");
    else
        read_head(outcome);
    if (!errors.is_set && !read_lists(outcome))
        sl_yaml_fail(&errors, 1, "no memory");
    if (errors.is_set)
        outcome_wipe(outcome);
    return !errors.is_set;
}
