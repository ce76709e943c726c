/**
 * The session table, full: nanoseconds to find one session of COUNT, drawn at random, and to fill
 * it; bytes of memory a session.
 *
 *   find.cid.COUNT.ns        by connection ID, a burst at a time as the worker does: the places
 *                            first, whose memory is asked for, then whether they are the ones
 *                            (asked for is more than is looked at here: the session's second line
 *                            and its epoch's first, which opening a record needs)
 *   find.cid.COUNT.alone.ns  one after the other, nothing asked for early
 *   find.tuple.COUNT.ns      by 5-tuple, asked for in bursts: handshakes, sessions without our ID
 *   session.fill.ns          slot, handle, connection ID, index, epoch block; FILLED of them
 *   session.bytes            of the table's memory, with this processor's AEAD
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "sl_session.h"

#define FILLED 65536
#define PASS_ITEMS 16384

struct setting {
    uint32_t session_count;
    size_t memory_len;
    void *memory;
    struct sl_session_table *table;
    /* What is looked for, in this order, and what is to be found: drawn anew each pass. */
    uint8_t cids[PASS_ITEMS][SL_OWN_CID_LEN];
    struct sl_tuple tuples[PASS_ITEMS];
    struct sl_session *expected[PASS_ITEMS];
    unsigned (*find)(struct setting *setting, unsigned from);
    struct bench_sum sum;
};

static void fail(const char *what)
{
    fprintf(stderr, "session_bench: %s\n", what);
    exit(1);
}

static struct sl_path path_of(uint32_t client)
{
    const uint8_t ip[4] = {198, (uint8_t)(18 + (client >> 16 & 1)), (uint8_t)(client >> 8),
                           (uint8_t)client};
    struct sl_path path = {0};
    path.tuple.remote_ip = sl_ip_from_v4(ip);
    path.tuple.remote_port = (uint16_t)(1024 + (client >> 17));
    path.tuple.local_port = 4433;
    return path;
}

static void add_session(struct sl_session_table *table, uint32_t client)
{
    struct sl_session *session = sl_session_take(table, (uint8_t)client);
    if (session == NULL)
        fail("the table is too small");
    session->state = SL_SESSION_ESTABLISHED;
    session->path = path_of(client);
    if (!sl_session_index(table, session))
        fail("a 5-tuple is there twice");
    sl_session_take_epoch(table, session);
}

static void create(struct setting *s, uint32_t session_count)
{
    static const uint8_t seed[32] = {7};
    struct sl_aead *aead = sl_aead_create(SL_CRYPTO_AUTO);
    size_t epoch_len = sl_epoch_len(aead);
    struct sl_arena arena;
    s->session_count = session_count;
    s->memory_len = sl_session_table_memory_len(session_count, epoch_len);
    s->memory = bench_alloc(s->memory_len);
    sl_arena_init(&arena, s->memory, s->memory_len);
    s->table = sl_session_table_create(&arena, session_count, epoch_len, 0, seed);
    sl_aead_destroy(aead);
    if (s->table == NULL)
        fail("no table");
}

static void draw(struct setting *s)
{
    for (unsigned i = 0; i < PASS_ITEMS; i++) {
        struct sl_session *session = sl_session_at(s->table, bench_random() % s->session_count);
        memcpy(s->cids[i], session->own_cid, SL_OWN_CID_LEN);
        s->tuples[i] = session->path.tuple;
        s->expected[i] = session;
    }
}

static unsigned find_by_cid(struct setting *s, unsigned from)
{
    const struct sl_session_places *places = sl_session_table_places(s->table);
    unsigned found = 0;
    for (unsigned i = 0; i < SL_BURST; i++)
        sl_session_prefetch_slot(places, sl_cid_parse(s->cids[from + i]).slot,
                                 (struct sl_aead_key_lines){0, 0});
    for (unsigned i = 0; i < SL_BURST; i++)
        found += sl_session_find_cid(places, s->cids[from + i]) == s->expected[from + i];
    return found;
}

