#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>

#include "handshake_priv.h"
#include "sl_labels.h"

/* The longest message for a worker: a flight's datagram, as ssl.c lets libssl make it. */
#define MESSAGE_MAX 4608

SL_DEFINE_LABELS(sl_handshake_counter, SL_HANDSHAKE_COUNTER_LIST)

uint64_t sl_handshaker_counter(const struct sl_handshaker *handshaker,
                               enum sl_handshake_counter counter)
{
    assert(counter < SL_HANDSHAKE_COUNTER_COUNT);
    return atomic_load_explicit(&handshaker->counters[counter], memory_order_relaxed);
}

unsigned sl_handshaker_in_progress(const struct sl_handshaker *handshaker)
{
    return atomic_load_explicit(&handshaker->in_progress, memory_order_relaxed);
}

/** A key for as long as its tickets live, so that the last one's are good to their end. */
static bool make_ticket_keys(struct sl_handshaker *handshaker)
{
    struct sl_handshaker_config *config = &handshaker->config;
    bool ok = config->roles.service_count == 0 || config->ticket_lifetime_s == 0 ||
              sl_handshake_init_ticket_keys(&handshaker->ticket_keys, config->ticket_root,
                                            config->ticket_root_ns,
                                            config->ticket_lifetime_s * 1000000000ULL);
    OPENSSL_cleanse(config->ticket_root, sizeof config->ticket_root);
    return ok;
}

/** Where there are services, what the workers may begin comes beside what clients do. */
static void size_populations(struct sl_handshaker *handshaker)
{
    const struct sl_handshaker_config *config = &handshaker->config;
    const bool is_server = config->roles.service_count > 0;
    if (is_server)
        handshaker->strangers.max = config->handshakes_max;
    if (config->roles.client_count > 0)
        handshaker->own.max =
            is_server ? config->worker_count * SL_ATTEMPTS_MAX : config->handshakes_max;
}

static bool make_memory(struct sl_handshaker *handshaker, char *reason)
{
    const struct sl_handshaker_config *config = &handshaker->config;
    if (config->handshakes_max == 0 || config->last_flights_max == 0) {
        snprintf(reason, SL_REASON_LEN, "room for at least one handshake is needed");
        return false;
    }
    size_populations(handshaker);
    const size_t known_max =
        2UL * (handshaker->strangers.max + handshaker->own.max) + config->legacy_sessions_max;
    unsigned sessions_max = 0;
    for (unsigned i = 0; i < config->roles.client_count; i++)
        if (config->roles.clients[i].sessions_max > sessions_max)
            sessions_max = config->roles.clients[i].sessions_max;
    handshaker->outboxes = calloc(config->worker_count, sizeof *handshaker->outboxes);
    handshaker->aead = sl_aead_create(SL_CRYPTO_OPENSSL);
    bool has_keys = make_ticket_keys(handshaker);
    if (handshaker->outboxes != NULL && handshaker->aead != NULL && has_keys &&
        sl_handshake_init_table(&handshaker->handshakes, known_max) &&
        sl_handshake_init_table(&handshaker->questions, SL_HANDSHAKE_QUESTIONS_MAX) &&
        sl_handshake_init_timers(&handshaker->timers, known_max) &&
        sl_handshake_init_last_flights(&handshaker->last_flights, config->last_flights_max) &&
        sl_handshake_init_chains(&handshaker->chains, config->chains_max) &&
        sl_handshake_init_sessions(&handshaker->sessions, sessions_max) &&
        sl_handshake_init_cpu(&handshaker->cpu, config))
        return true;
    snprintf(reason, SL_REASON_LEN, "out of memory for %u handshakes", config->handshakes_max);
    return false;
}

static bool attach_rings(struct sl_handshaker *handshaker, char *reason)
{
    for (unsigned i = 0; i < handshaker->config.worker_count; i++) {
        struct sl_ring_producer *ring = handshaker->config.to_worker[i];
        sl_handshake_init_outbox(&handshaker->outboxes[i], ring);
        if (sl_ring_entry_max(ring->size) < MESSAGE_MAX) {
            snprintf(reason, SL_REASON_LEN, "ring to worker %u is too small for a handshake", i);
            return false;
        }
    }
    return true;
}

