/** What the files of the program `sluice` share. */
#ifndef GATEWAY_H
#define GATEWAY_H

#include <limits.h>

#include "sl_config.h"
#include "sl_control.h"
#include "sl_hardening.h"
#include "sl_identity.h"
#include "sl_runtime.h"

/** A library's 256 bytes, or the name of a file and what is wrong in it, cut where it is longer. */
#define REASON_LEN 1024
/** The file's own name is in front of it. */
#define SETTINGS_REASON_LEN (PATH_MAX + REASON_LEN)

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* log.c: lines on standard error, each with the time and how bad it is. */
void log_info(const char *line);
void log_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *line);
/** The one sentence before the end. */
void log_fatal(const char *reason);

/** The configuration made into what the libraries want; borrows from it. */
struct settings {
    const struct sl_config *config;
    struct sl_credentials *credentials;       /* NULL: none is needed, or none yet */
    struct sl_trust *trusts[SL_SERVICES_MAX]; /* by service; NULL: none yet */
    struct sl_psks *psks[SL_SERVICES_MAX];    /* by service; NULL: none, or none yet */
    struct sl_handshake_service handshake_services[SL_SERVICES_MAX];
    const char *services[SL_SERVICES_MAX];
    unsigned served_count; /* of them: those that clients come for, which are the first */
    struct sl_connection_config connections[SL_CONNECTIONS_MAX];
    struct sl_client_credentials *client_credentials[SL_CONNECTIONS_MAX];
    struct sl_client_config clients[SL_CONNECTIONS_MAX];
    struct sl_runtime_config runtime;
    bool has_user; /* to become */
    struct sl_hardening_user user;
    bool has_lookup_user; /* to run the lookup program */
    struct sl_hardening_user lookup_user;
    bool has_control_group;
    gid_t control_group;
    const char *preload_path;         /* the file of recorded sessions to begin with, or NULL */
    struct sl_admission_rules *rules; /* this struct's, until whoever takes them puts NULL here */
    char reason[SETTINGS_REASON_LEN]; /* when they can't be made: "FILE:LINE: reason" */
};

/**
 * Loads the certificates and fills in everything. On failure writes the reason and returns false.
 * The settings must be wiped in either case.
 *
 * preload_path  a file of recorded sessions, which only a configuration for benchmarks may have; or
 *               NULL. It is not opened here.
 * is_reload     the gateway runs, and has given up what it takes to look up users.
 */
bool settings_make(struct settings *settings, const struct sl_config *config,
                   const char *preload_path, bool is_reload);
