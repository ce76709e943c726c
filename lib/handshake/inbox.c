/**
 * What workers say. Each message is checked for its lengths, and goes to the handshake that it
 * names, to what is remembered of one that is over, or begins one.
 */
#include "handshake_priv.h"

static void repeat_last_flight(struct sl_handshaker *handshaker, struct last_flight *flight)
{
    struct outbox *outbox = &handshaker->outboxes[flight->worker];
    struct sl_message_send message;
    const uint8_t *parts;
    bool ok = true;
    if (flight->flight.len == 0 || handshaker->now_ns < flight->sent_ns + LAST_FLIGHT_APART_NS)
        return;
    flight->sent_ns = handshaker->now_ns;
    for (size_t at = 0; ok && sl_handshake_next_datagram(&flight->flight, &at, &message, &parts);)
        ok = sl_handshake_post(outbox, SL_MESSAGE_SEND, flight->handle, &message, sizeof message,
                               parts, message.bytes_len);
    sl_handshake_count(handshaker,
                       ok ? SL_HANDSHAKE_LAST_FLIGHT_REPEATED : SL_HANDSHAKE_WORKER_RING_FULL);
}

/** Something for a handshake that is none: its last flight may be wanted, or it is gone. */
static void take_stale(struct sl_handshaker *handshaker, uint64_t handle, bool is_trigger)
{
    struct last_flight *flight =
        sl_handshake_find_last_flight(&handshaker->last_flights, handle, handshaker->now_ns);
    if (flight == NULL)
        sl_handshake_count(handshaker, SL_HANDSHAKE_STALE);
    else if (is_trigger)
        repeat_last_flight(handshaker, flight);
}

/** The bytes behind a message's fixed part are all there. */
static bool has_bytes(const struct sl_message *message, size_t fixed_len, size_t bytes_len)
{
    return message->body_len >= fixed_len && bytes_len <= message->body_len - fixed_len;
}

static bool begins_hello(const struct sl_message_record *record)
{
    struct sl_reader datagram = sl_reader_of(record->bytes, record->bytes_len);
    struct sl_record_header header;
    struct fragment fragment;
    if (sl_wire_parse_record(&datagram, record->own_cid_len, &header) != SL_DROP_NONE ||
        header.type != SL_CONTENT_HANDSHAKE || header.epoch != 0)
        return false;
    struct sl_reader body = sl_reader_of(record->bytes + header.header_len, header.body_len);
    return sl_handshake_read_fragment(&body, &fragment) &&
           fragment.type == SL_HANDSHAKE_CLIENT_HELLO && fragment.off == 0;
}

static bool has_client(const struct sl_handshaker *handshaker, unsigned client)
{
    const struct sl_handshake_roles *roles = handshaker->roles;
    return client < roles->client_count && roles->clients[client].ctx != NULL;
}

static void take_connect(struct sl_handshaker *handshaker, unsigned worker,
                         const struct sl_message *message)
{
    const struct sl_message_connect *connect = message->body;
    sl_handshake_take_roles(handshaker); /* control had given them before it asked for this */
    if (message->body_len < sizeof *connect || connect->own_cid_len > sizeof connect->own_cid ||
        !has_client(handshaker, connect->client) ||
        sl_handshake_find(&handshaker->handshakes, message->session) != NULL)
        sl_handshake_count(handshaker, SL_HANDSHAKE_STALE);
    else
        sl_handshake_connect(handshaker, worker, message->session, connect);
}

static bool has_service(const struct sl_handshaker *handshaker, unsigned service)
{
    return service < handshaker->roles->service_count;
}

static void take_record(struct sl_handshaker *handshaker, unsigned worker,
                        const struct sl_message *message)
{
    const struct sl_message_record *record = message->body;
    if (message->body_len < sizeof *record ||
        !has_bytes(message, sizeof *record, record->bytes_len) ||
        record->bytes_len > SL_MESSAGE_BYTES_MAX || record->own_cid_len > sizeof record->own_cid) {
        sl_handshake_count(handshaker, SL_HANDSHAKE_BAD_RECORD);
        return;
    }
    struct handshake *handshake = sl_handshake_find(&handshaker->handshakes, message->session);
    bool is_known = handshake != NULL ||
                    sl_handshake_find(&handshaker->last_flights.by_handle, message->session);
    bool begins = !is_known && has_service(handshaker, record->service) && begins_hello(record);
    const struct sl_ip remote = record->path.tuple.remote_ip;
    if (begins && !sl_handshake_has_cpu(&handshaker->cpu, &remote, handshaker->now_ns)) {
        const struct sl_message_abort spent = {.cause = SL_ABORT_CPU_SPENT};
        sl_handshake_count(handshaker, SL_HANDSHAKE_CPU_SPENT);
        sl_handshake_post_abort(handshaker, worker, message->session, &spent);
        return;
    }
    const uint64_t begun_ns = sl_handshake_cpu_ns(&handshaker->cpu);
    if (begins)
        handshake = sl_handshake_accept(handshaker, worker, message->session, record);
    else if (handshake == NULL || handshake->state == HANDSHAKE_ENDED)
        take_stale(handshaker, message->session,
                   record->bytes_len > 0 && record->bytes[0] != SL_CONTENT_ALERT);
    if (handshake != NULL && handshake->state != HANDSHAKE_ENDED)
        sl_handshake_take_record(handshake, record->bytes, record->bytes_len);
    sl_handshake_charge_cpu(&handshaker->cpu, &remote, begun_ns, handshaker->now_ns);
}

