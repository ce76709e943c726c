/* The configuration read again while the gateway runs: all of it is checked, and all or nothing of
 * what can change is put in force. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gateway.h"

/** Workers and handshake threads hear of what is new in their next turn. */
#define PATIENCE_MS 1000
#define KEYS_MAX 64

/** What is put in force without a restart. */
static const char *const reloaded_keys[] = {"admission", "certificates", "client_ca",
                                            "connect",   "services",     "trust"};

void reload_clean_up(struct gateway *gateway)
{
    if (gateway->last_rules == NULL || !sl_runtime_has_admitted(gateway->runtime))
        return;
    admission_free(gateway->last_rules);
    gateway->last_rules = NULL;
}

static bool is_taken(const struct gateway *gateway)
{
    return gateway->last_rules == NULL && sl_runtime_has_replaced_roles(gateway->runtime);
}

/** Until every thread has what is new, so that who asked may rely on it. */
static bool wait_for_threads(struct gateway *gateway)
{
    const struct timespec nap = {.tv_nsec = 1000000};
    for (unsigned ms = 0; !is_taken(gateway) && ms < PATIENCE_MS; ms++) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        sl_runtime_poll(gateway->runtime,
                        (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec);
        reload_clean_up(gateway);
        if (!is_taken(gateway))
            nanosleep(&nap, NULL);
    }
    return is_taken(gateway);
}

/** Workers keep ports for sessions of their own from the start on, or never. */
static bool begins_sessions(const struct gateway *gateway)
{
    return gateway->settings.runtime.connection_count > 0;
}

static bool is_reloaded(const struct gateway *gateway, const char *key)
{
    if (strcmp(key, "connect") == 0 && !begins_sessions(gateway))
        return false;
    for (unsigned i = 0; i < sizeof reloaded_keys / sizeof reloaded_keys[0]; i++)
        if (strcmp(key, reloaded_keys[i]) == 0)
            return true;
    return false;
}

/** Of what stands under `admission`, what is taken at the start. */
static const char *say_admission(const struct sl_config_admission *old,
                                 const struct sl_config_admission *new, const char *before,
                                 FILE *out)
{
    const struct {
        const char *key;
        bool differs;
    } keys[] = {
        {"prefix_len_v4", old->prefix_len_v4 != new->prefix_len_v4},
        {"prefix_len_v6", old->prefix_len_v6 != new->prefix_len_v6},
        {"handshake_cpu_percent", old->handshake_cpu_percent != new->handshake_cpu_percent},
        {"handshake_cpu_percent_per_prefix",
         old->handshake_cpu_percent_per_prefix != new->handshake_cpu_percent_per_prefix},
    };
    for (unsigned i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (!keys[i].differs)
            continue;
        fprintf(out, "%sadmission.%s", before, keys[i].key);
        before = ", ";
    }
    return before;
}

static bool is_same(const char *text, const char *other)
{
    return text == NULL || other == NULL ? text == other : strcmp(text, other) == 0;
}

/** What differs from the file that the gateway was started with and stays as it was. */
static void say_differences(const struct gateway *gateway, const struct sl_config *config,
                            FILE *out)
{
    const char *keys[KEYS_MAX];
    unsigned count = sl_config_differences(gateway->settings.config, config, keys, KEYS_MAX);
    const char *before = "needs a restart: ";
    for (unsigned i = 0; i < count; i++) {
        if (is_reloaded(gateway, keys[i]))
            continue;
        fprintf(out, "%s%s", before, keys[i]);
        before = ", ";
    }
    before = say_admission(&gateway->settings.config->admission, &config->admission, before, out);
    if (!is_same(identity_lookup_program(gateway->settings.config),
                 identity_lookup_program(config))) {
        fprintf(out, "%spsk_lookup", before);
        before = ", ";
    }
    if (before[0] == ',')
        fputs("; run `sluice check` before it\n", out);
}

/** The new rules become the gateway's, and those before wait until no worker reads them. Only after
 * the certificates, of which libssl may refuse some. */
static bool put_in_force(struct gateway *gateway, struct settings *settings, char *reason)
{
    if (!is_taken(gateway)) {
        snprintf(reason, REASON_LEN,
                 "the threads have not taken the last configuration yet; try again");
        return false;
    }
    if (certificates_replace(gateway, settings, reason) != 0)
        return false;
    int error = sl_runtime_admit(gateway->runtime, settings->rules);
    assert(error == 0); /* they have taken the last ones */
    (void)error;
    gateway->last_rules = gateway->rules;
    gateway->rules = settings->rules;
    settings->rules = NULL;
    return true;
}

static void apply(struct gateway *gateway, struct settings *settings, FILE *out)
{
    const struct sl_config *config = settings->config;
    char reason[REASON_LEN] = "";
    if (!begins_sessions(gateway))
        settings->runtime.connection_count = 0;
    if (!identity_fits(gateway, settings) || !connections_fit(gateway, settings)) {
        fprintf(out, "error: %s\n", settings->reason);
        return;
    }
    if (!put_in_force(gateway, settings, reason)) {
        fprintf(out, "error: %s\n", reason);
        return;
    }
    fprintf(out, "reloaded %s: %u prefixes allowed, %u denied; certificates: %u, connections: %u\n",
            config->path, config->admission.allow_count, config->admission.deny_count,
            config->certificates_count, settings->runtime.connection_count);
    if (!wait_for_threads(gateway))
        fprintf(out, "a thread has not taken it yet\n");
    say_differences(gateway, config, out);
}

void reload(struct gateway *gateway, FILE *out)
{
    static struct settings settings; /* too large for the stack */
    char error[SETTINGS_REASON_LEN];
    struct sl_config *config = sl_config_load(gateway->settings.config->path, error, sizeof error);
    if (config == NULL) {
        fprintf(out, "error: %s\n", error);
        return;
    }
    if (settings_make(&settings, config, NULL, true) &&
        identity_is_current(&settings, &gateway->settings))
        apply(gateway, &settings, out);
    else
        fprintf(out, "error: %s\n", settings.reason);
    settings_wipe(&settings);
    sl_config_destroy(config);
}
