/** All that is asked of a run, from flags and a scenario file, checked. */
#ifndef LOAD_PLAN_H
#define LOAD_PLAN_H

#include "values.h"

#define PLAN_PATH_MAX 64
#define PLAN_OPTIONS_MAX 80

struct plan {
    /* server */
    char *server; /* HOST:PORT */
    char *name;   /* that its certificate is to have; NULL: the host */
    char *ca;
    char *crl;
    struct value_list fingerprints, node_ids;
    bool is_insecure;
    /* clients */
    uint32_t clients;
    struct sl_load_sources sources; /* ip_count 0: the kernel's choice */
    double ramp;                    /* 0: as many as may be in flight */
    uint32_t in_flight;
    /* port; without interface and devices: sockets */
    char *interface;
    enum value_driver driver;
    struct value_list devices;
    struct value_hop next_hop;
    uint32_t vlan; /* 0: none */
    /* handshake */
    int cid_len; /* -1: none offered */
    bool resumes;
    double storm; /* 0: no storm */
    char *suites;
    uint64_t first_timeout_ns;
    uint64_t handshake_timeout_ns;
    char *keylog;
    /* identity */
    char *cert, *key, *psk;
    /* data */
    double rate; /* 0: none */
    bool is_poisson;
    struct sl_load_sizes sizes;
    uint64_t duration_ns; /* or VALUE_FOREVER */
    uint64_t warmup_ns;
    bool expects_echo;
    uint64_t late_after_ns;
    /* changes */
    double churn;
    double rebind; /* share of the clients a second */
    struct value_cycle cycle;
    /* floods, packets a second */
    double floods[SL_LOAD_FLOOD_COUNT];
    struct sl_load_sources false_sources; /* that they seem to come from */
    /* search */
    bool finds_max;
    double max_loss;
    uint64_t trial_ns, settle_ns;
    double precision;
    double from_rate, to_rate;
    /* the program */
    uint32_t cores;
    uint64_t seed;
    char *json, *csv, *plot;
    char *write_pcap;
    enum value_capture pcap;
    bool is_quiet;

    char *file;                       /* the scenario; NULL: flags alone */
    char *texts[PLAN_OPTIONS_MAX];    /* of each option, as given; owned; NULL: not given */
    unsigned lines[PLAN_OPTIONS_MAX]; /* in the file; 0: by a flag, or not at all */
};

/** One option: the same by a flag and by a key of a scenario. */
struct plan_option {
    const char *name;     /* of the flag */
    char letter;          /* or 0 */
    const char *argument; /* of the flag; NULL: a switch */
    const char *path;     /* "clients.count"; NULL: by flag only */
    enum value_kind kind;
    size_t offset;      /* of its field in the plan */
    const char *preset; /* or NULL: zero */
    const char *help;   /* for --help, which breaks it into lines */
};
extern const struct plan_option plan_options[];
extern const unsigned plan_option_count;

void *plan_field(struct plan *plan, const struct plan_option *option);
const struct plan_option *plan_option_named(const char *name);
/** It goes past the kernel. */
static inline bool plan_has_dpdk(const struct plan *plan)
{
    return plan->interface != NULL || plan->devices.count > 0;
}
/** It was given, by flag or by file. */
bool plan_has(const struct plan *plan, const char *name);

/** What nobody says. */
void plan_init(struct plan *plan);
void plan_wipe(struct plan *plan);

/** Sets an option; line: of the file, or 0 for a flag, which a file's value does not override.
 * return whether text is one of its values; else reason [VALUE_REASON_LEN]. */
bool plan_set(struct plan *plan, const struct plan_option *option, const char *text, unsigned line,
              char *reason) SL_MUST_USE;

/** scenario.c. Adds what the file says and no flag has said. error: "FILE:LINE: reason". */
bool plan_read_file(struct plan *plan, const char *path, char *error, size_t error_len) SL_MUST_USE;

/** check.c: what one option says about another. error: "FILE:LINE: reason", or a sentence that
 * begins with the program's name. */
bool plan_check(const struct plan *plan, char *error, size_t error_len) SL_MUST_USE;

/** It ends in .png or .svg. */
bool plan_is_plot_name(const char *name);

/** command_line.c. What the arguments ask for. */
enum command { COMMAND_RUN, COMMAND_REPORT, COMMAND_DONE, COMMAND_MISUSE };
/**
 * Reads the arguments and the scenario they name. Prints help, the version and what is wrong. Those
 * of `report` are left to it.
 */
enum command plan_read_arguments(struct plan *plan, int argc, char **argv);

#endif
