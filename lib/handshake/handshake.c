#include <stdlib.h>
#include <sys/time.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "handshake_priv.h"

#define NS_PER_MS 1000000ULL

/** Frees all but the struct itself, which remembers that the handle has ended. */
static void wipe(struct handshake *handshake)
{
    SSL_free(handshake->ssl);
    handshake->ssl = NULL;
    handshake->owner->legacy_count -= handshake->server.is_legacy;
    handshake->server.is_legacy = false;
    sl_handshake_leave_roles(handshake); /* libssl calls into it no more */
    sl_handshake_free_keys(handshake->keys);
    handshake->keys = NULL;
    OPENSSL_cleanse(handshake->server.mac_key, sizeof handshake->server.mac_key);
    sl_handshake_forget_question(handshake);
    OPENSSL_cleanse(&handshake->server.psk, sizeof handshake->server.psk);
    for (unsigned i = 0; i < MESSAGES_MAX; i++)
        sl_handshake_wipe_assembly(&handshake->messages[i]);
    sl_handshake_wipe_flight(&handshake->flight);
    sl_handshake_drop_held(handshake);
    ERR_clear_error();
}

static struct population *population_of(struct sl_handshaker *handshaker, const struct role *role)
{
    return role->is_client ? &handshaker->own : &handshaker->strangers;
}

/** No more are known. */
static bool is_full(const struct population *population)
{
    return population->known >= 2 * population->max;
}

static void leave_progress(const struct handshake *handshake)
{
    atomic_fetch_sub_explicit(&handshake->owner->in_progress, 1, memory_order_relaxed);
    population_of(handshake->owner, handshake->role)->in_progress--;
}

/** Counts how it ended; each handshake that was begun ends here once. */
static void end(struct handshake *handshake, enum sl_handshake_counter outcome)
{
    sl_handshake_count(handshake->owner, outcome);
    leave_progress(handshake);
    wipe(handshake);
    handshake->state = HANDSHAKE_ENDED;
}

/** It is complete; libssl and its memory stay. */
static void keep(struct handshake *handshake)
{
    struct sl_handshaker *handshaker = handshake->owner;
    sl_handshake_count(handshaker, SL_HANDSHAKE_COMPLETED);
    leave_progress(handshake);
    handshake->state = HANDSHAKE_KEPT;
    handshaker->strangers.known--;
    sl_handshake_set_timer(&handshaker->timers, handshake, UINT64_MAX);
}

void sl_handshake_end_kept(struct handshake *handshake)
{
    struct sl_handshaker *handshaker = handshake->owner;
    sl_handshake_count(handshaker, SL_HANDSHAKE_LEGACY_CLOSED);
    handshaker->strangers.known++;
    wipe(handshake);
    handshake->state = HANDSHAKE_ENDED;
}

static void release(struct handshake *handshake)
{
    struct sl_handshaker *handshaker = handshake->owner;
    sl_handshake_clear_timer(&handshaker->timers, handshake);
    sl_handshake_remove(&handshaker->handshakes, handshake->handle);
    population_of(handshaker, handshake->role)->known--;
    free(handshake);
}

void sl_handshake_end(struct handshake *handshake, enum sl_handshake_counter outcome)
{
    if (handshake->state == HANDSHAKE_KEPT)
        sl_handshake_end_kept(handshake);
    else if (handshake->state != HANDSHAKE_ENDED)
        end(handshake, outcome);
    release(handshake);
}

static uint64_t patience_ns(const struct sl_handshaker *handshaker)
{
    return handshaker->config.handshake_timeout_ms * NS_PER_MS;
}

void sl_handshake_hasten(struct handshake *handshake, uint32_t timeout_ms)
{
    const uint64_t give_up_ns = handshake->begun_ns + timeout_ms * NS_PER_MS;
    if (timeout_ms > 0 && give_up_ns < handshake->give_up_ns)
        handshake->give_up_ns = give_up_ns;
}

void sl_handshake_fail(struct handshake *handshake, enum sl_handshake_counter outcome)
{
    struct sl_handshaker *handshaker = handshake->owner;
    struct sl_message_abort message = sl_handshake_explain(handshake, outcome);
    sl_handshake_post_abort(handshaker, handshake->worker, handshake->handle, &message);
    /* RFC 5246 7.2.2: what ended in an error is not resumed. */
    if (handshake->role->is_client && outcome != SL_HANDSHAKE_TIMED_OUT)
        sl_handshake_forget_session(&handshaker->sessions, handshake->client.resume);
    end(handshake, outcome);
    if (is_full(population_of(handshaker, handshake->role)))
        release(handshake);
    else
        sl_handshake_set_timer(&handshaker->timers, handshake,
                               handshaker->now_ns + patience_ns(handshaker));
}

