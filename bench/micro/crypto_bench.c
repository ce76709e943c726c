/**
 * Nanoseconds to open and to seal one record's worth of AEAD: every back-end, and beside them
 * Intel's IPsec_MB called directly ("direct"), in the same rounds and on the same jobs.
 *
 * The records come from a pool that stays in the second cache, as a burst does that has just been
 * received; each job's session is drawn at random, so that with many of them the key comes from
 * memory. All sessions have the same secret, each a key of its own in memory. Jobs are made, and
 * results checked, outside of what is timed.
 */
#include <intel-ipsec-mb.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "sl_crypto.h"

#define POOL 256 /* records */
#define PASS_ITEMS 4096
#define STRIDE 1472
#define CACHE_LINE 64
/* Records that "direct" looks ahead: what is best for it, tried. */
#define AHEAD_SHORT 16
#define AHEAD_LONG 6
#define SHORT_LEN 128

struct bench_case {
    enum sl_aead_alg alg;
    uint16_t aad_len;
    uint32_t len, session_count;
};

static const uint8_t secret[32] = {1, 2, 3, 5, 8, 13, 21, 34};
static const char *const alg_names[] = {"aes128", "aes256", "chacha"};

/** One way to do it: a back-end of lib/crypto, or IPsec_MB itself (aead NULL). */
struct engine {
    const char *name;
    enum sl_crypto_backend backend;
    bool is_direct;
    struct sl_aead *aead;
    size_t key_len;
    uint8_t *keys; /* [session_count] times key_len */
};

static struct engine engines[] = {
    {.name = "vaes512", .backend = SL_CRYPTO_VAES512},
    {.name = "vaes256", .backend = SL_CRYPTO_VAES256},
    {.name = "ipsecmb", .backend = SL_CRYPTO_IPSECMB},
    {.name = "openssl", .backend = SL_CRYPTO_OPENSSL},
    {.name = "direct", .is_direct = true},
};
#define ENGINE_COUNT (sizeof engines / sizeof engines[0])

static IMB_MGR *mgr; /* direct; NULL: the processor can't */
static struct gcm_context_data context;
static uint8_t *plain, *sealed, *out; /* [POOL] times STRIDE */
static struct sl_aead_job jobs[BENCH_SPAN_ITEMS];
static uint8_t tags[BENCH_SPAN_ITEMS][SL_AEAD_TAG_LEN];

static void open_engines(void)
{
    mgr = alloc_mb_mgr(0);
    if (mgr != NULL && (mgr->features & IMB_FEATURE_AESNI) &&
        (mgr->features & IMB_FEATURE_PCLMULQDQ))
        init_mb_mgr_auto(mgr, NULL);
    else
        mgr = NULL;
    for (size_t i = 0; i < ENGINE_COUNT; i++) {
        struct engine *e = &engines[i];
        if (e->is_direct)
            e->key_len = sizeof(struct gcm_key_data);
        else if ((e->aead = sl_aead_create(e->backend)) != NULL)
            e->key_len = sl_aead_key_block_len(e->aead);
        if (e->aead == NULL && (!e->is_direct || mgr == NULL))
            fprintf(stderr, "%s cannot run on this processor\n", e->name);
    }
}

static bool can_run(const struct engine *e, const struct bench_case *what)
{
    if (e->is_direct)
        return mgr != NULL && what->alg != SL_AEAD_CHACHA20_POLY1305;
    if (e->aead == NULL)
        return false;
    /* ChaCha has one way beside libcrypto's; it is not the kernels' business */
    bool is_kernel = e->backend == SL_CRYPTO_VAES512 || e->backend == SL_CRYPTO_VAES256;
    return what->alg != SL_AEAD_CHACHA20_POLY1305 || !is_kernel;
}

/** The key once, and copies of it. */
static void make_keys(struct engine *e, const struct bench_case *what)
{
    e->keys = bench_alloc(e->key_len * what->session_count);
    if (!e->is_direct)
        sl_aead_key_init(e->aead, (struct sl_aead_key *)e->keys, what->alg, secret);
    else if (what->alg == SL_AEAD_AES_128_GCM)
        IMB_AES128_GCM_PRE(mgr, secret, (struct gcm_key_data *)e->keys);
    else
        IMB_AES256_GCM_PRE(mgr, secret, (struct gcm_key_data *)e->keys);
    for (uint32_t i = 1; i < what->session_count; i++)
        memcpy(e->keys + i * e->key_len, e->keys, e->key_len);
}

