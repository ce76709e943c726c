#include <stdlib.h>

#include <openssl/crypto.h>

#include "kept_priv.h"

bool sl_handshake_add_datagram(struct flight *flight, const struct sl_message_send *message,
                               const uint8_t *parts)
{
    uint8_t *bytes = realloc(flight->bytes, flight->len + sizeof *message + message->bytes_len);
    if (bytes == NULL)
        return false;
    memcpy(bytes + flight->len, message, sizeof *message);
    memcpy(bytes + flight->len + sizeof *message, parts, message->bytes_len);
    flight->bytes = bytes;
    flight->len += sizeof *message + message->bytes_len;
    return true;
}

bool sl_handshake_next_datagram(const struct flight *flight, size_t *at,
                                struct sl_message_send *message, const uint8_t **parts)
{
    if (*at == flight->len)
        return false;
    memcpy(message, flight->bytes + *at, sizeof *message);
    *parts = flight->bytes + *at + sizeof *message;
    *at += sizeof *message + message->bytes_len;
    return true;
}

void sl_handshake_wipe_flight(struct flight *flight)
{
    if (flight->bytes != NULL)
        OPENSSL_cleanse(flight->bytes, flight->len); /* the Finished in it is sent sealed */
    free(flight->bytes);
    *flight = (struct flight){0};
}