/** The handshake may be gone afterwards. */
static void take_paid_plaintext(struct handshake *handshake,
                                const struct sl_message_plaintext *plaintext)
{
    struct sl_handshaker *handshaker = handshake->owner;
    const struct sl_ip remote = handshake->path.tuple.remote_ip;
    const uint64_t begun_ns = sl_handshake_cpu_ns(&handshaker->cpu);
    sl_handshake_take_plaintext(handshake, plaintext->type, plaintext->bytes, plaintext->bytes_len);
    sl_handshake_charge_cpu(&handshaker->cpu, &remote, begun_ns, handshaker->now_ns);
}

/**
 * What came behind a client's last Finished, before the worker knew that this has verified: data,
 * or an alert that ends the session. What is known of a handshake that is over says that it has.
 */
static void give_back(struct sl_handshaker *handshaker, uint64_t handle,
                      const struct sl_message_plaintext *plaintext)
{
    const bool is_data = plaintext->type == SL_CONTENT_APPLICATION_DATA;
    const uint16_t len = is_data ? plaintext->bytes_len : 0;
    const struct sl_message_data data = {.is_close = !is_data, .bytes_len = len};
    const struct last_flight *known =
        sl_handshake_find_last_flight(&handshaker->last_flights, handle, handshaker->now_ns);
    if (known == NULL)
        sl_handshake_count(handshaker, SL_HANDSHAKE_STALE);
    else if (!sl_handshake_post(&handshaker->outboxes[known->worker], SL_MESSAGE_DELIVER, handle,
                                &data, offsetof(struct sl_message_data, bytes), plaintext->bytes,
                                len))
        sl_handshake_count(handshaker, SL_HANDSHAKE_WORKER_RING_FULL);
}

static bool is_for_the_session(const struct sl_message_plaintext *plaintext)
{
    return plaintext->type == SL_CONTENT_APPLICATION_DATA ||
           (plaintext->type == SL_CONTENT_ALERT &&
            sl_handshake_is_end(plaintext->bytes, plaintext->bytes_len));
}

static void take_plaintext(struct sl_handshaker *handshaker, const struct sl_message *message)
{
    const struct sl_message_plaintext *plaintext = message->body;
    struct handshake *handshake = sl_handshake_find(&handshaker->handshakes, message->session);
    if (message->body_len < sizeof *plaintext ||
        !has_bytes(message, sizeof *plaintext, plaintext->bytes_len) || plaintext->epoch != 1)
        sl_handshake_count(handshaker, SL_HANDSHAKE_BAD_RECORD);
    else if (handshake == NULL && is_for_the_session(plaintext))
        give_back(handshaker, message->session, plaintext);
    else if (handshake == NULL || handshake->keys == NULL)
        take_stale(handshaker, message->session, plaintext->type == SL_CONTENT_HANDSHAKE);
    else
        take_paid_plaintext(handshake, plaintext);
}

static void take_write(struct sl_handshaker *handshaker, const struct sl_message *message)
{
    const struct sl_message_data *data = message->body;
    struct handshake *handshake = sl_handshake_find(&handshaker->handshakes, message->session);
    if (message->body_len < sizeof *data || !has_bytes(message, sizeof *data, data->bytes_len) ||
        handshake == NULL || handshake->state != HANDSHAKE_KEPT)
        sl_handshake_count(handshaker, SL_HANDSHAKE_STALE);
    else
        sl_handshake_write_legacy(handshake, data);
}

static void take_closed(struct sl_handshaker *handshaker, uint64_t handle)
{
    struct handshake *handshake = sl_handshake_find(&handshaker->handshakes, handle);
    if (handshake != NULL)
        sl_handshake_end(handshake, SL_HANDSHAKE_FAILED);
    sl_handshake_forget_last_flight(&handshaker->last_flights, handle);
    sl_handshake_forget_chain(&handshaker->chains, handle);
}

void sl_handshake_take_message(struct sl_handshaker *handshaker, unsigned worker,
                               const struct sl_message *message)
{
    switch (message->kind) {
    case SL_MESSAGE_CONNECT:
        take_connect(handshaker, worker, message);
        break;
    case SL_MESSAGE_RECORD:
        take_record(handshaker, worker, message);
        break;
    case SL_MESSAGE_PLAINTEXT:
        take_plaintext(handshaker, message);
        break;
    case SL_MESSAGE_REPEAT:
        take_stale(handshaker, message->session, true);
        break;
    case SL_MESSAGE_WRITE:
        take_write(handshaker, message);
        break;
    case SL_MESSAGE_CLOSED:
        take_closed(handshaker, message->session);
        break;
    default:
        sl_handshake_count(handshaker, SL_HANDSHAKE_STALE);
        break;
    }
}
