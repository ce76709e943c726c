#include "client.h"

#include <gtest/gtest.h>

#include <cstring>

#include "gateway.h"

namespace sl_sim
{
namespace
{

const uint8_t message_mark[4] = {'s', 'i', 'm', '!'};
constexpr size_t message_header_len = 16;

void put32(Bytes &out, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        out.push_back((uint8_t)(value >> shift));
}

uint32_t get32(const Bytes &in, size_t at)
{
    return (uint32_t)in[at] << 24 | (uint32_t)in[at + 1] << 16 | (uint32_t)in[at + 2] << 8 |
           in[at + 3];
}

uint8_t filler(const Message &message, size_t at)
{
    return (uint8_t)(message.counter * 7 + message.client + at);
}

sl_ip place_ip(bool v6, unsigned id, unsigned place)
{
    uint8_t v4[4] = {198, (uint8_t)(19), (uint8_t)(1 + id / 200 + 10 * place),
                     (uint8_t)(1 + id % 200)};
    sl_ip ip = {{0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, (uint8_t)place, 0, 0, 0, 0, 0, 0,
                 (uint8_t)(id >> 8), (uint8_t)id}};
    return v6 ? ip : sl_ip_from_v4(v4);
}

} // namespace

Bytes encode(const Message &message, size_t len)
{
    Bytes out(message_mark, message_mark + 4);
    put32(out, message.client);
    put32(out, message.generation);
    put32(out, message.counter);
    while (out.size() < len)
        out.push_back(filler(message, out.size()));
    return out;
}

bool decode(const Bytes &payload, Message &out)
{
    if (payload.size() < message_header_len || memcmp(payload.data(), message_mark, 4) != 0)
        return false;
    out = {get32(payload, 4), get32(payload, 8), get32(payload, 12)};
    for (size_t at = message_header_len; at < payload.size(); at++)
        if (payload[at] != filler(out, at))
            return false;
    return true;
}

Client::Client(unsigned number, const ClientSetup &options, uint16_t vlan_id)
    : id(number), setup(options)
{
    path.tuple.remote_ip = gateway_ip(setup.v6);
    path.tuple.remote_port = service_port;
    path.hop.vlan_id = vlan_id;
    memcpy(path.hop.mac, gateway_mac, sizeof path.hop.mac);
    move(0);
    restart();
}

void Client::restart()
{
    was_restarted = session != nullptr;
    generation++;
    sent = 0;
    echoed.clear();
    due_ns = UINT64_MAX;
    is_started = false;
    has_closed = false;
    sl_test::ClientOptions options = setup.tls;
    if (setup.with_cid) /* says which session of which client, so that an observer can tell */
        options.cid = Bytes{(uint8_t)(id >> 8), (uint8_t)id, (uint8_t)generation, 0xc1, 0xd0};
    if (setup.resumes && was_restarted && session->is_connected())
        options.session = session->session();
    session = std::make_unique<sl_test::DtlsClient>(options);
}

void Client::move(unsigned place)
{
    path.tuple.local_ip = place_ip(setup.v6, id, place);
    path.tuple.local_port = (uint16_t)(20000 + id + 1000 * place);
}

bool Client::owns(const sl_tuple &tuple) const
{
    return sl_tuple_equal(&tuple, &path.tuple);
}

void Client::send(size_t len)
{
    session->send(encode({id, generation, sent++}, len));
}

void Client::receive(const Bytes &bytes)
{
    sluice::FramePool pool;
    sl_frame *frame = pool.TakeFilled(0, bytes);
    EXPECT_EQ(sl_wire_parse_frame(frame, SL_RX_CHECKSUM_REQUIRE), SL_DROP_NONE);
    const uint8_t *payload = frame->data + frame->payload_off;
    session->receive(Bytes(payload, payload + frame->payload_len));
    pool.GiveBack(frame);
    for (const Bytes &data : session->take_data()) {
        Message message;
        ASSERT_TRUE(decode(data, message)) << "bytes that nobody sent";
        EXPECT_EQ(message.client, id) << "somebody else's message";
        EXPECT_EQ(message.generation, generation);
        echoed.insert(message.counter); /* the shim leaves copies made by the network in */
    }
}

Bytes Client::frame_of(const sl_path &from, const Bytes &payload)
{
    static const uint8_t mac[SL_ETHER_ADDR_LEN] = {0x02, 0, 0, 0, 0, 0x01};
    sl_path path = from;
    size_t headers_len = sl_wire_headers_len(&path);
    Bytes bytes(headers_len);
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    sl_frame frame = {};
    frame.data = bytes.data();
    frame.payload_len = (uint16_t)payload.size();
    sl_wire_write_headers(&frame, &path, mac);
    return bytes;
}

Bytes Client::frame_of(const Bytes &payload) const
{
    return frame_of(path, payload);
}

std::vector<Bytes> Client::take_frames()
{
    std::vector<Bytes> frames;
    for (const Bytes &datagram : session->take_output())
        frames.push_back(frame_of(datagram));
    return frames;
}

Bytes Client::take_frame()
{
    Bytes all;
    for (const Bytes &datagram : session->take_output())
        all.insert(all.end(), datagram.begin(), datagram.end());
    return frame_of(all);
}

} // namespace sl_sim
