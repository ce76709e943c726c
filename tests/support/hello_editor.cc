#include "hello_editor.h"

#include <algorithm>
#include <cstring>

extern "C" {
#include "sl_wire.h"
}

namespace sl_test
{

namespace
{

Bytes take(sl_reader &r, size_t len)
{
    const uint8_t *at = sl_read_bytes(&r, len);
    return at != nullptr ? Bytes(at, at + len) : Bytes();
}

Bytes take_vector(sl_reader &r, unsigned length_bytes)
{
    sl_reader inner = sl_read_vector(&r, length_bytes);
    return take(inner, sl_reader_left(&inner));
}

void put(Bytes &out, const Bytes &bytes)
{
    out.insert(out.end(), bytes.begin(), bytes.end());
}

void put_number(Bytes &out, size_t value, unsigned bytes)
{
    while (bytes-- > 0)
        out.push_back((uint8_t)(value >> (8 * bytes)));
}

void put_vector(Bytes &out, const Bytes &bytes, unsigned length_bytes)
{
    put_number(out, bytes.size(), length_bytes);
    put(out, bytes);
}

void read_suites(Hello &hello, sl_reader &r)
{
    sl_reader suites = r;
    if (hello.is_client)
        suites = sl_read_vector(&r, 2);
    else
        hello.suites = {sl_read_be16(&r)};
    while (hello.is_client && sl_reader_left(&suites) > 0 && !suites.failed)
        hello.suites.push_back(sl_read_be16(&suites));
}

void read_extensions(Hello &hello, sl_reader &r)
{
    sl_reader all = sl_read_vector(&r, 2);
    while (sl_reader_left(&all) > 0 && !all.failed) {
        uint16_t type = sl_read_be16(&all);
        hello.extensions.emplace_back(type, take_vector(all, 2));
    }
}

} // namespace

std::optional<Hello> Hello::read(const Bytes &datagram)
{
    sl_reader r = sl_reader_of(datagram.data(), datagram.size());
    Hello hello = {};
    hello.record_header = take(r, SL_RECORD_HEADER_LEN - 2);
    sl_reader record = sl_read_vector(&r, 2);
    uint8_t type = sl_read_u8(&record);
    uint32_t len = sl_read_be24(&record);
    hello.message_header = take(record, 2);
    uint32_t off = sl_read_be24(&record), frag_len = sl_read_be24(&record);
    hello.is_client = type == SL_HANDSHAKE_CLIENT_HELLO;
    if (r.failed || record.failed || datagram[0] != SL_CONTENT_HANDSHAKE ||
        (!hello.is_client && type != SL_HANDSHAKE_SERVER_HELLO) || off != 0 || frag_len != len ||
        len != sl_reader_left(&record))
        return std::nullopt;
    hello.message_header.insert(hello.message_header.begin(), type);
    hello.version = sl_read_be16(&record);
    hello.random = take(record, SL_RANDOM_LEN);
    hello.session_id = take_vector(record, 1);
    if (hello.is_client)
        hello.cookie = take_vector(record, 1);
    read_suites(hello, record);
    hello.compression = hello.is_client ? take_vector(record, 1) : take(record, 1);
    if (sl_reader_left(&record) > 0)
        read_extensions(hello, record);
    hello.behind = take(r, sl_reader_left(&r));
    return record.failed ? std::nullopt : std::optional(hello);
}

Bytes Hello::write() const
{
    Bytes body, suites_bytes, extension_bytes;
    put_number(body, version, 2);
    put(body, random);
    put_vector(body, session_id, 1);
    if (is_client)
        put_vector(body, cookie, 1);
    for (uint16_t suite : suites)
        put_number(suites_bytes, suite, 2);
    is_client ? put_vector(body, suites_bytes, 2) : put(body, suites_bytes);
    is_client ? put_vector(body, compression, 1) : put(body, compression);
    for (auto &[type, bytes] : extensions) {
        put_number(extension_bytes, type, 2);
        put_vector(extension_bytes, bytes, 2);
    }
    if (!extensions.empty())
        put_vector(body, extension_bytes, 2);

    Bytes message = {message_header[0]};
    put_number(message, body.size(), 3);
    message.insert(message.end(), message_header.begin() + 1, message_header.end());
    put_number(message, 0, 3);
    put_number(message, body.size(), 3);
    put(message, body);

    Bytes datagram = record_header;
    put_vector(datagram, message, 2);
    put(datagram, behind);
    return datagram;
}

void Hello::remove_extension(uint16_t type)
{
    extensions.erase(std::remove_if(extensions.begin(), extensions.end(),
                                    [type](const auto &each) { return each.first == type; }),
                     extensions.end());
}

Bytes *Hello::extension(uint16_t type)
{
    for (auto &[each, bytes] : extensions)
        if (each == type)
            return &bytes;
    return nullptr;
}

} // namespace sl_test
