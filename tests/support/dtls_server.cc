#include "dtls_server.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <openssl/err.h>

extern "C" {
#include "sl_base.h"
}

namespace sl_test
{
namespace
{

const uint8_t cookie[16] = {'a', ' ', 't', 'e', 's', 't'};

void must(long ok, const char *what)
{
    if (ok <= 0)
        throw std::runtime_error(std::string(what) + ": " +
                                 ERR_error_string(ERR_peek_last_error(), nullptr));
}

DtlsServer *server_of(const SSL *ssl)
{
    return (DtlsServer *)SSL_get_app_data(ssl);
}

int bio_read(BIO *bio, char *out, int len)
{
    BIO_clear_retry_flags(bio);
    int got = ((DtlsServer *)BIO_get_data(bio))->read((uint8_t *)out, len);
    if (got < 0)
        BIO_set_retry_read(bio);
    return got;
}

int bio_write(BIO *bio, const char *bytes, int len)
{
    BIO_clear_retry_flags(bio);
    ((DtlsServer *)BIO_get_data(bio))->write((const uint8_t *)bytes, (size_t)len);
    return len;
}

long bio_ctrl(BIO *, int command, long, void *)
{
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT;
}

int make_cookie(SSL *, unsigned char *out, unsigned *len)
{
    memcpy(out, cookie, sizeof cookie);
    *len = sizeof cookie;
    return 1;
}

int check_cookie(SSL *, const unsigned char *in, unsigned len)
{
    return len == sizeof cookie && memcmp(in, cookie, len) == 0;
}

unsigned find_psk(SSL *ssl, const char *identity, unsigned char *key, unsigned room)
{
    const auto &psks = server_of(ssl)->options().psks;
    auto found = psks.find(identity);
    if (found == psks.end() || found->second.size() > room)
        return 0;
    std::copy(found->second.begin(), found->second.end(), key);
    return (unsigned)found->second.size();
}

int take_offer(SSL *ssl, unsigned, unsigned, const unsigned char *, size_t, X509 *, size_t, int *,
               void *)
{
    server_of(ssl)->was_offered_cid = true;
    return 1;
}

int write_answer(SSL *ssl, unsigned, unsigned, const unsigned char **out, size_t *out_len, X509 *,
                 size_t, int *, void *)
{
    const std::optional<Bytes> &answer = server_of(ssl)->options().cid_answer;
    if (!answer)
        return 0;
    *out = answer->data();
    *out_len = answer->size();
    return 1;
}

void answer_cids(SSL_CTX *ctx)
{
    must(SSL_CTX_add_custom_ext(ctx, SL_EXTENSION_CONNECTION_ID,
                                SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO, write_answer,
                                nullptr, nullptr, take_offer, nullptr),
         "extension");
}

} // namespace

DtlsServerContext::DtlsServerContext(const ServerOptions &options) : chosen(options)
{
    ctx = SSL_CTX_new(DTLS_server_method());
    must(SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION), "version");
    must(SSL_CTX_set_cipher_list(ctx, chosen.suites.c_str()), "suites");
    SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU);
    if (chosen.asks_cookie)
        SSL_CTX_set_options(ctx, SSL_OP_COOKIE_EXCHANGE);
    if (!chosen.tickets)
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    if (!chosen.extended_master_secret)
        SSL_CTX_set_options(ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
    SSL_CTX_set_cookie_generate_cb(ctx, make_cookie);
    SSL_CTX_set_cookie_verify_cb(ctx, check_cookie);
    must(SSL_CTX_set_session_id_context(ctx, cookie, 1), "session ID context");
    for (const Identity &identity : chosen.identities) {
        must(SSL_CTX_use_certificate(ctx, identity.certificate.get()), "certificate");
        must(SSL_CTX_use_PrivateKey(ctx, identity.key.get()), "key");
    }
    if (chosen.client_authority) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
        must(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), chosen.client_authority->get()),
             "trust");
    }
    if (!chosen.psks.empty())
        SSL_CTX_set_psk_server_callback(ctx, find_psk);
    if (!chosen.psk_hint.empty())
        must(SSL_CTX_use_psk_identity_hint(ctx, chosen.psk_hint.c_str()), "hint");
    if (chosen.cid_answer)
        answer_cids(ctx);
    method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "server");
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_ctrl);
}

DtlsServerContext::~DtlsServerContext()
{
    SSL_CTX_free(ctx);
    BIO_meth_free(method);
}

DtlsServer::DtlsServer(const DtlsServerContext &of) : context(of), handle(SSL_new(of.get()))
{
    BIO *bio = BIO_new(context.bio_method());
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(handle, bio, bio);
    SSL_set_app_data(handle, this);
    SSL_set_accept_state(handle);
    SSL_set_mtu(handle, context.options().mtu);
}

DtlsServer::~DtlsServer()
{
    SSL_free(handle);
}

int DtlsServer::read(uint8_t *out, int out_len)
{
    if (input.empty())
        return -1;
    size_t len = std::min(input.front().size(), (size_t)out_len);
    memcpy(out, input.front().data(), len);
    input.pop_front();
    return (int)len;
}

void DtlsServer::write(const uint8_t *bytes, size_t len)
{
    output.push_back(Bytes(bytes, bytes + len));
}

void DtlsServer::receive(const Bytes &datagram)
{
    input.push_back(datagram);
    step();
}

void DtlsServer::step()
{
    ERR_clear_error();
    uint8_t room[16384];
    int result = SSL_is_init_finished(handle) ? 1 : SSL_do_handshake(handle);
    while (result > 0) {
        result = SSL_read(handle, room, sizeof room);
        if (result > 0)
            data.push_back(Bytes(room, room + result));
    }
    int why = SSL_get_error(handle, result);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_ZERO_RETURN && !failed) {
        failed = true;
        failure = ERR_error_string(ERR_peek_error(), nullptr);
    }
}

void DtlsServer::go_on()
{
    if (failed)
        return;
    if (timeout_ns())
        DTLSv1_handle_timeout(handle);
    step();
}

std::optional<uint64_t> DtlsServer::timeout_ns() const
{
    struct timeval left;
    if (failed || DTLSv1_get_timeout(handle, &left) != 1)
        return std::nullopt;
    return (uint64_t)left.tv_sec * 1000000000 + (uint64_t)left.tv_usec * 1000;
}

std::vector<Bytes> DtlsServer::take_output()
{
    return std::exchange(output, {});
}

std::vector<Bytes> DtlsServer::take_data()
{
    return std::exchange(data, {});
}

bool DtlsServer::is_connected() const
{
    return !failed && SSL_is_init_finished(handle);
}

void DtlsServer::send(const Bytes &bytes)
{
    must(SSL_write(handle, bytes.data(), (int)bytes.size()), "SSL_write");
}

} // namespace sl_test
