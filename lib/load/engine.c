#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "load_priv.h"

#define HUGE_PAGE_LEN (2UL << 20)
/** Bytes of the ring to the handshaker for each handshake that may be in flight: its beginning, its
 * end, and a server's flight. */
#define RING_LEN_PER_HANDSHAKE 4096
#define RING_LEN_MIN (1UL << 18)
#define RING_LEN_MAX (1UL << 24)
/** Bytes of all clients' windows that need no reason. */
#define CHEAP_WINDOWS_LEN (16UL << 20)

static bool refuse(char *reason, const char *what)
{
    snprintf(reason, SL_REASON_LEN, "%s", what);
    return false;
}

/** Zeroed memory, on huge pages where the kernel has them to give; freed with free(). */
static void *take_memory(size_t len)
{
    const size_t align = len >= HUGE_PAGE_LEN ? HUGE_PAGE_LEN : SL_CACHE_LINE;
    const size_t rounded = (len + align - 1) / align * align;
    void *memory = aligned_alloc(align, rounded > 0 ? rounded : align);
    if (memory == NULL)
        return NULL;
    if (align == HUGE_PAGE_LEN)
        madvise(memory, rounded, MADV_HUGEPAGE); /* only faster, so it may fail */
    memset(memory, 0, rounded);
    return memory;
}

/** Of `all` things in turn, this engine has so many. */
static uint64_t share_of(const struct sl_load_config *config, uint64_t all)
{
    return all / config->count + (config->index < all % config->count);
}

/**
 * Numbers that a client may have outstanding until they are late, twice over, as a power of two;
 * and, as far as that is cheap, until all clients' are: where only a few have sessions, they send
 * for all.
 */
static uint32_t window_of(const struct sl_load_scenario *scenario)
{
    const double rate = scenario->data_rate_max > scenario->data_rate ? scenario->data_rate_max
                                                                      : scenario->data_rate;
    const double of_all = 2 * rate * ((double)scenario->late_after_ns / 1e9);
    const double wanted = of_all / scenario->clients + SL_BURST;
    uint32_t window = 64;
    while (window < LOAD_WINDOW_MAX &&
           (window < wanted || (window < of_all + SL_BURST &&
                                2ULL * window / 8 * scenario->clients <= CHEAP_WINDOWS_LEN)))
        window *= 2;
    return window;
}

static bool take_scenario(struct sl_load *load, char *reason)
{
    const struct sl_load_config *config = &load->config;
    const struct sl_load_scenario *all = config->scenario;
    struct sl_load_scenario *own = &load->scenario;
    const uint64_t sources = (uint64_t)all->sources.ip_count * all->sources.port_count;
    *own = *all;
    if (sources < all->clients)
        return refuse(reason, "there are fewer addresses and ports than clients");
    if (sources / config->count >= UINT32_MAX)
        return refuse(reason, "there are more addresses and ports than can be told apart");
    if (all->connects_in_flight == 0 || all->clients == 0)
        return refuse(reason, "there has to be a client, and a handshake in flight");
    load->client_count = (uint32_t)share_of(config, all->clients);
    load->source_count = (uint32_t)share_of(config, sources);
    own->connects_in_flight = (uint32_t)share_of(config, all->connects_in_flight);
    own->connects_in_flight += own->connects_in_flight == 0;
    own->connect_rate /= config->count;
    own->churn_rate /= config->count;
    own->rebind_rate /= config->count;
    load->window = window_of(all);
    atomic_init(&load->orders.rate_milli, load_rate_of(all->data_rate / config->count));
    return true;
}

