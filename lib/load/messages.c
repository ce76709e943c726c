/* To and from the handshaker: one thread polls both, the rings only keep them apart. */
#include "load_priv.h"

static bool tell(struct sl_load *load, enum sl_message_kind kind, const struct client *client,
                 const void *fixed, uint32_t fixed_len, const void *bytes, uint32_t bytes_len)
{
    if (!sl_message_send(sl_ring_producer_of(load->to_handshaker), kind, client->handle, fixed,
                         fixed_len, bytes, bytes_len))
        return false;
    load->has_told = true;
    return true;
}

static void count_told(struct sl_load *load, bool was_told)
{
    if (was_told)
        load_count(load, SL_LOAD_TO_HANDSHAKE, 1);
    else
        load_drop(load, SL_DROP_HANDSHAKE_FULL);
}

bool load_tell_connect(struct sl_load *load, struct client *client)
{
    const struct sl_load_scenario *scenario = &load->scenario;
    const uint32_t number = load_number_of(load, client) * load->config.count + load->config.index;
    struct sl_message_connect connect = {
        .path = client->path,
        .path_payload_max = load_payload_max(load),
        .offers_cid = scenario->offers_cid,
        .own_cid_len = scenario->offers_cid ? scenario->cid_len : 0,
        .credential = number,
        .resume = scenario->resumes ? 1 + (uint64_t)number : 0,
    };
    memcpy(connect.own_cid, client->own_cid, sizeof connect.own_cid);
    return tell(load, SL_MESSAGE_CONNECT, client, &connect, sizeof connect, NULL, 0);
}

bool load_tell_closed(struct sl_load *load, const struct client *client)
{
    return tell(load, SL_MESSAGE_CLOSED, client, NULL, 0, NULL, 0);
}

void load_tell_record(struct sl_load *load, struct client *client, const uint8_t *record,
                      uint32_t len)
{
    if (len > SL_MESSAGE_BYTES_MAX) {
        load_drop(load, SL_DROP_HANDSHAKE_TOO_BIG);
        return;
    }
    struct sl_message_record body = {
        .path = client->path,
        .own_cid_len = load->scenario.cid_len,
        .path_payload_max = load_payload_max(load),
        .bytes_len = (uint16_t)len,
    };
    memcpy(body.own_cid, client->own_cid, sizeof body.own_cid);
    count_told(load, tell(load, SL_MESSAGE_RECORD, client, &body,
                          offsetof(struct sl_message_record, bytes), record, len));
}

void load_tell_plaintext(struct sl_load *load, struct client *client, uint8_t type,
                         const uint8_t *plain, uint32_t len)
{
    if (len > SL_MESSAGE_BYTES_MAX) {
        load_drop(load, SL_DROP_HANDSHAKE_TOO_BIG);
        return;
    }
    struct sl_message_plaintext body = {
        .epoch = load_epoch_of(load, client)->number, .type = type, .bytes_len = (uint16_t)len};
    count_told(load, tell(load, SL_MESSAGE_PLAINTEXT, client, &body,
                          offsetof(struct sl_message_plaintext, bytes), plain, len));
}

void load_tell_repeat(struct sl_load *load, const struct client *client)
{
    /* The handshaker limits how often; one that is lost is asked for again by the server. */
    count_told(load, tell(load, SL_MESSAGE_REPEAT, client, NULL, 0, NULL, 0));
}

static void tell_session(const struct sl_load *load, const struct client *client,
                         const struct sl_message_keys *keys)
{
    if (load->config.tell_session == NULL)
        return;
    const struct sl_load_session session = {
        .tuple = client->path.tuple,
        .alg = (enum sl_aead_alg)keys->alg,
        .seal_key = keys->seal_key,
        .seal_iv = keys->seal_iv,
        .own_cid_len = keys->own_cid_negotiated ? load->scenario.cid_len : 0,
        .peer_cid_len = keys->peer_cid_len,
        .own_cid = client->own_cid,
        .peer_cid = keys->peer_cid,
    };
    load->config.tell_session(load->config.tell_arg, &session);
}

static void take_keys(struct sl_load *load, struct client *client,
                      const struct sl_message_keys *keys)
{
    if (client->state != CLIENT_HANDSHAKE)
        return;
    sl_message_init_epoch(keys, load->aead, client->own_cid, load->scenario.cid_len,
                          load_epoch_of(load, client));
    client->state = CLIENT_KEYED;
    tell_session(load, client, keys);
}

static void take_abort(struct sl_load *load, struct client *client,
                       const struct sl_message_abort *message)
{
    char why[SL_REASON_LEN];
    sl_handshake_describe_abort(message, why);
    load_fail(load, client, why);
}

static void take_message(struct sl_load *load, const struct sl_message *message)
{
    struct client *client = load_client_of(load, message->session);
    if (client != NULL && client->state == CLIENT_CLOSING)
        client = NULL;
    switch (message->kind) {
    case SL_MESSAGE_KEYS:
        if (client != NULL)
            take_keys(load, client, message->body);
        sl_message_wipe(message);
        break;
    case SL_MESSAGE_SEND:
        if (client != NULL)
            load_send_flight(load, client, message->body, message->body_len);
        else
            load_drop(load, SL_DROP_SEND_STALE);
        break;
    case SL_MESSAGE_ESTABLISHED:
        if (client != NULL)
            load_establish(load, client, message->body);
        break;
    case SL_MESSAGE_ABORT:
        if (client != NULL && client->state <= CLIENT_KEYED)
            take_abort(load, client, message->body);
        break;
    default:
        assert(false && "a handshaker sends nothing else");
    }
}

/** A turn of the handshaker, if there is anything for it: one message, as each may take long. */
static bool poll_handshaker(struct sl_load *load)
{
    const bool is_wanted = load->has_told || load->connecting.count > 0 ||
                           sl_handshaker_next_timer(load->handshaker) <= load->now_ns;
    if (!is_wanted)
        return false;
    sl_message_flush(sl_ring_producer_of(load->to_handshaker));
    const bool was_busy = sl_handshaker_poll(load->handshaker, load->now_ns, 1);
    load->has_told = was_busy;
    return was_busy;
}

bool load_serve_handshakes(struct sl_load *load)
{
    struct sl_ring_consumer *from = sl_ring_consumer_of(load->from_handshaker);
    struct sl_message message;
    bool is_busy = poll_handshaker(load);
    /* Flights wait with everything else while the port is full. */
    for (unsigned n = 0;
         n < MESSAGES_PER_TURN && load_outbox_room(load) > 0 && sl_message_receive(from, &message);
         n++) {
        take_message(load, &message);
        is_busy = true;
    }
    sl_ring_release(from);
    return is_busy;
}
