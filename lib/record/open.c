/** Opening: prepare all, one call of the AEAD engine, finish all in order. */
#include "record_priv.h"

/**
 * Refuses what can be refused before any cryptography, and describes the rest to the engine.
 * cid_len, nonce_len, tag_len  of the epoch's records; constants where it is inlined for the usual
 * ones.
 */
static inline __attribute__((always_inline)) enum sl_drop
prepare_as(const struct sl_open_job *job, struct sl_aead_job *aead_job, unsigned cid_len,
           unsigned nonce_len, unsigned tag_len)
{
    struct sl_epoch *epoch = job->epoch;
    const struct sl_record_header *header = &job->header;
    const uint64_t epoch_seq = header->epoch_seq;
    const unsigned body_len = header->body_len, around = nonce_len + tag_len;
    if (!record_cid_equal(header->cid, epoch->own_cid, cid_len))
        return SL_DROP_UNKNOWN_CID;
    if (header->epoch != epoch->number)
        return SL_DROP_EPOCH;
    if (body_len < around)
        return SL_DROP_RECORD_TOO_SHORT;
    /* With a connection ID the type and padding are still in there: decided after opening. */
    if (cid_len == 0 && body_len - around > SL_RECORD_PLAINTEXT_MAX)
        return SL_DROP_RECORD_TOO_LARGE;

    const unsigned len = body_len - around;
    uint8_t *body = job->body, *in = body + nonce_len, *out = job->out;
    aead_job->key = sl_epoch_open_key(epoch);
    aead_job->alg = epoch->alg;
    aead_job->len = len;
    aead_job->in = in;
    aead_job->out = out != NULL ? out : in;
    aead_job->tag = in + len;
    if (nonce_len >
        0) { /* RFC 5288 3, RFC 6655 3: salt, and the explicit part as the sender chose it */
        memcpy(aead_job->nonce, epoch->open_iv, 4);
        memcpy(aead_job->nonce + 4, body, SL_GCM_EXPLICIT_NONCE_LEN);
    } else {
        record_write_xor_nonce(aead_job->nonce, epoch->open_iv, epoch_seq);
    }
    aead_job->aad_len = record_write_aad(aead_job->aad, epoch_seq, header->type, epoch->own_cid,
                                         cid_len, (uint16_t)len);
    return SL_DROP_NONE;
}

static __attribute__((noinline)) enum sl_drop prepare_any(const struct sl_open_job *job,
                                                          struct sl_aead_job *aead_job)
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
    if (header->cid_len != epoch->own_cid_len)
        return SL_DROP_UNKNOWN_CID;
    return prepare_as(job, aead_job, epoch->own_cid_len, epoch->nonce_len, epoch->tag_len);
}

static inline enum sl_drop prepare(const struct sl_open_job *job, struct sl_aead_job *aead_job)
{
    const struct sl_epoch *epoch = job->epoch;
    const struct sl_record_header *header = &job->header;
    bool is_usual = header->type == SL_CONTENT_TLS12_CID && header->cid_len == SL_OWN_CID_LEN &&
                    epoch->is_usual;
    return __builtin_expect(is_usual, true) ? prepare_as(job, aead_job, SL_OWN_CID_LEN,
                                                         SL_GCM_EXPLICIT_NONCE_LEN, SL_AEAD_TAG_LEN)
                                            : prepare_any(job, aead_job);
}

/** What a job says that is not opened. */
static enum sl_drop set_aside(struct sl_open_job *job, enum sl_drop drop)
{
    job->drop = drop;
    job->type = 0;
    job->newer = false;
    job->plain_len = 0;
    job->plain = NULL;
    return drop;
}

static inline enum sl_drop finish(struct sl_open_job *job, const struct sl_aead_job *aead_job)
{
    struct sl_epoch *epoch = job->epoch;
    if (!aead_job->ok) {
        epoch->forged++;
        return set_aside(job, SL_DROP_AUTH);
    }
    const uint8_t *plain = aead_job->out;
    uint32_t len = aead_job->len;
    uint8_t type = job->header.type;
    if (type == SL_CONTENT_TLS12_CID) { /* zeros and the real type behind the content, RFC 9146 5 */
        do {
            if (len == 0)
                return set_aside(job, SL_DROP_INNER_TYPE);
            type = plain[--len];
        } while (type == 0);
        if (len > SL_RECORD_PLAINTEXT_MAX)
            return set_aside(job, SL_DROP_RECORD_TOO_LARGE);
    }
    job->type = type;
    job->plain = aead_job->out;
    job->plain_len = (uint16_t)len;
    /* Only now, so that REPLAY tells of an authentic copy, and a forged one moves nothing. */
    return sl_replay_admit(&epoch->replay, job->header.seq, &job->newer);
}

unsigned sl_record_open_burst(struct sl_aead *aead, struct sl_open_job *jobs, unsigned n)
{
    struct sl_aead_job aead_jobs[SL_BURST], *aead_job = aead_jobs;
    struct sl_open_job *const end = jobs + n;
    unsigned opened = 0;
    assert(n <= SL_BURST);

    for (struct sl_open_job *job = jobs; job < end; job++) {
        /* 1. set aside what cannot be one of the epoch's records */
        enum sl_drop drop = prepare(job, aead_job);
        job->drop = drop;
        if (drop == SL_DROP_NONE)
            aead_job++;
        else
            set_aside(job, drop);
    }
    /* 2. all sessions in one call */
    sl_aead_open_burst(aead, aead_jobs, (unsigned)(aead_job - aead_jobs));
    aead_job = aead_jobs;
    for (struct sl_open_job *job = jobs; job < end; job++) {
        /* 3. in order, so that of two copies the first is admitted */
        if (job->drop != SL_DROP_NONE)
            continue;
        job->drop = finish(job, aead_job++);
        opened += job->drop == SL_DROP_NONE;
    }
    return opened;
}
