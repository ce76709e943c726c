/* The arguments. */
#include <getopt.h>
#include <stdio.h>

#include "plan.h"

#define ERROR_LEN 640
#define HELP_COLUMN 30
#define HELP_WIDTH 92
#define HELP_LEN 256

/* What getopt_long returns: a letter, one of these, or OPTION_FIRST + the place in plan_options. */
enum { OPTION_HELP = 1000, OPTION_VERSION, OPTION_SCENARIO, OPTION_FIRST };

static const char intro[] =
    "usage: sluice-load [OPTION..] HOST:PORT\n"
    "       sluice-load [OPTION..] -f SCENARIO.yaml\n"
    "       sluice-load report [--plot FILE] RUN.json..\n"
    "Loads a DTLS 1.2 server with many clients, and says what it bore: sluice-load(1).\n";

static const char outro[] = "\n"
                            "  -f, --scenario FILE         options as YAML; flags override it\n"
                            "  -h, --help                  this text\n"
                            "  -V, --version               the version\n";

static const struct {
    const char *path, *title;
} titles[] = {
    {"server.", "How the server is recognized (one of the first, --psk or --insecure is needed)"},
    {"clients.", "Clients"},
    {"handshake.", "Handshakes"},
    {"identity.", "Who the clients are"},
    {"data.", "Data"},
    {"changes.", "Sessions that change"},
    {"port.", "The port"},
    {"floods.",
     "Floods beside the good traffic, packets a second; towards reserved addresses only"},
    {"search.", "The limit"},
    {"program.", "The program and what it writes"},
};

/** In the column, broken between words where a line would be too long. */
static void print_wrapped(const char *text)
{
    const size_t width = HELP_WIDTH - HELP_COLUMN;
    while (strlen(text) > width) {
        size_t len = width;
        while (len > 0 && text[len] != ' ')
            len--;
        printf("%.*s\n%*s", (int)len, text, HELP_COLUMN, "");
        text += len + 1;
    }
    puts(text);
}

static void print_option(const struct plan_option *option)
{
    char head[64];
    int len = option->letter != 0 ? snprintf(head, sizeof head, "  -%c, ", option->letter)
                                  : snprintf(head, sizeof head, "      ");
    snprintf(head + len, sizeof head - (size_t)len, "--%s%s%s", option->name,
             option->argument != NULL ? " " : "", option->argument != NULL ? option->argument : "");
    printf("%-*s", HELP_COLUMN, head);
    if (strlen(head) >= HELP_COLUMN)
        printf("\n%*s", HELP_COLUMN, "");
    bool is_switch = option->argument == NULL;
    char text[HELP_LEN];
    if (option->preset != NULL && !is_switch && strcmp(option->preset, "0") != 0)
        snprintf(text, sizeof text, "%s (default %s)", option->help, option->preset);
    else
        snprintf(text, sizeof text, "%s", option->help);
    print_wrapped(text);
}

static void print_help(void)
{
    fputs(intro, stdout);
    for (unsigned t = 0; t < sizeof titles / sizeof titles[0]; t++) {
        printf("\n%s:\n", titles[t].title);
        for (unsigned i = 0; i < plan_option_count; i++)
            if (strncmp(plan_options[i].path, titles[t].path, strlen(titles[t].path)) == 0)
                print_option(&plan_options[i]);
    }
    fputs(outro, stdout);
}

static enum command misuse(const char *what, const char *which)
{
    fprintf(stderr, "sluice-load: %s%s\nTry `sluice-load --help`.\n", what, which);
    return COMMAND_MISUSE;
}

