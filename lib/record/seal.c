/** Sealing: number and prepare all, one call of the AEAD engine. */
#include "record_priv.h"

/** What the records of an epoch have in common; known to the compiler for the most usual kind. */
struct kind {
    bool has_cid, has_nonce;
    bool is_cid_short; /* no longer than SHORT_CID_LEN */
    uint8_t tag_len;
};
#define SHORT_CID_LEN 8
#define INLINE static inline __attribute__((always_inline))

/**
 * A connection ID before the length and the explicit nonce, in pieces of 8 bytes: these may run
 * into the fields behind it, which are written afterwards, but not into the body.
 */
INLINE void copy_cid_before_nonce(uint8_t *to, const struct sl_epoch *epoch, const struct kind kind,
                                  size_t cid_len)
{
    static_assert(sizeof epoch->peer_cid % 8 == 0, "read in pieces of 8 bytes");
    static_assert(2 + SL_GCM_EXPLICIT_NONCE_LEN >= 7, "as far as a piece may run on");
    size_t at = 0;
    do
        memcpy(to + at, epoch->peer_cid + at, 8);
    while ((at += 8) < cid_len && !kind.is_cid_short);
}

/** RFC 6347 4.1, RFC 9146 4: the connection ID stands before the length. Then the explicit nonce,
 * if there is one. body_len  of all behind the header. */
INLINE void write_header(uint8_t *at, const struct sl_epoch *epoch, const struct kind kind,
                         size_t cid_len, uint8_t type, uint64_t epoch_seq, uint16_t body_len)
{
    uint32_t start = (uint32_t)type | (uint32_t)__builtin_bswap16(SL_DTLS_VERSION_1_2) << 8;
    memcpy(at, &start, sizeof start); /* and a byte of the number, which follows */
    sl_store_be64(at + 3, epoch_seq);
    if (kind.has_cid && kind.has_nonce)
        copy_cid_before_nonce(at + SL_RECORD_CID_OFF, epoch, kind, cid_len);
    else if (kind.has_cid)
        record_copy_cid(at + SL_RECORD_CID_OFF, epoch->peer_cid, (unsigned)cid_len);
    sl_store_be16(at + SL_RECORD_CID_OFF + cid_len, body_len);
    if (kind.has_nonce)
        sl_store_be64(at + SL_RECORD_HEADER_LEN + cid_len, epoch_seq);
}

/** What record_write_aad makes of a header read, for the one that is written. */
INLINE uint16_t write_aad(uint8_t *aad, const struct sl_epoch *epoch, const struct kind kind,
                          size_t cid_len, uint8_t type, uint64_t epoch_seq, uint16_t len)
{
    if (!kind.has_cid) {
        sl_store_be64(aad, epoch_seq);
        aad[8] = type;
        sl_store_be16(aad + 9, SL_DTLS_VERSION_1_2);
        sl_store_be16(aad + 11, len);
        return 13;
    }
    static_assert(21 + SL_PEER_CID_MAX <= RECORD_AAD_MAX, "as many are copied as there may be");
    const uint64_t middle = (uint64_t)type | (uint64_t)cid_len << 8 | (uint64_t)type << 16 |
                            (uint64_t)__builtin_bswap16(SL_DTLS_VERSION_1_2) << 24;
    memset(aad, 0xff, 8);
    memcpy(aad + 8, &middle, sizeof middle); /* of which the number covers three bytes */
    sl_store_be64(aad + 13, epoch_seq);
    memcpy(aad + 21, epoch->peer_cid, kind.is_cid_short ? SHORT_CID_LEN : SL_PEER_CID_MAX);
    sl_store_be16(aad + 21 + cid_len, len);
    return (uint16_t)(23 + cid_len);
}

INLINE void write_nonce(uint8_t *nonce, const struct sl_epoch *epoch, const struct kind kind,
                        uint64_t epoch_seq)
{
    if (!kind.has_nonce) {
        record_write_xor_nonce(nonce, epoch->seal_iv, epoch_seq);
        return;
    }
    memcpy(nonce, epoch->seal_iv, 4);
    sl_store_be64(nonce + 4, epoch_seq);
}

