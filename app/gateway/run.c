/* The gateway from its start to its end. */
#include <stdio.h>
#include <time.h>

#include <rte_eal.h>

#include "eal.h"
#include "gateway.h"
#include "sl_telemetry.h"

/** SIGTERM to the end within two seconds, the freeing of memory included. */
#define STOP_MS 1400
/** Of all ports together. */
#define DEVICES_MAX (SL_CONFIG_PORTS_MAX * 64)
static_assert(EAL_REASON_LEN <= REASON_LEN, "one buffer for both");

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static void target_poll(void *arg, uint64_t now)
{
    struct gateway *gateway = arg;
    sl_runtime_poll(gateway->runtime, now);
    reload_clean_up(gateway);
    expiry_warn(gateway);
    if (gateway->lookup != NULL)
        sl_lookup_watch(gateway->lookup, log_warning);
}

static void target_print_stats(void *arg, FILE *out, bool as_json)
{
    struct gateway *gateway = arg;
    const struct sl_stats *stats = sl_runtime_stats(gateway->runtime, now_ns());
    if (as_json)
        sl_stats_print_json(out, stats);
    else
        sl_stats_print_text(out, stats);
}

static void target_print_consumers(void *arg, FILE *out)
{
    struct gateway *gateway = arg;
    struct sl_consumer_info consumers[SL_CONSUMERS_MAX];
    unsigned count = sl_runtime_consumers(gateway->runtime, consumers);
    for (unsigned i = 0; i < count; i++)
        fprintf(out, "%u service %s pid %d uid %u\n", consumers[i].consumer,
                gateway->settings.services[consumers[i].service], consumers[i].pid,
                consumers[i].uid);
}

static void target_print_certificates(void *arg, FILE *out)
{
    struct gateway *gateway = arg;
    expiry_print(&gateway->settings, out);
}

static void target_print_forged(void *arg, FILE *out)
{
    struct gateway *gateway = arg;
    sessions_print_forged(gateway->runtime, out);
}

static void target_print_access(void *arg, FILE *out)
{
    struct gateway *gateway = arg;
    admission_print(gateway->rules, out);
}

static void target_reload(void *arg, FILE *out)
{
    reload(arg, out);
}

static void target_print_connections(void *arg, FILE *out)
{
    struct gateway *gateway = arg;
    connections_print(gateway->runtime, out, now_ns());
}

static const char *target_reconnect(void *arg, const char *name)
{
    struct gateway *gateway = arg;
    return sl_reconnect_text(sl_runtime_reconnect(gateway->runtime, name, now_ns()));
}

static void target_stop(void *arg)
{
    struct gateway *gateway = arg;
    sl_runtime_stop(gateway->runtime);
}

static bool target_is_stopped(void *arg)
{
    struct gateway *gateway = arg;
    return sl_runtime_is_stopped(gateway->runtime);
}

static int open_control(struct gateway *gateway, char *reason)
{
    struct sl_control_config control = {
        .socket_path = gateway->settings.config->control_socket,
        .has_group = gateway->settings.has_control_group,
        .group = gateway->settings.control_group,
        .version = SLUICE_VERSION,
        .stop_ms = STOP_MS,
        .log = log_info,
        .warn = log_warning,
        .target = {.arg = gateway,
                   .fd = sl_runtime_fd(gateway->runtime),
                   .poll = target_poll,
                   .print_stats = target_print_stats,
                   .print_consumers = target_print_consumers,
                   .print_access = target_print_access,
                   .print_certificates = target_print_certificates,
                   .print_forged = target_print_forged,
                   .reload = target_reload,
                   .print_connections = target_print_connections,
                   .reconnect = target_reconnect,
                   .stop = target_stop,
                   .is_stopped = target_is_stopped},
    };
    return sl_control_create(&control, &gateway->control, reason);
}

static void say_ready(const struct gateway *gateway)
{
    const struct sl_config *config = gateway->settings.config;
    char ports[256] = "";
    size_t len = 0;
    for (unsigned p = 0; p < config->ports_count && len < sizeof ports; p++) {
        const struct sl_port_info *info = sl_runtime_port(gateway->runtime, p);
        const struct sl_config_port *port = &config->ports[p];
        len += (size_t)snprintf(
            ports + len, sizeof ports - len, ", port %u %s %s MTU %u", p, info->driver,
            port->interface != NULL ? port->interface : port->devices[0], info->mtu);
    }
    log_format("sluice: ready: %u worker%s%s, crypto %s", config->workers,
               config->workers == 1 ? "" : "s", ports, sl_runtime_crypto_name(gateway->runtime));
}

