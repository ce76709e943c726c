/** Sealing: number and prepare all, one call of the AEAD engine. */
#include "record_priv.h"

unsigned sl_record_body_off(const struct sl_epoch *epoch)
{
    return (unsigned)SL_RECORD_HEADER_LEN + epoch->peer_cid_len + epoch->nonce_len;
}

/* The plaintext as the AEAD sees it: with a connection ID the real type stands behind it. */
static uint32_t inner_len(const struct sl_epoch *epoch, uint32_t plain_len)
{
    return plain_len + (epoch->peer_cid_len > 0 ? 1 : 0);
}

uint32_t sl_record_sealed_len(const struct sl_epoch *epoch, uint32_t plain_len)
{
    return sl_record_body_off(epoch) + inner_len(epoch, plain_len) + SL_AEAD_TAG_LEN;
}

/* RFC 6347 4.1, RFC 9146 4: the connection ID stands before the length. */
static void write_header(const struct sl_seal_job *job, const struct record_facts *facts)
{
    uint8_t *at = job->record;
    at[0] = facts->type;
    sl_store_be16(at + 1, SL_DTLS_VERSION_1_2);
    sl_store_be64(at + 3, (uint64_t)facts->epoch << 48 | facts->seq);
    record_copy_cid(at + 11, facts->cid, facts->cid_len);
    sl_store_be16(at + 11 + facts->cid_len,
                  (uint16_t)(job->record_len - SL_RECORD_HEADER_LEN - facts->cid_len));
}

static void write_nonce(const struct sl_seal_job *job, uint8_t *nonce)
{
    const struct sl_epoch *epoch = job->epoch;
    if (epoch->nonce_len == 0) {
        record_write_xor_nonce(nonce, epoch->seal_iv, epoch->number, job->seq);
        return;
    }
    memcpy(nonce, epoch->seal_iv, 4);
    sl_store_be64(nonce + 4, (uint64_t)epoch->number << 48 | job->seq);
    memcpy(job->record + SL_RECORD_HEADER_LEN + epoch->peer_cid_len, nonce + 4,
           SL_GCM_EXPLICIT_NONCE_LEN);
}

static void prepare(struct sl_seal_job *job, struct sl_aead_job *aead_job)
{
    const struct sl_epoch *epoch = job->epoch;
    uint8_t *body = job->record + sl_record_body_off(epoch);
    bool has_cid = epoch->peer_cid_len > 0;
    struct record_facts facts = {
        .type = has_cid ? SL_CONTENT_TLS12_CID : job->type,
        .cid_len = epoch->peer_cid_len,
        .epoch = epoch->number,
        .len = (uint16_t)inner_len(epoch, job->plain_len),
        .seq = job->seq,
        .cid = epoch->peer_cid,
    };
    job->record_len = sl_record_sealed_len(epoch, job->plain_len);
    if (has_cid) { /* content and type have to stand in one piece */
        if (job->plain_len > 0 && job->plain != body)
            memcpy(body, job->plain, job->plain_len);
        body[job->plain_len] = job->type;
    }
    write_header(job, &facts);
    write_nonce(job, aead_job->nonce);
    aead_job->key = sl_epoch_seal_key(job->epoch);
    aead_job->alg = epoch->alg;
    aead_job->aad_len = record_write_aad(aead_job->aad, &facts);
    aead_job->len = facts.len;
    /* without bytes there may be no pointer either, and the engine wants one */
    aead_job->in = has_cid || job->plain_len == 0 ? body : job->plain;
    aead_job->out = body;
    aead_job->tag = body + facts.len;
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
        assert(job->epoch->has_keys && job->plain_len <= SL_RECORD_PLAINTEXT_MAX);
        job->record_len = 0;
        job->seq = 0;
        if (!sl_record_take_number(&job->epoch->write_next, &job->seq)) {
            job->drop = SL_DROP_SEND_SEQ_LIMIT;
            continue;
        }
        job->drop = SL_DROP_NONE;
        prepare(job, &aead_jobs[live_count++]);
    }
    sl_aead_seal_burst(aead, aead_jobs, live_count);
    return live_count;
}
