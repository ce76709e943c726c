/**
 * Nanoseconds to open and to seal one DTLS record: header checks, nonce, additional data, AEAD,
 * replay window, for each back-end, with connection IDs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "sl_record.h"

#define RECORDS_ONE 1024
#define CID_LEN 8

struct bench_case {
    const char *backend_name;
    enum sl_crypto_backend backend;
    uint32_t len, session_count;
    bool in_quick;
};

static const struct bench_case cases[] = {
    {"vaes512", SL_CRYPTO_VAES512, 64, 1, true},
    {"vaes512", SL_CRYPTO_VAES512, 1400, 1, true},
    {"vaes512", SL_CRYPTO_VAES512, 64, 65536, true},
    {"vaes512", SL_CRYPTO_VAES512, 1400, 65536, false},
    {"vaes256", SL_CRYPTO_VAES256, 64, 1, true},
    {"vaes256", SL_CRYPTO_VAES256, 1400, 1, true},
    {"vaes256", SL_CRYPTO_VAES256, 64, 65536, true},
    {"vaes256", SL_CRYPTO_VAES256, 1400, 65536, false},
    {"ipsecmb", SL_CRYPTO_IPSECMB, 64, 1, true},
    {"ipsecmb", SL_CRYPTO_IPSECMB, 1400, 1, true},
    {"ipsecmb", SL_CRYPTO_IPSECMB, 64, 65536, true},
    {"ipsecmb", SL_CRYPTO_IPSECMB, 1400, 65536, false},
    {"openssl", SL_CRYPTO_OPENSSL, 64, 1, true},
    {"openssl", SL_CRYPTO_OPENSSL, 1400, 1, true},
    {"openssl", SL_CRYPTO_OPENSSL, 64, 65536, false},
};

/** Epochs whose peer is themselves: the same key and connection ID in both directions. */
struct setting {
    const struct bench_case *what;
    struct sl_aead *aead;
    struct sl_epoch *epochs; /* [session_count] */
    uint32_t *order;         /* [record_count] session of each record */
    uint8_t *plain, *records;
    uint32_t record_count, stride;
};

static void init_setting(struct setting *s, const struct bench_case *what)
{
    s->what = what;
    s->aead = sl_aead_create(what->backend);
    if (s->aead == NULL)
        return;
    s->record_count = what->session_count > 1 ? what->session_count : RECORDS_ONE;
    s->stride = (what->len + SL_RECORD_OVERHEAD_MAX + 63) & ~63U;
    s->epochs = bench_alloc(sizeof *s->epochs * what->session_count);
    s->order = bench_alloc(sizeof *s->order * s->record_count);
    s->plain = bench_alloc((size_t)s->stride * s->record_count);
    s->records = bench_alloc((size_t)s->stride * s->record_count);
    uint8_t secret[32] = {1}, iv[12] = {2}, cid[CID_LEN] = {3};
    for (uint32_t i = 0; i < what->session_count; i++) {
        memcpy(secret + 4, &i, sizeof i);
        memcpy(cid + 4, &i, sizeof i);
        struct sl_epoch_config config = {
            .number = 1,
            .alg = SL_AEAD_AES_128_GCM,
            .open_key = secret,
            .open_iv = iv,
            .seal_key = secret,
            .seal_iv = iv,
            .own_cid_negotiated = true,
            .own_cid_len = CID_LEN,
            .peer_cid_len = CID_LEN,
            .own_cid = cid,
            .peer_cid = cid,
        };
        sl_epoch_init(&s->epochs[i], s->aead, &config);
    }
    for (uint32_t i = 0; i < s->record_count; i++)
        s->order[i] = (uint32_t)(i * 40503ULL + 7) % what->session_count;
}

static void free_setting(struct setting *s)
{
    free(s->epochs);
    free(s->order);
    free(s->plain);
    free(s->records);
    sl_aead_destroy(s->aead);
}

static unsigned seal_burst(const struct setting *s, uint32_t first)
{
    static struct sl_seal_job jobs[SL_BURST];
    for (uint32_t i = 0; i < SL_BURST; i++) {
        jobs[i].epoch = &s->epochs[s->order[first + i]];
        jobs[i].plain = s->plain + (size_t)(first + i) * s->stride;
        jobs[i].plain_len = s->what->len;
        jobs[i].type = SL_CONTENT_APPLICATION_DATA;
        jobs[i].record = s->records + (size_t)(first + i) * s->stride;
    }
    return sl_record_seal_burst(s->aead, jobs, SL_BURST);
}

static unsigned open_burst(const struct setting *s, uint32_t first)
{
    static struct sl_open_job jobs[SL_BURST];
    for (uint32_t i = 0; i < SL_BURST; i++) {
        uint8_t *record = s->records + (size_t)(first + i) * s->stride;
        struct sl_reader reader = sl_reader_of(record, s->stride);
        if (sl_wire_parse_record(&reader, CID_LEN, &jobs[i].header) != SL_DROP_NONE)
            return 0;
        jobs[i].epoch = &s->epochs[s->order[first + i]];
        jobs[i].body = record + jobs[i].header.header_len;
        jobs[i].out = NULL;
    }
    return sl_record_open_burst(s->aead, jobs, SL_BURST);
}

struct pass {
    const struct setting *setting;
    struct bench_sum seal, open;
};

static bool run_pass(const struct setting *s,
                     unsigned (*burst)(const struct setting *s, uint32_t first),
                     struct bench_sum *sum)
{
    uint32_t done = 0;
    *sum = (struct bench_sum){0};
    if (s->what->session_count > 1)
        bench_evict_caches();
    for (uint32_t at = 0; at < s->record_count;) {
        struct bench_span span = bench_span_begin();
        for (uint32_t goal = at + BENCH_SPAN_ITEMS; at < goal; at += SL_BURST)
            done += burst(s, at);
        bench_span_add(&span, BENCH_SPAN_ITEMS, sum);
    }
    if (done != s->record_count) {
        fprintf(stderr, "%u of %u records failed\n", s->record_count - done, s->record_count);
        exit(1);
    }
    return sum->items > 0;
}

/** Each record is opened once: sealed anew before. */
static bool measure(void *arg)
{
    struct pass *pass = arg;
    bool is_sealed = run_pass(pass->setting, seal_burst, &pass->seal);
    return run_pass(pass->setting, open_burst, &pass->open) && is_sealed;
}

static void run_case(const struct bench_case *what, unsigned rounds)
{
    struct setting setting = {0}, *s = &setting;
    char sessions[24] = "";
    init_setting(s, what);
    if (s->aead == NULL) {
        fprintf(stderr, "%s cannot run on this processor\n", what->backend_name);
        return;
    }
    if (what->session_count > 1)
        snprintf(sessions, sizeof sessions, ".s%u", what->session_count);
    for (unsigned round = 0; round < rounds + 1; round++) { /* the first warms up */
        struct pass pass = {.setting = s};
        bench_measure(measure, &pass);
        if (round == 0)
            continue;
        bench_result(bench_sum_ns(&pass.seal), "record.seal.%s.%u%s.ns", what->backend_name,
                     what->len, sessions);
        bench_result(bench_sum_ns(&pass.open), "record.open.%s.%u%s.ns", what->backend_name,
                     what->len, sessions);
    }
    free_setting(s);
}

int main(int argc, char **argv)
{
    struct bench_options options = bench_begin(argc, argv);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (cases[i].in_quick || !options.is_quick)
            run_case(&cases[i], options.rounds);
    return 0;
}