void settings_wipe(struct settings *settings);
/** Writes the reason, with the line of what stands at `path` in the file. return false. */
bool settings_fail_at(struct settings *settings, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* admission.c */
/** Makes settings->rules. return false and the reason. */
bool admission_make(struct settings *settings);
void admission_free(struct sl_admission_rules *rules);
/** A line for each prefix of the lists, and one for all others. */
void admission_print(const struct sl_admission_rules *rules, FILE *out);

/** A gateway that runs, or is being started. */
struct gateway {
    struct settings settings;          /* that it was started with */
    struct sl_lookup_programs *lookup; /* NULL: no program is asked for pre-shared keys */
    bool has_eal;
    struct sl_hardening *hardening;
    struct sl_runtime *runtime;
    struct sl_control *control;
    struct sl_admission_rules *rules;      /* in force */
    struct sl_admission_rules *last_rules; /* before those; a worker may still read them. Or NULL */
    int64_t expiry_looked_s;               /* expiry.c: since 1970; 0: not yet */
};

/* kernel.c */
/** Which addresses of the gateway's the kernel has, too, where it sees the port's frames:
 * "FILE:LINE: reason". */
void kernel_check(const struct settings *settings, void (*say)(const char *line));

/* expiry.c: what ends: certificates, OCSP responses, authorities, revocation lists. */
/** A line for each: file, what it is, and when it ends. */
void expiry_print(const struct settings *settings, FILE *out);
/** A line for each that is near its end or over, and that has to be said again since looked_s
 * (since 1970; 0: never). */
void expiry_say(const struct settings *settings, int64_t looked_s, void (*say)(const char *line));
/** The same, in the log, whenever it is time. */
void expiry_warn(struct gateway *gateway);

/* certificates.c: whom the gateway shows itself as, and whom it takes. */
/**
 * Certificates, trust and connections of the new settings, which fit the gateway, become its own.
 * return 0, or negative and reason [REASON_LEN]: nothing has changed.
 */
int certificates_replace(struct gateway *gateway, struct settings *next, char *reason) SL_MUST_USE;

/* reload.c */
/**
 * Reads the configuration again, checks it whole, and puts in force what can be while the gateway
 * runs. Says to out what came of it, in lines: "error: ..." when the file is refused, and then
 * nothing has changed; else also which differences need a restart.
 */
void reload(struct gateway *gateway, FILE *out);
/** Frees what no worker reads any more. */
void reload_clean_up(struct gateway *gateway);

/* privileges.c */
/** It is an interface of the kernel's, which has to be left as it was found. */
bool port_is_kernels(const struct sl_config_port *port);
/** Before there are threads or keys. return 0 and *out, or -errno and reason [REASON_LEN]. */
int privileges_begin(const struct sl_config *config, struct sl_hardening **out,
                     char *reason) SL_MUST_USE;
/** What is dangerous in production, and what the user that the gateway is to become can't read or
 * remove: "FILE:LINE: reason". */
void privileges_check(const struct settings *settings, void (*say)(const char *line));
/** Folders of the sockets, and the log's warnings. */
void privileges_prepare(const struct settings *settings);
/** Becomes the user that is configured, if one is. return 0, or -errno and reason. */
int privileges_drop(const struct settings *settings, const struct sl_hardening *hardening,
                    char *reason) SL_MUST_USE;

/* identity.c: who the gateway is, and whom its services take; the services are known. */
bool identity_load(struct settings *settings);
struct sl_peer_list identity_list(const struct sl_config_peers *peers);
/** Our own certificates are valid today, those of `connect` entries too, and no revocation list of
 * an authority's has ended; but for what is in the known settings (or NULL). false: the reason is
 * in the settings. */
bool identity_is_current(struct settings *settings, const struct settings *known);
/** All trusts that there may be: services', then those of `connect` entries. NULL: no such one. */
#define TRUSTS_MAX (SL_SERVICES_MAX + SL_CONNECTIONS_MAX)
const struct sl_trust *identity_trust(const struct settings *settings, unsigned i);
/** What a reload wants is there; false: the reason is in the next settings. */
bool identity_fits(const struct gateway *gateway, struct settings *next);
void identity_wipe(struct settings *settings);
/** The program that is asked for pre-shared keys; NULL: none. */
const char *identity_lookup_program(const struct sl_config *config);

/** The service's index; a name that is new gets the next one. */
unsigned settings_service_of(struct settings *settings, const char *name);

/* connections.c: the entries of `connect`; ports and listeners are known. */
bool connections_make(struct settings *settings);
/** The new entries with services and ports as they are while the gateway runs. return false and
 * next's reason: one needs what there is not. */
bool connections_fit(const struct gateway *gateway, struct settings *next);
/** From now on they are those of `next`. */
void connections_keep(struct settings *now, const struct settings *next);
void connections_wipe(struct settings *settings);
void connections_print(struct sl_runtime *runtime, FILE *out, uint64_t now_ns);
/** "198.18.0.1:4433", "[2001:db8::1]:4433" */
void print_address(FILE *out, const struct sl_ip *ip, uint16_t port);

/** sessions.c: those whose keys have met forged records. Waits for the workers' answers. */
void sessions_print_forged(struct sl_runtime *runtime, FILE *out);

/** Gives a gateway that has not started the sessions of a file. return 0, or negative and reason
 * [REASON_LEN]: "FILE:LINE: reason". */
int preload_sessions(struct sl_runtime *runtime, const char *path, char *reason) SL_MUST_USE;

/** Runs the gateway until a signal ends it. preload_path as in settings_make. return the exit
 * status. */
int gateway_run(const struct sl_config *config, const char *preload_path);

#endif
