#include "handshake_worker.h"

#include <cstring>
#include <stdexcept>

namespace sl_test
{
namespace
{

/* The longest that GnuTLS takes: DTLS 1.0 had no longer ones. */
constexpr uint8_t cookie_len = 32;
const uint8_t cookie[cookie_len] = "the cookie of a test: 32 bytes.";

template <typename T> const uint8_t *bytes_of(const T &value)
{
    return (const uint8_t *)&value;
}

void append(Bytes &to, const void *from, size_t len)
{
    to.insert(to.end(), (const uint8_t *)from, (const uint8_t *)from + len);
}

} // namespace

HandshakeWorker::HandshakeWorker(unsigned index_, uint64_t ring_size)
    : index(index_), to_handshaker(sl_ring_create(ring_size)),
      from_handshaker(sl_ring_create(ring_size)), aead(sl_aead_create(SL_CRYPTO_OPENSSL))
{
}

HandshakeWorker::~HandshakeWorker()
{
    sl_ring_destroy(to_handshaker);
    sl_ring_destroy(from_handshaker);
    sl_aead_destroy(aead);
}

Peer &HandshakeWorker::peer(unsigned id)
{
    Peer &peer = peers[id];
    peer.id = id;
    return peer;
}

bool HandshakeWorker::post(sl_message_kind kind, uint64_t handle, const Bytes &body)
{
    sl_ring_producer *ring = sl_ring_producer_of(to_handshaker);
    bool sent = sl_message_send(ring, kind, handle, body.data(), (uint32_t)body.size(), nullptr, 0);
    sl_message_flush(ring);
    return sent;
}

bool HandshakeWorker::post_record(unsigned id, const Bytes &record)
{
    Peer &to = peer(id);
    sl_message_record message = {};
    message.path.tuple.remote_ip = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 18, 0, 1}};
    message.path.tuple.remote_ip.bytes[14] = (uint8_t)(id / 1000); /* they live a thousand a host */
    message.path.tuple.local_ip = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 18, 0, 2}};
    message.path.tuple.remote_port = (uint16_t)(10000 + id);
    message.path.tuple.local_port = 4433;
    message.service = service;
    message.own_cid_len = gives_cids ? (uint8_t)cid_len : 0;
    memcpy(message.own_cid, to.own_cid.data(), message.own_cid_len);
    message.path_payload_max = path_payload_max;
    message.service = service;
    message.bytes_len = (uint16_t)record.size();
    Bytes body;
    append(body, &message, sizeof message);
    append(body, record.data(), record.size());
    return post(SL_MESSAGE_RECORD, to.handle, body);
}

void HandshakeWorker::connect(unsigned id, const ConnectOptions &options)
{
    Peer &to = peer(id);
    give_handle(to);
    sl_message_connect message = {};
    message.path.tuple.remote_ip = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 18, 0, 2}};
    message.path.tuple.local_ip = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 18, 0, 1}};
    message.path.tuple.remote_port = 4433;
    message.path.tuple.local_port = (uint16_t)(10000 + id);
    message.path_payload_max = path_payload_max;
    message.offers_cid = options.cid.has_value();
    if (options.cid) {
        to.own_cid = *options.cid;
        to.own_cid.resize(20);
        message.own_cid_len = (uint8_t)options.cid->size();
        memcpy(message.own_cid, to.own_cid.data(), sizeof message.own_cid);
    }
    message.client = options.client;
    message.timeout_ms = options.timeout_ms;
    message.credential = options.credential;
    message.resume = options.resume;
    Bytes body;
    append(body, &message, sizeof message);
    (void)post(SL_MESSAGE_CONNECT, to.handle, body);
}

void HandshakeWorker::give_handle(Peer &to)
{
    to.handle = (uint64_t)++generation << 28 | index << 20 | to.id;
    to.has_handle = true;
    ids[to.handle] = to.id;
}

void HandshakeWorker::receive(unsigned id, const Bytes &datagram)
{
    Peer &from = peer(id);
    sl_reader r = sl_reader_of(datagram.data(), datagram.size());
    sl_record_header header;
    while (sl_reader_left(&r) > 0) {
        const uint8_t *at = r.at;
        if (sl_wire_parse_record(&r, cid_len, &header) != SL_DROP_NONE)
            return;
        receive_record(from, header, Bytes(at, r.at));
    }
}

void HandshakeWorker::receive_record(Peer &from, const sl_record_header &header,
                                     const Bytes &record)
{
    if (header.epoch == 0 && !from.has_handle) {
        receive_hello(from, header, record);
    } else if (header.epoch == 0 && from.is_established) {
        if (header.type == SL_CONTENT_HANDSHAKE)
            (void)post(SL_MESSAGE_REPEAT, from.handle, {});
    } else if (from.is_legacy && header.epoch == 0) {
        return;
    } else if (header.epoch == 0 || (from.has_handle && from.epoch == nullptr)) {
        (void)post_record(from.id, record);
    } else if (header.epoch == 1 && from.epoch != nullptr) {
        receive_protected(from, record);
    }
}

