#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "sessions_priv.h"
#include "stages_priv.h"

/** How long an epoch is, depends on the engine; a processor that can't run it fails at creation. */
static size_t epoch_len_of(enum sl_crypto_backend backend)
{
    struct sl_aead *aead = sl_aead_create(backend);
    size_t len = aead != NULL ? sl_epoch_len(aead) : sizeof(struct sl_epoch);
    sl_aead_destroy(aead);
    return len;
}

size_t sl_worker_memory_len(const struct sl_worker_config *config)
{
    return sl_arena_cost(sizeof(struct sl_worker)) + sl_arena_cost(SCRATCH_LEN) +
           sl_arena_cost(sizeof(struct sl_identity) * config->sessions_max) +
           worker_gate_memory_len(config) +
           sl_arena_cost(sizeof(struct sl_peer_chain *) * config->sessions_max) +
           sl_session_table_memory_len(config->sessions_max, epoch_len_of(config->crypto));
}

struct sl_worker *sl_worker_create(const struct sl_worker_config *config, struct sl_arena *arena)
{
    assert(config->group_count <= SL_GROUPS_MAX && config->listener_count <= SL_LISTENERS_MAX);
    assert(config->handshaker_count > 0 && config->handshaker_count <= SL_HANDSHAKERS_MAX);
    struct sl_worker *w = sl_arena_take(arena, sizeof *w);
    if (w == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    w->config = *config;
    w->scratch = sl_arena_take(arena, SCRATCH_LEN);
    w->identities = sl_arena_take(arena, sizeof *w->identities * config->sessions_max);
    w->chains = sl_arena_take(arena, sizeof *w->chains * config->sessions_max);
    w->aead = sl_aead_create(config->crypto);
    if (w->aead == NULL)
        return NULL;
    w->key_lines = sl_aead_key_lines(w->aead);
    w->table = sl_session_table_create(arena, config->sessions_max, sl_epoch_len(w->aead),
                                       config->index, config->random_seed);
    w->places = w->table != NULL ? sl_session_table_places(w->table) : NULL;
    w->cookies = sl_cookie_jar_create(config->cookie_root);
    bool has_gate = worker_make_gate(w, arena);
    /* What was made of them is enough. */
    explicit_bzero(w->config.cookie_root, sizeof w->config.cookie_root);
    explicit_bzero(w->config.random_seed, sizeof w->config.random_seed);
    if (!has_gate || w->scratch == NULL || w->identities == NULL || w->chains == NULL ||
        w->table == NULL || w->cookies == NULL) {
        sl_cookie_jar_destroy(w->cookies);
        sl_aead_destroy(w->aead);
        errno = ENOMEM;
        return NULL;
    }
    worker_begin_hello_credit(w);
    return w;
}

void sl_worker_destroy(struct sl_worker *w)
{
    if (w == NULL)
        return;
    for (unsigned g = 0; g < w->config.group_count; g++) {
        struct outbox *box = &w->outboxes[g];
        for (unsigned i = 0; i < box->count; i++)
            worker_discard_frame(w, box->frames[i]);
        for (unsigned i = 0; i < box->spare_count; i++)
            worker_discard_frame(w, box->spare[i]);
    }
    for (uint32_t slot = 0; slot < sl_session_table_capacity(w->table); slot++) {
        struct sl_session *session = sl_session_at(w->table, slot);
        if (session->state != SL_SESSION_FREE)
            sl_session_give_back(w->table, session);
    }
    sl_cookie_jar_destroy(w->cookies);
    sl_aead_destroy(w->aead);
}

void worker_discard_frame(struct sl_worker *w, struct sl_frame *frame)
{
    w->config.io.free_frames(w->config.io.arg, &frame, 1);
}

static void flush_ended(struct sl_worker *w)
{
    if (w->ended_count > 0)
        w->config.io.free_frames(w->config.io.arg, w->ended, w->ended_count);
    w->ended_count = 0;
}

/** Frames that another worker owns leave; the ring to it may be full. */
static void flush_away(struct sl_worker *w)
{
    for (unsigned to = 0; to < w->config.worker_count; to++) {
        unsigned n = w->away_count[to];
        if (n == 0)
            continue;
        unsigned gone = w->config.io.hand_over(w->config.io.arg, to, w->away[to], n);
        worker_count(w, SL_COUNTER_HANDED_OVER, gone);
        for (unsigned i = gone; i < n; i++) {
            worker_count(w, SL_COUNTER_RX_RECORDS, 1);
            worker_drop(w, SL_DROP_HANDOFF_FULL);
            worker_end_frame(w, w->away[to][i]);
        }
        w->away_count[to] = 0;
    }
}

void sl_worker_receive(struct sl_worker *w, struct sl_frame **frames, unsigned n, uint64_t now_ns)
{
    assert(n <= SL_BURST);
    uint64_t bytes = 0;
#pragma GCC unroll 8
    for (unsigned i = 0; i < n; i++)
        bytes += frames[i]->len;
    worker_count(w, SL_COUNTER_RX_FRAMES, n);
    worker_count(w, SL_COUNTER_RX_BYTES, bytes);

    w->hellos.is_crowded |= n == SL_BURST;
    unsigned live = worker_parse_burst(w, frames, n, now_ns);
    worker_find_burst(w, frames, live, now_ns);
    flush_away(w);
    flush_ended(w);
}

void sl_worker_take_over(struct sl_worker *w, struct sl_frame **frames, unsigned n, uint64_t now_ns)
{
    assert(n <= SL_BURST);
    worker_count(w, SL_COUNTER_TAKEN_OVER, n);
    w->hellos.is_crowded |= n == SL_BURST;
    n = worker_hear_next_hops(w, frames, n, now_ns);
    worker_find_burst(w, frames, n, now_ns);
    flush_ended(w);
}

void worker_finish_rx(struct sl_worker *w, uint64_t now_ns)
{
    if (w->rx.count == 0)
        return;
    worker_open_burst(w);
    worker_admit_burst(w, now_ns);
    w->rx.count = 0;
}

void worker_finish_tx(struct sl_worker *w, uint64_t now_ns)
{
    worker_seal_burst(w);
    worker_write_headers_burst(w);
    worker_checksum_burst(w);
    worker_send_burst(w, now_ns);
}

bool sl_worker_turn(struct sl_worker *w, uint64_t now_ns)
{
    bool busy = worker_flush_outboxes(w, now_ns);
    busy |= worker_receive_messages(w, now_ns);
    if (w->has_failures)
        worker_tell_failures(w, now_ns);
    if (w->seeks_hops)
        busy |= worker_ask_next_hops(w, now_ns);
    busy |= worker_collect(w, now_ns);
    if (worker_is_sweep_due(w, now_ns))
        busy |= worker_sweep(w, now_ns);
    busy |= worker_flush_outboxes(w, now_ns);
    worker_publish(w, now_ns);
    worker_flush_messages(w);
    worker_grow_hello_credit(w, now_ns);
    if (w->reports_pending) {
        worker_report_to_control(w);
        busy = true;
    }
    worker_count(w, SL_COUNTER_POLLS, 1);
    if (!busy)
        worker_count(w, SL_COUNTER_IDLE_POLLS, 1);
    return busy;
}

bool sl_worker_is_stopped(const struct sl_worker *w)
{
    return w->is_stopped;
}

const struct sl_counters *sl_worker_counters(const struct sl_worker *w)
{
    return &w->counters;
}

const char *sl_worker_crypto_name(const struct sl_worker *w)
{
    return sl_aead_name(w->aead);
}
