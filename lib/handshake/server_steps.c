#include "handshake_priv.h"

/** What a client sends: no other message, in no other order, reaches libssl. */
struct step {
    uint8_t type;
    bool is_protected;
    uint32_t len_min, len_max;
};
static const struct step steps[] = {
    [STEP_HELLO] = {SL_HANDSHAKE_CLIENT_HELLO, false, 2 + SL_RANDOM_LEN + 6, MESSAGE_BODY_MAX},
    [STEP_CERTIFICATE] = {SL_HANDSHAKE_CERTIFICATE, false, 3, MESSAGE_BODY_MAX},
    [STEP_KEY_EXCHANGE] = {SL_HANDSHAKE_CLIENT_KEY_EXCHANGE, false, 2, 256},
    [STEP_PSK_KEY_EXCHANGE] = {SL_HANDSHAKE_CLIENT_KEY_EXCHANGE, false, 2,
                               2 + SL_PSK_IDENTITY_MAX + 256},
    [STEP_CERTIFICATE_VERIFY] = {SL_HANDSHAKE_CERTIFICATE_VERIFY, false, 4, 4096},
    [STEP_FINISHED] = {SL_HANDSHAKE_FINISHED, true, 12, 12},
};
static const enum step_kind steps_alone[] = {STEP_HELLO, STEP_KEY_EXCHANGE, STEP_FINISHED};
static const enum step_kind steps_mutual[] = {STEP_HELLO, STEP_CERTIFICATE, STEP_KEY_EXCHANGE,
                                              STEP_CERTIFICATE_VERIFY, STEP_FINISHED};
/* Asked for a certificate, it has said that it has none: RFC 5246 7.4.6. */
static const enum step_kind steps_without[] = {STEP_HELLO, STEP_CERTIFICATE, STEP_KEY_EXCHANGE,
                                               STEP_FINISHED};
/* Without any certificate: RFC 4279 2. */
static const enum step_kind steps_psk[] = {STEP_HELLO, STEP_PSK_KEY_EXCHANGE, STEP_FINISHED};
static const enum step_kind steps_abbreviated[] = {STEP_HELLO, STEP_FINISHED};

void sl_handshake_choose_steps(struct handshake *handshake, bool is_mutual)
{
    handshake->server.steps = is_mutual ? steps_mutual : steps_alone;
    handshake->server.step_count = is_mutual ? sizeof steps_mutual / sizeof steps_mutual[0]
                                             : sizeof steps_alone / sizeof steps_alone[0];
}

/** Whether the client has a certificate decides about the step behind the next. libssl has taken
 * its message, and with it that there may be none. */
static void follow_certificate(struct handshake *handshake, const struct assembly *message)
{
    const uint32_t empty_list_len = 3;
    if (message->len > empty_list_len)
        return;
    handshake->server.steps = steps_without;
    handshake->server.step_count = sizeof steps_without / sizeof steps_without[0];
}

void sl_handshake_abbreviate_steps(struct handshake *handshake)
{
    handshake->server.steps = steps_abbreviated;
    handshake->server.step_count = sizeof steps_abbreviated / sizeof steps_abbreviated[0];
}

void sl_handshake_choose_psk_steps(struct handshake *handshake)
{
    handshake->server.steps = steps_psk;
    handshake->server.step_count = sizeof steps_psk / sizeof steps_psk[0];
}

/** Whether a message of a sort whose length is settled by now has that. */
static bool has_settled_len(const struct handshake *handshake, enum step_kind kind, uint32_t len)
{
    const uint32_t suites_len = handshake->server.key_exchange_len;
    if (kind == STEP_CERTIFICATE)
        return sl_handshake_takes_chain_len(handshake, len);
    if (kind == STEP_KEY_EXCHANGE)
        return len == suites_len;
    return kind != STEP_PSK_KEY_EXCHANGE ||
           (len >= 2 + suites_len && len <= 2 + SL_PSK_IDENTITY_MAX + suites_len);
}

