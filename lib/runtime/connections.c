/* The sessions that the gateway begins: the connector decides, workers hear of it by message. */
#include <errno.h>
#include <sys/random.h>

#include "runtime_priv.h"

static bool send(void *arg, unsigned worker, enum sl_message_kind kind, const void *body,
                 uint32_t body_len)
{
    struct sl_runtime *runtime = arg;
    struct sl_ring_producer *ring = sl_ring_producer_of(runtime->workers[worker].from_control);
    bool was_sent = sl_message_send(ring, kind, 0, body, body_len, NULL, 0);
    sl_message_flush(ring);
    return was_sent;
}

static void log_line(void *arg, const char *line)
{
    const struct sl_runtime *runtime = arg;
    if (runtime->config.log != NULL)
        runtime->config.log(line);
}

static bool allows(void *arg, const struct sl_ip *remote)
{
    const struct sl_runtime *runtime = arg;
    return runtime->admission == NULL || sl_access_allows(runtime->admission->access, remote);
}

int runtime_connector_create(struct sl_runtime *runtime)
{
    const struct sl_runtime_config *config = &runtime->config;
    struct sl_connector_config connector = {
        .connection_count = config->connection_count,
        .connections = config->connections,
        .first_port = config->worker.connect_port,
        .last_port = (uint16_t)(config->worker.connect_port + config->worker.connect_ports - 1),
        .worker_count = config->worker_count,
        .shard_owner = runtime->shard_owner,
        .send = send,
        .allows = allows,
        .log = log_line,
        .arg = runtime,
    };
    if (getrandom(&connector.seed, sizeof connector.seed, 0) != (ssize_t)sizeof connector.seed)
        return runtime_fail(runtime, -EIO, "the kernel has no random numbers");
    runtime->connector = sl_connector_create(&connector);
    return runtime->connector != NULL ? 0 : runtime_fail(runtime, -ENOMEM, "out of memory");
}

enum sl_ring_status runtime_request(void *arg, const struct sl_consumer_info *consumer,
                                    const char *connection, uint32_t request)
{
    struct sl_runtime *runtime = arg;
    const struct sl_connection_asker asker = {consumer->consumer, consumer->uid};
    switch (
        sl_connector_request(runtime->connector, connection, consumer->service, &asker, request)) {
    case 0:
        return SL_RING_STATUS_OK;
    case -ENOENT:
        return SL_RING_STATUS_SERVICE;
    default:
        return SL_RING_STATUS_FULL;
    }
}

unsigned sl_runtime_connections(struct sl_runtime *runtime, struct sl_connection_info *out)
{
    return sl_connector_list(runtime->connector, out);
}

enum sl_reconnect sl_runtime_reconnect(struct sl_runtime *runtime, const char *name,
                                       uint64_t now_ns)
{
    return sl_connector_reconnect(runtime->connector, name, now_ns);
}