static void make_jobs(const struct engine *e, const struct bench_case *what, bool is_seal)
{
    for (uint32_t i = 0; i < BENCH_SPAN_ITEMS; i++) {
        const size_t at = (size_t)(i % POOL) * STRIDE;
        struct sl_aead_job *job = &jobs[i];
        memset(job, 0, sizeof *job);
        job->key =
            (struct sl_aead_key *)(e->keys + bench_random() % what->session_count * e->key_len);
        job->alg = what->alg;
        job->len = what->len;
        job->aad_len = what->aad_len;
        job->in = (is_seal ? plain : sealed) + at;
        job->out = out + at;
        job->tag = is_seal ? tags[i] : sealed + at + what->len;
        memset(job->aad, 7, what->aad_len);
        memcpy(job->nonce, &(uint32_t){i % POOL}, 4);
    }
}

/** The records of the pool, sealed by libcrypto. */
static void fill_pool(const struct bench_case *what)
{
    struct engine oracle = {.aead = sl_aead_create(SL_CRYPTO_OPENSSL), .key_len = 64};
    const struct bench_case once = {what->alg, what->aad_len, what->len, 1};
    make_keys(&oracle, &once);
    make_jobs(&oracle, &once, true);
    for (uint32_t i = 0; i < POOL; i++) {
        jobs[i].out = sealed + (size_t)i * STRIDE;
        jobs[i].tag = jobs[i].out + what->len;
    }
    for (uint32_t i = 0; i < POOL; i += SL_BURST)
        sl_aead_seal_burst(oracle.aead, jobs + i, SL_BURST);
    free(oracle.keys);
    sl_aead_destroy(oracle.aead);
}

/** What a record of this length reads of IPsec_MB's key; as aead_ipsecmb.c has it. */
static inline __attribute__((always_inline)) void prefetch_direct(const struct sl_aead_job *job)
{
    const uint8_t *key = (const uint8_t *)job->key;
    const size_t rounds_len = sizeof(((struct gcm_key_data *)0)->expanded_keys);
    const bool is_vaes = mgr->used_arch == IMB_ARCH_AVX512;
    size_t blocks = (job->len + 15) / 16 + 3;
    size_t to = rounds_len + (is_vaes ? 48 * 16 : 16 * 16);
    size_t from = is_vaes ? to - 16 * (blocks < 48 ? blocks : 48) : rounds_len;
    for (size_t off = 0; off < rounds_len; off += CACHE_LINE)
        __builtin_prefetch(key + off);
    for (size_t off = from & ~(size_t)(CACHE_LINE - 1); off < to; off += CACHE_LINE)
        __builtin_prefetch(key + off);
}

static void direct_one(struct sl_aead_job *job, bool is_seal)
{
    const struct gcm_key_data *key = (const struct gcm_key_data *)job->key;
    const bool is_128 = job->alg == SL_AEAD_AES_128_GCM;
    aes_gcm_enc_dec_t crypt = is_seal ? (is_128 ? mgr->gcm128_enc : mgr->gcm256_enc)
                                      : (is_128 ? mgr->gcm128_dec : mgr->gcm256_dec);
    uint8_t tag[SL_AEAD_TAG_LEN];
    crypt(key, &context, job->out, job->in, job->len, job->nonce, job->aad, job->aad_len,
          is_seal ? job->tag : tag, SL_AEAD_TAG_LEN);
    uint64_t mine[2], sent[2];
    memcpy(mine, is_seal ? job->tag : tag, sizeof mine);
    memcpy(sent, job->tag, sizeof sent);
    job->ok = ((mine[0] ^ sent[0]) | (mine[1] ^ sent[1])) == 0;
}

static void direct_burst(struct sl_aead_job *burst, bool is_seal, bool is_cold)
{
    const unsigned ahead = burst[0].len <= SHORT_LEN ? AHEAD_SHORT : AHEAD_LONG;
    for (unsigned i = 0; is_cold && i < ahead; i++)
        prefetch_direct(&burst[i]);
    for (unsigned i = 0; i < SL_BURST; i++) {
        if (is_cold && i + ahead < SL_BURST)
            prefetch_direct(&burst[i + ahead]);
        direct_one(&burst[i], is_seal);
    }
}

struct pass {
    const struct bench_case *what;
    const struct engine *engine;
    bool is_seal;
    struct bench_sum sum;
};

