#include "dtls_client.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <openssl/err.h>

extern "C" {
#include "sl_record.h"
}

/** libssl 3.0 does not free what a client sets as its ticket. */
extern "C" const char *__lsan_default_suppressions(void);
extern "C" const char *__lsan_default_suppressions(void)
{
    return "leak:SSL_set_session_ticket_ext";
}

namespace sl_test
{
namespace
{

constexpr unsigned padding_extension = 65000;

void must(long ok, const char *what)
{
    if (ok <= 0)
        throw std::runtime_error(std::string(what) + ": " +
                                 ERR_error_string(ERR_peek_last_error(), nullptr));
}

DtlsClient *client_of(const SSL *ssl)
{
    return (DtlsClient *)SSL_get_app_data(ssl);
}

int bio_read(BIO *bio, char *out, int len)
{
    BIO_clear_retry_flags(bio);
    int got = ((DtlsClient *)BIO_get_data(bio))->read((uint8_t *)out, len);
    if (got < 0)
        BIO_set_retry_read(bio);
    return got;
}

int bio_write(BIO *bio, const char *bytes, int len)
{
    BIO_clear_retry_flags(bio);
    ((DtlsClient *)BIO_get_data(bio))->write((const uint8_t *)bytes, (size_t)len);
    return len;
}

long bio_ctrl(BIO *, int command, long, void *)
{
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT;
}

int offer_cid(SSL *ssl, unsigned, unsigned, const unsigned char **out, size_t *out_len, X509 *,
              size_t, int *, void *)
{
    const ClientOptions &options = client_of(ssl)->options();
    Bytes extension;
    if (options.raw_cid_extension) {
        extension = *options.raw_cid_extension;
    } else if (options.cid) {
        extension.push_back((uint8_t)options.cid->size());
        extension.insert(extension.end(), options.cid->begin(), options.cid->end());
    } else {
        return 0;
    }
    uint8_t *copy = (uint8_t *)malloc(extension.size() + 1);
    std::copy(extension.begin(), extension.end(), copy);
    *out = copy;
    *out_len = extension.size();
    return 1;
}

int pad_hello(SSL *ssl, unsigned, unsigned, const unsigned char **out, size_t *out_len, X509 *,
              size_t, int *, void *)
{
    *out_len = client_of(ssl)->options().hello_padding;
    if (*out_len == 0)
        return 0;
    *out = (uint8_t *)calloc(1, *out_len);
    return 1;
}

void free_extension(SSL *, unsigned, unsigned, const unsigned char *out, void *)
{
    free((void *)out);
}

int take_cid(SSL *ssl, unsigned, unsigned, const unsigned char *in, size_t len, X509 *, size_t,
             int *alert, void *)
{
    if (len < 1 || in[0] != len - 1) {
        *alert = SSL_AD_DECODE_ERROR;
        return 0;
    }
    client_of(ssl)->accept_cid(Bytes(in + 1, in + len));
    return 1;
}

int ignore_extension(SSL *, unsigned, unsigned, const unsigned char *, size_t, X509 *, size_t,
                     int *, void *)
{
    return 1;
}

unsigned double_timeout(SSL *ssl, unsigned timeout_us)
{
    return timeout_us == 0 ? client_of(ssl)->options().timeout_ms * 1000 : timeout_us * 2;
}

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

unsigned give_psk(SSL *ssl, const char *, char *identity, unsigned identity_room,
                  unsigned char *key, unsigned key_room)
{
    const ClientOptions &options = client_of(ssl)->options();
    must(options.psk_identity->size() < identity_room && options.psk.size() <= key_room, "PSK");
    strcpy(identity, options.psk_identity->c_str());
    std::copy(options.psk.begin(), options.psk.end(), key);
    return (unsigned)options.psk.size();
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

DtlsClient::DtlsClient(const ClientOptions &options) : chosen(options)
{
    ctx = SSL_CTX_new(DTLS_client_method());
    SSL_CTX_set_security_level(ctx, 0);
    must(SSL_CTX_set_min_proto_version(ctx, chosen.max_version), "version");
    must(SSL_CTX_set_max_proto_version(ctx, chosen.max_version), "version");
    must(SSL_CTX_set_cipher_list(ctx, chosen.suites.c_str()), "suites");
    must(SSL_CTX_set1_groups_list(ctx, chosen.groups.c_str()), "groups");
    if (!chosen.sigalgs.empty())
        must(SSL_CTX_set1_sigalgs_list(ctx, chosen.sigalgs.c_str()), "sigalgs");
    SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU);
    if (!chosen.extended_master_secret)
        SSL_CTX_set_options(ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    if (!chosen.encrypt_then_mac)
        SSL_CTX_set_options(ctx, SSL_OP_NO_ENCRYPT_THEN_MAC);
    must(SSL_CTX_add_custom_ext(ctx, SL_EXTENSION_CONNECTION_ID,
                                SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO, offer_cid,
                                free_extension, nullptr, take_cid, nullptr),
         "extension");
    must(SSL_CTX_add_custom_ext(ctx, padding_extension,
                                SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO, pad_hello,
                                free_extension, nullptr, ignore_extension, nullptr),
         "extension");
    if (chosen.identity) {
        must(SSL_CTX_use_certificate(ctx, chosen.identity->certificate.get()), "certificate");
        must(SSL_CTX_use_PrivateKey(ctx, chosen.identity->key.get()), "key");
        for (const Certificate &certificate : chosen.chain)
            must(SSL_CTX_add1_chain_cert(ctx, certificate.get()), "chain");
    }
    if (chosen.psk_identity)
        SSL_CTX_set_psk_client_callback(ctx, give_psk);
    if (chosen.trusted) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
        must(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), chosen.trusted->get()), "trust");
    }
    method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "client");
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_ctrl);
    BIO *bio = BIO_new(method);
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    handle = SSL_new(ctx);
    SSL_set_bio(handle, bio, bio);
    SSL_set_app_data(handle, this);
    if (!chosen.server_name.empty())
        SSL_set_tlsext_host_name(handle, chosen.server_name.c_str());
    if (chosen.asks_status)
        SSL_set_tlsext_status_type(handle, TLSEXT_STATUSTYPE_ocsp);
    SSL_set_connect_state(handle);
    SSL_set_mtu(handle, chosen.mtu);
    DTLS_set_timer_cb(handle, double_timeout);
    if (chosen.session)
        must(SSL_set_session(handle, chosen.session.get()), "session");
    if (chosen.raw_ticket)
        must(SSL_set_session_ticket_ext(handle, chosen.raw_ticket->data(),
                                        (int)chosen.raw_ticket->size()),
             "ticket");
    aead = sl_aead_create(SL_CRYPTO_OPENSSL);
}