/** long_options [PLAN_OPTIONS_MAX + 4], letters [2 * PLAN_OPTIONS_MAX + 8] for getopt_long. */
static void list_options(struct option *long_options, char *letters)
{
    static const struct option own[] = {{"scenario", required_argument, NULL, OPTION_SCENARIO},
                                        {"help", no_argument, NULL, OPTION_HELP},
                                        {"version", no_argument, NULL, OPTION_VERSION},
                                        {0}};
    strcpy(letters, ":f:hV");
    letters += strlen(letters);
    for (unsigned i = 0; i < plan_option_count; i++) {
        bool has_argument = plan_options[i].argument != NULL;
        long_options[i] =
            (struct option){plan_options[i].name, has_argument ? required_argument : no_argument,
                            NULL, OPTION_FIRST + (int)i};
        if (plan_options[i].letter != 0) {
            *letters++ = plan_options[i].letter;
            if (has_argument)
                *letters++ = ':';
        }
    }
    *letters = '\0';
    memcpy(long_options + plan_option_count, own, sizeof own);
}

static const struct plan_option *option_of(int found)
{
    if (found >= OPTION_FIRST)
        return &plan_options[found - OPTION_FIRST];
    const struct plan_option *option = plan_options;
    while (option->letter != found)
        option++;
    return option;
}

static enum command set_flag(struct plan *plan, const struct plan_option *option, const char *text)
{
    char reason[VALUE_REASON_LEN];
    if (option->argument == NULL)
        text = option->kind == VALUE_SWITCH_OFF ? "false" : "true";
    if (plan_set(plan, option, text, 0, reason))
        return COMMAND_RUN;
    fprintf(stderr, "sluice-load: --%s: %s\n", option->name, reason);
    return COMMAND_MISUSE;
}

static enum command read_flags(struct plan *plan, int argc, char **argv, const char **scenario)
{
    struct option long_options[PLAN_OPTIONS_MAX + 4];
    char letters[2 * PLAN_OPTIONS_MAX + 8];
    list_options(long_options, letters);
    opterr = 0;
    for (int found; (found = getopt_long(argc, argv, letters, long_options, NULL)) != -1;) {
        switch (found) {
        case 'f':
        case OPTION_SCENARIO:
            *scenario = optarg;
            continue;
        case 'h':
        case OPTION_HELP:
            print_help();
            return COMMAND_DONE;
        case 'V':
        case OPTION_VERSION:
            puts("sluice-load " SLUICE_VERSION);
            return COMMAND_DONE;
        case ':':
            return misuse("an argument is missing behind ", argv[optind - 1]);
        case '?':
            return misuse("unknown option, or one that takes no argument: ", argv[optind - 1]);
        default:
            if (set_flag(plan, option_of(found), optarg) != COMMAND_RUN)
                return COMMAND_MISUSE;
        }
    }
    return COMMAND_RUN;
}

/** The scenario, and what both together mean. */
static enum command complete(struct plan *plan, const char *scenario)
{
    char error[ERROR_LEN];
    if (scenario != NULL && !plan_read_file(plan, scenario, error, sizeof error)) {
        fprintf(stderr, "%s\n", error);
        return COMMAND_MISUSE;
    }
    if (!plan_check(plan, error, sizeof error)) {
        fprintf(stderr, "%s\n", error);
        return COMMAND_MISUSE;
    }
    return COMMAND_RUN;
}

enum command plan_read_arguments(struct plan *plan, int argc, char **argv)
{
    char reason[VALUE_REASON_LEN];
    const char *scenario = NULL;
    if (argc > 1 && strcmp(argv[1], "report") == 0)
        return COMMAND_REPORT;
    enum command command = read_flags(plan, argc, argv, &scenario);
    if (command != COMMAND_RUN)
        return command;
    if (optind + 1 < argc)
        return misuse("one server is enough, and this is another: ", argv[optind + 1]);
    if (optind == argc && scenario == NULL && plan->server == NULL)
        return misuse("HOST:PORT is needed", "");
    if (optind < argc && !plan_set(plan, plan_option_named("server"), argv[optind], 0, reason))
        return misuse("HOST:PORT: ", reason);
    return complete(plan, scenario);
}