static void run_jobs(const struct pass *pass)
{
    const bool is_cold = pass->what->session_count > 1;
    for (uint32_t i = 0; i < BENCH_SPAN_ITEMS; i += SL_BURST) {
        if (pass->engine->is_direct)
            direct_burst(jobs + i, pass->is_seal, is_cold);
        else if (pass->is_seal)
            sl_aead_seal_burst(pass->engine->aead, jobs + i, SL_BURST);
        else
            sl_aead_open_burst(pass->engine->aead, jobs + i, SL_BURST);
    }
}

/** Every record came out as libcrypto had it; exits otherwise. */
static void check_jobs(const struct pass *pass)
{
    for (uint32_t i = 0; i < BENCH_SPAN_ITEMS; i++) {
        const size_t at = (size_t)(i % POOL) * STRIDE;
        const uint8_t *expected = (pass->is_seal ? sealed : plain) + at;
        if (jobs[i].ok && memcmp(jobs[i].out, expected, pass->what->len) == 0 &&
            memcmp(jobs[i].tag, sealed + at + pass->what->len, SL_AEAD_TAG_LEN) == 0)
            continue;
        fprintf(stderr, "%s: record %u is wrong\n", pass->engine->name, i);
        exit(1);
    }
}

static bool measure(void *arg)
{
    struct pass *pass = arg;
    pass->sum = (struct bench_sum){0};
    for (uint32_t done = 0; done < PASS_ITEMS; done += BENCH_SPAN_ITEMS) {
        make_jobs(pass->engine, pass->what, pass->is_seal);
        memset(out, 0, (size_t)POOL * STRIDE);
        struct bench_span span = bench_span_begin();
        run_jobs(pass);
        bench_span_add(&span, BENCH_SPAN_ITEMS, &pass->sum);
        check_jobs(pass);
    }
    return pass->sum.items > 0;
}

static void run_engine(const struct engine *e, const struct bench_case *what, bool is_warm)
{
    char sessions[24] = "";
    if (what->session_count > 1)
        snprintf(sessions, sizeof sessions, ".s%u", what->session_count);
    for (int is_seal = 0; is_seal <= 1; is_seal++) {
        struct pass pass = {.what = what, .engine = e, .is_seal = is_seal};
        bench_measure(measure, &pass);
        if (is_warm)
            bench_result(bench_sum_ns(&pass.sum), "aead.%s.%s.%s.%u%s%s.ns",
                         is_seal ? "seal" : "open", e->name, alg_names[what->alg], what->len,
                         sessions, what->aad_len == 13 ? "" : ".cid");
    }
}

/** The engines take turns, so that what neighbours do hits all of them alike. */
static void run_case(const struct bench_case *what, unsigned rounds)
{
    fill_pool(what);
    for (size_t i = 0; i < ENGINE_COUNT; i++)
        if (can_run(&engines[i], what))
            make_keys(&engines[i], what);
    for (unsigned round = 0; round < rounds + 1; round++) /* the first warms up */
        for (size_t i = 0; i < ENGINE_COUNT; i++)
            if (can_run(&engines[i], what))
                run_engine(&engines[i], what, round > 0);
    for (size_t i = 0; i < ENGINE_COUNT; i++) {
        free(engines[i].keys);
        engines[i].keys = NULL;
    }
}

int main(int argc, char **argv)
{
    struct bench_options options = bench_begin(argc, argv);
    static const uint32_t lens[] = {64, 1400, 256, 512, 1024};
    static const uint32_t session_counts[] = {1, 65536, 1000, 1000000};
    const size_t len_count = options.is_quick ? 2 : 5, count_count = options.is_quick ? 2 : 4;
    plain = bench_alloc((size_t)POOL * STRIDE);
    sealed = bench_alloc((size_t)POOL * STRIDE);
    out = bench_alloc((size_t)POOL * STRIDE);
    for (size_t i = 0; i < (size_t)POOL * STRIDE; i++)
        plain[i] = (uint8_t)bench_random();
    open_engines();
    for (size_t c = 0; c < count_count; c++)
        for (size_t l = 0; l < len_count; l++)
            run_case(&(struct bench_case){SL_AEAD_AES_128_GCM, 13, lens[l], session_counts[c]},
                     options.rounds);
    for (size_t l = 0; l < 2; l++) {
        run_case(&(struct bench_case){SL_AEAD_AES_256_GCM, 13, lens[l], 1}, options.rounds);
        run_case(&(struct bench_case){SL_AEAD_CHACHA20_POLY1305, 13, lens[l], 1}, options.rounds);
        /* with a connection ID of eight bytes: RFC 9146 5.3 */
        run_case(&(struct bench_case){SL_AEAD_AES_128_GCM, 31, lens[l], 1}, options.rounds);
    }
    return 0;
}