DtlsClient::~DtlsClient()
{
    SSL_free(handle);
    SSL_CTX_free(ctx);
    BIO_meth_free(method);
    free_epoch(wire);
    free_epoch(inner);
    if (open_key != nullptr)
        OPENSSL_cleanse(open_key.get(), sizeof(sl_aead_key));
    sl_aead_destroy(aead);
}

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

Bytes DtlsClient::seal(uint8_t type, const Bytes &plain)
{
    make_epochs();
    Bytes out(sl_record_sealed_len(wire, (uint32_t)plain.size()));
    sl_seal_job job = {};
    job.epoch = wire;
    job.plain = plain.data();
    job.plain_len = (uint32_t)plain.size();
    job.type = type;
    job.record = out.data();
    must(sl_record_seal_burst(aead, &job, 1), "sealing");
    out.resize(job.record_len);
    return out;
}

void DtlsClient::write(const uint8_t *bytes, size_t len)
{
    Bytes datagram;
    sl_reader r = sl_reader_of(bytes, len);
    sl_record_header header;
    while (sl_reader_left(&r) > 0) {
        const uint8_t *at = r.at;
        must(sl_wire_parse_record(&r, 0, &header) == SL_DROP_NONE, "libssl's output");
        if (header.epoch == 1 && (server_cid || before_seal))
            write_protected(datagram, Bytes(at, r.at));
        else
            datagram.insert(datagram.end(), at, r.at);
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
    Bytes out(sl_record_sealed_len(inner, (uint32_t)plain.size()));
    sl_seal_job job = {};
    job.epoch = inner;
    job.plain = plain.data();
    job.plain_len = (uint32_t)plain.size();
    job.type = type;
    job.record = out.data();
    must(sl_record_seal_burst(aead, &job, 1), "sealing for libssl");
    out.resize(job.record_len);
    return out;
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
        input.push_back(record);
        step();
    }
}

int DtlsClient::read(uint8_t *out, int out_len)
{
    if (input.empty())
        return -1;
    size_t len = std::min(input.front().size(), (size_t)out_len);
    memcpy(out, input.front().data(), len);
    input.pop_front();
    return (int)len;
}

void DtlsClient::step()
{
    ERR_clear_error();
    uint8_t room[SL_RECORD_PLAINTEXT_MAX];
    int result = SSL_is_init_finished(handle) ? 1 : SSL_do_handshake(handle);
    while (result > 0) {
        result = SSL_read(handle, room, sizeof room);
        if (result > 0)
            data.push_back(Bytes(room, room + result));
    }
    int why = SSL_get_error(handle, result);
    closed |= why == SSL_ERROR_ZERO_RETURN;
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_ZERO_RETURN && !failed) {
        failed = true;
        failure = ERR_error_string(ERR_peek_error(), nullptr);
    }
}

void DtlsClient::go_on()
{
    if (failed)
        return;
    if (timeout_ns())
        DTLSv1_handle_timeout(handle);
    step();
}

std::optional<uint64_t> DtlsClient::timeout_ns() const
{
    struct timeval left;
    if (failed || DTLSv1_get_timeout(handle, &left) != 1)
        return std::nullopt;
    return (uint64_t)left.tv_sec * 1000000000 + (uint64_t)left.tv_usec * 1000;
}

std::vector<Bytes> DtlsClient::take_output()
{
    return std::exchange(output, {});
}

std::vector<Bytes> DtlsClient::take_data()
{
    return std::exchange(data, {});
}

bool DtlsClient::is_connected() const
{
    return !failed && SSL_is_init_finished(handle);
}

std::shared_ptr<SSL_SESSION> DtlsClient::session() const
{
    return {SSL_SESSION_dup(SSL_get0_session(handle)), SSL_SESSION_free};
}

Bytes DtlsClient::ticket() const
{
    const unsigned char *bytes = nullptr;
    size_t len = 0;
    SSL_SESSION_get0_ticket(SSL_get0_session(handle), &bytes, &len);
    return Bytes(bytes, bytes + len);
}

void DtlsClient::send(const Bytes &bytes)
{
    must(SSL_write(handle, bytes.data(), (int)bytes.size()), "SSL_write");
}

void DtlsClient::close()
{
    SSL_shutdown(handle);
}

Bytes DtlsClient::client_random() const
{
    Bytes random(SL_RANDOM_LEN);
    SSL_get_client_random(handle, random.data(), random.size());
    return random;
}

} // namespace sl_test
