/* Floods: what an attacker sends, beside the good traffic and at a rate of its own. */
#include <stdlib.h>

#include "load_priv.h"

/** Datagrams kept to be sent again, and how often one is taken. */
#define SAVED_MAX 64
#define SAVED_EVERY 16
#define SAVED_LEN_MAX 2048
/** Random bytes in a packet, at most. */
#define RANDOM_LEN_MAX 256
/** Of a ClientHello in pieces, what one packet has. */
#define PIECE_LEN 40

struct saved {
    uint32_t client;
    uint32_t len; /* 0: nothing saved here yet */
    uint8_t bytes[SAVED_LEN_MAX];
};

struct floods {
    struct load_arrivals arrivals[SL_LOAD_FLOOD_COUNT];
    struct load_random random;
    bool saves; /* one of them sends again what was sent */
    uint64_t seen, count;
    struct saved saved[SAVED_MAX];
};

/** A packet under construction: where it comes from, and its payload in a frame. */
struct packet {
    struct sl_path path;
    uint32_t source;
    struct sl_frame *frame;
    uint8_t *payload;
    uint32_t len, room;
};

static const struct {
    const char *name;
    const char *text;
} labels[SL_LOAD_FLOOD_COUNT] = {
#define X(name, word, text) [SL_LOAD_FLOOD_##name] = {word, text},
    SL_LOAD_FLOOD_LIST(X)
#undef X
};

const char *sl_load_flood_name(enum sl_load_flood flood)
{
    assert(flood < SL_LOAD_FLOOD_COUNT);
    return labels[flood].name;
}

const char *sl_load_flood_text(enum sl_load_flood flood)
{
    assert(flood < SL_LOAD_FLOOD_COUNT);
    return labels[flood].text;
}

static bool is_any(const double rates[SL_LOAD_FLOOD_COUNT])
{
    for (unsigned flood = 0; flood < SL_LOAD_FLOOD_COUNT; flood++)
        if (rates[flood] > 0)
            return true;
    return false;
}

static bool are_reserved(const struct sl_load_sources *sources)
{
    const struct sl_ip last = load_add_to_ip(&sources->first_ip, sources->ip_count - 1);
    return load_is_reserved(&sources->first_ip, &last);
}

bool load_make_floods(struct sl_load *load, char *reason)
{
    const struct sl_load_scenario *scenario = &load->scenario;
    if (!is_any(scenario->flood_rates))
        return true;
    if (load->has_link && !load->link.is_memory && !sl_load_may_be_flooded(&scenario->server_ip)) {
        snprintf(
            reason, SL_REASON_LEN,
            "floods have false source addresses: they go to in-memory ports, loopback, and the "
            "addresses reserved for benchmarks and documentation only");
        return false;
    }
    if (load->has_link && scenario->false_sources.ip_count == 0) {
        snprintf(reason, SL_REASON_LEN, "floods need addresses that they seem to come from");
        return false;
    }
    if (load->has_link && !load->link.is_memory && !are_reserved(&scenario->false_sources)) {
        snprintf(reason, SL_REASON_LEN,
                 "the false addresses of floods have to be reserved for benchmarks or "
                 "documentation: that is where answers go");
        return false;
    }
    load->floods = calloc(1, sizeof *load->floods);
    if (load->floods == NULL) {
        snprintf(reason, SL_REASON_LEN, "out of memory for floods");
        return false;
    }
    load_random_seed(&load->floods->random, scenario->seed + load->config.index);
    load->floods->saves = scenario->flood_rates[SL_LOAD_FLOOD_REPLAY] > 0 ||
                          scenario->flood_rates[SL_LOAD_FLOOD_TRUNCATED] > 0;
    return true;
}

void load_begin_floods(struct sl_load *load)
{
    for (unsigned flood = 0; load->floods != NULL && flood < SL_LOAD_FLOOD_COUNT; flood++) {
        struct load_arrivals *arrivals = &load->floods->arrivals[flood];
        load_arrivals_init(arrivals, LOAD_ARRIVALS_CONSTANT, 0);
        load_set_rate(arrivals, load->now_ns,
                      load_rate_of(load->scenario.flood_rates[flood] / load->config.count));
    }
}