static int serve(struct gateway *gateway)
{
    say_ready(gateway);
    int result = sl_control_run(gateway->control);
    if (result == 0)
        log_info("stopped");
    else
        log_info("stopped without waiting longer: not every session could be closed");
    return EXIT_FINE;
}

/** As the configuration wants it. */
static int begin_eal(const struct sl_config *config, char *reason)
{
    const char *devices[DEVICES_MAX];
    unsigned count = 0;
    for (unsigned p = 0; p < config->ports_count; p++)
        for (unsigned d = 0; d < config->ports[p].devices_count && count < DEVICES_MAX; d++)
            devices[count++] = config->ports[p].devices[d];
    const struct eal_settings settings = {.program = "sluice",
                                          .cores = config->workers,
                                          .what = "workers",
                                          .spins = config->idle == SL_IDLE_SPIN,
                                          .yield_option = "idle: yield",
                                          .memory_mb = config->memory_mb,
                                          .memory_option = "memory_mb",
                                          .devices = devices,
                                          .device_count = count,
                                          .arguments = config->eal,
                                          .argument_count = config->eal_count,
                                          .log = log_info};
    return eal_start(&settings, reason);
}

/** The last step of a start: nothing is opened any more but what the control thread's list has. */
static int enter_control(struct gateway *gateway, char *reason)
{
    int error = sl_hardening_enter_thread(gateway->hardening, SL_THREAD_CONTROL);
    if (error != 0)
        snprintf(reason, REASON_LEN,
                 "can't give up privileges: %s; `seccomp: off` does without a filter",
                 strerror(-error));
    return error;
}

static int start(struct gateway *gateway, char *reason)
{
    int error = begin_eal(gateway->settings.config, reason);
    if (error != 0)
        return error;
    gateway->has_eal = true;
    gateway->rules = gateway->settings.rules;
    gateway->settings.rules = NULL;
    gateway->settings.runtime.lookup = gateway->lookup;
    gateway->runtime = sl_runtime_create(&gateway->settings.runtime, reason);
    if (gateway->runtime == NULL)
        return -1;
    if (gateway->settings.preload_path != NULL &&
        preload_sessions(gateway->runtime, gateway->settings.preload_path, reason) != 0)
        return -1;
    eal_leave_out_of_dumps();
    error = open_control(gateway, reason);
    if (error == 0)
        error = privileges_drop(&gateway->settings, gateway->hardening, reason);
    if (error == 0)
        error = sl_runtime_start(gateway->runtime, reason);
    return error == 0 ? enter_control(gateway, reason) : error;
}

/** In the opposite order of start, from wherever it got. */
static void end(struct gateway *gateway)
{
    sl_control_destroy(gateway->control);
    sl_runtime_destroy(gateway->runtime);
    sl_lookup_stop(gateway->lookup);
    admission_free(gateway->rules);
    admission_free(gateway->last_rules);
    if (gateway->has_eal)
        rte_eal_cleanup();
}

/** Before keys are read and threads exist, while a user can be become. return false, and reason. */
static bool start_lookup(struct gateway *gateway, const struct sl_config *config, char *reason)
{
    const char *program = identity_lookup_program(config);
    const char *name = config->psk_lookup_user != NULL ? config->psk_lookup_user : config->user;
    struct sl_hardening_user user;
    static_assert(SL_REASON_LEN <= REASON_LEN, "one buffer for both");
    if (program == NULL)
        return true;
    if (name != NULL && sl_hardening_find_user(name, &user) != 0)
        return true; /* the settings are refused in a moment, with the line that names him */
    gateway->lookup =
        sl_lookup_start(program, config->handshake_threads, name != NULL ? &user : NULL, reason);
    return gateway->lookup != NULL;
}

int gateway_run(const struct sl_config *config, const char *preload_path)
{
    static struct gateway gateway; /* too large for the stack */
    char reason[REASON_LEN] = "";
    int status = EXIT_FAILED;
    sl_control_block_signals(); /* before EAL makes threads, which inherit it */
    if (privileges_begin(config, &gateway.hardening, reason) != 0 ||
        !start_lookup(&gateway, config, reason)) {
        log_fatal(reason);
        return status;
    }
    if (settings_make(&gateway.settings, config, preload_path, false)) {
        gateway.settings.runtime.hardening = gateway.hardening;
        privileges_prepare(&gateway.settings);
        kernel_check(&gateway.settings, log_warning);
        bool is_started = start(&gateway, reason) == 0;
        if (is_started)
            status = serve(&gateway);
        end(&gateway);
        if (!is_started)
            log_fatal(reason);
    } else {
        fprintf(stderr, "%s\n", gateway.settings.reason);
    }
    settings_wipe(&gateway.settings);
    sl_hardening_destroy(gateway.hardening);
    return status;
}
