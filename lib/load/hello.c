/* A ClientHello as OpenSSL's clients write theirs, with a connection ID: RFC 6347 4.2.1. */
#include "load_priv.h"

/** suites, compression and extensions: what comes behind an empty cookie. */
static const uint8_t offer[] = {
    0,    8,    0xc0, 0x2b, 0xc0, 0x2f,
    0xc0, 0x2c, 0xc0, 0x30, /* ECDHE with AES-GCM */
    1,    0,                /* no compression */
    0,    43,               /* extensions */
    0,    10,   0,    6,    0,    4,
    0,    29,   0,    23,            /* supported_groups: X25519, P-256 */
    0,    11,   0,    2,    1,    0, /* ec_point_formats: uncompressed */
    0,    13,   0,    6,    0,    4,
    4,    3,    8,    4,       /* signature_algorithms: ecdsa P-256, rsa-pss SHA-256 */
    0,    23,   0,    0,       /* extended_master_secret */
    0,    54,   0,    9,    8, /* connection_id; its 8 bytes follow */
};

static void write_random(struct sl_writer *to, struct load_random *random, size_t len)
{
    for (size_t at = 0; at < len; at += sizeof(uint64_t)) {
        const uint64_t bits = load_random_next(random);
        sl_write_bytes(to, &bits, sizeof bits);
    }
}

uint32_t load_write_hello(uint8_t *out, struct load_random *random)
{
    enum { CID_LEN = 8, BODY_LEN = 2 + SL_RANDOM_LEN + 1 + 1 + sizeof offer + CID_LEN };
    static_assert(SL_RECORD_HEADER_LEN + SL_HANDSHAKE_HEADER_LEN + BODY_LEN <= LOAD_HELLO_MAX,
                  "the room that callers have");
    struct sl_writer w = sl_writer_of(out, LOAD_HELLO_MAX);
    sl_wire_write_record_header(out, SL_CONTENT_HANDSHAKE, 0, 0,
                                SL_HANDSHAKE_HEADER_LEN + BODY_LEN);
    sl_write_room(&w, SL_RECORD_HEADER_LEN);
    sl_write_u8(&w, SL_HANDSHAKE_CLIENT_HELLO);
    sl_write_be24(&w, BODY_LEN);
    sl_write_be16(&w, 0); /* message sequence */
    sl_write_be24(&w, 0);
    sl_write_be24(&w, BODY_LEN);
    sl_write_be16(&w, SL_DTLS_VERSION_1_2);
    write_random(&w, random, SL_RANDOM_LEN);
    sl_write_be16(&w, 0); /* no session, no cookie */
    sl_write_bytes(&w, offer, sizeof offer);
    write_random(&w, random, CID_LEN);
    return (uint32_t)(w.at - out);
}
