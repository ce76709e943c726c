/**
 * Handshake messages, put together from fragments. Knows nothing of libssl.
 */
#ifndef SL_HANDSHAKE_ASSEMBLY_PRIV_H
#define SL_HANDSHAKE_ASSEMBLY_PRIV_H

#include "sl_wire.h"

/* assembly.c: messages put together from fragments, RFC 6347 4.2.3. */

/** Longest message of a client, with its header: it is fed to libssl as one record. */
#define MESSAGE_LEN_MAX SL_RECORD_PLAINTEXT_MAX
#define MESSAGE_BODY_MAX (MESSAGE_LEN_MAX - SL_HANDSHAKE_HEADER_LEN)

struct fragment {
    uint8_t type;
    uint16_t msg_seq;
    uint32_t msg_len;
    uint32_t off;
    uint32_t len;
    const uint8_t *bytes; /* [len], borrowed */
};

/** The next fragment of a handshake record; false at its end, or when the rest is malformed. */
bool sl_handshake_read_fragment(struct sl_reader *record, struct fragment *out);

struct assembly {
    uint8_t *message; /* header and body as if it had come in one piece; NULL: no room yet */
    uint8_t *have;    /* a bit for each byte of the body */
    uint32_t room;    /* for bytes of the body; stays when the message begins afresh */
    uint32_t len;     /* of the body */
    uint32_t missing; /* bytes of the body */
    bool has_begun;
};

/** Bytes of memory that a message with a body of this length takes. */
size_t sl_handshake_assembly_size(uint32_t msg_len);
static inline bool sl_handshake_has_room(const struct assembly *assembly, uint32_t msg_len)
{
    return assembly->message != NULL && msg_len <= assembly->room;
}

/**
 * Adds a fragment, unless the message is whole; one that disagrees about the message, or about
 * bytes of it, begins it afresh. false: no memory.
 */
bool sl_handshake_add_fragment(struct assembly *assembly, const struct fragment *fragment);
static inline bool sl_handshake_is_whole(const struct assembly *assembly)
{
    return assembly->has_begun && assembly->missing == 0;
}
/** As if nothing had come yet; the memory stays. */
static inline void sl_handshake_reset_assembly(struct assembly *assembly)
{
    assembly->has_begun = false;
}
void sl_handshake_wipe_assembly(struct assembly *assembly);

#endif