void HandshakeWorker::receive_hello(Peer &from, const sl_record_header &header, const Bytes &record)
{
    sl_client_hello hello;
    if (sl_wire_parse_client_hello(&header, record.data() + header.header_len, &hello) !=
            SL_DROP_NONE ||
        hello.random == nullptr)
        return;
    if (hello.cookie_len == 0) {
        Bytes answer(SL_HELLO_VERIFY_LEN(cookie_len));
        sl_wire_write_hello_verify(answer.data(), header.seq, 0, cookie, cookie_len);
        from.output.push_back(answer);
        return;
    }
    if (hello.cookie_len != cookie_len || memcmp(hello.cookie, cookie, cookie_len) != 0)
        return;
    give_handle(from);
    from.next_number = header.seq;
    from.own_cid.assign(20, (uint8_t)from.id);
    memcpy(from.own_cid.data(), &from.handle, sizeof from.handle);
    (void)post_record(from.id, record);
}

void HandshakeWorker::receive_protected(Peer &from, const Bytes &record)
{
    Bytes copy = record;
    sl_reader r = sl_reader_of(copy.data(), copy.size());
    sl_open_job job = {};
    job.epoch = from.epoch.get();
    if (sl_wire_parse_record(&r, cid_len, &job.header) != SL_DROP_NONE)
        return;
    job.body = copy.data() + job.header.header_len;
    if (sl_record_open_burst(aead, &job, 1) != 1) {
        if (job.drop == SL_DROP_REPLAY && from.is_established)
            (void)post(SL_MESSAGE_REPEAT, from.handle, {});
        return;
    }
    from.early_data += job.type == SL_CONTENT_APPLICATION_DATA && !from.is_established;
    if (job.type == SL_CONTENT_APPLICATION_DATA && from.is_established) {
        from.data.push_back(Bytes(job.plain, job.plain + job.plain_len));
    } else if (from.is_established) {
        if (job.type == SL_CONTENT_HANDSHAKE)
            (void)post(SL_MESSAGE_REPEAT, from.handle, {});
    } else {
        sl_message_plaintext message = {1, job.type, 0, (uint16_t)job.plain_len};
        Bytes body;
        append(body, &message, sizeof message);
        append(body, job.plain, job.plain_len);
        (void)post(SL_MESSAGE_PLAINTEXT, from.handle, body);
    }
}

unsigned HandshakeWorker::poll(unsigned max)
{
    sl_ring_consumer *ring = sl_ring_consumer_of(from_handshaker);
    sl_message message;
    unsigned count = 0;
    while (count < max && sl_message_receive(ring, &message)) {
        take(message);
        sl_ring_release(ring);
        count++;
    }
    return count;
}

void HandshakeWorker::take(const sl_message &message)
{
    auto known = ids.find(message.session);
    if (known == ids.end() || peers[known->second].handle != message.session)
        return;
    Peer &to = peers[known->second];
    to.messages.push_back(message.kind);
    switch (message.kind) {
    case SL_MESSAGE_KEYS:
        take_keys(to, message);
        break;
    case SL_MESSAGE_SEND:
        take_send(to, message);
        break;
    case SL_MESSAGE_ESTABLISHED: {
        const auto *established = (const sl_message_established *)message.body;
        to.is_established = true;
        to.is_legacy = established->is_legacy;
        to.identity = established->identity;
        to.expires_ns = established->expires_ns;
        to.chain = established->chain;
        to.is_resumed = established->is_resumed;
        to.own_cid_in_use = established->own_cid_in_use;
        to.peer_cid_in_use = established->peer_cid_in_use;
        break;
    }
    case SL_MESSAGE_DELIVER: {
        const auto *data = (const sl_message_data *)message.body;
        if (data->is_close)
            to.is_closed = true;
        else
            to.data.push_back(Bytes(data->bytes, data->bytes + data->bytes_len));
        break;
    }
    case SL_MESSAGE_FORGED:
        to.forged = ((const sl_message_forged *)message.body)->forged;
        break;
    case SL_MESSAGE_ABORT:
        to.is_aborted = true;
        to.abort = *(const sl_message_abort *)message.body;
        break;
    default:
        throw std::runtime_error("a message that no handshaker sends");
    }
}

