/* The clients of the rig: where they are, and how they come to have a session. */
#include "rig_priv.h"

const uint8_t rig_own_mac[SL_ETHER_ADDR_LEN] = {2, 0, 0, 0, 0, 0xfe};
static const uint8_t peer_mac[SL_ETHER_ADDR_LEN] = {2, 0, 0, 0, 0, 1};

struct sl_path rig_path_of(uint32_t client)
{
    const uint8_t local[4] = {198, 18, 0, 1};
    const uint8_t remote[4] = {198, 19, (uint8_t)(client >> 8), (uint8_t)client};
    struct sl_path path = {0};
    path.tuple.local_ip = sl_ip_from_v4(local);
    path.tuple.remote_ip = sl_ip_from_v4(remote);
    path.tuple.local_port = OWN_PORT;
    path.tuple.remote_port = (uint16_t)(40000 + (client >> 16));
    memcpy(path.hop.mac, peer_mac, sizeof peer_mac);
    path.hop.vlan_id = SL_VLAN_NONE;
    return path;
}

void rig_write_client_headers(struct sl_frame *frame, const struct sl_path *path,
                              uint32_t payload_len)
{
    struct sl_path reverse = *path;
    reverse.tuple.remote_ip = path->tuple.local_ip;
    reverse.tuple.remote_port = path->tuple.local_port;
    reverse.tuple.local_ip = path->tuple.remote_ip;
    reverse.tuple.local_port = path->tuple.remote_port;
    memcpy(reverse.hop.mac, rig_own_mac, sizeof rig_own_mac);
    frame->payload_len = (uint16_t)payload_len;
    sl_wire_write_headers(frame, &reverse, peer_mac);
    frame->tailroom = (uint16_t)(frame->tailroom - frame->len);
}

struct answer {
    size_t len;
    uint8_t bytes[FRAME_MAX];
};

static void keep_answer(void *arg, const uint8_t *bytes, size_t len)
{
    struct answer *answer = arg;
    answer->len = len < sizeof answer->bytes ? len : sizeof answer->bytes;
    memcpy(answer->bytes, bytes, answer->len);
}

/** One frame of a client's, received and answered. */
static void offer(struct rig *rig, const struct client *client, const uint8_t *payload, size_t len,
                  struct answer *answer)
{
    struct sl_frame *frame;
    rig_port_take(rig->port, &frame, 1);
    memcpy(frame->data + sl_wire_headers_len(&client->path), payload, len);
    rig_write_client_headers(frame, &client->path, (uint32_t)len);
    rig_port_offer(rig->port, &frame, 1);
    rig_port_turn(rig->port);
    rig_port_drain(rig->port, keep_answer, answer);
}

/** A ClientHello with the cookie that a HelloVerifyRequest's frame holds, or without (NULL). */
static size_t write_client_hello(uint32_t client, const uint8_t *answer, uint8_t *out, size_t room)
{
    const struct sl_path path = rig_path_of(client);
    const uint8_t *cookie = NULL;
    bool has_cookie = answer != NULL;
    uint8_t cookie_len = 0;
    if (has_cookie) {
        cookie = answer + sl_wire_headers_len(&path) + SL_HELLO_VERIFY_LEN(0);
        cookie_len = cookie[-1];
    }
    uint32_t body_len = (uint32_t)(2 + SL_RANDOM_LEN + 2 + cookie_len + 4 + 2);
    struct sl_writer w = sl_writer_of(out, room);
    sl_wire_write_record_header(sl_write_room(&w, SL_RECORD_HEADER_LEN), SL_CONTENT_HANDSHAKE, 0,
                                has_cookie, (uint16_t)(SL_HANDSHAKE_HEADER_LEN + body_len));
    sl_write_u8(&w, SL_HANDSHAKE_CLIENT_HELLO);
    sl_write_be24(&w, body_len);
    sl_write_be16(&w, has_cookie);
    sl_write_be24(&w, 0);
    sl_write_be24(&w, body_len);
    sl_write_be16(&w, SL_DTLS_VERSION_1_2);
    memset(sl_write_room(&w, SL_RANDOM_LEN), (int)(client & 0xff), SL_RANDOM_LEN);
    sl_write_u8(&w, 0);
    sl_write_u8(&w, cookie_len);
    sl_write_bytes(&w, cookie, cookie_len);
    sl_write_be16(&w, 2);
    sl_write_be16(&w, 0xc02b);
    sl_write_be16(&w, 0x0100);
    return room - sl_writer_left(&w);
}

/** Plays the handshaker: the handle and connection ID of the session that has just begun. */
static void take_session(struct rig *rig, struct client *client, uint8_t own_cid[CID_LEN])
{
    struct sl_ring_consumer *from = sl_ring_consumer_of(rig->to_handshaker);
    struct sl_message message;
    while (sl_message_receive(from, &message)) {
        if (message.kind != SL_MESSAGE_RECORD)
            continue;
        const struct sl_message_record *record = message.body;
        client->handle = message.session;
        memcpy(own_cid, record->own_cid, CID_LEN);
    }
    sl_ring_release(from);
    if (client->handle == 0)
        rig_fail("a ClientHello with a cookie began no session");
}

