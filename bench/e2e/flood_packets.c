/* What packets look like: good messages, and what strangers send. */
#include "flood_priv.h"

#define RANDOM_PAYLOAD_MAX 256
/** Of a ClientHello in pieces, what one packet has. */
#define PIECE_LEN 104
#define HELLO_MAX 256
#define BAD_COOKIE_EVERY 4

static const char *const names[FLOOD_KINDS] = {
    "client_hello", "random", "forged", "replay", "fragment", "wrong_cid", "mixed",
};

/** What follows the cookie in OpenSSL's ClientHello: suites, compression, extensions. */
static const uint8_t hello_rest[] = {
    0,    56,   0xc0, 0x2c, 0xc0, 0x30, 0,    0x9f, 0xcc, 0xa9, 0xcc, 0xa8, 0xcc, 0xaa, 0xc0, 0x2b,
    0xc0, 0x2f, 0,    0x9e, 0xc0, 0x24, 0xc0, 0x28, 0,    0x6b, 0xc0, 0x23, 0xc0, 0x27, 0,    0x67,
    0xc0, 0x0a, 0xc0, 0x14, 0,    0x39, 0xc0, 0x09, 0xc0, 0x13, 0,    0x33, 0,    0x9d, 0,    0x9c,
    0,    0x3d, 0,    0x3c, 0,    0x35, 0,    0x2f, 0,    0xff, 1,    0,    0,    48,   0,    11,
    0,    4,    3,    0,    1,    2,    0,    10,   0,    12,   0,    10,   0,    0x1d, 0,    0x17,
    0,    0x1e, 0,    0x19, 0,    0x18, 0,    35,   0,    0,    0,    22,   0,    0,    0,    23,
    0,    0,    0,    13,   0,    8,    0,    6,    4,    3,    5,    3,    8,    7,
};

const char *flood_name(enum flood_kind kind)
{
    return names[kind];
}

/** 0..bound - 1 */
static uint32_t draw(struct flood *flood, uint32_t bound)
{
    return (uint32_t)((flood_random(flood) >> 32) * bound >> 32);
}

static void fill_random(struct flood *flood, uint8_t *out, size_t len)
{
    for (; len >= sizeof(uint64_t); out += sizeof(uint64_t), len -= sizeof(uint64_t)) {
        const uint64_t bits = flood_random(flood);
        memcpy(out, &bits, sizeof bits);
    }
    const uint64_t bits = flood_random(flood);
    memcpy(out, &bits, len);
}

static const struct client *any_client(struct flood *flood)
{
    return &flood->rig->clients[draw(flood, flood->rig->client_count)];
}

/** An address that nobody has, of those for benchmarks. */
static struct sl_path from_anywhere(struct flood *flood)
{
    struct sl_path path = flood->rig->clients[0].path;
    const uint32_t bits = draw(flood, 1 << 24);
    const uint8_t ip[4] = {198, (uint8_t)(18 + (bits & 1)), (uint8_t)(bits >> 8),
                           (uint8_t)(bits >> 16)};
    path.tuple.remote_ip = sl_ip_from_v4(ip);
    path.tuple.remote_port = (uint16_t)(1024 + draw(flood, 64000));
    return path;
}

static uint8_t *payload_of(struct flood_packet *packet, const struct sl_path *path)
{
    return packet->bytes + sl_wire_headers_len(path);
}

/** Headers before a payload that stands ready. */
static void finish(struct flood_packet *packet, const struct sl_path *path, size_t payload_len)
{
    struct sl_frame frame = {.data = packet->bytes, .tailroom = sizeof packet->bytes};
    rig_write_client_headers(&frame, path, (uint32_t)payload_len);
    packet->len = frame.len;
}

void flood_write_message(const struct rig *rig, uint64_t number, uint8_t out[FLOOD_MESSAGE_LEN])
{
    memcpy(out, &number, sizeof number);
    memcpy(out + sizeof number, rig->payload + number % PAYLOAD_PLACES,
           FLOOD_MESSAGE_LEN - sizeof number);
}

static void save(struct flood *flood, const struct flood_packet *packet)
{
    struct flood_saved *saved = &flood->saved[flood->saved_count++ % FLOOD_SAVED];
    saved->number = packet->number;
    saved->len = packet->len;
    memcpy(saved->bytes, packet->bytes, packet->len);
}

void flood_make_good(struct flood *flood, uint32_t client_index, struct flood_packet *packet)
{
    struct client *client = &flood->rig->clients[client_index];
    uint8_t plain[FLOOD_MESSAGE_LEN];
    packet->number = ++flood->message_count;
    *flood_message_of(flood, packet->number) =
        (struct flood_message){.number = packet->number, .client = client};
    flood_write_message(flood->rig, packet->number, plain);
    struct sl_seal_job job = {
        .epoch = &client->epoch,
        .plain = plain,
        .plain_len = sizeof plain,
        .type = SL_CONTENT_APPLICATION_DATA,
        .record = payload_of(packet, &client->path),
    };
    if (sl_record_seal_burst(flood->rig->aead, &job, 1) != 1)
        rig_fail("a record could not be sealed");
    finish(packet, &client->path, job.record_len);
    save(flood, packet);
}