uint64_t load_next_flood_ns(const struct sl_load *load)
{
    uint64_t next_ns = UINT64_MAX;
    for (unsigned flood = 0; load->floods != NULL && flood < SL_LOAD_FLOOD_COUNT; flood++) {
        const uint64_t ns = load_next_arrival_ns(&load->floods->arrivals[flood]);
        next_ns = ns < next_ns ? ns : next_ns;
    }
    return next_ns;
}

void load_save_datagram(struct sl_load *load, const struct client *client, const uint8_t *payload,
                        uint32_t len)
{
    struct floods *floods = load->floods;
    if (floods == NULL || !floods->saves || len > SAVED_LEN_MAX || floods->seen++ % SAVED_EVERY)
        return;
    struct saved *saved = &floods->saved[floods->count++ % SAVED_MAX];
    saved->client = load_number_of(load, client);
    saved->len = len;
    memcpy(saved->bytes, payload, len);
}

/** 0..bound - 1 */
static uint32_t draw(struct sl_load *load, uint32_t bound)
{
    return (uint32_t)((load_random_next(&load->floods->random) >> 32) * bound >> 32);
}

static void fill_random(struct sl_load *load, uint8_t *out, uint32_t len)
{
    for (uint32_t at = 0; at < len; at += sizeof(uint64_t)) {
        const uint64_t bits = load_random_next(&load->floods->random);
        memcpy(out + at, &bits, len - at < sizeof bits ? len - at : sizeof bits);
    }
}

/** From a client that lives. */
static void come_from_client(struct sl_load *load, struct packet *packet, uint32_t number)
{
    packet->path = load->clients[number].path;
    packet->source = load->clients[number].source;
}

/** From an address that nobody has; from a client of ours where there are only sockets. */
static void come_from_nowhere(struct sl_load *load, struct packet *packet)
{
    const struct sl_load_sources *sources = &load->scenario.false_sources;
    come_from_client(load, packet, load->active.numbers[draw(load, load->active.count)]);
    if (!load->has_link)
        return;
    packet->path.tuple.local_ip = load_add_to_ip(&sources->first_ip, draw(load, sources->ip_count));
    packet->path.tuple.local_port =
        (uint16_t)(sources->first_port + draw(load, sources->port_count));
}

static void make_hello(struct sl_load *load, struct packet *packet)
{
    come_from_nowhere(load, packet);
    packet->len = load_write_hello(packet->payload, &load->floods->random);
}

static void make_random(struct sl_load *load, struct packet *packet)
{
    come_from_nowhere(load, packet);
    packet->len = 1 + draw(load, RANDOM_LEN_MAX);
    fill_random(load, packet->payload, packet->len);
    if (draw(load, 2))
        packet->payload[0] = (uint8_t)(20 + draw(load, 44)); /* RFC 7983 */
}

/** A record as an epoch's next might be, and behind its header what no key has sealed. */
static void make_record(struct sl_load *load, struct packet *packet, const struct sl_epoch *epoch,
                        const uint8_t *cid, unsigned cid_len)
{
    const uint64_t epoch_seq =
        (uint64_t)epoch->seal_number << 48 | (epoch->write_next + draw(load, SL_REPLAY_WINDOW));
    const uint32_t body_len = epoch->nonce_len + 16U + draw(load, 64) + epoch->tag_len;
    struct sl_writer w = sl_writer_of(packet->payload, packet->room);
    sl_write_u8(&w, cid_len > 0 ? SL_CONTENT_TLS12_CID : SL_CONTENT_APPLICATION_DATA);
    sl_write_be16(&w, SL_DTLS_VERSION_1_2);
    sl_write_be(&w, epoch_seq, 8);
    sl_write_bytes(&w, cid, cid_len);
    sl_write_be16(&w, (uint16_t)body_len);
    fill_random(load, sl_write_room(&w, body_len), body_len);
    packet->len = (uint32_t)(w.at - packet->payload);
}

static const struct sl_epoch *any_epoch(struct sl_load *load, uint32_t *number)
{
    *number = load->active.numbers[draw(load, load->active.count)];
    return load_epoch_of(load, &load->clients[*number]);
}

