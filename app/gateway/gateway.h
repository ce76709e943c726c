/** What the files of the program `sluice` share. */
#ifndef GATEWAY_H
#define GATEWAY_H

#include "sl_config.h"
#include "sl_identity.h"
#include "sl_runtime.h"

#define REASON_LEN 256

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* log.c: lines on standard error, each with the time and how bad it is. */
void log_info(const char *line);
void log_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** The one sentence before the end. */
void log_fatal(const char *reason);

/** The configuration made into what the libraries want; borrows from it. */
struct settings {
    const struct sl_config *config;
    struct sl_credentials *credentials;
    const char *services[SL_SERVICES_MAX];
    struct sl_runtime_config runtime;
};

/**
 * Loads the certificates and fills in everything. On failure prints "FILE:LINE: reason" to standard
 * error and returns false. The settings must be wiped in either case.
 */
bool settings_make(struct settings *settings, const struct sl_config *config);
void settings_wipe(struct settings *settings);

/** Runs the gateway until a signal ends it. return the exit status. */
int gateway_run(const struct sl_config *config);

#endif
