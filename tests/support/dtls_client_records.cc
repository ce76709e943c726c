/* The shim around a client's libssl: each record of epoch 1 is opened and sealed again, outgoing
 * with the server's connection ID and incoming without ours. */
#include "dtls_client.h"

#include <cstdlib>
#include <cstring>

namespace sl_test
{
namespace
{

sl_aead_alg alg_of(const SSL *ssl)
{
    std::string name = SSL_CIPHER_get_name(SSL_get_pending_cipher(ssl));
    if (name.find("CHACHA20") != std::string::npos)
        return SL_AEAD_CHACHA20_POLY1305;
    const bool is_256 = name.find("AES256") != std::string::npos;
    if (name.find("CCM8") != std::string::npos)
        return is_256 ? SL_AEAD_AES_256_CCM_8 : SL_AEAD_AES_128_CCM_8;
    if (name.find("CCM") != std::string::npos)
        return is_256 ? SL_AEAD_AES_256_CCM : SL_AEAD_AES_128_CCM;
    return is_256 ? SL_AEAD_AES_256_GCM : SL_AEAD_AES_128_GCM;
}

sl_epoch *new_epoch(const sl_aead *aead, const sl_epoch_config &config)
{
    sl_epoch *epoch = (sl_epoch *)aligned_alloc(64, sizeof(sl_epoch));
    memset((void *)epoch, 0, sizeof *epoch);
    sl_epoch_init(epoch, aead, &config);
    return epoch;
}

void free_epoch(sl_epoch *epoch)
{
    if (epoch != nullptr)
        OPENSSL_cleanse(epoch, sizeof *epoch);
    free(epoch);
}

} // namespace

size_t DtlsClient::own_cid_len() const
{
    return server_cid && chosen.cid ? chosen.cid->size() : 0;
}

void DtlsClient::accept_cid(const Bytes &cid)
{
    server_cid = cid;
}

void DtlsClient::make_epochs()
{
    if (wire != nullptr)
        return;
    aead = sl_aead_create(SL_CRYPTO_OPENSSL);
    uint8_t master[48], client_random[32], server_random[32];
    must(SSL_SESSION_get_master_key(SSL_get_session(handle), master, sizeof master) == 48,
         "master secret");
    SSL_get_client_random(handle, client_random, 32);
    SSL_get_server_random(handle, server_random, 32);
    sl_key_material material;
    alg = alg_of(handle);
    must(sl_crypto_derive_keys(alg, alg == SL_AEAD_AES_256_GCM ? SL_PRF_SHA384 : SL_PRF_SHA256,
                               master, client_random, server_random, &material) == 0,
         "keys");
    sl_epoch_config outer = {};
    outer.number = 1;
    outer.alg = alg;
    outer.open_key = material.server_key;
    outer.open_iv = material.server_iv;
    outer.seal_key = material.client_key;
    outer.seal_iv = material.client_iv;
    sl_epoch_config swapped = outer;
    swapped.open_key = material.client_key;
    swapped.open_iv = material.client_iv;
    swapped.seal_key = material.server_key;
    swapped.seal_iv = material.server_iv;
    if (server_cid) {
        outer.peer_cid_len = (uint8_t)server_cid->size();
        outer.peer_cid = server_cid->data();
    }
    wire = new_epoch(aead, outer);
    inner = new_epoch(aead, swapped);
    open_key.reset((sl_aead_key *)aligned_alloc(64, sizeof(sl_aead_key)));
    sl_aead_key_init(aead, open_key.get(), alg, material.server_key);
    memcpy(open_iv, material.server_iv, sizeof open_iv);
    OPENSSL_cleanse(master, sizeof master);
    OPENSSL_cleanse(&material, sizeof material);
}

void DtlsClient::wipe_epochs()
{
    free_epoch(wire);
    free_epoch(inner);
    if (open_key != nullptr)
        OPENSSL_cleanse(open_key.get(), sizeof(sl_aead_key));
    sl_aead_destroy(aead);
}

/** libssl's epoch-1 record becomes one under the server's connection ID. */
void DtlsClient::write_protected(Bytes &out, const Bytes &record)
{
    make_epochs();
    Bytes copy = record, plain(record.size());
    sl_reader r = sl_reader_of(copy.data(), copy.size());
    sl_open_job job = {};
    job.epoch = inner;
    job.out = plain.data();
    must(sl_wire_parse_record(&r, 0, &job.header) == SL_DROP_NONE, "libssl's record");
    job.body = copy.data() + job.header.header_len;
    must(sl_record_open_burst(aead, &job, 1), "opening libssl's record");
    Bytes words(job.plain, job.plain + job.plain_len);
    if (before_seal)
        before_seal(job.type, words);
    Bytes sealed = seal(job.type, words);
    out.insert(out.end(), sealed.begin(), sealed.end());
}

namespace
{

/** A record of its epoch. */
Bytes seal_in(sl_aead *aead, sl_epoch *epoch, uint8_t type, const Bytes &plain)
{
    Bytes out(sl_record_sealed_len(epoch, (uint32_t)plain.size()));
    sl_seal_job job = {};
    job.epoch = epoch;
    job.plain = plain.data();
    job.plain_len = (uint32_t)plain.size();
    job.type = type;
    job.record = out.data();
    must(sl_record_seal_burst(aead, &job, 1), "sealing");
    out.resize(job.record_len);
    return out;
}

} // namespace

Bytes DtlsClient::seal(uint8_t type, const Bytes &plain)
{
    make_epochs();
    return seal_in(aead, wire, type, plain);
}

void DtlsClient::write(const uint8_t *bytes, size_t len)
{
    Bytes datagram;
    sl_reader r = sl_reader_of(bytes, len);
    sl_record_header header = {};
    while (sl_reader_left(&r) > 0) {
        const uint8_t *at = r.at;
        must(sl_wire_parse_record(&r, 0, &header) == SL_DROP_NONE, "libssl's output");
        Bytes record(at, r.at);
        if (header.epoch == 1 && (server_cid || before_seal)) {
            write_protected(datagram, record);
            continue;
        }
        if (header.type == SL_CONTENT_HANDSHAKE && header.epoch == 0 && before_send)
            before_send(record);
        datagram.insert(datagram.end(), record.begin(), record.end());
    }
    output.push_back(datagram);
}

/**
 * Opens a record under our connection ID, RFC 9146 5.3, in code of the test's own: lib/record takes
 * at most 20 bytes of connection ID here, and two readings of an RFC are better than one.
 */
bool DtlsClient::open_cid_record(const Bytes &record, uint8_t &type, Bytes &plain)
{
    size_t cid_len = own_cid_len(), header_len = 13 + cid_len;
    size_t explicit_len = sl_aead_explicit_nonce_len(alg);
    const size_t tag_len = sl_aead_tag_len(alg);
    if (record.size() < header_len + explicit_len + tag_len + 1)
        return false;
    const uint8_t *seq = record.data() + 3, *body = record.data() + header_len;
    sl_aead_job job = {};
    job.key = open_key.get();
    job.alg = alg;
    job.len = (uint32_t)(record.size() - header_len - explicit_len - tag_len);
    memcpy(job.nonce, open_iv, sizeof job.nonce);
    if (explicit_len > 0)
        memcpy(job.nonce + 4, body, 8);
    else
        for (int i = 0; i < 8; i++)
            job.nonce[4 + i] ^= seq[i];
    Bytes aad(8, 0xff);
    aad.insert(aad.end(), {25, (uint8_t)cid_len, 25, 0xfe, 0xfd});
    aad.insert(aad.end(), seq, seq + 8);
    aad.insert(aad.end(), record.begin() + 11, record.begin() + 11 + (long)cid_len);
    aad.insert(aad.end(), {(uint8_t)(job.len >> 8), (uint8_t)job.len});
    memcpy(job.aad, aad.data(), aad.size());
    job.aad_len = (uint16_t)aad.size();
    plain.resize(job.len);
    Bytes tag(record.end() - (ptrdiff_t)tag_len, record.end());
    job.in = body + explicit_len;
    job.out = plain.data();
    job.tag = tag.data();
    sl_aead_open_burst(aead, &job, 1);
    while (!plain.empty() && plain.back() == 0)
        plain.pop_back();
    if (!job.ok || plain.empty() ||
        Bytes(record.begin() + 11, record.begin() + 11 + (long)cid_len) != *chosen.cid)
        return false;
    type = plain.back();
    plain.pop_back();
    return true;
}

/** A record of epoch 1 without connection ID, RFC 6347 4.1.2.5. */
bool DtlsClient::open_plain_record(const Bytes &record, uint8_t &type, Bytes &plain)
{
    Bytes copy = record, room(record.size());
    sl_reader r = sl_reader_of(copy.data(), copy.size());
    sl_open_job job = {};
    job.epoch = wire;
    job.out = room.data();
    if (sl_wire_parse_record(&r, 0, &job.header) != SL_DROP_NONE)
        return false;
    job.body = copy.data() + job.header.header_len;
    if (sl_record_open_burst(aead, &job, 1) != 1)
        return false;
    type = job.type;
    plain.assign(job.plain, job.plain + job.plain_len);
    return true;
}

/** The server's record, opened and sealed again as libssl expects it; empty when it is bad. */
Bytes DtlsClient::open_to_plain_record(const Bytes &record)
{
    if (wire == nullptr && SSL_SESSION_get_master_key(SSL_get_session(handle), nullptr, 0) == 0)
        return {}; /* of a session before this one */
    make_epochs();
    Bytes plain;
    uint8_t type;
    if (own_cid_len() > 0 ? !open_cid_record(record, type, plain)
                          : !open_plain_record(record, type, plain))
        return {};
    return seal_in(aead, inner, type, plain);
}

/** Length of the record at this place of a datagram; 0 when there is none. */
size_t DtlsClient::record_len(const Bytes &datagram, size_t at) const
{
    size_t left = datagram.size() - at;
    size_t cid_len = left > 0 && datagram[at] == SL_CONTENT_TLS12_CID ? own_cid_len() : 0;
    if (left < 13 + cid_len)
        return 0;
    size_t len = 13 + cid_len + sl_load_be16(datagram.data() + at + 11 + cid_len);
    return len <= left ? len : 0;
}

void DtlsClient::receive(const Bytes &datagram)
{
    size_t len;
    for (size_t at = 0; (len = record_len(datagram, at)) > 0; at += len) {
        Bytes record(datagram.begin() + (long)at, datagram.begin() + (long)(at + len));
        if (record[4] == 1 && server_cid)
            record = open_to_plain_record(record);
        if (record.empty())
            continue;
        feed(record);
    }
}

} // namespace sl_test
