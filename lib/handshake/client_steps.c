#include "handshake_priv.h"

/* What a server sends, and in which order. CertificateStatus is not asked for (RFC 6066 8), so no
 * server sends it; the ChangeCipherSpec is not looked at, as its record proves nothing. */

enum message_kind {
    MESSAGE_VERIFY_REQUEST,
    MESSAGE_HELLO,
    MESSAGE_CERTIFICATE,
    MESSAGE_KEY_EXCHANGE,
    MESSAGE_CERTIFICATE_REQUEST,
    MESSAGE_HELLO_DONE,
    MESSAGE_TICKET,
    MESSAGE_FINISHED,
    MESSAGE_KINDS,
};

static const struct message {
    uint8_t type;
    bool is_protected;
    uint32_t len_min, len_max;
} messages[MESSAGE_KINDS] = {
    [MESSAGE_VERIFY_REQUEST] = {SL_HANDSHAKE_HELLO_VERIFY_REQUEST, false, 3, 3 + 255},
    [MESSAGE_HELLO] = {SL_HANDSHAKE_SERVER_HELLO, false, 2 + SL_RANDOM_LEN + 4, 4096},
    [MESSAGE_CERTIFICATE] = {SL_HANDSHAKE_CERTIFICATE, false, 3, MESSAGE_BODY_MAX},
    [MESSAGE_KEY_EXCHANGE] = {SL_HANDSHAKE_SERVER_KEY_EXCHANGE, false, 2, 4096},
    [MESSAGE_CERTIFICATE_REQUEST] = {SL_HANDSHAKE_CERTIFICATE_REQUEST, false, 5, MESSAGE_BODY_MAX},
    [MESSAGE_HELLO_DONE] = {SL_HANDSHAKE_SERVER_HELLO_DONE, false, 0, 0},
    [MESSAGE_TICKET] = {SL_HANDSHAKE_NEW_SESSION_TICKET, false, 6, MESSAGE_BODY_MAX},
    [MESSAGE_FINISHED] = {SL_HANDSHAKE_FINISHED, true, 12, 12},
};

/* Cells whose state depends on what the ServerHello says. */
enum {
    BY_HELLO = CLIENT_STATES,
    BY_TICKET,
};

/** state, message -> state. An empty cell is a refusal: the message does not reach libssl. */
static const uint8_t table[CLIENT_STATES][MESSAGE_KINDS] = {
    [CLIENT_AWAITS_VERIFY_OR_HELLO] =
        {[MESSAGE_VERIFY_REQUEST] = CLIENT_AWAITS_HELLO, [MESSAGE_HELLO] = BY_HELLO},
    [CLIENT_AWAITS_HELLO] = {[MESSAGE_HELLO] = BY_HELLO},
    [CLIENT_AWAITS_CERTIFICATE] = {[MESSAGE_CERTIFICATE] = CLIENT_AWAITS_KEY_EXCHANGE},
    [CLIENT_AWAITS_KEY_EXCHANGE] = {[MESSAGE_KEY_EXCHANGE] = CLIENT_AWAITS_REQUEST_OR_DONE},
    [CLIENT_AWAITS_REQUEST_OR_DONE] =
        {[MESSAGE_CERTIFICATE_REQUEST] = CLIENT_AWAITS_DONE, [MESSAGE_HELLO_DONE] = BY_TICKET},
    [CLIENT_AWAITS_PSK_HINT_OR_DONE] =
        {[MESSAGE_KEY_EXCHANGE] = CLIENT_AWAITS_DONE, [MESSAGE_HELLO_DONE] = BY_TICKET},
    [CLIENT_AWAITS_PSK_KEY_EXCHANGE] = {[MESSAGE_KEY_EXCHANGE] = CLIENT_AWAITS_DONE},
    [CLIENT_AWAITS_DONE] = {[MESSAGE_HELLO_DONE] = BY_TICKET},
    [CLIENT_AWAITS_TICKET] = {[MESSAGE_TICKET] = CLIENT_AWAITS_FINISHED},
    [CLIENT_AWAITS_FINISHED] = {[MESSAGE_FINISHED] = CLIENT_ESTABLISHED},
};