static void make_forged(struct sl_load *load, struct packet *packet)
{
    uint32_t number;
    const struct sl_epoch *epoch = any_epoch(load, &number);
    come_from_client(load, packet, number);
    make_record(load, packet, epoch, epoch->peer_cid, epoch->peer_cid_len);
}

/** Half of them begin as a living session's, as somebody would guess it who has seen others. Where
 * the server gave out none, they are as long as a gateway's of ours. */
static void make_wrong_cid(struct sl_load *load, struct packet *packet)
{
    uint32_t number;
    uint8_t cid[SL_PEER_CID_MAX];
    const struct sl_epoch *epoch = any_epoch(load, &number);
    const unsigned cid_len = epoch->peer_cid_len > 0 ? epoch->peer_cid_len : SL_OWN_CID_LEN;
    come_from_nowhere(load, packet);
    fill_random(load, cid, cid_len);
    if (draw(load, 2))
        memcpy(cid, epoch->peer_cid, epoch->peer_cid_len / 2);
    make_record(load, packet, epoch, cid, cid_len);
}

/** false: nothing has been sent yet, or nothing of a session that still lives. */
static bool make_replay(struct sl_load *load, struct packet *packet)
{
    const struct floods *floods = load->floods;
    const uint64_t kept = floods->count < SAVED_MAX ? floods->count : SAVED_MAX;
    if (kept == 0)
        return false;
    const struct saved *saved = &floods->saved[draw(load, (uint32_t)kept)];
    if (!load_has_keys(&load->clients[saved->client]) || saved->len > packet->room)
        return false;
    come_from_client(load, packet, saved->client);
    packet->len = saved->len;
    memcpy(packet->payload, saved->bytes, saved->len);
    return true;
}

/** A piece of a ClientHello that says it has more: RFC 6347 4.2.3. */
static void make_piece(struct sl_load *load, struct packet *packet)
{
    uint8_t hello[LOAD_HELLO_MAX];
    const uint32_t len = load_write_hello(hello, &load->floods->random);
    const uint32_t headers = SL_RECORD_HEADER_LEN + SL_HANDSHAKE_HEADER_LEN;
    const uint32_t off = draw(load, (len - headers) / PIECE_LEN) * PIECE_LEN;
    come_from_nowhere(load, packet);
    memcpy(packet->payload, hello, headers);
    sl_store_be16(packet->payload + SL_RECORD_HEADER_LEN - 2, SL_HANDSHAKE_HEADER_LEN + PIECE_LEN);
    struct sl_writer w = sl_writer_of(packet->payload + headers - 6, 6 + PIECE_LEN);
    sl_write_be24(&w, off);
    sl_write_be24(&w, PIECE_LEN);
    sl_write_bytes(&w, hello + headers + off, PIECE_LEN);
    packet->len = headers + PIECE_LEN;
}

static bool make_packet(struct sl_load *load, enum sl_load_flood flood, struct packet *packet)
{
    switch (flood) {
    case SL_LOAD_FLOOD_HELLO:
        make_hello(load, packet);
        return true;
    case SL_LOAD_FLOOD_RANDOM:
        make_random(load, packet);
        return true;
    case SL_LOAD_FLOOD_FORGED:
        make_forged(load, packet);
        return true;
    case SL_LOAD_FLOOD_REPLAY:
        return make_replay(load, packet);
    case SL_LOAD_FLOOD_WRONG_CID:
        make_wrong_cid(load, packet);
        return true;
    case SL_LOAD_FLOOD_TRUNCATED:
        if (!make_replay(load, packet))
            return false;
        if (!load->has_link || draw(load, 2))
            packet->len = 1 + draw(load, packet->len - 1);
        return true;
    case SL_LOAD_FLOOD_FRAGMENT:
        make_piece(load, packet);
        return true;
    case SL_LOAD_FLOOD_COUNT:
        break;
    }
    return false;
}

