#include "dtls_server.h"

#include <algorithm>
#include <cstring>

extern "C" {
#include "sl_base.h"
}

namespace sl_test
{
namespace
{

const uint8_t cookie[16] = {'a', ' ', 't', 'e', 's', 't'};

DtlsServer *server_of(const SSL *ssl)
{
    return (DtlsServer *)SSL_get_app_data(ssl);
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
    for (const Certificate &certificate : chosen.chain)
        must(SSL_CTX_add1_chain_cert(ctx, certificate.get()), "chain");
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
}

DtlsServerContext::~DtlsServerContext()
{
    SSL_CTX_free(ctx);
}

DtlsServer::DtlsServer(const DtlsServerContext &of) : context(of)
{
    make_ssl(context.get(), context.options().mtu);
    SSL_set_accept_state(handle);
}

} // namespace sl_test
