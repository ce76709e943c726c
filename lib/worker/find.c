/* Stage 2: who owns a datagram, which session each of its records belongs to, and what is next. */
#include "sessions_priv.h"
#include "stages_priv.h"

uint8_t worker_shard_of(const struct sl_tuple *tuple)
{
    return (uint8_t)sl_wire_rss_hash(tuple);
}

/** The worker that owns a record: by its connection ID's shard, else by its 5-tuple's. */
static unsigned owner_of(const struct sl_worker *w, const struct sl_frame *frame,
                         const struct sl_record_header *header)
{
    uint8_t shard = header->type == SL_CONTENT_TLS12_CID ? sl_cid_parse(header->cid).shard
                                                         : worker_shard_of(&frame->path.tuple);
    return w->config.shard_owner[shard];
}

/** Where the next record's header is read to: the burst's next job, which has a place. */
static inline struct sl_record_header *next_header(struct sl_worker *w, uint64_t now_ns)
{
    if (w->rx.count == SL_BURST)
        worker_finish_rx(w, now_ns);
    return &w->rx.jobs[w->rx.count].header;
}

/** Takes that place for a record that is to be opened. */
static inline void open_later(struct sl_worker *w, struct sl_session *session,
                              struct sl_frame *frame, const struct sl_record_header *header,
                              uint8_t *body)
{
    unsigned i = w->rx.count++;
    struct sl_open_job *job = &w->rx.jobs[i];
    w->rx.records[i] = (struct rx_record){frame, session, session->handle};
    job->epoch = session->epoch;
    if (header != &job->header) /* what waited was finished first, since it was read */
        job->header = *header;
    job->body = body;
    job->out = NULL;
}

/** It has keys, and no other session contends for its records. */
static inline bool opens(const struct sl_session *session)
{
    return (session->state == SL_SESSION_ESTABLISHED || session->state == SL_SESSION_KEYED) &&
           session->successor == SL_SLOT_NONE;
}

static void find_protected(struct sl_worker *w, struct sl_session *session, struct sl_frame *frame,
                           const struct sl_record_header *header, uint8_t *body, uint64_t now_ns);
static void find_again(struct sl_worker *w, struct sl_frame *frame,
                       const struct sl_record_header *header, uint8_t *body, uint64_t now_ns);

/**
 * A protected record on a 5-tuple where a client that restarted is in a handshake beside its old
 * session (RFC 6347 4.2.8): the old session's keys are tried on a copy, then it is the new one's.
 */
static void find_contested(struct sl_worker *w, struct sl_session *session, struct sl_frame *frame,
                           const struct sl_record_header *header, uint8_t *body, uint64_t now_ns)
{
    if (w->rx.count > 0) { /* what waits may end either of the two */
        worker_finish_rx(w, now_ns);
        find_again(w, frame, header, body, now_ns);
        return;
    }
    open_later(w, session, frame, header, body);
    w->rx.jobs[0].out = w->scratch;
    worker_open_burst(w);
    if (w->rx.jobs[0].drop != SL_DROP_AUTH) {
        worker_admit_burst(w, now_ns);
        w->rx.count = 0;
        return;
    }
    w->rx.count = 0;
    find_protected(w, sl_session_successor(w->table, session), frame, header, body, now_ns);
}

/** A protected record of a session that libssl keeps; a handshake beside it has its own Finished.
 */
static void find_legacy(struct sl_worker *w, struct sl_session *session, struct sl_frame *frame,
                        const struct sl_record_header *header, uint8_t *body, uint64_t now_ns)
{
    struct sl_session *successor = sl_session_successor(w->table, session);
    if (successor != NULL && header->type == SL_CONTENT_HANDSHAKE)
        find_protected(w, successor, frame, header, body, now_ns);
    else if (header->epoch != 1)
        worker_drop(w, SL_DROP_EPOCH);
    else
        worker_forward_record(w, session, body - header->header_len,
                              (uint32_t)header->header_len + header->body_len, now_ns);
}

