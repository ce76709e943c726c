#include "handshake_priv.h"

static bool awaits_chain(const struct handshake *handshake)
{
    return handshake->state == HANDSHAKE_RUNNING && sl_handshake_awaits_certificate(handshake);
}

static bool take_fragment(struct handshake *handshake, const struct fragment *fragment,
                          bool is_protected, bool is_first_of_record)
{
    struct server_side *server = &handshake->server;
    /* The worker checks the cookie of a ClientHello that stands first in its record. */
    if (fragment->type == SL_HANDSHAKE_CLIENT_HELLO && !is_first_of_record)
        return false;
    /* A ClientHello that begins again, while its first try is still incomplete. */
    if (handshake->state == HANDSHAKE_HELLO && fragment->type == SL_HANDSHAKE_CLIENT_HELLO &&
        fragment->off == 0)
        server->hello_seq = fragment->msg_seq;
    unsigned at = sl_handshake_step_of(handshake, fragment, is_protected);
    if (at == server->step_count) {
        if (awaits_chain(handshake) && !is_protected)
            sl_handshake_weigh_chain(handshake, fragment);
        return false;
    }
    /* The client has not got our answer, RFC 6347 4.2.4: it need not wait for our timer. Only first
     * fragments, whose cookie the worker has checked. */
    if (at == 0 && server->step == 1 && fragment->off == 0)
        sl_handshake_repeat_flight(handshake);
    if (at < server->step)
        sl_handshake_see_psk_again(handshake, fragment);
    return at < server->step || sl_handshake_keep_fragment(handshake, at, server->step, fragment);
}

const struct role sl_handshake_server = {.take_fragment = take_fragment,
                                         .awaits_chain = awaits_chain,
                                         .take_message = sl_handshake_take_step};

struct handshake *sl_handshake_accept(struct sl_handshaker *handshaker, unsigned worker,
                                      uint64_t handle, const struct sl_message_record *first)
{
    struct handshake_start start = {.role = &sl_handshake_server,
                                    .worker = worker,
                                    .handle = handle,
                                    .path = &first->path,
                                    .path_payload_max = first->path_payload_max,
                                    .own_cid_len = first->own_cid_len,
                                    .own_cid = first->own_cid};
    struct handshake *handshake = sl_handshake_begin(handshaker, &start);
    if (handshake == NULL)
        return NULL;
    sl_handshake_use_service(handshake, first->service);
    sl_handshake_choose_steps(handshake,
                              handshake->trust != NULL && sl_trust_asks(handshake->trust));
    return handshake;
}