INLINE void prepare_as(const struct kind kind, struct sl_seal_job *job, uint64_t seq,
                       struct sl_aead_job *aead_job)
{
    struct sl_epoch *epoch = job->epoch;
    const size_t cid_len = kind.has_cid ? epoch->peer_cid_len : 0;
    const size_t nonce_len = kind.has_nonce ? SL_GCM_EXPLICIT_NONCE_LEN : 0;
    const size_t plain_len = job->plain_len, len = plain_len + kind.has_cid;
    const size_t body_len = nonce_len + len + kind.tag_len;
    const uint64_t epoch_seq = (uint64_t)epoch->seal_number << 48 | seq;
    const uint8_t type = kind.has_cid ? SL_CONTENT_TLS12_CID : job->type;
    const uint8_t *plain = job->plain;
    uint8_t *record = job->record;
    uint8_t *body = record + SL_RECORD_HEADER_LEN + cid_len + nonce_len;

    job->drop = SL_DROP_NONE;
    job->seq = seq;
    job->record_len = (uint32_t)(SL_RECORD_HEADER_LEN + cid_len + body_len);
    if (kind.has_cid) { /* content and type have to stand in one piece */
        if (plain != body && plain_len > 0)
            memcpy(body, plain, plain_len);
        body[plain_len] = job->type;
    }
    write_header(record, epoch, kind, cid_len, type, epoch_seq, (uint16_t)body_len);
    aead_job->key = sl_epoch_seal_key(epoch);
    aead_job->alg = epoch->seal_alg;
    aead_job->len = (uint32_t)len;
    /* without bytes there may be no pointer either, and the engine wants one */
    aead_job->in = kind.has_cid || plain_len == 0 ? body : plain;
    aead_job->out = body;
    aead_job->tag = body + len;
    write_nonce(aead_job->nonce, epoch, kind, epoch_seq);
    aead_job->aad_len =
        write_aad(aead_job->aad, epoch, kind, cid_len, type, epoch_seq, (uint16_t)len);
}

static __attribute__((noinline)) void prepare_any(struct sl_seal_job *job, uint64_t seq,
                                                  struct sl_aead_job *aead_job)
{
    const struct sl_epoch *epoch = job->epoch;
    const struct kind kind = {
        .has_cid = epoch->peer_cid_len > 0,
        .has_nonce = epoch->seal_nonce_len > 0,
        .tag_len = epoch->seal_tag_len,
    };
    prepare_as(kind, job, seq, aead_job);
}

INLINE void prepare(struct sl_seal_job *job, uint64_t seq, struct sl_aead_job *aead_job)
{
    const struct sl_epoch *epoch = job->epoch;
    if (epoch->seals_usual)
        prepare_as((struct kind){true, true, true, SL_AEAD_TAG_LEN}, job, seq, aead_job);
    else
        prepare_any(job, seq, aead_job);
}

unsigned sl_record_seal_burst(struct sl_aead *aead, struct sl_seal_job *jobs, unsigned n)
{
    struct sl_aead_job aead_jobs[SL_BURST], *aead_job = aead_jobs;
    assert(n <= SL_BURST);

    for (struct sl_seal_job *job = jobs; job < jobs + n; job++) {
        uint64_t seq;
        assert(job->epoch->body_off > 0 && job->plain_len <= SL_RECORD_PLAINTEXT_MAX);
        if (sl_record_take_number(&job->epoch->write_next, &seq)) {
            prepare(job, seq, aead_job++);
            continue;
        }
        job->drop = SL_DROP_SEND_SEQ_LIMIT;
        job->record_len = 0;
        job->seq = 0;
    }
    const unsigned live_count = (unsigned)(aead_job - aead_jobs);
    sl_aead_seal_burst(aead, aead_jobs, live_count);
    return live_count;
}
