/* sluice: a DTLS gateway. This file reads the command line. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway.h"

/* What an error says after the file's name. */
#define ERROR_LEN 512

static const char usage[] =
    "usage: sluice run -c FILE    run the gateway\n"
    "       sluice check -c FILE  check a configuration, open no port\n"
    "       sluice version\n"
    "\n"
    "  -c, --config FILE  the configuration, YAML\n"
    "      --preload-sessions FILE\n"
    "                     run: begin with recorded sessions; a benchmark's\n"
    "  -h, --help         this text\n"
    "\n"
    "Signals: SIGTERM and SIGINT close all sessions and end it; SIGHUP reads the\n"
    "configuration again; SIGUSR1 prints the counters to standard error. sluice(1) says more.\n";

static int misuse(const char *reason, const char *what)
{
    fprintf(stderr, "sluice: %s%s\n%s", reason, what, usage);
    return EXIT_USAGE;
}

static void print_warning(const char *line)
{
    fprintf(stderr, "%s\n", line);
}

static int check(const struct sl_config *config)
{
    static struct settings settings; /* too large for the stack */
    bool is_sound = settings_make(&settings, config, NULL, false);
    if (is_sound) {
        privileges_check(&settings, print_warning);
        kernel_check(&settings, print_warning);
        expiry_say(&settings, 0, print_warning);
    }
    if (!is_sound || !identity_is_current(&settings, NULL))
        fprintf(stderr, "%s\n", settings.reason);
    settings_wipe(&settings);
    if (!is_sound)
        return EXIT_FAILED;
    printf("%s: sound\n", config->path);
    return EXIT_FINE;
}

static int with_config(const char *path, const char *preload_path, bool is_run)
{
    size_t error_len = strlen(path) + ERROR_LEN; /* the path is in front of each error */
    char *error = malloc(error_len);
    if (error == NULL) {
        fprintf(stderr, "sluice: out of memory\n");
        return EXIT_FAILED;
    }
    struct sl_config *config = sl_config_load(path, error, error_len);
    if (config == NULL)
        fprintf(stderr, "%s\n", error);
    free(error);
    if (config == NULL)
        return EXIT_FAILED;
    int status = is_run ? gateway_run(config, preload_path) : check(config);
    sl_config_destroy(config);
    return status;
}

int main(int argc, char **argv)
{
    enum { PRELOAD_SESSIONS = 256 };
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"preload-sessions", required_argument, NULL, PRELOAD_SESSIONS},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0}};
    const char *path = NULL, *preload_path = NULL;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "c:hV", options, NULL)) != -1;) {
        if (option == 'h') {
            fputs(usage, stdout);
            return EXIT_FINE;
        }
        if (option == 'V') {
            puts("sluice " SLUICE_VERSION);
            return EXIT_FINE;
        }
        if (option == 'c')
            path = optarg;
        else if (option == PRELOAD_SESSIONS)
            preload_path = optarg;
        else
            return misuse("unknown option, or one without its argument: ", argv[optind - 1]);
    }
    if (optind >= argc)
        return misuse("a command is needed", "");
    if (optind + 1 < argc)
        return misuse("one command is enough, and this is another: ", argv[optind + 1]);
    const char *command = argv[optind];
    if (strcmp(command, "version") == 0) {
        puts("sluice " SLUICE_VERSION);
        return EXIT_FINE;
    }
    bool is_run = strcmp(command, "run") == 0;
    if (!is_run && strcmp(command, "check") != 0)
        return misuse("unknown command: ", command);
    if (path == NULL)
        return misuse("-c FILE is needed", "");
    if (preload_path != NULL && !is_run)
        return misuse("--preload-sessions goes with: ", "run");
    return with_config(path, preload_path, is_run);
}
