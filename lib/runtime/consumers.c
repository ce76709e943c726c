/* Between control and workers: consumers that come and go at the registry, rules of admission, the
 * end. Workers hear of them by message, and answer by message. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

#include "runtime_priv.h"

#define NOTICES_PER_SECOND 10

/** Of what consumers and peers can cause again and again a few lines are said; counters have all.
 */
static bool may_say(struct sl_runtime *runtime)
{
    uint64_t now_ns = clock_kernel_ns();
    if (now_ns - runtime->notices_since_ns >= 1000000000) {
        runtime->notices_since_ns = now_ns;
        runtime->notices = 0;
    }
    return runtime->notices++ < NOTICES_PER_SECOND;
}

/** The ring has room for all that can be under way at once. */
static void tell(struct runtime_worker *to, enum sl_message_kind kind, const void *body,
                 uint32_t body_len)
{
    struct sl_ring_producer *ring = sl_ring_producer_of(to->from_control);
    bool was_sent = sl_message_send(ring, kind, 0, body, body_len, NULL, 0);
    assert(was_sent);
    (void)was_sent;
    sl_message_flush(ring);
}

static void attach(void *arg, struct sl_attachment *attachment)
{
    struct sl_runtime *runtime = arg;
    struct runtime_worker *worker = &runtime->workers[attachment->worker];
    struct sl_message_attach body = {.attachment = attachment};
    worker->attachments[attachment->consumer] = attachment;
    tell(worker, SL_MESSAGE_ATTACH, &body, sizeof body);
}

static void detach(void *arg, struct sl_attachment *attachment)
{
    struct sl_runtime *runtime = arg;
    sl_connector_forget(runtime->connector, attachment->consumer);
    struct sl_message_attach body = {.attachment = attachment};
    tell(&runtime->workers[attachment->worker], SL_MESSAGE_DETACH, &body, sizeof body);
}

int runtime_registry_create(struct sl_runtime *runtime)
{
    const struct sl_runtime_config *config = &runtime->config;
    struct sl_registry_config registry = {
        .socket_path = config->consumer_socket,
        .socket_mode = config->consumer_socket_mode,
        .per_user = config->consumers_per_user,
        .services = config->services,
        .service_count = config->worker.service_count,
        .worker_count = config->worker_count,
        .ring_size = config->ring_size,
        .attach = attach,
        .detach = detach,
        .request = runtime_request,
        .arg = runtime,
    };
    while (registry.generation == 0)
        if (getrandom(&registry.generation, sizeof registry.generation, 0) < 0)
            return runtime_fail(runtime, -errno, "the kernel has no random numbers");
    return sl_registry_create(&registry, &runtime->registry, runtime->reason);
}

/** RFC 9325 4.4. The session is named as its consumer knows it. */
static void say_usage(struct sl_runtime *runtime, const struct sl_message *message)
{
    const struct sl_message_usage *body = message->body;
    const char *what = "has sent three quarters of the records that its key may";
    if (body->usage == SL_USAGE_LIMIT)
        what = body->is_closed ? "is closed: it has sent all the records that its key may"
                               : "has sent all the records that its key may";
    if (may_say(runtime))
        runtime_log(runtime, "session %016" PRIx64 " %s (RFC 9325 4.4)", message->session, what);
}

/** Its workers each say so; the registry knows it until the first of them has. */
static void evict(struct sl_runtime *runtime, uint32_t consumer)
{
    struct sl_consumer_info known[SL_CONSUMERS_MAX];
    unsigned count = sl_registry_list(runtime->registry, known);
    for (unsigned i = 0; i < count; i++)
        if (known[i].consumer == consumer && may_say(runtime))
            runtime_log(runtime,
                        "consumer %u, pid %d of uid %u, service %s: evicted, for what it wrote "
                        "into its rings",
                        consumer, known[i].pid, known[i].uid,
                        runtime->config.services[known[i].service]);
    sl_registry_evict(runtime->registry, consumer);
}

static void handle(struct sl_runtime *runtime, struct runtime_worker *from,
                   const struct sl_message *message)
{
    if (message->kind == SL_MESSAGE_STOPPED) {
        from->is_stopped = true;
        return;
    }
    if (message->kind == SL_MESSAGE_USAGE) {
        say_usage(runtime, message);
        sl_connector_receive(runtime->connector, message, clock_kernel_ns());
        return;
    }
    if (message->kind == SL_MESSAGE_HOP || message->kind == SL_MESSAGE_UP ||
        message->kind == SL_MESSAGE_DOWN) {
        sl_connector_receive(runtime->connector, message, clock_kernel_ns());
        return;
    }
    if (message->kind == SL_MESSAGE_ADMISSION_TAKEN) {
        from->admission = ((const struct sl_message_admission *)message->body)->rules;
        return;
    }
    if (message->kind == SL_MESSAGE_LISTED) {
        runtime_take_listed(runtime, from, message->body);
        return;
    }
    uint32_t consumer = ((const struct sl_message_consumer *)message->body)->consumer;
    if (message->kind == SL_MESSAGE_EVICT) {
        evict(runtime, consumer);
    } else if (message->kind == SL_MESSAGE_DETACHED) {
        struct sl_attachment *attachment = from->attachments[consumer];
        from->attachments[consumer] = NULL;
        sl_registry_detached(runtime->registry, attachment);
    }
}

void runtime_messages_receive(struct sl_runtime *runtime)
{
    for (unsigned w = 0; w < runtime->worker_count; w++) {
        struct runtime_worker *from = &runtime->workers[w];
        struct sl_ring_consumer *ring = sl_ring_consumer_of(from->to_control);
        struct sl_message message;
        while (sl_message_receive(ring, &message))
            handle(runtime, from, &message);
        sl_ring_release(ring);
    }
}

int sl_runtime_admit(struct sl_runtime *runtime, const struct sl_admission_rules *rules)
{
    if (!sl_runtime_has_admitted(runtime))
        return -EBUSY;
    runtime->admission = rules;
    struct sl_message_admission body = {.rules = rules};
    for (unsigned w = 0; w < runtime->worker_count; w++)
        tell(&runtime->workers[w], SL_MESSAGE_ADMISSION, &body, sizeof body);
    return 0;
}

bool sl_runtime_has_admitted(const struct sl_runtime *runtime)
{
    for (unsigned w = 0; w < runtime->worker_count; w++)
        if (runtime->workers[w].admission != runtime->admission)
            return false;
    return true;
}

void runtime_workers_tell_stop(struct sl_runtime *runtime)
{
    for (unsigned w = 0; w < runtime->worker_count; w++)
        tell(&runtime->workers[w], SL_MESSAGE_STOP, NULL, 0);
}
