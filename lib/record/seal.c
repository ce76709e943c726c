/** Sealing: number and prepare all, one call of the AEAD engine. */
#include "record_priv.h"

/**
 * A connection ID before other fields, in pieces of 8 bytes: these may run into the next `room`
 * bytes behind it, which are written afterwards.
 */
static inline void copy_cid_before(uint8_t *to, const struct sl_epoch *epoch, unsigned cid_len,
                                   unsigned room)
{
    static_assert(sizeof epoch->peer_cid % 8 == 0, "read in pieces of 8 bytes");
    if (room < 7) {
        record_copy_cid(to, epoch->peer_cid, cid_len);
        return;
    }
    for (unsigned at = 0; at < cid_len; at += 8)
        memcpy(to + at, epoch->peer_cid + at, 8);
}

/** RFC 6347 4.1, RFC 9146 4: the connection ID stands before the length. Then the explicit nonce,
 * if there is one. body_len  of all behind the header. */
static inline void write_header(uint8_t *at, const struct sl_epoch *epoch, uint8_t type,
                                uint64_t epoch_seq, unsigned body_len)
{
    const unsigned cid_len = epoch->peer_cid_len, nonce_len = epoch->nonce_len;
    at[0] = type;
    sl_store_be16(at + 1, SL_DTLS_VERSION_1_2);
    sl_store_be64(at + 3, epoch_seq);
    copy_cid_before(at + SL_RECORD_CID_OFF, epoch, cid_len, 2 + nonce_len);
    sl_store_be16(at + SL_RECORD_CID_OFF + cid_len, (uint16_t)body_len);
    if (nonce_len > 0)
        sl_store_be64(at + SL_RECORD_HEADER_LEN + cid_len, epoch_seq);
}

/** What record_write_aad makes of that header, but without reading again what was just written. */
static inline uint16_t write_aad(uint8_t *aad, const struct sl_epoch *epoch, uint8_t type,
                                 uint64_t epoch_seq, uint16_t len)
{
    const unsigned cid_len = epoch->peer_cid_len;
    if (cid_len == 0) {
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

static inline void write_nonce(uint8_t *nonce, const struct sl_epoch *epoch, uint64_t epoch_seq)
{
    if (epoch->nonce_len == 0) {
        record_write_xor_nonce(nonce, epoch->seal_iv, epoch->number, epoch_seq & SL_SEQ_MAX);
        return;
    }
    memcpy(nonce, epoch->seal_iv, 4);
    sl_store_be64(nonce + 4, epoch_seq);
}

static inline void prepare(struct sl_seal_job *job, uint64_t seq, struct sl_aead_job *aead_job)
{
    struct sl_epoch *epoch = job->epoch;
    const uint32_t plain_len = job->plain_len;
    const uint64_t epoch_seq = (uint64_t)epoch->number << 48 | seq;
    const uint16_t len = (uint16_t)record_inner_len(epoch, plain_len);
    const bool has_cid = epoch->peer_cid_len > 0;
    const uint8_t type = has_cid ? SL_CONTENT_TLS12_CID : job->type;
    const unsigned body_off = sl_record_body_off(epoch);
    const unsigned header_len = body_off - epoch->nonce_len;
    uint8_t *record = job->record, *body = record + body_off;
    const uint8_t *plain = job->plain;

    job->drop = SL_DROP_NONE;
    job->seq = seq;
    job->record_len = body_off + len + SL_AEAD_TAG_LEN;
    aead_job->key = sl_epoch_seal_key(epoch);
    aead_job->alg = epoch->alg;
    aead_job->len = len;
    /* without bytes there may be no pointer either, and the engine wants one */
    aead_job->in = has_cid || plain_len == 0 ? body : plain;
    aead_job->out = body;
    aead_job->tag = body + len;
    if (has_cid) { /* content and type have to stand in one piece */
        if (plain_len > 0 && plain != body)
            memcpy(body, plain, plain_len);
        body[plain_len] = job->type;
    }
    write_header(record, epoch, type, epoch_seq, body_off + len + SL_AEAD_TAG_LEN - header_len);
    write_nonce(aead_job->nonce, epoch, epoch_seq);
    aead_job->aad_len = write_aad(aead_job->aad, epoch, type, epoch_seq, len);
}

unsigned sl_record_seal_burst(struct sl_aead *aead, struct sl_seal_job *jobs, unsigned n)
{
    struct sl_aead_job aead_jobs[SL_BURST];
    unsigned live_count = 0;
    assert(n <= SL_BURST);

    for (unsigned i = 0; i < n; i++)
        sl_epoch_prefetch_seal(jobs[i].epoch);
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