void HandshakeWorker::take_keys(Peer &to, const sl_message &message)
{
    const auto *keys = (const sl_message_keys *)message.body;
    sl_epoch_config config = {};
    config.number = keys->epoch;
    config.alg = (sl_aead_alg)keys->alg;
    config.open_key = keys->open_key;
    config.open_iv = keys->open_iv;
    config.seal_key = keys->seal_key;
    config.seal_iv = keys->seal_iv;
    config.write_next = keys->write_next;
    config.own_cid_negotiated = keys->own_cid_negotiated;
    config.own_cid_len = (uint8_t)cid_len;
    config.own_cid = to.own_cid.data();
    config.peer_cid_len = keys->peer_cid_len;
    config.peer_cid = keys->peer_cid;
    config.plain_max = keys->plain_max;
    to.epoch.reset((sl_epoch *)aligned_alloc(64, sizeof(sl_epoch)));
    memset((void *)to.epoch.get(), 0, sizeof(sl_epoch));
    sl_epoch_init(to.epoch.get(), aead, &config);
    to.epoch->replay = keys->replay;
    sl_message_wipe(&message);
}

Bytes HandshakeWorker::seal(Peer &to, uint8_t type, const uint8_t *bytes, size_t len)
{
    Bytes out(sl_record_sealed_len(to.epoch.get(), (uint32_t)len));
    sl_seal_job job = {};
    job.epoch = to.epoch.get();
    job.plain = bytes;
    job.plain_len = (uint32_t)len;
    job.type = type;
    job.record = out.data();
    if (sl_record_seal_burst(aead, &job, 1) != 1 || !to.numbers.insert({1, job.seq}).second)
        throw std::runtime_error("a record number used twice");
    out.resize(job.record_len);
    return out;
}

namespace
{

/** A record that libssl has sealed: as it is, and its number is new. */
void append_sealed(Peer &to, const sl_message_part &part, Bytes &datagram)
{
    sl_reader r = sl_reader_of(part.bytes, part.len);
    sl_record_header header;
    if (to.epoch != nullptr || sl_wire_parse_record(&r, 0, &header) != SL_DROP_NONE ||
        sl_reader_left(&r) != 0 || header.epoch != 1)
        throw std::runtime_error("no record that libssl could have sealed");
    if (!to.numbers.insert({1, (uint64_t)header.seq}).second)
        throw std::runtime_error("a record number used twice");
    append(datagram, part.bytes, part.len);
}

} // namespace

void HandshakeWorker::take_send(Peer &to, const sl_message &message)
{
    const auto *send = (const struct sl_message_send *)message.body;
    sl_reader r = sl_reader_of(send->bytes, send->bytes_len);
    sl_message_part part;
    std::vector<Part> parts;
    Bytes datagram;
    while (sl_message_next_part(&r, &part)) {
        parts.push_back({part.type, part.epoch, Bytes(part.bytes, part.bytes + part.len)});
        if (part.epoch == SL_PART_SEALED) {
            append_sealed(to, part, datagram);
            continue;
        }
        if (part.epoch != 0 && to.epoch == nullptr)
            throw std::runtime_error("a send that needs keys came before them");
        if (part.epoch != 0) {
            Bytes words(part.bytes, part.bytes + part.len);
            if (before_seal)
                before_seal(to.id, part.type, words);
            Bytes sealed = seal(to, part.type, words.data(), words.size());
            append(datagram, sealed.data(), sealed.size());
            continue;
        }
        uint8_t header[SL_RECORD_HEADER_LEN];
        if (!to.numbers.insert({0, to.next_number}).second)
            throw std::runtime_error("a record number used twice");
        sl_wire_write_record_header(header, part.type, 0, to.next_number++, part.len);
        append(datagram, header, sizeof header);
        append(datagram, part.bytes, part.len);
    }
    if (r.failed || parts.size() != send->count)
        throw std::runtime_error("a malformed send");
    to.sends.push_back(parts);
    to.output.push_back(datagram);
}

void HandshakeWorker::send_data(unsigned id, const Bytes &data)
{
    Peer &to = peer(id);
    if (to.is_legacy)
        post_data(to, false, data);
    else
        to.output.push_back(seal(to, SL_CONTENT_APPLICATION_DATA, data.data(), data.size()));
}

void HandshakeWorker::close_legacy(unsigned id)
{
    post_data(peer(id), true, {});
}

void HandshakeWorker::post_data(Peer &to, bool is_close, const Bytes &data)
{
    sl_message_data message = {is_close, (uint16_t)data.size()};
    Bytes body;
    append(body, &message, offsetof(sl_message_data, bytes));
    append(body, data.data(), data.size());
    (void)post(SL_MESSAGE_WRITE, to.handle, body);
}

Bytes HandshakeWorker::seal_for(unsigned id, uint8_t type, const Bytes &plain)
{
    return seal(peer(id), type, plain.data(), plain.size());
}

void HandshakeWorker::close(unsigned id)
{
    Peer &gone = peer(id);
    (void)post(SL_MESSAGE_CLOSED, gone.handle, {});
    ids.erase(gone.handle);
    peers.erase(id);
}

} // namespace sl_test