/** A protected record of a session that is known. */
static void find_protected(struct sl_worker *w, struct sl_session *session, struct sl_frame *frame,
                           const struct sl_record_header *header, uint8_t *body, uint64_t now_ns)
{
    switch (session->state) {
    case SL_SESSION_HANDSHAKE:
        if (header->type == SL_CONTENT_APPLICATION_DATA)
            worker_drop(w, SL_DROP_EARLY_DATA);
        else if (header->epoch != 1)
            worker_drop(w, SL_DROP_EPOCH);
        else
            worker_forward_record(w, session, body - header->header_len,
                                  (uint32_t)header->header_len + header->body_len, now_ns);
        return;
    case SL_SESSION_LEGACY:
        find_legacy(w, session, frame, header, body, now_ns);
        return;
    case SL_SESSION_KEYED:
    case SL_SESSION_ESTABLISHED:
        if (opens(session))
            open_later(w, session, frame, header, body);
        else
            find_contested(w, session, frame, header, body, now_ns);
        return;
    default:
        worker_drop(w, SL_DROP_CLOSING);
    }
}

/** A plaintext record that is no ClientHello, of the session (or its successor) on this 5-tuple. */
static void find_plaintext(struct sl_worker *w, struct sl_session *session,
                           const struct sl_record_header *header, const uint8_t *body,
                           uint64_t now_ns)
{
    struct sl_session *successor = sl_session_successor(w->table, session);
    if (successor != NULL)
        session = successor;
    /* A server that refuses our certificate has no other way to say so; whoever says it, the
     * handshaker only remembers it. */
    const bool may_be_refusal = session->state == SL_SESSION_KEYED && session->attempt != 0;
    if (header->type == SL_CONTENT_ALERT && session->state != SL_SESSION_HANDSHAKE &&
        !may_be_refusal) {
        worker_drop(w, SL_DROP_PLAINTEXT_ALERT);
        return;
    }
    if (header->type != SL_CONTENT_HANDSHAKE && header->type != SL_CONTENT_CHANGE_CIPHER_SPEC &&
        header->type != SL_CONTENT_ALERT) {
        worker_drop(w, header->type == SL_CONTENT_APPLICATION_DATA ? SL_DROP_EARLY_DATA
                                                                   : SL_DROP_CONTENT_TYPE);
        return;
    }
    switch (session->state) {
    case SL_SESSION_HANDSHAKE:
    case SL_SESSION_KEYED:
        worker_forward_record(w, session, body - header->header_len,
                              (uint32_t)header->header_len + header->body_len, now_ns);
        return;
    case SL_SESSION_ESTABLISHED: /* flight 5 again: the last flight was lost, RFC 6347 4.2.4 */
        if (header->type == SL_CONTENT_HANDSHAKE)
            worker_ask_repeat(w, session, now_ns);
        worker_count(w, SL_COUNTER_CONSUMED, 1);
        return;
    case SL_SESSION_LEGACY: /* its Finished comes with it, and libssl answers that */
        worker_count(w, SL_COUNTER_CONSUMED, 1);
        return;
    default:
        worker_drop(w, SL_DROP_CLOSING);
    }
}

/** A record without a connection ID that is no ClientHello. */
static void find_by_tuple(struct sl_worker *w, struct sl_frame *frame,
                          const struct sl_record_header *header, uint8_t *body, uint64_t now_ns)
{
    struct sl_session *session =
        sl_session_find_hashed(w->table, &frame->path.tuple, frame->tuple_hash);
    if (session == NULL)
        worker_drop(w, SL_DROP_UNKNOWN_PEER);
    else if (header->epoch == 0)
        find_plaintext(w, session, header, body, now_ns);
    else
        find_protected(w, session, frame, header, body, now_ns);
}

/** A record with a connection ID. */
static inline void find_by_cid(struct sl_worker *w, struct sl_frame *frame,
                               const struct sl_record_header *header, uint8_t *body,
                               uint64_t now_ns)
{
    struct sl_session *session = sl_session_find_cid(w->places, header->cid);
    if (session == NULL)
        worker_drop(w, SL_DROP_UNKNOWN_CID);
    else if (opens(session))
        open_later(w, session, frame, header, body);
    else
        find_protected(w, session, frame, header, body, now_ns);
}

