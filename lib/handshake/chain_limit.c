/*
 * How long a chain a peer may show, in either role: docs/decisions/limits-of-a-handshake.md. libssl
 * has a limit of its own, but ends the handshake over it at once, and the first fragment of a
 * message, which says how long it is, may be anybody's.
 */
#include "handshake_priv.h"

/** More than any authority's chain has; each costs a signature to check. */
#define CERTIFICATES_MAX 16

/** The longest body of a Certificate message: the list, and its length in 3 bytes. */
static uint32_t body_max(const struct handshake *handshake)
{
    const uint32_t most = handshake->owner->config.certificate_chain_max;
    return most != 0 && most < MESSAGE_BODY_MAX - 3 ? 3 + most : MESSAGE_BODY_MAX;
}

bool sl_handshake_takes_chain_len(const struct handshake *handshake, uint32_t msg_len)
{
    return msg_len <= body_max(handshake);
}

void sl_handshake_weigh_chain(struct handshake *handshake, const struct fragment *fragment)
{
    if (fragment->type == SL_HANDSHAKE_CERTIFICATE &&
        !sl_handshake_takes_chain_len(handshake, fragment->msg_len))
        handshake->is_doubted = true;
}

bool sl_handshake_takes_chain(struct handshake *handshake, const struct assembly *message)
{
    struct sl_reader r = sl_reader_of(message->message + SL_HANDSHAKE_HEADER_LEN, message->len);
    struct sl_reader list = sl_read_vector(&r, 3);
    unsigned count = 0;
    while (sl_reader_left(&list) > 0 && !list.failed) { /* what does not parse is libssl's */
        sl_read_vector(&list, 3);
        count++;
    }
    handshake->has_long_chain = count > CERTIFICATES_MAX;
    return !handshake->has_long_chain;
}

/**
 * RFC 5246 7.2.2: nothing is wrong with the chain that bad_certificate or illegal_parameter could
 * mean; it is not acceptable here, for an unspecified reason.
 */
void sl_handshake_refuse_chain(struct handshake *handshake)
{
    sl_handshake_fail_with_alert(handshake, SSL_AD_CERTIFICATE_UNKNOWN,
                                 SL_HANDSHAKE_CHAIN_TOO_LONG);
}
