/**
 * Nanoseconds to open and to seal one record's worth of AEAD, for each back-end. With one session
 * everything is in the nearest cache; with 65,536 sessions every key comes from memory.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "sl_crypto.h"

#define RECORDS_ONE 1024 /* records of one pass over a single session */
#define AAD_LEN 13

struct bench_case {
    const char *backend_name, *alg_name;
    enum sl_crypto_backend backend;
    enum sl_aead_alg alg;
    uint32_t len, session_count;
    bool in_quick;
};

#define BACKEND(name, backend)                                                                     \
    {name, "aes128", backend, SL_AEAD_AES_128_GCM, 64, 1, true},                                   \
        {name, "aes128", backend, SL_AEAD_AES_128_GCM, 256, 1, false},                             \
        {name, "aes128", backend, SL_AEAD_AES_128_GCM, 512, 1, false},                             \
        {name, "aes128", backend, SL_AEAD_AES_128_GCM, 1024, 1, false},                            \
        {name, "aes128", backend, SL_AEAD_AES_128_GCM, 1400, 1, true},                             \
        {name, "aes256", backend, SL_AEAD_AES_256_GCM, 64, 1, true},                               \
        {name, "aes256", backend, SL_AEAD_AES_256_GCM, 1400, 1, true},                             \
        {name, "aes128", backend, SL_AEAD_AES_128_GCM, 64, 65536, true},                           \
    {                                                                                              \
        name, "aes128", backend, SL_AEAD_AES_128_GCM, 1400, 65536, false                           \
    }

static const struct bench_case cases[] = {
    BACKEND("ipsecmb", SL_CRYPTO_IPSECMB),
    BACKEND("openssl", SL_CRYPTO_OPENSSL),
    {"ipsecmb", "chacha", SL_CRYPTO_IPSECMB, SL_AEAD_CHACHA20_POLY1305, 64, 1, true},
    {"ipsecmb", "chacha", SL_CRYPTO_IPSECMB, SL_AEAD_CHACHA20_POLY1305, 1400, 1, true},
    {"openssl", "chacha", SL_CRYPTO_OPENSSL, SL_AEAD_CHACHA20_POLY1305, 64, 1, true},
    {"openssl", "chacha", SL_CRYPTO_OPENSSL, SL_AEAD_CHACHA20_POLY1305, 1400, 1, true},
};

/** Keys, and records in the order in which they are visited. */
struct setting {
    const struct bench_case *what;
    struct sl_aead *aead;
    struct sl_aead_key *keys; /* [session_count] */
    uint32_t *order;          /* [record_count] session of each record */
    uint8_t *plain, *sealed;  /* [record_count] times stride */
    uint32_t record_count, stride;
};

static void init_setting(struct setting *s, const struct bench_case *what)
{
    s->what = what;
    s->aead = sl_aead_create(what->backend);
    if (s->aead == NULL)
        return;
    s->record_count = what->session_count > 1 ? what->session_count : RECORDS_ONE;
    s->stride = (what->len + SL_AEAD_TAG_LEN + 63) & ~63U;
    s->keys = bench_alloc(sizeof *s->keys * what->session_count);
    s->order = bench_alloc(sizeof *s->order * s->record_count);
    s->plain = bench_alloc((size_t)s->stride * s->record_count);
    s->sealed = bench_alloc((size_t)s->stride * s->record_count);
    uint8_t secret[32] = {1};
    for (uint32_t i = 0; i < what->session_count; i++) {
        memcpy(secret + 4, &i, sizeof i);
        sl_aead_key_init(s->aead, &s->keys[i], what->alg, secret);
    }
    for (uint32_t i = 0; i < s->record_count; i++) /* a permutation that no prefetcher follows */
        s->order[i] = (uint32_t)(i * 40503ULL + 7) % what->session_count;
}

static void free_setting(struct setting *s)
{
    free(s->keys);
    free(s->order);
    free(s->plain);
    free(s->sealed);
    sl_aead_destroy(s->aead);
}

static void make_jobs(const struct setting *s, bool is_seal, uint32_t first,
                      struct sl_aead_job jobs[SL_BURST])
{
    for (uint32_t i = 0; i < SL_BURST; i++) {
        uint8_t *plain = s->plain + (size_t)(first + i) * s->stride;
        uint8_t *sealed = s->sealed + (size_t)(first + i) * s->stride;
        struct sl_aead_job *job = &jobs[i];
        job->key = &s->keys[s->order[first + i]];
        job->alg = s->what->alg;
        job->len = s->what->len;
        job->in = is_seal ? plain : sealed;
        job->out = is_seal ? sealed : plain;
        job->tag = sealed + s->what->len;
        job->aad_len = AAD_LEN;
        memset(job->aad, 0, AAD_LEN);
        memset(job->nonce, 0, sizeof job->nonce);
        memcpy(job->nonce, &(uint32_t){first + i}, 4);
    }
}

struct pass {
    const struct setting *setting;
    bool is_seal;
    struct bench_sum sum;
};

/** Records first..goal; the jobs' own set-up is part of it, as it is in lib/record. */
static void run_span(const struct pass *pass, uint32_t first, uint32_t goal)
{
    static struct sl_aead_job jobs[SL_BURST];
    uint64_t failed = 0;
    for (; first < goal; first += SL_BURST) {
        make_jobs(pass->setting, pass->is_seal, first, jobs);
        (pass->is_seal ? sl_aead_seal_burst : sl_aead_open_burst)(pass->setting->aead, jobs,
                                                                  SL_BURST);
        for (unsigned i = 0; i < SL_BURST; i++)
            failed += !jobs[i].ok;
    }
    if (failed > 0) {
        fprintf(stderr, "%lu records did not verify\n", (unsigned long)failed);
        exit(1);
    }
}

/** One pass over all records. */
static bool measure(void *arg)
{
    struct pass *pass = arg;
    const struct setting *s = pass->setting;
    pass->sum = (struct bench_sum){0};
    if (s->what->session_count > 1)
        bench_evict_caches();
    for (uint32_t first = 0; first < s->record_count; first += BENCH_SPAN_ITEMS) {
        struct bench_span span = bench_span_begin();
        run_span(pass, first, first + BENCH_SPAN_ITEMS);
        bench_span_add(&span, BENCH_SPAN_ITEMS, &pass->sum);
    }
    return pass->sum.items > 0;
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
        for (int is_seal = 1; is_seal >= 0; is_seal--) {
            struct pass pass = {.setting = s, .is_seal = is_seal};
            bench_measure(measure, &pass);
            if (round > 0)
                bench_result(bench_sum_ns(&pass.sum), "aead.%s.%s.%s.%u%s.ns",
                             is_seal ? "seal" : "open", what->backend_name, what->alg_name,
                             what->len, sessions);
        }
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
