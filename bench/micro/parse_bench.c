/**
 * Nanoseconds to parse what has been received, from the first cache: each frame and each record is
 * another one, of sessions that take turns.
 *
 *   parse.{ipv4,ipv6,vlan}.ns  a frame of 64 bytes of plaintext, down to its UDP payload; the IPv4
 *                              header's checksum is verified, as no port did it; vlan: IPv4 in a
 * tag parse.{record,cid}.ns      the header of its record, without and with a connection ID
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "sl_wire.h"

#define FRAMES 64
#define PASS_ITEMS 8192
#define FRAME_MAX 256
#define HEADERS_MAX 64
#define CID_LEN 8
#define BODY_LEN 89 /* explicit nonce, 64 bytes, content type, tag */

struct format {
    const char *name;
    bool is_v6, is_record, has_cid;
    uint16_t vlan_id;
};

static const struct format formats[] = {
    {.name = "ipv4", .has_cid = true, .vlan_id = SL_VLAN_NONE},
    {.name = "ipv6", .has_cid = true, .vlan_id = SL_VLAN_NONE, .is_v6 = true},
    {.name = "vlan", .has_cid = true, .vlan_id = 7},
    {.name = "record", .vlan_id = SL_VLAN_NONE, .is_record = true},
    {.name = "cid", .has_cid = true, .vlan_id = SL_VLAN_NONE, .is_record = true},
};

static uint8_t buffers[FRAMES][FRAME_MAX] __attribute__((aligned(SL_CACHE_LINE)));

struct pass {
    const struct format *format;
    struct sl_frame frames[FRAMES];
    struct bench_sum sum;
};

static uint16_t write_record(uint8_t *out, const struct format *format, unsigned number)
{
    const unsigned cid_len = format->has_cid ? CID_LEN : 0;
    const uint8_t type =
        format->has_cid ? SL_CONTENT_TLS12_CID : (uint8_t)SL_CONTENT_APPLICATION_DATA;
    sl_wire_write_record_header(out, type, 1, number, BODY_LEN);
    if (format->has_cid) {
        memset(out + SL_RECORD_HEADER_LEN - 2, (int)number, CID_LEN);
        sl_store_be16(out + SL_RECORD_HEADER_LEN - 2 + CID_LEN, BODY_LEN);
    }
    return (uint16_t)(SL_RECORD_HEADER_LEN + cid_len + BODY_LEN);
}

static struct sl_ip address_of(const struct format *format, uint8_t host)
{
    const uint8_t v4[4] = {198, 18, 0, host};
    struct sl_ip v6 = {{0x20, 0x01, 0x0d, 0xb8}};
    v6.bytes[15] = host;
    return format->is_v6 ? v6 : sl_ip_from_v4(v4);
}

static void make_frame(struct sl_frame *frame, const struct format *format, unsigned number)
{
    static const uint8_t own_mac[SL_ETHER_ADDR_LEN] = {2, 0, 0, 0, 0, 1};
    struct sl_path path = {0}; /* from the client's side */
    path.tuple.local_ip = address_of(format, (uint8_t)(number + 2));
    path.tuple.remote_ip = address_of(format, 1);
    path.tuple.local_port = (uint16_t)(40000 + number);
    path.tuple.remote_port = 4433;
    path.hop.mac[0] = 2;
    path.hop.vlan_id = format->vlan_id;
    *frame = (struct sl_frame){.data = buffers[number], .segs = 1, .headroom = 0};
    frame->payload_len = write_record(frame->data + sl_wire_headers_len(&path), format, number);
    sl_wire_write_headers(frame, &path, own_mac);
}

/** As a worker does it: the plain way first. */
static unsigned parse_frames(struct pass *pass, unsigned from)
{
    const uint64_t mac = sl_wire_mac_word(pass->frames[from % FRAMES].data);
    const struct sl_ip own_ip = address_of(pass->format, 1);
    unsigned parsed = 0;
    for (unsigned i = 0; i < SL_BURST; i++) {
        struct sl_frame *frame = &pass->frames[(from + i) % FRAMES];
        parsed += (sl_wire_parse_plain(frame, mac, &own_ip, 1) ||
                   sl_wire_parse_frame(frame, SL_RX_CHECKSUM_AUTO) == SL_DROP_NONE) &&
                  frame->kind == SL_PACKET_UDP;
    }
    return parsed;
}

static unsigned parse_records(struct pass *pass, unsigned from)
{
    unsigned parsed = 0;
    for (unsigned i = 0; i < SL_BURST; i++) {
        const struct sl_frame *frame = &pass->frames[(from + i) % FRAMES];
        struct sl_reader r = sl_reader_of(frame->data + frame->payload_off, frame->payload_len);
        struct sl_record_header header;
        parsed += sl_wire_parse_record(&r, CID_LEN, &header) == SL_DROP_NONE &&
                  header.body_len == BODY_LEN && header.seq == (from + i) % FRAMES;
    }
    return parsed;
}

static bool measure(void *arg)
{
    struct pass *pass = arg;
    unsigned (*parse)(struct pass * pass, unsigned from) =
        pass->format->is_record ? parse_records : parse_frames;
    unsigned parsed = 0;
    pass->sum = (struct bench_sum){0};
    for (unsigned at = 0; at < PASS_ITEMS;) {
        struct bench_span span = bench_span_begin();
        for (unsigned goal = bench_span_goal(at); at < goal; at += SL_BURST)
            parsed += parse(pass, at);
        bench_span_add(&span, BENCH_SPAN_ITEMS, &pass->sum);
    }
    if (parsed != PASS_ITEMS) {
        fprintf(stderr, "parse.%s: %u were not parsed\n", pass->format->name, PASS_ITEMS - parsed);
        exit(1);
    }
    return pass->sum.items > 0;
}

int main(int argc, char **argv)
{
    struct bench_options options = bench_begin(argc, argv);
    static struct pass pass;
    for (unsigned round = 0; round < options.rounds + 1; round++) /* the first warms up */
        for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++) {
            pass.format = &formats[f];
            for (unsigned i = 0; i < FRAMES; i++)
                make_frame(&pass.frames[i], pass.format, i);
            bench_measure(measure, &pass);
            if (round > 0)
                bench_result(bench_sum_ns(&pass.sum), "parse.%s.ns", pass.format->name);
        }
    return 0;
}