/** A frame with headers becomes a fragment: the first, or one behind it. RFC 791, RFC 8200 4.5. */
static void fragment_frame(struct sl_load *load, struct sl_frame *frame)
{
    uint8_t *ip = frame->data + frame->l3_off;
    const uint16_t off = (uint16_t)(draw(load, 2) ? 0 : 8 * (1 + draw(load, 180)));
    if (ip[0] >> 4 == 4) {
        sl_store_be16(ip + 6, (uint16_t)(0x2000 | off / 8)); /* more fragments */
        memset(ip + 10, 0, 2);
        const uint16_t sum = sl_wire_checksum_fold(sl_wire_checksum_add(0, ip, SL_IPV4_HEADER_LEN));
        memcpy(ip + 10, &sum, sizeof sum);
        return;
    }
    uint8_t *header = ip + SL_IPV6_HEADER_LEN; /* in the place of the UDP header */
    ip[6] = 44;
    fill_random(load, header, SL_UDP_HEADER_LEN);
    header[0] = 17, header[1] = 0;
    sl_store_be16(header + 2, (uint16_t)(off | 1));
}

/** What can be done to a frame only once it has its headers. */
static void spoil_frame(struct sl_load *load, enum sl_load_flood flood, struct sl_frame *frame)
{
    if (!load->has_link)
        return;
    if (flood == SL_LOAD_FLOOD_FRAGMENT && draw(load, 2))
        fragment_frame(load, frame);
    if (flood == SL_LOAD_FLOOD_TRUNCATED && draw(load, 2))
        frame->len = (uint16_t)(SL_ETHER_HEADER_LEN + draw(load, frame->len - SL_ETHER_HEADER_LEN));
}

static bool send_packet(struct sl_load *load, enum sl_load_flood flood)
{
    struct packet packet = {.frame = load_take_frame(load)};
    if (packet.frame == NULL)
        return false;
    packet.payload = packet.frame->data + TX_PLAIN_OFF;
    packet.room = packet.frame->tailroom - TX_PLAIN_OFF;
    if (!make_packet(load, flood, &packet)) {
        load_keep_frame(load, packet.frame);
        return false;
    }
    if (!load_send_datagram(load, &packet.path, packet.source, packet.frame, packet.payload,
                            packet.len))
        return false;
    spoil_frame(load, flood, packet.frame);
    sl_counter_add(&load->stats.floods[flood], 1);
    load_count(load, SL_LOAD_FLOOD_BYTES, packet.len);
    return true;
}

void load_count_flood_answer(struct sl_load *load, uint32_t len)
{
    load_count(load, SL_LOAD_CONSUMED, 1);
    load_count(load, SL_LOAD_FLOOD_ANSWERS, 1);
    load_count(load, SL_LOAD_FLOOD_ANSWER_BYTES, len);
}

bool load_take_flood_answer(struct sl_load *load, const struct sl_frame *frame)
{
    const struct sl_load_sources *sources = &load->scenario.false_sources;
    const struct sl_ip *to = &frame->path.tuple.local_ip;
    if (load->floods == NULL || !load->has_link)
        return false;
    const struct sl_ip last = load_add_to_ip(&sources->first_ip, sources->ip_count - 1);
    if (memcmp(to, &sources->first_ip, sizeof *to) < 0 || memcmp(to, &last, sizeof *to) > 0)
        return false;
    load_count(load, SL_LOAD_RX_RECORDS, 1);
    load_count_flood_answer(load, frame->payload_len);
    return true;
}

bool load_send_floods(struct sl_load *load)
{
    if (load->floods == NULL || load->phase != SL_LOAD_RUN || load->active.count == 0)
        return false;
    bool any = false;
    for (unsigned flood = 0; flood < SL_LOAD_FLOOD_COUNT; flood++) {
        struct load_arrivals *arrivals = &load->floods->arrivals[flood];
        uint64_t intended_ns;
        for (unsigned n = 0; n < SL_BURST && load_outbox_room(load) > 0 &&
                             load_take_arrival(arrivals, load->now_ns, &intended_ns);
             n++) {
            send_packet(load, (enum sl_load_flood)flood);
            any = true;
        }
        if (load_outbox_room(load) < SL_BURST)
            load_flush(load);
    }
    return any;
}