static unsigned find_by_cid_alone(struct setting *s, unsigned from)
{
    const struct sl_session_places *places = sl_session_table_places(s->table);
    unsigned found = 0;
    for (unsigned i = 0; i < SL_BURST; i++)
        found += sl_session_find_cid(places, s->cids[from + i]) == s->expected[from + i];
    return found;
}

static unsigned find_by_tuple(struct setting *s, unsigned from)
{
    uint32_t hashes[SL_BURST];
    unsigned found = 0;
    for (unsigned i = 0; i < SL_BURST; i++)
        hashes[i] = sl_session_hash_tuple(s->table, &s->tuples[from + i]);
    sl_session_prefetch_hashed(s->table, hashes, SL_BURST, (struct sl_aead_key_lines){0, 0});
    for (unsigned i = 0; i < SL_BURST; i++)
        found += sl_session_find_hashed(s->table, &s->tuples[from + i], hashes[i]) ==
                 s->expected[from + i];
    return found;
}

static bool measure_find(void *arg)
{
    struct setting *s = arg;
    unsigned found = 0;
    s->sum = (struct bench_sum){0};
    draw(s);
    if (s->session_count > 1)
        bench_evict_caches();
    for (unsigned at = 0; at < PASS_ITEMS;) {
        struct bench_span span = bench_span_begin();
        for (unsigned goal = bench_span_goal(at); at < goal; at += SL_BURST)
            found += s->find(s, at);
        bench_span_add(&span, BENCH_SPAN_ITEMS, &s->sum);
    }
    if (found != PASS_ITEMS)
        fail("a session was not found");
    return s->sum.items > 0;
}

static void run_finds(struct setting *s, unsigned rounds)
{
    static const struct {
        unsigned (*find)(struct setting *setting, unsigned from);
        const char *key;
    } ways[] = {
        {find_by_cid, "find.cid.%u.ns"},
        {find_by_cid_alone, "find.cid.%u.alone.ns"},
        {find_by_tuple, "find.tuple.%u.ns"},
    };
    for (unsigned round = 0; round < rounds + 1; round++) /* the first warms up */
        for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++) {
            s->find = ways[way].find;
            bench_measure(measure_find, s);
            char key[64];
            snprintf(key, sizeof key, ways[way].key, s->session_count);
            if (round > 0)
                bench_result(bench_sum_ns(&s->sum), "%s", key);
        }
}

static bool measure_fill(void *arg)
{
    struct setting *s = arg;
    s->sum = (struct bench_sum){0};
    for (uint32_t slot = 0; slot < FILLED; slot++)
        if (sl_session_at(s->table, slot)->state != SL_SESSION_FREE)
            sl_session_give_back(s->table, sl_session_at(s->table, slot));
    for (uint32_t client = 0; client < FILLED;) {
        struct bench_span span = bench_span_begin();
        for (uint32_t goal = client + BENCH_SPAN_ITEMS; client < goal; client++)
            add_session(s->table, client);
        bench_span_add(&span, BENCH_SPAN_ITEMS, &s->sum);
    }
    return s->sum.items > 0;
}

static void run_fills(struct setting *s, unsigned rounds)
{
    for (unsigned round = 0; round < rounds + 1; round++) {
        bench_measure(measure_fill, s);
        if (round == 0)
            continue;
        bench_result(bench_sum_ns(&s->sum), "session.fill.ns");
        bench_result((double)s->memory_len / s->session_count, "session.bytes");
    }
}

int main(int argc, char **argv)
{
    struct bench_options options = bench_begin(argc, argv);
    static const uint32_t counts[] = {FILLED, 1, 1000, 1000000};
    static struct setting s;
    for (size_t c = 0; c < (options.is_quick ? 2 : sizeof counts / sizeof counts[0]); c++) {
        create(&s, counts[c]);
        if (counts[c] == FILLED)
            run_fills(&s, options.rounds);
        for (uint32_t client = 0; counts[c] != FILLED && client < counts[c]; client++)
            add_session(s.table, client);
        run_finds(&s, options.rounds);
        free(s.memory);
    }
    return 0;
}