/** A protected record's session, by what it was found by before. */
static void find_again(struct sl_worker *w, struct sl_frame *frame,
                       const struct sl_record_header *header, uint8_t *body, uint64_t now_ns)
{
    if (header->type == SL_CONTENT_TLS12_CID)
        find_by_cid(w, frame, header, body, now_ns);
    else
        find_by_tuple(w, frame, header, body, now_ns);
}

/** A record without a connection ID. */
static __attribute__((noinline)) void find_without_cid(struct sl_worker *w, struct sl_frame *frame,
                                                       const struct sl_record_header *header,
                                                       uint8_t *body, struct hello_answer *answer,
                                                       uint64_t now_ns)
{
    if (worker_is_client_hello(header, body))
        worker_handle_hello(w, frame, header, body, answer, now_ns);
    else
        find_by_tuple(w, frame, header, body, now_ns);
}

/** A record that is ours. */
static inline void find_record(struct sl_worker *w, struct sl_frame *frame,
                               const struct sl_record_header *header, uint8_t *body,
                               struct hello_answer *answer, uint64_t now_ns)
{
    if (header->type == SL_CONTENT_TLS12_CID)
        find_by_cid(w, frame, header, body, now_ns);
    else
        find_without_cid(w, frame, header, body, answer, now_ns);
}

/** The body that the reader has just passed: the frame is ours to write to, the reader lends it. */
static inline uint8_t *body_before(const struct sl_frame *frame, const struct sl_reader *r,
                                   const struct sl_record_header *header)
{
    return frame->data + (r->at - header->body_len - frame->data);
}

/** The records behind the first of a datagram, whose owner got it all. What can't be split counts
 * as one. */
static __attribute__((noinline)) void
find_later_records(struct sl_worker *w, struct sl_frame *frame, struct sl_reader rest,
                   struct hello_answer *answer, uint64_t now_ns)
{
    if (worker_has_cid(frame)) /* then nobody has looked for its tuple yet */
        frame->tuple_hash = sl_session_hash_tuple(w->table, &frame->path.tuple);
    for (unsigned count = 1; sl_reader_left(&rest) > 0; count++) {
        struct sl_record_header *header = next_header(w, now_ns);
        enum sl_drop drop = SL_DROP_RECORDS_TOO_MANY;
        if (count < SL_RECORDS_PER_DATAGRAM_MAX)
            drop = sl_wire_parse_record(&rest, SL_OWN_CID_LEN, header);
        worker_count(w, SL_COUNTER_RX_RECORDS, 1);
        if (drop != SL_DROP_NONE) {
            worker_drop(w, drop);
            return;
        }
        if (owner_of(w, frame, header) == w->config.index)
            find_record(w, frame, header, body_before(frame, &rest, header), answer, now_ns);
        else
            worker_drop(w, SL_DROP_OTHER_OWNER);
    }
}

void worker_give_away(struct sl_worker *w, struct sl_frame *frame, unsigned owner)
{
    if (frame->flags & SL_FRAME_HANDED_OVER) {
        worker_count(w, SL_COUNTER_RX_RECORDS, 1);
        worker_drop(w, SL_DROP_HANDOFF_TWICE);
        worker_end_frame(w, frame);
        return;
    }
    frame->flags |= SL_FRAME_HANDED_OVER;
    w->away[owner][w->away_count[owner]++] = frame;
}

/** Any datagram: splits it into its records, or gives it to the worker that owns the first of them.
 */
static __attribute__((noinline)) void find_datagram(struct sl_worker *w, struct sl_frame *frame,
                                                    uint64_t now_ns)
{
    struct sl_reader r = sl_reader_of(frame->data + frame->payload_off, frame->payload_len);
    struct sl_record_header *first = next_header(w, now_ns);
    enum sl_drop drop = sl_wire_parse_record(&r, SL_OWN_CID_LEN, first);
    if (drop != SL_DROP_NONE) {
        worker_count(w, SL_COUNTER_RX_RECORDS, 1);
        worker_drop(w, drop);
        worker_end_frame(w, frame);
        return;
    }
    unsigned owner = owner_of(w, frame, first);
    if (owner != w->config.index) {
        worker_give_away(w, frame, owner);
        return;
    }
    worker_count(w, SL_COUNTER_RX_RECORDS, 1);
    struct hello_answer answer;
    answer.wanted = false;
    find_record(w, frame, first, body_before(frame, &r, first), &answer, now_ns);
    if (sl_reader_left(&r) > 0)
        find_later_records(w, frame, r, &answer, now_ns);
    if (!answer.wanted) {
        worker_end_frame(w, frame);
        return;
    }
    worker_finish_rx(w, now_ns); /* the answer is written over the records */
    worker_answer_hello(w, frame, &answer);
}