static bool make_tables(struct sl_load *load)
{
    const size_t clients = load->client_count, sources = load->source_count;
    load->epoch_len = sl_epoch_len(load->aead);
    load->clients = take_memory(clients * sizeof *load->clients);
    load->epochs = take_memory(clients * load->epoch_len);
    load->windows = take_memory(clients * load->window / 8);
    load->source_client = malloc((sources > 0 ? sources : 1) * sizeof *load->source_client);
    load->source_is_open = calloc(sources > 0 ? sources : 1, sizeof *load->source_is_open);
    return load->clients != NULL && load->epochs != NULL && load->windows != NULL &&
           load->source_client != NULL && load->source_is_open != NULL &&
           load_init_queue(&load->free_sources, load->source_count) &&
           load_init_queue(&load->waiting, load->client_count) &&
           load_init_queue(&load->untold, load->client_count) &&
           load_init_set(&load->connecting, load->client_count) &&
           load_init_set(&load->active, load->client_count) &&
           load_init_set(&load->draining, load->client_count);
}

/** Everybody waits to connect, each with a source; the sources left over are free. */
static void line_up(struct sl_load *load)
{
    memset(load->source_client, 0xff, load->source_count * sizeof *load->source_client);
    for (uint32_t number = 0; number < load->client_count; number++) {
        struct client *client = &load->clients[number];
        load_books_init(&client->books, load->windows + (size_t)number * load->window / 64,
                        load->window);
        client->source = number;
        load_push(&load->waiting, number);
    }
    for (uint32_t source = load->client_count; source < load->source_count; source++)
        load_push(&load->free_sources, source);
    load->untried = load->client_count;
}

static uint64_t ring_len(uint32_t in_flight)
{
    uint64_t len = RING_LEN_MIN;
    while (len < RING_LEN_MAX && len < (uint64_t)in_flight * RING_LEN_PER_HANDSHAKE)
        len *= 2;
    return len;
}

static bool make_handshaker(struct sl_load *load, char *reason)
{
    const uint32_t in_flight = load->scenario.connects_in_flight;
    load->to_handshaker = sl_ring_create(ring_len(in_flight));
    load->from_handshaker = sl_ring_create(ring_len(in_flight));
    if (load->to_handshaker == NULL || load->from_handshaker == NULL)
        return refuse(reason, "out of memory for the handshaker's rings");
    struct sl_handshaker_config config = load->config.handshaker;
    struct sl_ring_consumer *from_engine = sl_ring_consumer_of(load->to_handshaker);
    struct sl_ring_producer *to_engine = sl_ring_producer_of(load->from_handshaker);
    load->handshaker_from[0] = from_engine;
    load->handshaker_to[0] = to_engine;
    config.worker_count = 1;
    config.from_worker = load->handshaker_from;
    config.to_worker = load->handshaker_to;
    config.handshakes_max = in_flight;
    config.last_flights_max = load->scenario.resumes ? load->client_count + 1 : 1;
    config.connection_ids = load->scenario.offers_cid;
    load->handshaker = sl_handshaker_create(&config, reason);
    return load->handshaker != NULL;
}

struct sl_load *sl_load_create(const struct sl_load_config *config, char *reason)
{
    struct sl_load *load = take_memory(sizeof *load);
    if (load == NULL) {
        refuse(reason, "out of memory");
        return NULL;
    }
    load->config = *config;
    load->has_link = config->link != NULL;
    if (load->has_link)
        load->link = *config->link;
    uint64_t seed;
    memcpy(&seed, config->random_seed, sizeof seed);
    load_random_seed(&load->random, seed);
    bool is_fine = take_scenario(load, reason);
    load->aead = is_fine ? sl_aead_create(config->crypto) : NULL;
    if (is_fine && load->aead == NULL)
        is_fine = refuse(reason, "the AEAD engine asked for does not run on this processor");
    if (is_fine && !make_tables(load))
        is_fine = refuse(reason, "out of memory for so many clients");
    if (!is_fine || !load_make_floods(load, reason) || !load_make_neighbours(load, reason) ||
        !make_handshaker(load, reason)) {
        sl_load_destroy(load);
        return NULL;
    }
    load->key_lines = sl_aead_key_lines(load->aead);
    load_overdue_init(&load->overdue, load->scenario.late_after_ns > LOAD_SPANS_IN_TIME
                                          ? load->scenario.late_after_ns
                                          : LOAD_SPANS_IN_TIME);
    line_up(load);
    return load;
}