/** return its length, record header and all. */
static size_t write_hello(struct flood *flood, uint8_t *out)
{
    uint8_t fresh[SL_RANDOM_LEN + SL_SESSION_ID_MAX + SL_COOKIE_LEN];
    const uint8_t session_id_len = draw(flood, 2) ? SL_SESSION_ID_MAX : 0;
    const uint8_t cookie_len = draw(flood, BAD_COOKIE_EVERY) == 0 ? SL_COOKIE_LEN : 0;
    const size_t body_len =
        2 + SL_RANDOM_LEN + 1U + session_id_len + 1U + cookie_len + sizeof hello_rest;
    struct sl_writer w = sl_writer_of(out, HELLO_MAX);
    fill_random(flood, fresh, sizeof fresh);
    fresh[SL_RANDOM_LEN + SL_SESSION_ID_MAX] = flood->cookie_tag;
    sl_wire_write_record_header(sl_write_room(&w, SL_RECORD_HEADER_LEN), SL_CONTENT_HANDSHAKE, 0, 0,
                                (uint16_t)(SL_HANDSHAKE_HEADER_LEN + body_len));
    sl_write_u8(&w, SL_HANDSHAKE_CLIENT_HELLO);
    sl_write_be24(&w, (uint32_t)body_len);
    sl_write_be16(&w, 0);
    sl_write_be24(&w, 0);
    sl_write_be24(&w, (uint32_t)body_len);
    sl_write_be16(&w, SL_DTLS_VERSION_1_2);
    sl_write_bytes(&w, fresh, SL_RANDOM_LEN);
    sl_write_u8(&w, session_id_len);
    sl_write_bytes(&w, fresh + SL_RANDOM_LEN, session_id_len);
    sl_write_u8(&w, cookie_len);
    sl_write_bytes(&w, fresh + SL_RANDOM_LEN + SL_SESSION_ID_MAX, cookie_len);
    sl_write_bytes(&w, hello_rest, sizeof hello_rest);
    return (size_t)(w.at - out);
}

static void make_hello(struct flood *flood, struct flood_packet *packet)
{
    const struct sl_path path = from_anywhere(flood);
    finish(packet, &path, write_hello(flood, payload_of(packet, &path)));
}

static void make_random(struct flood *flood, struct flood_packet *packet)
{
    const struct sl_path path = from_anywhere(flood);
    uint8_t *payload = payload_of(packet, &path);
    const size_t len = 1 + draw(flood, RANDOM_PAYLOAD_MAX);
    fill_random(flood, payload, len);
    if (draw(flood, 2))
        payload[0] = (uint8_t)(20 + draw(flood, 44)); /* RFC 7983 */
    finish(packet, &path, len);
}

/** A record as long as a good one, of bytes that nobody has sealed. */
static void make_record(struct flood *flood, struct flood_packet *packet,
                        const struct sl_path *path, const uint8_t cid[CID_LEN], uint64_t seq)
{
    const uint16_t body_len = SL_GCM_EXPLICIT_NONCE_LEN + FLOOD_MESSAGE_LEN + 1 + SL_AEAD_TAG_LEN;
    struct sl_writer w = sl_writer_of(payload_of(packet, path), FLOOD_FRAME_MAX - 42);
    sl_write_u8(&w, SL_CONTENT_TLS12_CID);
    sl_write_be16(&w, SL_DTLS_VERSION_1_2);
    sl_write_be(&w, 1ULL << 48 | seq, 8);
    sl_write_bytes(&w, cid, CID_LEN);
    sl_write_be16(&w, body_len);
    fill_random(flood, sl_write_room(&w, body_len), body_len);
    finish(packet, path, (size_t)(w.at - payload_of(packet, path)));
}

static void make_forged(struct flood *flood, struct flood_packet *packet)
{
    const struct client *client = any_client(flood);
    make_record(flood, packet, &client->path, client->epoch.peer_cid,
                client->epoch.write_next + draw(flood, SL_REPLAY_WINDOW));
}

static void make_wrong_cid(struct flood *flood, struct flood_packet *packet)
{
    const struct sl_path path = from_anywhere(flood);
    uint8_t cid[CID_LEN];
    fill_random(flood, cid, CID_LEN);
    if (draw(flood, 2)) /* layout, shard and slot of a living session; the tag is a guess */
        memcpy(cid, any_client(flood)->epoch.peer_cid, CID_LEN / 2);
    make_record(flood, packet, &path, cid, draw(flood, UINT32_MAX));
}

