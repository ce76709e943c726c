#include <errno.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "capture.h"
#include "engines.h"

/** Below this it is not worth to sleep: the kernel takes tens of microseconds to wake somebody. */
#define SPIN_NS 100000
/** So much before its time a sleeper wakes, and spins for the rest. */
#define EARLY_NS 60000

struct engine {
    struct sl_load *load;
    struct port port;
    pthread_t thread;
    bool is_started;
    int core; /* to run on, or -1 */
    atomic_bool *is_stopped;
};

struct engines {
    unsigned count;
    atomic_bool is_stopped;
    struct sl_load_stats *scratch; /* of one engine */
    struct dpdk *dpdk;             /* NULL: sockets */
    struct capture *capture;       /* NULL: none */
    struct engine engine[];
};

uint64_t engines_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

/** Until something is due or comes in. */
static void rest(struct engine *engine, uint64_t now_ns)
{
    uint64_t due_ns = sl_load_next_due(engine->load, now_ns);
    if (engine->port.wait == NULL || due_ns < now_ns + SPIN_NS)
        __builtin_ia32_pause();
    else
        engine->port.wait(engine->port.arg, due_ns - now_ns - EARLY_NS);
}

static void *run(void *arg)
{
    struct engine *engine = arg;
    pthread_setname_np(pthread_self(), "load");
    prctl(PR_SET_TIMERSLACK, 1UL);
    if (engine->port.enter != NULL)
        engine->port.enter(engine->port.arg);
    while (!atomic_load_explicit(engine->is_stopped, memory_order_relaxed)) {
        uint64_t now_ns = engines_now_ns();
        if (!sl_load_poll(engine->load, now_ns))
            rest(engine, now_ns);
    }
    if (engine->port.leave != NULL)
        engine->port.leave(engine->port.arg);
    return NULL;
}

static bool open_port(struct engines *engines, const struct settings *settings, unsigned index,
                      char *reason)
{
    struct port *port = &engines->engine[index].port;
    if (engines->dpdk != NULL)
        dpdk_port(engines->dpdk, index, port);
    else if (sockets_port_open(&settings->scenario, index, engines->count, port, reason) != 0)
        return false;
    if (engines->capture == NULL || capture_attach(engines->capture, port) == 0)
        return true;
    snprintf(reason, SETTINGS_REASON_LEN, "no memory for a capture");
    return false;
}

static bool make_engine(struct engines *engines, const struct settings *settings, unsigned index,
                        char *reason)
{
    struct engine *engine = &engines->engine[index];
    struct sl_load_config config = {.index = index,
                                    .count = engines->count,
                                    .scenario = &settings->scenario,
                                    .crypto = SL_CRYPTO_AUTO,
                                    .handshaker = settings->handshaker};
    engine->is_stopped = &engines->is_stopped;
    if (!open_port(engines, settings, index, reason))
        return false;
    if (engines->capture != NULL) {
        config.tell_session = capture_session;
        config.tell_arg = engines->capture;
    }
    config.io = engine->port.io;
    config.link = engine->port.link;
    config.mtu = engine->port.mtu;
    if (RAND_bytes(config.random_seed, sizeof config.random_seed) != 1) {
        snprintf(reason, SETTINGS_REASON_LEN, "the system gives no random bytes");
        return false;
    }
    engine->load = sl_load_create(&config, reason);
    return engine->load != NULL;
}

/** What all engines share: the DPDK port, the capture. */
static bool open_shared(struct engines *engines, const struct settings *settings, char *reason)
{
    const struct plan *plan = settings->plan;
    if (plan_has_dpdk(plan) && dpdk_open(plan, &settings->scenario, &engines->dpdk, reason) != 0)
        return false;
    if (plan->write_pcap == NULL)
        return true;
    engines->capture = capture_create(plan->write_pcap, plan->pcap, reason);
    return engines->capture != NULL;
}

/** One engine on sockets goes where the kernel likes; else each has a core, of those we may use. */
static bool choose_cores(struct engines *engines, char *reason)
{
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    int error = sched_getaffinity(0, sizeof allowed, &allowed);
    engines->engine[0].core = -1;
    if (engines->count == 1 && engines->dpdk == NULL)
        return true;
    if (error != 0 || (unsigned)CPU_COUNT(&allowed) < engines->count) {
        snprintf(reason, SETTINGS_REASON_LEN,
                 "%u cores were asked for, and this process may use %d", engines->count,
                 error == 0 ? CPU_COUNT(&allowed) : 1);
        return false;
    }
    unsigned next = 0;
    for (size_t core = 0; core < CPU_SETSIZE && next < engines->count; core++)
        if (CPU_ISSET(core, &allowed))
            engines->engine[next++].core = (int)core;
    return true;
}

