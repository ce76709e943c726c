/* The gateway's parts put together, started, and taken apart in the opposite order. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "runtime_priv.h"

/** What UDP and a record take at least of a path's MTU: IPv4, UDP, record header, tag; a shorter
 * tag comes with an explicit nonce. */
#define OVERHEAD_MIN                                                                               \
    (SL_IPV4_HEADER_LEN + SL_UDP_HEADER_LEN + SL_RECORD_HEADER_LEN + SL_AEAD_TAG_LEN)

int runtime_fail(struct sl_runtime *runtime, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(runtime->reason, RUNTIME_REASON_LEN, format, args);
    va_end(args);
    return error < 0 ? error : -EIO;
}

void runtime_log(const struct sl_runtime *runtime, const char *format, ...)
{
    char line[RUNTIME_REASON_LEN];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (runtime->config.log != NULL)
        runtime->config.log(line);
}

static int create_ports(struct sl_runtime *runtime)
{
    uint32_t mtu = 0;
    for (unsigned p = 0; p < runtime->config.port_count; p++) {
        struct sl_port_config config = runtime->config.ports[p];
        config.group = p;
        config.queue_count = runtime->config.worker_count;
        config.rss_key = sl_wire_rss_key;
        config.shard_owner = runtime->shard_owner;
        int error =
            sl_port_create(&config, runtime->config.log, &runtime->ports[p], runtime->reason);
        if (error != 0)
            return error;
        snprintf(runtime->port_names[p], sizeof runtime->port_names[p], "port%u", p);
        if (sl_port_info(runtime->ports[p])->mtu > mtu)
            mtu = sl_port_info(runtime->ports[p])->mtu;
    }
    sl_registry_set_payload_max(runtime->registry, mtu > OVERHEAD_MIN ? mtu - OVERHEAD_MIN : 0);
    return 0;
}

/** Roots of the secrets that all workers, and all handshake threads, have in common. */
static bool make_roots(struct sl_runtime *runtime)
{
    struct sl_worker_config *worker = &runtime->config.worker;
    struct sl_handshaker_config *handshaker = &runtime->config.handshaker;
    handshaker->ticket_root_ns = clock_kernel_ns();
    return getrandom(worker->cookie_root, sizeof worker->cookie_root, 0) ==
               (ssize_t)sizeof worker->cookie_root &&
           getrandom(handshaker->ticket_root, sizeof handshaker->ticket_root, 0) ==
               (ssize_t)sizeof handshaker->ticket_root;
}

static void wipe_roots(struct sl_runtime *runtime)
{
    explicit_bzero(runtime->config.worker.cookie_root, sizeof runtime->config.worker.cookie_root);
    explicit_bzero(runtime->config.handshaker.ticket_root,
                   sizeof runtime->config.handshaker.ticket_root);
}

static int create_parts(struct sl_runtime *runtime)
{
    if (!make_roots(runtime))
        return runtime_fail(runtime, -EIO, "the kernel has no random numbers");
    /* The registry first: it fails quickly, and where another gateway runs already. */
    int error = runtime_registry_create(runtime);
    if (error == 0)
        error = create_ports(runtime);
    if (error == 0)
        error = runtime_workers_create(runtime);
    if (error == 0)
        error = runtime_handshakers_create(runtime);
    if (error == 0)
        error = runtime_connector_create(runtime);
    wipe_roots(runtime);
    return error;
}

struct sl_runtime *sl_runtime_create(const struct sl_runtime_config *config, char *reason)
{
    reason[0] = '\0';
    struct sl_runtime *runtime = calloc(1, sizeof *runtime);
    if (runtime == NULL) {
        snprintf(reason, RUNTIME_REASON_LEN, "out of memory");
        return NULL;
    }
    runtime->config = *config;
    runtime->admission = config->worker.admission;
    runtime->reason = reason;
    for (unsigned shard = 0; shard < SL_SHARDS; shard++)
        runtime->shard_owner[shard] = (uint8_t)(shard % config->worker_count);
    if (create_parts(runtime) != 0) {
        sl_runtime_destroy(runtime);
        return NULL;
    }
    return runtime;
}

int sl_runtime_start(struct sl_runtime *runtime, char *reason)
{
    runtime->reason = reason;
    runtime->started_ns = clock_kernel_ns();
    return runtime_threads_launch(runtime);
}

void sl_runtime_poll(struct sl_runtime *runtime, uint64_t now_ns)
{
    runtime_messages_receive(runtime);
    sl_connector_poll(runtime->connector, now_ns);
    sl_registry_poll(runtime->registry, now_ns);
}

int sl_runtime_fd(const struct sl_runtime *runtime)
{
    return sl_registry_fd(runtime->registry);
}

const struct sl_port_info *sl_runtime_port(const struct sl_runtime *runtime, unsigned port)
{
    return sl_port_info(runtime->ports[port]);
}

const char *sl_runtime_crypto_name(const struct sl_runtime *runtime)
{
    return sl_worker_crypto_name(runtime->workers[0].worker);
}

unsigned sl_runtime_consumers(const struct sl_runtime *runtime, struct sl_consumer_info *out)
{
    return sl_registry_list(runtime->registry, out);
}

void sl_runtime_stop(struct sl_runtime *runtime)
{
    sl_connector_stop(runtime->connector);
    runtime_workers_tell_stop(runtime);
}

bool sl_runtime_is_stopped(const struct sl_runtime *runtime)
{
    for (unsigned w = 0; w < runtime->worker_count; w++)
        if (!runtime->workers[w].is_stopped)
            return false;
    return true;
}

void sl_runtime_destroy(struct sl_runtime *runtime)
{
    if (runtime == NULL)
        return;
    runtime_threads_join(runtime);
    runtime_handshakers_destroy(runtime);
    runtime_workers_destroy(runtime); /* they give their frames back: before the ports */
    sl_registry_destroy(runtime->registry);
    sl_connector_destroy(runtime->connector);
    for (unsigned p = 0; p < runtime->config.port_count; p++)
        sl_port_destroy(runtime->ports[p]);
    free(runtime);
}
