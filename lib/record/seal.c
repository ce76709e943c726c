/** Sealing: number and prepare all, one call of the AEAD engine. */
#include "record_priv.h"

/** What the records of an epoch have in common; known to the compiler for the most usual kind. */
struct kind {
    bool has_cid, has_nonce;
};
#define INLINE static inline __attribute__((always_inline))

/**
 * A connection ID before the length and the explicit nonce, in pieces of 8 bytes: these may run
 * into the fields behind it, which are written afterwards, but not into the body.
 */
INLINE void copy_cid_before_nonce(uint8_t *to, const struct sl_epoch *epoch, unsigned cid_len)
{
    static_assert(sizeof epoch->peer_cid % 8 == 0, "read in pieces of 8 bytes");
    static_assert(2 + SL_GCM_EXPLICIT_NONCE_LEN >= 7, "as far as a piece may run on");
    unsigned at = 0;
    do
        memcpy(to + at, epoch->peer_cid + at, 8);
    while ((at += 8) < cid_len);
}

/** RFC 6347 4.1, RFC 9146 4: the connection ID stands before the length. Then the explicit nonce,
 * if there is one. body_len  of all behind the header. */
INLINE void write_header(uint8_t *at, const struct sl_epoch *epoch, const struct kind kind,
                         unsigned cid_len, uint8_t type, uint64_t epoch_seq, unsigned body_len)
{
    at[0] = type;
    sl_store_be16(at + 1, SL_DTLS_VERSION_1_2);
    sl_store_be64(at + 3, epoch_seq);
    if (kind.has_cid && kind.has_nonce)
        copy_cid_before_nonce(at + SL_RECORD_CID_OFF, epoch, cid_len);
    else if (kind.has_cid)
        record_copy_cid(at + SL_RECORD_CID_OFF, epoch->peer_cid, cid_len);
    sl_store_be16(at + SL_RECORD_CID_OFF + cid_len, (uint16_t)body_len);
    if (kind.has_nonce)
        sl_store_be64(at + SL_RECORD_HEADER_LEN + cid_len, epoch_seq);
}

/** What record_write_aad makes of a header read, for the one that is written. */
INLINE uint16_t write_aad(uint8_t *aad, const struct sl_epoch *epoch, const struct kind kind,
                          unsigned cid_len, uint8_t type, uint64_t epoch_seq, uint16_t len)
{
    if (!kind.has_cid) {
        sl_store_be64(aad, epoch_seq);
        aad[8] = type;
        sl_store_be16(aad + 9, SL_DTLS_VERSION_1_2);
        sl_store_be16(aad + 11, len);
        return 13;
    }
    static_assert(21 + SL_PEER_CID_MAX <= RECORD_AAD_MAX, "as many are copied as there may be");
    memset(aad, 0xff, 8);
    sl_store_be64(aad + 8, (uint64_t)type << 56 | (uint64_t)cid_len << 48 | (uint64_t)type << 40 |
                               (uint64_t)SL_DTLS_VERSION_1_2 << 24);
    sl_store_be64(aad + 13, epoch_seq);
    memcpy(aad + 21, epoch->peer_cid, SL_PEER_CID_MAX);
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
    const unsigned cid_len = kind.has_cid ? epoch->peer_cid_len : 0;
    const unsigned header_len = SL_RECORD_HEADER_LEN + cid_len;
    const unsigned nonce_len = kind.has_nonce ? SL_GCM_EXPLICIT_NONCE_LEN : 0;
    const uint32_t plain_len = job->plain_len, len = plain_len + kind.has_cid;
    const uint64_t epoch_seq = (uint64_t)epoch->number << 48 | seq;
    const uint8_t type = kind.has_cid ? SL_CONTENT_TLS12_CID : job->type;
    const unsigned body_len = nonce_len + len + SL_AEAD_TAG_LEN;
    const uint8_t *plain = job->plain;
    uint8_t *record = job->record, *body = record + header_len + nonce_len;

    job->drop = SL_DROP_NONE;
    job->seq = seq;
    job->record_len = header_len + body_len;
    aead_job->key = sl_epoch_seal_key(epoch);
    aead_job->alg = epoch->alg;
    aead_job->len = len;
    /* without bytes there may be no pointer either, and the engine wants one */
    aead_job->in = kind.has_cid || plain_len == 0 ? body : plain;
    aead_job->out = body;
    aead_job->tag = body + len;
    aead_job->aad_len =
        write_aad(aead_job->aad, epoch, kind, cid_len, type, epoch_seq, (uint16_t)len);
    write_nonce(aead_job->nonce, epoch, kind, epoch_seq);
    if (kind.has_cid) { /* content and type have to stand in one piece */
        if (plain_len > 0 && plain != body)
            memcpy(body, plain, plain_len);
        body[plain_len] = job->type;
    }
    write_header(record, epoch, kind, cid_len, type, epoch_seq, body_len);
}

INLINE void prepare(struct sl_seal_job *job, uint64_t seq, struct sl_aead_job *aead_job)
{
    const struct sl_epoch *epoch = job->epoch;
    if (epoch->peer_cid_len > 0 && epoch->nonce_len > 0)
        prepare_as((struct kind){true, true}, job, seq, aead_job);
    else
        prepare_as((struct kind){epoch->peer_cid_len > 0, epoch->nonce_len > 0}, job, seq,
                   aead_job);
}

unsigned sl_record_seal_burst(struct sl_aead *aead, struct sl_seal_job *jobs, unsigned n)
{
    struct sl_aead_job aead_jobs[SL_BURST];
    unsigned live_count = 0;
    assert(n <= SL_BURST);

    for (unsigned i = 0; i < n; i++) {
        struct sl_seal_job *job = &jobs[i];
        uint64_t seq;
        assert(job->epoch->has_keys && job->plain_len <= SL_RECORD_PLAINTEXT_MAX);
        if (sl_record_take_number(&job->epoch->write_next, &seq)) {
            prepare(job, seq, &aead_jobs[live_count++]);
            continue;
        }
        job->drop = SL_DROP_SEND_SEQ_LIMIT;
        job->record_len = 0;
        job->seq = 0;
    }
    sl_aead_seal_burst(aead, aead_jobs, live_count);
    return live_count;
}