static void make_replay(struct flood *flood, struct flood_packet *packet)
{
    const uint32_t kept =
        flood->saved_count < FLOOD_SAVED ? (uint32_t)flood->saved_count : FLOOD_SAVED;
    for (unsigned tries = 0; kept > 0 && tries < 2 * FLOOD_SAVED; tries++) {
        const struct flood_saved *saved = &flood->saved[draw(flood, kept)];
        if (!flood_message_of(flood, saved->number)->is_delivered)
            continue; /* may still come for the first time */
        packet->len = saved->len;
        memcpy(packet->bytes, saved->bytes, saved->len);
        return;
    }
    rig_fail("nothing was delivered that could be replayed");
}

/** A piece of a ClientHello that says it has more: RFC 6347 4.2.3. */
static void make_hello_piece(struct flood *flood, struct flood_packet *packet)
{
    enum { HEADERS = SL_RECORD_HEADER_LEN + SL_HANDSHAKE_HEADER_LEN };
    const struct sl_path path = from_anywhere(flood);
    uint8_t hello[HELLO_MAX], *payload = payload_of(packet, &path);
    const uint32_t body_len = (uint32_t)(write_hello(flood, hello) - HEADERS);
    const uint32_t off = draw(flood, 2) * (1 + draw(flood, body_len - PIECE_LEN));
    struct sl_writer w = sl_writer_of(payload + HEADERS - 6, 6 + PIECE_LEN);
    memcpy(payload, hello, HEADERS);
    sl_store_be16(payload + SL_RECORD_HEADER_LEN - 2, SL_HANDSHAKE_HEADER_LEN + PIECE_LEN);
    sl_write_be24(&w, off);
    sl_write_be24(&w, PIECE_LEN);
    sl_write_bytes(&w, hello + HEADERS + off, PIECE_LEN);
    finish(packet, &path, HEADERS + PIECE_LEN);
}

/** The first fragment of a packet, or one behind it; RFC 791. */
static void make_ipv4_fragment(struct flood *flood, struct flood_packet *packet)
{
    make_random(flood, packet);
    uint8_t *ip = packet->bytes + SL_ETHER_HEADER_LEN;
    const uint32_t off = draw(flood, 2) * (1 + draw(flood, 180));
    sl_store_be16(ip + 6, (uint16_t)(0x2000 | off)); /* more fragments */
    memset(ip + 10, 0, 2);
    const uint16_t sum = sl_wire_checksum_fold(sl_wire_checksum_add(0, ip, SL_IPV4_HEADER_LEN));
    memcpy(ip + 10, &sum, sizeof sum);
}

/** RFC 8200 4.5. */
static void make_ipv6_fragment(struct flood *flood, struct flood_packet *packet)
{
    struct sl_path path = from_anywhere(flood);
    static const struct sl_ip local = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
    path.tuple.local_ip = local;
    path.tuple.remote_ip = local;
    fill_random(flood, path.tuple.remote_ip.bytes + 4, 12);
    fill_random(flood, payload_of(packet, &path), FLOOD_MESSAGE_LEN);
    finish(packet, &path, FLOOD_MESSAGE_LEN);
    uint8_t *ip = packet->bytes + SL_ETHER_HEADER_LEN;
    uint8_t *header = ip + SL_IPV6_HEADER_LEN; /* in the place of the UDP header */
    ip[6] = 44;
    fill_random(flood, header, SL_UDP_HEADER_LEN);
    header[0] = 17, header[1] = 0;
    sl_store_be16(header + 2, (uint16_t)(8 * draw(flood, 180) | 1)); /* and more of them */
}

static void make_fragment(struct flood *flood, struct flood_packet *packet)
{
    switch (draw(flood, 3)) {
    case 0:
        make_ipv4_fragment(flood, packet);
        return;
    case 1:
        make_ipv6_fragment(flood, packet);
        return;
    default:
        make_hello_piece(flood, packet);
    }
}

void flood_make_bad(struct flood *flood, enum flood_kind kind, struct flood_packet *packet)
{
    static void (*const make[FLOOD_MIXED])(struct flood * flood, struct flood_packet * packet) = {
        [FLOOD_CLIENT_HELLO] = make_hello, [FLOOD_RANDOM] = make_random,
        [FLOOD_FORGED] = make_forged,      [FLOOD_REPLAY] = make_replay,
        [FLOOD_FRAGMENT] = make_fragment,  [FLOOD_WRONG_CID] = make_wrong_cid,
    };
    packet->number = 0;
    make[kind == FLOOD_MIXED ? draw(flood, FLOOD_MIXED) : kind](flood, packet);
}
