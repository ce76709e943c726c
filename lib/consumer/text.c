#include "consumer_priv.h"

static const char *const close_texts[] = {
    [SL_CLOSE_PEER] = "the peer closed the session",
    [SL_CLOSE_IDLE] = "the session was idle too long",
    [SL_CLOSE_CONSUMER] = "the consumer closed the session",
    [SL_CLOSE_REPLACED] = "a new session of the same peer has taken its place",
    [SL_CLOSE_LIMIT] = "the session's keys have reached their usage limit",
    [SL_CLOSE_SHUTDOWN] = "the gateway is stopping",
    [SL_CLOSE_EXPIRED] = "the peer's certificate is not valid any more",
    [SL_CLOSE_DENIED] = "the gateway's operator has denied the peer's address",
    [SL_CLOSE_REMOVED] = "the gateway's operator has removed or changed the connection",
};
static const char *const refuse_texts[] = {
    [SL_REFUSE_HANDLE] = "no session of this consumer's has this handle, or not any more",
    [SL_REFUSE_CLOSING] = "the session is closing",
    [SL_REFUSE_TOO_LARGE] = "the message is longer than the path to this peer takes",
    [SL_REFUSE_UNCONFIRMED] = "three times the bytes from an address not confirmed were sent to it",
    [SL_REFUSE_NO_BUFFER] = "the gateway has no buffer left",
};

static const char *text_at(const char *const *texts, size_t count, uint16_t reason)
{
    return reason < count && texts[reason] != NULL ? texts[reason] : "unknown reason";
}

SLUICE_API const char *sluice_reason_text(enum sluice_event_kind kind, uint16_t reason)
{
    if (kind == SLUICE_CLOSE)
        return text_at(close_texts, sizeof close_texts / sizeof *close_texts, reason);
    if (kind == SLUICE_REFUSED)
        return text_at(refuse_texts, sizeof refuse_texts / sizeof *refuse_texts, reason);
    return "unknown reason";
}

SLUICE_API const char *sluice_peer_method_name(uint8_t method)
{
    static const char *const names[] = {
        [SLUICE_PEER_ANONYMOUS] = "anonymous",     [SLUICE_PEER_CERTIFICATE] = "certificate",
        [SLUICE_PEER_FINGERPRINT] = "fingerprint", [SLUICE_PEER_PSK] = "psk",
        [SLUICE_PEER_NODE_ID] = "node_id",
    };
    return method < sizeof names / sizeof names[0] ? names[method] : "unknown";
}

SLUICE_API size_t sluice_peer_certificate(const struct sluice_event *open, size_t *offset,
                                          const uint8_t **der)
{
    struct sl_reader chain = sl_reader_of(open->peer_chain, open->peer_chain_len);
    sl_read_bytes(&chain, *offset);
    struct sl_reader certificate = sl_read_vector(&chain, 3);
    if (chain.failed)
        return 0;
    *der = certificate.at;
    *offset = (size_t)(chain.at - (const uint8_t *)open->peer_chain);
    return sl_reader_left(&certificate);
}

SLUICE_API const char *sluice_version(void)
{
    return SLUICE_VERSION;
}
