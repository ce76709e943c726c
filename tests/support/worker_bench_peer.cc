// The peer's half of WorkerBench: its frames, its handshake and its records.
#include "worker_bench.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace sluice
{

namespace
{

const uint8_t kClientMac[6] = {0x02, 0, 0, 0, 0, 0x01};

struct Secrets {
    uint8_t client_key[32], server_key[32], client_iv[12], server_iv[12];
    explicit Secrets(uint64_t handle)
    {
        for (unsigned i = 0; i < 32; i++) {
            client_key[i] = (uint8_t)(handle * 7 + i);
            server_key[i] = (uint8_t)(handle * 11 + 3 * i + 1);
        }
        memcpy(client_iv, client_key + 8, 12);
        memcpy(server_iv, server_key + 8, 12);
    }
};

} // namespace

sl_path WorkerBench::ClientPath(uint32_t client, uint16_t port, bool v6)
{
    sl_path path{};
    if (v6) {
        const uint8_t prefix[6] = {0x20, 0x01, 0x0d, 0xb8, 0, 0};
        memcpy(path.tuple.local_ip.bytes, prefix, 6);
        path.tuple.local_ip.bytes[15] = 1;
        memcpy(path.tuple.remote_ip.bytes, prefix, 6);
        path.tuple.remote_ip.bytes[13] = 1;
        path.tuple.remote_ip.bytes[14] = (uint8_t)(client >> 8);
        path.tuple.remote_ip.bytes[15] = (uint8_t)client;
    } else {
        const uint8_t local[4] = {198, 18, 0, 1};
        const uint8_t remote[4] = {198, 19, (uint8_t)(client >> 8), (uint8_t)client};
        path.tuple.local_ip = sl_ip_from_v4(local);
        path.tuple.remote_ip = sl_ip_from_v4(remote);
    }
    path.tuple.local_port = kPort;
    path.tuple.remote_port = port;
    memcpy(path.hop.mac, kClientMac, 6);
    path.hop.vlan_id = SL_VLAN_NONE;
    return path;
}

Bytes WorkerBench::UdpFrame(const sl_path &path, const Bytes &payload)
{
    sl_path out = path; // seen from the client: remote and local change places
    std::swap(out.tuple.remote_ip, out.tuple.local_ip);
    std::swap(out.tuple.remote_port, out.tuple.local_port);
    memcpy(out.hop.mac, kMac, 6);
    Bytes room(payload.size() + 128);
    sl_frame frame{};
    frame.data = room.data();
    frame.payload_len = (uint16_t)payload.size();
    std::copy(payload.begin(), payload.end(), room.begin() + sl_wire_headers_len(&out));
    sl_wire_write_headers(&frame, &out, path.hop.mac);
    room.resize(frame.len);
    return room;
}

Bytes WorkerBench::ClientHello(const Bytes &cookie, uint8_t random_fill, uint64_t seq,
                               uint16_t msg_seq)
{
    Bytes room(512);
    sl_writer w = sl_writer_of(room.data(), room.size());
    uint32_t body_len = (uint32_t)(2 + 32 + 1 + 1 + cookie.size() + 2 + 4 + 2);
    sl_write_u8(&w, SL_CONTENT_HANDSHAKE);
    sl_write_be16(&w, SL_DTLS_VERSION_1_0);
    sl_write_be16(&w, 0);
    sl_write_be48(&w, seq);
    sl_write_be16(&w, (uint16_t)(SL_HANDSHAKE_HEADER_LEN + body_len));
    sl_write_u8(&w, SL_HANDSHAKE_CLIENT_HELLO);
    sl_write_be24(&w, body_len);
    sl_write_be16(&w, msg_seq);
    sl_write_be24(&w, 0);
    sl_write_be24(&w, body_len);
    sl_write_be16(&w, SL_DTLS_VERSION_1_2);
    memset(sl_write_room(&w, 32), random_fill, 32);
    sl_write_u8(&w, 0);
    sl_write_u8(&w, (uint8_t)cookie.size());
    sl_write_bytes(&w, cookie.data(), cookie.size());
    sl_write_be16(&w, 4);
    sl_write_be32(&w, 0xc02bc02f);
    sl_write_be16(&w, 0x0100);
    EXPECT_FALSE(w.failed);
    room.resize((size_t)(w.at - room.data()));
    return room;
}

Bytes WorkerBench::CookieOf(const Bytes &hello_verify)
{
    size_t off = SL_RECORD_HEADER_LEN + SL_HANDSHAKE_HEADER_LEN + 2;
    if (hello_verify.size() <= off || hello_verify[13] != SL_HANDSHAKE_HELLO_VERIFY_REQUEST)
        return {};
    return Bytes(hello_verify.begin() + (long)off + 1,
                 hello_verify.begin() + (long)off + 1 + hello_verify[off]);
}

uint64_t WorkerBench::BeginHandshake(const sl_path &path, uint8_t random_fill)
{
    Sent();
    Receive({UdpFrame(path, ClientHello({}, random_fill))});
    std::vector<Bytes> answers = SentPayloads();
    if (answers.size() != 1)
        return 0;
    Receive({UdpFrame(path, ClientHello(CookieOf(answers[0]), random_fill, 1, 1))});
    std::vector<Message> messages = ToHandshaker();
    for (auto &message : messages)
        if (message.kind == SL_MESSAGE_RECORD)
            return message.session;
    return 0;
}

void WorkerBench::GiveKeys(Peer &peer, bool with_cid, sl_aead_alg alg, uint64_t write_next,
                           uint64_t forged)
{
    Secrets secrets(peer.handle);
    const uint8_t peer_cid[5] = {0xc1, 0xc2, 0xc3, 0xc4, 0xc5};
    sl_message_keys keys{};
    keys.epoch = 1;
    keys.alg = (uint8_t)alg;
    keys.own_cid_negotiated = with_cid;
    keys.peer_cid_len = with_cid ? sizeof peer_cid : 0;
    memcpy(keys.peer_cid, peer_cid, sizeof peer_cid);
    memcpy(keys.open_key, secrets.client_key, 32);
    memcpy(keys.seal_key, secrets.server_key, 32);
    memcpy(keys.open_iv, secrets.client_iv, 12);
    memcpy(keys.seal_iv, secrets.server_iv, 12);
    keys.write_next = write_next;
    keys.forged = forged;
    keys.plain_max = plain_max_;
    sl_replay_init(&keys.replay);
    FromHandshaker(SL_MESSAGE_KEYS, peer.handle, &keys, sizeof keys);
    Turn();

    peer.epoch.reset(new sl_epoch);
    sl_epoch_config mirrored{};
    mirrored.number = 1;
    mirrored.alg = alg;
    mirrored.open_key = secrets.server_key;
    mirrored.open_iv = secrets.server_iv;
    mirrored.seal_key = secrets.client_key;
    mirrored.seal_iv = secrets.client_iv;
    mirrored.own_cid_negotiated = with_cid;
    mirrored.own_cid_len = with_cid ? sizeof peer_cid : 0;
    mirrored.own_cid = peer_cid;
    mirrored.peer_cid_len = (uint8_t)peer.own_cid.size();
    mirrored.peer_cid = peer.own_cid.data();
    sl_epoch_init(peer.epoch.get(), aead_, &mirrored);
}

void WorkerBench::Establish(Peer &peer, uint64_t expires_ns)
{
    sl_message_established established{};
    established.expires_ns = expires_ns;
    established.chain = chain;
    established.identity.cid_len = (uint8_t)peer.own_cid.size();
    FromHandshaker(SL_MESSAGE_ESTABLISHED, peer.handle, &established, sizeof established);
    Turn();
}

Peer WorkerBench::Connect(const sl_path &path, bool with_cid, uint8_t random_fill, sl_aead_alg alg,
                          uint64_t expires_ns)
{
    Peer peer;
    peer.path = path;
    Sent();
    Receive({UdpFrame(path, ClientHello({}, random_fill))});
    std::vector<Bytes> answers = SentPayloads();
    EXPECT_EQ(answers.size(), 1u);
    if (answers.size() != 1)
        return peer;
    Receive({UdpFrame(path, ClientHello(CookieOf(answers[0]), random_fill, 1, 1))});
    for (auto &message : ToHandshaker()) {
        if (message.kind != SL_MESSAGE_RECORD)
            continue;
        peer.handle = message.session;
        auto *record = reinterpret_cast<const sl_message_record *>(message.body.data());
        if (with_cid)
            peer.own_cid.assign(record->own_cid, record->own_cid + record->own_cid_len);
    }
    EXPECT_NE(peer.handle, 0u);
    GiveKeys(peer, with_cid, alg);
    Establish(peer, expires_ns);
    return peer;
}

Bytes WorkerBench::Seal(Peer &peer, uint8_t type, const Bytes &plain)
{
    Bytes record(sl_record_sealed_len(peer.epoch.get(), (uint32_t)plain.size()));
    sl_seal_job job{};
    job.epoch = peer.epoch.get();
    job.plain = plain.data();
    job.plain_len = (uint32_t)plain.size();
    job.type = type;
    job.record = record.data();
    EXPECT_EQ(sl_record_seal_burst(aead_, &job, 1), 1u);
    EXPECT_EQ(job.record_len, record.size());
    return record;
}

WorkerBench::Opened WorkerBench::Open(Peer &peer, const Bytes &record)
{
    Bytes copy = record;
    sl_reader r = sl_reader_of(copy.data(), copy.size());
    sl_open_job job{};
    if (sl_wire_parse_record(&r, peer.epoch->own_cid_len, &job.header) != SL_DROP_NONE)
        return {false, 0, {}};
    job.epoch = peer.epoch.get();
    job.body = copy.data() + job.header.header_len;
    sl_record_open_burst(aead_, &job, 1);
    if (job.drop != SL_DROP_NONE)
        return {false, 0, {}};
    return {true, job.type, Bytes(job.plain, job.plain + job.plain_len)};
}

} // namespace sluice
