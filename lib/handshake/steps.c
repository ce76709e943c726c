#include <openssl/err.h>

#include "handshake_priv.h"

/** What a client sends in a full handshake: no other message, in no other order, reaches libssl. */
struct step {
    uint8_t type;
    bool is_protected;
    uint32_t len_min, len_max;
};
static const struct step steps[] = {
    [STEP_HELLO] = {SL_HANDSHAKE_CLIENT_HELLO, false, 2 + SL_RANDOM_LEN + 6, MESSAGE_BODY_MAX},
    [STEP_CERTIFICATE] = {SL_HANDSHAKE_CERTIFICATE, false, 3, MESSAGE_BODY_MAX},
    [STEP_KEY_EXCHANGE] = {SL_HANDSHAKE_CLIENT_KEY_EXCHANGE, false, 2, 256},
    [STEP_CERTIFICATE_VERIFY] = {SL_HANDSHAKE_CERTIFICATE_VERIFY, false, 4, 4096},
    [STEP_FINISHED] = {SL_HANDSHAKE_FINISHED, true, 12, 12},
};
static const enum step_kind steps_alone[] = {STEP_HELLO, STEP_KEY_EXCHANGE, STEP_FINISHED};
static const enum step_kind steps_mutual[] = {STEP_HELLO, STEP_CERTIFICATE, STEP_KEY_EXCHANGE,
                                              STEP_CERTIFICATE_VERIFY, STEP_FINISHED};

void sl_handshake_choose_steps(struct handshake *handshake, bool is_mutual)
{
    handshake->steps = is_mutual ? steps_mutual : steps_alone;
    handshake->step_count = is_mutual ? sizeof steps_mutual / sizeof steps_mutual[0]
                                      : sizeof steps_alone / sizeof steps_alone[0];
}

unsigned sl_handshake_step_of(const struct handshake *handshake, const struct fragment *fragment,
                              bool is_protected)
{
    unsigned at = (uint16_t)(fragment->msg_seq - handshake->hello_seq);
    if (at >= handshake->step_count || (handshake->state == HANDSHAKE_HELLO && at > 0))
        return handshake->step_count;
    enum step_kind kind = handshake->steps[at];
    const struct step *step = &steps[kind];
    bool is_sound = fragment->type == step->type && is_protected == step->is_protected &&
                    fragment->msg_len >= step->len_min && fragment->msg_len <= step->len_max &&
                    (kind != STEP_KEY_EXCHANGE || at < handshake->step ||
                     fragment->msg_len == handshake->key_exchange_len);
    return is_sound ? at : handshake->step_count;
}

/** What libssl holds against the client. */
static enum sl_handshake_counter outcome_of(const struct handshake *handshake)
{
    bool is_refused = handshake->ssl != NULL &&
                      (SSL_get_verify_result(handshake->ssl) != X509_V_OK ||
                       ERR_GET_REASON(ERR_peek_error()) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE);
    return is_refused ? SL_HANDSHAKE_REFUSED_PEER : SL_HANDSHAKE_FAILED;
}

/** When the first certificate of the client's verified chain ends, by the worker's clock. */
static uint64_t expires_ns(const struct handshake *handshake)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(handshake->ssl);
    uint64_t first_ns = 0;
    for (int i = 0; i < sk_X509_num(chain); i++) {
        int days, seconds;
        if (!ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(sk_X509_value(chain, i))))
            continue; /* libssl has verified that there is one, and that it lies ahead */
        int64_t left_s = (int64_t)days * 86400 + seconds;
        uint64_t ns = handshake->owner->now_ns + (uint64_t)(left_s > 0 ? left_s : 0) * 1000000000;
        first_ns = first_ns == 0 || ns < first_ns ? ns : first_ns;
    }
    return first_ns;
}