/** The kind that a type has, or MESSAGE_KINDS. */
static enum message_kind kind_of(uint8_t type)
{
    enum message_kind kind = 0;
    while (kind < MESSAGE_KINDS && messages[kind].type != type)
        kind++;
    return kind;
}

static bool is_sound(const struct handshake *handshake, const struct fragment *fragment,
                     bool is_protected)
{
    enum message_kind kind = kind_of(fragment->type);
    return kind != MESSAGE_KINDS && messages[kind].is_protected == is_protected &&
           fragment->msg_len >= messages[kind].len_min &&
           fragment->msg_len <= messages[kind].len_max &&
           (kind != MESSAGE_CERTIFICATE ||
            sl_handshake_takes_chain_len(handshake, fragment->msg_len));
}

bool sl_handshake_awaits_server_chain(const struct handshake *handshake)
{
    return handshake->client.state == CLIENT_AWAITS_CERTIFICATE;
}

bool sl_handshake_take_server_fragment(struct handshake *handshake, const struct fragment *fragment,
                                       bool is_protected, bool is_first_of_record)
{
    (void)is_first_of_record;
    uint16_t ahead = (uint16_t)(fragment->msg_seq - handshake->client.next_seq);
    if (!is_sound(handshake, fragment, is_protected)) {
        if (sl_handshake_awaits_server_chain(handshake) && !is_protected)
            sl_handshake_weigh_chain(handshake, fragment);
        return false;
    }
    handshake->has_heard = true;
    if (ahead > UINT16_MAX / 2) {
        /* The server has not got our answer, RFC 6347 4.2.4: it need not wait for our timer. */
        if (fragment->type == SL_HANDSHAKE_SERVER_HELLO_DONE)
            sl_handshake_repeat_flight(handshake);
        return true;
    }
    return ahead < MESSAGES_MAX &&
           sl_handshake_keep_fragment(handshake, fragment->msg_seq % MESSAGES_MAX,
                                      handshake->client.next_seq % MESSAGES_MAX, fragment);
}

/** The ServerHello promises a ticket, RFC 5077 3.2. libssl has parsed it before. */
static bool promises_ticket(const struct assembly *hello)
{
    struct sl_reader r = sl_reader_of(hello->message + SL_HANDSHAKE_HEADER_LEN, hello->len);
    sl_read_bytes(&r, 2 + SL_RANDOM_LEN);
    sl_read_vector(&r, 1);    /* session ID */
    sl_read_bytes(&r, 2 + 1); /* suite, compression */
    struct sl_reader extensions = sl_read_vector(&r, 2);
    while (!extensions.failed && sl_reader_left(&extensions) > 0) {
        uint16_t type = sl_read_be16(&extensions);
        sl_read_vector(&extensions, 2);
        if (type == TLSEXT_TYPE_session_ticket && !extensions.failed)
            return true;
    }
    return false;
}

static bool has_abbreviated(const struct handshake *handshake)
{
    return SSL_session_reused(handshake->ssl);
}

/** A server that resumes the session has its Finished sent behind its ServerHello. */
static bool take_hello(struct handshake *handshake, const struct assembly *message)
{
    struct client_side *client = &handshake->client;
    if (sl_handshake_feed_message(handshake, 0, message) != SSL_ERROR_WANT_READ)
        return false;
    const SSL_CIPHER *suite = SSL_get_pending_cipher(handshake->ssl);
    if (suite == NULL)
        return false;
    client->expects_ticket = promises_ticket(message);
    if (SSL_CIPHER_get_auth_nid(suite) == NID_auth_psk)
        handshake->method = SL_IDENTITY_PSK;
    return !has_abbreviated(handshake) ||
           (sl_handshake_derive_keys(handshake) && sl_handshake_open_held(handshake) &&
            sl_handshake_send_keys(handshake));
}