struct engines *engines_create(const struct settings *settings, unsigned count, char *reason)
{
    struct engines *engines = calloc(1, sizeof *engines + count * sizeof engines->engine[0]);
    if (engines != NULL)
        engines->scratch = malloc(sizeof *engines->scratch);
    if (engines == NULL || engines->scratch == NULL) {
        snprintf(reason, SETTINGS_REASON_LEN, "no memory");
        free(engines);
        return NULL;
    }
    engines->count = count;
    bool is_made = open_shared(engines, settings, reason) && choose_cores(engines, reason);
    for (unsigned i = 0; is_made && i < count; i++)
        is_made = make_engine(engines, settings, i, reason);
    if (is_made)
        return engines;
    (void)engines_destroy(engines);
    return NULL;
}

int engines_destroy(struct engines *engines)
{
    if (engines == NULL)
        return 0;
    engines_stop(engines);
    for (unsigned i = 0; i < engines->count; i++) {
        sl_load_destroy(engines->engine[i].load);
        if (engines->engine[i].port.close != NULL)
            engines->engine[i].port.close(engines->engine[i].port.arg);
    }
    const int error = capture_close(engines->capture);
    dpdk_close(engines->dpdk);
    free(engines->scratch);
    free(engines);
    return error;
}

static int start_thread(struct engine *engine)
{
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (error != 0)
        return -error;
    if (engine->core >= 0) {
        cpu_set_t core;
        CPU_ZERO(&core);
        CPU_SET((size_t)engine->core, &core);
        error = pthread_attr_setaffinity_np(&attributes, sizeof core, &core);
    }
    if (error == 0)
        error = pthread_create(&engine->thread, &attributes, run, engine);
    pthread_attr_destroy(&attributes);
    engine->is_started = error == 0;
    return -error;
}

int engines_start(struct engines *engines, char *reason)
{
    for (unsigned i = 0; i < engines->count; i++) {
        int error = start_thread(&engines->engine[i]);
        if (error != 0) {
            snprintf(reason, SETTINGS_REASON_LEN, "can't start a thread: %s", strerror(-error));
            return error;
        }
    }
    return 0;
}

void engines_stop(struct engines *engines)
{
    atomic_store_explicit(&engines->is_stopped, true, memory_order_relaxed);
    for (unsigned i = 0; i < engines->count; i++) {
        if (engines->engine[i].is_started)
            pthread_join(engines->engine[i].thread, NULL);
        engines->engine[i].is_started = false;
    }
}

void engines_order_phase(struct engines *engines, enum sl_load_phase phase)
{
    for (unsigned i = 0; i < engines->count; i++)
        sl_load_order_phase(engines->engine[i].load, phase);
}

void engines_order_rate(struct engines *engines, double rate)
{
    for (unsigned i = 0; i < engines->count; i++)
        sl_load_order_rate(engines->engine[i].load, rate);
}

bool engines_are_done(const struct engines *engines)
{
    for (unsigned i = 0; i < engines->count; i++)
        if (!sl_load_is_done(engines->engine[i].load))
            return false;
    return true;
}

void engines_read_stats(const struct engines *engines, struct sl_load_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    for (unsigned i = 0; i < engines->count; i++) {
        sl_load_snapshot_stats(engines->scratch, sl_load_get_stats(engines->engine[i].load));
        sl_load_add_stats(stats, engines->scratch);
    }
}

void engines_read_failures(const struct engines *engines, struct result *result)
{
    struct sl_load_failure failures[SL_LOAD_FAILURES_MAX];
    result->failure_count = 0;
    for (unsigned i = 0; i < engines->count; i++)
        result_add_failures(result, failures, sl_load_failures(engines->engine[i].load, failures));
}

bool engines_read_clients(const struct engines *engines, struct client_spread *spread)
{
    uint32_t total = 0, at = 0;
    for (unsigned i = 0; i < engines->count; i++)
        total += sl_load_client_count(engines->engine[i].load);
    struct sl_load_client_result *clients = calloc(total > 0 ? total : 1, sizeof *clients);
    if (clients == NULL)
        return false;
    for (unsigned i = 0; i < engines->count; i++)
        for (uint32_t c = 0; c < sl_load_client_count(engines->engine[i].load); c++)
            clients[at++] = sl_load_read_client(engines->engine[i].load, c);
    bool is_read = spread_of_clients(clients, total, spread);
    free(clients);
    return is_read;
}

void engines_read_ports(const struct engines *engines, struct result *result)
{
    struct sl_stat stats[PORT_STATS_MAX];
    for (unsigned i = 0; i < engines->count; i++) {
        const struct port *port = &engines->engine[i].port;
        const unsigned count = port->count(port->arg, stats);
        for (unsigned s = 0; s < count; s++) {
            stats[s].value += s < result->port_stat_count ? result->port_stats[s].value : 0;
            result->port_stats[s] = stats[s];
        }
        if (count > result->port_stat_count)
            result->port_stat_count = count;
    }
}
