/* What comes in: frames to records, records opened in bursts, echoes into the books. */
#include "load_priv.h"

static void count_answer(struct sl_load *load, enum load_answer answer, uint32_t len,
                         uint64_t intended_ns)
{
    const uint64_t latency_ns = load->now_ns - intended_ns;
    switch (answer) {
    case LOAD_ANSWER_ECHOED:
        load_count(load, SL_LOAD_ECHOED, 1);
        load_count(load, SL_LOAD_ECHOED_BYTES, len);
        load_overdue_echo(&load->overdue, intended_ns);
        sl_histogram_record(&load->stats.latency, latency_ns);
        break;
    case LOAD_ANSWER_LATE:
        load_count(load, SL_LOAD_LATE, 1);
        sl_histogram_record(&load->stats.latency, latency_ns);
        break;
    case LOAD_ANSWER_DUPLICATE:
        load_count(load, SL_LOAD_DUPLICATES, 1);
        break;
    case LOAD_ANSWER_STRAY:
        load_count(load, SL_LOAD_STRAY, 1);
        break;
    }
}

static void take_data(struct sl_load *load, struct client *client, const uint8_t *plain,
                      uint32_t len)
{
    struct load_payload payload;
    bool is_reordered;
    if (!load->scenario.expects_echo) {
        load_count(load, SL_LOAD_RECEIVED, 1);
        return;
    }
    if (!load_read_payload(plain, len, &payload) ||
        payload.client != load_number_of(load, client)) {
        load_count(load, SL_LOAD_CORRUPT, 1);
        return;
    }
    enum load_answer answer =
        load_books_answer(&client->books, payload.number, payload.intended_ns, load->now_ns,
                          load->scenario.late_after_ns, &is_reordered);
    load_count(load, SL_LOAD_REORDERED, is_reordered);
    count_answer(load, answer, len, payload.intended_ns);
}

static void take_alert(struct sl_load *load, struct client *client, const uint8_t *plain,
                       uint32_t len)
{
    load_count(load, SL_LOAD_CONSUMED, 1);
    if (len < 2 || (plain[0] != SL_ALERT_FATAL && plain[1] != SL_ALERT_CLOSE_NOTIFY))
        return;
    char why[SL_REASON_LEN];
    if (plain[1] == SL_ALERT_CLOSE_NOTIFY)
        snprintf(why, sizeof why, "the server closed the session (close_notify)");
    else
        snprintf(why, sizeof why, "the server ended the session with alert %u", plain[1]);
    load_note_failure(load, why);
    load_end_session(load, client, false);
}

/** An authentic record. */
static void take_record(struct sl_load *load, struct client *client, const struct sl_open_job *job)
{
    const bool is_established = client->state != CLIENT_KEYED;
    if (!is_established && job->type != SL_CONTENT_APPLICATION_DATA) {
        load_tell_plaintext(load, client, job->type, job->plain, job->plain_len);
        return;
    }
    switch (job->type) {
    case SL_CONTENT_APPLICATION_DATA:
        if (is_established)
            take_data(load, client, job->plain, job->plain_len);
        else
            load_drop(load, SL_DROP_EARLY_DATA);
        break;
    case SL_CONTENT_ALERT:
        take_alert(load, client, job->plain, job->plain_len);
        break;
    case SL_CONTENT_HANDSHAKE: /* a Finished again: our last flight did not arrive */
        load_tell_repeat(load, client);
        break;
    default:
        load_drop(load, SL_DROP_CONTENT_TYPE);
    }
}

static void finish_burst(struct sl_load *load)
{
    struct rx_burst *rx = &load->rx;
    sl_record_open_burst(load->aead, rx->jobs, rx->count);
    for (unsigned i = 0; i < rx->count; i++) {
        struct client *client = &load->clients[rx->clients[i]];
        if (rx->jobs[i].drop != SL_DROP_NONE)
            load_drop(load, rx->jobs[i].drop);
        else if (!load_has_keys(client)) /* ended by an alert before it in this burst */
            load_drop(load, SL_DROP_CLOSING);
        else
            take_record(load, client, &rx->jobs[i]);
    }
    rx->count = 0;
}

/** What a client that has a session did not ask for: a flood's ClientHello came from its socket. */
static bool is_hello_verify(const struct sl_record_header *header, const uint8_t *body)
{
    return header->epoch == 0 && header->type == SL_CONTENT_HANDSHAKE && header->body_len > 0 &&
           body[0] == SL_HANDSHAKE_HELLO_VERIFY_REQUEST;
}