static bool complete(struct handshake *handshake)
{
    struct sl_handshaker *handshaker = handshake->owner;
    struct sl_message_established message = {.identity = handshake->identity,
                                             .expires_ns = expires_ns(handshake)};
    struct sl_identity *identity = &message.identity;
    identity->cid_len = handshake->cid_negotiated ? handshake->own_cid_len : 0;
    identity->suite = SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(handshake->ssl));
    identity->remote_ip = handshake->path.tuple.remote_ip;
    identity->local_ip = handshake->path.tuple.local_ip;
    identity->remote_port = handshake->path.tuple.remote_port;
    identity->local_port = handshake->path.tuple.local_port;
    if (!sl_handshake_post(sl_handshake_outbox(handshake), SL_MESSAGE_ESTABLISHED,
                           handshake->handle, &message, sizeof message, NULL, 0))
        return false;
    handshake->last_flight.handle = handshake->handle;
    handshake->last_flight.worker = (uint8_t)handshake->worker;
    handshake->last_flight.made_ns = handshaker->now_ns;
    handshake->last_flight.sent_ns = handshaker->now_ns;
    sl_handshake_keep_last_flight(&handshaker->last_flights, &handshake->last_flight);
    if (handshake->cid_negotiated)
        sl_handshake_count(handshaker, SL_HANDSHAKE_CONNECTION_ID);
    return true;
}

/** Whom libssl has just verified, so that a key without a canonical form ends the handshake. */
static bool identify(struct handshake *handshake)
{
    return sl_identity_from_certificate(&handshake->identity,
                                        SSL_get0_peer_certificate(handshake->ssl)) == 0;
}

static bool feed(struct handshake *handshake, enum step_kind kind, int expected)
{
    const struct assembly *message = &handshake->messages[handshake->step];
    return sl_handshake_feed(handshake, SL_CONTENT_HANDSHAKE, steps[kind].is_protected,
                             message->message, SL_HANDSHAKE_HEADER_LEN + message->len) == expected;
}

/** The ChangeCipherSpec that a verified record of epoch 1 implies; the wire's proves nothing. */
static bool feed_change_cipher_spec(struct handshake *handshake)
{
    return sl_handshake_feed(handshake, SL_CONTENT_CHANGE_CIPHER_SPEC, 0, (const uint8_t[]){1},
                             1) == SSL_ERROR_WANT_READ;
}

/** Gives libssl the next message, whole and in its turn. false: the handshake has failed. */
static bool take_step(struct handshake *handshake)
{
    enum step_kind kind = handshake->steps[handshake->step];
    switch (kind) {
    case STEP_HELLO:
        handshake->state = HANDSHAKE_RUNNING;
        return sl_handshake_enter(handshake);
    case STEP_CERTIFICATE:
        return feed(handshake, kind, SSL_ERROR_WANT_READ) && identify(handshake);
    case STEP_KEY_EXCHANGE:
        if (!feed(handshake, kind, SSL_ERROR_WANT_READ) || !sl_handshake_derive_keys(handshake))
            return false;
        return sl_handshake_open_held(handshake) && sl_handshake_send_keys(handshake);
    case STEP_CERTIFICATE_VERIFY:
        return feed(handshake, kind, SSL_ERROR_WANT_READ);
    case STEP_FINISHED:
        handshake->keeps_output = true;
        return feed_change_cipher_spec(handshake) && feed(handshake, kind, SSL_ERROR_NONE) &&
               complete(handshake);
    }
    return false;
}

void sl_handshake_advance(struct handshake *handshake)
{
    unsigned before = handshake->step;
    while (handshake->step < handshake->step_count &&
           sl_handshake_is_whole(&handshake->messages[handshake->step])) {
        if (!take_step(handshake)) {
            sl_handshake_fail(handshake, outcome_of(handshake));
            return;
        }
        sl_handshake_wipe_assembly(&handshake->messages[handshake->step++]);
        if (handshake->step > 1)
            sl_handshake_forget_first_flight(handshake); /* the client has it */
    }
    if (handshake->step == handshake->step_count)
        sl_handshake_end(handshake, SL_HANDSHAKE_COMPLETED);
    else if (handshake->step != before) /* or strangers' records would put the timer off for ever */
        sl_handshake_arm(handshake);
}