unsigned sl_handshake_step_of(const struct handshake *handshake, const struct fragment *fragment,
                              bool is_protected)
{
    unsigned at = (uint16_t)(fragment->msg_seq - handshake->server.hello_seq);
    if (at >= handshake->server.step_count || (handshake->state == HANDSHAKE_HELLO && at > 0))
        return handshake->server.step_count;
    enum step_kind kind = handshake->server.steps[at];
    const struct step *step = &steps[kind];
    bool is_sound =
        fragment->type == step->type && is_protected == step->is_protected &&
        fragment->msg_len >= step->len_min && fragment->msg_len <= step->len_max &&
        (at < handshake->server.step || has_settled_len(handshake, kind, fragment->msg_len));
    return is_sound ? at : handshake->server.step_count;
}

bool sl_handshake_awaits_certificate(const struct handshake *handshake)
{
    return handshake->server.steps[handshake->server.step] == STEP_CERTIFICATE;
}

static bool feed(struct handshake *handshake)
{
    return sl_handshake_feed_message(handshake, 0, &handshake->messages[handshake->server.step]) ==
           SSL_ERROR_WANT_READ;
}

/**
 * In an abbreviated handshake the client's is the last flight. An empty one is kept all the same:
 * by it a ClientHello that is still on its way here is known to be a late copy.
 */
static bool take_finished(struct handshake *handshake)
{
    bool is_last = SSL_session_reused(handshake->ssl);
    sl_handshake_wipe_flight(&handshake->flight); /* the client has it */
    handshake->keeps = is_last ? KEEPS_NOTHING : KEEPS_LAST_FLIGHT;
    if (!sl_handshake_feed_finished(handshake, &handshake->messages[handshake->server.step]) ||
        !sl_handshake_establish(handshake))
        return false;
    sl_handshake_keep_last(handshake);
    return true;
}

/** false: the handshake has failed. */
static bool take_step(struct handshake *handshake)
{
    switch (handshake->server.steps[handshake->server.step]) {
    case STEP_HELLO:
        handshake->state = HANDSHAKE_RUNNING;
        return sl_handshake_enter(handshake);
    case STEP_CERTIFICATE:
        if (!sl_handshake_takes_chain(handshake, &handshake->messages[handshake->server.step]) ||
            !feed(handshake) || !sl_handshake_identify(handshake))
            return false;
        follow_certificate(handshake, &handshake->messages[handshake->server.step]);
        return true;
    case STEP_KEY_EXCHANGE:
    case STEP_PSK_KEY_EXCHANGE:
        if (!feed(handshake))
            return false;
        if (handshake->server.is_legacy)
            return true;
        if (!sl_handshake_derive_keys(handshake))
            return false;
        return sl_handshake_open_held(handshake) && sl_handshake_send_keys(handshake);
    case STEP_CERTIFICATE_VERIFY:
        return feed(handshake);
    case STEP_FINISHED:
        return take_finished(handshake);
    }
    return false;
}

enum progress sl_handshake_take_step(struct handshake *handshake)
{
    struct server_side *server = &handshake->server;
    struct assembly *message = &handshake->messages[server->step];
    if (server->is_legacy && server->steps[server->step] == STEP_FINISHED)
        return sl_handshake_take_legacy_finished(handshake);
    if (!sl_handshake_is_whole(message))
        return PROGRESS_WAITS;
    if (server->steps[server->step] == STEP_PSK_KEY_EXCHANGE) {
        enum progress progress = sl_handshake_find_psk(handshake, message);
        if (progress != PROGRESS_MADE)
            return progress;
    }
    if (!take_step(handshake))
        return PROGRESS_FAILED;
    sl_handshake_wipe_assembly(message);
    server->step++;
    if (server->step > 1)
        sl_handshake_wipe_flight(&handshake->flight); /* the client has it */
    return server->step < server->step_count ? PROGRESS_MADE : PROGRESS_DONE;
}