/** A record of epoch 0, or of a handshake that has no keys yet. */
static void take_raw(struct sl_load *load, struct client *client, const uint8_t *record,
                     const struct sl_record_header *header)
{
    const bool is_handshaking = client->state == CLIENT_HANDSHAKE || client->state == CLIENT_KEYED;
    if (is_handshaking)
        load_tell_record(load, client, record, header->header_len + (uint32_t)header->body_len);
    else if (load_has_keys(client) && is_hello_verify(header, record + header->header_len))
        load_count_flood_answer(load, header->header_len + (uint32_t)header->body_len);
    else if (load_has_keys(client) && header->type == SL_CONTENT_HANDSHAKE)
        load_tell_repeat(load, client); /* the server's flight again, RFC 6347 4.2.4 */
    else if (load_has_keys(client) && header->type == SL_CONTENT_CHANGE_CIPHER_SPEC)
        load_count(load, SL_LOAD_CONSUMED, 1);
    else if (header->type == SL_CONTENT_ALERT && header->epoch == 0)
        load_drop(load, SL_DROP_PLAINTEXT_ALERT);
    else if (load_has_keys(client))
        load_drop(load, SL_DROP_EPOCH);
    else /* the server's part of an end, or what it still had under way */
        load_drop(load, client->generation > 0 ? SL_DROP_CLOSING : SL_DROP_UNKNOWN_PEER);
}

static void add_job(struct sl_load *load, uint32_t number, uint8_t *record,
                    const struct sl_record_header *header)
{
    struct rx_burst *rx = &load->rx;
    struct client *client = &load->clients[number];
    rx->jobs[rx->count] = (struct sl_open_job){.epoch = load_epoch_of(load, client),
                                               .header = *header,
                                               .body = record + header->header_len};
    rx->clients[rx->count++] = number;
    if (rx->count == SL_BURST)
        finish_burst(load);
}

/** Splits a datagram of one client's into its records. */
static void take_datagram(struct sl_load *load, uint32_t number, uint8_t *payload, uint32_t len)
{
    struct sl_reader datagram = sl_reader_of(payload, len);
    struct client *client = &load->clients[number];
    unsigned records = 0;
    do {
        struct sl_record_header header;
        uint8_t *record = payload + (datagram.at - payload);
        enum sl_drop drop = records++ < SL_RECORDS_PER_DATAGRAM_MAX
                                ? sl_wire_parse_record(&datagram, load->scenario.cid_len, &header)
                                : SL_DROP_RECORDS_TOO_MANY;
        load_count(load, SL_LOAD_RX_RECORDS, 1);
        if (drop != SL_DROP_NONE) {
            load_drop(load, drop);
            return;
        }
        /* Records before it may have changed the client's state. */
        if (load->rx.count > 0 && header.epoch == 0)
            finish_burst(load);
        if (header.epoch == 0 || !load_has_keys(client))
            take_raw(load, client, record, &header);
        else
            add_job(load, number, record, &header);
    } while (sl_reader_left(&datagram) > 0);
}

static void drop_frame(struct sl_load *load, enum sl_drop drop)
{
    load_count(load, SL_LOAD_RX_RECORDS, 1);
    load_drop(load, drop);
}

/** To the engine that has the client. true: it is that one's now. */
static bool hand_over(struct sl_load *load, unsigned owner, struct sl_frame *frame)
{
    const struct sl_load_io *io = &load->config.io;
    if (io->hand_over != NULL && io->hand_over(io->arg, owner, frame)) {
        load_count(load, SL_LOAD_HANDED_OVER, 1);
        return true;
    }
    drop_frame(load, io->hand_over != NULL ? SL_DROP_HANDOFF_FULL : SL_DROP_OTHER_OWNER);
    return false;
}

/** return whether the frame is still ours. A datagram of payload alone has been parsed by its
 * socket's port. */
static bool take_frame(struct sl_load *load, struct sl_frame *frame)
{
    uint32_t number = CLIENT_NONE;
    unsigned owner = load->config.index;
    enum sl_drop drop = SL_DROP_NONE;
    if (load->has_link) {
        drop = sl_wire_parse_frame(frame, load->link.rx_checksum);
        if (drop != SL_DROP_NONE || frame->kind != SL_PACKET_UDP)
            return load_take_neighbour(load, frame, drop);
    }
    drop = load_find_client(load, frame, &number, &owner);
    if (drop == SL_DROP_NONE && owner != load->config.index)
        return !hand_over(load, owner, frame);
    if (drop == SL_DROP_NOT_OURS && load_take_flood_answer(load, frame))
        return true;
    if (drop == SL_DROP_NONE && frame->payload_len == 0)
        drop = SL_DROP_NOT_DTLS;
    if (drop != SL_DROP_NONE)
        drop_frame(load, drop);
    else
        take_datagram(load, number, frame->data + frame->payload_off, frame->payload_len);
    return true;
}

bool load_receive(struct sl_load *load)
{
    const struct sl_load_io *io = &load->config.io;
    struct sl_frame *frames[SL_BURST];
    const uint64_t *handed_over = &load->stats.counters[SL_LOAD_HANDED_OVER];
    uint64_t bytes = 0, count = 0;
    const unsigned n = io->receive(io->arg, frames, SL_BURST);
    unsigned kept = 0;
    for (unsigned i = 0; i < n; i++) {
        const uint64_t before = *handed_over;
        const unsigned len = frames[i]->len;
        if (take_frame(load, frames[i]))
            frames[kept++] = frames[i];
        if (*handed_over != before)
            continue; /* whose it is now, counts it */
        bytes += len;
        count++;
    }
    finish_burst(load);
    load_count(load, SL_LOAD_RX_FRAMES, count);
    load_count(load, SL_LOAD_RX_BYTES, bytes);
    io->free(io->arg, frames, kept);
    return n > 0;
}