/** libssl answers with its last flight but one, and makes the keys in between: output.c. */
static bool take_done(struct handshake *handshake, const struct assembly *message)
{
    handshake->keeps = KEEPS_FLIGHT;
    bool ok = sl_handshake_feed_message(handshake, 0, message) == SSL_ERROR_WANT_READ;
    handshake->keeps = KEEPS_NOTHING;
    return ok && handshake->keys != NULL && sl_handshake_open_held(handshake);
}

static bool take_finished(struct handshake *handshake, const struct assembly *message)
{
    bool is_last = !has_abbreviated(handshake); /* else ours is */
    handshake->keeps = is_last ? KEEPS_NOTHING : KEEPS_LAST_FLIGHT;
    if (!sl_handshake_feed_finished(handshake, message) || !sl_handshake_establish(handshake))
        return false;
    if (!is_last)
        sl_handshake_keep_last(handshake);
    if (is_last || handshake->client.expects_ticket) /* else nothing has changed */
        sl_handshake_save_session(handshake);
    return true;
}

/** Gives libssl a message that the table allows. false: the handshake has failed. */
static bool take(struct handshake *handshake, enum message_kind kind,
                 const struct assembly *message)
{
    switch (kind) {
    case MESSAGE_HELLO:
        return take_hello(handshake, message);
    case MESSAGE_HELLO_DONE:
        return take_done(handshake, message);
    case MESSAGE_FINISHED:
        return take_finished(handshake, message);
    case MESSAGE_CERTIFICATE:
        return sl_handshake_takes_chain(handshake, message) &&
               sl_handshake_feed_message(handshake, 0, message) == SSL_ERROR_WANT_READ &&
               sl_handshake_identify(handshake);
    default:
        return sl_handshake_feed_message(handshake, 0, message) == SSL_ERROR_WANT_READ;
    }
}

static enum client_state after_key_exchange(const struct handshake *handshake)
{
    return handshake->client.expects_ticket ? CLIENT_AWAITS_TICKET : CLIENT_AWAITS_FINISHED;
}

static enum client_state after_hello(const struct handshake *handshake)
{
    const SSL_CIPHER *suite = SSL_get_pending_cipher(handshake->ssl);
    if (has_abbreviated(handshake))
        return after_key_exchange(handshake);
    if (SSL_CIPHER_get_auth_nid(suite) != NID_auth_psk)
        return CLIENT_AWAITS_CERTIFICATE;
    return SSL_CIPHER_get_kx_nid(suite) == NID_kx_psk ? CLIENT_AWAITS_PSK_HINT_OR_DONE
                                                      : CLIENT_AWAITS_PSK_KEY_EXCHANGE;
}

enum progress sl_handshake_take_server_message(struct handshake *handshake)
{
    struct client_side *client = &handshake->client;
    struct assembly *message = &handshake->messages[client->next_seq % MESSAGES_MAX];
    if (!sl_handshake_is_whole(message))
        return PROGRESS_WAITS;
    enum message_kind kind = kind_of(message->message[0]);
    uint8_t cell = table[client->state][kind];
    if (cell == CLIENT_REFUSES) { /* forged, as epoch 0 can be: the true one comes again */
        sl_handshake_reset_assembly(message);
        sl_handshake_count(handshake->owner, SL_HANDSHAKE_BAD_RECORD);
        return PROGRESS_WAITS;
    }
    bool is_taken = take(handshake, kind, message);
    sl_handshake_wipe_assembly(message);
    if (!is_taken)
        return PROGRESS_FAILED;
    client->next_seq++;
    client->state = cell == BY_HELLO    ? after_hello(handshake)
                    : cell == BY_TICKET ? after_key_exchange(handshake)
                                        : (enum client_state)cell;
    return client->state == CLIENT_ESTABLISHED ? PROGRESS_DONE : PROGRESS_MADE;
}