/**
 * The slots that the first records of datagrams name, SL_SLOT_NONE where there is no connection ID
 * or one that names none. Asks for the memory that opening a record there reads, of a run of
 * records once. return how many datagrams are left; the others had no connection ID, and ended.
 */
static inline unsigned locate(struct sl_worker *w, struct sl_frame **frames, unsigned n,
                              uint32_t *slots, uint64_t now_ns)
{
    const struct sl_session_places places = *w->places;
    const struct sl_aead_key_lines lines = w->key_lines;
    uint32_t asked_for = SL_SLOT_NONE;
    bool all_have_cids = true;
    for (unsigned i = 0; i < n; i++) {
        const struct sl_frame *frame = frames[i];
        slots[i] = SL_SLOT_NONE;
        if (!worker_has_cid(frame)) {
            all_have_cids = false;
            continue;
        }
        const uint32_t slot =
            sl_cid_parse(frame->data + frame->payload_off + SL_RECORD_CID_OFF).slot;
        if (slot >= places.capacity)
            continue;
        slots[i] = slot;
        if (slot != asked_for)
            sl_session_prefetch_slot(&places, slot, lines);
        asked_for = slot;
    }
    return all_have_cids ? n : worker_sift_burst(w, frames, slots, n, now_ns);
}

/**
 * What nearly every datagram is: one whole record of an established session, with the connection ID
 * that this session has, and so ours. session: where that would be. false: anything else, and
 * nothing is decided yet.
 */
static inline bool find_plain(struct sl_worker *w, struct sl_frame *frame,
                              struct sl_session *session)
{
    enum { HEADER_LEN = SL_RECORD_HEADER_LEN + SL_OWN_CID_LEN };
    uint8_t *record = frame->data + frame->payload_off;
    const unsigned body_len =
        frame->payload_len - (unsigned)HEADER_LEN; /* worker_has_cid: no less */
    const uint64_t epoch_seq = sl_load_be64(record + 3);
    const unsigned i = w->rx.count;
    if (sl_load_be16(record + 1) != SL_DTLS_VERSION_1_2 || epoch_seq <= SL_SEQ_MAX ||
        sl_load_be16(record + HEADER_LEN - 2) != body_len || body_len > SL_RECORD_PROTECTED_MAX ||
        i == SL_BURST)
        return false;
    if (memcmp(session->own_cid, record + SL_RECORD_CID_OFF, SL_OWN_CID_LEN) != 0 ||
        !opens(session))
        return false;
    w->rx.records[i] = (struct rx_record){frame, session, session->handle};
    struct sl_open_job *job = &w->rx.jobs[i];
    job->epoch = session->epoch;
    job->header = (struct sl_record_header){
        .type = SL_CONTENT_TLS12_CID,
        .cid_len = SL_OWN_CID_LEN,
        .version = SL_DTLS_VERSION_1_2,
        .header_len = HEADER_LEN,
        .body_len = (uint16_t)body_len,
        .epoch_seq = epoch_seq,
        .cid = record + SL_RECORD_CID_OFF,
    };
    job->body = record + HEADER_LEN;
    job->out = NULL;
    w->rx.count = i + 1;
    return true;
}

void worker_find_burst(struct sl_worker *w, struct sl_frame **frames, unsigned n, uint64_t now_ns)
{
    uint32_t slots[SL_BURST];
    unsigned plain = 0;
    n = locate(w, frames, n, slots, now_ns);
    for (unsigned i = 0; i < n; i++) {
        if (slots[i] != SL_SLOT_NONE && find_plain(w, frames[i], &w->places->sessions[slots[i]])) {
            worker_end_frame(w, frames[i]);
            plain++;
        } else {
            find_datagram(w, frames[i], now_ns);
        }
    }
    worker_count(w, SL_COUNTER_RX_RECORDS, plain);
    worker_finish_rx(w, now_ns);
}