static void tell_worker(struct rig *rig, enum sl_message_kind kind, uint64_t session,
                        const void *body, uint32_t len)
{
    struct sl_ring_producer *to = sl_ring_producer_of(rig->from_handshaker);
    if (!sl_message_send(to, kind, session, body, len, NULL, 0))
        rig_fail("no room for a message");
    sl_message_flush(to);
    rig_port_turn(rig->port);
}

static void give_keys(struct rig *rig, struct client *client, const uint8_t own_cid[CID_LEN])
{
    struct sl_message_keys keys = {
        .epoch = 1,
        .alg = SL_AEAD_AES_128_GCM,
        .own_cid_negotiated = 1,
        .peer_cid_len = PEER_CID_LEN,
        .peer_cid = {5, 4, 3, 2, 1},
        .open_key = {1},
        .seal_key = {2},
        .open_iv = {3},
        .seal_iv = {4},
    };
    memcpy(keys.open_key + 8, &client->handle, sizeof client->handle);
    memcpy(keys.seal_key + 8, &client->handle, sizeof client->handle);
    struct sl_epoch_config mirrored = {
        .number = 1,
        .alg = SL_AEAD_AES_128_GCM,
        .open_key = keys.seal_key,
        .open_iv = keys.seal_iv,
        .seal_key = keys.open_key,
        .seal_iv = keys.open_iv,
        .own_cid_negotiated = true,
        .own_cid_len = PEER_CID_LEN,
        .own_cid = keys.peer_cid,
        .peer_cid_len = CID_LEN,
        .peer_cid = own_cid,
    };
    struct sl_message_established established = {0};
    sl_epoch_init(&client->epoch, rig->aead, &mirrored);
    tell_worker(rig, SL_MESSAGE_KEYS, client->handle, &keys, sizeof keys);
    tell_worker(rig, SL_MESSAGE_ESTABLISHED, client->handle, &established, sizeof established);
}

void rig_connect_client(struct rig *rig, uint32_t index)
{
    struct client *client = &rig->clients[index];
    uint8_t hello[256], own_cid[CID_LEN];
    struct answer answer = {0};
    client->path = rig_path_of(index);
    offer(rig, client, hello, write_client_hello(index, NULL, hello, sizeof hello), &answer);
    offer(rig, client, hello, write_client_hello(index, answer.bytes, hello, sizeof hello),
          &answer);
    take_session(rig, client, own_cid);
    give_keys(rig, client, own_cid);
    rig_drain(rig);
}

/** The headers as this client would check them; checksums included. */
static bool is_for(const struct client *client, struct sl_frame *frame)
{
    return sl_wire_parse_frame(frame, SL_RX_CHECKSUM_REQUIRE) == SL_DROP_NONE &&
           frame->kind == SL_PACKET_UDP &&
           memcmp(&frame->path.tuple.local_ip, &client->path.tuple.remote_ip,
                  sizeof client->path.tuple.remote_ip) == 0 &&
           memcmp(&frame->path.tuple.remote_ip, &client->path.tuple.local_ip,
                  sizeof client->path.tuple.local_ip) == 0 &&
           frame->path.tuple.local_port == client->path.tuple.remote_port &&
           frame->path.tuple.remote_port == client->path.tuple.local_port &&
           memcmp(frame->data, peer_mac, sizeof peer_mac) == 0;
}

bool rig_opens(struct rig *rig, struct client *client, const uint8_t *bytes, size_t len,
               const uint8_t *plain, uint32_t plain_len)
{
    uint8_t copy[FRAME_MAX];
    if (len > sizeof copy)
        return false;
    memcpy(copy, bytes, len);
    struct sl_frame frame = {.data = copy, .len = (uint16_t)len, .segs = 1};
    if (!is_for(client, &frame))
        return false;
    struct sl_reader r = sl_reader_of(copy + frame.payload_off, frame.payload_len);
    struct sl_open_job job = {.epoch = &client->epoch};
    if (sl_wire_parse_record(&r, PEER_CID_LEN, &job.header) != SL_DROP_NONE ||
        sl_reader_left(&r) != 0)
        return false;
    job.body = copy + frame.payload_off + job.header.header_len;
    return sl_record_open_burst(rig->aead, &job, 1) == 1 && job.plain_len == plain_len &&
           memcmp(job.plain, plain, plain_len) == 0;
}

void rig_check_frame(struct rig *rig, const struct fed_frame *sent, const uint8_t *bytes,
                     size_t len)
{
    if (!rig_opens(rig, sent->client, bytes, len, sent->plain, sent->plain_len))
        rig_fail("a client got something else than was sent to it");
}
