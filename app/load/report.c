/* `sluice-load report`: several runs side by side. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "outcome.h"
#include "text.h"

#define RUNS_MAX 8
#define ERROR_LEN 640
#define COLUMN_MIN 14

enum unit { UNIT_COUNT, UNIT_RATE, UNIT_SHARE, UNIT_US, UNIT_SECONDS, UNIT_TEXT };

static const struct {
    const char *name, *path;
    enum unit unit;
} rows[] = {
    {"clients", "scenario.clients.count", UNIT_COUNT},
    {"bytes a message", "scenario.data.size", UNIT_TEXT},
    {"rate asked for", "scenario.data.rate", UNIT_RATE},
    {"seconds measured", "seconds.measured", UNIT_SECONDS},
    {"handshakes completed", "handshakes.completed", UNIT_COUNT},
    {"  failed", "handshakes.failed", UNIT_COUNT},
    {"  time p50", "handshakes.time_us.p50", UNIT_US},
    {"  time p99", "handshakes.time_us.p99", UNIT_US},
    {"sent a second", "messages.sent_per_s", UNIT_RATE},
    {"echoed a second", "messages.echoed_per_s", UNIT_RATE},
    {"messages sent", "messages.sent", UNIT_COUNT},
    {"  echoed", "messages.echoed", UNIT_COUNT},
    {"  late", "messages.late", UNIT_COUNT},
    {"  lost", "messages.lost", UNIT_COUNT},
    {"lost or late", "messages.loss", UNIT_SHARE},
    {"latency p50", "messages.latency_us.p50", UNIT_US},
    {"  p90", "messages.latency_us.p90", UNIT_US},
    {"  p99", "messages.latency_us.p99", UNIT_US},
    {"  p99.9", "messages.latency_us.p99_9", UNIT_US},
    {"  p99.99", "messages.latency_us.p99_99", UNIT_US},
    {"  max", "messages.latency_us.max", UNIT_US},
    {"pacing error p99", "messages.pacing_us.p99", UNIT_US},
    {"highest rate found", "search.rate", UNIT_RATE},
    {"exit status", "exit_status", UNIT_COUNT},
};

static const char *cell(const struct outcome *outcome, const char *path, enum unit unit, char *out)
{
    double value = outcome_number(outcome, path);
    if (unit == UNIT_TEXT) {
        const char *text = outcome_text(outcome, path);
        return text != NULL ? text : "-";
    }
    if (!isfinite(value) || value < 0 || value > 1e18)
        return "-";
    switch (unit) {
    case UNIT_RATE:
        return text_rate(out, value);
    case UNIT_SHARE:
        return text_share(out, value);
    case UNIT_US:
        return text_ns(out, 1e3 * value);
    case UNIT_SECONDS:
        return text_ns(out, 1e9 * value);
    default:
        return text_count(out, (uint64_t)value);
    }
}

static void print_table(const struct outcome *outcomes, unsigned count)
{
    char text[TEXT_LEN];
    int width = COLUMN_MIN;
    for (unsigned i = 0; i < count; i++)
        if ((int)strlen(outcomes[i].name) > width)
            width = (int)strlen(outcomes[i].name);
    printf("%-22s", "");
    for (unsigned i = 0; i < count; i++)
        printf("  %*s", width, outcomes[i].name);
    putchar('\n');
    for (unsigned r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        bool has_any = false;
        for (unsigned i = 0; i < count; i++)
            has_any |= strcmp(cell(&outcomes[i], rows[r].path, rows[r].unit, text), "-") != 0;
        if (!has_any)
            continue;
        printf("%-22s", rows[r].name);
        for (unsigned i = 0; i < count; i++)
            printf("  %*s", width, cell(&outcomes[i], rows[r].path, rows[r].unit, text));
        putchar('\n');
    }
}

static int misuse(void)
{
    fputs("usage: sluice-load report [--plot FILE.png|FILE.svg] RUN.json..\n", stderr);
    return EXIT_STATUS_USAGE;
}

static int show(const struct outcome *outcomes, unsigned count, const char *plot)
{
    char error[ERROR_LEN];
    print_table(outcomes, count);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("sluice-load: can't write to standard output\n", stderr);
        return EXIT_STATUS_FAILED;
    }
    if (plot == NULL || plot_draw(outcomes, count, plot, error, sizeof error) == 0)
        return EXIT_STATUS_FINE;
    fprintf(stderr, "sluice-load: %s\n", error);
    return EXIT_STATUS_FAILED;
}

static int report(char **paths, unsigned count, const char *plot)
{
    static struct outcome outcomes[RUNS_MAX];
    char error[ERROR_LEN];
    int status = EXIT_STATUS_FINE;
    unsigned read = 0;
    while (read < count && status == EXIT_STATUS_FINE) {
        if (outcome_read(paths[read], &outcomes[read], error, sizeof error)) {
            read++;
            continue;
        }
        fprintf(stderr, "%s\n", error);
        status = EXIT_STATUS_FAILED;
    }
    if (status == EXIT_STATUS_FINE)
        status = show(outcomes, count, plot);
    for (unsigned i = 0; i < read; i++)
        outcome_wipe(&outcomes[i]);
    return status;
}

int report_main(int argc, char **argv)
{
    static const struct option options[] = {{"plot", required_argument, NULL, 'p'}, {0}};
    const char *plot = NULL;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option != 'p' || !plan_is_plot_name(optarg))
            return misuse();
        plot = optarg;
    }
    int count = argc - optind;
    if (count < 1)
        return misuse();
    if (count > RUNS_MAX) {
        fprintf(stderr, "sluice-load: at most %d runs side by side\n", RUNS_MAX);
        return EXIT_STATUS_USAGE;
    }
    return report(argv + optind, (unsigned)count, plot);
}