static void free_frames(struct sl_load *load)
{
    const struct sl_load_io *io = &load->config.io;
    struct outbox *box = &load->outbox;
    for (unsigned i = 0; i < box->count; i++)
        io->free(io->arg, &box->frames[i], 1);
    for (unsigned i = 0; i < box->spare_count; i++)
        io->free(io->arg, &box->spare[i], 1);
}

static void wipe_keys(struct sl_load *load)
{
    for (uint32_t number = 0; load->clients != NULL && number < load->client_count; number++)
        if (load_has_keys(&load->clients[number]))
            sl_epoch_wipe(load_epoch_of(load, &load->clients[number]), load->epoch_len);
}

void sl_load_destroy(struct sl_load *load)
{
    if (load == NULL)
        return;
    free_frames(load);
    load_close_sources(load);
    wipe_keys(load);
    sl_handshaker_destroy(load->handshaker);
    sl_ring_destroy(load->to_handshaker);
    sl_ring_destroy(load->from_handshaker);
    sl_aead_destroy(load->aead);
    load_wipe_queue(&load->free_sources);
    load_wipe_queue(&load->waiting);
    load_wipe_queue(&load->untold);
    load_wipe_set(&load->connecting);
    load_wipe_set(&load->active);
    load_wipe_set(&load->draining);
    free(load->clients);
    free(load->epochs);
    free(load->windows);
    free(load->source_client);
    free(load->source_is_open);
    free(load->floods);
    free(load);
}

static void set_gauges(struct sl_load *load)
{
    struct sl_load_stats *stats = &load->stats;
    __atomic_store_n(&stats->connecting, load->connecting.count, __ATOMIC_RELAXED);
    __atomic_store_n(&stats->established, load->active.count + load->draining.count,
                     __ATOMIC_RELAXED);
}

bool sl_load_poll(struct sl_load *load, uint64_t now_ns)
{
    load->now_ns = now_ns;
    load_count(load, SL_LOAD_OVERDUE, load_overdue_advance(&load->overdue, now_ns));
    load_take_orders(load);                  /* 1. what is wanted now */
    bool is_busy = load_send_messages(load); /* 2. what is due, first: a handshake may take long */
    is_busy |= load_send_floods(load);
    if (load->outbox.count > 0)
        is_busy |= load_flush(load);        /* 3. on its way */
    is_busy |= load_receive(load);          /* 4. echoes, and what servers say in handshakes */
    is_busy |= load_serve_handshakes(load); /* 5. flights, keys, outcomes */
    is_busy |= load_move_clients(load);     /* 6. who comes, goes and moves */
    if (load->outbox.count > 0)
        is_busy |= load_flush(load);
    set_gauges(load);
    load_look_whether_done(load);
    return is_busy;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/** When clients come, go or move next, in RUN. */
static uint64_t next_in_run(const struct sl_load *load)
{
    if (load->active.count == 0)
        return UINT64_MAX;
    return earlier(
        load_next_arrival_ns(&load->messages),
        earlier(load_next_arrival_ns(&load->churns), load_next_arrival_ns(&load->rebinds)));
}

uint64_t sl_load_next_due(const struct sl_load *load, uint64_t now_ns)
{
    uint64_t due_ns = sl_handshaker_next_timer(load->handshaker);
    if (load->has_told || load->outbox.count > 0)
        return now_ns;
    if (load->phase == SL_LOAD_RUN)
        due_ns = earlier(due_ns, next_in_run(load));
    if (load->waiting.count > 0)
        due_ns = earlier(due_ns, load_next_hop_due_ns(load));
    if (load->connects_run && load->connecting.count < load->scenario.connects_in_flight)
        due_ns =
            earlier(due_ns, load->scenario.connect_rate > 0 ? load_next_arrival_ns(&load->connects)
                                                            : now_ns);
    return earlier(due_ns, now_ns + SL_LOAD_NAP_MAX_NS);
}