struct sl_handshaker *sl_handshaker_create(const struct sl_handshaker_config *config, char *reason)
{
    struct sl_handshaker *handshaker = calloc(1, sizeof *handshaker);
    if (handshaker == NULL) {
        snprintf(reason, SL_REASON_LEN, "out of memory");
        return NULL;
    }
    handshaker->config = *config;
    handshaker->keylog_fd = -1;
    if (!make_memory(handshaker, reason) || !attach_rings(handshaker, reason) ||
        !sl_handshake_make_contexts(handshaker, reason)) {
        sl_handshaker_destroy(handshaker);
        return NULL;
    }
    return handshaker;
}

void sl_handshaker_destroy(struct sl_handshaker *handshaker)
{
    if (handshaker == NULL)
        return;
    while (handshaker->timers.heap != NULL && handshaker->timers.count > 0)
        sl_handshake_end(handshaker->timers.heap[0], SL_HANDSHAKE_FAILED);
    for (unsigned i = 0; handshaker->outboxes != NULL && i < handshaker->config.worker_count; i++)
        sl_handshake_wipe_outbox(&handshaker->outboxes[i]);
    free(handshaker->outboxes);
    sl_handshake_wipe_last_flights(&handshaker->last_flights);
    sl_handshake_wipe_chains(&handshaker->chains);
    sl_handshake_wipe_sessions(&handshaker->sessions);
    sl_handshake_wipe_cpu(&handshaker->cpu);
    sl_handshake_wipe_ticket_keys(&handshaker->ticket_keys);
    sl_handshake_wipe_timers(&handshaker->timers);
    sl_handshake_wipe_table(&handshaker->handshakes);
    sl_handshake_wipe_table(&handshaker->questions);
    sl_aead_destroy(handshaker->aead);
    sl_handshake_roles_destroy(handshaker->roles);
    sl_handshake_roles_destroy(handshaker->next_roles);
    BIO_meth_free(handshaker->bio_method);
    if (handshaker->keylog_fd >= 0)
        close(handshaker->keylog_fd);
    free(handshaker);
}

/**
 * While something waits for room in a worker's ring, nothing more is taken from it: what one
 * message and the timers leave behind is all that ever waits.
 */
static bool serve_worker(struct sl_handshaker *handshaker, unsigned worker, unsigned budget)
{
    struct sl_ring_consumer *from = handshaker->config.from_worker[worker];
    struct outbox *outbox = &handshaker->outboxes[worker];
    struct sl_message message;
    bool busy = sl_handshake_drain_outbox(outbox);
    for (unsigned i = 0;
         i < budget && sl_handshake_is_outbox_empty(outbox) && sl_message_receive(from, &message);
         i++) {
        sl_handshake_take_message(handshaker, worker, &message);
        sl_ring_release(from);
        /* A certificate takes half a millisecond: answers do not wait for the rest of the burst. */
        sl_message_flush(outbox->ring);
        busy = true;
    }
    return busy;
}

static bool run_timers(struct sl_handshaker *handshaker)
{
    bool busy = false;
    while (handshaker->timers.count > 0 &&
           handshaker->timers.heap[0]->due_ns <= handshaker->now_ns) {
        sl_handshake_expire(handshaker->timers.heap[0]);
        busy = true;
    }
    return busy;
}

bool sl_handshaker_poll(struct sl_handshaker *handshaker, uint64_t now_ns, unsigned budget)
{
    handshaker->now_ns = now_ns;
    sl_handshake_turn_ticket_keys(&handshaker->ticket_keys, now_ns);
    bool busy = false;
    sl_handshake_take_roles(handshaker);
    for (unsigned i = 0; i < handshaker->config.worker_count; i++)
        busy |= serve_worker(handshaker, i, budget);
    busy |= sl_handshake_take_answers(handshaker, budget);
    busy |= run_timers(handshaker);
    sl_handshake_expire_last_flights(&handshaker->last_flights, now_ns);
    for (unsigned i = 0; i < handshaker->config.worker_count; i++)
        sl_message_flush(handshaker->outboxes[i].ring);
    return busy;
}

uint64_t sl_handshaker_next_timer(const struct sl_handshaker *handshaker)
{
    return handshaker->timers.count > 0 ? handshaker->timers.heap[0]->due_ns : UINT64_MAX;
}