static uint64_t sooner(uint64_t a_ns, uint64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

void sl_handshake_arm(struct handshake *handshake)
{
    uint64_t due_ns = handshake->give_up_ns;
    struct timeval left;
    if (handshake->refuse_ns != 0)
        due_ns = sooner(handshake->refuse_ns, due_ns);
    if (handshake->server.question != 0) { /* libssl has not seen that the client has answered */
        due_ns = sooner(handshake->server.answer_due_ns, due_ns);
    } else if (handshake->ssl != NULL && DTLSv1_get_timeout(handshake->ssl, &left) == 1) {
        uint64_t left_ns = (uint64_t)left.tv_sec * 1000 * NS_PER_MS + (uint64_t)left.tv_usec * 1000;
        /* libssl rounds down, and its clock is not ours: look again rather than in a circle. */
        uint64_t look_ns = handshake->owner->now_ns + (left_ns > NS_PER_MS ? left_ns : NS_PER_MS);
        due_ns = sooner(look_ns, due_ns);
    }
    sl_handshake_set_timer(&handshake->owner->timers, handshake, due_ns);
}

static void retransmit(struct handshake *handshake)
{
    ERR_clear_error();
    long sent = handshake->ssl != NULL ? DTLSv1_handle_timeout(handshake->ssl) : 0;
    if (sent > 0)
        sl_handshake_count(handshake->owner, SL_HANDSHAKE_RETRANSMITTED);
    if (sent < 0)
        sl_handshake_fail(handshake, SL_HANDSHAKE_FAILED);
    else
        sl_handshake_arm(handshake);
}

void sl_handshake_expire(struct handshake *handshake)
{
    uint64_t now_ns = handshake->owner->now_ns;
    if (handshake->state == HANDSHAKE_ENDED)
        release(handshake);
    else if (!sl_handshake_is_outbox_empty(sl_handshake_outbox(handshake)))
        /* The worker does not keep up: what is due would only wait behind the rest. */
        sl_handshake_set_timer(&handshake->owner->timers, handshake, now_ns + NS_PER_MS);
    else if (now_ns >= handshake->give_up_ns)
        sl_handshake_give_up(handshake);
    else if (handshake->server.question != 0)
        sl_handshake_miss_answer(handshake);
    else if (handshake->refuse_ns != 0 && now_ns >= handshake->refuse_ns)
        sl_handshake_refuse_psk(handshake);
    else
        retransmit(handshake);
}

/**
 * Of a datagram of a handshake. wolfSSL reads no more of one than 1,400 bytes, small devices have
 * no larger buffer either, and behind our port a path may be narrower: what libssl sends has to
 * arrive before anybody could find out. As QUIC has it (RFC 9000 14.1), and browsers' DTLS.
 */
#define DATAGRAM_MAX 1200

static struct handshake *make(struct sl_handshaker *handshaker, const struct handshake_start *start)
{
    struct handshake *handshake = calloc(1, sizeof *handshake);
    if (handshake == NULL)
        return NULL;
    handshake->owner = handshaker;
    handshake->role = start->role;
    handshake->handle = start->handle;
    handshake->worker = start->worker;
    handshake->begun_ns = handshaker->now_ns;
    handshake->give_up_ns = handshaker->now_ns + patience_ns(handshaker);
    handshake->path = *start->path;
    handshake->datagram_max =
        start->path_payload_max < DATAGRAM_MAX ? start->path_payload_max : DATAGRAM_MAX;
    handshake->own_cid_len = start->own_cid_len;
    memcpy(handshake->own_cid, start->own_cid, sizeof handshake->own_cid);
    return handshake;
}

struct handshake *sl_handshake_begin(struct sl_handshaker *handshaker,
                                     const struct handshake_start *start)
{
    const struct sl_message_abort overflow = {.cause = SL_ABORT_OVERFLOW};
    struct population *population = population_of(handshaker, start->role);
    struct handshake *handshake = NULL;
    if (population->in_progress < population->max && !is_full(population))
        handshake = make(handshaker, start);
    if (handshake == NULL) {
        sl_handshake_count(handshaker, SL_HANDSHAKE_OVERFLOW);
        sl_handshake_post_abort(handshaker, start->worker, start->handle, &overflow);
        return NULL;
    }
    sl_handshake_insert(&handshaker->handshakes, start->handle, handshake);
    population->known++;
    population->in_progress++;
    atomic_fetch_add_explicit(&handshaker->in_progress, 1, memory_order_relaxed);
    sl_handshake_count(handshaker, SL_HANDSHAKE_STARTED);
    sl_handshake_arm(handshake);
    return handshake;
}

/** What libssl holds against the peer. */
static enum sl_handshake_counter outcome_of(const struct handshake *handshake)
{
    bool is_refused = handshake->ssl != NULL &&
                      (SSL_get_verify_result(handshake->ssl) != X509_V_OK ||
                       ERR_GET_REASON(ERR_peek_error()) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE);
    return is_refused ? SL_HANDSHAKE_REFUSED_PEER : SL_HANDSHAKE_FAILED;
}

void sl_handshake_advance(struct handshake *handshake)
{
    enum progress progress;
    bool has_moved = false;
    while ((progress = handshake->role->take_message(handshake)) == PROGRESS_MADE)
        has_moved = true;
    if (progress == PROGRESS_FAILED && handshake->has_long_chain)
        sl_handshake_refuse_chain(handshake);
    else if (progress == PROGRESS_FAILED)
        sl_handshake_fail(handshake, outcome_of(handshake));
    else if (progress == PROGRESS_DONE && handshake->server.is_legacy)
        keep(handshake);
    else if (progress == PROGRESS_DONE)
        sl_handshake_end(handshake, SL_HANDSHAKE_COMPLETED);
    else if (has_moved) /* or strangers' records would put the timer off for ever */
        sl_handshake_arm(handshake);
}
