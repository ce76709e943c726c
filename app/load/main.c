/* sluice-load: loads a DTLS server with many clients. This file is its begin and its end. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "outcome.h"
#include "run.h"
#include "sl_sockets.h"

/** Files are opened before the run, which may take hours, and written after it. */
struct outputs {
    FILE *json, *csv;
};

static bool open_output(const char *path, FILE **file)
{
    *file = NULL;
    if (path == NULL)
        return true;
    *file = fopen(path, "we");
    if (*file == NULL)
        fprintf(stderr, "sluice-load: can't write %s: %s\n", path, strerror(errno));
    return *file != NULL;
}

/** return whether all of it could be written; file is gone then. */
static bool close_output(const char *path, FILE *file)
{
    bool is_written = !ferror(file);
    is_written &= fclose(file) == 0;
    if (!is_written)
        fprintf(stderr, "sluice-load: can't write all of %s\n", path);
    return is_written;
}

static bool draw(const struct plan *plan, const struct result *result)
{
    char error[VALUE_REASON_LEN] = "no plot: no memory";
    struct outcome outcome;
    bool is_drawn = outcome_of_result(plan, result, &outcome);
    if (is_drawn) {
        is_drawn = plot_draw(&outcome, 1, plan->plot, error, sizeof error) == 0;
        outcome_wipe(&outcome);
    }
    if (!is_drawn)
        fprintf(stderr, "sluice-load: %s\n", error);
    return is_drawn;
}

/** Everything is written that can be. return whether all was. */
static bool write_outputs(const struct plan *plan, const struct result *result,
                          const struct outputs *outputs)
{
    bool is_written = true;
    summary_print(plan, result, stdout);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("sluice-load: can't write to standard output\n", stderr);
        is_written = false;
    }
    if (outputs->json != NULL) {
        result_write_json(plan, result, outputs->json);
        is_written &= close_output(plan->json, outputs->json);
    }
    if (outputs->csv != NULL) {
        series_write_csv(&result->series, outputs->csv);
        is_written &= close_output(plan->csv, outputs->csv);
    }
    if (plan->plot != NULL)
        is_written &= draw(plan, result);
    return is_written;
}

/** A plot that can't be drawn is told before the run, which may take hours, and not after it. */
static bool check_plot(const char *path)
{
    char error[VALUE_REASON_LEN];
    if (path == NULL)
        return true;
    if (plot_check(error, sizeof error) != 0) {
        fprintf(stderr, "sluice-load: %s\n", error);
        return false;
    }
    FILE *file = fopen(path, "ae");
    if (file == NULL) {
        fprintf(stderr, "sluice-load: can't write %s: %s\n", path, strerror(errno));
        return false;
    }
    if (ftell(file) == 0) /* it was not there; nor is it if there will be no run */
        remove(path);
    fclose(file);
    return true;
}

/** A run that could not be made leaves no files that look like one; but /dev/null stays. */
static void remove_output(const char *path, FILE *file)
{
    struct stat about;
    if (file == NULL)
        return;
    const bool is_file = fstat(fileno(file), &about) == 0 && S_ISREG(about.st_mode);
    fclose(file);
    if (is_file)
        remove(path);
}

static int run_and_tell(const struct plan *plan, struct result *result)
{
    char reason[SETTINGS_REASON_LEN] = "";
    struct outputs outputs = {NULL, NULL};
    bool is_made = check_plot(plan->plot) && open_output(plan->json, &outputs.json) &&
                   open_output(plan->csv, &outputs.csv);
    if (is_made) {
        is_made = run_make(plan, result, plan->is_quiet ? NULL : stderr, reason);
        if (!is_made)
            fprintf(stderr, "sluice-load: %s\n", reason);
    }
    if (!is_made) {
        remove_output(plan->json, outputs.json);
        remove_output(plan->csv, outputs.csv);
        return EXIT_STATUS_FAILED;
    }
    verdict_reach(plan, result);
    bool is_written = write_outputs(plan, result, &outputs);
    for (unsigned i = 0; i < result->sentence_count; i++)
        fprintf(stderr, "sluice-load: %s\n", result->sentences[i]);
    return is_written || result->exit_status != EXIT_STATUS_FINE ? result->exit_status
                                                                 : EXIT_STATUS_FAILED;
}

static int raise_limit(const struct plan *plan, char *reason)
{
    if (plan_has_dpdk(plan))
        return 0;
    struct sl_load_sources sources = settings_choose_sources(plan);
    return sl_sockets_raise_limit(sources.ip_count * sources.port_count, reason);
}

static int run(const struct plan *plan)
{
    char reason[SL_REASON_LEN];
    struct result *result = calloc(1, sizeof *result);
    int status = EXIT_STATUS_FAILED;
    if (result == NULL)
        fputs("sluice-load: no memory\n", stderr);
    else if (raise_limit(plan, reason) != 0)
        fprintf(stderr, "sluice-load: %s\n", reason);
    else
        status = run_and_tell(plan, result);
    if (result != NULL)
        series_free(&result->series);
    free(result);
    return status;
}

/** Before there are threads, which inherit it: signals are read where the run is watched. */
static void block_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
    struct plan plan;
    int status = EXIT_STATUS_USAGE;
    plan_init(&plan);
    switch (plan_read_arguments(&plan, argc, argv)) {
    case COMMAND_RUN:
        block_signals();
        status = run(&plan);
        break;
    case COMMAND_REPORT:
        status = report_main(argc - 1, argv + 1);
        break;
    case COMMAND_DONE:
        status = EXIT_STATUS_FINE;
        break;
    case COMMAND_MISUSE:
        break;
    }
    plan_wipe(&plan);
    return status;
}
