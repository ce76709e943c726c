/** Opening: prepare all, one call of the AEAD engine, finish all in order. */
#include "record_priv.h"

/* What can be refused before any cryptography. */
static enum sl_drop check_header(const struct sl_open_job *job)
{
    const struct sl_epoch *epoch = job->epoch;
    const struct sl_record_header *header = &job->header;
    if (!epoch->has_keys)
        return SL_DROP_EPOCH;
    bool has_cid = header->type == SL_CONTENT_TLS12_CID;
    if (has_cid && epoch->own_cid_len == 0)
        return SL_DROP_CONTENT_TYPE;
    if (!has_cid && epoch->own_cid_len > 0)
        return SL_DROP_CID_EXPECTED;
    if (has_cid && (header->cid_len != epoch->own_cid_len ||
                    !record_cid_equal(header->cid, epoch->own_cid, epoch->own_cid_len)))
        return SL_DROP_UNKNOWN_CID;
    if (header->epoch != epoch->number)
        return SL_DROP_EPOCH;
    unsigned around = epoch->nonce_len + SL_AEAD_TAG_LEN;
    if (header->body_len < around)
        return SL_DROP_RECORD_TOO_SHORT;
    /* With a connection ID the type and padding are still in there: decided after opening. */
    if (!has_cid && header->body_len - around > SL_RECORD_PLAINTEXT_MAX)
        return SL_DROP_RECORD_TOO_LARGE;
    return SL_DROP_NONE;
}

static void prepare(const struct sl_open_job *job, struct sl_aead_job *aead_job)
{
    struct sl_epoch *epoch = job->epoch;
    const struct sl_record_header *header = &job->header;
    unsigned nonce_len = epoch->nonce_len;
    uint16_t len = (uint16_t)(header->body_len - nonce_len - SL_AEAD_TAG_LEN);

    aead_job->key = sl_epoch_open_key(epoch);
    aead_job->alg = epoch->alg;
    aead_job->len = len;
    aead_job->in = job->body + nonce_len;
    aead_job->out = job->out != NULL ? job->out : job->body + nonce_len;
    aead_job->tag = job->body + nonce_len + len;
    if (nonce_len > 0) { /* RFC 5288 3: salt, and the explicit part as the sender chose it */
        memcpy(aead_job->nonce, epoch->open_iv, 4);
        memcpy(aead_job->nonce + 4, job->body, SL_GCM_EXPLICIT_NONCE_LEN);
    } else {
        record_write_xor_nonce(aead_job->nonce, epoch->open_iv, header->epoch_seq);
    }
    aead_job->aad_len = record_write_aad(aead_job->aad, header, epoch->own_cid, len);
}

/* Strips the zeros and the real type behind the content: RFC 9146 5. */
static enum sl_drop unwrap_inner(struct sl_open_job *job)
{
    uint32_t len = job->plain_len;
    while (len > 0 && job->plain[len - 1] == 0)
        len--;
    if (len == 0)
        return SL_DROP_INNER_TYPE;
    job->type = job->plain[len - 1];
    job->plain_len = (uint16_t)(len - 1);
    return job->plain_len > SL_RECORD_PLAINTEXT_MAX ? SL_DROP_RECORD_TOO_LARGE : SL_DROP_NONE;
}

/** What a job says that is not opened. */
static void set_aside(struct sl_open_job *job, enum sl_drop drop)
{
    job->drop = drop;
    job->type = 0;
    job->newer = false;
    job->plain_len = 0;
    job->plain = NULL;
}

static enum sl_drop finish(struct sl_open_job *job, const struct sl_aead_job *aead_job)
{
    if (!aead_job->ok) {
        set_aside(job, SL_DROP_AUTH);
        job->epoch->forged++;
        return SL_DROP_AUTH;
    }
    job->type = job->header.type;
    job->plain = aead_job->out;
    job->plain_len = (uint16_t)aead_job->len;
    job->newer = false;
    if (job->type == SL_CONTENT_TLS12_CID) {
        enum sl_drop drop = unwrap_inner(job);
        if (drop != SL_DROP_NONE)
            return drop;
    }
    /* Only now, so that REPLAY tells of an authentic copy, and a forged one moves nothing. */
    return sl_replay_admit(&job->epoch->replay, job->header.seq, &job->newer);
}

unsigned sl_record_open_burst(struct sl_aead *aead, struct sl_open_job *jobs, unsigned n)
{
    struct sl_aead_job aead_jobs[SL_BURST], *aead_job = aead_jobs;
    struct sl_open_job *live[SL_BURST], **end = live;
    unsigned opened = 0;
    assert(n <= SL_BURST);

    for (struct sl_open_job *job = jobs; job < jobs + n; job++) {
        /* 1. set aside what cannot be one of the epoch's records */
        enum sl_drop drop = check_header(job);
        if (drop != SL_DROP_NONE) {
            set_aside(job, drop);
            continue;
        }
        prepare(job, aead_job++);
        *end++ = job;
    }
    sl_aead_open_burst(aead, aead_jobs, (unsigned)(end - live)); /* 2. all sessions in one call */
    aead_job = aead_jobs;
    for (struct sl_open_job **job = live; job < end; job++) {
        /* 3. in order, so that of two copies the first is admitted */
        (*job)->drop = finish(*job, aead_job++);
        opened += (*job)->drop == SL_DROP_NONE;
    }
    return opened;
}
