/*
 * Who may come in, and how much of it. Before the cookie anybody can pretend to be anybody: limits
 * there are wide, and keep the gateway from sending a lot to somebody who has not asked. After it
 * the address is the client's, and limits are those that count. What a session has been given it
 * keeps, until the lists say otherwise. docs/decisions/limits-before-and-after-the-cookie.md
 */
#include "sessions_priv.h"

/** Records of one handshake: a chain of certificates in small pieces, all of it sent twice, and
 * what a client with a timer of 100 ms repeats. */
#define RECORDS_AT_ONCE 128
#define RECORDS_PER_SECOND 64
/** A prefix with more handshakes than this leaves half of the ring to others. */
#define FEW_HANDSHAKES 16

size_t worker_gate_memory_len(const struct sl_worker_config *config)
{
    return 2 * sl_buckets_memory_len(PREFIX_SETS) +
           sl_prefix_counts_memory_len(config->half_open_max);
}

bool worker_make_gate(struct sl_worker *w, struct sl_arena *arena)
{
    const struct sl_worker_config *config = &w->config;
    w->admission = config->admission;
    w->prefixes.v4_len = config->prefix_len_v4;
    w->prefixes.v6_len = config->prefix_len_v6;
    /* The seed is the session table's: a key of our own for the hash is made of it. */
    for (unsigned half = 0; half < 2; half++) {
        const uint64_t label[2] = {0x707265666978ULL, half};
        const uint64_t word = sl_siphash(config->random_seed, label, sizeof label);
        memcpy(w->prefixes.key + 8UL * half, &word, sizeof word);
    }
    w->hello_buckets = sl_buckets_create(arena, PREFIX_SETS);
    w->handshake_buckets = sl_buckets_create(arena, PREFIX_SETS);
    w->in_flight = sl_prefix_counts_create(arena, config->half_open_max);
    return w->hello_buckets != NULL && w->handshake_buckets != NULL && w->in_flight != NULL;
}

/** An event of a prefix: true when its bucket and the one over all allow it; then both have paid.
 */
static bool take_both(struct sl_buckets *buckets, uint64_t hash, const struct sl_rate *each,
                      uint64_t *all_full_ns, const struct sl_rate *all, uint64_t now_ns)
{
    if (!sl_bucket_allows(*all_full_ns, all, now_ns))
        return false;
    if (each->event_ns != 0 &&
        !sl_bucket_take(sl_buckets_find(buckets, hash, now_ns), each, now_ns))
        return false;
    return sl_bucket_take(all_full_ns, all, now_ns);
}

bool worker_admits_hello(struct sl_worker *w, const struct sl_ip *remote, uint64_t now_ns)
{
    const struct sl_admission_rules *rules = w->admission;
    if (rules == NULL || (rules->hellos.event_ns == 0 && rules->hellos_per_prefix.event_ns == 0))
        return true;
    return take_both(w->hello_buckets, sl_prefix_hash(&w->prefixes, remote),
                     &rules->hellos_per_prefix, &w->hellos_full_ns, &rules->hellos, now_ns);
}

enum sl_drop worker_admit_handshake(struct sl_worker *w, const struct sl_ip *remote,
                                    uint64_t now_ns)
{
    const struct sl_admission_rules *rules = w->admission;
    if (rules == NULL)
        return SL_DROP_NONE;
    const uint64_t hash = sl_prefix_hash(&w->prefixes, remote);
    const uint32_t max = rules->handshakes_in_flight_per_prefix;
    if (max != 0 && sl_prefix_count(w->in_flight, hash) >= max)
        return SL_DROP_HANDSHAKES_PER_PREFIX;
    const struct sl_rate *rate = &rules->handshakes_per_prefix;
    if (rate->event_ns != 0 &&
        !sl_bucket_take(sl_buckets_find(w->handshake_buckets, hash, now_ns), rate, now_ns))
        return SL_DROP_HANDSHAKE_RATE;
    return SL_DROP_NONE;
}

/**
 * The lists are about who is at the other end of the network: a router that those who are allowed
 * come through may ask for our MAC, whatever its own address is.
 */
enum sl_drop worker_admit_answer(struct sl_worker *w, const struct sl_frame *frame, uint64_t now_ns)
{
    const struct sl_admission_rules *rules = w->admission;
    if (rules == NULL)
        return SL_DROP_NONE;
    const bool is_echo = frame->kind == SL_PACKET_ECHO4 || frame->kind == SL_PACKET_ECHO6;
    if (is_echo && !worker_allows(w, &frame->path.tuple.remote_ip))
        return SL_DROP_DENIED;
    const bool is_taken = is_echo
                              ? sl_bucket_take(&w->echoes_full_ns, &rules->echoes, now_ns)
                              : sl_bucket_take(&w->neighbours_full_ns, &rules->neighbours, now_ns);
    return is_taken ? SL_DROP_NONE : SL_DROP_ANSWER_RATE;
}

/**
 * Whatever the rules are: a ring that one client fills is full for all. A session that libssl keeps
 * goes on for as long as it likes, and leaves half of the ring to handshakes.
 */
enum sl_drop worker_admit_record(struct sl_worker *w, struct sl_session *session,
                                 struct sl_ring_producer *to, uint64_t now_ns)
{
    const struct sl_rate rate = sl_rate_of(RECORDS_PER_SECOND, RECORDS_AT_ONCE);
    const uint64_t hash = sl_prefix_hash(&w->prefixes, &session->path.tuple.remote_ip);
    const bool is_legacy = session->state == SL_SESSION_LEGACY;
    if ((is_legacy || sl_prefix_count(w->in_flight, hash) > FEW_HANDSHAKES) &&
        !sl_ring_has_room(to, to->size / 2))
        return SL_DROP_HANDSHAKE_SHARE;
    if (is_legacy)
        return SL_DROP_NONE;
    return sl_bucket_take(&session->forwarded_full_ns, &rate, now_ns) ? SL_DROP_NONE
                                                                      : SL_DROP_HANDSHAKE_RECORDS;
}

void worker_take_admission(struct sl_worker *w, const struct sl_admission_rules *rules)
{
    w->admission = rules;
    w->recheck_left = sl_session_table_capacity(w->table);
    w->admission_pending = true;
    w->reports_pending = true;
}

void worker_recheck(struct sl_worker *w, struct sl_session *session, uint64_t now_ns)
{
    if (session->state == SL_SESSION_FREE || session->state == SL_SESSION_CLOSING)
        return;
    if ((session->flags & SESSION_HAS_CANDIDATE) &&
        !worker_allows(w, &session->candidate.tuple.remote_ip))
        session->flags &= (uint8_t) ~(SESSION_HAS_CANDIDATE | SESSION_MOVED_PENDING);
    if (worker_allows(w, &session->path.tuple.remote_ip))
        return;
    if (session->state == SL_SESSION_ESTABLISHED || session->state == SL_SESSION_LEGACY)
        worker_close(w, session, SL_CLOSE_DENIED, true, now_ns);
    else
        worker_abort(w, session, now_ns);
}
